# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What making a bridge changes, and how that is taken back: a value that can be kept on disk."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

Command = tuple[str, ...]
COMMANDS = ("down", "up", "awaits", "carry", "undo_down", "undo_tell", "undo_up", "undo_awaits", "keep")


@dataclass(frozen=True)
class File:
    """A file before and after, as text with lone surrogates for odd bytes; None: there is no such file.

    One that is the same before and after is written by somebody else, and put back on the way back.
    """

    path: str
    before: str | None
    after: str | None
    mode: int = 0o644

    @property
    def ours(self) -> bool:
        """Say whether we write it."""
        return self.before != self.after


@dataclass(frozen=True)
class Value:
    """A registry variable before and after; None: it is not set."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Change:
    """One way from the present configuration to the bridge, and back.

    With forwarding instead of a bridge, *bridge* is "" and *manager* the mode.

    *down*, files and values, *up* and *carry* lead there in this order; *undo_down*, values and files, *undo_tell* (who
    has to know the old files before the bridge goes), *undo_up* and *keep* lead back. Every command of the way back may
    fail without stopping the others: some have nothing left to do. *awaits* and *undo_awaits* are links, with what they
    have to have before *carry* and *keep* (networkd.awaited()).
    """

    manager: str
    interface: str
    bridge: str
    files: tuple[File, ...] = ()
    values: tuple[Value, ...] = ()
    down: tuple[Command, ...] = ()
    up: tuple[Command, ...] = ()
    awaits: tuple[Command, ...] = ()
    carry: tuple[Command, ...] = ()
    undo_down: tuple[Command, ...] = ()
    undo_tell: tuple[Command, ...] = ()
    undo_up: tuple[Command, ...] = ()
    undo_awaits: tuple[Command, ...] = ()
    keep: tuple[Command, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def mode(self) -> str:
        """Return the value of xen/network/mode that this fulfils."""
        return "bridge" if self.bridge else self.manager

    @property
    def thing(self) -> str:
        """Return what people call that which has been made."""
        return "bridge" if self.bridge else "forwarding"

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Change:
        """Make the change again from what to_json() returned, as JSON gives it back."""
        values = dict(data)
        values["files"] = tuple(File(**each) for each in data["files"])
        values["values"] = tuple(Value(**each) for each in data["values"])
        for name in COMMANDS:
            values[name] = tuple(tuple(command) for command in data.get(name, ()))
        values["notes"] = tuple(data["notes"])
        return cls(**values)

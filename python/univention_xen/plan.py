# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What would be done, as a value: printed by --dry-run, carried out otherwise."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from univention_xen import files
from univention_xen.run import Runner

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Machine:
    """The machine that is looked at and changed: its tree hangs under *root*, its programs run through *run*."""

    root: Path = Path("/")
    run: Runner = field(default_factory=Runner)

    def path(self, path: str) -> Path:
        """Return where the absolute *path* of this machine lies for us."""
        return Path(files.below(self.root, path))

    def real(self, path: str) -> str:
        """Return where *path* lies when its links are followed as this machine does. Raises OSError."""
        return os.path.realpath(self.path(path)) if str(self.root) == "/" else files.real(self.root, path)

    def read(self, path: str) -> str:
        """Return the text of a file; '' when there is none. Odd bytes come as lone surrogates."""
        try:
            return self.path(path).read_text(encoding="utf-8", errors="surrogateescape")
        except (FileNotFoundError, NotADirectoryError):
            return ""


class Step(Protocol):
    """One thing to do. ``str(step)`` is what the administrator sees.

    A step whose attribute ``watching`` is true changes nothing: it waits, or hands over the terminal.
    """

    def apply(self, on: Machine) -> None:
        """Do it."""


@dataclass(frozen=True)
class Run:
    """Start a program; its words must not hold secrets."""

    argv: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join(self.argv)

    def apply(self, on: Machine) -> None:
        """Raise CommandFailed or ToolMissing when it does not work."""
        on.run(*self.argv)


@dataclass(frozen=True)
class Write:
    """Make the file *path* hold *text*; secrets in it are never shown."""

    path: str
    text: str = field(repr=False)
    mode: int | None = None

    def __str__(self) -> str:
        lines = self.text.count("\n")
        return f"write {self.path} ({lines} line{'s' * (lines != 1)})"

    def apply(self, on: Machine) -> None:
        """Raise OSError when it does not work; then the old file is still there."""
        files.replace(on.path(self.path), self.text, mode=self.mode)


@dataclass(frozen=True)
class Remove:
    """Make sure that there is no file or link *path*."""

    path: str

    def __str__(self) -> str:
        return f"remove {self.path}"

    def apply(self, on: Machine) -> None:
        """Raise OSError when it does not work."""
        files.remove(on.path(self.path))


@dataclass(frozen=True)
class MakeDirectory:
    """Make sure that the directory *path* exists."""

    path: str
    mode: int = 0o755

    def __str__(self) -> str:
        return f"make directory {self.path}"

    def apply(self, on: Machine) -> None:
        """Raise OSError when it does not work."""
        os.makedirs(on.path(self.path), mode=self.mode, exist_ok=True)


@dataclass(frozen=True)
class Plan:
    """Steps in order, or the reason why there are none."""

    steps: tuple[Step, ...] = ()
    reason: str = "nothing to do"

    @classmethod
    def of(cls, *steps: Step) -> Plan:
        """Return a plan of these steps."""
        return cls(steps)

    @classmethod
    def nothing(cls, reason: str) -> Plan:
        """Return a plan that does nothing and says why."""
        return cls((), reason)

    def __str__(self) -> str:
        return "\n".join(map(str, self.steps)) or self.reason

    def __add__(self, other: Plan) -> Plan:
        if not self.steps and not other.steps:
            return Plan.nothing("; ".join(dict.fromkeys((self.reason, other.reason))))
        return Plan(self.steps + other.steps)

    def carry_out(self, on: Machine, free: Callable[[], None] = lambda: None) -> None:
        """Do the steps in order; the first that fails stops it with its own error.

        *free* is called when all that is left only watches: from then on nobody else needs to be kept away.
        """
        changing = max((n for n, step in enumerate(self.steps, 1) if not getattr(step, "watching", False)), default=0)
        for step in self.steps[:changing]:
            step.apply(on)
        if self.steps[changing:]:
            free()
        for step in self.steps[changing:]:
            step.apply(on)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A domain, and what every toolstack can be asked for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

from univention_xen.errors import UsageError, XenError

if TYPE_CHECKING:
    from univention_xen.run import Runner

RUNNING, PAUSED, OFF, CRASHED, DYING = "running", "paused", "off", "crashed", "dying"
SUSPENDED, ENDED = "suspended", "shut down"
HOST = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9](?:[A-Za-z0-9.:-]*[A-Za-z0-9])?")
Words = tuple[str, ...]


class Domain(NamedTuple):
    """What a toolstack says of a domain; None is what it does not say. *memory* is MiB, *seconds* is CPU time."""

    name: str
    id: int | None
    state: str
    memory: int | None = None
    vcpus: int | None = None
    seconds: float | None = None

    @property
    def exists(self) -> bool:
        """Whether the domain takes up memory now."""
        return self.state != OFF


class Toolstack(Protocol):
    """Runs guests. All but ``domains`` return the words of a command; names have passed ``guest_name``."""

    name: str
    syntax: str
    """Which guest files it reads: xl, xm, or '' for none."""
    has_files: bool
    """Whether guests, and their memory when saved, are files of this host."""
    forgets: bool
    """Whether a guest that has been saved and runs on is no longer looked after: it would not start again."""

    def domains(self, run: Runner) -> list[Domain]:
        """Return all domains, the host's own among them. Raises CommandFailed and ToolMissing."""

    def start(self, name: str, path: str, *, paused: bool) -> Words:
        """Start the guest that the file *path* describes; '' when only the toolstack knows it."""

    def shutdown(self, name: str) -> Words: ...

    def reboot(self, name: str) -> Words: ...

    def destroy(self, name: str) -> Words: ...

    def pause(self, name: str) -> Words: ...

    def unpause(self, name: str) -> Words: ...

    def console(self, name: str) -> Words: ...

    def top(self) -> Words: ...

    def details(self, name: str) -> Words: ...

    def save(self, name: str, path: str, *, keep_running: bool) -> Words: ...

    def restore(self, path: str, *, paused: bool) -> Words: ...

    def migrate(self, name: str, host: str, *, live: bool) -> Words: ...


def guest_name(text: str) -> str:
    """Return a name that a toolstack takes for nothing else: no option, no number of a domain, no path.

    Raises UsageError.
    """
    if not text or text[0] in "-" or not text.isprintable() or "/" in text or text != text.strip():
        raise UsageError(f"{text!r} cannot be the name of a guest", hint="univention-xen guest list shows their names")
    if text.isdigit():
        raise UsageError(
            f"{text} is a number, which would mean any guest that happens to have it", hint="give its name"
        )
    return text


def host_name(text: str) -> str:
    """Return HOST or USER@HOST, of characters that no shell and no option parser sees as more. Raises UsageError."""
    if not HOST.fullmatch(text):
        raise UsageError(f"{text!r} cannot be the name of a host", hint="HOST or USER@HOST")
    return text


def one(domains: list[Domain], name: str) -> Domain | None:
    """Return the domain *name*, if there is one."""
    return next((domain for domain in domains if domain.name == name), None)


def unknown(name: str) -> XenError:
    """Return the refusal to do anything with a guest that nobody knows."""
    return XenError(f"there is no guest {name}", hint="univention-xen guest list shows all")

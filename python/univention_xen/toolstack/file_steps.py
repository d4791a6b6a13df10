# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Steps that change, move and remove what belongs to a guest; none shows a password, and none replaces a stranger."""

from __future__ import annotations

import difflib
import os
import shlex
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from univention_xen import files
from univention_xen.errors import XenError
from univention_xen.guest.change import shown
from univention_xen.log import log

if TYPE_CHECKING:
    from univention_xen.plan import Machine


@dataclass(frozen=True)
class Sweep:
    """Remove the temporary files that an interrupted command has left beside a file."""

    path: str

    def __str__(self) -> str:
        return f"remove what an interrupted command has left beside {self.path}"

    def apply(self, on: Machine) -> None:
        """Raise OSError."""
        files.sweep(os.fspath(on.path(self.path)))


@dataclass(frozen=True)
class Tell:
    """Say what there is to know about what has been done."""

    sentence: str

    def __str__(self) -> str:
        return f"({self.sentence})"

    def apply(self, on: Machine) -> None:
        """Say it on stderr."""
        del on
        log.say(self.sentence)


@dataclass(frozen=True)
class Rewrite:
    """Change a guest file that holds *old*; its owner stays, and its mode unless one is given."""

    path: str
    old: str = field(repr=False)
    new: str = field(repr=False)
    mode: int | None = None

    def __str__(self) -> str:
        lines = difflib.unified_diff(self.old.split("\n"), self.new.split("\n"), n=0, lineterm="")
        changes = [shown(line) for line in lines if not line.startswith(("---", "+++", "@@"))]
        mode = f", mode {self.mode:04o}" if self.mode is not None else ""
        return "\n".join([f"change {self.path}{mode}", *(f"  {line[:1]} {line[1:]}".rstrip() for line in changes)])

    def apply(self, on: Machine) -> None:
        """Raise XenError when somebody else has changed the file meanwhile, and OSError."""
        place = on.real(self.path)
        with open(place, encoding="utf-8", errors="surrogateescape", newline="") as file:
            now = file.read()
        if now != self.old:
            raise XenError(f"somebody else has changed {self.path} meanwhile; it is left as it is", hint="try again")
        files.sweep(place)
        files.replace(place, self.new, mode=self.mode)


@dataclass(frozen=True)
class NewFile:
    """Write a guest file that is not there yet; its passwords are never shown. *brief* shows none of it."""

    path: str
    text: str = field(repr=False)
    mode: int = 0o644
    brief: bool = False

    def __str__(self) -> str:
        if self.brief:
            return f"write {self.path} (what becomes the guest's file)"
        return "\n".join([f"write {self.path}", *(f"  {line}".rstrip() for line in shown(self.text).splitlines())])

    def apply(self, on: Machine) -> None:
        """Raise XenError rather than replace anything, and OSError."""
        try:
            with files.appearing(on.path(self.path), mode=self.mode) as name:
                files.replace(name, self.text)
        except FileExistsError:
            raise XenError(f"{self.path} is there already; nothing is overwritten") from None


@dataclass(frozen=True)
class Note:
    """Leave a note for a second try, should this one be interrupted."""

    path: str
    text: str

    def __str__(self) -> str:
        return f"write {self.path} (a note for a second try)"

    def apply(self, on: Machine) -> None:
        """Raise OSError."""
        place = os.fspath(on.path(self.path))
        files.sweep(place)
        files.replace(place, self.text, mode=0o600)


@dataclass(frozen=True)
class Move:
    """Give a file or directory another name on the same file system."""

    path: str
    target: str

    def __str__(self) -> str:
        return f"mv {shlex.join((self.path, self.target))}"

    def apply(self, on: Machine) -> None:
        """Raise XenError rather than replace anything but an empty directory, and OSError."""
        old, new = on.path(self.path), on.path(self.target)
        if os.path.lexists(new) and not (new.is_dir() and not new.is_symlink() and old.is_dir()):
            raise XenError(f"{self.target} is there already; nothing is overwritten")
        files.rename(old, new)  # a directory with something in it refuses to be replaced


@dataclass(frozen=True)
class Relink:
    """Let a symbolic link lead to another target, without a moment in which it is not there."""

    path: str
    target: str

    def __str__(self) -> str:
        return f"ln -sfn {shlex.join((self.target, self.path))}"

    def apply(self, on: Machine) -> None:
        """Raise OSError."""
        files.relink(on.path(self.path), self.target)


@dataclass(frozen=True)
class RemoveDirectory:
    """Remove a directory if nothing is in it."""

    path: str

    def __str__(self) -> str:
        return f"rmdir {shlex.quote(self.path)}"

    def apply(self, on: Machine) -> None:
        """Leave it alone when something is in it."""
        with suppress(OSError):
            files.remove_directory(on.path(self.path))


@dataclass(frozen=True)
class Discard:
    """Remove a directory of ours with the unfinished files that an interrupted command has left in it."""

    path: str

    def __str__(self) -> str:
        return f"remove {self.path} and the unfinished files in it"

    def apply(self, on: Machine) -> None:
        """Raise OSError when there is more in it than files."""
        place = on.path(self.path)
        for name in os.listdir(place):
            files.remove(place / name)
        files.remove_directory(place)

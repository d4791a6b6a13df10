# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Steps that control guests: those which are more than a command that runs to its end."""

from __future__ import annotations

import os
import shlex
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from univention_xen import files
from univention_xen.errors import CommandFailed, XenError
from univention_xen.log import log
from univention_xen.toolstack.domain import CRASHED, ENDED, one

if TYPE_CHECKING:
    from univention_xen.plan import Machine
    from univention_xen.toolstack.domain import Toolstack, Words

PAUSE = 0.5  # seconds between two looks at the domains


@dataclass(frozen=True)
class Start:
    """Start a guest; when it does not work the toolstack's logs say why."""

    name: str
    words: Words

    def __str__(self) -> str:
        return shlex.join(self.words)

    def apply(self, on: Machine) -> None:
        """Raise CommandFailed with the reason."""
        from univention_xen.toolstack import reasons

        before = reasons.sizes(on, self.name)
        try:
            on.run(*self.words)
        except CommandFailed as why:
            raise reasons.explain(self.name, why, reasons.since(before, on, self.name)) from None


@dataclass(frozen=True)
class End:
    """Make a guest end. One that ends by itself just then has ended as well."""

    name: str
    words: Words
    stack: Toolstack = field(repr=False)

    def __str__(self) -> str:
        return shlex.join(self.words)

    def apply(self, on: Machine) -> None:
        """Raise CommandFailed when the guest is still there afterwards."""
        try:
            on.run(*self.words)
        except CommandFailed:
            domain = one(self.stack.domains(on.run), self.name)
            if domain and domain.exists:
                raise


@dataclass(frozen=True)
class WaitUntilGone:
    """Wait until a guest has ended, *timeout* seconds at most."""

    name: str
    stack: Toolstack = field(repr=False)
    timeout: int = 300
    watching: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"wait until {self.name} has ended, {self.timeout} seconds at most"

    def apply(self, on: Machine) -> None:
        """Raise XenError when the time is over."""
        end = time.monotonic() + self.timeout
        while (domain := one(self.stack.domains(on.run), self.name)) and domain.exists:
            if time.monotonic() >= end and domain.state in (ENDED, CRASHED):
                raise XenError(
                    f"{self.name} has ended, and its on_poweroff or on_crash keeps it there, or no xl looks after it",
                    hint=f"univention-xen guest destroy {self.name} clears it away",
                )
            if time.monotonic() >= end:
                raise XenError(
                    f"{self.name} is still running after {self.timeout} seconds",
                    hint=f"univention-xen guest console {self.name} shows why; guest destroy pulls the plug",
                )
            time.sleep(PAUSE)


@dataclass(frozen=True)
class Foreground:
    """Hand the terminal to a program until it ends; *advice* is told before.

    A program that draws on the terminal cannot do without one: *instead* is what does.
    """

    words: Words
    advice: str = ""
    instead: str = ""
    watching: ClassVar[bool] = True

    def __str__(self) -> str:
        return shlex.join(self.words)

    def apply(self, on: Machine) -> None:
        """Raise XenError without a terminal, CommandFailed and ToolMissing."""
        if self.instead and not (os.isatty(0) and os.isatty(1)):
            raise XenError(f"{self} needs a terminal", hint=self.instead)
        on.run.foreground(*self.words, advice=self.advice)


@dataclass(frozen=True)
class Save:
    """Write the memory of a guest into a new file that only root can read."""

    name: str
    path: str
    words: Words
    stack: Toolstack = field(repr=False)

    def __str__(self) -> str:
        return shlex.join(self.words)

    def apply(self, on: Machine) -> None:
        """Raise CommandFailed; then the guest runs on and no file is left behind."""
        from univention_xen.toolstack import reasons, saved, unfinished

        try:
            with files.appearing(self.path, mode=saved.WRITING):
                pass  # xl keeps the mode of a file that is there
        except FileExistsError:
            raise XenError(f"{self.path} is there already; nothing is overwritten") from None
        try:
            on.run(*self.words)
        except CommandFailed as why:
            domain = one(self.stack.domains(on.run), self.name)
            runs_on = domain is not None and domain.exists
            if runs_on:
                files.remove(self.path)
                if self.stack.forgets and not unfinished.is_looked_after(self.name, on):
                    log.warning("%s does not start again by itself any more: shut it down and start it", self.name)
            else:
                files.set_mode(self.path, saved.WRITTEN)
            what = f"{self.name} could not be saved" + (" and runs on" if runs_on else "")
            raise reasons.explain(self.name, why, [], what, "univention-xen guest list shows its state") from None
        files.set_mode(self.path, saved.WRITTEN)


@dataclass(frozen=True)
class Link:
    """Make *path* a symbolic link to *target*."""

    path: str
    target: str

    def __str__(self) -> str:
        return f"ln -s {shlex.join((self.target, self.path))}"

    def apply(self, on: Machine) -> None:
        """Raise OSError when it does not work; FileExistsError rather than replace something."""
        files.link(on.path(self.path), self.target)

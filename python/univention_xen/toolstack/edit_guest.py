# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A guest's file in the administrator's editor: a copy is edited, and takes the place of the file when xl can read it.

No lock is held while somebody thinks; who changed the file meanwhile is not overruled, and the copy is kept then.
"""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from univention_xen import files
from univention_xen.errors import CommandFailed, XenError
from univention_xen.guest import change, check, look
from univention_xen.lock import directory, holding
from univention_xen.log import log
from univention_xen.plan import Plan
from univention_xen.toolstack import belongings, set_guest, starting
from univention_xen.toolstack.file_steps import Rewrite

if TYPE_CHECKING:
    from univention_xen.plan import Machine
    from univention_xen.toolstack.domain import Toolstack
    from univention_xen.toolstack.listing import Described

EDITORS = ("VISUAL", "EDITOR")
USUAL = "/usr/bin/sensible-editor"
AGAIN, SAVE, DISCARD = "e", "s", "d"


def plan(known: Described, stack: Toolstack, on: Machine) -> Plan:
    """Return the plan to let the administrator edit a guest's file."""
    return Plan.of(Edit(known, editor(), stack))


def editor() -> tuple[str, ...]:
    """Return the words that start the administrator's editor. Raises XenError when they make no sense."""
    for name in EDITORS:
        if value := os.environ.get(name, "").strip():
            try:
                return tuple(shlex.split(value))
            except ValueError as why:
                raise XenError(f"${name} is no command: {why}") from None
    return (USUAL,)


@dataclass(frozen=True)
class Edit:
    """Open a private copy of a guest's file in an editor; save it when it is right."""

    known: Described
    words: tuple[str, ...]
    stack: Toolstack = field(repr=False)

    def __str__(self) -> str:
        return f"{shlex.join(self.words)} (a copy of {self.known.file.path}, saved when the check finds no error)"

    def apply(self, on: Machine) -> None:
        """Raise XenError when the copy is not saved; its message says where the copy is, unless it was discarded."""
        import shutil
        import tempfile

        place = tempfile.mkdtemp(prefix="univention-xen-")
        copy = os.path.join(place, os.path.basename(self.known.file.path))
        files.replace(copy, self.known.file.text, mode=0o600)
        keep = True
        try:
            keep = not self.edited(copy, on)
        except CommandFailed as why:
            keep = changed(copy, self.known.file.text)
            raise XenError(f"the editor failed: {why}", hint=kept(copy) if keep else "") from None
        except XenError as why:
            raise type(why)(str(why), hint=f"{why.hint}\n  {kept(copy)}" if why.hint else kept(copy)) from None
        finally:
            if not keep:
                shutil.rmtree(place, ignore_errors=True)  # editors leave copies of their own beside it

    def edited(self, copy: str, on: Machine) -> bool:
        """Let the copy be edited until it is saved or discarded. Raises XenError when it is neither."""
        path, old = self.known.file.path, self.known.file.text
        while True:
            on.run.foreground(*self.words, copy)
            with open(copy, encoding="utf-8", errors="surrogateescape", newline="") as file:
                text = file.read()
            if text == old:
                log.say(f"{path} stays as it is")
                return True
            fatal, errors = wrong(check.GuestFile(path, text), self.stack, on)
            answer = SAVE
            if errors:
                for each in errors:
                    log.error("%s", each)
                if sys.stdin is not None and sys.stdin.isatty():
                    answer = ask(may_save=not fatal)
                elif fatal:
                    raise XenError(f"{path} stays as it is, because it would not work any more")
            if answer == SAVE:
                self.save(text, on)
                return True
            if answer == DISCARD:
                log.say(f"{path} stays as it is")
                return True

    def save(self, text: str, on: Machine) -> None:
        """Put the text in the place of the file. Raises XenError when somebody else has changed it, and Busy."""
        file = check.GuestFile(self.known.file.path, text, self.known.file.mode)
        with holding(f"guest {self.known.name}", under=directory(on.root)):
            Rewrite(file.path, self.known.file.text, text, set_guest.private(file)).apply(on)
        if belongings.domain(self.known.name, self.stack, on):
            log.say(f"{self.known.name} runs, and sees the change after its next start")


def wrong(file: check.GuestFile, stack: Toolstack, on: Machine) -> tuple[bool, list[str]]:
    """Return whether the toolstack cannot read the file at all, and every error in it."""
    if stack.syntax != "xl":
        try:
            set_guest.cfg_of(file, stack)
        except XenError as why:
            return True, [str(why)]
        return False, []
    rest = [look.read(path, on) for path in look.all_files(on) if path != file.path]
    found = [each for each in check.check([file, *rest], starting.facts([file, *rest], on))
             if each.path == file.path]  # fmt: skip
    for each in found:
        if each.severity != "error":
            log.warning("%s:%d: %s", each.path, each.line, each.sentence)
    errors = [each for each in found if each.severity == "error"]
    return any(each.rule in ("syntax", "refused") for each in errors), [
        f"{each.path}:{each.line}: {change.shown(each.sentence)}" for each in errors
    ]


def ask(*, may_save: bool) -> str:
    """Return what the administrator wants to do about a file with errors."""
    choices = "(e)dit again" + (", (s)ave nevertheless" if may_save else "") + " or (d)iscard? "
    while True:
        sys.stderr.write(choices)
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise XenError("nobody answers")
        answer = line.strip().lower()[:1]
        if answer in (AGAIN, DISCARD) or (answer == SAVE and may_save):
            return answer


def changed(copy: str, text: str) -> bool:
    """Whether somebody has changed the copy."""
    try:
        with open(copy, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read() != text
    except OSError:
        return False


def kept(copy: str) -> str:
    """Return where the copy is."""
    return f"what you wrote is kept in {copy}"

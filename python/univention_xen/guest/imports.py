# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Carries guest files of the xm years over to xl: what would be written, and what to know about each."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from univention_xen.errors import XenError
from univention_xen.guest import dialect, load_xl, look
from univention_xen.guest.check import AT_HOME, CANNOT_ASK
from univention_xen.guest.convert import Imported, NotImported, convert, modern_lines
from univention_xen.guest.words import BadSyntax, CannotRun, Place, Remark
from univention_xen.plan import Machine, Plan, Write

if TYPE_CHECKING:
    from collections.abc import Iterable

    from univention_xen.guest.check import GuestFile

NOT_GUESTS = re.compile(r"\.(conf|sxp|orig|rej|bak|before-import|after-install)$|~$|\.dpkg-\w+$|^\.|^README")


class Result(NamedTuple):
    """What becomes of one file: *target* is '' when nothing does."""

    source: str
    guest: str
    target: str
    remarks: list[Remark]

    def as_data(self) -> dict[str, object]:
        """Return this for JSON."""
        remarks = [{"kind": each.kind, "line": each.place.line, "sentence": each.sentence} for each in self.remarks]
        return self._asdict() | {"remarks": remarks}

    def __str__(self) -> str:
        head = f"{self.source} -> {self.target}" if self.target else f"{self.source}: not imported"
        return "\n".join([head, *(f"  {each}" for each in self.remarks)])


@dataclass(frozen=True)
class ImportPlan(Plan):
    """A plan that knows what it would do with each file."""

    results: tuple[Result, ...] = ()

    def __str__(self) -> str:
        return "\n".join([*map(str, self.results), super().__str__()])

    @property
    def complete(self) -> bool:
        """Whether every file becomes a guest for xl."""
        return all(result.target for result in self.results)


def plan_import(words: Iterable[str], directory: str, on: Machine) -> ImportPlan:
    """Return the plan for the files and directories *words*; new files go into *directory* of the machine."""
    steps: list[Write] = []
    results: list[Result] = []
    taken: dict[str, str] = {}
    for path in expanded(words, on):
        try:
            file = look.read(path, on)
        except XenError as why:
            results.append(Result(path, "", "", [Remark("refused", Place(path, 1), str(why))]))
            continue
        result, imported = carry_over(file, directory)
        if imported and imported.guest.vnc.password and not look.can_ask_for_passwords(on):
            result = result._replace(remarks=[*result.remarks, password_remark(file)])
        if imported:
            refusal = clash(file, result, imported, taken, on)
            if refusal:
                result = result._replace(
                    target="", remarks=[Remark("refused", Place(path, 1), refusal), *result.remarks]
                )
            else:
                taken[result.target] = path
                steps += writes(file, result.target, imported, on)
        results.append(result)
    reason = "nothing to do: the files are there already" if all(each.target for each in results) else "nothing to do"
    return ImportPlan(tuple(steps), reason, tuple(results))


def expanded(words: Iterable[str], on: Machine) -> list[str]:
    """Return the files that are meant; a directory means the files in it that could be guests."""
    found: list[str] = []
    for word in words:
        path = os.path.abspath(word)
        if on.path(path).is_dir():
            names = sorted(os.listdir(on.path(path)))
            inside = (os.path.join(path, name) for name in names if not NOT_GUESTS.search(name))
            found += [each for each in inside if on.path(each).is_file()]
        elif on.path(path).exists() or "/" in word:
            found.append(path)
        else:
            found.append(look.named(word, on))
    return list(dict.fromkeys(found))


def carry_over(file: GuestFile, directory: str) -> tuple[Result, Imported | None]:
    """Return what becomes of one file, and the new file unless it is refused."""
    try:
        if dialect.for_xl(file.text):
            imported = kept(file)
        else:
            imported = convert(file.text, file.path, os.path.basename(file.path))
    except NotImported as why:
        return Result(file.path, "", "", why.remarks), None
    except BadSyntax as why:
        found = re.fullmatch(r"(\d+)(?::(\d+))?: (.*)", str(why).removeprefix(f"{file.path}:"), re.DOTALL)
        place = Place(file.path, int(found[1]), int(found[2] or 0)) if found else Place(file.path, 1)
        return Result(file.path, "", "", [Remark("refused", place, found[3] if found else str(why))]), None
    name = imported.guest.name
    return Result(file.path, name, f"{directory}/{name.replace('/', '_')}.cfg", imported.remarks), imported


def password_remark(file: GuestFile) -> Remark:
    """Return what to know about a guest with a VNC password on this host."""
    before = file.text.partition("vncpasswd")[0]
    return Remark("lost", Place(file.path, before.count("\n") + 1), f"{CANNOT_ASK}: {AT_HOME}")


def kept(file: GuestFile) -> Imported:
    """Return a file that is for xl already. Raises BadSyntax or NotImported when xl would refuse it."""
    remarks: list[Remark] = []
    text = modern_lines(file.text, file.path, remarks)
    remarks = [each for each in remarks if "coding line" not in each.sentence]  # a matter of Python alone
    if text and not text.endswith("\n"):
        text += "\n"
    try:
        new = load_xl.load(text, file.path)
    except CannotRun as why:
        raise NotImported([Remark("refused", Place(file.path, 1), each.sentence) for each in why.reasons]) from None
    remarks.append(Remark("changed", Place(file.path, 1), "nothing: the file is for xl already"))
    lines = {each.name: each.place for each in new.assignments}
    remarks += [Remark("lost", lines.get(each.name, Place(file.path, 1)), each.sentence) for each in new.remarks]
    return Imported(text, new.guest, remarks)


def clash(file: GuestFile, result: Result, imported: Imported, taken: dict[str, str], on: Machine) -> str:
    """Return why the new file cannot be written, or ''. Nothing is ever overwritten but the imported file itself."""
    target = result.target
    if target in taken:
        return f"{taken[target]} describes a guest of the same name"
    path = on.path(target)
    if not os.path.lexists(path):
        return ""
    if target != file.path:
        same = path.is_file() and look.read(target, on).text == imported.text
        return "" if same else f"{target} exists already"
    if os.path.islink(path):
        return f"{target} is a link, which is not replaced by a file"
    if file.text != imported.text and os.path.lexists(on.path(saved(target))):
        return f"{saved(target)} exists already, and the old file could not be kept under that name"
    return ""


def saved(target: str) -> str:
    """Return the name under which an old file is kept when the new one takes its place."""
    return f"{target}.before-import"


def writes(file: GuestFile, target: str, imported: Imported, on: Machine) -> list[Write]:
    """Return the steps: the old file is kept when the new one takes its name; secrets stay secret."""
    old_mode = 0o644 if file.mode is None else file.mode
    mode = 0o600 if imported.secret else old_mode & 0o644
    path = on.path(target)
    if path.is_file() and look.read(target, on).text == imported.text:
        return []
    keep = [Write(saved(target), file.text, mode=old_mode)] if target == file.path else []
    return [*keep, Write(target, imported.text, mode=mode)]

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A guest file of the xm years becomes one for xl: comments and layout stay, and every change is told."""

from __future__ import annotations

import re
from typing import NamedTuple

from univention_xen.errors import XenError
from univention_xen.guest import load_xl, load_xm
from univention_xen.guest.editor import Editor
from univention_xen.guest.model import Guest, differences
from univention_xen.guest.program import Program, understand
from univention_xen.guest.wanted import Wanted
from univention_xen.guest.words import BadSyntax, CannotRun, Place, Remark

CODING = re.compile(r"^[ \t]*#.*coding[:=][ \t]*[-\w.]+", re.MULTILINE)
"""How a Python file says in its first two lines which letters it uses."""


class Imported(NamedTuple):
    """The new file, the guest that it describes, and what was changed or lost."""

    text: str
    guest: Guest
    remarks: list[Remark]

    @property
    def secret(self) -> bool:
        """Whether the file must be kept from other users."""
        return bool(re.search(r"vncpasswd|spicepasswd", self.text))


class NotImported(XenError):
    """There is no guest for xl that means the same; *remarks* tell every reason with its place."""

    def __init__(self, remarks: list[Remark]) -> None:
        super().__init__("\n".join(map(str, remarks)))
        self.remarks = remarks


def convert(text: str, source: str, name: str) -> Imported:
    """Turn a guest file that xm reads into one that xl reads; *name* is the guest's if the file names none.

    Raises BadSyntax where the file cannot be read, NotImported with every reason why there is no such guest for xl.
    """
    remarks: list[Remark] = []
    text = modern_lines(text, source, remarks)
    program = understand(text, source)
    try:
        return converted(program, name, remarks)
    except CannotRun as why:
        refusals = [Remark("refused", program.where(each.name), each.sentence) for each in why.reasons]
    except XenError as why:  # a value that xl has no spelling for
        refusals = [Remark("refused", Place(source, 1), str(why))]
    raise NotImported(refusals)


def converted(program: Program, name: str, remarks: list[Remark]) -> Imported:
    """Return the new file. Raises CannotRun, or XenError for a value that cannot be written."""
    source = program.source
    old = load_xm.load(program, name)
    wanted = Wanted(old.guest, program)
    remarks += [Remark("lost", program.where(each.name), each.sentence) for each in old.remarks + wanted.losses]
    editor = Editor(program, wanted.values, old.guest.kind, remarks)
    text = editor.text()
    try:
        guest = load_xl.load(text, source).guest
    except BadSyntax:
        text = editor.rewritten()
        guest = load_xl.load(text, source).guest
    told = {each.name for each in old.remarks + wanted.losses}
    for what, before, after in differences(old.guest, guest):
        if what.removesuffix("s") not in told and what not in told:
            sentence = f"{what}: xm made {before} of it, xl makes {after} of it"
            remarks.append(Remark("lost", program.where(what), sentence))
    return Imported(text, guest, sorted(remarks, key=lambda remark: remark.place.line))


def modern_lines(text: str, source: str, remarks: list[Remark]) -> str:
    """Take away what editors on other systems leave in a file and xl does not read."""
    if not (text.isascii() or text.startswith("\ufeff") or CODING.search("\n".join(text.split("\n", 2)[:2]))):
        line = next(number for number, each in enumerate(text.split("\n"), 1) if not each.isascii())
        why = "there are letters beyond ASCII without a coding line, which only Pythons before 2.5 took"
        remarks.append(Remark("lost", Place(source, line), why))
    if text.startswith("\ufeff"):
        text = text[1:]
        remarks.append(Remark("changed", Place(source, 1), "the byte order mark at the beginning is gone"))
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        remarks.append(Remark("changed", Place(source, 1), "lines end with a newline alone"))
    if any("\udc80" <= char <= "\udcff" for char in text):
        where = next(i for i, char in enumerate(text) if "\udc80" <= char <= "\udcff")
        line = text.count("\n", 0, where) + 1
        remarks.append(
            Remark("lost", Place(source, line), "there are letters that are not UTF-8; they are kept as they are")
        )
    return text

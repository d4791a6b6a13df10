# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A guest file that can be edited: a change touches one value, every other byte stays as it is."""

from __future__ import annotations

import re

from univention_xen.errors import XenError
from univention_xen.guest import xl_syntax
from univention_xen.guest.program import Program, understand
from univention_xen.guest.python2 import Evaluator
from univention_xen.guest.python2_values import Unclear
from univention_xen.guest.tags import tagged
from univention_xen.guest.words import Assignment, Value, spelt

NAME = re.compile("[a-z][_0-9a-z]*")


class Cfg:
    """The text of a guest file and the assignments in it. It never changes: an edit returns another Cfg.

    The syntax is "xl", or "xm" for the Python that xm ran: of that only assignments of plain values can be edited, and
    it is never executed. Both raise BadSyntax with file:line:column for a file they cannot read.
    """

    def __init__(self, text: str, source: str = "<text>", syntax: str = "xl") -> None:
        self.text, self.source, self.syntax = text, source, syntax
        self.computed: frozenset[str] = frozenset()
        if syntax == "xl":
            self.assignments = tuple(xl_syntax.parse(text, source))
        else:
            program = understand(text, source)
            self.assignments = tuple(plain_assignments(program))
            last = {name: settings[-1].statement.start for name, settings in program.givers.items()}
            plain = {each.name: each.begin for each in self.assignments}
            self.computed = frozenset(name for name, start in last.items() if plain.get(name) != start)

    @classmethod
    def from_bytes(cls, data: bytes, source: str = "<bytes>", syntax: str = "xl") -> Cfg:
        """Read the bytes of a file; what is not UTF-8 is kept as it is."""
        return cls(data.decode("utf-8", "surrogateescape"), source, syntax)

    def __bytes__(self) -> bytes:
        return self.text.encode("utf-8", "surrogateescape")

    def __str__(self) -> str:
        return self.text

    def get(self, name: str) -> Value | None:
        """Return what *name* is worth in the end, or None."""
        return xl_syntax.total(list(self.assignments)).get(name)

    def places(self, name: str) -> list[Assignment]:
        """Return the assignments of *name* in order."""
        return [each for each in self.assignments if each.name == name]

    def with_value(self, name: str, value: Value) -> Cfg:
        """Return the file in which *name* is worth *value*: its last assignment is changed, or a line is added.

        Raises XenError for a name or value that cannot stand in a guest file.
        """
        if not NAME.fullmatch(name):
            raise XenError(
                f"“{name}” cannot be the name of a setting: a small letter, then small letters, digits and _"
            )
        if name in self.computed:
            raise XenError(
                f"{self.source}: {name} is computed, so it cannot be changed here", hint="replace it by its value"
            )
        found = self.places(name)
        if not found:
            return self.with_line(f"{name} = {spelt(value)}")
        last = found[-1]
        if self.get(name) == as_read(value):
            return self
        edits = [] if last.adds else item_edits(last, value)
        if not edits:
            edits = [(last.operator, last.operator + 1 + last.adds, "="), (last.start, last.stop, spelt(value))]
        return self.edited(edits)

    def with_line(self, line: str) -> Cfg:
        """Return the file with a line at its end."""
        newline = "\r\n" if "\r\n" in self.text else "\n"
        missing = newline if self.text and not self.text.endswith(("\n", "\r")) else ""
        return Cfg(self.text + missing + line.replace("\n", newline) + newline, self.source, self.syntax)

    def without(self, name: str) -> Cfg:
        """Return the file without *name*; a line that holds nothing else goes with its comment."""
        edits = []
        for each in self.places(name):
            start = self.text.rfind("\n", 0, each.begin) + 1
            end = self.text.find("\n", each.stop)
            end = len(self.text) if end < 0 else end
            alone = not self.text[start : each.begin].strip(" \t")
            if alone and re.fullmatch(r"[ \t\r]*(#.*)?", self.text[each.stop : end], re.DOTALL):
                edits.append((start, min(end + 1, len(self.text)), ""))
            else:
                edits.append((each.begin, each.stop, ""))
        return self.edited(edits)

    def tags(self) -> list[tuple[Assignment, str]]:
        """Return the assignments with a comment ``# ucr: VARIABLE`` behind or in them, and the variable."""
        return [(each.assignment, each.variable) for each in tagged(self.text, self.assignments)]

    def edited(self, edits: list[tuple[int, int, str]]) -> Cfg:
        """Return the file with the text between offsets replaced."""
        if not edits:
            return self
        text = self.text
        for start, stop, new in sorted(edits, reverse=True):
            text = text[:start] + new + text[stop:]
        return Cfg(text, self.source, self.syntax)


def as_read(value: Value) -> Value:
    """Return *value* as xl's reader gives it back: numbers are text."""
    return [as_read(item) for item in value] if isinstance(value, list) else str(value)


def item_edits(old: Assignment, value: Value) -> list[tuple[int, int, str]]:
    """Return edits of the elements that differ, so that the layout of a list stays; [] when that is impossible."""
    if not isinstance(value, list) or not isinstance(old.value, list) or len(value) != len(old.items):
        return []
    together = zip(old.items, old.value, value, strict=True)
    return [(*place, spelt(new)) for place, before, new in together if before != as_read(new)]


def plain_assignments(program: Program) -> list[Assignment]:
    """Return the assignments NAME = VALUE of plain texts, numbers and lists in an xm file."""
    found = []
    for settings in program.givers.values():
        for setting in settings:
            tokens = setting.statement.tokens
            if not setting.plain:
                continue
            try:
                value = Evaluator(tokens[2:], {}).result()
            except Unclear:
                continue
            if (clean := editable(value)) is not None:
                place, items = setting.statement.place, program.items(setting.statement)
                ends = tokens[0].start, tokens[1].start, tokens[2].start, tokens[-1].stop
                found.append(Assignment(setting.name, False, as_read(clean), place, *ends, items))
    return sorted(found, key=lambda each: each.begin)


def editable(value: object) -> Value | None:
    """Return *value* if it is of a type that both xm and xl read, else None."""
    if type(value) is list and all(type(item) is str for item in value):
        return [str(item) for item in value]
    return value if type(value) is str or type(value) is int else None

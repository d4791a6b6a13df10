# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What the readers of both syntaxes give back: values, assignments, and where they stand."""

from __future__ import annotations

from typing import NamedTuple

from univention_xen.errors import XenError

Value = str | int | list["Value"]
"""Text, a whole number, or a list; nothing else can stand in a file that both xm and xl understand."""


class Place(NamedTuple):
    """Where something stands: lines and columns count from 1, columns in characters."""

    source: str
    line: int
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" + (f":{self.column}" if self.column else "")


class Assignment(NamedTuple):
    """``name = value`` or ``name += value``; offsets count characters of the text.

    *begin* is where the name begins, *operator* where the sign stands, *start* and *stop* enclose the value, and
    *items* enclose each element when the value is a list written down as one.
    """

    name: str
    adds: bool
    value: Value
    place: Place
    begin: int
    operator: int
    start: int
    stop: int
    items: tuple[tuple[int, int], ...] = ()


class BadSyntax(XenError):
    """The file cannot be read at all; the message begins with file:line:column."""


class Trouble(NamedTuple):
    """Something about one setting: its name ('' for the guest as a whole), and a sentence."""

    name: str
    sentence: str


class CannotRun(Exception):
    """Neither xm nor xl, nor we, can make a guest of the file, for all of *reasons*."""

    def __init__(self, reasons: list[Trouble]) -> None:
        super().__init__("; ".join(reason.sentence for reason in reasons))
        self.reasons = reasons


def names_in(text: str) -> frozenset[str]:
    """Return the words of *text*: a table of names that can be read."""
    return frozenset(text.split())


def place(text: str, offset: int, source: str) -> Place:
    """Return where *offset* lies in *text*."""
    return Place(source, text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


class Remark(NamedTuple):
    """One line of the report.

    *kind* is "changed" (it means the same), "lost" (it does not, or nobody can be sure) or "refused" (no file is made).
    """

    kind: str
    place: Place
    sentence: str

    def __str__(self) -> str:
        return f"{self.place}: {self.kind}: {self.sentence}"


class Counter:
    """Tells places in ascending order, without counting the lines from the start each time."""

    def __init__(self, text: str, source: str) -> None:
        self.text, self.source = text, source
        self.line, self.line_start, self.counted = 1, 0, 0

    def place(self, offset: int) -> Place:
        """Return where *offset* lies, which must not be before the last one asked for."""
        if newlines := self.text.count("\n", self.counted, offset):
            self.line += newlines
            self.line_start = self.text.rfind("\n", 0, offset) + 1
        self.counted = offset
        return Place(self.source, self.line, offset - self.line_start + 1)


def shown(token: str) -> str:
    """Return the beginning of a piece of the file as it can stand in a message."""
    short = token if len(token) <= 24 else token[:24] + "…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in short)


ESCAPES = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v",
           "\\": r"\\", '"': r"\""}  # fmt: skip
"""All that xl 4.17 understands behind a backslash, besides the single quote."""


def quoted(text: str) -> str:
    """Return *text* in double quotes as xl and Python both read it.

    Raises XenError for NUL, which makes xl abort.
    """
    if "\0" in text:
        raise XenError("a text with a NUL byte cannot stand in a guest file")
    return '"' + "".join(ESCAPES.get(char, char) for char in text) + '"'


def spelt(value: Value) -> str:
    """Return *value* as xl reads it; a negative number becomes text, which xl takes for a number again.

    Raises XenError for text with NUL.
    """
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, int):
        return str(value) if value >= 0 else quoted(str(value))
    if len(value) > 1:
        return "[\n" + "".join(f"    {spelt(item)},\n" for item in value) + "]"
    return f"[ {', '.join(map(spelt, value))} ]" if value else "[]"

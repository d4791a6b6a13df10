# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""S-expressions as xend 3.2 to 4.4 reads and writes them.

The reader works on bytes, as xend does, one state per function. What looks odd here is what xend does; each
oddity is in tests/recorded/sxp.json. A value is text or a list of values; bytes that are not UTF-8 come as
lone surrogates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from univention_xen.errors import XenError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    Value: TypeAlias = "str | list[Value]"

BLANKS = b" \t\n\r\v\f"
ESCAPES = dict(zip(b"abtnvfr\\'\"", b"\a\b\t\n\v\f\r\\'\"", strict=True))
HEX = b"0123456789abcdef"
END_OF_INPUT = 4  # Ctrl-D


class SxpError(XenError):
    """xend would not read this text; ``kind`` is the exception it dies of, ``line`` where (None: xend does not say)."""

    def __init__(self, message: str, line: int | None, kind: str = "ParseError") -> None:
        super().__init__(message, hint=f"look at line {line}" if line else "")
        self.line, self.kind = line, kind


class Document(NamedTuple):
    """The values of a text; ``dropped``: it ends in an open list, which xend loses without a word."""

    values: list[Value]
    dropped: bool

    def options(self) -> dict[str, Value | None]:
        """Return what xend finds for each name: the first form wins, None is a form without a value."""
        found: dict[str, Value | None] = dict.fromkeys(str(form[0]) for form in forms(self.values))
        whole_text: list[Value] = ["", *self.values]
        for form in reversed(forms(whole_text[1 + has_attributes(whole_text) :])):
            found[str(form[0])] = first_value(form)
        return found


def forms(values: list[Value]) -> list[list[Value]]:
    """Return the lists among *values* that begin with a name."""
    return [value for value in values if isinstance(value, list) and value and isinstance(value[0], str)]


def has_attributes(form: list[Value]) -> bool:
    """Say whether the first child is a list (@ …), which xend takes for attributes and skips."""
    return len(form) > 1 and isinstance(form[1], list) and form[1][:1] == ["@"]


def first_value(form: list[Value]) -> Value | None:
    """Return the value xend uses of the form (name value …)."""
    return next(iter(form[1 + has_attributes(form) :]), None)


def read(text: str | bytes, version: str = "4.4") -> Document:
    """Read *text* as xend of *version* does.

    Raises SxpError where xend would not start.
    """
    return Reader(text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text, version).document()


class Reader:
    """One pass over the bytes; ``at`` is the next byte, ``line`` what xend would say in a message."""

    def __init__(self, data: bytes, version: str) -> None:
        self.data, self.at, self.line = data, 0, 1
        old = tuple(map(int, version.split("."))) < (4, 0)
        self.ends_word = frozenset(BLANKS + b"#{}()<>[];" + (b"!" if old else b""))
        self.open: list[list[Value]] = [[]]

    def next(self) -> int | None:
        """Return the next byte, or None at the end."""
        if self.at >= len(self.data):
            return None
        c = self.data[self.at]
        self.at += 1
        self.line += c == 0x0A
        return c

    def peek(self) -> int | None:
        """Return the next byte without taking it. xend counts a line end that it looks at twice, twice."""
        if self.at >= len(self.data):
            return None
        return self.data[self.at]

    def document(self) -> Document:
        """Read to the end."""
        while (c := self.next()) is not None:
            if c in BLANKS:
                continue
            if c == END_OF_INPUT and len(self.open) == 1:
                break
            if not self.value(c):
                return Document(self.open[0], dropped=True)
        if len(self.open) > 1:
            raise SxpError("unexpected EOF", self.line)
        return Document(self.open[0], dropped=False)

    def value(self, c: int) -> bool:
        """Read what begins with the byte *c*; False when the text ends in it and takes the open list along."""
        if c == ord("#"):
            return self.comment()
        if c == ord("("):
            self.open.append([])
        elif c == ord(")"):
            if len(self.open) == 1:
                raise SxpError("syntax error: )", self.line)
            closed = self.open.pop()
            self.open[-1].append(closed)
        elif c in b"'\"":
            self.open[-1].append(self.string(c))
        elif 0x21 <= c <= 0x7E:
            return self.word(c)
        elif c == END_OF_INPUT:
            raise SxpError("unexpected EOF", self.line)
        else:
            raise SxpError(f"invalid character: code {c}", self.line)
        return True

    def comment(self) -> bool:
        """Skip to the end of the line."""
        while (c := self.next()) is not None:
            if c == 0x0A:
                return True
        return len(self.open) == 1

    def word(self, first: int) -> bool:
        """Read an unquoted word: any first byte, then up to one that ends a word, which begins the next value."""
        start = self.at - 1
        while (c := self.peek()) is not None and c not in self.ends_word:
            self.at += 1
        if c is None and len(self.open) > 1:
            return False
        self.line += c == 0x0A
        self.open[-1].append(decode(self.data[start : self.at]))
        return True

    def string(self, mark: int) -> str:
        """Read a quoted string behind its first mark."""
        out = bytearray()
        while (c := self.next()) != mark:
            if c is None:
                raise SxpError("unexpected EOF", self.line)
            if c == 0x5C:
                out += self.escape()
            else:
                out.append(c)
        return decode(bytes(out))

    def escape(self) -> bytes:
        """Read what follows a backslash; one that xend does not know stays and swallows the next byte."""
        c = self.next()
        if c is None:
            raise SxpError("unexpected EOF", self.line)
        if c == ord("x"):
            return bytes([self.hexadecimal()])
        if c in b"01234567":
            return bytes([self.octal(c)])
        return bytes([ESCAPES.get(c, 0x5C)])

    def hexadecimal(self) -> int:
        """Read two digits. Letters count from 0 again, and anything else meets a slip in xend's own code."""
        number = 0
        for _ in range(2):
            c = self.next()
            if c is None:
                raise SxpError("unexpected EOF", self.line)
            if bytes([c]).lower() not in HEX:
                raise SxpError("global name 'buf' is not defined", None, "NameError")
            digit = HEX.index(bytes([c]).lower())
            number = 16 * number + (digit if digit < 10 else digit - 10)
        return number

    def octal(self, first: int) -> int:
        """Read one to three digits."""
        digits = chr(first)
        while len(digits) < 3:
            c = self.peek()
            if c is None:
                raise SxpError("unexpected EOF", self.line)
            if c not in b"01234567":
                self.line += c == 0x0A
                break
            digits += chr(c)
            self.at += 1
        if int(digits, 8) > 0o377:
            raise SxpError(f"invalid octal escape: out of range {digits}", self.line)
        return int(digits, 8)


def decode(data: bytes) -> str:
    """Return bytes as text, odd ones as lone surrogates."""
    return data.decode("utf-8", "surrogateescape")


def quoted(text: str) -> str:
    """Return *text* between single quotes, such that every version reads back exactly this."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def write(value: bool | int | str | Iterable[bool | int | str]) -> str:
    """Return a value as xend reads it: yes and no, decimal numbers, quoted text, lists of these."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return quoted(value)
    return "(" + " ".join(map(write, value)) + ")"


def sxp(name: str, value: bool | int | str | Iterable[bool | int | str]) -> str:
    """Return the form that gives the option *name* its value."""
    return f"({name} {write(value)})"

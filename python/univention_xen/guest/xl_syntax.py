# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The syntax of xl's own guest files, as xl 4.17 reads it (seen by running it)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from univention_xen.guest.words import Assignment, BadSyntax, Counter, Value, place, shown

TOKEN = re.compile(
    r"""(?P<name>[a-z][_0-9a-z]*)
      | (?P<number>[0-9][0-9a-fx]*)
      | (?P<blank>[ \t]+)
      | (?P<sign>\+=|[][,=;])
      | (?P<newline>\n|\#[^\n]*\n)
      | (?P<string>'(?:[^'\\\n]|\\[^\n])*'|"(?:[^"\\\n]|\\[^\n])*")""",
    re.VERBOSE,
)
ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"'}
DEEP = 40
"""Lists within lists within lists … are an attack, not a guest."""


class Number(str):
    """A number as it is written; xl decides where it is used what it is worth."""

    __slots__ = ()


class Token(NamedTuple):
    """A piece of the file; kind "end" closes it."""

    kind: str
    text: str
    start: int
    stop: int


def parse(text: str, source: str) -> list[Assignment]:
    """Read *text* like xl; numbers come as Number.

    Raises BadSyntax with file:line:column where xl would refuse the file.
    """
    return Parser(text, source).file()


class Parser:
    """Reads tokens one after the other."""

    def __init__(self, text: str, source: str) -> None:
        self.text, self.source = text, source
        self.tokens = list(self.scan())
        self.at = 0
        self.counter = Counter(text, source)

    def scan(self) -> list[Token]:
        """Cut the text; blanks are left out. What cannot be cut becomes the last token, and its text says why."""
        tokens, at = [], 0
        scan: Iterator[re.Match[str]] = iter(TOKEN.scanner(self.text).match, None)  # type: ignore[attr-defined]
        for found in scan:
            kind, (at, stop) = found.lastgroup or "", found.span()
            if kind == "string" and "\0" in found[0]:
                break
            if kind != "blank":
                tokens.append(Token(kind, found[0], at, stop))
            at = stop
        rest = self.text[at : at + 2]
        if len(rest) > 1 or len(rest.encode("utf-8", "surrogateescape")) > 1:
            tokens.append(Token("unreadable", self.unreadable(at), at, at))
            return tokens
        # a last byte that it does not understand is overlooked by xl
        tokens.append(Token("end", "", at, at))
        return tokens

    def unreadable(self, at: int) -> str:
        """Say why no token begins at *at*."""
        char = self.text[at]
        rest = re.compile(r"[^ \t\n]+").match(self.text, at)
        if char == "#":
            why = "the last line is a comment without a newline at its end"
        elif "\0" in (rest[0] if rest else char):
            why = "there is a NUL byte"
        elif char in "'\"":
            why = "a quoted text is not closed on its line"
        elif char == "\r":
            why = "the line ends with a carriage return, as files from Windows do"
        else:
            why = f"xl does not understand “{shown(rest[0] if rest else char)}”"
        return why

    def fail(self, token: Token, wanted: str) -> BadSyntax:
        """Return the error that *wanted* should stand where *token* is."""
        if token.kind == "unreadable":
            return BadSyntax(f"{place(self.text, token.start, self.source)}: {token.text}")
        got = {"end": "the end of the file", "newline": "the end of the line"}.get(token.kind, f"“{shown(token.text)}”")
        return BadSyntax(f"{place(self.text, token.start, self.source)}: here should be {wanted}, not {got}")

    def next(self) -> Token:
        """Return the next token and go on."""
        self.at += 1
        return self.tokens[self.at - 1]

    def skip_newlines(self) -> None:
        while self.tokens[self.at].kind == "newline":
            self.at += 1

    def file(self) -> list[Assignment]:
        """Read assignments, each ended by a newline, a semicolon or the end of the file."""
        found: list[Assignment] = []
        values: dict[str, Value] = {}
        while (token := self.next()).kind != "end":
            if token.kind == "newline" or token.text == ";":
                continue
            if token.kind != "name":
                raise self.fail(token, "the name of a setting")
            found.append(self.assignment(token, values))
            ended = self.tokens[self.at]
            if ended.kind not in ("newline", "end") and ended.text != ";":
                raise self.fail(ended, "the end of the line")
        return found

    def assignment(self, name: Token, values: dict[str, Value]) -> Assignment:
        """Read what follows the name of a setting."""
        where = self.counter.place(name.start)
        sign = self.next()
        if sign.text not in ("=", "+="):
            raise self.fail(sign, "an equals sign")
        first = self.at
        value, items = self.value(0)
        if sign.text == "+=" and isinstance(values.get(name.text, value), list) != isinstance(value, list):
            raise BadSyntax(f"{where}: a list and a text cannot be added")
        values[name.text] = value
        start, stop = self.tokens[first].start, self.tokens[self.at - 1].stop
        return Assignment(
            name.text, sign.text == "+=", value, where, name.start, sign.start, start, stop, tuple(items)
        )  # fmt: skip

    def value(self, depth: int) -> tuple[Value, list[tuple[int, int]]]:
        """Read a text, a number or a list; the places of the elements of a list come with it."""
        token = self.next()
        if token.kind == "string":
            return self.unquoted(token), []
        if token.kind == "number":
            return Number(token.text), []
        if token.text != "[" or depth > DEEP:
            raise self.fail(token, "a quoted text, a number or a list")
        values: list[Value] = []
        items = []
        self.skip_newlines()
        while self.tokens[self.at].text != "]":
            start = self.tokens[self.at].start
            values.append(self.value(depth + 1)[0])
            items.append((start, self.tokens[self.at - 1].stop))
            self.skip_newlines()
            if self.tokens[self.at].text == ",":
                self.at += 1
                self.skip_newlines()
            elif self.tokens[self.at].text != "]":
                raise self.fail(self.tokens[self.at], "a comma or the end of the list")
        self.at += 1
        return values, items

    def unquoted(self, token: Token) -> str:
        """Return what a quoted text means. Octal escapes vanish: a mistake of xl's that files may rely on."""
        inner = token.text[1:-1]
        if "\\" not in inner:
            return inner

        def meaning(found: re.Match[str]) -> str:
            if len(found[1]) > 1:
                return ""
            try:
                return ESCAPED[found[1]]
            except KeyError:
                where = place(self.text, token.start + 1 + found.start(), self.source)
                raise BadSyntax(f"{where}: xl does not understand “{shown(found[0])}” in a quoted text") from None

        return re.sub(r"\\([0-7][0-9]{2,3}|[^\n])", meaning, inner)


def total(assignments: list[Assignment]) -> dict[str, Value]:
    """Return what each name is worth in the end: the last assignment wins, ``+=`` adds."""
    values: dict[str, Value] = {}
    for each in assignments:
        values[each.name] = joined(values.get(each.name), each.value) if each.adds else each.value
    return values


def joined(old: Value | None, new: Value) -> Value:
    """Return what ``+=`` makes of two values; the parser has seen to it that they are of one kind."""
    if isinstance(old, list) and isinstance(new, list):
        return old + new
    return old + new if isinstance(old, str) and isinstance(new, str) else new

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Cuts a guest file of the xm years into statements. It is a Python 2 program, which is read and never run."""

from __future__ import annotations

import re
from typing import NamedTuple

from univention_xen.guest.words import BadSyntax, Counter, Place, place, shown

TOKEN = re.compile(
    r"""(?P<blank>[ \t\f]+|\\(?:\r\n|[\r\n]))
      | (?P<comment>\#[^\r\n]*)
      | (?P<newline>\r\n|[\r\n])
      | (?P<string>(?:[uU]|[bB])?[rR]?(?:'(?:[^'\\\r\n]|\\(?:\r\n|[^\0]))*'|"(?:[^"\\\r\n]|\\(?:\r\n|[^\0]))*"))
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<number>0[xX][0-9a-fA-F]+[lL]?|0[oO][0-7]+[lL]?|0[bB][01]+[lL]?
                  |(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE][-+]?[0-9]))(?:[eE][-+]?[0-9]+)?[jJ]?
                  |[0-9]+[lLjJ]?)
      | (?P<sign>\*\*=|//=|>>=|<<=|\*\*|//|<<|>>|<=|>=|==|!=|<>|[-+*/%&|^]=|[][(){},:.;`=<>@~&|^%/*+-])""",
    re.VERBOSE,
)
TRIPLE = re.compile(r"""(?:[uU]|[bB])?[rR]?('''|\"\"\")""")
CLOSERS = {"(": ")", "[": "]", "{": "}"}
DEEP = 40
COMPOUND = {"if", "for", "while", "def", "class", "try", "with", "@"}
CLAUSES = {"elif", "else", "except", "finally"}
AUGMENTED = {"+=", "-=", "*=", "/=", "%=", "//=", "**=", "<<=", ">>=", "&=", "|=", "^="}


class Token(NamedTuple):
    """A piece of a line of the program."""

    kind: str
    text: str
    start: int
    stop: int


class Statement(NamedTuple):
    """One statement: a simple one, or a compound one (``if``, ``def``, …) with all its lines.

    *alone* says that nothing but a comment shares its lines.
    """

    tokens: tuple[Token, ...]
    place: Place
    compound: bool
    alone: bool

    @property
    def start(self) -> int:
        """The offset of its first character."""
        return self.tokens[0].start

    @property
    def stop(self) -> int:
        """The offset behind its last character."""
        return self.tokens[-1].stop


def fail(text: str, offset: int, source: str, why: str) -> BadSyntax:
    """Return the error that the program goes wrong at *offset*."""
    return BadSyntax(f"{place(text, offset, source)}: {why}")


def scan(text: str, source: str) -> list[Token]:
    """Cut the text into tokens. Raises BadSyntax."""
    tokens, at = [], 1 if text.startswith("\ufeff") else 0
    while at < len(text):
        if triple := TRIPLE.match(text, at):
            token = long_string(text, at, triple, source)
        elif found := TOKEN.match(text, at):
            token = Token(found.lastgroup or "", found[0], at, found.end())
        else:
            raise fail(text, at, source, unreadable(text[at]))
        if "\0" in token.text:
            raise fail(text, at, source, "there is a NUL byte")
        tokens.append(token)
        at = token.stop
    return tokens


def long_string(text: str, at: int, opening: re.Match[str], source: str) -> Token:
    """Return the text in triple quotes that begins at *at*."""
    look = re.compile(r"\\.|" + opening[1], re.DOTALL)
    for found in look.finditer(text, opening.end()):
        if found[0] == opening[1]:
            return Token("string", text[at : found.end()], at, found.end())
    raise fail(text, at, source, "a text in triple quotes is not closed")


def unreadable(char: str) -> str:
    """Say why no token begins with *char*."""
    if char in "'\"":
        return "a quoted text is not closed on its line"
    if char == "\0":
        return "there is a NUL byte"
    return f"“{shown(char)}” has no meaning in a guest file"


class Line(NamedTuple):
    """A logical line: what Python takes as one, however many lines it is written on."""

    tokens: tuple[Token, ...]
    indent: int


def logical_lines(text: str, source: str) -> list[Line]:
    """Join what brackets and backslashes join; leave out blanks, comments and empty lines. Raises BadSyntax."""
    lines: list[Line] = []
    here: list[Token] = []
    open_brackets: list[Token] = []
    for token in scan(text, source):
        if token.kind in ("blank", "comment"):
            continue
        if token.kind == "newline":
            if here and not open_brackets:
                lines.append(Line(tuple(here), indent(text, here[0].start)))
                here = []
            continue
        if token.text in CLOSERS:
            open_brackets.append(token)
            if len(open_brackets) > DEEP:
                raise fail(text, token.start, source, "brackets are nested too deep")
        elif token.text in (")", "]", "}") and (
            not open_brackets or CLOSERS[open_brackets.pop().text] != token.text
        ):  # fmt: skip
            raise fail(text, token.start, source, f"“{token.text}” closes nothing")
        here.append(token)
    if open_brackets:
        raise fail(text, open_brackets[0].start, source, f"“{open_brackets[0].text}” is not closed")
    if here:
        lines.append(Line(tuple(here), indent(text, here[0].start)))
    return lines


def indent(text: str, offset: int) -> int:
    """Return how far a line is indented; a tab goes to the next multiple of eight, as in Python 2."""
    start = max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1
    return len(text[start:offset].lstrip("\ufeff").replace("\f", "").expandtabs(8))


def parse(text: str, source: str) -> list[Statement]:
    """Return the statements of *text* in order.

    Raises BadSyntax with file:line:column where Python would refuse the file; not every such place is found.
    """
    if text[:1] == "<":
        raise BadSyntax(f"{source}:1:1: this is XML, not a guest file; xm takes it for the description of a domain")
    statements: list[Statement] = []
    counter = Counter(text, source)
    lines = logical_lines(text, source)
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.indent:
            raise fail(text, line.tokens[0].start, source, "the line is indented, but nothing is open above it")
        end = at + 1
        if line.tokens[0].text in COMPOUND:
            end = end_of_block(lines, at)
            tokens = tuple(token for each in lines[at:end] for token in each.tokens)
            if end == at + 1 and tokens[-1].text == ":":
                raise fail(text, tokens[-1].start, source, "nothing stands below this line")
            statements.append(Statement(tokens, counter.place(line.tokens[0].start), True, True))
        else:
            if line.tokens[0].text in CLAUSES:
                raise fail(text, line.tokens[0].start, source, f"“{line.tokens[0].text}” belongs to nothing")
            statements += simple(line, counter)
        at = end
    return statements


def end_of_block(lines: list[Line], at: int) -> int:
    """Return the index behind the compound statement that begins in line *at*, with its further clauses."""
    at += 1
    while at < len(lines) and (
        lines[at].indent or lines[at].tokens[0].text in CLAUSES or lines[at - 1].tokens[0].text == "@"
    ):  # fmt: skip
        at += 1
    return at


def simple(line: Line, counter: Counter) -> list[Statement]:
    """Split a line at its semicolons. Raises BadSyntax for an empty statement."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in line.tokens:
        depth += (token.text in CLOSERS) - (token.text in (")", "]", "}"))
        if token.text == ";" and not depth:
            parts.append([])
        else:
            parts[-1].append(token)
    if not parts[-1]:
        del parts[-1]
    if not all(parts):
        semicolon = line.tokens[0].start
        raise fail(counter.text, semicolon, counter.source, "a semicolon has nothing in front of it")
    alone = len(parts) == 1 and line.tokens[-1].text != ";"
    return [Statement(tuple(part), counter.place(part[0].start), False, alone) for part in parts]

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Templates: `@%@name@%@` stands for a value, `@!@ … @!@` for what Python code prints."""

from __future__ import annotations

VARIABLE = "@%@"
CODE = "@!@"
WARNINGS = ("UCRWARNING=", "UCRWARNING_ASCII=", "BCWARNING=")
# the wording is what administrators and other programs know from UCS
WARNING = """\
Warning: This file is auto-generated and might be overwritten by
         univention-config-registry.
         Please edit the following file(s) instead:
Warnung: Diese Datei wurde automatisch generiert und kann durch
         univention-config-registry ueberschrieben werden.
         Bitte bearbeiten Sie an Stelle dessen die folgende(n) Datei(en):
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Lookup = Callable[[str], str | None]


class Section:
    """One piece of code: its text, the line it starts on, and the values that are pasted into it.

    ``mark`` followed by a number and `_` stands for the value of that number; it occurs nowhere else.
    """

    __slots__ = ("line", "mark", "source", "template", "values")

    def __init__(self, source: str, template: str, line: int, mark: str, values: Sequence[tuple[str, str]]) -> None:
        self.source, self.template, self.line, self.mark, self.values = source, template, line, mark, values


def names(text: str) -> set[str]:
    """Return what stands between markers: the variables that a template uses, and `UCRWARNING=…`."""
    found: set[str] = set()
    at = text.find(VARIABLE)
    while at >= 0:
        end = text.find("@", at + 3)
        if end > at + 3 and text.startswith(VARIABLE, end):
            found.add(text[at + 3 : end])
            at = text.find(VARIABLE, end + 3)
        else:
            at = text.find(VARIABLE, at + 1)
    return found


def warning(prefix: str, sources: Sequence[str]) -> str:
    """Return the header that says where a generated file comes from, each line behind *prefix*."""
    lines = [*WARNING.split("\n")[:-1], "", *("\t" + source for source in sources), ""]
    return "\n".join(prefix + line for line in lines)


def split(text: str, lookup: Lookup, sources: Sequence[str], template: str) -> list[str | Section]:
    """Take a template apart into text, where the values are already in place, and code that is yet to run.

    Values are text: markers inside a value mean nothing. (UCR expands them again, and runs code it finds there.)
    """
    parts = _pairs(text, VARIABLE)
    if len(parts) == 1 and CODE not in text:
        return [text]
    values = [(name, _value(name, lookup, sources)) for name in parts[1::2]]
    mark = _unused([text, *(value for _, value in values)])
    joined = "".join(part if n % 2 == 0 else f"{mark}{n // 2}_" for n, part in enumerate(parts))
    pieces: list[str | Section] = []
    line = 1
    for number, part in enumerate(_pairs(joined, CODE)):
        if number % 2:
            pieces.append(Section(part, template, line, mark, values))
        elif part:
            pieces.append(fill(part, mark, values))
        line += part.count("\n")
    return pieces


def fill(text: str, mark: str, values: Sequence[tuple[str, str]]) -> str:
    """Put the values in the places that are marked for them."""
    first, *others = text.split(mark)
    filled = [first]
    for other in others:
        number, _, rest = other.partition("_")
        filled += (values[int(number)][1], rest)
    return "".join(filled)


def without_code(pieces: Sequence[str | Section]) -> str:
    """Return the text with its code as it is written, values in place."""
    return "".join(p if isinstance(p, str) else CODE + fill(p.source, p.mark, p.values) + CODE for p in pieces)


def _pairs(text: str, token: str) -> list[str]:
    """Split at *token*: what stands between two of them is at odd places; the last of an odd number is text."""
    parts = text.split(token)
    if len(parts) % 2 == 0:
        parts[-2:] = [parts[-2] + token + parts[-1]]
    return parts


def _value(name: str, lookup: Lookup, sources: Sequence[str]) -> str:
    for word in WARNINGS:
        if name.startswith(word) and len(name) > len(word):
            return warning(name[len(word) :], sources)
    return lookup(name) or ""


def _unused(texts: Sequence[str]) -> str:
    """Return a word that is an identifier, and part of none of the *texts*."""
    mark = "ucr_value_"
    while any(mark in text for text in texts):
        mark += "x_"
    return mark

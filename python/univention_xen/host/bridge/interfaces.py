# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""/etc/network/interfaces and the files it sources: read, and edited without touching any other byte.

The syntax is that of interfaces(5) of ifupdown 0.8: words separated by blanks, a backslash at the end of a line joins
it with the next, comments only on lines of their own, a stanza lasts until the next keyword at the start of a line.
"""

from __future__ import annotations

import re
from typing import NamedTuple

STANZAS = frozenset({"iface", "mapping", "source", "source-directory", "auto", "template", "rename"})
"""Keywords that end the stanza before them; words that begin with ``allow-`` and ``no-`` do as well."""

COMMANDS = frozenset({"pre-up", "up", "post-up", "down", "pre-down", "post-down"})


class Line(NamedTuple):
    """One logical line: *text* holds its bytes with their ends, *words* what it says; *number* counts from 1."""

    number: int
    text: str
    words: tuple[str, ...]

    @property
    def key(self) -> str:
        """Return the first word, or ""."""
        return self.words[0] if self.words else ""

    @property
    def rest(self) -> str:
        """Return what follows the first word, as it was written."""
        return re.sub(r"\\\r?\n", " ", self.text).strip()[len(self.key) :].strip()

    def starts_stanza(self) -> bool:
        """Say whether this line ends what came before."""
        return self.key in STANZAS or self.key.startswith(("allow-", "no-auto-down", "no-scripts"))


class Iface(NamedTuple):
    """One ``iface`` stanza; *first* is the index of its line, *options* those of its options."""

    name: str
    family: str
    method: str
    first: int
    options: tuple[int, ...]


def split(text: str) -> list[Line]:
    """Take a file apart; joining the texts of all lines gives it back."""
    lines: list[Line] = []
    held, number = "", 1
    for count, physical in enumerate(re.findall(r"[^\n]*\n|[^\n]+", text), 1):
        if not held:
            number = count
        held += physical
        comment = held.lstrip().startswith("#")
        if physical.rstrip("\r\n").endswith("\\") and not comment:
            continue
        lines.append(Line(number, held, () if comment else words(held)))
        held = ""
    if held:
        lines.append(Line(number, held, words(held)))
    return lines


def words(text: str) -> tuple[str, ...]:
    """Return the words of a logical line."""
    return tuple(re.sub(r"\\(\r?\n|$)", " ", text).split())


def ifaces(lines: list[Line]) -> list[Iface]:
    """Return every ``iface`` stanza."""
    found: list[Iface] = []
    inside = False
    for index, line in enumerate(lines):
        if line.starts_stanza():
            inside = line.key == "iface" and len(line.words) > 1
            if inside:
                name, family, method = (*line.words[1:4], "", "")[:3]
                found.append(Iface(name, family, method, index, ()))
        elif inside and line.words:
            last = found[-1]
            found[-1] = last._replace(options=(*last.options, index))
    return found


def sources(lines: list[Line]) -> list[tuple[str, str]]:
    """Return (keyword, pattern) of every file or directory that is read too."""
    return [(line.key, word) for line in lines if line.key in ("source", "source-directory") for word in line.words[1:]]


def renamed(text: str, old: str, new: str) -> str:
    """Replace the word *old* by *new*; names that merely contain it stay."""
    return re.sub(rf"(?<![\w.:/=-]){re.escape(old)}(?![\w:=-]|\.\w)", lambda _: new, text)

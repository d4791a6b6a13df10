# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Files of systemd-networkd: found in the order that counts, read, and taken apart without losing a byte.

The syntax is that of systemd.syntax(7): sections, KEY=VALUE, comments that begin with ``#`` or ``;``, and a backslash
at the end of a line that joins it with the next. systemd 252 tells only the main file of a link, not its drop-ins.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from univention_xen.plan import Machine

OURS = "/etc/systemd/network"
DIRECTORIES = (OURS, "/run/systemd/network", "/usr/local/lib/systemd/network", "/usr/lib/systemd/network")
"""Of files with the same name, the one in the first of these counts."""


class Item(NamedTuple):
    """One setting, or a comment or blank line, whose *key* is ""; *text* holds its bytes."""

    key: str
    value: str
    text: str


class Section(NamedTuple):
    """What stands below one header; before the first header *name* and *header* are ""."""

    name: str
    header: str
    items: tuple[Item, ...]

    def only(self, keep: Iterable[Item]) -> Section:
        """Return the section with these items."""
        return self._replace(items=tuple(keep))


def split(text: str) -> list[Section]:
    """Take a file apart; join() gives it back."""
    found = [Section("", "", ())]
    for line in logical(text):
        bare = line.strip()
        if header := re.fullmatch(r"\[([^\[\]]*)\]", bare):
            found.append(Section(header[1], line, ()))
            continue
        key, equals, value = re.sub(r"\\\r?\n", " ", bare).partition("=")
        setting = bool(equals) and not bare.startswith(("#", ";"))
        item = Item(key.strip(), value.strip(), line) if setting else Item("", "", line)
        found[-1] = found[-1].only((*found[-1].items, item))
    return found


def logical(text: str) -> Iterator[str]:
    """Yield every line together with those that a backslash joins to it."""
    held = ""
    for physical in re.findall(r"[^\n]*\n|[^\n]+", text):
        comment = not held and physical.lstrip().startswith(("#", ";"))
        held += physical
        if comment or not physical.rstrip("\r\n").endswith("\\"):
            yield held
            held = ""
    if held:
        yield held


def join(sections: Iterable[Section]) -> str:
    """Return the text of a file of these sections."""
    return "".join(section.header + "".join(item.text for item in section.items) for section in sections)


def values(sections: Iterable[Section], name: str, *keys: str) -> list[str]:
    """Return the values of some keys in all sections *name*; an empty one takes back those before it."""
    found: list[str] = []
    for section in sections:
        for item in section.items if section.name == name else ():
            if item.key in keys:
                found = [*found, item.value] if item.value else []
    return found


def listed(on: Machine, directory: str, suffix: str) -> dict[str, str]:
    """Return the paths of the files that count, by their names, in a directory that exists in several places."""
    found: dict[str, str] = {}
    for place in DIRECTORIES:
        there = on.path(os.path.join(place, directory))
        for name in sorted(os.listdir(there)) if there.is_dir() else ():
            if name.endswith(suffix):
                found.setdefault(name, os.path.join(place, directory, name))
    return dict(sorted(found.items()))


def effective(on: Machine, path: str) -> tuple[str, list[str]]:
    """Return the text of a file with its drop-ins behind it, and the paths of these."""
    parts = list(listed(on, os.path.basename(path) + ".d", ".conf").values())
    texts = [on.read(each) for each in (path, *parts)]
    return "".join(text if text.endswith("\n") or not text else text + "\n" for text in texts), parts

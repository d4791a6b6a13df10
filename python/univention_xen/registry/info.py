# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Registration files: which package has which templates and handlers, and which variables concern them."""

from __future__ import annotations

from univention_xen.registry import places
from univention_xen.registry.store import read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Stanza = dict[str, list[str]]


def parse(text: str) -> list[Stanza]:
    """Split a registration into stanzas: key → all its values. Lines without a colon and a blank do not count."""
    stanzas: list[Stanza] = []
    current: Stanza = {}
    for line in [*text.split("\n"), ""]:
        if not line.strip():
            if current:
                stanzas.append(current)
            current = {}
            continue
        key, separator, value = line.partition(": ")
        if separator:
            current.setdefault(key, []).append(value.strip())
    return stanzas


def path_of(root: str, package: str) -> str:
    """Return where the registration of *package* lies."""
    return places.below(root, f"{places.INFO}/{package}.info")


def read(root: str, package: str) -> list[Stanza]:
    """Return the stanzas of *package*; raise FileNotFoundError when it has no registration file."""
    return parse(read_text(path_of(root, package)))


def read_all(root: str, without: str = "") -> Iterator[Stanza]:
    """Yield the stanzas of all packages in the order of their names, leaving out the package *without*."""
    left_out = path_of(root, without)
    for path in places.listing(places.below(root, places.INFO), ".info"):
        if path != left_out:
            yield from parse(read_text(path))

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What packages say about variables: text in two languages, type, limits, default, category."""

from __future__ import annotations

import os

from univention_xen.registry import places
from univention_xen.registry.patterns import matcher
from univention_xen.registry.store import read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Sections = dict[str, dict[str, str]]

CUSTOMIZED = "_customized"


def parse(text: str) -> Sections:
    """Read an ini file: section → option in lower case → value; indented lines continue a value."""
    sections: Sections = {}
    options: dict[str, str] = {}
    last = ""
    for line in text.split("\n"):
        bare = line.strip()
        if not bare or bare[0] in "#;":
            continue
        if line[0] in " \t" and last:
            options[last] += "\n" + bare
        elif bare[0] == "[" and "]" in bare:
            options = sections.setdefault(bare[1 : bare.rindex("]")], {})
            last = ""
        else:
            at = min((place for place in (bare.find("="), bare.find(":")) if place >= 0), default=len(bare))
            last = bare[:at].strip().lower()
            options[last] = bare[at + 1 :].strip()
    return sections


def language() -> str:
    """Return the two letters of the language the user wants to read; `en` when nothing is said."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return value[:2].lower() if value.partition(".")[0] not in ("C", "POSIX") else "en"
    return "en"


def localised(options: dict[str, str], name: str) -> str | None:
    """Return the option *name* in the user's language, else the one without language, else None."""
    return options.get(f"{name}[{language()}]") or options.get(name)


class Descriptions:
    """All described variables of a machine. A section whose name holds `.*` describes every name that matches."""

    def __init__(self, sections: Sections) -> None:
        self.sections = sections
        # the longest pattern says most
        ordered = sorted((name for name in sections if ".*" in name), key=len, reverse=True)
        self.patterns = [(_safe_matcher(name), name) for name in ordered]

    @classmethod
    def load(cls, root: str) -> Descriptions:
        """Read everything; the first file that describes a variable wins, and `_customized` before all others."""
        sections: Sections = {}
        for path in files(root):
            for name, options in parse(read_text(path)).items():
                sections.setdefault(name, options)
        return cls(sections)

    def get(self, key: str) -> dict[str, str] | None:
        """Return the options of the section, or of the most specific pattern, that describes *key*."""
        if key in self.sections:
            return self.sections[key]
        for matches, name in self.patterns:
            if matches(key):
                return self.sections[name]
        return None

    def of_category(self, category: str) -> Descriptions:
        """Return only what belongs to *category*."""
        return Descriptions({k: o for k, o in self.sections.items() if category.lower() in categories_of(o)})

    def defaults(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the non-empty defaults: of described names, and of those *keys* that match a pattern."""
        found = {key: options.get("default", "") for key, options in self.sections.items() if ".*" not in key}
        for key in keys:
            if key not in found and (options := self.get(key)) is not None:
                found[key] = options.get("default", "")
        return {key: value for key, value in found.items() if value}


def files(root: str) -> list[str]:
    """Return the paths of all description files, the administrator's own first."""
    directory = places.below(root, places.VARIABLES)
    return places.listing(directory, CUSTOMIZED) + places.listing(directory, ".cfg")


def describe(root: str, keys: Iterable[str]) -> Descriptions:
    """Return enough to describe *keys*: files that name none of them are not taken apart."""
    sections: Sections = {}
    wanted = [f"[{key}]" for key in keys]
    for path in files(root):
        text = read_text(path)
        if ".*" in text or any(word in text for word in wanted):
            for name, options in parse(text).items():
                sections.setdefault(name, options)
    return Descriptions(sections)


def categories_of(options: dict[str, str]) -> list[str]:
    """Return the ids of the categories a variable is in."""
    return [word.strip().lower() for word in options.get("categories", "").split(",") if word.strip()]


def categories(root: str) -> set[str]:
    """Return the ids of all categories there are."""
    found: set[str] = set()
    for path in places.listing(places.below(root, places.CATEGORIES), ".cfg"):
        found.update(name.lower() for name in parse(read_text(path)))
    return found


def _safe_matcher(pattern: str):  # type: ignore[no-untyped-def]
    try:
        return matcher(pattern)
    except ValueError:
        return pattern.__eq__

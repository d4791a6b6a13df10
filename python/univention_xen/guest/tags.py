# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Lines of a guest file that follow a registry variable, because a comment behind them says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from univention_xen.guest.words import spelt

if TYPE_CHECKING:
    from univention_xen.guest.cfg import Cfg
    from univention_xen.guest.words import Assignment, Value

TAG = re.compile(r"#[ \t]*ucr:[ \t]*([A-Za-z0-9_./-]+)")


class Followed(NamedTuple):
    """A registry variable that lines can follow, the setting that it stands for, and what that should be.

    *key* is such as vnclisten: on a line of its own, or as ``key=…`` in the elements of a list such as vfb or vif.
    *value* is None when the variable says nothing that a line could follow; the lines stay as they are then.
    """

    variable: str
    key: str
    value: str | None


class Tag(NamedTuple):
    """A comment that ties a setting to a variable; *items* are the elements of a list that stand on its line."""

    assignment: Assignment
    variable: str
    items: tuple[int, ...] | None = None


class Astray(NamedTuple):
    """A setting that does not say what its tags want: what it would have to be, and the variables that differ."""

    assignment: Assignment
    value: Value
    followed: tuple[Followed, ...]

    @property
    def sentence(self) -> str:
        """What is wrong with it."""
        return "; ".join(f"{each.key} should be “{each.value}”, as {each.variable} says" for each in self.followed)


def mentioned(text: str) -> frozenset[str]:
    """Return the variables that tags in *text* name; fast, and a tag that no line has is among them."""
    return frozenset(TAG.findall(text)) if "ucr:" in text else frozenset()


def tagged(text: str, assignments: Iterable[Assignment]) -> Iterator[Tag]:
    """Yield each comment ``# ucr: VARIABLE`` behind a value, behind a list or on the line where it begins.

    Behind an element of a list it is about the elements on its line. On a line of its own it is about nothing.
    """
    for each in assignments:
        end = text.find("\n", each.stop)
        behind = text[each.stop : len(text) if end < 0 else end]
        if behind.lstrip(" \t").startswith("#"):
            yield from (Tag(each, found[1]) for found in TAG.finditer(behind))
        starts, stops = [start for start, _ in each.items], [stop for _, stop in each.items]
        for index, (start, stop) in enumerate(zip([each.start, *stops], [*starts, each.stop], strict=True)):
            if each.items and (found_here := TAG.findall(text[start:stop].partition("\n")[0])):
                beside = tuple(item for item in range(index) if "\n" not in text[starts[item] : stops[index - 1]])
                yield from (Tag(each, variable, beside if index else None) for variable in found_here)


def astray(text: str, assignments: Iterable[Assignment], followed: Iterable[Followed]) -> list[Astray]:
    """Return the tagged settings that do not say what the variables in *followed* want."""
    wanted = {each.variable: each for each in followed if each.value is not None}
    if not wanted.keys() & mentioned(text):
        return []
    found: dict[int, Astray] = {}
    for tag in tagged(text, assignments):
        each = wanted.get(tag.variable)
        if each and each.value is not None:
            before = found.get(tag.assignment.begin, Astray(tag.assignment, tag.assignment.value, ()))
            value = with_setting(tag, before.value, each.key, each.value)
            if value != before.value:
                found[tag.assignment.begin] = Astray(tag.assignment, value, (*before.followed, each))
    return list(found.values())


def follow(cfg: Cfg, variable: str, key: str, value: str) -> Cfg:
    """Return the file in which every line tagged with *variable* has *value*; no other byte changes.

    A tagged line that sets something else than *key* is left alone, and so is a list when *value* has a comma in it.
    """
    return follow_all(cfg, (Followed(variable, key, value),))


def follow_all(cfg: Cfg, followed: Iterable[Followed]) -> Cfg:
    """Return the file in which every tagged line says what *followed* wants; no other byte changes."""
    return cfg.edited(edits(astray(cfg.text, cfg.assignments, followed)))


def rewritten(text: str, found: Iterable[Astray]) -> str:
    """Return the text in which the settings in *found* say what they should; no other byte changes."""
    for start, stop, new in sorted(edits(found), reverse=True):
        text = text[:start] + new + text[stop:]
    return text


def edits(found: Iterable[Astray]) -> list[tuple[int, int, str]]:
    """Return what has to be put where in the text."""
    from univention_xen.guest.cfg import item_edits

    return [
        edit
        for each in found
        for edit in item_edits(each.assignment, each.value)
        or [(each.assignment.start, each.assignment.stop, spelt(each.value))]
    ]


def with_setting(tag: Tag, old: Value, key: str, value: str) -> Value:
    """Return what the value *old* of a tagged setting becomes when *key* shall be *value*."""
    if isinstance(old, list):
        chosen = range(len(old)) if tag.items is None else tag.items
        if "," in value:
            return old
        return [with_key(item, key, value) if index in chosen else item for index, item in enumerate(old)]
    return value if tag.assignment.name == key else old


def with_key(item: Value, key: str, value: str) -> Value:
    """Return the element ``a=b,key=old`` of a list with another value for *key*; added if it is not there."""
    if not isinstance(item, str):
        return item
    parts = item.split(",") if item.strip() else []
    found = [index for index, part in enumerate(parts) if re.match(rf"\s*{re.escape(key)}=", part)]
    for index in found:
        parts[index] = f"{parts[index].partition('=')[0]}={value}"
    return ",".join(parts if found else [*parts, f"{key}={value}"])

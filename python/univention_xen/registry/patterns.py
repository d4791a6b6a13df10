# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Regular expressions that UCR uses for names: tested at the start of a name, mostly without the help of `re`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SPECIAL = frozenset(".^$*+?{}[]\\|()")


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return a function that tells whether a name matches *pattern* from its start, like re.match().

    Names, `^names$` and names with `.*` in them are what registrations hold; they are compared as text, because
    importing `re` takes longer than all the rest. Raises ValueError when the pattern is not a regular expression.
    """
    body = pattern.removeprefix("^")
    whole = body.endswith("$")
    parts = (body[:-1] if whole else body).split(".*")
    if SPECIAL.isdisjoint("".join(parts)):
        return _globbing(parts, whole)
    import re

    try:
        match = re.compile(pattern).match
    except (re.error, RecursionError, OverflowError) as why:
        raise ValueError(f"{pattern!r} is not a regular expression: {why}") from None
    return lambda name: match(name) is not None


def _globbing(parts: list[str], whole: bool) -> Callable[[str], bool]:
    first, *others = parts

    def matches(name: str) -> bool:
        if not name.startswith(first):
            return False
        if not others:
            return not whole or name == first
        at = len(first)
        last = others[-1] if whole else ""
        for part in others[:-1] if whole else others:
            at = name.find(part, at)
            if at < 0:
                return False
            at += len(part)
        return len(name) - at >= len(last) and name.endswith(last)

    return matches

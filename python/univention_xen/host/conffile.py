# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Files of comments and computed lines: what the templates below conffiles/etc have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from univention_xen.log import log

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from univention_xen.settings.variable import Group, Problem

G = TypeVar("G", bound="Group")


def settings(registry: Mapping[str, str], group: type[G]) -> G:
    """Read a group of variables for a template; what is wrong with them goes to stderr."""
    values, problems = group.read(registry)
    warn(problems)
    return values


def warn(problems: Iterable[Problem]) -> None:
    """Say on stderr, a line each, what is wrong."""
    for problem in problems:
        log.warning("%s", problem)


def fill(text: str, blocks: Mapping[str, Iterable[str]]) -> str:
    """Return *text* with each line that is just {NAME} replaced by the lines of that block, none or many.

    One call fills a whole template, because the registry starts an interpreter for every call.
    Raises KeyError for a name that is not in *blocks*.
    """
    lines: list[str] = []
    for line in text.strip("\n").split("\n"):
        if line[:1] == "{" and line[-1:] == "}":
            lines += blocks[line[1:-1]]
        else:
            lines.append(line)
    return "\n".join(lines)

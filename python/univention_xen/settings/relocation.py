# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Variables about guests that move between hosts, and the regular expressions that say which hosts."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

from univention_xen.settings.kinds import FLAG, HOST, PATH, PORT, Kind
from univention_xen.settings.variable import Group, Problem, Variable, short

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUPS_OF_PYTHON_2 = ("(?:", "(?=", "(?!", "(?<=", "(?<!", "(?P<", "(?P=", "(?i)", "(?#")
MOST_GROUPS = 99
"""Groups that an expression of Python 2 can have."""


def patterns(text: str) -> tuple[str, ...]:
    """Return the expressions in *text*, separated by blanks.

    xend runs under Python 2 and tries each with match() on a peer's name and address. It cuts at every single
    blank, so that two of them would make an empty expression, which lets everybody in.
    Raises ValueError.
    """
    found = tuple(text.split())
    for pattern in found:
        check_pattern(pattern)
    return found


def check_pattern(pattern: str) -> None:
    """Raise ValueError for what Python 2 would not compile, and for what matches before its first character."""
    bare = without_classes(pattern)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what Python means to change is no safe ground
            compiled = re.compile(pattern)
    except (re.error, Warning, OverflowError, RecursionError) as why:
        raise ValueError(f"contains the regular expression {short(pattern)}, which does not compile: {why}") from None
    groups = (bare[group.start() :] for group in re.finditer(r"\(\?", bare))
    newer = re.search(r"[*+?}]\+", bare) or not all(group.startswith(GROUPS_OF_PYTHON_2) for group in groups)
    if newer or compiled.groups > MOST_GROUPS:
        raise ValueError(f"contains the regular expression {short(pattern)}, which Python 2 would not compile")
    nothing = compiled.match("~")
    if nothing and nothing.end() == 0:
        raise ValueError(f"contains the regular expression {short(pattern)}, which matches every host")


def without_classes(pattern: str) -> str:
    """Return the expression with each escaped character and each [class] replaced by one letter."""
    return re.sub(r"\[\^?\]?[^\]]*\]", "x", re.sub(r"\\.", "x", pattern))


def has_end(pattern: str) -> bool:
    """Say whether every way to match the expression ends with $, so that no longer name slips through."""
    bare = without_classes(pattern)
    depth, branches = 0, [""]
    for c in bare:
        depth += (c == "(") - (c == ")")
        if c == "|" and depth == 0:
            branches.append("")
        else:
            branches[-1] += c
    return all(branch.endswith("$") for branch in branches)


PATTERNS: Kind[tuple[str, ...]] = Kind(
    "str", patterns, regex=r"^[ -~]*$", show=" ".join, nothing="the list with only this host in it"
)


class Relocation(Group):
    """Whether and from where this host takes guests."""

    relocation = Variable("xen/server/relocation", FLAG, False)
    relocation_ssl = Variable("xen/server/relocation_ssl", FLAG, False)
    relocation_port = Variable("xen/relocation/port", PORT, 8002)
    relocation_port_ssl = Variable("xen/relocation/port_ssl", PORT, 8003)
    relocation_address = Variable("xen/relocation/address", HOST, "")
    hosts_allow = Variable("xen/relocation/hosts_allow", PATTERNS, ())
    allow_all = Variable("xen/relocation/allow_all", FLAG, False)
    relocation_ssl_key = Variable("xen/relocation/ssl_key", PATH, "/etc/xen/xmlrpc.key")
    relocation_ssl_cert = Variable("xen/relocation/ssl_cert", PATH, "/etc/xen/xmlrpc.crt")
    relocation_ssl_client = Variable("xen/relocation/ssl_client", FLAG, False)
    relocation_tool = Variable("xen/relocation/tool", PATH, "")

    @property
    def takes_guests(self) -> bool:
        """Say whether any relocation server is on."""
        return self.relocation or self.relocation_ssl

    def own_risks(self) -> Iterator[Problem]:
        """Yield lists that let in nobody, too many, or everybody."""
        allow, everybody = Relocation.hosts_allow, Relocation.allow_all.name
        if self.allow_all:
            if self.hosts_allow:
                yield allow.risk(self, f"has no effect while {everybody} is on", f"ucr unset {everybody}")
            return
        if self.takes_guests and not self.hosts_allow:
            why = "is empty while relocation is on, so only this host itself may send guests"
            yield allow.risk(self, why, f"name the hosts, or set {everybody}=yes")
        for pattern in self.hosts_allow:
            if re.match(pattern, "9.9") and re.match(pattern, "x.y"):
                yield allow.risk(self, f"contains {short(pattern)}, which lets everybody send guests")
            elif not has_end(pattern):
                why = f"contains {short(pattern)}, which also matches every longer name, as it does not end with $"
                yield allow.risk(self, why, "write ^name$")

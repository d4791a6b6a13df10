# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""nftables: a table of our own, and the same rules where another table would refuse the connections.

An `accept` counts for its own table only: what one table lets through, the next may still refuse. So our table can
keep out who is not among the sources, but to let anybody through where an input chain of the administrator refuses
what it does not know, the rules have to stand there too, right before that refusal. Each of them has a comment by
which it is found and taken away again; no rule of anybody else is touched.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from univention_xen.host.firewall.openings import Opening

TABLE, MARK = "univention_xen", "univention-xen: "
RULE = re.compile(r'^\t\t(\S.* accept comment "univention-xen: [A-Za-z0-9_.+, -]*")$', re.MULTILINE)
HEAD = """\
#!/usr/sbin/nft -f
# Made by `univention-xen host firewall apply`, and taken away by `univention-xen host firewall remove`.
# Loaded at boot by univention-xen-firewall.service, and after each start of nftables.service.
"""
REFUSING, TALKING = {"drop", "reject"}, {"counter", "log"}


class Chain(NamedTuple):
    """An input chain of somebody else that refuses what it does not know.

    *before* is the handle of the rule in front of which ours belong, None for the end.
    """

    family: str
    table: str
    name: str
    before: int | None

    def __str__(self) -> str:
        return f"{self.family} {self.table} {self.name}"


def file_text(openings: Sequence[Opening]) -> str:
    """Return our table as a script that replaces it, and nothing else, in one go."""
    admitted = [f"\t\t{line}" for opening in openings for line in rules(opening)]
    refused = [f"\t\t{condition(opening)} reject" for opening in openings if opening.sources]
    return HEAD + "\n".join(
        [
            f"table inet {TABLE}",
            f"delete table inet {TABLE}",
            f"table inet {TABLE} {{",
            "\tchain admitted {",
            *admitted,
            "\t}",
            "",
            "\tchain input {",
            "\t\ttype filter hook input priority filter; policy accept;",
            '\t\tiifname "lo" accept',
            "\t\tjump admitted",
            *refused,
            "\t}",
            "}",
            "",
        ]
    )


def condition(opening: Opening, source: str = "") -> str:
    """Return what a packet looks like that is meant."""
    to = f"{family(opening.address)} daddr {opening.address} " if opening.address else ""
    return f"{source}{to}tcp dport {opening.ports}"


def rules(opening: Opening) -> Iterator[str]:
    """Yield the rules that admit, one for each family of the sources."""
    comment = f'accept comment "{MARK}{opening.what}"'
    if not opening.sources:
        yield f"{condition(opening)} {comment}"
    for name, members in by_family(opening.sources):
        if not opening.address or family(opening.address) == name:
            source = f"{name} saddr {{ {', '.join(members)} }} "
            yield f"{condition(opening, source)} {comment}"


def family(address: str) -> str:
    """Return nft's word for the family of an address or network."""
    return "ip6" if ":" in address else "ip"


def by_family(sources: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the sources of each family, none within another, as nft refuses sets that overlap."""
    from ipaddress import IPv4Network, IPv6Network, collapse_addresses

    four = collapse_addresses(IPv4Network(each) for each in sources if family(each) == "ip")
    six = collapse_addresses(IPv6Network(each) for each in sources if family(each) == "ip6")
    for name, members in (("ip", list(map(str, four))), ("ip6", list(map(str, six)))):
        if members:
            yield name, members


def admitting(text: str) -> list[str]:
    """Return the rules that admit in the file that file_text() has made."""
    return RULE.findall(text)


def objects(ruleset: str, kind: str) -> list[dict[str, Any]]:
    """Return the chains or rules in what `nft -j list ruleset` prints."""
    return [item[kind] for item in json.loads(ruleset)["nftables"] if kind in item]


def has_table(ruleset: str) -> bool:
    """Say whether our table is in the kernel."""
    return any(table["family"] == "inet" and table["name"] == TABLE for table in objects(ruleset, "table"))


def refusing(ruleset: str) -> list[Chain]:
    """Return the chains in which our rules have to stand too. Pure."""
    rows: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for rule in objects(ruleset, "rule"):
        rows.setdefault((rule["family"], rule["table"], rule["chain"]), []).append(rule)

    def tail(family: str, table: str, chain: str, seen: frozenset[str] = frozenset()) -> list[dict[str, Any]]:
        """Return the rules at the end of a chain that refuse all that comes so far, in order."""
        found: list[dict[str, Any]] = []
        decided = False
        for rule in reversed(rows.get((family, table, chain), [])):
            words = {key for statement in rule["expr"] for key in statement}
            into = next((each["jump"]["target"] for each in rule["expr"] if "jump" in each), None)
            into = into or next((each["goto"]["target"] for each in rule["expr"] if "goto" in each), None)
            if words & REFUSING and words <= REFUSING | TALKING:
                decided = True
            elif into and into not in seen and words <= TALKING | {"jump", "goto"}:
                if not tail(family, table, into, seen | {chain}):
                    break
                decided = True
            elif not words <= TALKING:
                break
            found.insert(0, rule)
        return found if decided else []

    chains = []
    for chain in objects(ruleset, "chain"):
        if chain.get("hook") != "input" or chain.get("type") != "filter" or chain["table"] == TABLE:
            continue
        if chain["family"] not in ("inet", "ip", "ip6"):
            continue
        end = tail(chain["family"], chain["table"], chain["name"])
        if end or chain.get("policy") == "drop":
            before = end[0]["handle"] if end else None
            chains.append(Chain(chain["family"], chain["table"], chain["name"], before))
    return chains


def fitting(rules: Sequence[str], chain: Chain) -> list[str]:
    """Return the rules that make sense in a chain of this family."""
    foreign = {"ip": "ip6", "ip6": "ip"}.get(chain.family)
    return [rule for rule in rules if foreign not in rule.split()]


def ours(ruleset: str) -> list[tuple[str, str, str, int]]:
    """Return family, table, chain and handle of each rule of ours in other tables."""
    return [
        (rule["family"], rule["table"], rule["chain"], rule["handle"])
        for rule in objects(ruleset, "rule")
        if rule["table"] != TABLE and rule.get("comment", "").startswith(MARK)
    ]


def loading(ruleset: str, text: str) -> str:
    """Return the script that makes the kernel do what the file says; ours of before are gone with it. Pure."""
    lines = [text, *deleting(ruleset)]
    for chain in refusing(ruleset):
        where = f"insert rule {chain} position {chain.before}" if chain.before else f"add rule {chain}"
        lines += [f"{where} {rule}" for rule in fitting(admitting(text), chain)]
    return "\n".join(lines) + "\n"


def unloading(ruleset: str) -> str:
    """Return the script that takes all that is ours out of the kernel, '' when there is nothing. Pure."""
    lines = list(deleting(ruleset))
    if has_table(ruleset):
        lines.append(f"delete table inet {TABLE}")
    return "".join(f"{line}\n" for line in lines)


def deleting(ruleset: str) -> Iterator[str]:
    """Yield the commands that delete our rules in other tables."""
    for family, table, chain, handle in ours(ruleset):
        yield f"delete rule {family} {table} {chain} handle {handle}"


def is_loaded(ruleset: str, text: str) -> bool:
    """Say whether the kernel has our table, and our rules wherever somebody would refuse the connections."""
    if not has_table(ruleset):
        return False
    there: dict[tuple[str, str, str], int] = {}
    for family, table, chain, _ in ours(ruleset):
        there[family, table, chain] = there.get((family, table, chain), 0) + 1
    needed = {(c.family, c.table, c.name): len(fitting(admitting(text), c)) for c in refusing(ruleset)}
    return all(there.get(chain, 0) == count for chain, count in needed.items())

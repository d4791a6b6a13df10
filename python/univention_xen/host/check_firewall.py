# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Whether the firewall fits what is configured: it keeps out who shall come, or lets in who shall not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from univention_xen.host.firewall import decide, nft, show, ucs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from univention_xen.host.firewall.decide import Facts

    Row = tuple[str, str, str, str]

WARNING, NOTE = "warning", "note"
PLAN = "univention-xen host firewall plan shows the rules, and apply makes them"


def judge(facts: Facts) -> Iterator[Row]:
    """Yield level, subject, sentence and hint. Where nothing refuses anybody and nobody shall be, all is well."""
    wanted = facts.wanted.openings
    ports = ", ".join(opening.ports for opening in wanted)
    if facts.manager not in (decide.UCS, decide.NFTABLES):
        if wanted:
            hint = "; ".join(line for opening in wanted for line in decide.commands(facts.manager, opening))
            problem = f"whether {facts.manager} lets through tcp {ports}, as is configured, is for you to see"
            yield NOTE, "firewall", problem, hint
        return
    if show.is_done(facts):
        return
    if not wanted:
        problem = "the firewall has rules of univention-xen for ports that nobody uses any more"
        yield WARNING, "firewall", problem, "univention-xen host firewall apply takes them away"
    elif facts.text or opened(facts):
        yield WARNING, "firewall", f"the firewall has other rules than those for tcp {ports}", PLAN
    elif facts.manager == decide.UCS or (facts.ruleset and nft.refusing(facts.ruleset)):
        yield WARNING, "firewall", f"the firewall does not let through tcp {ports}, as is configured", PLAN
    elif any(opening.sources for opening in wanted):
        yield WARNING, "firewall", f"everybody reaches tcp {ports}, not only the sources that are configured", PLAN


def opened(facts: Facts) -> bool:
    """Say whether variables of UCS open anything for us."""
    return any(name.startswith(ucs.BELOW) for name in facts.registry)

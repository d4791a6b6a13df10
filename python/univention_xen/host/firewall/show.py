# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The firewall, for people and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from univention_xen.host.firewall import decide, nft
from univention_xen.plan import Write

if TYPE_CHECKING:
    from univention_xen.host.firewall.decide import Facts
    from univention_xen.plan import Plan


def plan(facts: Facts, plan: Plan) -> tuple[str, object]:
    """Return text and data about what would be done."""
    lines = [*wanted(facts), "", f"In {facts.manager}:" if plan.steps else f"Nothing to do: {plan.reason}."]
    lines += [f"  {line}" for step in plan.steps for line in str(step).splitlines()]
    files = {step.path: step.text for step in plan.steps if isinstance(step, Write)}
    for path, text in files.items():
        lines += ["", f"{path}:", *(f"  {line}".rstrip() for line in text.splitlines())]
    data = about(facts) | {
        "steps": [line for step in plan.steps for line in str(step).splitlines()],
        "files": files, "why": "" if plan.steps else plan.reason,
    }  # fmt: skip
    return "\n".join(lines), data


def wanted(facts: Facts) -> list[str]:
    """Return what has to be open, in lines."""
    rows = [f"  {opening}" for opening in facts.wanted.openings] or ["  nothing"]
    return ["To be open:", *rows, *facts.wanted.notes]


def about(facts: Facts) -> dict[str, Any]:
    """Return what is known, for programs."""
    openings = [opening._asdict() | {"sources": list(opening.sources)} for opening in facts.wanted.openings]
    return {"manager": facts.manager, "wanted": openings, "notes": list(facts.wanted.notes)}


def state(facts: Facts) -> tuple[str, object]:
    """Return text and data about what is open."""
    rules = present(facts)
    refusing = [str(chain) for chain in nft.refusing(facts.ruleset)] if facts.ruleset else []
    done = is_done(facts)
    lines = [*wanted(facts), "", f"In {facts.manager}:", *([f"  {rule}" for rule in rules] or ["  nothing of ours"])]
    if facts.manager == decide.NFTABLES and rules:
        loaded = decide.is_loaded(facts)
        lines.append("The kernel has these rules." if loaded else "The kernel does not have all of these rules.")
        lines += [f"They are repeated in {chain}, which refuses what it does not know." for chain in refusing if loaded]
    lines += [] if done else ["", "These differ: univention-xen host firewall apply"]
    return "\n".join(lines), about(facts) | {"rules": rules, "repeated_in": refusing, "done": done}


def present(facts: Facts) -> list[str]:
    """Return our rules, in the words of whoever makes them."""
    if facts.manager != decide.UCS:
        return nft.admitting(facts.text)
    from univention_xen.host.firewall import ucs

    names = sorted(name for name, value in facts.registry.items() if name.startswith(ucs.BELOW) and value == "ACCEPT")
    return [*(f"{name}=ACCEPT" for name in names), *(line for line in facts.text.splitlines() if line[:2] == "ip")]


def is_done(facts: Facts) -> bool:
    """Say whether there is nothing to apply."""
    from univention_xen.errors import XenError

    try:
        return not decide.plan_apply(facts, live=bool(facts.ruleset)).steps
    except XenError:
        return False

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A plan of the bridge, for people: its steps, and what becomes of each file."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from univention_xen.host.bridge.apply import Switch, describe

if TYPE_CHECKING:
    from univention_xen.host.bridge.change import Change, File
    from univention_xen.plan import Plan


def report(plan: Plan) -> tuple[str, object]:
    """Return text and data."""
    changes = [step.change for step in plan.steps if isinstance(step, Switch)]
    if not changes:
        return plan.reason, {"steps": [], "why": plan.reason}
    change = changes[0]
    what = f"{change.interface} becomes a port of {change.bridge} ({change.manager}):"
    if not change.bridge:
        what = f"guests reach the network through {change.interface} ({change.mode}):"
    lines = [what, ""]
    lines += [f"  {line}" for line in str(plan).splitlines()]
    lines += ["", *difference(change)] if change.files else []
    lines += ["", *change.notes] if change.notes else []
    data = {
        "mode": change.mode, "interface": change.interface, "bridge": change.bridge, "manager": change.manager,
        "steps": describe(change),
        "files": {file.path: file.after for file in change.files if file.ours},
        "values": {value.name: value.after for value in change.values}, "notes": list(change.notes),
    }  # fmt: skip
    return "\n".join(lines), data


def is_ours(file: File) -> bool:
    """Say whether we write a file."""
    return file.ours


def difference(change: Change) -> list[str]:
    """Return how each file changes."""
    lines: list[str] = []
    for file in filter(is_ours, change.files):
        before, after = (file.before or "").splitlines(), (file.after or "").splitlines()
        old, new = (file.path if text is not None else "/dev/null" for text in (file.before, file.after))
        lines += difflib.unified_diff(before, after, old, new, lineterm="")
    return lines

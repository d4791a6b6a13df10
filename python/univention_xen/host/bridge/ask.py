# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The question whether to keep the bridge, and the wait for an answer from here or elsewhere."""

from __future__ import annotations

import os
import select
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from univention_xen.errors import XenError
from univention_xen.host.bridge import apply, state
from univention_xen.log import log

if TYPE_CHECKING:
    from univention_xen.plan import Machine

TICK = 0.5
"""Seconds between two looks at what others have decided."""
YES, NO = frozenset({"y", "yes", "j", "ja"}), frozenset({"n", "no", "nein"})


def wait(on: Machine, token: str) -> str:
    """Return "kept" or "undone" as soon as somebody or the time has decided about the change *token*."""
    asking = sys.stdin is not None and sys.stdin.isatty()
    with apply.deaf_to_the_terminal():
        if kept := state.read(on, state.PENDING):
            say(kept.change.thing, round(kept.deadline - state.now()), asking)
        while kept := state.read(on, state.PENDING):
            if not select.select([sys.stdin] if asking else [], [], [], TICK)[0]:
                continue
            line = os.read(sys.stdin.fileno(), 200).decode("ascii", "replace")
            asking = bool(line)  # the end of input is a lost terminal, and no answer
            answer = line.strip().lower()
            if answer in YES:
                try:
                    apply.plan_confirm(on).carry_out(on)
                except XenError:
                    break
            elif answer in NO:
                apply.plan_revert(on).carry_out(on)
            elif asking:
                log.say("Please answer yes or no.")
        while state.read(on, state.UNDOING):
            select.select([], [], [], TICK)
    applied = state.read(on, state.APPLIED)
    return "kept" if applied and applied.token == token else "undone"


def say(thing: str, seconds: int, asking: bool) -> None:
    """Tell how to decide; a lost terminal must not end the wait."""
    how = "Keep it? [yes/no]" if asking else "Keep it with: univention-xen host bridge confirm"
    with suppress(OSError):
        log.say(f"The {thing} is there. It is taken back in {seconds} s unless confirmed. {how}")

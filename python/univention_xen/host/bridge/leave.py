# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What becomes of a bridge or of forwarding when the package goes: the host keeps its network, and no more.

A bridge is what the host itself is reached by. That it forwards is for guests alone, and opens a way through it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from univention_xen.errors import XenError
from univention_xen.host.bridge import apply, state, undo
from univention_xen.log import log

if TYPE_CHECKING:
    from univention_xen.plan import Machine


def go(on: Machine, *, live: bool) -> None:
    """Take back forwarding that was confirmed, and say what stays; never raises XenError.

    Where the running system is another one than that of *on*, only the files are put back.
    """
    try:
        kept = state.read(on, state.APPLIED)
        if kept is None:
            return
        if kept.change.bridge:
            log.say(f"univention-xen: the bridge {kept.change.bridge} stays, as this host is reached by it")
            return
        apply.refuse_edited(on, kept.change)
        undo.take_back(on, state.APPLIED, boot=not live)
        log.say(f"univention-xen: this host forwards no longer for its guests ({kept.change.mode})")
    except XenError as why:
        log.say(f"univention-xen: {why}; what it says stays in force\n  hint: {why.hint}")


def main() -> None:
    """Do it on this machine: called before the package is removed."""
    from univention_xen.host import services
    from univention_xen.plan import Machine

    on = Machine()
    go(on, live=services.is_live(str(on.root)))

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What is said when a variable is set that opens something to the network: nothing is opened by that alone."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from univention_xen.plan import Machine

OFFER = "No port is opened by this: univention-xen host firewall plan shows the rules that go with it"
STALE = "The firewall keeps its rules: univention-xen host firewall plan shows what has changed"


def offer(registry: Mapping[str, str], changes: Container[str] = ()) -> str:
    """Return a sentence for who has just opened or closed VNC or relocation, '' when the firewall fits."""
    from univention_xen import units
    from univention_xen.plan import Machine
    from univention_xen.settings.relocation import Relocation
    from univention_xen.settings.vnc import Vnc

    vnc, relocation = Vnc.read(registry)[0], Relocation.read(registry)[0]
    is_open = not units.is_loopback(vnc.vnc_listen) or relocation.takes_guests
    if is_open and Vnc.vnc_listen.name in changes and not units.is_loopback(vnc.vnc_listen):
        return OFFER  # the files of guests may be about to follow
    from pathlib import Path

    on = Machine(Path(os.path.realpath(getattr(registry, "root", "/"))))
    if not is_open and not has_rules(on, registry):
        return ""
    from univention_xen.errors import XenError
    from univention_xen.host.firewall import decide

    try:
        steps = decide.plan_apply(decide.look_at(on, dict(registry.items()), kernel=False), live=False).steps
    except (XenError, OSError):
        return OFFER
    return (OFFER if is_open else STALE) if steps else ""


def has_rules(on: Machine, registry: Mapping[str, str]) -> bool:
    """Say whether we have opened anything before."""
    from univention_xen.host.firewall import decide, ucs

    return on.path(decide.FILE).exists() or any(name.startswith(ucs.BELOW) for name in registry)

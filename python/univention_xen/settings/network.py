# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Variables about the guests' network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from univention_xen.settings.kinds import INTERFACE, one_of
from univention_xen.settings.variable import Group, Problem, Variable

if TYPE_CHECKING:
    from collections.abc import Iterator

BOTH = "xend xl"


class Network(Group):
    """How guests reach the network. ``interface`` is "" (chosen by xend) or "none" (xend leaves it alone)."""

    mode = Variable("xen/network/mode", one_of("bridge", "route", "nat", "none"), "bridge", acts=BOTH)
    bridge_interface = Variable("xen/bridge/interface", INTERFACE, "", acts=BOTH)
    bridge_name = Variable("xen/bridge/name", INTERFACE, "xenbr0", acts=BOTH)

    def own_risks(self) -> Iterator[Problem]:
        """Yield a bridge that would have to contain itself."""
        if self.mode == "bridge" and self.bridge_interface == self.bridge_name:
            why = "is the name of the network card too, so that there can be no such bridge"
            yield Network.bridge_name.risk(self, why, "name the bridge xenbr0, or set xen/bridge/interface=none")

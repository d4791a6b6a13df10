# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Variables about who may come through the firewall, once it has been told to open something."""

from __future__ import annotations

from univention_xen.settings.kinds import NETWORKS
from univention_xen.settings.variable import Group, Variable


class Firewall(Group):
    """From which addresses and networks; none is everywhere."""

    vnc_sources = Variable("xen/vnc/sources", NETWORKS, (), acts="xend xl")
    relocation_sources = Variable("xen/relocation/sources", NETWORKS, ())

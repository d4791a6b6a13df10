# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What the registry's xen/* variables say, as values one can compute with.

Every variable is declared once, in one of the groups; ``Settings`` is all of them. Code that needs only some
reads only their group: ``Network.read(registry)``.
"""

from __future__ import annotations

from univention_xen.settings.boot import Boot
from univention_xen.settings.firewall import Firewall
from univention_xen.settings.host import Autostart, Ballooning, Devices, Dom0, Obsolete, Paths, Toolstack, Xendomains
from univention_xen.settings.kinds import Secret
from univention_xen.settings.network import Network
from univention_xen.settings.relocation import Relocation
from univention_xen.settings.server import Server
from univention_xen.settings.variable import Group, Problem, Variable
from univention_xen.settings.vnc import Vnc
from univention_xen.settings.xl import Xl

__all__ = [
    "Autostart", "Ballooning", "Boot", "Devices", "Dom0", "Firewall", "Group", "Network", "Obsolete", "Paths",
    "Problem", "Relocation", "Secret", "Server", "Settings", "Toolstack", "Variable", "Vnc", "Xendomains", "Xl",
]  # fmt: skip


class Settings(
    Obsolete, Xl, Xendomains, Devices, Dom0, Firewall, Vnc, Relocation, Server, Paths, Network, Boot, Autostart,
    Toolstack,
):  # fmt: skip
    """Every xen/* variable."""

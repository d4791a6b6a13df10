# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""All groups of variables in one."""

from __future__ import annotations

from univention_xen.settings.boot import Boot
from univention_xen.settings.firewall import Firewall
from univention_xen.settings.host import Autostart, Devices, Dom0, Obsolete, Paths, Toolstack, Xendomains
from univention_xen.settings.network import Network
from univention_xen.settings.relocation import Relocation
from univention_xen.settings.server import Server
from univention_xen.settings.vnc import Vnc
from univention_xen.settings.xl import Xl


class Settings(
    Obsolete, Xl, Xendomains, Devices, Dom0, Firewall, Vnc, Relocation, Server, Paths, Network, Boot, Autostart,
    Toolstack,
):  # fmt: skip
    """Every xen/* variable."""

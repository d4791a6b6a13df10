# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What the registry's xen/* variables say, as values one can compute with.

Every variable is declared once, in one of the groups; ``Settings`` is all of them. Code that needs only some
reads only their group: ``Network.read(registry)``, and only that is imported.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from univention_xen.settings.boot import Boot
    from univention_xen.settings.everything import Settings
    from univention_xen.settings.firewall import Firewall
    from univention_xen.settings.host import (
        Autostart,
        Ballooning,
        Devices,
        Dom0,
        Obsolete,
        Paths,
        Toolstack,
        Xendomains,
    )
    from univention_xen.settings.kinds import Secret
    from univention_xen.settings.network import Network
    from univention_xen.settings.relocation import Relocation
    from univention_xen.settings.server import Server
    from univention_xen.settings.variable import Group, Problem, Variable
    from univention_xen.settings.vnc import Vnc
    from univention_xen.settings.xl import Xl

MODULES = {
    "boot": ("Boot",),
    "everything": ("Settings",),
    "firewall": ("Firewall",),
    "host": ("Autostart", "Ballooning", "Devices", "Dom0", "Obsolete", "Paths", "Toolstack", "Xendomains"),
    "kinds": ("Secret",),
    "network": ("Network",),
    "relocation": ("Relocation",),
    "server": ("Server",),
    "variable": ("Group", "Problem", "Variable"),
    "vnc": ("Vnc",),
    "xl": ("Xl",),
}
__all__ = [
    "Autostart", "Ballooning", "Boot", "Devices", "Dom0", "Firewall", "Group", "Network", "Obsolete", "Paths",
    "Problem", "Relocation", "Secret", "Server", "Settings", "Toolstack", "Variable", "Vnc", "Xendomains", "Xl",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """Import a module when something of it is wanted: a verb needs a few of them, and each takes its time."""
    for module, names in MODULES.items():
        if name in names:
            return getattr(import_module(f"univention_xen.settings.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

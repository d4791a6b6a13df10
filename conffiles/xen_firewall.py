# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Who opens VNC or relocation to the network hears about the firewall, in which nothing changes by itself."""

from __future__ import annotations

from univention_xen.host.firewall import offer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def handler(ucr: Mapping[str, str], changes: Mapping[str, object]) -> None:
    """Called when one of the variables has changed, and on each commit of everything."""
    if said := offer.offer(ucr, changes):
        print(said)

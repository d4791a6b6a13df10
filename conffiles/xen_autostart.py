# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The services of Xen start at boot, by hand or never, as the registry says, unless UCS's own module does it."""

from __future__ import annotations

from univention_xen.host import autostart
from univention_xen.log import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def handler(ucr: Mapping[str, str], changes: object) -> None:
    """Called when one of the variables has changed, and on each commit of everything."""
    for problem in autostart.follow(ucr):
        log.warning("%s", problem)

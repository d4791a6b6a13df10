# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""xend reads /etc/xen/xend-config.sxp anew after the registry has changed it."""

from __future__ import annotations

from univention_xen.host import react

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def preinst(ucr: Mapping[str, str], changes: object) -> None:
    """Called before the file is written."""
    react.before("xend", ucr)


def postinst(ucr: Mapping[str, str], changes: object) -> None:
    """Called when the file has been written, whether its text has changed or not."""
    if done := react.after("xend", ucr):
        print(done)

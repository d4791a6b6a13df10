# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""xend reads /etc/xen/xend-config.sxp anew after the registry has changed it."""

from univention_xen.host import react


def preinst(ucr, changes):  # type: ignore[no-untyped-def]
    """Called before the file is written."""
    react.before("xend", ucr)


def postinst(ucr, changes):  # type: ignore[no-untyped-def]
    """Called when the file has been written, whether its text has changed or not."""
    if done := react.after("xend", ucr):
        print(done)

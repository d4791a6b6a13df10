# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""GRUB's menu follows /etc/default/grub.d/univention-xen.cfg after the registry has changed it."""

from __future__ import annotations

from univention_xen.host import grub_update

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def postinst(ucr: Mapping[str, str], changes: object) -> None:
    """Called when the file has been written, whether its text has changed or not."""
    if done := grub_update.follow(ucr):
        print(done)

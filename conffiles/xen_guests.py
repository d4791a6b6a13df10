# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Lines of guest files that a comment ties to a variable follow it."""

from __future__ import annotations

from univention_xen.host import tagged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def handler(ucr: Mapping[str, str], changes: object) -> None:
    """Called when one of the variables has changed, and on each commit of everything."""
    for sentence in tagged.follow(ucr):
        print(sentence)

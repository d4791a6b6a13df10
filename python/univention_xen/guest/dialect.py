# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Was a guest file written for xm or for xl? Both read most of each other's files, with different defaults."""

from __future__ import annotations

import re

from univention_xen.guest import xl_syntax
from univention_xen.guest.program import understand
from univention_xen.guest.words import BadSyntax, Value
from univention_xen.guest.xl_names import ONLY_XL

XL_DISK = re.compile(
    r"(^|,)\s*(target|vdev|format|access|backendtype|devtype)=|,\s*(raw|qcow2?|vhd|qed)?\s*,\s*[a-z]+:?"
)
XL_ONLY_KINDS = ("hvm", "pv", "pvh")


def for_xl(text: str) -> bool:
    """Whether *text* was written for xl: it says something that no xm ever understood.

    Without such a sign it counts as a file for xm, whose defaults then have to be written down.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n") + "\n"
    try:
        values: dict[str, Value] = xl_syntax.total(xl_syntax.parse(text, ""))
    except BadSyntax:
        return meant_for_xl(text)
    kind = values.get("type")
    if kind in XL_ONLY_KINDS and not values.get("builder"):
        return True
    if values.get("builder") == "generic" or ONLY_XL.intersection(values) - {"type"}:
        return True
    disks = values.get("disk")
    return isinstance(disks, list) and any(isinstance(disk, str) and XL_DISK.search(disk) for disk in disks)


def meant_for_xl(text: str) -> bool:
    """Whether a text that xl cannot read names the kind of the guest as only files for xl do."""
    try:
        values = understand(text, "").values
    except BadSyntax:
        return False
    return values.get("type") in XL_ONLY_KINDS and "builder" not in values

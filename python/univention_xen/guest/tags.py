# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Lines of a guest file that follow a registry variable, because a comment behind them says so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from univention_xen.guest.cfg import Cfg
    from univention_xen.guest.words import Value


def follow(cfg: Cfg, variable: str, key: str, value: str) -> Cfg:
    """Return the file in which every line tagged with *variable* has *value*; no other byte changes.

    *key* is the setting that the variable stands for, such as vnclisten: on a line of its own, or as ``key=…`` in the
    elements of a list such as vfb or vif. A tagged line that sets something else is left alone, and so is a list when
    *value* has a comma in it.
    """

    def change(name: str, old: Value) -> Value:
        if isinstance(old, list):
            return old if "," in value else [with_key(item, key, value) for item in old]
        return value if name == key else old

    return cfg.with_tagged(variable, change)


def with_key(item: Value, key: str, value: str) -> Value:
    """Return the element ``a=b,key=old`` of a list with another value for *key*; added if it is not there."""
    if not isinstance(item, str):
        return item
    parts = item.split(",") if item.strip() else []
    found = [index for index, part in enumerate(parts) if re.match(rf"\s*{re.escape(key)}=", part)]
    for index in found:
        parts[index] = f"{parts[index].partition('=')[0]}={value}"
    return ",".join(parts if found else [*parts, f"{key}={value}"])

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""All that a toolstack says of a guest, in its own words: JSON from xl, SXP from xm, XML from virsh."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from univention_xen.toolstack import guests
from univention_xen.toolstack.domain import guest_name

if TYPE_CHECKING:
    from univention_xen.plan import Machine
    from univention_xen.toolstack.domain import Toolstack

SECRET = re.compile(
    r"""("\w*passwd"\s*:\s*|\(\w*passwd\s+|\bpasswd=)("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s()'"]+)"""
)
"""A password in any of the three; that of a screen or of SPICE (libxl_types.idl: passwd; xend: vncpasswd, passwd)."""


def look_at(name: str, stack: Toolstack, on: Machine) -> str:
    """Return what the toolstack says of a guest, without passwords.

    Raises XenError for a guest that does not run; libvirt knows those that are off too.
    """
    if stack.has_files:
        guests.must_run(name, stack, on)
    return without_passwords(on.run(*stack.details(guest_name(name))).out)


def without_passwords(text: str) -> str:
    """Return the text with *** for each password; it stays JSON, SXP or XML."""

    def hidden(found: re.Match[str]) -> str:
        mark = found[2][0] if found[2][0] in "'\"" else ""
        return f"{found[1]}{mark}***{mark}"

    return SECRET.sub(hidden, text)


def as_data(text: str) -> object:
    """Return what a program can take: the JSON itself, or the text."""
    try:
        return json.loads(text)
    except ValueError:
        return {"text": text}

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Text that stands for a number, a yes or no, an address or a name.

Each function returns the value or raises ValueError with the rest of a sentence that begins with the text:
"abc" + "is not a whole number".
"""

from __future__ import annotations

import re

TRUE = frozenset(("yes", "true", "1", "enable", "enabled", "on"))
FALSE = frozenset(("no", "false", "0", "disable", "disabled", "off"))
INTERFACE = r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,14}"
"""A network interface: what the kernel takes (15 bytes) without what a shell or a script would see as more."""


def flag(text: str) -> bool:
    """Return the truth of one of the registry's twelve words for yes and no, in any case."""
    word = text.lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise ValueError("is neither yes nor no")


def whole(text: str, minimum: int | None = None, maximum: int | None = None) -> int:
    """Return a decimal number within bounds, both included."""
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise ValueError("is not a whole number")
    number = int(text)
    if minimum is not None and number < minimum:
        raise ValueError(f"is less than {minimum}")
    if maximum is not None and number > maximum:
        raise ValueError(f"is more than {maximum}")
    return number


def ip_address(text: str) -> str:
    """Return the IPv4 or IPv6 address in its usual spelling; a zone (fe80::1%eth0) is no part of one."""
    import ipaddress  # takes 2 ms that settings at their default should not pay

    try:
        if "%" in text:
            raise ValueError
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("is not an IPv4 or IPv6 address") from None


def is_loopback(address: str) -> bool:
    """Say whether only this machine itself can reach *address*, an IP address or host name."""
    return address in ("localhost", "::1") or re.fullmatch(r"127(\.[0-9]{1,3}){3}", address) is not None

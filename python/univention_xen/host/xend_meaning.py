# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""When two values of an option of xend mean the same, and when an option means nothing."""

from __future__ import annotations

import os.path
import re
from typing import TYPE_CHECKING, Any

from univention_xen.host.xend_options import MEANINGFUL, SCRIPTS, compiled

if TYPE_CHECKING:
    from collections.abc import Mapping

HTTP, XMLRPC, TLS = "xend-http-server", "xend-tcp-xmlrpc-server", "vnc-tls"
RELOCATION, RELOCATION_SSL = "xend-relocation-server", "xend-relocation-ssl-server"
NEEDS = {
    "xend-address": (HTTP,),
    "xend-port": (HTTP,),
    "xend-tcp-xmlrpc-server-address": (XMLRPC,),
    "xend-tcp-xmlrpc-server-port": (XMLRPC,),
    "xend-tcp-xmlrpc-server-ssl-key-file": (XMLRPC,),
    "xend-tcp-xmlrpc-server-ssl-cert-file": (XMLRPC,),
    "xend-relocation-port": (RELOCATION,),
    "xend-relocation-address": (RELOCATION, RELOCATION_SSL),
    "xend-relocation-hosts-allow": (RELOCATION, RELOCATION_SSL),
    "xend-relocation-ssl-port": (RELOCATION_SSL,),
    "xend-relocation-server-ssl-key-file": (RELOCATION_SSL,),
    "xend-relocation-server-ssl-cert-file": (RELOCATION_SSL,),
    "vnc-x509-cert-dir": (TLS,),
    "vnc-x509-verify": (TLS,),
}
"""Options that have an effect only while one of others is on."""

EVERYWHERE = "0.0.0.0"  # noqa: S104
ADDRESSES = ("xend-address", "xend-relocation-address")
FLAGS = (TLS, "vnc-x509-verify")
WHERE_XEN_LOOKS = "/etc/xen"


def idle(option: str, options: Mapping[str, Any]) -> bool:
    """Say whether the option has no effect beside the others."""
    return option in NEEDS and not any(options.get(switch) for switch in NEEDS[option])


def meaning(option: str, value: Any, options: Mapping[str, Any]) -> Any:
    """Return a value that is equal for all values of the option that xend treats alike."""
    if option in FLAGS or option == "vncpasswd":
        return bool(value) if option in FLAGS else value or None
    if option in ADDRESSES:
        return value or EVERYWHERE
    if option == "vnc-listen":
        return "127.0.0.1" if value == "localhost" else value
    if option.endswith(("-key-file", "-cert-file")):
        return certificate(value, options)
    if option == "xend-relocation-hosts-allow":
        return "" if lets_everybody_in(value) else without_needless_escapes(value)
    if option == "total_available_memory":
        return value or 0  # not read without ballooning
    if option == "network-script":
        return None if value and value[0] == f"{SCRIPTS}/network-dummy" else value
    return value


def certificate(value: Any, options: Mapping[str, Any]) -> Any:
    """Return the path of a key or certificate: from 4.0 on, which knows device-create-timeout, in Xen's directory."""
    new = "device-create-timeout" in options
    return os.path.join(WHERE_XEN_LOOKS, value) if new and isinstance(value, str) and value else value


def without_needless_escapes(allow: str) -> str:
    """Return expressions without the backslashes that Python 2 ignores and newer ones refuse."""
    return re.sub(r"\\([A-Za-z])", lambda m: m[0] if m[1] in MEANINGFUL else m[1], allow)


def lets_everybody_in(allow: Any) -> bool:
    """Say whether the expressions, cut at every single blank, match every peer."""
    if not isinstance(allow, str):
        return not allow
    for pattern in allow.split(" "):
        try:
            found = compiled(pattern).match("~")
        except (re.error, OverflowError, RecursionError):
            return False  # no relocation server at all
        if found and found.end() == 0:
            return True
    return False


def word(value: Any) -> str:
    """Return a plain value as the registry writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)

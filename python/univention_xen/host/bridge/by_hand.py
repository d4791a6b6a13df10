# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""How an administrator makes the bridge where NetworkManager or netplan has the say, in their own words.

Tried with NetworkManager 1.42 and netplan 0.106 of Debian 12.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

from univention_xen.host.bridge.network import lasting

if TYPE_CHECKING:
    from univention_xen.host.bridge.network import Link, Network
    from univention_xen.plan import Machine

DEVICES = "/run/NetworkManager/devices"
"""A file for each link, by its number: whether NetworkManager has the say, and by which connection."""
KEYS = " ".join(
    f"{family}.{key}" for family in ("ipv4", "ipv6") for key in ("addresses", "gateway", "routes", "dns", "method")
)
"""What moves to the bridge; a method `manual` is refused before there are addresses."""


def connection_of(on: Machine, link: Link) -> str:
    """Return the UUID of the connection that NetworkManager has on a link, or ""."""
    found = re.search(r"^connection-uuid=([0-9a-f-]+)$", on.read(f"{DEVICES}/{link.number}"), re.MULTILINE)
    return found[1] if found else ""


def network_manager(link: Link, bridge: str, connection: str) -> str:
    """Return the commands, of which only the last one touches the running network. Pure.

    The card keeps its present connection for the way back, except for VLANs and bonds: theirs says how they are made.
    """
    card, new = shlex.quote(link.name), shlex.quote(f"{bridge}-{link.name}")
    options = f"bridge.stp no bridge.mac-address {link.mac} connection.autoconnect no connection.autoconnect-slaves 1"
    lines = [f"nmcli connection add type bridge con-name {bridge} ifname {bridge} {options}"]
    if connection:
        value = f'"$(nmcli -e no -g $key connection show {connection})"'
        lines.append(f"for key in {KEYS}; do nmcli connection modify {bridge} $key {value}; done")
    if connection and link.kind:
        lines.append(f"nmcli connection modify {connection} connection.master {bridge} connection.slave-type bridge")
    else:
        port = f"nmcli connection add type ethernet con-name {new} ifname {card} master {bridge} slave-type bridge"
        lines.append(port)
        lines += [f"nmcli connection modify {connection} connection.autoconnect no"] if connection else []
    lines += [f"nmcli connection modify {bridge} connection.autoconnect yes", f"nmcli connection up {bridge}"]
    return below("these commands, of which the last one switches over:", lines)


def netplan(network: Network, link: Link, bridge: str) -> str:
    """Return the YAML of the bridge with the addresses that the card has now. Pure."""
    addresses = [each.text for each in link.addresses if lasting(each)]
    gateways = [
        route.words[route.words.index("via") + 1]
        for route in network.routes
        if route.device == link.name and route.destination == "default" and not route.learnt and "via" in route.words
    ]
    lines = ["network:", "  version: 2", "  bridges:", f"    {bridge}:", f"      interfaces: [{json.dumps(link.name)}]"]
    if any(each.dynamic and each.family == "inet" for each in link.addresses):
        lines.append("      dhcp4: true")
    if addresses:
        lines.append(f"      addresses: [{', '.join(map(json.dumps, addresses))}]")
    if gateways:
        routes = (f"{{to: default, via: {json.dumps(each)}}}" for each in gateways)
        lines.append(f"      routes: [{', '.join(routes)}]")
    return below(
        f"take the addresses of {link.name}, its routes and nameservers out of /etc/netplan, give them to a bridge, "
        "then run netplan try:",
        lines,
    )


def below(words: str, lines: list[str]) -> str:
    """Return a hint with lines that can be copied."""
    return "\n".join([words, *(f"    {line}" for line in lines)])

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What the kernel says about the network: links, addresses and routes, as `ip -json` (iproute2 6.1) prints them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from univention_xen.errors import XenError

if TYPE_CHECKING:
    from univention_xen.plan import Machine

LEARNT = frozenset({"kernel", "ra", "redirect", "dhcp"})
"""Protocols of routes that come back by themselves with the address, the router or the lease."""


class Address(NamedTuple):
    """One address of a link; *label* is set only where it is not the link's own name."""

    family: str
    local: str
    prefix: int
    scope: str
    dynamic: bool
    peer: str = ""
    label: str = ""

    @property
    def text(self) -> str:
        """Return the address with its prefix length."""
        return f"{self.local}/{self.prefix}"


class Route(NamedTuple):
    """One route of the main table, in the words that `ip route add` takes."""

    family: str
    device: str
    destination: str
    words: tuple[str, ...]
    learnt: bool


class Link(NamedTuple):
    """One network interface. *master* and *lower* are names or ""; *kind* is "bridge", "vlan", "bond", … or ""."""

    number: int
    name: str
    mac: str
    type: str
    kind: str
    up: bool
    master: str
    lower: str
    mtu: int
    addresses: tuple[Address, ...]


class Network(NamedTuple):
    """Everything the kernel says, and which links are wireless."""

    links: dict[str, Link]
    routes: tuple[Route, ...]
    wireless: frozenset[str] = frozenset()

    def ports(self, bridge: str) -> list[str]:
        """Return the names of the links that belong to *bridge* (or bond)."""
        return [link.name for link in self.links.values() if link.master == bridge]

    def vlans(self, lower: str) -> list[str]:
        """Return the names of the VLANs on top of *lower*."""
        return [link.name for link in self.links.values() if link.kind == "vlan" and link.lower == lower]

    def default(self) -> str:
        """Return the interface of the default route, IPv4 first; "" when there is none."""
        return next((r.device for r in self.routes if r.destination == "default"), "")


def look_at(on: Machine) -> Network:
    """Ask the kernel. Raises XenError when `ip` cannot answer."""
    addresses = on.run("ip", "-json", "-details", "address", "show").out
    routes = [on.run("ip", "-json", f"-{family}", "route", "show", "table", "main").out for family in "46"]
    links = parse_links(addresses)
    wireless = frozenset(
        name for name in links if any(on.path(f"/sys/class/net/{name}/{each}").exists() for each in WIRELESS)
    )
    return Network(links, parse_routes(routes[0], "inet") + parse_routes(routes[1], "inet6"), wireless)


WIRELESS = ("wireless", "phy80211")
"""Directories that the kernel shows for wireless cards; these cannot send with the addresses of guests."""


def parse_links(text: str) -> dict[str, Link]:
    """Read `ip -json -details address show`."""
    links = {}
    for each in parse(text):
        if "ifname" in each:
            links[each["ifname"]] = Link(
                each["ifindex"], each["ifname"], each.get("address", ""), each.get("link_type", ""),
                each.get("linkinfo", {}).get("info_kind", ""), "UP" in each.get("flags", ()), each.get("master", ""),
                each.get("link") or "", each.get("mtu", 1500),
                tuple(parse_address(info, each["ifname"]) for info in each.get("addr_info", ()) if "local" in info),
            )  # fmt: skip
    return links


def parse_address(info: dict[str, Any], link: str) -> Address:
    """Read one member of addr_info; with a peer, ``local`` is ours and ``address`` the other end."""
    label = info.get("label", link)
    return Address(
        info["family"], info["local"], info["prefixlen"], info.get("scope", "global"), info.get("dynamic", False),
        info.get("address", ""), "" if label == link else label,
    )  # fmt: skip


def parse_routes(text: str, family: str) -> tuple[Route, ...]:
    """Read `ip -json route show`; routes over several interfaces or without any are left out."""
    return tuple(parse_route(each, family) for each in parse(text) if "dev" in each and "nexthops" not in each)


def parse_route(each: dict[str, Any], family: str) -> Route:
    """Turn one route into the words that make it again, without its interface."""
    words = [each["dst"]]
    via = each.get("gateway") or ""
    if isinstance(each.get("via"), dict):
        words += ["via", each["via"]["family"], each["via"]["host"]]
    elif via:
        words += ["via", via]
    for key, word in (("prefsrc", "src"), ("metric", "metric"), ("protocol", "proto"), ("scope", "scope")):
        if key in each and not (key == "scope" and family == "inet6"):
            words += [word, str(each[key])]
    for metric in each.get("metrics", ()):
        words += [word for key, value in metric.items() for word in (key, str(value))]
    words += [flag for flag in each.get("flags", ()) if flag == "onlink"]
    return Route(family, each["dev"], each["dst"], tuple(words), each.get("protocol") in LEARNT)


def parse(text: str) -> list[dict[str, Any]]:
    """Return the list that `ip -json` printed; an empty output is an empty list."""
    try:
        found = json.loads(text or "[]")
    except ValueError:
        raise XenError("ip printed something that is not JSON", hint="see: ip -json address show") from None
    return [each for each in found if isinstance(each, dict)]


def addressing(device: str, link: Link, routes: tuple[Route, ...]) -> list[tuple[str, ...]]:
    """Return the `ip` commands that give *device* the lasting addresses and routes of *link*.

    What a DHCP server, a router or the kernel hands out is left to them: it comes again by itself.
    """
    commands = [add_address(device, each) for each in link.addresses if lasting(each)]
    leased = any(each.dynamic and each.family == "inet" for each in link.addresses)
    ours = [r for r in routes if r.device == link.name and not r.learnt and not (leased and r.family == "inet")]
    ours.sort(key=lambda route: "via" in route.words)  # a gateway must be reachable before it is used
    option = {"inet": "-4", "inet6": "-6"}
    return commands + [("ip", option[r.family], "route", "replace", *r.words, "dev", device) for r in ours]


def lasting(address: Address) -> bool:
    """Say whether somebody gave this address to the host on purpose."""
    return not address.dynamic and address.scope in ("global", "site")


def add_address(device: str, address: Address) -> tuple[str, ...]:
    """Return the command that makes sure of an address."""
    words = ["ip", "address", "replace", address.local if address.peer else address.text]
    if address.peer:
        words += ["peer", f"{address.peer}/{address.prefix}"]
    elif address.family == "inet" and address.prefix < 31:
        words += ["broadcast", "+"]
    return (*words, "dev", device)

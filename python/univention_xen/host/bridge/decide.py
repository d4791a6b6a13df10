# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Whether this host can get its bridge, and by whose files."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from univention_xen import registry
from univention_xen.errors import XenError
from univention_xen.host.bridge import by_hand, forwarding, ifupdown, network, networkd, state, ucs
from univention_xen.host.bridge.apply import Arm, Switch
from univention_xen.plan import Plan
from univention_xen.settings.everything import Settings
from univention_xen.toolstack import detect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from univention_xen.host.bridge.change import Change
    from univention_xen.host.bridge.network import Link, Network
    from univention_xen.plan import Machine

IFUPDOWN, NETWORKD, NETPLAN, NETWORK_MANAGER, UCS = "ifupdown", "systemd-networkd", "netplan", "NetworkManager", "UCS"


class Wish(NamedTuple):
    """What the registry asks for; *interface* may be "" for the default route's."""

    mode: str
    interface: str
    bridge: str
    toolstack: str


class Found(NamedTuple):
    """What this host is like."""

    wish: Wish
    network: Network
    variables: Mapping[str, str]


def look_at(on: Machine) -> Found:
    """Ask registry, toolstack and kernel."""
    values = registry.read(str(on.root))
    settings = Settings.read(values)[0]
    stack = detect.choose(settings.toolstack, detect.look_at(on)).name
    wish = Wish(settings.mode, settings.bridge_interface, settings.bridge_name, stack)
    return Found(wish, network.look_at(on), values)


def plan(on: Machine, seconds: int) -> Plan:
    """Return the way to the bridge, or why there is nothing to do. Raises XenError for what must not be done."""
    if state.read(on, state.PENDING):
        raise XenError(
            "a change of the bridge waits for its confirmation", hint="univention-xen host bridge confirm, or revert"
        )
    if state.read(on, state.UNDOING):
        raise XenError("a bridge is half taken back", hint="univention-xen host bridge revert")
    found = look_at(on)
    applied = state.read(on, state.APPLIED)
    if done := nothing_to_do(found) or same_already(found, applied.change if applied else None):
        return Plan.nothing(done)
    change = decide(on, found)
    return Plan.of(Arm(change, seconds), Switch(change, seconds))


def nothing_to_do(found: Found) -> str:
    """Return why no bridge is to be made, or ""."""
    wish, net = found.wish, found.network
    if wish.toolstack == "xend":
        what = "makes its bridge" if wish.mode == "bridge" else f"sets up {wish.mode}"
        return f"xend {what} itself when it starts, with the network-script of xend-config.sxp"
    if wish.mode == "none":
        return f"{Settings.mode.name} is none: the network of this host is left alone"
    if wish.interface == "none":
        return f"{Settings.bridge_interface.name} is none: the network of this host is left alone"
    if wish.mode != "bridge":
        return ""
    ports = net.ports(wish.bridge)
    bridge = net.links.get(wish.bridge)
    if bridge and bridge.kind == "bridge" and target(found) in (*ports, wish.bridge) and ports:
        return f"{', '.join(ports)} is a port of the bridge {wish.bridge} already"
    return ""


def same_already(found: Found, applied: Change | None) -> str:
    """Return why the forwarding is not to be set up again, or "". Raises XenError when something else is in force."""
    mode = found.wish.mode
    if applied is None or mode == applied.mode == "bridge":
        return ""
    if (mode, target(found)) == (applied.mode, applied.interface):
        return f"guests reach the network through {applied.interface} ({mode}) already"
    if applied.bridge:
        there = f"the bridge {applied.bridge} is in force"
    else:
        there = f"guests reach the network through {applied.interface} ({applied.mode})"
    raise XenError(f"{there}, and would have to go first", hint="univention-xen host bridge revert")


def target(found: Found) -> str:
    """Return the interface that is meant, or ""."""
    return found.wish.interface or found.network.default()


def decide(on: Machine, found: Found) -> Change:
    """Return the change. Raises XenError for every reason against it."""
    refuse(found)
    interface, bridge = target(found), found.wish.bridge
    if found.wish.mode in forwarding.MODES:
        named = bool(found.wish.interface)
        return forwarding.change(on, found.network, found.wish.mode, interface, named=named)
    manager = managed_by(on, found.network.links[interface], found.variables)
    if manager == IFUPDOWN:
        return ifupdown.change(on, found.network, interface, bridge)
    if manager == UCS:
        return ucs.change(on, found.network, found.variables, interface, bridge)
    if manager == NETWORKD:
        return networkd.change(on, found.network, interface, bridge)
    told = f"the network of this host is configured by {manager}"
    raise XenError(told, hint=instructions(on, found.network, manager, interface, bridge))


def refuse(found: Found) -> None:
    """Raise XenError when the kernel's view speaks against a bridge. Pure."""
    wish, net, name = found.wish, found.network, target(found)
    if not name:
        raise XenError(
            "there is no default route to tell the network card by", hint="ucr set xen/bridge/interface=NAME"
        )
    link = net.links.get(name)
    if link is None:
        there = ", ".join(n for n, each in net.links.items() if usable(each)) or "none"
        raise XenError(f"there is no network interface {name}", hint=f"set xen/bridge/interface; there are: {there}")
    if wish.mode != "bridge":
        return
    if len(wish.bridge) > 15:
        raise XenError(f"the name {wish.bridge} is longer than 15 characters", hint="set xen/bridge/name")
    refuse_link(link, net)
    refuse_bridge(wish.bridge, name, net)
    for address in filter(network.lasting, link.addresses):
        for other in net.links.values():
            if other.name != name and any(each.local == address.local for each in other.addresses):
                text = f"{name} and {other.name} both have the address {address.local}"
                raise XenError(text, hint=f"remove it from one: ip address delete {address.text} dev {other.name}")


def refuse_link(link: Link, net: Network) -> None:
    """Raise XenError when this interface cannot be a port."""
    if link.master:
        kind = net.links[link.master].kind if link.master in net.links else ""
        if kind == "bridge":
            raise XenError(
                f"{link.name} is a port of the bridge {link.master} already",
                hint=f"ucr set xen/bridge/name={link.master}",
            )
        raise XenError(f"{link.name} belongs to {link.master}", hint=f"ucr set xen/bridge/interface={link.master}")
    if link.kind == "bridge":
        raise XenError(f"{link.name} is a bridge itself", hint=f"ucr set xen/bridge/name={link.name}")
    if link.name in net.wireless:
        raise XenError(
            f"{link.name} is wireless and cannot be bridged", hint="set xen/bridge/interface to a wired card, or none"
        )
    if not usable(link):
        raise XenError(f"{link.name} is no Ethernet interface and cannot be bridged", hint="set xen/bridge/interface")


def refuse_bridge(bridge: str, name: str, net: Network) -> None:
    """Raise XenError when the bridge's name is taken."""
    there = net.links.get(bridge)
    if there is None:
        return
    if there.kind != "bridge":
        raise XenError(f"{bridge} exists and is no bridge", hint="ucr set xen/bridge/name=NAME")
    others = [port for port in net.ports(bridge) if port != name]
    if others:
        raise XenError(f"the bridge {bridge} has other ports: {', '.join(others)}", hint="ucr set xen/bridge/name=NAME")
    raise XenError(f"the bridge {bridge} exists already", hint=f"remove it: ip link delete {bridge}")


def usable(link: Link) -> bool:
    """Say whether a link speaks Ethernet."""
    return link.type == "ether" and link.kind not in ("tun", "dummy", "ifb")


def managed_by(on: Machine, link: Link, variables: Mapping[str, str]) -> str:
    """Return whose files configure an interface; those that write others' files come first."""
    if any(list(on.path(where).glob("*.yaml")) for where in ("/etc/netplan", "/run/netplan", "/lib/netplan")):
        return NETPLAN
    if "managed=true" in on.read(f"{by_hand.DEVICES}/{link.number}"):
        return NETWORK_MANAGER
    on_ucs = on.path("/etc/univention/templates/info/univention-base-files.info").exists()
    if on_ucs and any(name.startswith(f"interfaces/{link.name}/") for name in variables):
        return UCS
    if ifupdown.configured(ifupdown.read(on), link.name):
        return IFUPDOWN
    if "NETWORK_FILE=" in on.read(f"/run/systemd/netif/links/{link.number}"):
        return NETWORKD
    return IFUPDOWN


def instructions(on: Machine, network: Network, manager: str, interface: str, bridge: str) -> str:
    """Return how an administrator makes the bridge with a manager that is not supported."""
    link = network.links[interface]
    if manager == NETWORK_MANAGER:
        return by_hand.network_manager(link, bridge, by_hand.connection_of(on, link))
    return by_hand.netplan(network, link, bridge)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The bridge on a host whose network is systemd-networkd: new files that come before the present ones.

No present file is touched. The bridge gets a copy of the file that the card has now, with its drop-ins; the card gets a
file that sorts before it. Keys are those of systemd.network(5) of systemd 252.
"""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING

from univention_xen.errors import XenError
from univention_xen.host.bridge import network as kernel
from univention_xen.host.bridge.change import Change, File
from univention_xen.host.bridge.networkd_files import OURS, Item, Section, effective, join, listed, split, values

if TYPE_CHECKING:
    from collections.abc import Iterable

    from univention_xen.host.bridge.change import Command
    from univention_xen.host.bridge.network import Link, Network
    from univention_xen.plan import Machine

BUS = "/run/dbus/system_bus_socket"
PREFIX = "00-univention-xen-"
MOVING = frozenset({
    "Network", "Address", "Neighbor", "IPv6AddressLabel", "RoutingPolicyRule", "NextHop", "Route", "DHCP", "DHCPv4",
    "DHCPv6", "DHCPPrefixDelegation", "DHCPv6PrefixDelegation", "IPv6PrefixDelegation", "IPv6AcceptRA", "DHCPServer",
    "DHCPServerStaticLease", "IPv6SendRA", "IPv6Prefix", "IPv6RoutePrefix",
})  # fmt: skip
"""Sections about addresses, which go to the bridge; all others are about the card."""
STAYING = frozenset({"LLDP", "EmitLLDP"})
"""Keys of [Network] that are about the card."""
OF_BRIDGE = frozenset({"ARP", "RequiredForOnline", "RequiredFamilyForOnline"})
"""Keys of [Link] that are about whoever has the addresses; MTUBytes is about both."""
NAMING = frozenset({"IncomingInterface", "OutgoingInterface", "UplinkInterface", "BindCarrier"})
"""Keys whose value names an interface; in the copy the card becomes the bridge."""
STACKED = ("VLAN", "MACVLAN", "MACVTAP", "IPVLAN", "IPVTAP")
LEASE = "lease"
PATIENCE = 60.0
"""Seconds that systemd-networkd gets to set up a link; a DHCP server may take its time."""
OTHERWISE = 10.0
"""Seconds after which a link that is set up by another file is not going to change its mind."""


def change(on: Machine, network: Network, interface: str, bridge: str) -> Change:
    """Return the new files and what makes them count. Raises XenError for what cannot be moved without guessing."""
    link = network.links[interface]
    source = file_of(on, link)
    text, parts = effective(on, source)
    sections = split(text)
    netdev, ours = f"{OURS}/{PREFIX}{bridge}.netdev", f"{OURS}/{PREFIX}{bridge}.network"
    port = f"{OURS}/{PREFIX}{interface}.network"
    refuse(on, interface, bridge, source, port, sections)
    for_bridge, for_card = shared_out(sections, interface, bridge)
    copied = ", ".join((source, *parts))
    texts = {
        netdev: netdev_text(bridge, link.mac),
        ours: bridge_text(bridge, copied, for_bridge, lease_id(on, link, sections)),
        port: card_text(interface, bridge, copied, for_card),
    }
    files = tuple(File(path, on.read(path) or None, after) for path, after in texts.items())
    upper = [name for name in stacked(sections) if name in network.links and network.links[name].lower == interface]
    moved = [(interface, bridge), *((name, name) for name in upper)]
    routes = network.routes
    back = tuple(awaited(on, network.links[old]) for old, _ in moved)
    first = (bridge, ours, *back[0][2:])
    return Change(
        "systemd-networkd", interface, bridge, files,
        down=tuple(("ip", "link", "delete", name) for name in upper),
        up=(("networkctl", "reload"),),
        awaits=((interface, port), first, *back[1:]),
        carry=tuple(c for old, new in moved for c in kernel.addressing(new, network.links[old], routes)),
        undo_down=tuple(("ip", "link", "delete", name) for name in upper),
        undo_tell=(("networkctl", "reload"),),
        undo_up=(("ip", "link", "set", interface, "up"),),
        undo_awaits=back,
        keep=tuple(c for old, _ in moved for c in kernel.addressing(old, network.links[old], routes)),
        notes=(
            f"{copied}: no longer used for {interface}; edit {ours} instead",
            *mentions(on, interface, (source, *parts)),
        ),
    )  # fmt: skip


def file_of(on: Machine, link: Link) -> str:
    """Return the path of the file by which systemd-networkd has set up a link, or ""."""
    found = re.search(r"^NETWORK_FILE=(.*)$", on.read(f"/run/systemd/netif/links/{link.number}"), re.MULTILINE)
    return found[1] if found else ""


def refuse(on: Machine, interface: str, bridge: str, source: str, port: str, sections: list[Section]) -> None:
    """Raise XenError for what speaks against the bridge."""
    if not on.path(BUS).exists():
        raise XenError("systemd-networkd cannot be told to reload without the system bus", hint="apt install dbus")
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", interface):
        raise XenError(f"the name {interface} cannot be matched by one word", hint="rename the card: systemd.link(5)")
    for key in ("Bond", "Bridge", "VRF", "BatmanAdvanced"):
        if owner := values(sections, "Network", key):
            hint = "set xen/bridge/interface or xen/bridge/name"
            raise XenError(f"{source}: {interface} belongs to {owner[-1]}", hint=hint)
    if os.path.basename(source) <= os.path.basename(port):
        hint = f"rename it, for example to 10-{os.path.basename(source)}, then: networkctl reload"
        raise XenError(f"{source} sorts before {os.path.basename(port)}, which has to come first", hint=hint)
    for path in listed(on, "", ".netdev").values():
        if bridge in values(split(effective(on, path)[0]), "NetDev", "Name"):
            raise XenError(f"{path}: {bridge} is configured already", hint="set xen/bridge/name, or remove that file")


def shared_out(sections: list[Section], interface: str, bridge: str) -> tuple[list[Section], list[Section]]:
    """Return what the bridge gets of the card's file, and what the card keeps. Pure."""
    for_bridge: list[Section] = []
    for_card: list[Section] = []
    for section in sections:
        if section.name == "Network":
            moving = (each for each in section.items if each.key not in STAYING)
            for_bridge.append(section.only(renamed(each, interface, bridge) for each in moving))
            for_card.append(section.only(each for each in section.items if each.key in STAYING))
        elif section.name == "Link":
            for_bridge.append(section.only(each for each in section.items if each.key in OF_BRIDGE | {"MTUBytes"}))
            for_card.append(section.only(each for each in section.items if each.key not in OF_BRIDGE))
        elif section.name in MOVING:
            for_bridge.append(section.only(renamed(each, interface, bridge) for each in section.items))
        elif section.name == "":
            for_bridge.append(section)
        elif section.name != "Match":
            for_card.append(section)
    return worth_it(for_bridge), worth_it(for_card)


def worth_it(sections: Iterable[Section]) -> list[Section]:
    """Leave out sections that set nothing; comments before the first one stay."""
    return [each for each in sections if not each.name or any(item.key for item in each.items)]


def renamed(item: Item, interface: str, bridge: str) -> Item:
    """Return a setting in which the card that is named is the bridge."""
    if item.key not in NAMING or interface not in item.value.split():
        return item
    value = " ".join(bridge if word == interface else word for word in item.value.split())
    return Item(item.key, value, f"{item.key}={value}\n")


def netdev_text(bridge: str, mac: str) -> str:
    """Return the file that makes the bridge; with the card's address, so that leases and neighbours know it."""
    return f"""\
# Written by univention-xen host bridge; taken back by: univention-xen host bridge revert
[NetDev]
Name={bridge}
Kind=bridge
MACAddress={mac}

[Bridge]
STP=no
ForwardDelaySec=0
"""


def bridge_text(bridge: str, copied: str, sections: list[Section], iaid: str) -> str:
    """Return the file of the bridge."""
    text = f"# Written by univention-xen host bridge, from {copied}\n[Match]\nName={bridge}\n\n{join(sections)}"
    if iaid:
        text += "\n# The identity under which the DHCP servers know this host.\n"
        text += f"[DHCPv4]\nIAID={iaid}\n\n[DHCPv6]\nIAID={iaid}\n"
    return text


def card_text(interface: str, bridge: str, copied: str, sections: list[Section]) -> str:
    """Return the file of the card as a port."""
    kept = join(sections)
    return f"""\
# Written by univention-xen host bridge, before {copied}
[Match]
Name={interface}

[Network]
Bridge={bridge}
LinkLocalAddressing=no
IPv6AcceptRA=no
{chr(10) + kept if kept else ""}"""


def lease_id(on: Machine, link: Link, sections: list[Section]) -> str:
    """Return the IAID of the present lease, or "".

    It comes from the name that udev knows the card by, which a bridge has not; another IAID is another client.
    """
    found = re.search(r"^CLIENTID=ff([0-9a-f]{8})", on.read(f"/run/systemd/netif/leases/{link.number}"), re.MULTILINE)
    given = any(values(sections, name, "IAID") for name in ("DHCP", "DHCPv4", "DHCPv6"))
    return str(int(found[1], 16)) if found and not given else ""


def stacked(sections: list[Section]) -> list[str]:
    """Return the links that systemd-networkd puts on top of the card; it makes them anew on the bridge."""
    return [name for key in STACKED for value in values(sections, "Network", key) for name in value.split()]


def mentions(on: Machine, interface: str, known: tuple[str, ...]) -> list[str]:
    """Return what an administrator should look at: other files that name the card."""
    found = []
    for suffix in (".network", ".netdev"):
        for path in listed(on, "", suffix).values():
            rest = [s for s in split(effective(on, path)[0]) if s.name != "Match"] if path not in known else []
            if any(interface in item.value.split() for section in rest for item in section.items):
                found.append(f"{path}: this file names {interface} and is left as it is")
    return found


def awaited(on: Machine, link: Link) -> Command:
    """Return a link, its file, and the addresses that systemd-networkd will have given it when it is set up."""
    source = file_of(on, link)
    sections = split(effective(on, source)[0]) if source else []  # a VLAN may have no file of its own
    static = [each.split("/")[0] for name in ("Network", "Address") for each in values(sections, name, "Address")]
    there = [each.local for each in link.addresses if kernel.lasting(each) and each.local in static]
    leased = any(each.dynamic and each.family == "inet" for each in link.addresses)
    return (link.name, source, *there, *([LEASE] if leased else []))


def wait(on: Machine, awaits: tuple[Command, ...]) -> str:
    """Wait until every link is set up; return the name of one that is not in time, or ""."""
    begin = time.monotonic()
    while awaits:
        network = kernel.look_at(on)
        late = [each for each in awaits if not settled(on, network, each)]
        waited = time.monotonic() - begin
        lost = [each[0] for each in late if waited > PATIENCE or (waited > OTHERWISE and otherwise(on, network, each))]
        if lost or not late:
            return "".join(lost[:1])
        time.sleep(0.1)
    return ""


def otherwise(on: Machine, network: Network, awaited: Command) -> bool:
    """Say whether systemd-networkd has set up a link, but by another file."""
    link = network.links.get(awaited[0])
    told = on.read(f"/run/systemd/netif/links/{link.number}").splitlines() if link else []
    return bool(awaited[1]) and "ADMIN_STATE=configured" in told and f"NETWORK_FILE={awaited[1]}" not in told


def settled(on: Machine, network: Network, awaited: Command) -> bool:
    """Say whether systemd-networkd has set up a link by the file that it should use."""
    name, file, *addresses = awaited
    if (link := network.links.get(name)) is None:
        return False
    if not file:
        return True
    told = on.read(f"/run/systemd/netif/links/{link.number}").splitlines()
    if f"NETWORK_FILE={file}" not in told or not {"ADMIN_STATE=configured", "ADMIN_STATE=configuring"} & set(told):
        return False
    leased = any(each.dynamic and each.family == "inet" for each in link.addresses)
    there = {each.local for each in link.addresses}
    return all(leased if each == LEASE else each in there for each in addresses)

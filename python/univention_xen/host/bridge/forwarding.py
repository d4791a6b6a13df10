# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Guests without a bridge: routed by this host (xen/network/mode=route), or behind its address (nat).

IPv4 alone, as vif-route and vif-nat of Xen 4.17 know nothing else. Neither script makes the host forward anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from univention_xen.errors import XenError
from univention_xen.host.bridge.change import Change, File

if TYPE_CHECKING:
    from univention_xen.host.bridge.change import Command
    from univention_xen.host.bridge.network import Link, Network
    from univention_xen.plan import Machine

MODES = ("route", "nat")
SYSCTL = "/etc/sysctl.d/99-univention-xen-network.conf"
"""Sorts behind 99-sysctl.conf, which is /etc/sysctl.conf."""
RULES = "/etc/xen/nat.nft"
"""Loaded at boot by univention-xen-nat.service, which does nothing without this file."""
TABLE = ("inet", "univention-xen-nat")
GROUP = 30821
"""The group of links that vif-post.d/univention-xen.hook puts a guest's card into when vif-nat sets it up."""
SERVICE = "univention-xen-nat.service"
SCRIPTS_CARD = "eth0"
"""The card that vif-route takes when xl.conf names none."""
PLACES = ("/usr/sbin", "/sbin", "/usr/bin", "/bin")
KERNEL = "/proc/sys/net/ipv4"


def change(on: Machine, network: Network, mode: str, interface: str, *, named: bool) -> Change:
    """Return how this host begins to forward through *interface*; *named* says whether the registry names it.

    Raises XenError for what would not work.
    """
    refuse(on, network.links[interface], mode, named=named)
    texts = {SYSCTL: sysctl_text(mode, interface)}
    up: list[Command] = [("sysctl", "-q", "-p", SYSCTL)]
    down: list[Command] = []
    if mode == "nat":
        texts[RULES] = rules_text(interface)
        up.append(("nft", "-f", RULES))
        down.append(("nft", "delete", "table", *TABLE))
        if on.path("/run/systemd/system").is_dir():
            up.append(("systemctl", "--quiet", "start", SERVICE))
            down.insert(0, ("systemctl", "--quiet", "stop", SERVICE))
    files = tuple(File(path, on.read(path) or None, text) for path, text in texts.items())
    return Change(
        mode, interface, "", files, up=tuple(up), undo_down=tuple(down), undo_up=tuple(old_values(on, mode, interface))
    )


def refuse(on: Machine, link: Link, mode: str, *, named: bool) -> None:
    """Raise XenError when guests would not reach anything."""
    if not any(each.family == "inet" for each in link.addresses):
        hint = f"give it one, or set xen/bridge/interface; look at: ip address show {link.name}"
        raise XenError(f"{link.name} has no IPv4 address that guests could be forwarded through", hint=hint)
    if mode == "route" and not named and link.name != SCRIPTS_CARD:
        hint = f"ucr set xen/bridge/interface={link.name}"
        raise XenError(f"vif-route takes {SCRIPTS_CARD} unless told otherwise, and the card is {link.name}", hint=hint)
    tool, package = {"route": ("ifconfig", "net-tools"), "nat": ("nft", "nftables")}[mode]
    if not any(on.path(f"{place}/{tool}").exists() for place in PLACES):
        raise XenError(f"guests in the network mode {mode} need {tool}", hint=f"apt install {package}")


def sysctl_text(mode: str, interface: str) -> str:
    """Return what the kernel is told at each boot; names with slashes may hold the dot of a VLAN."""
    lines = [
        f"# Written by univention-xen host bridge apply, as xen/network/mode is {mode}.",
        "# Taken back by: univention-xen host bridge revert",
        "net/ipv4/ip_forward = 1",
    ]
    if mode == "route":
        lines += [
            f"# The network behind {interface} finds guests whose addresses are its own.",
            f"net/ipv4/conf/{interface}/proxy_arp = 1",
        ]
    return "\n".join(lines) + "\n"


def rules_text(interface: str) -> str:
    """Return the rules; loading them again replaces this table, and no other."""
    family, name = TABLE
    return f"""\
#!/usr/sbin/nft -f
# Written by univention-xen host bridge apply, as xen/network/mode is nat.
# Taken back by: univention-xen host bridge revert
table {family} {name}
delete table {family} {name}
table {family} {name} {{
\tchain postrouting {{
\t\ttype nat hook postrouting priority srcnat; policy accept;
\t\tmeta nfproto ipv4 iifname "vif*" oifname "{interface}" masquerade
\t\tmeta nfproto ipv4 iifgroup {GROUP} oifname "{interface}" masquerade
\t}}
}}
"""


def old_values(on: Machine, mode: str, interface: str) -> list[Command]:
    """Return what gives the kernel its present values again.

    A change of ip_forward changes the forwarding of every card, and whether redirects are believed.
    """
    commands: list[Command] = []
    if (forwards := on.read(f"{KERNEL}/ip_forward").strip()) == "0":
        commands.append(write("ip_forward", forwards))
        names = sorted(path.name for path in on.path(f"{KERNEL}/conf").iterdir())
        kept = [f"conf/{name}/forwarding" for name in names]
        values = {key: on.read(f"{KERNEL}/{key}").strip() for key in kept}
        commands += [write(key, value) for key, value in values.items() if value != forwards]
        redirects = "conf/all/accept_redirects"
        commands.append(write(redirects, on.read(f"{KERNEL}/{redirects}").strip()))
    if mode == "route":
        proxy = f"conf/{interface}/proxy_arp"
        commands.append(write(proxy, on.read(f"{KERNEL}/{proxy}").strip() or "0"))
    return commands


def write(key: str, value: str) -> Command:
    """Return the command that gives the kernel one value."""
    return ("sysctl", "-q", "-w", f"net/ipv4/{key}={value}")

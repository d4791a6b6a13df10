# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The real NetworkManager and netplan are recognised, and understand what the administrator is told to do there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from conftest import PROJECT

if TYPE_CHECKING:
    from throwaway import Throwaway

pytestmark = pytest.mark.throwaway
Roots = Callable[[str], "Throwaway"]

SETUP = """\
[main]
plugins=keyfile
[keyfile]
unmanaged-devices=interface-name:wire
"""
NETPLAN = "network:\n  version: 2\n  ethernets:\n    eth0: {}\n"
# One script, as each program has a network of its own. What is to be typed are the lines of the hint that are indented.
SCRIPT = r"""
mkdir -p /run/dbus /run/udev; mount -t sysfs -o ro sys /sys
ip link set lo up
ip link add eth0 type veth peer name wire && ip link set wire up
dbus-daemon --system --fork --nopidfile
NetworkManager
try() { n=0; until "$@" >/dev/null 2>&1 || [ $((n += 1)) -gt 240 ]; do sleep 0.25; done; }
try nmcli general status
nmcli connection add type ethernet ifname eth0 con-name wired \
    ipv4.method manual ipv4.addresses 192.0.2.10/24,192.0.2.11/24 ipv4.gateway 192.0.2.1 ipv4.dns 192.0.2.53 \
    ipv4.routes '198.51.100.0/24 192.0.2.1' ipv6.method manual ipv6.addresses 2001:db8::10/64 &&
nmcli connection up wired
mkdir -p /etc/univention /etc/xen; echo 'xen/bridge/interface: eth0' >/etc/univention/base.conf
plan() { PYTHONPATH=/srv/python python3 -m univention_xen host bridge plan 2>&1; }
look() { ip -json address; ip route; cat /etc/resolv.conf; }
look >/srv/before
plan >/srv/networkmanager
printf '%s' "$1" >/etc/netplan/50-here.yaml
plan >/srv/netplan
sed -n 's/^    //p' /srv/netplan >/etc/netplan/60-bridge.yaml
chmod 600 /etc/netplan/*; netplan generate; cat /run/systemd/network/*; rm /etc/netplan/*.yaml
sed -n 's/^    //p' /srv/networkmanager >/srv/typed
sh -e /srv/typed
try sh -c 'ip -o link show master xenbr0 | grep LOWER_UP' && try sh -c 'ip route | grep "default.*xenbr0"'
look >/srv/after
plan >/srv/again
"""


@pytest.fixture(scope="module")
def root(new_root: Roots) -> Throwaway:
    root = new_root("bare")
    root.apt_get("install", "network-manager", "netplan.io", "dbus", "iproute2")
    shutil.copytree(PROJECT / "python", root.path("/srv/python"), ignore=shutil.ignore_patterns("__pycache__"))
    root.write("/etc/NetworkManager/NetworkManager.conf", SETUP)
    root.path("/etc/network/interfaces").unlink(missing_ok=True)
    root.write("/srv/said", root.run("sh", "-c", SCRIPT, "script", NETPLAN)[1])
    return root


def seen(root: Throwaway, when: str) -> tuple[dict[str, dict[str, Any]], str]:
    """What `ip` says about each link, and the text after that."""
    addresses, _, rest = root.read(f"/srv/{when}").partition("\n")
    return {link["ifname"]: link for link in json.loads(addresses)}, rest


def lasting(link: dict[str, Any]) -> list[str]:
    return [f"{each['local']}/{each['prefixlen']}" for each in link["addr_info"] if each["scope"] == "global"]


def test_networkmanager_is_recognised(root: Throwaway) -> None:
    assert lasting(seen(root, "before")[0]["eth0"]) == ["192.0.2.10/24", "192.0.2.11/24", "2001:db8::10/64"]
    assert "is configured by NetworkManager\n" in root.read("/srv/networkmanager"), root.read("/srv/said")


def test_its_commands_make_the_bridge_with_everything_that_the_card_had(root: Throwaway) -> None:
    before, (links, rest) = seen(root, "before"), seen(root, "after")
    assert links["eth0"].get("master") == "xenbr0", root.read("/srv/said")
    assert lasting(links["eth0"]) == []
    assert lasting(links["xenbr0"]) == lasting(before[0]["eth0"])
    assert links["xenbr0"]["address"] == before[0]["eth0"]["address"]
    for words in ("default via 192.0.2.1 dev xenbr0", "198.51.100.0/24 via 192.0.2.1 dev xenbr0", "192.0.2.53"):
        assert words in rest
    assert "eth0 is a port of the bridge xenbr0 already" in root.read("/srv/again")


def test_netplan_is_recognised_and_takes_the_lines(root: Throwaway) -> None:
    assert "is configured by netplan\n" in root.read("/srv/netplan")
    said = root.read("/srv/said")
    assert "Bridge=xenbr0" in said
    for words in ("Address=192.0.2.10/24", "Address=192.0.2.11/24", "Address=2001:db8::10/64", "Gateway=192.0.2.1"):
        assert words in said, said

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The bridge above a bond and below VLANs, with the real ifupdown and systemd-networkd, on a kernel that has both."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import PROJECT
from network_lab import LOOPBACK, Lab, run, wait_for

pytestmark = pytest.mark.tools

PACKAGES = (
    "ifupdown", "bridge-utils", "ifenslave", "iproute2", "iputils-ping", "util-linux", "vlan", "systemd", "dbus"
)  # fmt: skip
VLAN = """\
auto eth0
iface eth0 inet static
  address 192.0.2.10/24

auto eth0.5 vlan7
iface eth0.5 inet static
  address 203.0.113.10/24
  up ip route add 198.51.100.0/24 via 203.0.113.1 dev eth0.5
iface vlan7 inet static
  address 10.7.0.10/24
  vlan-raw-device eth0
"""
BOND = """\
auto bond0
iface bond0 inet static
  address 192.0.2.10/24
  bond-slaves eth0 eth1
  bond-mode active-backup
  bond-miimon 100
"""

NETWORKD_VLAN = {
    "wired.network": "[Match]\nName=eth0\n\n[Network]\nAddress=192.0.2.10/24\nVLAN=office\n",
    "office.netdev": "[NetDev]\nName=office\nKind=vlan\n\n[VLAN]\nId=5\n",
    "office.network": "[Match]\nName=office\n\n[Network]\nAddress=203.0.113.10/24\n\n"
    "[Route]\nDestination=198.51.100.0/24\nGateway=203.0.113.1\n",
}
NETWORKD_BOND = {
    "bond0.netdev": "[NetDev]\nName=bond0\nKind=bond\n\n[Bond]\nMode=active-backup\nMIIMonitorSec=100ms\n",
    "cards.network": "[Match]\nName=eth*\n\n[Network]\nBond=bond0\n",
    "together.network": "[Match]\nName=bond0\n\n[Network]\nAddress=192.0.2.10/24\nGateway=192.0.2.1\n",
}
Make = Callable[[dict[str, str] | None], Lab]


def has(kind: str) -> bool:
    """Say whether this kernel knows a kind of link."""
    vlan = (("link", "trybridge"), ("id", "5")) if kind == "vlan" else ((), ())
    space = f"xk{os.getpid():x}"
    ip = ["ip", "-n", space, "link", "add"]
    run("ip", "netns", "add", space)
    run(*ip, "name", "trybridge", "type", "bridge")
    done = subprocess.run([*ip, *vlan[0], "name", "try", "type", kind, *vlan[1]], capture_output=True, check=False)
    run("ip", "netns", "delete", space)
    return not done.returncode


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    if missing := [kind for kind in ("vlan", "bond") if not has(kind)]:
        pytest.skip(f"this kernel has no {' and no '.join(missing)}")
    run(str(PROJECT / "scripts" / "need"), *PACKAGES)
    labs: list[Lab] = []

    def start(networkd: dict[str, str] | None = None) -> Lab:
        labs.append(Lab(tmp_path, cards=2, networkd=networkd))
        return labs[-1]

    yield start
    for lab in labs:
        lab.close()


@pytest.fixture
def lab(make: Make) -> Lab:
    return make(None)


def peer_has_vlans(lab: Lab) -> None:
    lab.on_peer("ip", "address", "add", "192.0.2.1/24", "dev", "p0")
    for number, address in ((5, "203.0.113.1/24"), (7, "10.7.0.1/24")):
        lab.on_peer("ip", "link", "add", "link", "p0", "name", f"v{number}", "type", "vlan", "id", str(number))
        lab.on_peer("ip", "address", "add", address, "dev", f"v{number}")
        lab.on_peer("ip", "link", "set", f"v{number}", "up")


def peer_has_a_switch(lab: Lab) -> None:
    lab.on_peer("ip", "link", "add", "wire", "type", "bridge")
    for card in ("p0", "p1"):
        lab.on_peer("ip", "link", "set", card, "master", "wire")
    lab.on_peer("ip", "address", "add", "192.0.2.1/24", "dev", "wire")
    lab.on_peer("ip", "link", "set", "wire", "up")


def test_vlans_follow_and_come_back(lab: Lab) -> None:
    peer_has_vlans(lab)
    lab.interfaces(LOOPBACK + VLAN)
    lab.on_host("ifup", "-a")
    lab.registry(bridge_interface="eth0")
    before = lab.state()
    everything = ("192.0.2.10", "203.0.113.10", "10.7.0.10")
    assert all(map(lab.reaches, everything))
    apply = lab.apply(600)
    lab.until("Keep it with", 120)
    links = lab.links()
    assert links["eth0"] == ["xenbr0"]
    assert links["xenbr0"] == ["", "192.0.2.10/24"]
    assert links["xenbr0.5"] == ["", "203.0.113.10/24"]
    assert links["vlan7"] == ["", "10.7.0.10/24"]
    assert "eth0.5" not in links
    assert "vlan7@xenbr0" in lab.on_host("ip", "-o", "link", "show", "vlan7")
    assert lab.routes() == [line.replace("eth0", "xenbr0") for line in before["routes"]]
    assert all(map(lab.reaches, everything))
    assert lab.xen("revert").returncode == 0
    assert apply.wait(30) == 1
    assert lab.state() == before
    assert all(map(lab.reaches, everything))


def test_a_bond_becomes_a_port_and_keeps_its_cards(lab: Lab) -> None:
    peer_has_a_switch(lab)
    lab.interfaces(LOOPBACK + BOND)
    lab.on_host("ifup", "-a")
    lab.registry(bridge_interface="bond0")
    before = lab.state()
    assert lab.reaches("192.0.2.10", 30)
    apply = lab.apply(600)
    lab.until("Keep it with", 120)
    links = lab.links()
    assert (links["bond0"], links["eth0"], links["eth1"]) == (["xenbr0"], ["bond0"], ["bond0"])
    assert links["xenbr0"] == ["", "192.0.2.10/24"]
    assert lab.reaches("192.0.2.10", 30)
    assert lab.xen("revert").returncode == 0
    assert apply.wait(30) == 1
    assert lab.state() == before
    assert lab.reaches("192.0.2.10", 30)


def networkd_has_set_up(lab: Lab, **addresses: str) -> None:
    """Wait until each link has its address and the peer reaches it."""
    log = lab.where / "networkd.log"
    wait_for(lambda: all(a in str(lab.links().get(name)) for name, a in addresses.items()), 120, log.read_text)
    assert all(lab.reaches(address, 60) for address in addresses.values())


def test_a_vlan_of_networkd_follows_and_comes_back(make: Make) -> None:
    lab = make(NETWORKD_VLAN)
    peer_has_vlans(lab)
    lab.registry(bridge_interface="eth0")
    networkd_has_set_up(lab, eth0="192.0.2.10", office="203.0.113.10")
    before = lab.state()
    apply = lab.apply(600)
    lab.until("Keep it with", 180)
    assert lab.links()["eth0"] == ["xenbr0"]
    assert lab.links()["office"] == ["", "203.0.113.10/24"]
    assert "office@xenbr0" in lab.on_host("ip", "-o", "link", "show", "office")
    assert lab.routes() == [line.replace("eth0", "xenbr0") for line in before["routes"]]
    networkd_has_set_up(lab, xenbr0="192.0.2.10", office="203.0.113.10")
    assert lab.xen("revert").returncode == 0
    assert apply.wait(60) == 1
    assert lab.state() == before
    assert "office@eth0" in lab.on_host("ip", "-o", "link", "show", "office")
    networkd_has_set_up(lab, eth0="192.0.2.10", office="203.0.113.10")


def test_a_vlan_of_networkd_becomes_a_port_until_nobody_confirms(make: Make) -> None:
    lab = make(NETWORKD_VLAN)
    peer_has_vlans(lab)
    lab.registry(bridge_interface="office")
    networkd_has_set_up(lab, eth0="192.0.2.10", office="203.0.113.10")
    before = lab.state()
    apply = lab.apply(30)
    lab.until("Keep it with", 180)
    assert lab.links()["office"] == ["xenbr0"]
    assert lab.links()["eth0"] == ["", "192.0.2.10/24"]
    assert lab.routes() == [line.replace("office", "xenbr0") for line in before["routes"]]
    networkd_has_set_up(lab, eth0="192.0.2.10", xenbr0="203.0.113.10")
    assert apply.wait(300) == 1
    assert lab.said().endswith("Not confirmed: everything is as it was.\n")
    assert lab.state() == before
    networkd_has_set_up(lab, eth0="192.0.2.10", office="203.0.113.10")


def test_a_bond_of_networkd_becomes_a_port_and_keeps_its_cards(make: Make) -> None:
    lab = make(NETWORKD_BOND)
    peer_has_a_switch(lab)
    lab.registry(bridge_interface="bond0")
    networkd_has_set_up(lab, bond0="192.0.2.10")
    before = lab.state()
    apply = lab.apply(600)
    lab.until("Keep it with", 180)
    links = lab.links()
    assert (links["bond0"], links["eth0"], links["eth1"]) == (["xenbr0"], ["bond0"], ["bond0"])
    assert lab.routes() == [line.replace("bond0", "xenbr0") for line in before["routes"]]
    networkd_has_set_up(lab, xenbr0="192.0.2.10")
    assert lab.xen("confirm").returncode == 0
    assert apply.wait(60) == 0
    assert lab.xen("revert").returncode == 0
    assert lab.state() == before
    networkd_has_set_up(lab, bond0="192.0.2.10")

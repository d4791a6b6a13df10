# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The bridge above a bond and below VLANs, with the real ifupdown; needs a kernel that has both."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import PROJECT
from network_lab import LOOPBACK, Lab, run

pytestmark = pytest.mark.tools

PACKAGES = ("ifupdown", "bridge-utils", "ifenslave", "iproute2", "iputils-ping", "util-linux", "vlan")
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
def lab(tmp_path: Path) -> Iterator[Lab]:
    if missing := [kind for kind in ("vlan", "bond") if not has(kind)]:
        pytest.skip(f"this kernel has no {' and no '.join(missing)}")
    run(str(PROJECT / "scripts" / "need"), *PACKAGES)
    lab = Lab(tmp_path, cards=2)
    yield lab
    lab.close()


def test_vlans_follow_and_come_back(lab: Lab) -> None:
    lab.on_peer("ip", "address", "add", "192.0.2.1/24", "dev", "p0")
    for number, address in ((5, "203.0.113.1/24"), (7, "10.7.0.1/24")):
        lab.on_peer("ip", "link", "add", "link", "p0", "name", f"v{number}", "type", "vlan", "id", str(number))
        lab.on_peer("ip", "address", "add", address, "dev", f"v{number}")
        lab.on_peer("ip", "link", "set", f"v{number}", "up")
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
    lab.on_peer("ip", "link", "add", "wire", "type", "bridge")
    for card in ("p0", "p1"):
        lab.on_peer("ip", "link", "set", card, "master", "wire")
    lab.on_peer("ip", "address", "add", "192.0.2.1/24", "dev", "wire")
    lab.on_peer("ip", "link", "set", "wire", "up")
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

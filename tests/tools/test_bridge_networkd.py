# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The bridge on a host with the real systemd-networkd, seen from a peer on the same wire."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import PROJECT
from network_lab import Lab, run, wait_for

pytestmark = pytest.mark.tools

PACKAGES = ("systemd", "dbus", "iproute2", "iputils-ping", "util-linux")
STATIC = """\
# The card of this host: do not lose this comment.
[Match]
Name=eth0

[Network]
Address=192.0.2.10/24
Address=2001:db8::10/64
Gateway=192.0.2.1
IPv6AcceptRA=no

[Route]
Destination=198.51.100.0/24
Gateway=192.0.2.1
"""
Make = Callable[..., Lab]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    run(str(PROJECT / "scripts" / "need"), *PACKAGES)
    labs: list[Lab] = []

    def start(address: str, **files: str) -> Lab:
        lab = Lab(tmp_path, cards=2, networkd={name.replace("__", "."): text for name, text in files.items()})
        labs.append(lab)
        lab.on_peer("ip", "address", "add", "192.0.2.1/24", "dev", "p0")
        lab.on_peer("ip", "address", "add", "2001:db8::1/64", "dev", "p0", "nodad")
        if address:
            wait_for(lambda: address in str(lab.links().get("eth0")) and lab.routes(), 60, networkd_log(lab))
        return lab

    yield start
    for lab in labs:
        lab.close()


def networkd_log(lab: Lab) -> Callable[[], str]:
    return lambda: (lab.where / "networkd.log").read_text()


@pytest.fixture
def lab(make: Make) -> Lab:
    lab = make("192.0.2.10", wired__network=STATIC)
    lab.registry(bridge_interface="eth0")
    assert lab.reaches("192.0.2.10")
    assert lab.reaches("2001:db8::10")
    return lab


def test_addresses_and_routes_move_and_come_back(lab: Lab) -> None:
    lab.on_host("ip", "address", "add", "192.0.2.11/24", "dev", "eth0")  # in no file
    before = lab.state()
    apply = lab.apply(600)
    lab.until("Keep it with", 120)
    assert lab.links()["eth0"] == ["xenbr0"]
    assert lab.links()["xenbr0"] == ["", "192.0.2.10/24", "192.0.2.11/24", "2001:db8::10/64"]
    assert lab.routes() == [line.replace("eth0", "xenbr0") for line in before["routes"]]
    assert all(map(lab.reaches, ["192.0.2.10", "192.0.2.11", "2001:db8::10"]))
    assert lab.state()["files"].items() > before["files"].items(), "no present file is touched"
    assert lab.xen("confirm").returncode == 0
    assert apply.wait(30) == 0
    assert lab.xen("apply").stdout == "eth0 is a port of the bridge xenbr0 already\n"

    assert lab.xen("revert").returncode == 0
    assert lab.state() == before
    assert all(map(lab.reaches, ["192.0.2.10", "192.0.2.11", "2001:db8::10"]))

    apply = lab.apply(600)  # a second time, with the same names
    lab.until("Keep it with", 120)
    assert lab.links()["eth0"] == ["xenbr0"]
    assert lab.xen("revert").returncode == 0
    assert apply.wait(30) == 1
    assert lab.state() == before


def test_without_a_confirmation_everything_is_as_it_was(lab: Lab) -> None:
    before = lab.state()
    done = lab.xen("apply", "--confirm-within", "5")
    assert (done.returncode, done.stdout) == (1, "Not confirmed: everything is as it was.\n"), done.stderr
    assert lab.state() == before
    assert lab.reaches("192.0.2.10")
    assert not list((lab.where / "systemd").iterdir())


@pytest.mark.parametrize("mark", ["00-univention-xen-xenbr0.netdev", "Keep it with"])
def test_a_kill_takes_everything_back(lab: Lab, mark: str) -> None:
    before = lab.state()
    apply = lab.apply(5)
    files = lab.where / "etc-networkd"
    wait_for(lambda: mark in lab.said() or (files / mark).exists(), 60, lab.said)
    os.killpg(apply.pid, signal.SIGKILL)
    apply.wait()
    lab.until_settled(120)
    assert lab.state() == before
    assert lab.reaches("192.0.2.10")


def test_a_bridge_that_networkd_sets_up_otherwise_is_taken_back_at_once(make: Make) -> None:
    other = "[Match]\nName=xenbr*\n\n[Network]\nAddress=203.0.113.1/24\n"
    lab = make("192.0.2.10", wired__network=STATIC, **{"00-a__network": other})
    lab.registry(bridge_interface="eth0")
    before = lab.state()
    done = lab.xen("apply", "--confirm-within", "3600")
    assert done.returncode == 1
    assert "systemd-networkd did not set up xenbr0; everything is as it was" in done.stderr
    assert lab.state() == before
    assert lab.reaches("192.0.2.10")


def test_a_lease_follows_and_is_the_same(make: Make) -> None:
    run(str(PROJECT / "scripts" / "need"), "dnsmasq-base")
    lab = make("", wired__network="[Match]\nName=eth*\n\n[Network]\nDHCP=ipv4\n\n[Link]\nRequiredForOnline=routable\n")
    leases = lab.where / "leases"
    lab.start(
        "ip", "netns", "exec", lab.peer, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0",
        "--interface=p0", "--bind-interfaces", "--dhcp-range=192.0.2.50,192.0.2.90,1h", f"--dhcp-leasefile={leases}",
        "--pid-file=", "--dhcp-authoritative", "--no-ping", "--user=root", "--log-facility=/dev/null",
    )  # fmt: skip
    wait_for(lambda: "192.0.2." in str(lab.links()["eth0"]), 60, networkd_log(lab))
    before = lab.state()
    (address,) = before["links"]["eth0"][1:]
    apply = lab.apply(5)
    lab.until("Keep it with", 120)
    assert lab.links()["xenbr0"] == ["", address]
    assert len(leases.read_text().splitlines()) == 1, "the server sees the same client"
    assert lab.reaches(address.split("/")[0])
    assert apply.wait(120) == 1
    assert lab.state() == before
    assert lab.reaches(address.split("/")[0])


def test_what_is_stacked_on_the_card_follows_and_comes_back(make: Make) -> None:
    """As VLANs do, which not every kernel has."""
    lab = make(
        "192.0.2.10",
        wired__network=STATIC.replace("[Network]\n", "[Network]\nMACVLAN=upper\n"),
        upper__network="[Match]\nName=upper\n\n[Network]\nAddress=203.0.113.10/24\n",
        upper__netdev="[NetDev]\nName=upper\nKind=macvlan\n\n[MACVLAN]\nMode=bridge\n",
    )
    lab.on_peer("ip", "address", "add", "203.0.113.1/24", "dev", "p0")
    lab.registry(bridge_interface="eth0")
    wait_for(lambda: lab.links().get("upper") == ["", "203.0.113.10/24"], 60, networkd_log(lab))
    before = lab.state()
    apply = lab.apply(600)
    lab.until("Keep it with", 120)
    assert lab.links()["eth0"] == ["xenbr0"]
    assert lab.links()["upper"] == ["", "203.0.113.10/24"]
    assert "upper@xenbr0" in lab.on_host("ip", "-o", "link", "show", "upper")
    assert all(map(lab.reaches, ["192.0.2.10", "203.0.113.10"]))
    assert lab.xen("revert").returncode == 0
    assert apply.wait(30) == 1
    assert lab.state() == before
    assert "upper@eth0" in lab.on_host("ip", "-o", "link", "show", "upper")
    assert all(map(lab.reaches, ["192.0.2.10", "203.0.113.10"]))

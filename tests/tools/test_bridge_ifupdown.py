# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The bridge on a host with the real ifupdown, seen from a peer on the same wire."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import PROJECT
from network_lab import COMMAND, LOOPBACK, Lab, run
from univention_xen.host.bridge.apply import WATCHDOG

pytestmark = pytest.mark.tools

STATIC = """\
# The card of this host: do not lose this comment.
auto eth0
iface eth0 inet static
\taddress 192.0.2.10/24
\tgateway 192.0.2.1
\tup ip route add 198.51.100.0/24 via 192.0.2.1 dev eth0
"""
SILENCE = 4.0
"""Seconds that the peer may hear nothing while the card becomes a port: an ARP request is repeated each second."""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    run(str(PROJECT / "scripts" / "need"), "ifupdown", "bridge-utils", "iproute2", "iputils-ping", "util-linux")
    lab = Lab(tmp_path, cards=2)
    lab.on_peer("ip", "address", "add", "192.0.2.1/24", "dev", "p0")
    yield lab
    lab.close()


def start(lab: Lab, text: str) -> None:
    lab.interfaces(LOOPBACK + text)
    lab.on_host("ifup", "-a")


def test_a_static_address_moves_and_stays_when_confirmed(lab: Lab) -> None:
    start(lab, STATIC)
    before = lab.state()
    ping = lab.ping("192.0.2.10")
    apply = lab.apply(60)
    lab.until("Keep it with")
    assert lab.links()["eth0"] == ["xenbr0"]
    assert lab.links()["xenbr0"] == ["", "192.0.2.10/24"]
    assert lab.routes() == [line.replace("eth0", "xenbr0") for line in before["routes"]]
    assert lab.xen("confirm").returncode == 0
    assert apply.wait(10) == 0
    answers, silence = ping.stop()
    assert answers >= 3
    assert silence < SILENCE
    assert "do not lose this comment" in (lab.where / "etc-network" / "interfaces").read_text()

    lab.on_host("ifdown", "-a")
    lab.on_host("ifup", "-a")  # as at the next boot
    assert lab.links()["eth0"] == ["xenbr0"]
    assert lab.reaches("192.0.2.10")
    assert lab.xen("apply").stdout == "eth0 is a port of the bridge xenbr0 already\n"

    assert lab.xen("revert").returncode == 0
    assert lab.state() == before
    assert lab.reaches("192.0.2.10")


def test_without_a_confirmation_everything_is_as_it_was(lab: Lab) -> None:
    start(lab, STATIC)
    before = lab.state()
    ping = lab.ping("192.0.2.10")
    done = lab.xen("apply", "--confirm-within", "5")
    assert (done.returncode, done.stdout) == (1, "Not confirmed: everything is as it was.\n")
    assert lab.state() == before
    assert lab.reaches("192.0.2.10")
    assert ping.stop()[1] < SILENCE
    assert not list((lab.where / "systemd").iterdir())


@pytest.mark.parametrize(("answers", "code"), [(b"what?\nyes\n", 0), (b"no\n", 1)])
def test_on_a_terminal_the_answer_counts(lab: Lab, answers: bytes, code: int) -> None:
    start(lab, STATIC)
    before = lab.state()
    ours, theirs = os.openpty()
    with (lab.where / "apply.log").open("wb") as out:
        argv = (*lab.enter, *COMMAND, "host", "bridge", "apply", "--confirm-within", "3600")
        apply = lab.start(*argv, stdin=theirs, stdout=out, stderr=out)
    lab.until("Keep it? [yes/no]")
    os.write(ours, answers)
    assert apply.wait(30) == code
    assert ("Please answer yes or no." in lab.said()) == (code == 0)
    assert (lab.state() == before) == (code == 1)
    assert lab.reaches("192.0.2.10")
    os.close(ours)
    os.close(theirs)


def test_a_lost_connection_that_kills_apply_takes_everything_back(lab: Lab) -> None:
    start(lab, STATIC)
    before = lab.state()
    apply = lab.apply(5)
    lab.until("Keep it with")
    os.killpg(apply.pid, signal.SIGKILL)
    apply.wait()
    lab.until_settled()
    assert lab.state() == before
    assert lab.reaches("192.0.2.10")


@pytest.mark.parametrize("delay", [0.15, 0.25, 0.35, 0.5, 0.7])
def test_a_kill_at_any_time_takes_everything_back(lab: Lab, delay: float) -> None:
    start(lab, STATIC)
    before = lab.state()
    apply = lab.apply(5)
    time.sleep(delay)
    os.killpg(apply.pid, signal.SIGKILL)
    apply.wait()
    lab.on_host("mkdir", "-p", "/var/lib/univention-xen/bridge")
    lab.until_settled()
    assert lab.state() == before
    assert lab.reaches("192.0.2.10")


def test_a_watchdog_ends_with_a_worker_that_was_killed_before_it_began(lab: Lab) -> None:
    start(lab, STATIC)
    before = lab.state()
    dead = subprocess.Popen(["true"])
    dead.wait()
    watchdog = (*lab.enter, sys.executable, "-I", WATCHDOG, "/", "token", str(dead.pid))
    assert subprocess.run(watchdog, timeout=60, check=False).returncode == 0
    assert lab.state() == before


def test_a_hang_up_in_the_middle_stops_nothing(lab: Lab) -> None:
    start(lab, STATIC)
    apply = lab.apply(60)
    for _ in range(400):
        if "xenbr0" in lab.links():
            break
    os.killpg(apply.pid, signal.SIGHUP)
    lab.until("Keep it with")
    assert lab.xen("confirm").returncode == 0
    assert apply.wait(10) == 0


def test_a_step_that_fails_takes_everything_back_at_once(lab: Lab) -> None:
    start(lab, STATIC.replace("up ip", "pre-up test $IFACE != xenbr0\n\tup ip"))
    before = lab.state()
    done = lab.xen("apply", "--confirm-within", "3600")
    assert done.returncode == 1
    assert "everything is as it was" in done.stderr
    assert lab.state() == before
    assert lab.reaches("192.0.2.10")


def test_revert_does_not_wait_for_the_end_of_the_time(lab: Lab) -> None:
    start(lab, STATIC)
    before = lab.state()
    apply = lab.apply(3600)
    lab.until("Keep it with")
    assert "waits for its confirmation" in lab.xen("plan").stderr
    assert lab.xen("revert").returncode == 0
    assert apply.wait(10) == 1
    assert lab.state() == before


def test_an_edit_after_the_confirmation_is_not_lost(lab: Lab) -> None:
    start(lab, STATIC)
    apply = lab.apply(60)
    lab.until("Keep it with")
    lab.xen("confirm")
    apply.wait(10)
    file = lab.where / "etc-network" / "interfaces"
    file.write_text(file.read_text() + "# mine\n")
    done = lab.xen("revert")
    assert done.returncode == 1
    assert "/etc/network/interfaces has been edited since" in done.stderr
    assert "# mine" in file.read_text()
    assert lab.links()["eth0"] == ["xenbr0"]


def test_ipv6_and_a_file_of_its_own(lab: Lab) -> None:
    lab.on_peer("ip", "address", "add", "2001:db8::1/64", "dev", "p0", "nodad")
    lab.interfaces(
        "allow-hotplug eth0\n"
        "iface eth0 inet6 static\n  address 2001:db8::10/64\n  gateway 2001:db8::1\n  dad-attempts 0\n"
        "iface eth0 inet static\n  address 192.0.2.10/24\n",
        "interfaces.d/card",
    )
    start(lab, "source /etc/network/interfaces.d/*\n")
    lab.on_host("ifup", "eth0")
    lab.on_host("ip", "-6", "route", "add", "2001:db8:1::/48", "via", "2001:db8::1", "dev", "eth0")  # in no file
    lab.on_host("ip", "address", "add", "192.0.2.11/24", "dev", "eth0")
    lab.registry(bridge_name="guests", bridge_interface="eth0")
    assert lab.reaches("2001:db8::10")
    before = lab.state()
    apply = lab.apply(60)
    lab.until("Keep it with")
    assert lab.links()["guests"] == ["", "192.0.2.10/24", "192.0.2.11/24", "2001:db8::10/64"]
    assert lab.routes() == [line.replace("eth0", "guests") for line in before["routes"]]
    assert all(map(lab.reaches, ["2001:db8::10", "192.0.2.10", "192.0.2.11"]))
    assert lab.xen("revert").returncode == 0
    apply.wait(10)
    assert lab.state() == before
    assert lab.reaches("2001:db8::10")


def test_the_other_card_of_two_is_left_alone(lab: Lab) -> None:
    lab.on_peer("ip", "address", "add", "203.0.113.1/24", "dev", "p1")
    start(lab, STATIC + "\nauto eth1\niface eth1 inet static\n  address 203.0.113.10/24\n")
    lab.registry(bridge_interface="eth1")
    before = lab.state()
    ping = lab.ping("192.0.2.10")
    apply = lab.apply(60)
    lab.until("Keep it with")
    assert lab.links()["eth0"] == ["", "192.0.2.10/24"]
    assert lab.links()["eth1"] == ["xenbr0"]
    assert lab.reaches("203.0.113.10")
    assert lab.xen("revert").returncode == 0
    apply.wait(10)
    assert ping.stop()[1] < 1
    assert lab.state() == before


def test_a_lease_follows(lab: Lab) -> None:
    run(str(PROJECT / "scripts" / "need"), "isc-dhcp-client", "dnsmasq-base")
    leases = lab.where / "leases"
    lab.start(
        "ip", "netns", "exec", lab.peer, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0",
        "--interface=p0", "--bind-interfaces", "--dhcp-range=192.0.2.50,192.0.2.60,1h", f"--dhcp-leasefile={leases}",
        "--pid-file=", "--dhcp-authoritative", "--no-ping", "--user=root", "--log-facility=/dev/null",
    )  # fmt: skip
    start(lab, "auto eth0\niface eth0 inet dhcp\n")
    before = lab.state()
    (address,) = before["links"]["eth0"][1:]
    assert address.startswith("192.0.2.5")
    apply = lab.apply(8)
    lab.until("Keep it with")
    assert lab.links()["xenbr0"] == ["", address]
    assert lab.reaches(address.split("/")[0])
    assert apply.wait(60) == 1
    assert lab.state() == before
    assert lab.reaches(address.split("/")[0])


def test_a_change_that_a_reboot_left_is_taken_back_before_the_network_starts(lab: Lab) -> None:
    start(lab, STATIC)
    before = lab.state()
    lab.apply(3600)
    lab.until("Keep it with")
    (unit,) = (lab.where / "systemd").glob("*.service")
    command = next(line for line in unit.read_text().splitlines() if line.startswith("ExecStart="))
    argv = command.removeprefix("ExecStart=").split()
    lab.on_host(*argv)
    assert lab.links()["eth0"] == ["xenbr0"], "it is not yet another boot"
    kept = "/var/lib/univention-xen/bridge/pending.json"
    lab.on_host("sed", "-i", 's/"boot": ".*"/"boot": "an earlier one"/', kept)
    lab.on_host(*argv)
    assert lab.state()["files"] == before["files"]
    assert not any((lab.where / "systemd").rglob("*undo.service"))


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"bridge_interface": "eth7"}, "there is no network interface eth7"),
        ({"bridge_interface": "eth1"}, "eth1 is not configured in /etc/network/interfaces"),
        ({"bridge_interface": "lo"}, "lo is no Ethernet interface"),
        ({"bridge_name": "eth1"}, "eth1 exists and is no bridge"),
        ({"bridge_name": "other"}, "the bridge other has other ports: eth1"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_changed(lab: Lab, variables: dict[str, str], told: str) -> None:
    start(lab, STATIC)
    if variables.get("bridge_name") == "other":
        lab.on_host("ip", "link", "add", "other", "type", "bridge")
        lab.on_host("ip", "link", "set", "eth1", "master", "other")
    lab.registry(**variables)
    before = lab.state()
    done = lab.xen("apply")
    assert done.returncode == 1
    assert told in done.stderr
    assert "hint: " in done.stderr
    assert lab.state() == before

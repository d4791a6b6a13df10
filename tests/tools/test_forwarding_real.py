# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Guests that this host routes or hides behind its address, with the real kernel and nft.

A namespace is the guest; its card is set up as vif-route and vif-nat of Xen 4.17 do it.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import PROJECT
from network_lab import LOOPBACK, Lab, run, wait_for

pytestmark = pytest.mark.tools

PACKAGES = ("ifupdown", "bridge-utils", "iproute2", "iputils-ping", "util-linux", "nftables", "net-tools", "procps")
STATIC = "auto eth0\niface eth0 inet static\n  address 192.0.2.10/24\n"
HOOK = PROJECT / "vif-post.d" / "univention-xen.hook"
VIF = {
    "route": ("192.0.2.77", "192.0.2.10", ["address add 192.0.2.10/32 dev vif1.0", "route add 192.0.2.77 dev vif1.0"]),
    "nat": ("10.0.1.1", "10.0.1.128", ["address add 10.0.1.128 dev vif1.0", "route add 10.0.1.1 dev vif1.0"]),
}
"""For each mode: the guest's address, that of its router, and what the script does."""
FOREIGN = (
    "add table ip mine; add chain ip mine out { type filter hook output priority 0; }; add rule ip mine out counter"
)


class Guests(Lab):
    """A lab with a guest."""

    def add_guest(self, mode: str) -> None:
        """Start one, as xl would."""
        address, router, commands = VIF[mode]
        self.guest = f"xg{os.getpid():x}"
        run("ip", "netns", "add", self.guest)
        run("ip", "-n", self.host, "link", "add", "vif1.0", "type", "veth", "peer", "name", "eth0", "netns", self.guest)
        for command in ("link set vif1.0 up", *commands):
            self.on_host("ip", *command.split())
        self.on_host("sysctl", "-q", "-w", "net/ipv4/conf/vif1.0/proxy_arp=1")
        for command in ("link set eth0 up", f"address add {address}/32 dev eth0", f"route add {router} dev eth0"):
            run("ip", "-n", self.guest, *command.split())
        run("ip", "-n", self.guest, "route", "add", "default", "via", router)

    def close(self) -> None:
        """End the guest, then the lab."""
        if hasattr(self, "guest"):
            run("ip", "netns", "delete", self.guest)
        super().close()

    def guest_reaches_the_peer(self, seconds: int = 10) -> bool:
        """Say whether it does."""
        argv = ["ip", "netns", "exec", self.guest, "ping", "-c", "1", "-w", str(seconds), "192.0.2.1"]
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0

    def state(self) -> dict[str, Any]:
        """Return also what the kernel forwards and translates, and the files about that."""
        files = self.on_host("sh", "-c", "cd /etc && find xen sysctl.d -type f | sort | xargs -r sha256sum")
        values = self.on_host("sh", "-c", "cd /proc/sys/net/ipv4 && grep -r . ip_forward conf | sort")
        return super().state() | {"ours": files, "values": values, "rules": self.on_host("nft", "list", "ruleset")}


@pytest.fixture(params=["route", "nat"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def lab(tmp_path: Path, mode: str) -> Iterator[Guests]:
    run(str(PROJECT / "scripts" / "need"), *PACKAGES)
    lab = Guests(tmp_path)
    try:
        lab.on_peer("ip", "address", "add", "192.0.2.1/24", "dev", "p0")
        lab.interfaces(LOOPBACK + STATIC)
        lab.on_host("ifup", "-a")
        lab.on_host("nft", FOREIGN)
        lab.on_host("sysctl", "-q", "-w", "net/ipv4/ip_forward=0")
        lab.on_host("sysctl", "-q", "-w", "net/ipv4/conf/eth0/forwarding=1")  # somebody's own wish
        lab.registry(network_mode=mode, bridge_interface="eth0")
        lab.add_guest(mode)
        yield lab
    finally:
        lab.close()


def boot(lab: Guests) -> None:
    """Forget what runs, then do what systemd does with our files."""
    lab.on_host("sysctl", "-q", "-w", "net/ipv4/ip_forward=0", "net/ipv4/conf/eth0/proxy_arp=0")
    lab.on_host("nft", "flush", "ruleset")
    assert not lab.guest_reaches_the_peer(1)
    lab.on_host("sh", "-c", "sysctl -q -p /etc/sysctl.d/*univention*")
    unit = (PROJECT / "systemd" / "univention-xen-nat.service").read_text().splitlines()
    if subprocess.run([*lab.enter, "test", "-e", option(unit, "ConditionPathExists")], check=False).returncode == 0:
        lab.on_host(*option(unit, "ExecStart").split())


def option(unit: list[str], name: str) -> str:
    return next(line for line in unit if line.startswith(f"{name}=")).partition("=")[2]


def test_a_guest_reaches_the_peer_also_after_a_reboot_until_it_is_reverted(lab: Guests, mode: str) -> None:
    before = lab.state()
    assert not lab.guest_reaches_the_peer(1)
    apply = lab.apply(600)
    lab.until("The forwarding is there")
    assert lab.guest_reaches_the_peer()
    assert lab.reaches("192.0.2.77") == (mode == "route"), "the peer finds a guest whose addresses are routed"
    assert "table ip mine" in lab.on_host("nft", "list", "ruleset")
    assert lab.xen("confirm").returncode == 0
    assert apply.wait(30) == 0
    assert lab.said().endswith("The forwarding is kept.\n")
    assert lab.xen("apply").stdout == f"guests reach the network through eth0 ({mode}) already\n"

    lab.registry(network_mode="bridge", bridge_interface="eth0")
    assert "would have to go first" in lab.xen("plan").stderr
    lab.registry(network_mode=mode, bridge_interface="eth0")

    assert lab.xen("revert").returncode == 0
    assert lab.state() == before
    assert not lab.guest_reaches_the_peer(1)
    assert lab.reaches("192.0.2.10")


@pytest.mark.parametrize("mode", ["nat"], indirect=True)
def test_a_card_with_a_name_of_its_own_is_told_by_the_hook(lab: Guests) -> None:
    lab.apply(600)
    lab.until("The forwarding is there")
    for words in ("set vif1.0 down", "set vif1.0 name web0", "set web0 up"):
        lab.on_host("ip", "link", *words.split())
    lab.on_host("ip", "route", "add", "10.0.1.1", "dev", "web0")
    for script, reaches in (("vif-bridge", False), ("vif-nat", True)):
        lab.on_host("sh", "-c", f"command=online dev=web0; . {HOOK}", f"/etc/xen/scripts/{script}")
        assert lab.guest_reaches_the_peer(10 if reaches else 1) == reaches
    assert lab.xen("revert").returncode == 0


def test_it_is_there_again_after_a_reboot(lab: Guests) -> None:
    apply = lab.apply(600)
    lab.until("The forwarding is there")
    assert lab.xen("confirm").returncode == 0
    assert apply.wait(30) == 0
    boot(lab)
    assert lab.guest_reaches_the_peer()


def test_without_a_confirmation_everything_is_as_it_was(lab: Guests) -> None:
    before = lab.state()
    done = lab.xen("apply", "--confirm-within", "5")
    assert (done.returncode, done.stdout) == (1, "Not confirmed: everything is as it was.\n"), done.stderr
    assert lab.state() == before


def test_a_kill_takes_everything_back(lab: Guests) -> None:
    before = lab.state()
    apply = lab.apply(5)
    lab.until("The forwarding is there")
    os.killpg(apply.pid, signal.SIGKILL)
    apply.wait()
    lab.until_settled(120)
    wait_for(lambda: lab.state() == before, 10, lab.said)


def test_a_present_file_comes_back_and_an_edit_is_not_lost(lab: Guests) -> None:
    path = "/etc/sysctl.d/99-univention-xen-network.conf"
    lab.on_host("sh", "-c", f"echo '# mine' > {path}")
    before = lab.state()
    apply = lab.apply(600)
    lab.until("The forwarding is there")
    assert lab.xen("confirm").returncode == 0
    assert apply.wait(30) == 0
    text = lab.on_host("cat", path)
    lab.on_host("sh", "-c", f"echo '# edited' >> {path}")
    done = lab.xen("revert")
    assert (done.returncode, "has been edited since the forwarding was made" in done.stderr) == (1, True)
    lab.on_host("python3", "-c", "import sys; open(sys.argv[1], 'w').write(sys.argv[2])", path, text)
    assert lab.xen("revert").returncode == 0
    assert lab.state() == before

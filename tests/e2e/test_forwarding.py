# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Guests behind this host's address (nat), or routed by it (route), and the firewall, with systemd running.

The world outside is a network namespace on the card lan0: it tells each caller from which address he comes.
"""

from __future__ import annotations

import json

import pytest
from dom0 import Dom0
from evidence import Evidence
from network import FORWARD
from qemu import minutes

WORLD = """
ip netns add world
ip link add lan0 type veth peer name lan0 netns world
ip address add 192.0.2.1/24 dev lan0 && ip link set lan0 up
for address in 2 3; do ip -n world address add 192.0.2.$address/24 dev lan0; done
ip -n world link set lo up && ip -n world link set lan0 up
cat >/srv/listen.py <<'END'
import socket
door = socket.create_server(("", 7000))
while True:
    line, who = door.accept()
    line.sendall(b"you are " + who[0].encode() + b"\\n")
    line.close()
END
cat >/srv/come.py <<'END'
import socket, sys
try:
    line = socket.create_connection((sys.argv[2], int(sys.argv[3])), timeout=120, source_address=(sys.argv[1], 0))
    print(sys.argv[1], line.recv(80).decode().split()[0])
except OSError as why:
    print(sys.argv[1], type(why).__name__)
END
systemd-run --quiet --unit=world ip netns exec world python3 /srv/listen.py
"""
GUEST = """\
name = "{name}"
type = "pv"
kernel = "/srv/guest/vmlinuz"
ramdisk = "/srv/guest/initrd"
extra = "console=hvc0 quiet name={name} address={address}"
memory = 128
vif = ["mac=00:16:3e:00:00:{mac}, ip={address}{more}"]
"""
NATTED = GUEST.format(name="natted", address="10.0.77.1", mac="21", more=", vifname=web0")
ROUTED = GUEST.format(name="routed", address="192.0.2.77", mac="22", more="")
SCREEN = """
cd /srv/guest
sed '/^name/s/hvm/screen/; s/^vnc = 0/vnc = 1\\nvnclisten = "0.0.0.0"\\nvncunused = 0/' hvm.cfg >/etc/xen/screen.cfg
"""
STATE = """
sysctl net.ipv4.ip_forward net.ipv4.conf.lan0.proxy_arp net.ipv4.conf.all.accept_redirects
find /etc/sysctl.d /etc/xen/*.nft | sort; nft list ruleset | grep -A9 univention
systemctl is-active univention-xen-nat.service
"""
CALL = "nc -w 60 192.0.2.2 7000 </dev/null"
SCREEN_FROM = "for n in 2 3; do ip netns exec world python3 /srv/come.py 192.0.2.$n 192.0.2.1 5900; done"


def collect(dom0: Dom0) -> None:
    long = minutes(10)
    dom0.must(WORLD)
    for name, text in (("natted", NATTED), ("routed", ROUTED)):
        dom0.must(f"cat >/etc/xen/{name}.cfg", stdin=text.encode())
    dom0.see("units", "systemctl is-enabled univention-xen-nat.service univention-xen-firewall.service")
    dom0.see("before", STATE)
    collect_nat(dom0, long)
    collect_route(dom0, long)
    collect_firewall(dom0, long)


def collect_nat(dom0: Dom0, long: float) -> None:
    dom0.see("nat", FORWARD.format(mode="nat", card="lan0"), within=long)
    dom0.see("nat-state", STATE)
    dom0.see("nat-start", "univention-xen guest start natted", within=long)
    dom0.see("nat-out", f"guest-console natted 'ip route add default via 10.0.77.128; {CALL}' 300", within=long)
    dom0.see("nat-restart", "systemctl restart univention-xen-nat.service && systemctl restart nftables.service")
    dom0.see("nat-out-again", f"guest-console natted '{CALL}' 300", within=long)
    dom0.see("nat-off", "univention-xen host bridge revert; xl destroy natted", within=long)
    dom0.see("nat-after", STATE)


def collect_route(dom0: Dom0, long: float) -> None:
    dom0.see("route", FORWARD.format(mode="route", card="lan0"), within=long)
    dom0.see("route-state", STATE)
    dom0.see("route-start", "univention-xen guest start routed", within=long)
    dom0.see("route-out", f"guest-console routed '{CALL}' 300", within=long)
    dom0.see("route-in", "ip netns exec world python3 /srv/come.py 192.0.2.2 192.0.2.77 7", within=long)
    dom0.see("route-off", "univention-xen host bridge revert; xl destroy routed", within=long)
    dom0.see("route-after", STATE)


def collect_firewall(dom0: Dom0, long: float) -> None:
    """A real screen, reached from the one address that may, and from another one."""
    dom0.must("ucr set xen/network/mode=bridge xen/bridge/interface= xen/vnc/sources=192.0.2.2", within=long)
    dom0.must(SCREEN)
    dom0.see("screen", "univention-xen guest start screen", within=long)
    dom0.see("open", SCREEN_FROM, within=long)
    dom0.see("apply", "univention-xen host firewall apply", within=long)
    dom0.see("kept-out", SCREEN_FROM, within=long)
    dom0.see("restart", "systemctl restart univention-xen-firewall.service && systemctl restart nftables.service")
    dom0.see("unit", "systemctl is-active univention-xen-firewall.service")
    dom0.see("kept-out-again", SCREEN_FROM, within=long)
    dom0.see("check", "univention-xen host check --json", within=long)
    dom0.see("remove", "univention-xen host firewall remove >&2; nft list ruleset; ls /etc/xen", within=long)
    dom0.see("open-again", SCREEN_FROM, within=long)


def test_the_units_are_enabled(seen: Evidence) -> None:
    assert seen["units"].out.split() == ["enabled", "enabled"]


@pytest.mark.parametrize("mode", ["nat", "route"])
def test_it_is_made_and_kept(seen: Evidence, mode: str) -> None:
    assert seen[mode].out.endswith("The forwarding is kept.\n"), seen[mode].err
    assert "net.ipv4.ip_forward = 1" in seen[f"{mode}-state"].out
    assert seen[f"{mode}-start"].code == 0, seen[f"{mode}-start"].err


def test_a_guest_behind_nat_has_the_address_of_the_host_whatever_its_card_is_called(seen: Evidence) -> None:
    assert "active" in seen["nat-state"].out.split()
    assert "you are 192.0.2.1" in seen["nat-out"].out.splitlines(), seen["nat-out"].out


def test_a_restart_of_the_units_changes_nothing_for_it(seen: Evidence) -> None:
    assert seen["nat-restart"].code == 0, seen["nat-restart"].err
    assert "you are 192.0.2.1" in seen["nat-out-again"].out.splitlines(), seen["nat-out-again"].out


def test_a_routed_guest_has_its_own_address_and_is_found(seen: Evidence) -> None:
    assert "net.ipv4.conf.lan0.proxy_arp = 1" in seen["route-state"].out
    assert "you are 192.0.2.77" in seen["route-out"].out.splitlines(), seen["route-out"].out
    assert seen["route-in"].out == "192.0.2.2 routed\n"


@pytest.mark.parametrize("mode", ["nat", "route"])
def test_revert_brings_everything_back(seen: Evidence, mode: str) -> None:
    assert seen[f"{mode}-after"].out == seen["before"].out


def test_only_the_source_that_may_sees_the_screen(seen: Evidence) -> None:
    assert seen["screen"].code == 0, seen["screen"].err
    assert seen["open"].out == "192.0.2.2 RFB\n192.0.2.3 RFB\n", "without a firewall everybody does"
    assert seen["apply"].code == 0, seen["apply"].err
    assert seen["kept-out"].out == "192.0.2.2 RFB\n192.0.2.3 ConnectionRefusedError\n"
    assert not [each for each in json.loads(seen["check"].out) if each["about"] == "firewall"]


def test_the_firewall_survives_a_restart_of_its_units(seen: Evidence) -> None:
    assert seen["restart"].code == 0, seen["restart"].err
    assert seen["unit"].out == "active\n"
    assert seen["kept-out-again"].out == seen["kept-out"].out


def test_what_was_opened_is_taken_away(seen: Evidence) -> None:
    assert "univention" not in seen["remove"].out
    assert "firewall.nft" not in seen["remove"].out
    assert seen["open-again"].out == seen["open"].out

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""PV, PVH and HVM guests with plain xl: consoles, network, save and restore, shutdown."""

from __future__ import annotations

import pytest
from dom0 import Dom0
from evidence import Evidence
from qemu import minutes

ADDRESS = {"pv": "192.168.77.11", "pvh": "192.168.77.12"}
#: Asks until the guest answers; each second, at most five minutes.
ANSWER = "for n in $(seq 300); do nc -w 5 {} 7 </dev/null | grep . && exit; sleep 1; done; exit 1"
SPEAKS = "for n in $(seq 300); do grep SPEAKING /var/log/xen/hvm-serial.log && exit; sleep 1; done; exit 1"


def collect(dom0: Dom0) -> None:
    long = minutes(10)
    for kind, address in ADDRESS.items():
        dom0.see(f"{kind}-create", f"xl create /srv/guest/{kind}.cfg", within=long)
        dom0.see(f"{kind}-network", ANSWER.format(address), within=long)
        dom0.see(f"{kind}-console", f"guest-console {kind} 'echo $((6 * 7)) from $name'")
    dom0.see("guest-to-guest", "guest-console pvh 'ping -c 2 192.168.77.11'")
    dom0.see("hvm-create", "xl create /srv/guest/hvm.cfg", within=long)
    dom0.see("hvm-serial", SPEAKS, within=long)
    dom0.see("list", "xl list")
    dom0.see("save", "xl save pv /var/lib/xen/pv.save && xl list", within=long)
    dom0.see("restore", "xl restore /var/lib/xen/pv.save && xl list", within=long)
    dom0.see("pv-network-restored", ANSWER.format(ADDRESS["pv"]), within=long)
    dom0.see("shutdown", "xl shutdown -w pv && xl shutdown -w pvh && xl destroy hvm; xl list", within=long)


@pytest.mark.parametrize("kind", ["pv", "pvh", "hvm"])
def test_a_guest_starts(seen: Evidence, kind: str) -> None:
    assert seen[f"{kind}-create"].code == 0, seen[f"{kind}-create"].err
    assert f"\n{kind} " in seen["list"].out


@pytest.mark.parametrize("kind", ["pv", "pvh"])
def test_it_answers_on_its_network(seen: Evidence, kind: str) -> None:
    assert seen[f"{kind}-network"].out.startswith(f"{kind} up ")


@pytest.mark.parametrize("kind", ["pv", "pvh"])
def test_it_answers_on_its_console(seen: Evidence, kind: str) -> None:
    assert f"42 from {kind}" in seen[f"{kind}-console"].out


def test_guests_reach_each_other(seen: Evidence) -> None:
    assert " 0% packet loss" in seen["guest-to-guest"].out


def test_an_hvm_guest_boots_from_its_disk(seen: Evidence) -> None:
    assert seen["hvm-serial"].out.strip() == "BOOT SECTOR SPEAKING"


def test_a_restored_guest_has_its_memory(seen: Evidence) -> None:
    assert "\npv " not in seen["save"].out
    assert "\npv " in seen["restore"].out
    before, after = (seen[name].out.split() for name in ("pv-network", "pv-network-restored"))
    assert after[-1] == before[-1]
    assert int(after[2]) >= int(before[2])


def test_guests_shut_down(seen: Evidence) -> None:
    assert [line.split()[0] for line in seen["shutdown"].out.splitlines() if line.split()[1:2] == ["0"]] == ["Domain-0"]
    assert not any(f"\n{kind} " in seen["shutdown"].out for kind in ("pv", "pvh", "hvm"))

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Switched off and on through its own boot loader: BIOS, GRUB, Xen, Dom0 and guests do what the registry says.

The one group that boots. Whatever has to be seen after a boot belongs here.
"""

from __future__ import annotations

import json

from dom0 import Dom0
from evidence import Evidence
from network import FORWARD_AND_OPEN, IN_FORCE, must_be_in_force
from qemu import minutes, until

VARIABLES = "xen/dom0/memory=900M xen/dom0/vcpus=1 xen/hypervisor/cmdline=loglvl=all xen/dom0/cmdline=univention.lab=1"
#: Asks until the guest answers; each second, at most five minutes.
ANSWER = "for n in $(seq 300); do nc -w 5 {} 7 </dev/null | grep . && exit; sleep 1; done; exit 1"
PV, PVH = ANSWER.format("192.168.77.11"), ANSWER.format("192.168.77.12")


def collect(dom0: Dom0) -> None:
    dom0.see(
        "grub-install", "grub-install /dev/sda && mkdir -p /boot/grub && touch /boot/grub/grub.cfg", within=minutes(15)
    )
    dom0.see("set", f"ucr set xen/xl/claim_mode=no {VARIABLES}", within=minutes(15))
    dom0.see("set-again", f"ucr set {VARIABLES}", within=minutes(15))
    dom0.see("waiting", "univention-xen host status --json")
    dom0.see("menu", "cat /boot/grub/grub.cfg")
    dom0.see("network", FORWARD_AND_OPEN, within=minutes(15))
    dom0.see("rules-before", IN_FORCE)
    collect_guests_before(dom0)
    switch_off_and_on(dom0)
    dom0.see("info", "xl info")
    dom0.see("list", "xl list")
    dom0.see("kernel", "cat /proc/cmdline")
    dom0.see("modules", "lsmod; systemctl is-active systemd-modules-load")
    dom0.see("failed", "systemctl --failed --no-legend --plain")
    dom0.see("services", "systemctl is-active xen xendomains univention-xen-nat univention-xen-firewall")
    dom0.see("rules", IN_FORCE)
    dom0.see("back", "univention-xen host bridge revert && univention-xen host firewall remove")
    dom0.see("timeout", "systemctl show -p TimeoutStopUSec xendomains")
    dom0.see("xl.conf", "cat /etc/xen/xl.conf")
    dom0.see("page", "univention-xen host status")
    dom0.see("status", "univention-xen host status --json")
    dom0.see("check", "univention-xen host check --json")
    dom0.see("pv-after", PV, within=minutes(10))
    dom0.see("pvh-after", PVH, within=minutes(10))
    dom0.see("off", "univention-xen guest autostart pv off; univention-xen guest list --json")


def collect_guests_before(dom0: Dom0) -> None:
    """One guest is to be started with the host, another one runs and is to be saved and restored."""
    dom0.must("cp /srv/guest/pv.cfg /srv/guest/pvh.cfg /etc/xen/")
    dom0.see("autostart", "univention-xen guest autostart pv on; ls -l /etc/xen/auto")
    dom0.see("autostart-again", "univention-xen guest autostart pv on")
    dom0.see("start", "univention-xen guest start pvh", within=minutes(10))
    dom0.see("pvh-before", PVH, within=minutes(10))


def switch_off_and_on(dom0: Dom0) -> None:
    dom0.do("systemd-run --quiet systemctl poweroff")
    until(lambda: is_off(dom0), "the Dom0 has switched itself off", minutes(20))
    dom0.stop()
    dom0.qemu.console_log.rename(dom0.where / "console-before.log")
    dom0.start(None)


def is_off(dom0: Dom0) -> bool:
    return not dom0.qemu.pid() or "reboot: Power down" in dom0.qemu.console()


def test_the_menu_was_made_anew_once(seen: Evidence) -> None:
    assert seen["grub-install"].ok, seen["grub-install"].err
    assert seen["set"].ok, seen["set"].err
    assert "/boot/grub/grub.cfg has been made anew" in seen["set"].out
    assert "made anew" not in seen["set-again"].out


def test_the_host_says_that_it_waits_for_a_reboot(seen: Evidence) -> None:
    boot = json.loads(seen["waiting"].out)["next_boot"]
    assert boot["starts_xen"] is True
    assert boot["needed"] is True


def test_grub_was_there(seen: Evidence) -> None:
    assert "GRUB" in seen.text("console.log")
    assert "with Xen hypervisor" in seen.text("console.log")


def test_xen_was_told_what_the_registry_says(seen: Evidence) -> None:
    words = seen["info"].field("xen_commandline").split()
    assert {"dom0_mem=900M,max:900M", "dom0_max_vcpus=1", "loglvl=all"} <= set(words)
    assert "noreboot" in words, "what /etc/default/grub.d said before is still there"


def test_dom0_has_the_memory_and_processors_it_was_given(seen: Evidence) -> None:
    (row,) = [line.split() for line in seen["list"].out.splitlines() if line.startswith("Domain-0")]
    assert row[2:4] == ["900", "1"]


def test_the_kernel_was_told_too(seen: Evidence) -> None:
    words = seen["kernel"].out.split()
    assert "univention.lab=1" in words
    assert "systemd.unit=multi-user.target" in words
    assert "splash" not in words


def test_the_modules_are_loaded(seen: Evidence) -> None:
    for module in ("xen_evtchn", "xen_gntdev", "xen_gntalloc", "xen_blkback", "xen_netback", "xenfs", "tun", "loop"):
        assert f"\n{module} " in seen["modules"].out, module
    assert seen["modules"].out.endswith("\nactive\n")


def test_all_services_are_up(seen: Evidence) -> None:
    assert seen["failed"].out.strip() == ""
    assert seen["services"].out.split() == ["active"] * 4


def test_forwarding_and_open_ports_are_there_again(seen: Evidence) -> None:
    assert "The forwarding is kept." in seen["network"].out, seen["network"].err
    must_be_in_force(seen["rules-before"].out)
    assert seen["rules"].out == seen["rules-before"].out
    assert seen["back"].code == 0, seen["back"].err


def test_the_settings_have_survived(seen: Evidence) -> None:
    assert "claim_mode=0" in seen["xl.conf"].out.replace(" ", "")


def test_systemd_does_not_cut_the_saving_of_guests_short(seen: Evidence) -> None:
    assert seen["timeout"].out.strip() == "TimeoutStopUSec=infinity"


def test_the_host_is_as_the_next_boot_would_make_it(seen: Evidence) -> None:
    status = json.loads(seen["status"].out)
    assert status["hypervisor"]["running"] is True
    assert status["next_boot"]["needed"] is False
    assert "xenbr0" in [bridge["name"] for bridge in status["bridges"]]
    assert "Xen 4.17" in seen["page"].out


def test_nothing_is_odd(seen: Evidence) -> None:
    warnings = [finding for finding in json.loads(seen["check"].out) if finding["level"] == "warning"]
    assert warnings == []


def test_a_guest_is_marked_to_start_with_the_host(seen: Evidence) -> None:
    assert "pv.cfg -> /etc/xen/pv.cfg" in seen["autostart"].out
    assert "already started with the host" in seen["autostart-again"].out


def test_it_has_started_with_the_host(seen: Evidence) -> None:
    assert "\npv " in seen["list"].out
    assert seen["pv-after"].out.startswith("pv up ")


def test_a_running_guest_was_saved_and_restored(seen: Evidence) -> None:
    assert seen["start"].code == 0, seen["start"].err
    assert "\npvh " in seen["list"].out
    before, after = (seen[name].out.split() for name in ("pvh-before", "pvh-after"))
    assert after[-1] == before[-1], "its memory"
    assert int(after[2]) >= int(before[2])


def test_a_guest_that_is_no_longer_marked_runs_on(seen: Evidence) -> None:
    (pv,) = [each for each in json.loads(seen["off"].out) if each["name"] == "pv"]
    assert pv["state"] == "running"
    assert pv["autostart"] is False

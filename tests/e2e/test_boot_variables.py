# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The boot variables after the host has been switched on again: GRUB, Xen and Dom0 do what the registry says."""

from __future__ import annotations

import json

from dom0 import Dom0
from evidence import Evidence
from qemu import minutes

VARIABLES = "xen/dom0/memory=900M xen/dom0/vcpus=1 xen/hypervisor/cmdline=loglvl=all xen/dom0/cmdline=univention.lab=1"


def collect(dom0: Dom0) -> None:
    dom0.see(
        "grub-install", "grub-install /dev/sda && mkdir -p /boot/grub && touch /boot/grub/grub.cfg", within=minutes(15)
    )
    dom0.see("set", f"ucr set {VARIABLES}", within=minutes(15))
    dom0.see("set-again", f"ucr set {VARIABLES}", within=minutes(15))
    dom0.see("waiting", "univention-xen host status --json")
    dom0.see("menu", "cat /boot/grub/grub.cfg; sync")
    dom0.stop()
    dom0.qemu.console_log.rename(dom0.where / "console-before.log")
    dom0.start(None)
    dom0.see("info", "xl info")
    dom0.see("list", "xl list")
    dom0.see("kernel", "cat /proc/cmdline")
    dom0.see("modules", "lsmod; systemctl is-active systemd-modules-load")
    dom0.see("timeout", "systemctl show -p TimeoutStopUSec xendomains")
    dom0.see("page", "univention-xen host status")
    dom0.see("status", "univention-xen host status --json")
    dom0.see("check", "univention-xen host check --json")


def test_the_menu_was_made_anew_once(seen: Evidence) -> None:
    assert seen["grub-install"].ok, seen["grub-install"].err
    assert seen["set"].ok, seen["set"].err
    assert "/boot/grub/grub.cfg has been made anew" in seen["set"].out
    assert "made anew" not in seen["set-again"].out


def test_the_host_says_that_it_waits_for_a_reboot(seen: Evidence) -> None:
    boot = json.loads(seen["waiting"].out)["next_boot"]
    assert boot["starts_xen"] is True
    assert boot["needed"] is True


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

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Through its own boot loader: BIOS, GRUB, Xen, Dom0; then the package is at work as before."""

from __future__ import annotations

from dom0 import Dom0
from evidence import Evidence
from qemu import minutes


def collect(dom0: Dom0) -> None:
    dom0.see("grub-install", "grub-install /dev/sda", within=minutes(15))
    dom0.see("update-grub", "update-grub", within=minutes(15))
    dom0.see("set", "ucr set xen/xl/claim_mode=no; sync")
    dom0.stop()
    dom0.qemu.console_log.rename(dom0.where / "console-before.log")
    dom0.start(None)
    dom0.see("info", "xl info")
    dom0.see("failed", "systemctl --failed --no-legend --plain")
    dom0.see("services", "systemctl is-active xen xendomains")
    dom0.see("xl.conf", "cat /etc/xen/xl.conf")
    dom0.see("guest", "xl create /srv/guest/pv.cfg && xl list", within=minutes(10))


def test_grub_is_installed(seen: Evidence) -> None:
    assert seen["grub-install"].code == 0, seen["grub-install"].err
    assert seen["update-grub"].code == 0, seen["update-grub"].err


def test_grub_was_there(seen: Evidence) -> None:
    assert "GRUB" in seen.text("console.log")
    assert "with Xen hypervisor" in seen.text("console.log")


def test_xen_runs_with_grubs_command_line(seen: Evidence) -> None:
    assert "dom0_mem=1024M,max:1024M" in seen["info"].field("xen_commandline")


def test_all_services_are_up(seen: Evidence) -> None:
    assert seen["failed"].out.strip() == ""
    assert seen["services"].out.split() == ["active", "active"]


def test_the_settings_have_survived(seen: Evidence) -> None:
    assert "claim_mode=0" in seen["xl.conf"].out.replace(" ", "")


def test_a_guest_starts(seen: Evidence) -> None:
    assert seen["guest"].code == 0, seen["guest"].err
    assert "\npv " in seen["guest"].out

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Whether the host waits for a reboot, and what that would start."""

from __future__ import annotations

from pathlib import Path

import pytest

from univention_xen.host import grub_update, reboot
from univention_xen.host.grub_menu import Entry
from univention_xen.host.hypervisor import Hypervisor
from univention_xen.host.reboot import decide
from univention_xen.plan import Machine

LINUX = Entry("Debian", "gnulinux-simple-1", "", "/vmlinuz ro quiet")
XEN = Entry("Debian, with Xen", "xen-1", "/boot/xen.gz placeholder dom0_mem=2G,max:2G ${xen_rm_opts}", "/vmlinuz ro")
BARE, GUEST = Hypervisor(""), Hypervisor("guest")
DOM0 = Hypervisor("dom0", "4.17.7", "dom0_mem=2G,max:2G no-real-mode edd=off", 4096, 1024)
SILENT = Hypervisor("dom0", why="xl is not installed")


@pytest.mark.parametrize(
    ("xen", "entry", "wanted", "choice", "starts", "needed", "says"),
    [
        (BARE, XEN, "", "xen", True, True, "starts with the next boot"),
        (BARE, XEN, "dom0_mem=2G,max:2G", "xen", True, True, "starts with the next boot"),
        (BARE, LINUX, "", "xen", False, False, "without Xen"),
        (BARE, LINUX, "", "linux", False, False, "without Xen"),
        (BARE, None, "", "xen", None, False, "there is no"),
        (GUEST, XEN, "", "xen", None, False, "itself a guest"),
        (DOM0, XEN, "dom0_mem=2G,max:2G", "xen", True, False, "as the next boot would start it"),
        (DOM0, XEN._replace(hypervisor="/boot/xen.gz placeholder dom0_mem=4G"), "", "xen", True, True, "dom0_mem=4G"),
        (DOM0, XEN._replace(hypervisor="/boot/xen.gz placeholder"), "", "xen", True, True, "tells Xen: nothing"),
        (DOM0, XEN, "dom0_mem=1G,max:1G", "xen", True, False, "does not tell Xen dom0_mem=1G,max:1G"),
        (BARE, XEN, "noreboot", "xen", True, True, "does not tell Xen noreboot"),
        (DOM0, LINUX, "", "keep", False, False, "without Xen"),
        (SILENT, XEN, "", "xen", True, False, "as the next boot would start it"),
    ],
)
def test_what_the_next_boot_brings(
    xen: Hypervisor, entry: Entry | None, wanted: str, choice: str, says: str, *, starts: bool | None, needed: bool
) -> None:
    found = decide(xen, entry, wanted, choice, upgraded=False)
    assert (found.starts_xen, found.needed) == (starts, needed)
    assert says in found.why
    assert bool(found.hint) is ((entry is LINUX and choice != "linux") or ("dom0_mem=" in wanted and "1G" in wanted)
                                or wanted == "noreboot" or "tells Xen:" in found.why)  # fmt: skip


def test_an_upgraded_hypervisor_waits_for_a_reboot() -> None:
    assert decide(DOM0, XEN, "", "xen", upgraded=True).needed
    assert not decide(DOM0, LINUX, "", "linux", upgraded=True).needed


def test_the_hint_names_what_helps() -> None:
    assert "ucr set xen/grub/default=xen" in decide(BARE, LINUX, "", "keep", upgraded=False).hint
    assert "update-grub" in decide(BARE, LINUX, "", "xen", upgraded=False).hint


@pytest.mark.parametrize(("state", "told"), [("\6\0\0\0\1", True), ("\6\0\0\0\0", False), ("", False)])
def test_secure_boot_is_named_as_the_reason(tmp_path: Path, state: str, *, told: bool) -> None:
    menu = "menuentry 'Debian' $menuentry_id_option 'gnulinux-simple-1' {\n\tlinux\t/vmlinuz\n}\n"
    for path, text in ((grub_update.MENU, menu), (reboot.SECURE_BOOT, state)):
        (tmp_path / path.lstrip("/")).parent.mkdir(parents=True)
        (tmp_path / path.lstrip("/")).write_text(text)
    found = reboot.look_at(Machine(tmp_path), {}, BARE)
    assert found.starts_xen is False
    assert ("Secure Boot" in found.hint) is told

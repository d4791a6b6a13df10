# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What a grub.cfg starts by itself."""

from __future__ import annotations

import pytest

from univention_xen.host import grub_menu

MENU = r"""
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
else
   set default="CHOSEN"
fi
if [ x"${feature_menuentry_id}" = xy ]; then
  menuentry_id_option="--id"
fi
menuentry 'Lab'\''s Linux' --class gnu $menuentry_id_option 'gnulinux-simple-1' {
	linux	/boot/vmlinuz-6.1 root=UUID=1 ro quiet
	if [ x = x ]; then true; fi
}
submenu 'Advanced' $menuentry_id_option 'gnulinux-advanced-1' {
	menuentry 'Linux 6.1' $menuentry_id_option 'gnulinux-6.1-advanced-1' {
		linux	/boot/vmlinuz-6.1 root=UUID=1 ro
	}
}
menuentry "Xen > all" --class xen $menuentry_id_option 'xen-gnulinux-simple-1' {
	multiboot2	/boot/xen-4.17.gz placeholder dom0_mem=2G  ${xen_rm_opts}
	module2	/boot/vmlinuz-6.1 placeholder root=UUID=1 ro
	module2	--nounzip   /boot/initrd.img-6.1
}
menuentry 'UEFI Firmware Settings' $menuentry_id_option 'uefi-firmware' {
	fwsetup
}
"""


@pytest.mark.parametrize(
    ("chosen", "grubenv", "title"),
    [
        ("0", "", "Lab's Linux"),
        ("2", "", "Xen > all"),
        ("xen-gnulinux-simple-1", "", "Xen > all"),
        ("Xen >> all", "", "Xen > all"),
        ("1>0", "", "Linux 6.1"),
        ("gnulinux-advanced-1>gnulinux-6.1-advanced-1", "", "Linux 6.1"),
        ("gnulinux-advanced-1", "", "Linux 6.1"),
        ("no such thing", "", "Lab's Linux"),
        ("99", "", "Lab's Linux"),
        ("", "", "Lab's Linux"),
        ("${saved_entry}", "saved_entry=2\n####", "Xen > all"),
        ("${saved_entry}", "", "Lab's Linux"),
        ("0", "# GRUB Environment Block\nnext_entry=xen-gnulinux-simple-1\n###", "Xen > all"),
        ("2", "next_entry=\n", "Xen > all"),
    ],
)
def test_the_entry_that_starts_by_itself(chosen: str, grubenv: str, title: str) -> None:
    found = grub_menu.default(MENU.replace("CHOSEN", chosen), grubenv)
    assert found
    assert found.title == title
    assert found.starts_xen is (title == "Xen > all")


def test_the_words_for_xen_and_for_the_kernel() -> None:
    xen = grub_menu.entries(MENU)[2]
    assert xen.hypervisor == "/boot/xen-4.17.gz placeholder dom0_mem=2G ${xen_rm_opts}"
    assert xen.kernel == "/boot/vmlinuz-6.1 placeholder root=UUID=1 ro"


@pytest.mark.parametrize("text", ["", "}", "menuentry", "menuentry 'x' {", "set default=", "\0\n}\n}"])
def test_what_is_no_menu_has_no_entry(text: str) -> None:
    assert grub_menu.default(text) is None

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What is edited, and what is found on installation discs."""

from __future__ import annotations

import pytest

from univention_xen.errors import UsageError, XenError
from univention_xen.initrd.edits import Edit, SimpleInstaller, changed_lines, parse_edit
from univention_xen.initrd.iso import Found, find


def test_an_edit_is_a_file_and_a_script() -> None:
    assert parse_edit("/etc/rc:s/a:b/c/") == Edit("etc/rc", "s/a:b/c/")


@pytest.mark.parametrize("text", ["", "etc/rc", ":s/a/b/", "/:s/a/b/", "etc/rc:"])
def test_anything_else_is_no_edit(text: str) -> None:
    with pytest.raises(UsageError, match="is no edit"):
        parse_edit(text)


def test_changed_lines_are_counted() -> None:
    assert changed_lines(b"a\nb\nc", b"a\nB\nc") == 1
    assert changed_lines(b"a\na\na", b"b\nb\nb") == 3
    assert changed_lines(b"a\nb", b"a") == 1


def test_the_simple_installer_is_chosen_in_the_one_place_there_is() -> None:
    scripts = SimpleInstaller()
    scripts.see("bin/installer", b"#!/bin/sh\n")
    scripts.see("etc/start", b'params=""\nexec installer $params\n')
    assert scripts.result() == ("etc/start", b'params="--simple "\nexec installer $params\n')


def test_a_later_file_takes_the_place_of_an_earlier_one() -> None:
    scripts = SimpleInstaller()
    scripts.see("etc/start", b'params=""\nparams=""\n')
    scripts.see("etc/start", b'params=""\n')
    assert scripts.result()[1] == b'params="--simple "\n'


def test_no_place_or_several_are_said() -> None:
    scripts = SimpleInstaller()
    with pytest.raises(XenError, match="stands nowhere in the initrd"):
        scripts.result()
    scripts.see("a", b'params=""\nparams=""\n')
    scripts.see("b", b'params=""\n')
    with pytest.raises(XenError, match=r"stands 3 times \(a, b\) in the initrd"):
        scripts.result()


@pytest.mark.parametrize(
    ("initrd", "kernel", "others"),
    [
        ("install.amd/initrd.gz", "install.amd/vmlinuz", ["install.amd/gtk/initrd.gz", "install.amd/gtk/vmlinuz"]),
        ("install.amd/xen/initrd.gz", "install.amd/xen/vmlinuz", ["install.amd/initrd.gz", "install.amd/vmlinuz"]),
        ("boot/linux-2.6.26.bin", "boot/vmlinuz-2.6.26", ["boot/grub/stage2_eltorito"]),
        ("isolinux/initrd.img", "isolinux/vmlinuz", ["isolinux/initrd.txt", "isolinux/isolinux.bin"]),
        ("text/debian-installer/amd64/initrd.gz", "text/debian-installer/amd64/linux", ["version.info"]),
        ("a/b/initrd.xz", "a/vmlinuz", []),
        ("INSTALL.AMD/INITRD.GZ;1", "INSTALL.AMD/VMLINUZ.;1", []),
        ("live/initrd", "", ["live/filesystem.squashfs"]),
    ],
)
@pytest.mark.parametrize("dot", ["", "./"])
def test_initrd_and_kernel_are_found_on_a_disc(initrd: str, kernel: str, others: list[str], dot: str) -> None:
    assert find([dot + path for path in (*others, initrd, kernel) if path]) == Found(initrd, kernel)


def test_a_disc_without_an_initrd_is_said() -> None:
    with pytest.raises(XenError, match="no initrd on the disc"):
        find(["autorun.inf", "setup.exe"])

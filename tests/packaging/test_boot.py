# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The installed package and the host's boot: GRUB's menu is made anew when it has to be, modules are listed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from throwaway import Throwaway

pytestmark = pytest.mark.throwaway
Roots = Callable[[str], "Throwaway"]

UPDATE_GRUB = """\
#!/bin/sh
. /etc/default/grub.d/univention-xen.cfg
echo "$GRUB_CMDLINE_XEN" >>/var/log/update-grub.calls
[ ! -e /srv/broken ] || { echo "grub-probe: error: no such disk" >&2; exit 1; }
"""
FILE = "/etc/default/grub.d/univention-xen.cfg"


class TestBoot:
    """One root with a stand-in for the boot loader; the order matters."""

    @pytest.fixture(scope="class")
    def root(self, new_root: Roots, debs: list[Path]) -> Throwaway:
        root = new_root("ready")
        root.write("/usr/sbin/update-grub", UPDATE_GRUB, 0o755)
        root.write("/boot/grub/grub.cfg", "")
        root.write("/etc/univention/templates/files/etc/modules", "@%@kernel/modules@%@\n")
        root.write("/srv/broken", "")
        root(
            "sh",
            "-c",
            "mkdir -p /etc/univention && printf '# x\\n\\nkernel/modules: ext4;loop\\n' >/etc/univention/base.conf",
        )
        root.apt_get("install", *root.bring(*debs))
        return root

    def calls(self, root: Throwaway) -> list[str]:
        return root.read("/var/log/update-grub.calls").splitlines()

    def test_a_boot_loader_that_fails_keeps_nothing_from_being_installed(self, root: Throwaway) -> None:
        assert root("dpkg-query", "-W", "-f", "${db:Status-Status}", "univention-xen") == "installed"
        assert self.calls(root)

    def test_the_next_commit_makes_up_for_it_and_the_one_after_has_nothing_to_do(self, root: Throwaway) -> None:
        root("rm", "/srv/broken")
        before = len(self.calls(root))
        said = root("ucr", "commit", FILE)
        assert "made anew" in said
        root("ucr", "commit", FILE)
        assert len(self.calls(root)) == before + 1

    def test_a_change_makes_the_menu_anew_once(self, root: Throwaway) -> None:
        before = len(self.calls(root))
        root("ucr", "set", "xen/dom0/memory=2G", "xen/dom0/vcpus=2", "grub/xenhopt=noreboot")
        assert self.calls(root)[before:] == [" noreboot dom0_mem=2G,max:2G dom0_max_vcpus=2"]
        root("ucr", "set", "xen/dom0/memory=2048M", "xen/vnc/listen=127.0.0.1")
        assert len(self.calls(root)) == before + 1, "the same text"

    def test_a_failure_is_told_and_the_value_stays(self, root: Throwaway) -> None:
        root.write("/srv/broken", "")
        code, said = root.run("ucr", "set", "xen/grub/timeout=3")
        assert code == 1
        assert "no such disk" in said
        assert "Traceback" not in said
        assert root("ucr", "get", "xen/grub/timeout") == "3\n"

    def test_the_list_of_modules_keeps_what_it_had(self, root: Throwaway) -> None:
        listed = root("ucr", "get", "kernel/modules").strip().split(";")
        assert listed[:2] == ["ext4", "loop"]
        assert "xen-evtchn" in listed
        assert listed.count("loop") == 1

    def test_what_was_taken_out_of_the_list_stays_out(self, root: Throwaway, debs: list[Path]) -> None:
        root("ucr", "set", "kernel/modules=ext4")
        root.apt_get("install", "--reinstall", *root.bring(*debs))
        assert root("ucr", "get", "kernel/modules") == "ext4\n"

    def test_systemd_finds_the_modules_and_waits_for_guests(self, root: Throwaway) -> None:
        assert "\nxen-evtchn\n" in root.read("/usr/lib/modules-load.d/univention-xen.conf")
        assert "TimeoutStopSec=infinity" in root.read("/lib/systemd/system/xendomains.service.d/univention-xen.conf")

    def test_nothing_is_left_after_the_purge(self, root: Throwaway) -> None:
        root.apt_get("purge", "univention-xen")
        for path in (FILE, f"{FILE}.debian", "/var/lib/univention-xen", "/usr/lib/modules-load.d/univention-xen.conf"):
            assert not root.path(path).exists(), path
        assert root.path("/etc/default/grub.d/xen.cfg").exists()

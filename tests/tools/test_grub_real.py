# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The menu that the real grub-mkconfig makes from our file and Debian's: what it starts, and with which words."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rendering import GRUB, HOSTILE, rendered
from univention_xen.host import grub_menu, reboot
from univention_xen.host.grub_menu import Entry

pytestmark = pytest.mark.tools

PROBE = """\
#!/bin/sh
case "$*" in
*--target=device*) echo /dev/vda1 ;;
*--target=fs_uuid*) echo 0123-uuid ;;
*--target=partuuid*) echo 0123-partuuid ;;
*--target=fs) echo ext2 ;;
*--target=partmap*) echo msdos ;;
esac
"""
"""What grub-probe says on a machine with a disk, which this one need not have."""

STAGE = """
set -e
mount --make-rprivate /
mount --bind "$1/grub-probe" /usr/sbin/grub-probe
mount --bind "$1/default" /etc/default
mount --bind "$1/boot" /boot
if [ -e "$1/efi" ]; then mount -t tmpfs none /sys && mkdir -p /sys/firmware && cp -r "$1/efi" /sys/firmware; fi
shift
exec grub-mkconfig "$@"
"""

XEN_CFG = """\
if [ "$XEN_OVERRIDE_GRUB_DEFAULT" = "" ]; then
    echo "chosen without being asked" >&2
    XEN_OVERRIDE_GRUB_DEFAULT=1
fi
if [ "$XEN_OVERRIDE_GRUB_DEFAULT" = "1" ]; then
    GRUB_DEFAULT="the title in the language of whoever runs this"
fi
"""
"""Does what the file of xen-hypervisor-common does."""

UCS = """\
GRUB_DEFAULT=0
GRUB_TIMEOUT=5
GRUB_DISTRIBUTOR="Univention Corporate Server"
GRUB_CMDLINE_LINUX_DEFAULT="quiet splash"
GRUB_CMDLINE_LINUX="apparmor=0"
"""

Menu = Callable[..., str]


@pytest.fixture
def menu(tmp_path: Path) -> Menu:
    """Make a menu on a host with two kernels for Dom0, a newer one that cannot be Dom0, and Xen."""
    (tmp_path / "default/grub.d").mkdir(parents=True)
    (tmp_path / "boot/grub").mkdir(parents=True)
    (tmp_path / "grub-probe").write_text(PROBE)
    (tmp_path / "grub-probe").chmod(0o755)
    (tmp_path / "default/grub.d/xen.cfg").write_text(XEN_CFG)
    (tmp_path / "boot/xen-4.17-amd64").write_text("hypervisor")
    for version, fit in (("6.1.0-9-amd64", "y"), ("6.1.0-40-amd64", "y"), ("6.12.0-1-cloud-amd64", "n")):
        (tmp_path / f"boot/vmlinuz-{version}").write_text("kernel")
        (tmp_path / f"boot/initrd.img-{version}").write_text("initrd")
        (tmp_path / f"boot/config-{version}").write_text(f"CONFIG_XEN_DOM0={fit}\n")

    def make(values: dict[str, str] | None = None, defaults: str = UCS, lang: str = "C.UTF-8") -> str:
        (tmp_path / "default/grub").write_text(defaults)
        (tmp_path / "default/grub.d/univention-xen.cfg").write_text(rendered(GRUB, values))
        entering = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
        done = subprocess.run(
            [*entering, "sh", "-c", STAGE, "sh", str(tmp_path)],
            capture_output=True, text=True, check=False, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": lang},
        )  # fmt: skip
        if "unshare" in done.stderr:
            pytest.skip(f"making a menu with grub-mkconfig: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr
        assert "chosen without being asked" not in done.stderr
        checked = subprocess.run(["grub-script-check"], input=done.stdout, capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")
        return done.stdout

    return make


def started(text: str) -> Entry:
    """What a menu starts by itself."""
    found = grub_menu.default(text)
    assert found
    return found


def test_xen_starts_by_itself_with_the_newest_kernel_that_can_be_dom0(menu: Menu) -> None:
    entry = started(menu())
    assert entry.starts_xen
    assert entry.hypervisor.split("/")[-1] == "xen-4.17-amd64 placeholder ${xen_rm_opts}"
    assert "vmlinuz-6.1.0-40-amd64" in entry.kernel
    assert "splash" not in entry.kernel.split()
    assert entry.kernel.endswith("apparmor=0 quiet systemd.unit=multi-user.target")


@pytest.mark.parametrize(
    "defaults", ["GRUB_TERMINAL=console\n", "GRUB_DISTRIBUTOR='Käse & Co'\n", "GRUB_DEFAULT=saved\n"]
)
def test_neither_language_nor_title_decides(menu: Menu, defaults: str) -> None:
    assert started(menu(defaults=UCS + defaults, lang="de_DE.UTF-8")).starts_xen


@pytest.mark.parametrize("word", ["true", "y", "yes"])
def test_a_menu_without_submenus_starts_xen_too(menu: Menu, word: str) -> None:
    defaults = f"{UCS}GRUB_DISABLE_SUBMENU={word}\n"
    entry = started(menu(defaults=defaults))
    assert entry.starts_xen
    assert "vmlinuz-6.1.0-40-amd64" in entry.kernel
    entry = started(menu({"xen/grub/default": "linux"}, defaults))
    assert not entry.starts_xen
    assert "vmlinuz-6.12.0-1-cloud-amd64" in entry.kernel


@pytest.mark.parametrize(("state", "starts"), [(b"\6\0\0\0\1", False), (b"\6\0\0\0\0", True), (b"\1\0\0\0", True)])
def test_a_host_with_secure_boot_does_not_try(menu: Menu, tmp_path: Path, state: bytes, *, starts: bool) -> None:
    (tmp_path / reboot.SECURE_BOOT.removeprefix("/sys/firmware/")).parent.mkdir(parents=True)
    (tmp_path / reboot.SECURE_BOOT.removeprefix("/sys/firmware/")).write_bytes(state)
    assert started(menu()).starts_xen is starts


def test_linux_can_be_chosen_and_what_was_chosen_elsewhere_can_stay(menu: Menu) -> None:
    entry = started(menu({"xen/grub/default": "linux"}, UCS + "GRUB_DEFAULT=2\n"))
    assert not entry.starts_xen
    assert entry.kernel.endswith("apparmor=0 quiet splash"), "words for Dom0 are for Dom0"
    entry = started(menu({"xen/grub/default": "keep"}, UCS + "GRUB_DEFAULT='1>1'\n"))
    assert not entry.starts_xen
    assert "(recovery mode)" in entry.title


def test_words_reach_their_command_lines_behind_those_that_were_there(menu: Menu) -> None:
    values = {
        "grub/xenhopt": "ucode=scan  dom0_mem=1G",
        "xen/dom0/memory": "2g",
        "xen/dom0/vcpus": "1-4",
        "xen/serial/console": "com2,9600",
        "xen/hypervisor/cmdline": "loglvl=all ivrs_ioapic[4]=00:14.0",
        "xen/dom0/cmdline": "earlyprintk=xen",
    }
    text = menu(values, UCS + 'GRUB_CMDLINE_XEN="noreboot"\nGRUB_CMDLINE_XEN_DEFAULT="iommu=off"\n')
    entry = started(text)
    assert entry.hypervisor.partition(" placeholder ")[2] == (
        "noreboot ucode=scan dom0_mem=1G dom0_mem=2G,max:2G dom0_max_vcpus=1-4 com2=9600,8n1 console=com2,vga"
        " loglvl=all ivrs_ioapic[4]=00:14.0 iommu=off ${xen_rm_opts}"
    )
    wanted = "ro apparmor=0 console=tty0 console=hvc0 earlyprintk=xen quiet systemd.unit=multi-user.target"
    assert entry.kernel.endswith(wanted)
    plain = grub_menu.entries(text)[0]
    assert plain.kernel.endswith("ro apparmor=0 quiet splash")
    rescue = [line for line in text.splitlines() if "module" in line and "single" in line]
    assert rescue
    assert all(line.endswith("single apparmor=0 console=tty0 console=hvc0 earlyprintk=xen") for line in rescue)


def test_the_timeout_is_changed_only_when_asked_for(menu: Menu) -> None:
    assert "set timeout=5\n" in menu()
    assert "set timeout=0\n" in menu({"xen/grub/timeout": "0"})


def test_a_desktop_is_there_only_when_asked_for(menu: Menu) -> None:
    assert started(menu({"gdm/autostart": "yes"})).kernel.endswith("apparmor=0 quiet splash")
    own = started(menu(defaults=UCS + 'GRUB_CMDLINE_LINUX_DEFAULT="systemd.unit=lab.target splash=x"\n'))
    assert own.kernel.endswith(" apparmor=0 systemd.unit=lab.target")


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_hostile_values_run_nothing_and_set_nothing_else(hostile: str, tmp_path: Path) -> None:
    names = ("xen/grub/default", "xen/grub/timeout", "xen/hypervisor/cmdline", "xen/dom0/memory", "xen/dom0/vcpus",
             "xen/dom0/cmdline", "xen/serial/console", "grub/xenhopt", "gdm/autostart")  # fmt: skip
    (tmp_path / "file").write_text(rendered(GRUB, dict.fromkeys(names, hostile)))
    script = 'set -eu; PATH=; GRUB_CMDLINE_XEN= GRUB_CMDLINE_LINUX= GRUB_CMDLINE_LINUX_DEFAULT=; . "$1"; set'
    done = subprocess.run(
        ["/bin/dash", "-c", script, "dash", str(tmp_path / "file")],
        capture_output=True, text=True, check=False, cwd=tmp_path, env={"LC_ALL": "C"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    for line in done.stdout.splitlines():
        assert line.startswith(
            ("GRUB_CMDLINE_", "univention_xen_", "IFS", "OPTIND", "PATH", "PPID", "PS", "PWD", "LC_ALL", "'")
        )

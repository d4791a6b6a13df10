# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""An installation from its command to the guest that boots from its own disk, in little.

The installer is the harness' tiny guest, which only restarts; what it would have installed is put into an image made by
`image create --partition`. A second disk has a Windows' boot.ini, which nobody may change while the guest runs.
"""

from __future__ import annotations

import re

from dom0 import Dom0
from evidence import Evidence
from qemu import minutes, until

EXAMPLES = "cd /usr/share/doc/univention-xen/examples; for each in *; do xl create -n $each >&2 && echo $each; done"
ROOT = r"""
set -e
univention-xen image create /srv/web.img --size 256M --partition root
loop=$(losetup --find --show --partscan /srv/web.img)
mkfs.ext4 -q "${loop}p1"
mount "${loop}p1" /mnt
mkdir -p /mnt/boot/grub
cp -L /srv/guest/vmlinuz /srv/guest/initrd /mnt/boot/
cat >/mnt/boot/grub/grub.cfg <<END
set default=0
menuentry "a tiny system" {
    linux /boot/vmlinuz console=hvc0 quiet name=web address=192.168.77.13
    initrd /boot/initrd
}
END
umount /mnt
losetup --detach "$loop"
"""
WINDOWS = r"""
set -e
univention-xen image create /srv/xp.img --size 128M --partition windows
mformat -i /srv/xp.img@@1M -T $((127 * 2048)) -h 16 -s 63 -H 2048 ::
printf '%s\r\n' '[boot loader]' 'timeout=30' 'default=multi(0)disk(0)rdisk(0)partition(1)\WINDOWS' \
    '[operating systems]' 'multi(0)disk(0)rdisk(0)partition(1)\WINDOWS="Windows" /fastdetect' >/srv/boot.ini
mcopy -i /srv/xp.img@@1M /srv/boot.ini ::/boot.ini
"""
CREATE = (
    "univention-xen guest create web --type pv-install --memory 128M --disk /srv/web.img --disk /srv/xp.img --nic"
    " --kernel /srv/guest/vmlinuz --initrd /srv/guest/initrd --cmdline 'console=hvc0 quiet' --start"
)
GPLPV = "univention-xen bootini gplpv /srv/xp.img --driver-version 0.9.11"
#: Asks until the guest answers; each second, at most five minutes.
ANSWER = "for n in $(seq 300); do nc -w 5 192.168.77.13 7 </dev/null | grep . && exit; sleep 1; done; exit 1"


def collect(dom0: Dom0) -> None:
    long = minutes(10)
    dom0.see("examples", EXAMPLES)
    dom0.must(ROOT, within=long)
    dom0.must(WINDOWS, within=long)
    dom0.see("create", CREATE, within=long)
    dom0.see("list", "xl list")
    dom0.see("restart", "guest-console web 'reboot -f' 20; true", within=long)
    until(lambda: "web" not in dom0.do("xl list").out, "the installer has ended", minutes(10), pause=1)
    dom0.see("finish", "univention-xen guest finish-install web && ls /etc/xen/web.cfg*")
    dom0.see("start", "univention-xen guest start web", within=long)
    dom0.see("answer", ANSWER, within=long)
    dom0.see("gplpv-running", GPLPV)
    dom0.must("xl destroy web")
    dom0.see("gplpv", GPLPV)


def test_the_shipped_examples_are_read_by_xl(seen: Evidence) -> None:
    assert set(seen["examples"].out.split()) == {"basis-vmx.cfg", "pv.cfg", "pvh.cfg", "pv-install.cfg"}
    assert not re.search("(?i)warning:|error:", seen["examples"].err)


def test_the_installer_runs_until_it_restarts(seen: Evidence) -> None:
    assert seen["create"].code == 0, seen["create"].err
    assert "\nweb " in seen["list"].out


def test_the_installed_guest_takes_its_place(seen: Evidence) -> None:
    assert seen["finish"].code == 0, seen["finish"].err
    assert seen["finish"].out.split() == ["/etc/xen/web.cfg"]


def test_it_boots_from_its_own_disk(seen: Evidence) -> None:
    assert seen["start"].code == 0, seen["start"].err
    assert seen["answer"].out.startswith("web up ")


def test_a_boot_menu_in_an_image_that_a_guest_uses_is_left_alone(seen: Evidence) -> None:
    assert seen["gplpv-running"].code == 75
    assert "is in use by" in seen["gplpv-running"].err
    assert seen["gplpv"].code == 0, seen["gplpv"].err
    assert "/gplpv" in seen["gplpv"].err

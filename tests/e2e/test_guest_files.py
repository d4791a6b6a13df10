# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Guests are cloned, renamed, changed and removed: what then runs has its own name, addresses and data.

The data is a sentence at the beginning of the image, which each guest reads from its disk on its console.
"""

from __future__ import annotations

import pytest
from dom0 import Dom0
from evidence import Evidence
from qemu import minutes

PREPARE = """
mkdir -p /var/lib/xen/web
truncate -s 300M /var/lib/xen/web/disk1.img
echo 'the data of web' | dd of=/var/lib/xen/web/disk1.img conv=notrunc status=none
dd if=/dev/urandom of=/var/lib/xen/web/disk1.img bs=1M seek=1 count=60 conv=notrunc status=none
cat > /etc/xen/web.cfg <<'END'
# written by hand
name = "web"  # as in DNS
type = "pvh"
kernel = "/srv/guest/vmlinuz"
ramdisk = "/srv/guest/initrd"
extra = "console=hvc0 quiet name=web"
memory = 128
vcpus = 1
vif = [ "mac=00:16:3e:00:00:31" ]
disk = [ "/var/lib/xen/web/disk1.img,raw,xvda,w" ]
END
univention-xen guest autostart web on
"""
#: Kills the command with -9 instead of its Nth renaming of a file or directory, counted from 0.
KILLED = r"""
killed_at() { # N WORD...
    /usr/bin/python3 - "$@" <<'END'
import os, signal, sys
from univention_xen.cli.main import main
from univention_xen.toolstack.file_steps import Move

left, move = [int(sys.argv[1])], Move.apply

def apply(self, on):
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    move(self, on)

Move.apply = apply
main(sys.argv[2:])
END
    echo "killed with $?"
}
"""
CLONE = """
killed_at 0 guest clone web copy
ls /etc/xen/copy.cfg
univention-xen guest clone web copy; echo "exit status $?"
ls -A /var/lib/xen /var/lib/xen/copy; cmp /var/lib/xen/web/disk1.img /var/lib/xen/copy/disk1.img && echo same
du -m /var/lib/xen/copy/disk1.img
"""
RENAME = """
killed_at 1 guest rename web shop
ls /etc/xen/*.cfg
univention-xen guest rename web shop; echo "exit status $?"
ls -A /etc/xen/auto /var/lib/xen /var/lib/xen/shop /etc/xen/web.cfg
readlink /etc/xen/auto/shop.cfg; cat /etc/xen/shop.cfg
"""
START = """
univention-xen guest start {0} || exit
for n in $(seq 20); do
    guest-console {0} 'head -n 1 /dev/xvda; cat /sys/class/net/eth0/address' 30 && exit
done
exit 1
"""
CHANGE = "guest-console copy 'echo the data of the copy | dd of=/dev/xvda conv=notrunc,fsync 2>/dev/null'"
REFUSED = r"""
for words in "clone shop more" "rename shop more" "remove shop --yes" "remove shop --with-images --yes"; do
    univention-xen guest $words; echo "exit status $?"
done
univention-xen guest set shop memory=160; echo "exit status $?"
ls /etc/xen/shop.cfg /var/lib/xen/shop/disk1.img
"""
REMOVE = """
for n in $(seq 120); do
    univention-xen guest remove copy --with-images --yes && break
    sleep 1
done
ls -d /etc/xen/copy.cfg /var/lib/xen/copy
head -n 1 /var/lib/xen/shop/disk1.img
univention-xen guest list
"""


def collect(dom0: Dom0) -> None:
    long = minutes(10)
    dom0.must(PREPARE)
    dom0.see("clone", KILLED + CLONE, within=long)
    dom0.see("rename", KILLED + RENAME, within=long)
    dom0.see("set", "univention-xen guest set copy memory=144 && univention-xen guest check copy shop")
    dom0.see("set-wrong", "univention-xen guest set copy memmory=1; univention-xen guest set copy vga=odd")
    for name in ("shop", "copy"):
        dom0.see(f"start-{name}", START.format(name), within=long)
    dom0.see("list", "univention-xen guest list")
    dom0.see("refused", REFUSED, within=long)
    dom0.see("change", CHANGE, within=long)
    dom0.must("univention-xen guest destroy copy", within=long)
    dom0.see("remove", REMOVE, within=long)


def test_a_killed_clone_is_completed(seen: Evidence) -> None:
    said = seen["clone"].out
    assert said.startswith("killed with 137\n")
    assert "'/etc/xen/copy.cfg': No such file" in seen["clone"].err
    assert "exit status 0" in said
    assert "\nsame\n" in said
    assert ".copy.clone" not in said.partition("exit status")[2]
    assert int(said.splitlines()[-1].split()[0]) < 100, "the image is not sparse any more"


def test_a_killed_rename_is_completed(seen: Evidence) -> None:
    said = seen["rename"].out
    assert said.startswith("killed with 137\n/etc/xen/copy.cfg\n/etc/xen/shop.cfg\n")
    assert "exit status 0" in said
    assert "/etc/xen/auto:\nshop.cfg\n" in said
    assert "/var/lib/xen/shop:\ndisk1.img\n" in said
    assert "\n/etc/xen/shop.cfg\n" in said
    assert 'name = "shop"  # as in DNS\n' in said
    assert "'/etc/xen/web.cfg': No such file" in seen["rename"].err


def test_settings_are_changed_or_refused(seen: Evidence) -> None:
    assert seen["set"].code == 0, seen["set"]
    assert "is memory meant?" in seen["set-wrong"].err
    assert "copy.cfg stays as it is" in seen["set-wrong"].err


@pytest.mark.parametrize("name", ["shop", "copy"])
def test_both_run_with_the_data(seen: Evidence, name: str) -> None:
    assert seen[f"start-{name}"].code == 0, seen[f"start-{name}"].err
    assert "the data of web" in seen[f"start-{name}"].out


def test_the_clone_has_its_own_address(seen: Evidence) -> None:
    assert "00:16:3e:00:00:31" in seen["start-shop"].out
    assert "00:16:3e:" in seen["start-copy"].out
    assert "00:16:3e:00:00:31" not in seen["start-copy"].out


def test_the_clone_has_the_memory_that_was_set(seen: Evidence) -> None:
    rows = {line.split()[0]: line.split()[2] for line in seen["list"].out.splitlines()[1:]}
    assert (rows["copy"], rows["shop"]) == ("144", "128")


def test_a_running_guest_is_neither_cloned_nor_renamed_nor_removed(seen: Evidence) -> None:
    assert seen["refused"].out.count("exit status 1") == 4
    assert "exit status 0" in seen["refused"].out
    assert "shop runs, and sees the change after its next start" in seen["refused"].err
    assert "/var/lib/xen/shop/disk1.img" in seen["refused"].out


def test_one_is_removed_and_the_other_keeps_its_data(seen: Evidence) -> None:
    said = seen["remove"]
    assert "'/etc/xen/copy.cfg': No such file" in said.err
    assert "'/var/lib/xen/copy': No such file" in said.err
    assert said.out.startswith("the data of web\n")
    assert "\nshop " in said.out
    assert "\ncopy " not in said.out

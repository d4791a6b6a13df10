# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Debian's packaged installer, made usable by `initrd build`, runs in a guest up to its first screen."""

from __future__ import annotations

import json
import shlex

from dom0 import Dom0
from evidence import Evidence
from image import file_of
from qemu import minutes, until

PACKAGE = "debian-installer-12-netboot-amd64"
INITRD = "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64/initrd.gz"
#: Only what Xen needs: emulation takes its time for everything that is packed and unpacked.
BUILD = "univention-xen initrd build --initrd /srv/initrd.gz --only-xen --json -o /srv/installer.initrd"
#: Nobody else reads the guest's console; what it has said before is still there.
LISTEN = "setsid timeout 1800 sh -c 'tail -f /dev/null | xl console web' >/srv/console 2>&1 </dev/null &"
FRONTENDS = "for each in vbd/51712 vif/0; do xenstore-read /local/domain/$(xl domid web)/device/$each/state; done"
CONNECTED = ["4", "4"]
SCREEN = "[!!]"  # how the installer begins the title of a question that it always asks


def collect(dom0: Dom0) -> None:
    long = minutes(15)
    dom0.put(file_of(PACKAGE, INITRD), "/srv/initrd.gz")
    built = dom0.see("initrd", BUILD, within=long)
    command = [{"NAME": "web", "pvh-install": "pv-install"}.get(word, word) for word in json.loads(built.out)["create"]]
    dom0.see("create", shlex.join([*command, "--start"]), within=long)
    dom0.must(LISTEN)
    until(lambda: SCREEN in dom0.do("cat /srv/console").out, "the installer's first screen", minutes(20), pause=2)
    until(lambda: dom0.do(FRONTENDS).out.split() == CONNECTED, "the guest has disk and network", minutes(10), pause=2)
    dom0.see("screen", "cat /srv/console")
    dom0.see("frontends", FRONTENDS)
    dom0.see("finish", "univention-xen guest finish-install web")
    dom0.see("twice", "xl create /etc/xen/web.cfg.after-install", within=long)
    dom0.see("files", "ls /etc/xen/web.cfg*")


def test_the_initrd_is_for_the_kernel_of_the_dom0(seen: Evidence) -> None:
    assert seen["initrd"].code == 0, seen["initrd"].err
    built = json.loads(seen["initrd"].out)
    assert built["modules"] > 0
    assert built["kernel"] == f"/boot/vmlinuz-{built['version']}"


def test_the_installer_reaches_its_first_screen(seen: Evidence) -> None:
    assert seen["create"].code == 0, seen["create"].err
    assert "[!!] Select a language" in seen["screen"].out


def test_it_has_the_disk_and_the_network_of_xen(seen: Evidence) -> None:
    assert seen["frontends"].out.split() == CONNECTED, "only its modules xen-blkfront and xen-netfront do that"


def test_a_running_installer_is_not_overtaken(seen: Evidence) -> None:
    assert seen["finish"].code == 1
    assert "its installer has not ended" in seen["finish"].err
    assert seen["files"].out.split() == ["/etc/xen/web.cfg", "/etc/xen/web.cfg.after-install"]


def test_xl_does_not_run_the_installed_guest_beside_its_installer(seen: Evidence) -> None:
    assert seen["twice"].code != 0
    assert "already exists" in seen["twice"].err

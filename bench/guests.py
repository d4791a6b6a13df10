# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A host with 1,000 guest files: each command has 2 seconds more than what one would use for a few."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench.harness import ENVIRONMENT, PROJECT, PYTHON, Comparison, entry

GUEST = (PYTHON, str(PROJECT / "scripts" / "univention-xen"), "guest")
UCR = (PYTHON, str(PROJECT / "scripts" / "ucr"))
COUNT = 1000
VIRSH = ("sh", "-c", "virsh -q -c test:///default list --all; sleep 2")
SED = r"""sed -i 's/^\(vnclisten = \).*\(  # ucr: .*\)/\1"'"$2"'"\2/' "$1"/etc/xen/*.cfg && sync -f "$1"; sleep 2"""
INSTALL = "from univention_xen.registry import install; list(install.into_tree(PROJECT, 'univention-xen', ROOT))"
TEXT = """\
# Guest file for xl, see xl.cfg(5). It belongs to you: change whatever you like.
name = "g{number}"
type = "hvm"
boot = "c"
memory = 1024
vcpus = 2
disk = [
    "format=raw,vdev=hda,access=rw,target={images}/g{number}",
]
vif = [ "mac=00:16:3e:00:{high:02x}:{low:02x},bridge=xenbr0" ]  # ucr: xen/bridge/name
vnc = 1
vnclisten = "127.0.0.1"  # ucr: xen/vnc/listen
vncunused = 1
on_crash = "restart"
"""


def host(where: Path) -> Path:
    """Make a tree with the guests, each of which has an image, and a link in /etc/xen/auto for every other one."""
    (where / "etc/xen/auto").mkdir(parents=True)
    (where / "img").mkdir()
    for number in range(COUNT):
        path = where / f"etc/xen/g{number}.cfg"
        path.write_text(TEXT.format(number=number, images="/img", high=number >> 8, low=number & 255))
        (where / f"img/g{number}").touch()
        if number % 2:
            (where / f"etc/xen/auto/g{number}.cfg").symlink_to(f"../g{number}.cfg")
    return where


def reading(where: Path, verb: str) -> Comparison:
    """Measure a verb that looks at all guests."""
    host(where)
    return Comparison(
        lambda _run: (*GUEST, verb, "--root", str(where)), lambda _run: VIRSH, "virsh list --all + 2 s", aim=1, runs=5
    )


@entry
def guest_list_of_1000_files(where: Path) -> Comparison:
    return reading(where, "list")


@entry
def guest_check_of_1000_files(where: Path) -> Comparison:
    return reading(where, "check")


@entry
def ucr_set_followed_by_1000_guest_files(where: Path) -> Comparison:
    """Every file has a line that follows, in ours and in theirs."""
    ours, theirs = host(where / "ours"), host(where / "theirs")
    install = INSTALL.replace("PROJECT", repr(str(PROJECT))).replace("ROOT", repr(str(ours)))
    subprocess.run((PYTHON, "-c", install), env=ENVIRONMENT, check=True)
    register = (*UCR, "--root", str(ours), "register", "univention-xen")
    subprocess.run(register, env=ENVIRONMENT, stdout=subprocess.DEVNULL, check=True)
    return Comparison(
        lambda run: (*UCR, "--root", str(ours), "set", f"xen/vnc/listen=192.0.2.{run + 1}"),
        lambda run: ("sh", "-c", SED, "sh", str(theirs), f"192.0.2.{run + 1}"),
        "sed -i, sync + 2 s",
        aim=1,
        runs=5,
    )

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Memory and disk of a running guest are kept at one moment and set back together; a kill and a full disk lose nothing.

The guest itself is the witness: it counts in its memory and on its disk, and reads from the disk before each step what
it remembers to have written. A disk of another moment than the memory is told in its file /torn.
"""

from __future__ import annotations

import shlex

import pytest
from dom0 import Dom0
from evidence import Evidence
from qemu import minutes

CFG = """\
name = "snap"
type = "pv"
kernel = "/srv/guest/vmlinuz"
ramdisk = "/srv/guest/initrd"
extra = "console=hvc0 quiet name=snap"
memory = 96
disk = [ "format=raw,vdev=xvda,access=rw,target=/var/lib/xen/snap/disk1.img" ]
"""
SETUP = """
mkdir -p /var/lib/xen/snap && truncate -s 64M /var/lib/xen/snap/disk1.img
dd if=/dev/urandom of=/var/lib/xen/snap/disk1.img bs=1M seek=1 count=8 conv=notrunc status=none
printf '%-8d' 0 | dd of=/var/lib/xen/snap/disk1.img conv=notrunc status=none
cat > /etc/xen/snap.cfg
"""
COUNT = (
    "n=0; (while :; do echo 1 >/proc/sys/vm/drop_caches; v=$(head -c 8 /dev/xvda | tr -d '\\0 ')"
    '; [ "$v" = $n ] || echo "$v on disk, $n in memory" >>/torn; n=$((n + 1))'
    "; printf %-8d $n | dd of=/dev/xvda conv=notrunc,fsync 2>/dev/null; echo $n >/count; sleep 0.2"
    "; done) & echo first >/mark"
)
LOOK = (
    "guest-console snap 'until [ -s /count ]; do sleep 1; done"
    "; echo count $(cat /count) mark $(cat /mark) torn $(cat /torn)'"
)
SNAPSHOT = "univention-xen guest snapshot"
PLACE = "/var/lib/xen/snapshots/snap"
#: Killed while xl writes the memory; xl itself goes on and ends the guest.
KILL = f"""
{SNAPSHOT} create snap killed >/dev/null 2>&1 &
until [ -s {PLACE}/killed/memory ]; do kill -0 $! || exit 9; done
kill -9 $! && echo killed; wait
while xl list snap 2>/dev/null; do sleep 1; done >/dev/null
while fuser -s {PLACE}/killed/memory; do sleep 1; done
{SNAPSHOT} list; echo "exit status $?"
univention-xen guest start snap 2>&1
{SNAPSHOT} create snap again; echo "exit status $?"
{SNAPSHOT} list; echo "exit status $?"
"""
#: The disk is filled when the look for room has passed.
FULL = f"""
{SNAPSHOT} create snap full 2>&1 & create=$!
until [ -s {PLACE}/full/memory ]; do kill -0 $create || exit 9; done
size=8192
while [ $size -ge 1 ]; do
    while fallocate -l ${{size}}M /fill-$size-$n 2>/dev/null; do n=1$n; done
    rm -f /fill-$size-$n; size=$((size / 2))
done
wait $create; echo "exit status $?"
{SNAPSHOT} create snap full 2>&1; echo "exit status $?"
rm -f /fill-*; ls {PLACE}; xl list snap
"""
#: Carries out a command, up to the moment in which an image has been copied and the copy does not take its place yet.
UP_TO_THE_COPY = """
import os, signal, sys
from univention_xen.cli.main import main
from univention_xen.image import copies
clone = copies.clone
def end(*words):
    clone(*words)
    os.kill(os.getpid(), signal.SIGKILL)
copies.clone = end
main(sys.argv[1:])
"""
DISK = "/var/lib/xen/snap/disk1.img"
#: Killed when the guest has gone and its disk is about to be put back.
REVERT_KILLED = f"""
python3 /srv/up-to-the-copy guest snapshot revert snap good --destroy-running; echo "exit status $?"
cmp -s {DISK} {PLACE}/good/disk-xvda || echo the disk is what it was
tail -c +9 {DISK} | cmp - <(tail -c +9 {PLACE}/good/disk-xvda) && echo and nothing of it is lost
{SNAPSHOT} list; echo "exit status $?"
univention-xen guest start snap 2>&1; echo "exit status $?"
"""
#: The second try, killed while xl lets the guest run on; xl itself comes to its end.
REVERT_KILLED_AGAIN = f"""
{SNAPSHOT} revert snap good >/dev/null 2>&1 &
until xl domid snap 2>/dev/null; do kill -0 $! || exit 9; done >/dev/null
kill -9 $! && echo killed; wait
while fuser -s {PLACE}/good/memory; do sleep 1; done
{SNAPSHOT} list; echo "exit status $?"
ls -A /var/lib/xen/snap
"""
HEAD = "head -c 8 /var/lib/xen/snap/disk1.img"
OFF = f"""
univention-xen guest destroy snap && {HEAD} >/srv/head && {SNAPSHOT} create snap off
printf changed | dd of=/var/lib/xen/snap/disk1.img conv=notrunc status=none; {HEAD}
{SNAPSHOT} revert snap off && {HEAD} | cmp - /srv/head && echo back
{SNAPSHOT} delete snap off && ls {PLACE}
"""


def collect(dom0: Dom0) -> None:
    long = minutes(10)
    dom0.must(SETUP, stdin=CFG.encode())
    dom0.must("univention-xen guest start snap", within=long)
    dom0.must(f"guest-console snap {shlex.quote(COUNT)} 300", within=long)
    dom0.see("before", LOOK)
    dom0.see("create", f"{SNAPSHOT} create snap good", within=long)
    dom0.see("after", LOOK)
    dom0.see("modes", f"stat -c '%a %n' {PLACE}/good {PLACE}/good/*")
    dom0.must("guest-console snap 'echo second >/mark'")
    dom0.see("kill", KILL, within=long)
    dom0.see("after-kill", LOOK)
    dom0.see("full", FULL, within=long)
    dom0.see("after-full", LOOK)
    dom0.see("refused", f"{SNAPSHOT} revert snap good </dev/null", within=long)
    dom0.see("after-refused", LOOK)
    dom0.must("cat > /srv/up-to-the-copy", stdin=UP_TO_THE_COPY.encode())
    dom0.see("revert-killed", f"bash -c {shlex.quote(REVERT_KILLED)}", within=long)
    dom0.see("revert-killed-again", REVERT_KILLED_AGAIN, within=long)
    dom0.see("after-killed-again", LOOK)
    dom0.see("revert", f"{SNAPSHOT} revert snap good --destroy-running", within=long)
    dom0.see("after-revert", LOOK)
    dom0.see("off", OFF, within=long)


def count(seen: Evidence, name: str) -> int:
    """How far the guest had counted; it must not have found another number on its disk than in its memory."""
    words = seen[name].out.split("count ")[-1].split()
    assert words[3:5] == ["torn", "exit"], seen[name].out
    return int(words[0])


def test_the_guest_runs_on(seen: Evidence) -> None:
    assert seen["create"].code == 0, seen["create"]
    assert "snap has the snapshot good: memory, 1 disk" in seen["create"].out
    assert count(seen, "after") >= count(seen, "before")


def test_only_root_can_read_it(seen: Evidence) -> None:
    assert {line.split()[0] for line in seen["modes"].out.splitlines()} == {"700", "600"}


def test_killed_it_tells_what_to_do(seen: Evidence) -> None:
    told = seen["kill"].out.split("exit status ")[0]
    assert told.startswith("killed\n"), seen["kill"]
    assert "half made" in told
    assert "univention-xen guest snapshot delete snap killed" in told
    assert "snap was ended for its snapshot killed" in seen["kill"].out


def test_the_second_try_succeeds(seen: Evidence) -> None:
    _, listed, tried, last = seen["kill"].out.split("exit status ")
    assert [part[0] for part in (listed, tried, last)] == ["1", "0", "0"], seen["kill"]
    assert "again" in tried
    assert "killed" not in tried
    assert "mark second" in seen["after-kill"].out
    assert count(seen, "after-kill") > count(seen, "after")


def test_a_full_disk_is_said_and_leaves_the_guest_running(seen: Evidence) -> None:
    interrupted, refused, rest = seen["full"].out.split("\nexit status ")
    assert "the memory of snap could not be saved" in interrupted
    assert "No space left" in interrupted
    assert "the guest runs on, and nothing is left of the snapshot" in interrupted
    assert refused.startswith("1")
    assert "the snapshot may need" in refused
    assert "full" not in rest
    assert "\nsnap " in rest
    assert count(seen, "after-full") >= count(seen, "after-kill")


def test_a_running_guest_is_not_set_back_unasked(seen: Evidence) -> None:
    assert seen["refused"].code == 1
    assert "--destroy-running" in seen["refused"].err
    assert count(seen, "after-refused") >= count(seen, "after-full")


def test_set_back_halfway_a_guest_waits_for_the_rest(seen: Evidence) -> None:
    killed, started, last, *_ = seen["revert-killed"].out.split("exit status ")[1:]
    assert killed.splitlines()[:3] == ["137", "the disk is what it was", "and nothing of it is lost"]
    assert "guest half set back" in killed
    assert (started[0], last[0]) == ("1", "1"), seen["revert-killed"]
    assert "snap must not start: it is half set back to its snapshot good" in started
    for told in (killed, started):
        assert "finish with univention-xen guest snapshot revert snap good" in told, seen["revert-killed"]


def test_the_second_try_sets_it_back_even_when_only_xl_survives(seen: Evidence) -> None:
    told, _, rest = seen["revert-killed-again"].out.partition("exit status ")
    assert told.startswith("killed\n"), seen["revert-killed-again"]
    assert "half set back" not in told
    assert "memory has not been restored: univention-xen guest snapshot revert snap good" in told
    assert rest.split() == ["1", "disk1.img"], "the copy of the first try is swept up"
    assert "mark first" in seen["after-killed-again"].out
    assert count(seen, "after-killed-again") >= count(seen, "before")


def test_memory_and_disk_are_back_at_one_moment(seen: Evidence) -> None:
    assert seen["revert"].code == 0, seen["revert"].err
    assert "mark first" in seen["after-revert"].out
    assert count(seen, "after-revert") >= count(seen, "before")


@pytest.mark.parametrize("word", ["changed", "back"])
def test_the_disk_of_a_guest_that_is_off(seen: Evidence, word: str) -> None:
    assert seen["off"].code == 0, seen["off"].err
    assert word in seen["off"].out
    assert "off" not in seen["off"].out.rpartition("back")[2]

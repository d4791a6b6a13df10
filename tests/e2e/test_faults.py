# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Killed, out of space, switched off: the registry and every generated file are whole afterwards, old or new.

Each attempt sets the same number in three variables, one for each file. "Whole" is: with the numbers taken out, a
file has the text it had in peace, and the registry holds the same number three times.
"""

from __future__ import annotations

import pytest
from dom0 import Dom0
from evidence import Evidence, Said
from qemu import minutes, until

CHECK = r"""
number() { ucr get "$1" | grep -xE '[0-9]{4}' || echo torn; }
whole() { sed -E 's/\b[1-9][0-9]{3}\b/N/g' "$1" | md5sum | cut -c1-32; }
check() {
    echo "$1 registry" $(for one in console/limit xl/max_grant_frames xendomains/stop_timeout; do number xen/$one; done)
    echo "$1 files" $(whole /etc/xen/xend-config.sxp) $(whole /etc/xen/xl.conf) $(whole /etc/default/xendomains)
}
set_all() { exec ucr set "xen/console/limit=$1" "xen/xl/max_grant_frames=$1" "xen/xendomains/stop_timeout=$1"; }
"""
KILLS = 16
KILL = f"""
for n in $(seq {KILLS}); do
    (set_all $((2000 + n))) >/dev/null 2>&1 &
    sleep $((n / 4)).$((n % 4 * 25))
    kill -9 $! 2>/dev/null && echo killed
    wait
    check $n 2>&1
done
(set_all 3000) >/dev/null && check done
"""
#: A process group of its own, so that nothing of apt or dpkg survives; it is killed while our postinst runs.
#: The brackets keep the shell that is given this script from finding itself.
KILL_APT = r"""
export DEBIAN_FRONTEND=noninteractive
setsid apt-get install --yes --reinstall /srv/debs/*.deb >/srv/apt.log 2>&1 &
apt=$!
until pgrep -f '[i]nfo/univention-xen.postinst' >/dev/null || ! kill -0 $apt 2>/dev/null; do :; done
kill -9 -$apt && echo killed
pkill -9 -f '[i]nfo/univention-xen.postinst'
sleep 1
dpkg-query -W -f '${Package} ${db:Status-Status}\n' '*univention*'
check killed
dpkg --configure -a 2>&1 && echo repaired
dpkg-query -W -f '${Package} ${db:Status-Status}\n' '*univention*'
check repaired
"""
FULL = r"""
check before
size=8192
while [ $size -ge 1 ]; do
    n=0
    while fallocate -l ${size}M /fill-$size-$n 2>/dev/null; do n=$((n + 1)); done
    rm -f /fill-$size-$n; size=$((size / 2))
done
n=0; while fallocate -l 4096 /fill-4k-$n 2>/dev/null; do n=$((n + 1)); done
df --output=avail / | tail -n 1
(set_all 4000) 2>&1; echo "exit status $?"
check full
rm -f /fill-*
(set_all 5000) >/dev/null; echo "exit status $?"
check after
"""
WRITE = """
nohup sh -c '. /srv/check; n=6000; while n=$((n + 1)); do (set_all $n); echo $n > /run/written; done' >/dev/null 2>&1 &
"""


def collect(dom0: Dom0) -> None:
    dom0.must("cat > /srv/check", stdin=CHECK.encode())
    dom0.see("peace", ". /srv/check; (set_all 1500) >/dev/null; check peace")
    dom0.see("kill", ". /srv/check" + KILL, within=minutes(30))
    dom0.see("apt", ". /srv/check" + KILL_APT, within=minutes(20))
    dom0.see("apt.log", "cat /srv/apt.log")
    dom0.see("full", ". /srv/check" + FULL, within=minutes(20))
    dom0.must(WRITE)
    until(lambda: int("0" + dom0.do("cat /run/written").out) > 6003, "the registry is written", minutes(10))
    dom0.reset()
    dom0.see("reset", ". /srv/check; check reset; (set_all 7000) >/dev/null; check done")
    dom0.see("list", "xl list; systemctl --failed --no-legend --plain")


def lines(said: Said, word: str) -> list[list[str]]:
    return [line.split()[2:] for line in said.out.splitlines() if line.split()[1:2] == [word]]


def must_be_whole(seen: Evidence, name: str, checks: int) -> None:
    peace = lines(seen["peace"], "files")[0]
    files, registries = lines(seen[name], "files"), lines(seen[name], "registry")
    assert len(files) == len(registries) == checks, seen[name]
    for registry in registries:
        assert len(set(registry)) == 1, f"three numbers that were set together: {registry}"
        assert registry[0].isdigit()
    for found in files:
        assert found == peace, f"{found} instead of {peace}"


def test_killed_while_setting(seen: Evidence) -> None:
    assert seen["kill"].out.count("killed") > KILLS // 3
    must_be_whole(seen, "kill", KILLS + 1)


def test_apt_killed_while_configuring(seen: Evidence) -> None:
    assert seen["apt"].out.startswith("killed"), seen["apt.log"].out
    must_be_whole(seen, "apt", 2)


def test_dpkg_repairs_what_was_killed(seen: Evidence) -> None:
    before, _, after = seen["apt"].out.partition("repaired")
    assert "univention-xen" in before
    assert after.count(" installed") == 3
    assert "half-configured" not in after


def test_a_full_disk_changes_nothing(seen: Evidence) -> None:
    assert seen["full"].out.count("exit status") == 2
    must_be_whole(seen, "full", 3)
    before, full, after = lines(seen["full"], "registry")
    assert full == before
    assert after[0] == "5000"


def test_a_full_disk_is_said(seen: Evidence) -> None:
    said = seen["full"].out
    assert "No space left" in said
    assert "exit status 0" not in said.partition("full registry")[0]
    assert "Traceback" not in said


@pytest.mark.parametrize("word", ["reset", "done"])
def test_switched_off_while_writing(seen: Evidence, word: str) -> None:
    assert f"{word} files" in seen["reset"].out
    must_be_whole(seen, "reset", 2)


def test_the_dom0_is_up_after_the_reset(seen: Evidence) -> None:
    assert "Domain-0" in seen["list"].out
    assert len(seen["list"].out.splitlines()) == 2, "failed units"

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""``guest create --start`` for PV, PVH and HVM: consoles, screens where the registry says, lines that follow it."""

from __future__ import annotations

import io
import json
import shlex
import tarfile
from pathlib import Path

import pytest
from dom0 import Dom0
from evidence import Evidence
from qemu import minutes

LAN, WIRE, HERE = "192.168.77.1", "10.0.2.15", "127.0.0.1"
LINUX = "--memory 128M --kernel /srv/guest/vmlinuz --initrd /srv/guest/initrd"
CREATE = {
    "pv1": f"{LINUX} --type pv --nic mac=00:16:3e:00:00:11 --vnc --cmdline 'console=hvc0 quiet name=pv1'",
    "pvh1": f"{LINUX} --cmdline 'console=hvc0 quiet name=pvh1'",
    "hvm1": "--type hvm --memory 64M --disk 1M",
}
#: Types a line on a console through our command until the guest answers, leaves with Ctrl+].
CONSOLE = r"""
: > /srv/heard
(for n in $(seq 200); do grep -q {answer} /srv/heard && break; echo {words}; sleep 1; done; printf '\035') |
    timeout 300 script -qfec 'univention-xen guest console {name}' /dev/null > /srv/heard
code=$?; cat /srv/heard; exit $code
"""
#: Connects to the console of a guest that is still paused, so that its first words are not missed.
FIRST_WORDS = r"""
dd if=/srv/guest/disk.raw of=/var/lib/xen/hvm1/disk1.img conv=notrunc status=none
univention-xen guest start hvm1 --paused || exit
: > /srv/heard
(for n in $(seq 200); do grep -q SPEAKING /srv/heard && break; sleep 1; done; printf '\035') |
    timeout 300 script -qfec 'univention-xen guest console hvm1' /dev/null > /srv/heard &
tty=$(xenstore-read /local/domain/$(xl domid hvm1)/serial/0/tty)
for n in $(seq 100); do ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q " $tty\$" && break; sleep 1; done
univention-xen guest unpause hvm1
wait
cat /srv/heard
"""
#: Where anything listens in the range of VNC, and who greets with RFB there.
SCREENS = f"""
ss -Hltn 'sport >= 5900 and sport < 6000' | awk '{{print $4}}' | sort
for address in {LAN} {WIRE} {HERE}; do for port in 5900 5901; do
    echo "$address $port $(timeout 60 bash -c "exec 3<>/dev/tcp/$address/$port && head -c 11 <&3" 2>/dev/null)"
done; done
"""
PASSWORD = """
name = "pw"
type = "hvm"
memory = 64
vnc = 1
vnclisten = "127.0.0.1"
vncpasswd = "geheim"
"""
#: What xl itself says, and what becomes of that when it is our command that has started it.
STARTED = """
import sys
from univention_xen.errors import XenError
from univention_xen.plan import Machine
from univention_xen.toolstack.steps import Start
try:
    Start("pw", ("xl", "create", "/etc/xen/pw.cfg")).apply(Machine())
except XenError as why:
    sys.exit(f"{why}\\n{why.hint}")
"""
READ = "for file in {}; do xl -N create $file >/dev/null 2>/srv/said && echo read || cat $file /srv/said; done"


def collect(dom0: Dom0) -> None:
    long = minutes(10)
    dom0.must(f"ucr set xen/vnc/listen={LAN}")
    for name, words in CREATE.items():
        dom0.see(f"create-{name}", f"univention-xen guest create {name} {words} --start", within=long)
    dom0.see("list", "univention-xen guest list --json")
    dom0.see("screens", SCREENS)
    for name in ("pv1", "pvh1"):
        words = shlex.quote("echo $((6 * 7)) from $name")
        dom0.see(f"console-{name}", CONSOLE.format(name=name, words=words, answer="'^42 from'"), within=long)
    dom0.see("follow", f"ucr set xen/vnc/listen={WIRE}")
    dom0.see("lines", "grep -h vnclisten /etc/xen/*1.cfg")
    dom0.see("list-later", "xl list")
    dom0.see("again", f"ucr set xen/vnc/listen={WIRE}")
    dom0.see("check", "univention-xen guest check pv1 hvm1 --json")
    dom0.see("destroy", "univention-xen guest destroy pv1; univention-xen guest destroy hvm1")
    dom0.see("console-hvm1", FIRST_WORDS, within=long)
    dom0.see("screens-later", SCREENS)
    collect_password(dom0)
    dom0.must("mkdir /srv/golden; tar x -C /srv/golden", stdin=golden())
    dom0.see("golden", READ.format("/srv/golden/*.cfg"))
    dom0.see("examples", READ.format("/usr/share/doc/univention-xen/examples/*.cfg"))


def collect_password(dom0: Dom0) -> None:
    dom0.must("umask 077; cat > /etc/xen/pw.cfg", stdin=PASSWORD.encode())
    dom0.see("password-start", "univention-xen guest start pw; echo $?; xl list pw")
    dom0.see("password-explained", f"python3 -c {shlex.quote(STARTED)}", within=minutes(10))
    dom0.must("ucr set xen/vnc/password=geheim; rm /etc/xen/pw.cfg")
    dom0.see("password-create", "univention-xen guest create pw --type hvm --dry-run | grep vnclisten")
    dom0.see("password-lines", "grep -h vnclisten /etc/xen/*1.cfg")


def golden() -> bytes:
    """The golden guest files, as a tar archive."""
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w") as tar:
        for path in sorted((Path(__file__).parents[1] / "golden" / "guest").glob("*.cfg")):
            tar.add(path, path.name)
    return into.getvalue()


@pytest.mark.parametrize("name", CREATE)
def test_one_command_leads_from_a_name_to_a_running_guest(seen: Evidence, name: str) -> None:
    assert seen[f"create-{name}"].code == 0, seen[f"create-{name}"].err
    guests = {guest["name"]: guest for guest in json.loads(seen["list"].out)}
    assert guests[name]["id"]
    assert guests[name]["kind"] == name.removesuffix("1")


@pytest.mark.parametrize("name", ["pv1", "pvh1"])
def test_the_console_answers_and_lets_go(seen: Evidence, name: str) -> None:
    assert f"42 from {name}" in seen[f"console-{name}"].out
    assert seen[f"console-{name}"].code == 0


def test_the_console_of_an_hvm_guest_is_its_serial_port(seen: Evidence) -> None:
    assert "BOOT SECTOR SPEAKING" in seen["console-hvm1"].out


def test_screens_are_where_the_registry_says_and_nowhere_else(seen: Evidence) -> None:
    sockets, greetings = screens(seen, "screens")
    assert sockets == [f"{LAN}:5900", f"{LAN}:5901"]
    assert greetings == {(LAN, "5900"): "RFB 003.008", (LAN, "5901"): "RFB 003.008"}


def test_tagged_lines_follow_and_running_guests_are_named(seen: Evidence) -> None:
    said = seen["follow"].out
    assert "following the registry: /etc/xen/hvm1.cfg, /etc/xen/pv1.cfg" in said
    assert "hvm1 is running and sees the change when" in said
    assert "pv1 is running and sees the change when" in said
    assert "pvh1" not in said
    lines = seen["lines"].out.splitlines()
    assert len(lines) == 2
    assert all(WIRE in line and "# ucr: xen/vnc/listen" in line for line in lines)
    assert all(f"\n{name} " in seen["list-later"].out for name in CREATE), "nothing is stopped"


def test_a_second_time_there_is_nothing_to_follow(seen: Evidence) -> None:
    assert "following" not in seen["again"].out
    assert not {finding["rule"] for finding in json.loads(seen["check"].out)} & {"tag", "syntax", "refused"}


def test_after_a_restart_the_screen_is_at_the_new_place_alone(seen: Evidence) -> None:
    sockets, greetings = screens(seen, "screens-later")
    assert sockets == [f"{WIRE}:5900"]
    assert greetings == {(WIRE, "5900"): "RFB 003.008"}


def test_a_guest_with_a_password_is_explained_instead_of_started(seen: Evidence) -> None:
    said = seen["password-start"]
    assert said.out.splitlines()[0] == "1"
    assert "cannot ask for a VNC password" in said.err
    assert "127.0.0.1" in said.err
    assert "rc=-26" not in said.err
    assert "geheim" not in said.err + said.out


def test_what_xl_says_about_it_is_explained_by_the_log_of_the_device_model(seen: Evidence) -> None:
    said = seen["password-explained"].err
    first, _, rest = said.partition("\n")
    assert "pw does not start: " in first
    assert "DES algorithm" in first
    assert "qemu-dm-pw.log" in first
    assert "ssh -L" in rest
    assert "geheim" not in said


def test_a_password_in_the_registry_keeps_screens_at_home(seen: Evidence) -> None:
    assert HERE in seen["password-create"].out
    assert "cannot ask for the VNC password" in seen["password-create"].err
    lines = seen["password-lines"].out.splitlines()
    assert len(lines) == 2
    assert all(HERE in line for line in lines)


@pytest.mark.parametrize("which", ["golden", "examples"])
def test_xl_reads_what_we_ship_and_what_we_write(seen: Evidence, which: str) -> None:
    assert set(seen[which].out.splitlines()) == {"read"}, seen[which].out


def screens(seen: Evidence, name: str) -> tuple[list[str], dict[tuple[str, str], str]]:
    """The sockets in the range of VNC, and the greetings by address and port."""
    words = [line.split(maxsplit=2) for line in seen[name].out.splitlines()]
    return [word for word, *more in words if not more], {
        (address, port): greeting[0]
        for address, port, *greeting in (each for each in words if len(each) > 1)
        if greeting
    }

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`univention-xen guest …` controls guests of the real xl: each verb, killed in the middle too, and a full disk."""

from __future__ import annotations

import json
import re

import pytest
from dom0 import Dom0
from evidence import Evidence
from qemu import minutes

#: Types on a terminal: a JSON list of [what to wait for, what to type then], and the command. 100 seconds at most.
TERMINAL = r"""
import json, os, pty, select, sys, time
talk, heard, end = json.loads(sys.argv[1]), b"", time.monotonic() + 100
pid, terminal = pty.fork()
if not pid:
    os.execvp(sys.argv[2], sys.argv[2:])
while time.monotonic() < end:
    if not select.select([terminal], [], [], 1)[0]:
        continue
    try:
        heard += os.read(terminal, 4096)
    except OSError:
        break
    if talk and talk[0][0].encode() in heard:
        os.write(terminal, talk.pop(0)[1].encode())
print(heard.decode(errors="replace"))
print("left with", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if not talk else "words to say")
"""
#: Functions of the shell. kill_when CONDITION COMMAND…: everything the command has started dies as soon as that holds.
WORDS = r"""
export TERM=xterm
guest() { univention-xen guest "$@" 2>&1; echo "exit status $?"; }
domid() { xl domid pv 2>/dev/null; }
answer() {
    for n in $(seq 300); do
        domid >/dev/null || return
        nc -w 5 192.168.77.11 7 </dev/null | grep . && return
        sleep 1
    done
    return 1
}
state() { univention-xen guest list --json; }
kill_when() {
    condition=$1; shift
    setsid univention-xen --verbose guest "$@" >/srv/said 2>&1 &
    until eval "$condition" >/dev/null || ! kill -0 $! 2>/dev/null; do sleep 0.1; done
    kill -9 -$! && echo killed
    wait
}
another() { for n in $(seq 300); do now=$(domid); [ "${now:-$1}" = "$1" ] || return; sleep 1; done; }
waiting() { sed '1,/xl shutdown/d' /srv/said | grep 'xl list'; }
written() { [ "$(stat -c %s /srv/pv.saved 2>/dev/null || echo 0)" -gt 4000000 ]; }
"""
GUESTS = r"""
cp /srv/guest/pv.cfg /etc/xen/pv.cfg
sed '/^vnc/d; $a vnc = 1\nvnclisten = "127.0.0.1"\nvncunused = 1' /srv/guest/hvm.cfg > /etc/xen/hvm.cfg
sed 's/^name.*/name = "twin"/' /etc/xen/hvm.cfg > /etc/xen/twin.cfg
sed 's/^name.*/name = "lost"/; $a disk = ["vdev=xvda,target=/srv/guest/lost.raw"]' /srv/guest/pv.cfg > /etc/xen/lost.cfg
sed 's/^name.*/name = "nobridge"/; s/^vif.*/vif = ["bridge=nobr0"]/' /srv/guest/pv.cfg > /etc/xen/nobridge.cfg
printf 'name = "odd"\ntype = "hvm"\nmemory = 64\ndevice_model_args = ["-nonsense"]\n' > /etc/xen/odd.cfg
"""
#: A place that is large enough when the save begins, and full soon after.
FULL = r"""
mkdir -p /srv/small && mount -t tmpfs -o size=220m none /srv/small
(until [ "$(stat -c %s /srv/small/pv 2>/dev/null || echo 0)" -gt 1000000 ]; do sleep 0.1; done
 cat /dev/zero > /srv/small/fill 2>/dev/null) &
guest save pv /srv/small/pv
wait; ls -A /srv/small; umount /srv/small; answer
"""
#: The greeting of whoever listens where `guest view` says that the screen is.
RFB = r"""
address=$(univention-xen guest view hvm --print | sed -n 's/.* at \(.*\):\([0-9]*\) (VNC).*/\1 \2/p')
nc -w 5 $address </dev/null | head -c 11
"""


def collect(dom0: Dom0) -> None:
    dom0.must("cat > /srv/words", stdin=WORDS.encode())
    dom0.must("cat > /srv/terminal", stdin=TERMINAL.encode())
    dom0.must(GUESTS)
    collect_life(dom0)
    collect_saving(dom0)
    collect_killed(dom0)
    collect_refused(dom0)


def see(dom0: Dom0, name: str, script: str) -> None:
    dom0.see(name, f". /srv/words\n{script}", within=minutes(15))


def collect_life(dom0: Dom0) -> None:
    see(dom0, "start", "guest start pv; answer")
    see(dom0, "start-again", "guest start pv")
    see(dom0, "list", "state")
    see(dom0, "list-text", "guest list")
    see(dom0, "show", "guest show pv")
    see(dom0, "details", "univention-xen guest show pv -l")
    see(dom0, "pause", "guest pause pv; guest pause pv; state")
    see(dom0, "shutdown-paused", "guest shutdown pv")
    see(dom0, "unpause", "guest unpause pv; guest unpause pv; answer")
    talk = json.dumps([["leaves the console", "echo $((6 * 7))\n"], ["42", "\x1d"]])
    see(dom0, "console", f"python3 /srv/terminal '{talk}' univention-xen guest console pv")
    see(dom0, "top", 'python3 /srv/terminal \'[["Domain-0", "q"]]\' univention-xen guest top')
    see(dom0, "top-without-terminal", "guest top </dev/null")


def collect_saving(dom0: Dom0) -> None:
    see(dom0, "keep", "guest save pv /srv/kept --keep-running; stat -c %a /srv/kept; answer; rm /srv/kept")
    see(dom0, "reboot", "old=$(domid); guest reboot pv; another $old; answer; state")
    see(dom0, "full", FULL)
    see(dom0, "save-killed", "kill_when written save pv /srv/pv.saved; state")
    see(dom0, "save", "guest save pv /srv/pv.saved; state; stat -c %a /srv/pv.saved")
    see(dom0, "file", "head -c 1600 /srv/pv.saved | base64 -w 0")


def collect_killed(dom0: Dom0) -> None:
    see(dom0, "restore-killed", "kill_when domid restore /srv/pv.saved; state")
    see(dom0, "restore", "guest restore /srv/pv.saved --remove; ls /srv/pv.saved; answer")
    see(dom0, "shutdown-killed", "kill_when waiting shutdown pv --wait")
    see(dom0, "shutdown", "guest shutdown pv --wait; state")
    see(dom0, "start-killed", "kill_when domid start pv; state")
    see(dom0, "start-after", "guest start pv; answer")
    see(dom0, "destroy", "guest destroy pv; guest destroy pv; state")


def collect_refused(dom0: Dom0) -> None:
    see(dom0, "hvm", "guest start hvm")
    see(dom0, "view", "guest view hvm --print")
    see(dom0, "rfb", RFB)
    for name in ("twin", "lost", "nobridge", "odd"):
        see(dom0, f"start-{name}", f"guest start {name}")
    see(dom0, "end", "guest destroy hvm; state")


def guests(seen: Evidence, name: str) -> dict[str, dict[str, object]]:
    """What `guest list --json` told as the last thing of a piece of evidence."""
    text = seen[name].out
    found: list[dict[str, object]] = json.JSONDecoder().raw_decode(text[text.index("[\n") :])[0]
    return {str(each["name"]): each for each in found}


def memory(seen: Evidence, name: str) -> str:
    """The sum of the guest's memory in its last answer."""
    return re.findall(r"^pv up \d+ memory (\w+)$", seen[name].out, re.MULTILINE)[-1]


def must_end(seen: Evidence, name: str, *codes: int) -> None:
    found = [int(each) for each in re.findall(r"exit status (\d+)", seen[name].out)]
    assert found == list(codes), seen[name].out


def test_a_guest_starts_once(seen: Evidence) -> None:
    must_end(seen, "start", 0)
    assert memory(seen, "start")
    must_end(seen, "start-again", 0)
    assert "pv is already running" in seen["start-again"].out


def test_the_list_holds_what_runs_and_what_could(seen: Evidence) -> None:
    found = guests(seen, "list")
    assert (found["pv"]["state"], found["pv"]["kind"]) == ("running", "pv")
    assert (found["lost"]["state"], found["lost"]["id"]) == ("off", None)
    assert found["Domain-0"]["id"] == 0
    assert re.search(r"^pv +\d+ +128 +1 +running .* /etc/xen/pv.cfg$", seen["list-text"].out, re.MULTILINE)
    assert "128" in seen["show"].out
    assert json.loads(seen["details"].out)[0]["config"]["c_info"]["name"] == "pv"


def test_a_guest_is_paused_and_runs_on(seen: Evidence) -> None:
    must_end(seen, "pause", 0, 0)
    assert "pv is already paused" in seen["pause"].out
    assert guests(seen, "pause")["pv"]["state"] == "paused"
    must_end(seen, "shutdown-paused", 1)
    assert "guest unpause pv" in seen["shutdown-paused"].out
    must_end(seen, "unpause", 0, 0)
    assert "pv is not paused" in seen["unpause"].out
    assert memory(seen, "unpause") == memory(seen, "start")


def test_the_console_is_entered_and_left(seen: Evidence) -> None:
    said = seen["console"].out
    assert said.index("Ctrl+] leaves the console") < said.index("\n42")
    assert said.rstrip().endswith("left with 0")


def test_top_draws_on_a_terminal_and_only_there(seen: Evidence) -> None:
    assert "Domain-0" in seen["top"].out
    assert seen["top"].out.rstrip().endswith("left with 0")
    must_end(seen, "top-without-terminal", 1)
    assert "xl top needs a terminal" in seen["top-without-terminal"].out


def test_a_guest_that_was_saved_runs_on_and_is_looked_after(seen: Evidence) -> None:
    must_end(seen, "keep", 0)
    assert "\n600\n" in seen["keep"].out, "nobody else may read its memory"
    assert memory(seen, "keep") == memory(seen, "start")
    must_end(seen, "reboot", 0)
    assert memory(seen, "reboot") != memory(seen, "keep"), "it has started again"
    assert guests(seen, "reboot")["pv"]["state"] == "running"


def test_a_disk_that_becomes_full_costs_nothing(seen: Evidence) -> None:
    must_end(seen, "full", 1)
    assert "No space left" in seen["full"].out
    assert "Traceback" not in seen["full"].out
    assert memory(seen, "full") == memory(seen, "reboot")
    assert "\npv\n" not in seen["full"].out, "no half of a file is left"


def test_a_save_that_was_killed_succeeds_the_second_time(seen: Evidence) -> None:
    assert seen["save-killed"].out.startswith("killed")
    assert guests(seen, "save-killed")["pv"]["state"] == "suspended"
    must_end(seen, "save", 0)
    assert "did not come to its end" in seen["save"].out
    assert guests(seen, "save")["pv"]["state"] == "off"
    assert seen["save"].out.endswith("\n600\n")


def test_a_restore_that_was_killed_succeeds_the_second_time(seen: Evidence) -> None:
    assert seen["restore-killed"].out.startswith("killed")
    must_end(seen, "restore", 0)
    assert "No such file" in seen["restore"].err, "--remove"
    assert memory(seen, "restore") == memory(seen, "reboot")


def test_a_shutdown_that_was_killed_succeeds_the_second_time(seen: Evidence) -> None:
    assert seen["shutdown-killed"].out.startswith("killed")
    must_end(seen, "shutdown", 0)
    assert guests(seen, "shutdown")["pv"]["state"] == "off"


def test_a_start_that_was_killed_succeeds_the_second_time(seen: Evidence) -> None:
    assert seen["start-killed"].out.startswith("killed")
    must_end(seen, "start-after", 0)
    assert memory(seen, "start-after")


def test_a_guest_loses_its_power_once(seen: Evidence) -> None:
    must_end(seen, "destroy", 0, 0)
    assert "pv is not running" in seen["destroy"].out
    assert guests(seen, "destroy")["pv"]["state"] == "off"


def test_the_screen_is_where_it_is_said_to_be(seen: Evidence) -> None:
    must_end(seen, "hvm", 0)
    assert "at 127.0.0.1:59" in seen["view"].out
    assert seen["rfb"].out.startswith("RFB 003.")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("twin", "in use by the running guest hvm"),
        ("lost", "the image /srv/guest/lost.raw does not exist"),
        ("nobridge", "the bridge nobr0 does not exist"),
        ("odd", "-nonsense"),
    ],
)
def test_what_cannot_start_is_told_why(seen: Evidence, name: str, reason: str) -> None:
    must_end(seen, f"start-{name}", 1)
    assert reason in seen[f"start-{name}"].out
    assert "hint: " in seen[f"start-{name}"].out


def test_nothing_is_left_behind(seen: Evidence) -> None:
    must_end(seen, "end", 0)
    running = [each["name"] for each in guests(seen, "end").values() if each["state"] != "off"]
    assert running == ["Domain-0"]

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`univention-xen guest …` controls guests of the real xl: consoles, saving that is killed or meets a full disk."""

from __future__ import annotations

import json
import re

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
written() { [ "$(stat -c %s /srv/pv.saved 2>/dev/null || echo 0)" -gt 4000000 ]; }
"""
GUESTS = r"""
cp /srv/guest/pv.cfg /etc/xen/pv.cfg
sed 's/^name.*/name = "lost"/; $a disk = ["vdev=xvda,target=/srv/guest/lost.raw"]' /srv/guest/pv.cfg > /etc/xen/lost.cfg
"""
#: A place that is large enough when the save begins, and full soon after.
FULL = r"""
mkdir -p /srv/small && mount -t tmpfs -o size=220m none /srv/small
(until [ "$(stat -c %s /srv/small/pv 2>/dev/null || echo 0)" -gt 1000000 ]; do sleep 0.1; done
 cat /dev/zero > /srv/small/fill 2>/dev/null) &
guest save pv /srv/small/pv
wait; ls -A /srv/small; umount /srv/small; answer
"""


def collect(dom0: Dom0) -> None:
    dom0.must("cat > /srv/words", stdin=WORDS.encode())
    dom0.must("cat > /srv/terminal", stdin=TERMINAL.encode())
    dom0.must(GUESTS)
    collect_life(dom0)
    collect_saving(dom0)


def see(dom0: Dom0, name: str, script: str) -> None:
    dom0.see(name, f". /srv/words\n{script}", within=minutes(15))


def collect_life(dom0: Dom0) -> None:
    see(dom0, "start", "guest start pv; answer")
    see(dom0, "start-again", "guest start pv")
    see(dom0, "list", "state")
    see(dom0, "list-text", "guest list")
    see(dom0, "show", "guest show pv")
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

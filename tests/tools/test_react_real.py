# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""xend's change handler with the real invoke-rc.d, policy-rc.d and a stand-in xend.

Everything happens in a mount and process namespace, where /etc, /usr/sbin, /var/lib/dpkg and /run are layers that
vanish with it.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import layers
from conftest import PROJECT
from layers import Sandbox

pytestmark = pytest.mark.tools

STAND_IN = """\
#!/bin/sh
# Reads its file when it starts, and dies of the word "broken" in it, as a daemon does.
case "$1" in
start)
    echo start >>/run/starts
    if grep -q broken /etc/xen/xend-config.sxp; then echo "vncpasswd geheim: cannot bind" >&2; exit 1; fi
    cp /etc/xen/xend-config.sxp /run/read
    python3 -c 'import time; time.sleep(600)' xend &
    echo $! >/run/xend.pid ;;
stop) echo stop >>/run/starts; kill $(cat /run/xend.pid); rm /run/xend.pid ;;
restart) $0 stop; $0 start ;;
status) kill -0 $(cat /run/xend.pid) 2>/dev/null || exit 3 ;;
*) exit 2 ;;
esac
"""
SET_UP = """
rm -f /usr/sbin/policy-rc.d
mkdir -p /etc/xen
printf old >/etc/xen/xend-config.sxp
printf '%s' "$STAND_IN" >/etc/init.d/xend
chmod 755 /etc/init.d/xend
deny() { printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d; }
allow() { printf '#!/bin/sh\\nexit 104\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d; }
boot() { /etc/init.d/xend start; : >/run/starts; }
set_to() { python3 -c "$HANDLER" "$@" || echo "exit status $?"; }
ucr() { PYTHONPATH="$PYTHON" python3 -m univention_xen.registry "$@"; }
xen() { PYTHONPATH="$PYTHON" python3 -m univention_xen "$@"; }
register() { PYTHONPATH="$PYTHON" python3 -c "$INSTALL"; ucr register univention-xen >/dev/null 2>&1; }
starts() { grep -c start /run/starts 2>/dev/null || true; }
"""
HANDLER = """
import xen_xend
class Registry(dict):
    root = "/"
registry = Registry(xen_toolstack="")
registry.update(word.split("=") for word in sys.argv[2:])
xen_xend.preinst(registry, {})
open("/etc/xen/xend-config.sxp", "w").write(sys.argv[1])
xen_xend.postinst(registry, {})
"""
INSTALL = f"""
from univention_xen.registry import install
list(install.into_tree({str(PROJECT)!r}, "univention-xen", "/"))
"""


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    """Run shell lines as root of a host with a stand-in xend; returns the lines of both outputs."""
    return layers.sandbox(
        tmp_path, "etc usr/sbin var/lib/dpkg", SET_UP, processes=True, STAND_IN=STAND_IN, HANDLER=layers.OURS + HANDLER,
        INSTALL=INSTALL, PYTHON=str(PROJECT / "python"),
    )  # fmt: skip


RESTARTED = "xend has been restarted and works with the new /etc/xen/xend-config.sxp"


def test_a_running_xend_is_restarted_once_for_each_new_text(sandbox: Sandbox) -> None:
    assert sandbox("boot; set_to new; set_to new; starts; cat /run/read; set_to old; starts") == [
        RESTARTED, "1", "new" + RESTARTED, "2",
    ]  # fmt: skip


def test_a_stopped_xend_is_not_started(sandbox: Sandbox) -> None:
    assert sandbox("set_to new; set_to newer; starts; boot; set_to newer; starts") == [
        "xend is not running; it will read the new /etc/xen/xend-config.sxp when it is started",
        "xend is not running; it will read the new /etc/xen/xend-config.sxp when it is started",
        "0",
    ]


def test_policy_decides(sandbox: Sandbox) -> None:
    out = sandbox("boot; deny; set_to new; starts; set_to old; starts; set_to new; allow; set_to new; starts")
    assert ["policy-rc.d" in line for line in out] == [True, False, False, True, False, False]
    assert [line for line in out if "policy-rc.d" not in line] == ["0", "0", RESTARTED, "1"]


def test_a_runlevel_that_stops_xend_decides(sandbox: Sandbox) -> None:
    script = """
    rm -f /usr/sbin/runlevel; printf '#!/bin/sh\\necho N 2\\n' >/usr/sbin/runlevel; chmod 755 /usr/sbin/runlevel
    boot; ln -s ../init.d/xend /etc/rc2.d/K01xend; set_to new; starts
    mv /etc/rc2.d/K01xend /etc/rc2.d/S01xend; set_to new; starts
    """
    out = sandbox(script)
    assert "runlevel does not allow it" in out[0]
    assert out[1:] == ["0", RESTARTED, "1"]


def test_a_failing_restart_is_told_without_secrets_and_tried_again(sandbox: Sandbox) -> None:
    out = sandbox("boot; set_to broken; starts; set_to good; starts; cat /run/read")
    text = "\n".join(out)
    assert out[0] == (
        "E: /etc/init.d/xend could not be restarted: invoke-rc.d xend restart ended with exit status 1; "
        "xend is stopped now"
    )
    assert "vncpasswd ***" in text
    assert "geheim" not in text
    assert out[-5:] == ["exit status 1", "1", RESTARTED, "2", "good"]


def test_a_chroot_starts_nothing(sandbox: Sandbox) -> None:
    script = """
    boot
    mkdir "$LAYERS/root" "$LAYERS/upper" "$LAYERS/work"
    mount -t overlay -o "lowerdir=/,upperdir=$LAYERS/upper,workdir=$LAYERS/work" none "$LAYERS/root"
    for directory in etc proc run usr/sbin; do mount --rbind /$directory "$LAYERS/root/$directory"; done
    chroot "$LAYERS/root" python3 -c "$HANDLER" new
    starts; ls /run/univention-xen 2>/dev/null || echo nothing
    """
    assert sandbox(script) == ["xend is not restarted: this is not the running system", "0", "nothing"]


def test_dpkgs_root_starts_nothing(sandbox: Sandbox) -> None:
    out = sandbox("boot; export DPKG_ROOT=/target; set_to new; starts")
    assert out == ["xend is not restarted: this is not the running system", "0"]


def test_a_toolstack_of_xl_starts_nothing(sandbox: Sandbox) -> None:
    assert sandbox("boot; set_to new xen/toolstack=xl; starts") == ["0"]


def test_a_script_without_status_is_helped_by_the_process_number(sandbox: Sandbox) -> None:
    out = sandbox(
        "sed -i /^status/d /etc/init.d/xend; boot; set_to new; starts; /etc/init.d/xend stop; set_to newer; starts"
    )
    assert out[:2] == [RESTARTED, "1"]
    assert out[2:] == ["xend is not running; it will read the new /etc/xen/xend-config.sxp when it is started", "1"]


def test_a_kill_between_writing_and_restarting_is_made_up_for(sandbox: Sandbox) -> None:
    killed = '"${HANDLER%xen_xend.postinst*}"'
    assert sandbox(f"boot; python3 -c {killed} new; starts; set_to new; starts") == ["0", RESTARTED, "1"]


def test_a_restart_by_hand_is_noticed(sandbox: Sandbox) -> None:
    out = sandbox("boot; deny; set_to new; /etc/init.d/xend restart; allow; set_to new; starts")
    assert "policy-rc.d" in out[0]
    assert out[1:] == ["1"]


def test_one_setting_of_many_variables_restarts_once(sandbox: Sandbox) -> None:
    out = sandbox("""
    register; boot
    ucr set xen/vnc/listen=0.0.0.0 xen/vnc/keymap=de xen/console/limit=2048 xen/dump=yes 2>/dev/null; starts
    ucr set xen/vnc/listen=0.0.0.0 2>/dev/null; starts
    ucr set xen/xl/claim_mode=no >/dev/null 2>&1; starts
    ucr commit >/dev/null 2>&1; starts
    cmp /etc/xen/xend-config.sxp /run/read && echo read
    """)
    assert out.count(RESTARTED) == 1
    assert [line for line in out if line.isdigit()] == ["1", "1", "1", "1"]
    assert out[-1] == "read"


def test_a_failed_restart_is_the_exit_status_and_the_other_files_are_written(sandbox: Sandbox) -> None:
    out = sandbox("""
    register; boot
    sed -i 's/if grep.*then/if true; then/' /etc/init.d/xend
    ucr set xen/bridge/name=br7 >/dev/null 2>&1 || echo "exit status $?"
    ucr get xen/bridge/name; grep -c br7 /etc/xen/xend-config.sxp /etc/xen/xl.conf
    xen host check || true
    """)
    assert out[:2] == ["exit status 1", "br7"]
    assert all(int(line.rpartition(":")[2]) > 0 for line in out[2:4])


def test_a_xend_that_works_with_an_older_file_is_found(sandbox: Sandbox) -> None:
    out = sandbox("""
    register; boot
    ucr set xen/dump=yes >/dev/null; starts
    deny; ucr set xen/dump=no >/dev/null 2>&1; allow
    xen host check || echo "exit status $?"
    ucr commit /etc/xen/xend-config.sxp >/dev/null
    xen host check
    """)
    assert "warning: xend works with an older /etc/xen/xend-config.sxp than there is" in out
    assert "  hint: ucr commit /etc/xen/xend-config.sxp restarts it" in out
    assert "exit status 1" in out
    assert "warning" not in "\n".join(out[out.index("exit status 1") :])


def test_many_settings_at_once_end_with_the_last_text(sandbox: Sandbox) -> None:
    out = sandbox("""
    register; boot
    for number in 1 2 3 4 5 6 7 8; do ucr set xen/console/limit=$number >/dev/null 2>>/run/errors & done; wait
    cmp /etc/xen/xend-config.sxp /run/read && echo read; cat /run/errors; pgrep -cf '[s]leep.600. xend'
    """)
    assert out == ["read", "1"]


def test_registering_again_restarts_nothing(sandbox: Sandbox) -> None:
    out = sandbox("register; boot; register; ucr update >/dev/null; ucr commit >/dev/null 2>&1; starts")
    assert out == ["0"]


def test_the_exit_status_of_ucss_own_command_is_changed_at_its_end(tmp_path: Path) -> None:
    ucr = tmp_path / "ucr"
    ucr.write_text(f"""
import sys
sys.path.insert(0, {str(PROJECT / "python")!r})
from univention_xen.host.failure import Failure, report
report("/etc/xen/xend-config.sxp", Failure("xend could not be restarted", "owed", ["a line"]), {{}})
print("the next handler")
sys.exit(0)
""")
    done = subprocess.run(["/usr/bin/python3", ucr, "set"], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "the next handler\n")
    assert done.stderr.startswith("E: xend could not be restarted\n   | a line\n")

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`host check` has nothing to say about a fresh Dom0, and names every fault that is planted; services as configured."""

from __future__ import annotations

import json

import pytest
from dom0 import Dom0
from evidence import Evidence
from qemu import minutes

#: What is odd, and words of the sentence that names it.
FAULTS = {
    "a module is not loaded": ("modprobe -r xen-gntalloc", "kernel module xen-gntalloc is not loaded"),
    "the bridge is not there": ("ucr set xen/bridge/name=missing0", "no bridge missing0"),
    "xl ignores a value": ("ucr set xen/console/limit=2048", "xen/console/limit: 2048 has an effect on xend only"),
    "a value makes no sense": ("ucr set --ignore-check xen/xl/claim_mode=perhaps", "xen/xl/claim_mode"),
    "a secret is open to all": (
        "echo geheim >/etc/xen/secret; chmod 644 /etc/xen/secret; ucr set xen/vnc/passwordfile=/etc/xen/secret",
        "is not closed to others",
    ),
    "screens are open to all": (
        """printf '%s\n' 'name="open"' 'type="hvm"' 'memory=64' 'vnc=1' 'vnclisten="0.0.0.0"' >/etc/xen/open.cfg""",
        "/etc/xen/open.cfg:5: VNC is open to everybody",
    ),
    "no screen can have a password": (
        """printf '%s\n' 'name="shy"' 'type="hvm"' 'memory=64' 'vncpasswd="geheim"' >/etc/xen/shy.cfg
        chmod 600 /etc/xen/shy.cfg""",
        "/etc/xen/shy.cfg:1: the installed device model cannot ask for a VNC password",
    ),
    "a generated file was edited": (
        "echo 'lockfile=\"/elsewhere\"' >>/etc/xen/xl.conf",
        "/etc/xen/xl.conf does not say what the registry says",
    ),
    "the next boot is without Xen": (
        """mkdir -p /boot/grub
        printf '%s\n' 'set default="0"' "menuentry 'Debian GNU/Linux' {" 'linux /vmlinuz' '}' >/boot/grub/grub.cfg""",
        "the next boot starts Linux without Xen",
    ),
    "images have no room": (
        "mount -t tmpfs -o size=1M full /var/lib/xen; head -c 1024k /dev/zero >/var/lib/xen/full; true",
        "the file system of /var/lib/xen is nearly full",
    ),
}
CHECK = "univention-xen host check --json"
BOOT = "for unit in xen xendomains; do systemctl is-enabled $unit; done; systemctl is-active xen"


def collect(dom0: Dom0) -> None:
    dom0.see("fresh", CHECK, within=minutes(5))
    dom0.see("modules", "grep -v '^#' /usr/lib/modules-load.d/univention-xen.conf; echo --; ls /sys/module")
    dom0.see("status", "univention-xen host status")
    dom0.see("status-terminal", "TERM=xterm script -qec 'univention-xen host status' /dev/null")
    for value in ("yes", "manually", "no", "yes"):
        dom0.see(f"boot-{value}", f"ucr set xen/xendomains/autostart={value}; {BOOT}")
    for plant, _ in FAULTS.values():
        dom0.must(plant)
    dom0.see("planted", CHECK, within=minutes(5))


def problems(seen: Evidence, name: str) -> list[str]:
    return [finding["problem"] for finding in json.loads(seen[name].out)]


def test_a_fresh_dom0_has_nothing_odd(seen: Evidence) -> None:
    assert problems(seen, "fresh") == []
    assert seen["fresh"].code == 0


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_named_once(seen: Evidence, fault: str) -> None:
    named = [problem for problem in problems(seen, "planted") if FAULTS[fault][1] in problem]
    assert len(named) == 1, seen["planted"].out


def test_faults_are_warnings_with_hints_and_tell_no_secret(seen: Evidence) -> None:
    findings = json.loads(seen["planted"].out)
    assert seen["planted"].code == 1
    assert [finding["problem"] for finding in findings if not finding["hint"]] == []
    assert "geheim" not in seen["planted"].out


def test_the_modules_are_there(seen: Evidence) -> None:
    wanted, there = seen["modules"].out.split("--\n")
    assert {module.replace("-", "_") for module in wanted.split()} <= set(there.split())


@pytest.mark.parametrize(("value", "state"), [("yes", "enabled"), ("manually", "disabled"), ("no", "masked")])
def test_a_service_starts_at_boot_as_configured_and_nothing_is_stopped(seen: Evidence, value: str, state: str) -> None:
    lines = seen[f"boot-{value}"].out.splitlines()[-3:]
    assert lines[1:] == [state, "active"], seen[f"boot-{value}"].out


def test_the_status_is_a_page_with_bars_and_plain_text_in_a_pipe(seen: Evidence) -> None:
    assert "Xen 4.17" in seen["status"].out
    assert "\033" not in seen["status"].out
    assert "[" not in seen["status"].out.split("Memory")[1].splitlines()[0]
    assert "\033[1m" in seen["status-terminal"].out
    assert "[" in seen["status-terminal"].out.split("Memory")[1].splitlines()[0].replace("\033[", "")

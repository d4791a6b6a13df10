# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`host bridge apply` over the very ssh connection that runs it: kept, not confirmed, and killed."""

from __future__ import annotations

import subprocess

import pytest
from dom0 import Dom0
from evidence import Evidence, Said
from qemu import minutes, until

#: The harness has a bridge xenbr0 already; eth0 is the card that ssh comes in by.
VARIABLES = "xen/bridge/interface=eth0 xen/bridge/name=wan0"
STATE = r"""
cd /etc && find network systemd/system -type f -exec sha256sum {} + | sort
find network systemd/system -printf '%p %m %u:%g %l\n' | sort
ip -o -4 address show eth0; ip -4 route; ip -o link show type bridge | cut -d: -f2; ifquery --state | sort
"""
APPLY = """
setsid univention-xen host bridge apply --confirm-within {} >/run/apply.log 2>&1 </dev/null &
echo $! > /run/apply.pid
"""
SETTLED = "cd /var/lib/univention-xen/bridge && [ ! -e pending.json ] && [ ! -e undoing.json ]"
#: The guest's network is that of xenbr0; this address of it is to be found behind the new bridge.
GUEST = """
xl create -q /srv/guest/pv.cfg && ip address add 192.168.77.2/32 dev wan0 &&
ip route add 192.168.77.11 dev wan0 src 192.168.77.2 && brctl show wan0
for n in $(seq 300); do nc -w 5 192.168.77.11 7 </dev/null | grep . && break; sleep 1; done
"""


def collect(dom0: Dom0) -> None:
    long = minutes(10)
    dom0.must(f"ucr set {VARIABLES}", within=long)
    dom0.see("before", STATE)
    dom0.see("unconfirmed", "univention-xen host bridge apply --confirm-within 5", within=long)
    dom0.see("after-unconfirmed", STATE)

    start(dom0, 5)
    dom0.must("kill -9 -$(cat /run/apply.pid)")
    until(lambda: dom0.do(SETTLED).ok, "the change is taken back", long, pause=1)
    dom0.see("after-killed", STATE)

    start(dom0, 3600)
    dom0.see("bridged", "ip -o link show eth0; ip -o -4 address show wan0; ip -4 route")
    confirmed = another_login(
        dom0, "univention-xen host bridge confirm && tail --pid=$(cat /run/apply.pid) -f /dev/null"
    )
    dom0.see("apply", "cat /run/apply.log")
    if dom0.evidence:
        dom0.evidence.keep("confirmed", confirmed, 0)
    dom0.see("guest", GUEST, within=long)
    dom0.see("revert", "xl destroy pv; univention-xen host bridge revert", within=long)
    dom0.see("after-revert", STATE)


def start(dom0: Dom0, seconds: int) -> None:
    """Begin a change, and see its question on the connection that has survived it."""
    dom0.must(APPLY.format(seconds))
    until(lambda: dom0.do("grep 'Keep it with' /run/apply.log").ok, "the bridge is there", minutes(10), pause=1)


def another_login(dom0: Dom0, script: str) -> Said:
    """Run a script over a connection of its own, begun now."""
    command = dom0.ssh_command("-S", "none")
    done = subprocess.run([*command, script], cwd=dom0.where, capture_output=True, text=True, timeout=300, check=False)
    return Said(done.stdout, done.stderr, done.returncode)


def test_the_card_of_the_connection_becomes_a_port(seen: Evidence) -> None:
    said = seen["bridged"].out
    assert "master wan0" in said.splitlines()[0]
    assert "inet 10.0.2.15/24" in said.splitlines()[1]


def test_another_login_keeps_the_bridge(seen: Evidence) -> None:
    assert seen["confirmed"].code == 0, seen["confirmed"].err
    assert seen["apply"].out.endswith("The bridge is kept.\n")


def test_a_guest_is_reached_through_it(seen: Evidence) -> None:
    assert "vif" in seen["guest"].out
    assert "pv up " in seen["guest"].out, seen["guest"].err


def test_without_a_confirmation_apply_says_so(seen: Evidence) -> None:
    assert seen["unconfirmed"].out == "Not confirmed: everything is as it was.\n", seen["unconfirmed"].err
    assert seen["unconfirmed"].code == 1


@pytest.mark.parametrize("what", ["unconfirmed", "killed", "revert"])
def test_everything_is_as_it_was(seen: Evidence, what: str) -> None:
    assert "inet 10.0.2.15/24" in seen["before"].out
    assert seen[f"after-{what}"].out == seen["before"].out

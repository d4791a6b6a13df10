# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Two Dom0s on one wire: a running guest moves from the one to the other with its memory.

The guest is PVH: `xl migrate` is always live, and Debian 12's Xen has no shadow paging (CONFIG_SHADOW_PAGING is not
set in /boot/xen-4.17-amd64.config), without which the pages that a PV guest dirties cannot be tracked ("Failed to
enable logdirty: 95", seen). That a PV guest survives the attempt is shown here as well.
"""

from __future__ import annotations

import socket

from dom0 import Dom0
from evidence import Evidence
from qemu import minutes

STATE = "for n in $(seq 300); do nc -w 5 192.168.77.12 7 </dev/null | grep . && exit; sleep 1; done; exit 1"


def collect_pair(a: Dom0, b: Dom0) -> None:
    long = minutes(15)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    a.restore(lan=f"socket,listen=127.0.0.1:{port}").become("a", 1)
    b.restore(lan=f"socket,connect=127.0.0.1:{port}").become("b", 2)
    trust(a, b)
    a.see("wire", "ping -c 3 -w 60 dom0-b")
    a.see("create", "xl create /srv/guest/pvh.cfg", within=long)
    a.see("state-before", STATE, within=long)
    b.see("state-seen-from-b", STATE, within=long)
    a.must("xl create /srv/guest/pv.cfg", within=long)
    a.see("pv-before", STATE.replace(".12 ", ".11 "), within=long)
    a.see("pv-migrate", "xl migrate pv dom0-b", within=minutes(30))
    a.see("pv-after", STATE.replace(".12 ", ".11 "), within=long)
    a.see("mark", "guest-console pvh 'echo from-a > /mark; sync'")
    a.see("migrate", "xl migrate pvh dom0-b", within=minutes(30))
    a.see("list-a", "xl list")
    b.see("list-b", "xl list")
    b.see("state-after", STATE, within=long)
    a.see("state-seen-from-a", STATE, within=long)
    b.see("mark-after", "guest-console pvh 'cat /mark'")
    a.see("identity-a", "hostname; ip -br address show xenbr0")
    b.see("identity-b", "hostname; ip -br address show xenbr0")


def trust(a: Dom0, b: Dom0) -> None:
    """Let root of *a* in at *b* without a question."""
    key = a.must("ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519 && cat /root/.ssh/id_ed25519.pub").out
    b.must("cat >> /root/.ssh/authorized_keys", stdin=key.encode())
    host = b.must("cat /etc/ssh/ssh_host_ed25519_key.pub").out
    a.must("cat > /root/.ssh/known_hosts", stdin=f"dom0-b {host}".encode())


def test_each_has_its_own_identity(seen: Evidence) -> None:
    assert seen["identity-a"].out.startswith("dom0-a")
    assert "192.168.77.1/24" in seen["identity-a"].out
    assert seen["identity-b"].out.startswith("dom0-b")
    assert "192.168.77.2/24" in seen["identity-b"].out


def test_there_is_a_wire_between_them(seen: Evidence) -> None:
    assert seen["wire"].code == 0, seen["wire"]
    assert seen["state-seen-from-b"].out.startswith("pvh up ")


def test_the_guest_has_moved(seen: Evidence) -> None:
    assert seen["migrate"].code == 0, seen["migrate"].err
    assert "\npvh " not in seen["list-a"].out
    assert "\npvh " in seen["list-b"].out


def test_its_memory_has_moved_with_it(seen: Evidence) -> None:
    before, after = seen["state-before"].out.split(), seen["state-after"].out.split()
    assert after[-1] == before[-1]
    assert int(after[2]) >= int(before[2])
    assert "from-a" in seen["mark-after"].out


def test_it_answers_from_its_new_place(seen: Evidence) -> None:
    assert seen["state-seen-from-a"].out.split()[-1] == seen["state-before"].out.split()[-1]


def test_a_pv_guest_stays_alive_where_it_is(seen: Evidence) -> None:
    assert seen["pv-migrate"].code != 0
    assert "enable logdirty" in seen["pv-migrate"].err
    assert seen["pv-after"].out.split()[-1] == seen["pv-before"].out.split()[-1]

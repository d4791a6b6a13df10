# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Two Dom0s on one wire: a running guest moves from the one to the other with its memory, if nothing speaks against it.

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
#: A disk, and a second card on a bridge that the other host does not have at first.
GUEST = r"""
truncate -s 8M /var/lib/xen/moving.img; ip link add br9 type bridge
sed -i 's/^bridge.*//; s/^vif.*/vif = ["mac=00:16:3e:00:00:12", "mac=00:16:3e:00:00:13,bridge=br9"]/' /srv/guest/pvh.cfg
sed '$a disk = ["format=raw,vdev=xvda,access=rw,target=/var/lib/xen/moving.img"]' /srv/guest/pvh.cfg >/etc/xen/pvh.cfg
cp /srv/guest/pv.cfg /etc/xen/
"""
MIGRATE = "univention-xen guest migrate pvh dom0-b"


def collect_pair(a: Dom0, b: Dom0) -> None:
    long = minutes(15)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    a.restore(lan=f"socket,listen=127.0.0.1:{port}").become("a", 1)
    b.restore(lan=f"socket,connect=127.0.0.1:{port}").become("b", 2)
    trust(a, b)
    a.see("wire", "ping -c 3 -w 60 dom0-b")
    a.must(GUEST)
    a.see("create", "univention-xen guest start pvh", within=long)
    a.see("state-before", STATE, within=long)
    b.see("state-seen-from-b", STATE, within=long)
    a.see("refused-lacks", MIGRATE, within=long)
    b.must("truncate -s 16M /var/lib/xen/moving.img; ip link add br9 type bridge")
    b.must("sed 's/^name.*/name = \"pvh\"/; s/^vif.*//' /srv/guest/pv.cfg >/srv/taken.cfg; xl create -p /srv/taken.cfg")
    a.see("refused-name", MIGRATE, within=long)
    b.must("xl destroy pvh")
    a.see("state-after-refusals", STATE, within=long)
    a.must("univention-xen guest start pv", within=long)
    a.see("pv-before", STATE.replace(".12 ", ".11 "), within=long)
    a.see("pv-refused", "univention-xen guest migrate pv dom0-b", within=long)
    a.see("pv-migrate", "xl migrate pv dom0-b", within=minutes(30))
    a.see("pv-after", STATE.replace(".12 ", ".11 "), within=long)
    a.see("mark", "guest-console pvh 'echo from-a > /mark; sync'")
    a.see("migrate", MIGRATE, within=minutes(30))
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


def test_what_the_other_host_lacks_is_told_before(seen: Evidence) -> None:
    refused = seen["refused-lacks"]
    assert refused.code == 1
    assert "dom0-b cannot reach the image /var/lib/xen/moving.img" in refused.err
    assert "dom0-b has no bridge br9" in refused.err
    assert "nothing has been done; the guest runs on here" in refused.err


def test_a_name_that_is_taken_is_told_before(seen: Evidence) -> None:
    assert seen["refused-name"].code == 1
    assert "dom0-b has a guest pvh already" in seen["refused-name"].err
    assert "bridge" not in seen["refused-name"].err


def test_the_guest_keeps_running_meanwhile(seen: Evidence) -> None:
    before, after = (seen[name].out.split() for name in ("state-before", "state-after-refusals"))
    assert after[-1] == before[-1]
    assert int(after[2]) >= int(before[2])


def test_what_may_be_wrong_is_told_all_the_same(seen: Evidence) -> None:
    assert "/var/lib/xen/moving.img on dom0-b seems not to be the same storage (16777216 bytes" in seen["migrate"].err
    assert "dom0-b has no /etc/xen/pvh.cfg" in seen["migrate"].err
    assert "runs Xen" not in seen["migrate"].err


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


def test_that_a_pv_guest_cannot_move_is_told_before(seen: Evidence) -> None:
    assert seen["pv-refused"].code == 1
    assert "no shadow paging" in seen["pv-refused"].err
    assert "guest save pv FILE" in seen["pv-refused"].err


def test_a_pv_guest_stays_alive_where_it_is(seen: Evidence) -> None:
    assert seen["pv-migrate"].code != 0
    assert "enable logdirty" in seen["pv-migrate"].err
    assert seen["pv-after"].out.split()[-1] == seen["pv-before"].out.split()[-1]

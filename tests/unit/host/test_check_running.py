# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What is odd about a host as it runs is found, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from univention_xen.host import modules
from univention_xen.host.check_running import NOTE, WARNING, judge, missing_modules
from univention_xen.host.hypervisor import Hypervisor
from univention_xen.host.reboot import NextBoot
from univention_xen.host.status import Bridge, Room, Service, Status
from univention_xen.plan import Machine
from univention_xen.toolstack.detect import Choice

XEN, BARE = Hypervisor("dom0", "4.17.7", memory=4096, free=1024), Hypervisor("")
STAYS = NextBoot("Xen", True, False, "Xen runs as the next boot would start it")
WELL = Status(
    XEN, STAYS, Choice("xl", "it is installed"), [Service("xen", "active"), Service("xendomains", "inactive")],
    [Bridge("xenbr0", ("eth0",), ())], Room("/var/lib/xen", 100, 50), None, [],
)  # fmt: skip
LINUX = NextBoot("Linux", False, False, "the next boot starts Linux without Xen", "update-grub")
UNKNOWN = NextBoot("", None, False, "there is no menu")


def told(status: Status, *missing: str) -> list[tuple[str, str]]:
    return [(level, about) for level, about, _, _ in judge(status, missing)]


def test_a_host_that_is_well_has_nothing_odd() -> None:
    assert told(WELL) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"hypervisor": BARE, "boot": STAYS._replace(needed=True)}, [(WARNING, "hypervisor")]),
        ({"hypervisor": BARE, "boot": LINUX}, [(WARNING, "hypervisor")]),
        ({"hypervisor": BARE, "boot": UNKNOWN}, []),
        ({"boot": LINUX}, [(WARNING, "/etc/default/grub.d/univention-xen.cfg")]),
        ({"boot": STAYS._replace(needed=True)}, [(NOTE, "hypervisor")]),
        ({"boot": STAYS._replace(hint="update-grub")}, [(WARNING, "/etc/default/grub.d/univention-xen.cfg")]),
        ({"hypervisor": XEN._replace(why="xl is not installed")}, [(WARNING, "hypervisor")]),
        ({"services": [Service("xen", "inactive")]}, [(WARNING, "xen")]),
        ({"services": [Service("xendomains", "failed")]}, [(WARNING, "xendomains")]),
        ({"services": [Service("xen", "unknown")]}, []),
        ({"bridges": [Bridge("xenbr0", (), (), there=False)]}, [(WARNING, "xenbr0")]),
        ({"bridges": [Bridge("xenbr0", (), (), there=False)], "hypervisor": BARE, "boot": UNKNOWN}, []),
        ({"room": Room("/var/lib/xen", 100, 4)}, [(WARNING, "/var/lib/xen")]),
        ({"room": Room("/var/lib/xen", 0, 0)}, []),
    ],
)
def test_each_fault_is_found_alone(change: dict[str, object], expected: list[tuple[str, str]]) -> None:
    assert told(WELL._replace(**change)) == expected


def test_a_module_is_missing_when_it_is_neither_loaded_nor_built_in(tmp_path: Path) -> None:
    for path, text in ((modules.LIST, "xen-evtchn\nloop\ntun\n"), ("/proc/modules", "xen_evtchn 1 0 - Live 0x0\n")):
        (tmp_path / path.lstrip("/")).parent.mkdir(parents=True)
        (tmp_path / path.lstrip("/")).write_text(text)
    (tmp_path / "sys/module/loop").mkdir(parents=True)
    assert missing_modules(Machine(tmp_path)) == ("tun",)
    assert told(WELL, "tun") == [(WARNING, "tun")]


def test_every_warning_says_what_to_do() -> None:
    broken = WELL._replace(
        boot=LINUX, services=[Service("xen", "failed")], bridges=[Bridge("xenbr0", (), (), there=False)],
        room=Room("/var/lib/xen", 100, 0),
    )  # fmt: skip
    rows = list(judge(broken, ("tun",)))
    assert len(rows) == 5
    assert all(hint for _, _, _, hint in rows)

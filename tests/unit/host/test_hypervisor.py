# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What `xl info`, `xm info` and their tables say."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from conftest import FakeRunner, recorded
from univention_xen.host.hypervisor import Hypervisor, look_at, parse_info
from univention_xen.plan import Machine
from univention_xen.run import Runner
from univention_xen.toolstack.xl import Xl

INFO, LIST = recorded("xl-info-4.17.txt"), recorded("xl-list-4.17-guests.txt")
OLD_XM = """\
host                   : dom0
release                : 2.6.18-xen
nr_cpus                : 4
hw_caps                : 178bf3ff:ebd3fbff:00000000:00000010:00002001:00000000:0000001f
total_memory           : 4095
free_memory            : 1024
xen_major              : 3
xen_minor              : 2
xen_extra              : -1
xen_caps               : xen-3.0-x86_64 xen-3.0-x86_32p hvm-3.0-x86_32
xen_commandline        : dom0_mem=512M
"""


def machine(root: Path, answers: dict[str, str], kind: str = "xen", capabilities: str = "control_d\n") -> Machine:
    for path, text in (("sys/hypervisor/type", kind), ("proc/xen/capabilities", capabilities)):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return Machine(root, cast(Runner, FakeRunner(dict(answers))))


def test_a_recorded_dom0() -> None:
    assert parse_info(INFO) == Hypervisor(
        role="dom0", version="4.17.7",
        command_line="com1=115200,8n1 console=com1 dom0_mem=1024M,max:1024M noreboot",
        memory=3071, free=2014, processors=2, can=("pv", "pvh", "hvm"), iommu=False,
    )  # fmt: skip


def test_an_old_xm() -> None:
    found = parse_info(OLD_XM)
    assert (found.version, found.can, found.memory, found.free) == ("3.2", ("pv", "hvm"), 4095, 1024)


@pytest.mark.parametrize(
    ("old", "new", "can", "iommu"),
    [
        ("pv hvm hap", "pv hvm hvm_directio pv_directio hap", ("pv", "pvh", "hvm"), True),
        (" pv hvm hap gnttab-v1 gnttab-v2", " pv", ("pv", "pvh", "hvm"), False),
    ],
)
def test_what_the_processor_can_do(old: str, new: str, can: tuple[str, ...], *, iommu: bool) -> None:
    found = parse_info(INFO.replace(old, new))
    assert (found.can, found.iommu) == (can, iommu)


def test_a_hypervisor_without_hvm() -> None:
    found = parse_info("xen_version : 4.17.7\nvirt_caps : pv\nxen_caps : xen-3.0-x86_64\n")
    assert (found.can, found.iommu) == (("pv",), False)


@pytest.mark.parametrize("text", ["", "\n", "Name\nx\n", ":\n:::", "xen_major : x\ntotal_memory : much\n"])
def test_nonsense_is_no_traceback(text: str) -> None:
    assert parse_info(text).memory == 0


def test_programs_are_asked_only_in_a_dom0(tmp_path: Path) -> None:
    found, domains = look_at(machine(tmp_path, {"xl info": INFO, "xl list": LIST}), Xl())
    assert (found.version, len(domains)) == ("4.17.7", 3)
    assert look_at(machine(tmp_path, {}, capabilities=""), Xl())[0].role == "guest"
    assert look_at(machine(tmp_path, {}, "", ""), Xl())[0].role == ""
    assert look_at(machine(tmp_path, {}, "kvm", ""), Xl())[0].role == ""


def test_a_dom0_whose_tool_does_not_answer(tmp_path: Path) -> None:
    found, domains = look_at(machine(tmp_path, {}), Xl())
    assert (found.role, domains) == ("dom0", [])
    assert "xl is not installed" in found.why


@pytest.mark.parametrize(("flags", "can"), [("fpu vmx sse", 3), ("fpu svm", 3), ("fpu vmxx", 1)])
def test_what_a_processor_could_do_under_xen(tmp_path: Path, flags: str, can: int) -> None:
    on = machine(tmp_path, {}, "", "")
    (tmp_path / "proc/cpuinfo").write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t: svm\n")
    assert len(look_at(on, Xl())[0].can) == can

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The kernel modules of a Dom0."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from conftest import PROJECT, FakeRunner
from univention_xen.host import modules
from univention_xen.plan import Machine
from univention_xen.run import Runner

SHIPPED = (PROJECT / "modules-load.d/univention-xen.conf").read_text()


@pytest.fixture
def ucs(tmp_path: Path) -> Path:
    """A host of UCS with its list of modules."""
    template = tmp_path / modules.TEMPLATE_OF_UCS.lstrip("/")
    template.parent.mkdir(parents=True)
    template.touch()
    return tmp_path


def listed(root: Path, present: str) -> str:
    """What the list becomes, '' when it stays."""
    steps = modules.plan_listing(["xen-evtchn", "loop"], {"kernel/modules": present}, Machine(root)).steps
    return str(steps[0]).removeprefix("univention-config-registry set ").strip("'") if steps else ""


def test_the_shipped_list() -> None:
    found = modules.needed(SHIPPED)
    assert {"xen-evtchn", "xen-gntdev", "xen-privcmd", "xenfs", "xen-blkback", "xen-netback", "loop", "tun"} <= set(
        found
    )
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ("", "kernel/modules=xen-evtchn;loop"),
        ("ext4", "kernel/modules=ext4;xen-evtchn;loop"),
        ("ext4;", "kernel/modules=ext4;xen-evtchn;loop"),
        ("loop max_loop=8;ext4", "kernel/modules=loop max_loop=8;ext4;xen-evtchn"),
        ("xen_evtchn; loop", ""),
    ],
)
def test_what_is_missing_is_appended(ucs: Path, present: str, expected: str) -> None:
    assert listed(ucs, present) == expected


def test_a_host_that_is_no_ucs_has_no_such_list(tmp_path: Path) -> None:
    assert listed(tmp_path, "") == ""


def test_modules_are_loaded_in_a_dom0_only() -> None:
    steps = modules.plan_loading(["xen-evtchn", "loop"], "dom0", "xen_evtchn 16384 1 - Live 0x0\n").steps
    assert [str(step) for step in steps] == ["modprobe loop"]
    assert modules.plan_loading(["loop"], "", "").steps == ()
    assert modules.plan_loading(["loop"], "guest", "").steps == ()


@pytest.mark.parametrize("first", [True, False])
def test_the_installation_goes_on_when_something_does_not_work(
    ucs: Path, capsys: pytest.CaptureFixture[str], *, first: bool
) -> None:
    for path, text in ((modules.LIST, "loop\ntun\n"), ("/proc/xen/capabilities", "control_d"), ("/proc/modules", "")):
        (ucs / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (ucs / path.lstrip("/")).write_text(text)
    run = FakeRunner({"modprobe tun": ""})
    modules.install(Machine(ucs, cast(Runner, run)), first=first)
    asked = ["modprobe loop", "modprobe tun", "univention-config-registry set 'kernel/modules=loop;tun'"]
    assert run.asked == asked[: 2 + first]
    assert len(capsys.readouterr().err.splitlines()) == 1 + first

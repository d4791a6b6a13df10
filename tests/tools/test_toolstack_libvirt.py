# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The real virsh, with libvirt's test driver: a guest "test" that runs and is the same in each process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from univention_xen.cli.main import main
from univention_xen.errors import XenError
from univention_xen.plan import Machine
from univention_xen.toolstack import guests
from univention_xen.toolstack.libvirt import Libvirt

pytestmark = pytest.mark.tools
STACK = Libvirt("test:///default")
Output = pytest.CaptureFixture[str]


def test_its_guest_is_seen(capsys: Output) -> None:
    assert main(["guest", "list", "--connect", STACK.uri, "--json"]) == 0
    (guest,) = json.loads(capsys.readouterr().out)
    assert (guest["name"], guest["id"], guest["state"]) == ("test", 1, "running")


@pytest.mark.parametrize("verb", ["shutdown", "destroy", "reboot", "pause"])
def test_a_running_guest_can_be_controlled(verb: str) -> None:
    plan = getattr(guests, f"plan_{verb}")("test", STACK, Machine())
    assert plan.steps
    plan.carry_out(Machine())


def test_what_is_so_already_is_left_alone() -> None:
    assert guests.plan_start("test", STACK, Machine()).reason == "test is already running"
    assert guests.plan_unpause("test", STACK, Machine()).reason == "test is not paused"


def test_a_guest_starts_with_the_host(capsys: Output) -> None:
    assert main(["guest", "autostart", "test", "on", "--connect", STACK.uri]) == 0
    assert main(["guest", "autostart", "test", "off", "--connect", STACK.uri]) == 0


def test_a_guest_that_is_to_run_on_is_not_saved(tmp_path: Path, capsys: Output) -> None:
    assert main(["guest", "save", "test", str(tmp_path / "saved"), "--keep-running", "--connect", STACK.uri]) == 1
    assert "leave out --keep-running" in capsys.readouterr().err


def test_virsh_s_own_words_are_passed_on(capsys: Output) -> None:
    assert main(["guest", "list", "--connect", "test:///nowhere"]) == 1
    assert "what runs cannot be seen: virsh" in capsys.readouterr().err
    with pytest.raises(XenError, match="libvirt knows no guest nobody"):
        guests.plan_start("nobody", STACK, Machine())

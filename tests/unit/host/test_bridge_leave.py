# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What the removal of the package takes back, and what it leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from univention_xen.host.bridge import leave, state
from univention_xen.host.bridge.change import Change, File
from univention_xen.plan import Machine

SYSCTL = "/etc/sysctl.d/99-univention-xen-network.conf"
NAT = Change("nat", "eth0", "", (File(SYSCTL, None, "ours\n"),))


def applied(root: Path, change: Change, text: str = "ours\n") -> Machine:
    on = Machine(root)
    state.write(on, state.Kept(change, "t", 0.0, "boot", 0))
    state.move(on, state.PENDING, state.APPLIED)
    on.path(SYSCTL).parent.mkdir(parents=True)
    on.path(SYSCTL).write_text(text)
    return on


def test_forwarding_goes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    on = applied(tmp_path, NAT)
    leave.go(on, live=False)
    assert not on.path(SYSCTL).exists()
    assert state.read(on, state.APPLIED) is None
    assert "forwards no longer for its guests (nat)" in capsys.readouterr().err


def test_a_bridge_stays_and_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    on = applied(tmp_path, Change("ifupdown", "eth0", "xenbr0", NAT.files))
    leave.go(on, live=False)
    assert on.path(SYSCTL).exists()
    assert state.read(on, state.APPLIED)
    assert "the bridge xenbr0 stays" in capsys.readouterr().err


def test_an_edited_file_is_not_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    on = applied(tmp_path, NAT, "edited\n")
    leave.go(on, live=False)
    assert on.path(SYSCTL).read_text() == "edited\n"
    assert "has been edited since the forwarding was made" in capsys.readouterr().err


def test_where_nothing_was_applied_nothing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave.go(Machine(tmp_path), live=False)
    assert capsys.readouterr() == ("", "")


def test_a_damaged_state_does_not_stop_the_removal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    on = applied(tmp_path, NAT)
    on.path(state.path(state.APPLIED)).write_text("{")
    leave.go(on, live=False)
    assert "applied.json is damaged" in capsys.readouterr().err

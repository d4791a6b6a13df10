# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A program that owns the terminal."""

from __future__ import annotations

import os
import signal

import pytest

from univention_xen.errors import CommandFailed, ToolMissing
from univention_xen.run import Runner

pytestmark = pytest.mark.tools
Output = pytest.CaptureFixture[str]


def test_it_speaks_and_listens_for_itself(capfd: pytest.CaptureFixture[str]) -> None:
    Runner().foreground("sh", "-c", "echo spoken", advice="Ctrl+] leaves it.")
    said = capfd.readouterr()
    assert said.out == "spoken\n"
    assert said.err == "Ctrl+] leaves it.\n"


def test_an_interrupt_is_for_the_program_and_not_for_us() -> None:
    before = signal.getsignal(signal.SIGINT)
    script = "trap 'exit 0' INT; kill -INT $PPID; kill -INT $$; exit 9"
    Runner().foreground("sh", "-c", script)
    assert signal.getsignal(signal.SIGINT) is before


def test_ending_by_an_interrupt_is_a_good_end() -> None:
    Runner().foreground("sh", "-c", "kill -INT $$")


def test_a_bad_end_and_a_missing_program() -> None:
    with pytest.raises(CommandFailed, match="exit status 3"):
        Runner().foreground("sh", "-c", "exit 3")
    with pytest.raises(ToolMissing):
        Runner().foreground("no-such-program")


def test_it_sees_the_environment(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("XAUTHORITY", "/somewhere")
    Runner().foreground("sh", "-c", 'echo "$XAUTHORITY $PATH"')
    assert capfd.readouterr().out.startswith("/somewhere /usr/local/sbin:")
    assert "XAUTHORITY" in os.environ

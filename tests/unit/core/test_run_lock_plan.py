# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Programs, locks and plans."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from conftest import FakeRunner
from univention_xen.errors import Busy, CommandFailed, ToolMissing
from univention_xen.lock import holding
from univention_xen.plan import Machine, MakeDirectory, Plan, Remove, Run, Write
from univention_xen.run import Runner


@pytest.mark.tools
def test_words_are_words_whatever_they_hold() -> None:
    assert Runner()("printf", "%s|", "a b", "$(id)", ";x").out == "a b|$(id)|;x|"


@pytest.mark.tools
def test_a_failing_program_is_told_by_its_last_words() -> None:
    with pytest.raises(CommandFailed, match="sh -c failed with exit status 3: second") as why:
        Runner()("sh", "-c", "echo first >&2; echo second >&2; exit 3")
    assert why.value.code == 3


@pytest.mark.tools
def test_a_killed_program_is_told_by_its_signal() -> None:
    with pytest.raises(CommandFailed, match="was killed by SIGKILL"):
        Runner()("sh", "-c", "kill -9 $$")


@pytest.mark.tools
def test_an_expected_exit_code_is_no_failure() -> None:
    assert Runner()("sh", "-c", "exit 3", ok=(0, 3)).code == 3


@pytest.mark.tools
def test_a_missing_program_is_named() -> None:
    with pytest.raises(ToolMissing, match="no-such-program is not installed"):
        Runner()("no-such-program")


@pytest.mark.tools
def test_the_environment_of_the_caller_stays_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD_NOT_WANTED", "1")
    assert "NOT_WANTED" not in Runner()("env").out


def test_a_patient_holder_waits_for_the_other_one(tmp_path: Path) -> None:
    with ExitStack() as first:
        first.enter_context(holding("guest web", under=str(tmp_path)))
        other = threading.Timer(0.1, first.close)
        other.start()
        with holding("guest web", under=str(tmp_path), until=time.monotonic() + 60):
            other.join()


def test_a_second_holder_is_refused_at_once(tmp_path: Path) -> None:
    with holding("guest web", under=str(tmp_path)):
        with pytest.raises(Busy, match="guest web is in use"), holding("guest web", under=str(tmp_path)):
            pass
        with holding("guest mail", under=str(tmp_path)):
            pass
    with holding("guest web", under=str(tmp_path)):
        pass


def test_a_plan_shows_what_it_would_do_but_not_what_is_secret() -> None:
    plan = Plan.of(
        MakeDirectory("/etc/xen"), Write("/etc/xen/a", "geheim\n", 0o600), Remove("/b"), Run(("echo", "a b"))
    )
    assert str(plan) == "make directory /etc/xen\nwrite /etc/xen/a (1 line)\nremove /b\necho 'a b'"
    assert "geheim" not in repr(plan)


def test_a_plan_does_its_steps_in_order_below_the_root(tmp_path: Path) -> None:
    run = FakeRunner({"update-grub": ""})
    on = Machine(tmp_path, run)  # type: ignore[arg-type]
    Plan.of(
        MakeDirectory("/etc"), Write("/etc/a", "x"), Write("/etc/b", "y"), Remove("/etc/a"), Run(("update-grub",))
    ).carry_out(on)
    assert on.read("/etc/b") == "y"
    assert on.read("/etc/a") == ""
    assert run.asked == ["update-grub"]


def test_the_first_failing_step_stops_the_plan(tmp_path: Path) -> None:
    on = Machine(tmp_path, FakeRunner({"false": (1, "", "no")}))  # type: ignore[arg-type]
    with pytest.raises(CommandFailed):
        Plan.of(Run(("false",)), Write("/late", "x")).carry_out(on)
    assert on.read("/late") == ""


def test_a_plan_without_steps_says_why() -> None:
    assert str(Plan.nothing("already so") + Plan.nothing("already so")) == "already so"
    assert str(Plan.nothing("already so") + Plan.of(Run(("true",)))) == "true"


@pytest.mark.tools
def test_a_daemon_that_is_left_behind_does_not_keep_us_waiting() -> None:
    started = time.monotonic()
    done = Runner()("sh", "-c", "sleep 5 & echo $!")
    assert time.monotonic() - started < 4
    os.kill(int(done.out), signal.SIGKILL)

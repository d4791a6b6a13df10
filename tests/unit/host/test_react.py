# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""xend is restarted when, and only when, it works with another text than its file holds."""

from __future__ import annotations

import atexit
import random
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from conftest import FakeRunner
from univention_xen.host import failure, memory, react, services
from univention_xen.lock import DIRECTORY, holding
from univention_xen.run import Done

FILE = "etc/xen/xend-config.sxp"


class Registry(dict[str, str]):
    """What a handler is given."""

    def __init__(self, root: Path, **values: str) -> None:
        super().__init__({name.replace("_", "/"): value for name, value in values.items()})
        self.root = str(root)


class Host:
    """A host with a xend: its file, its init system, and what xend has really read."""

    def __init__(self, root: Path, *, knows_process: bool = True) -> None:
        self.root, self.knows_process = root, knows_process
        self.starts = self.numbers = 0
        self.process = ""
        self.denies = self.breaks = False
        self.dies_when_broken = True
        self.read = ""
        self.exit_status: object = 0
        (root / "etc/init.d").mkdir(parents=True)
        (root / "etc/init.d/xend").write_text("#!/bin/sh\n")
        (root / "etc/init.d/xend").chmod(0o755)
        (root / "etc/xen").mkdir()
        self.write("A")

    def write(self, text: str) -> None:
        (self.root / FILE).write_text(text)

    @property
    def text(self) -> str:
        return (self.root / FILE).read_text()

    @property
    def running(self) -> bool:
        return bool(self.process)

    def start(self) -> None:
        self.starts += 1
        self.numbers += 1
        self.process, self.read = f"process {self.numbers}", self.text

    def stop(self) -> None:
        self.process = ""

    def __call__(self, *argv: str, stdin: str = "", ok: Any = (0,)) -> Done:
        code = 0
        match argv:
            case ("invoke-rc.d", "--disclose-deny", "xend", _) if self.denies:
                code = 101
            case ("invoke-rc.d", "--disclose-deny", "xend", "status"):
                code = 0 if self.running else 3
            case ("invoke-rc.d", "--disclose-deny", "xend", "restart"):
                if self.breaks:
                    code = 1
                    if self.dies_when_broken:
                        self.stop()
                else:
                    self.start()
            case ("runlevel",):
                code = 0
            case _:
                raise AssertionError(argv)
        assert code in ok
        return Done(argv, code, "", "xend: (vncpasswd 'geheim') cannot bind\n" if code == 1 else "")

    def boot(self) -> None:
        for old in (self.root / "run").rglob("xend"):
            old.unlink()
        self.start()

    def set(self, text: str, *, killed: str = "") -> str:
        """Let the registry write *text*, or be killed "before" or "after" writing it."""
        registry: Any = Registry(self.root)
        run: Any = self
        react.before("xend", registry)
        if killed == "before":
            return ""
        self.write(text)
        try:
            return "" if killed else react.after("xend", registry, run)
        except SystemExit as end:
            self.exit_status = end.code
            return ""


@pytest.fixture(params=[True, False], ids=["process known", "process unknown"])
def host(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host(tmp_path, knows_process=request.param)
    monkeypatch.setattr(services, "is_live", lambda _root: True)
    monkeypatch.setattr(services, "process", lambda _root, _name: host.process if host.knows_process else "")
    monkeypatch.setattr(react, "wanted_toolstack", lambda registry: registry.get("xen/toolstack", "auto"))
    host.boot()
    host.starts = 0
    return host


def test_a_changed_text_restarts_once(host: Host) -> None:
    assert host.set("B") == "xend has been restarted and works with the new /etc/xen/xend-config.sxp"
    assert (host.starts, host.read) == (1, "B")


def test_the_same_text_restarts_nothing(host: Host) -> None:
    assert host.set("A") == ""
    host.set("B")
    assert host.set("B") == ""
    assert host.starts == 1


def test_what_was_stopped_is_not_started(host: Host) -> None:
    host.stop()
    assert "is not running" in host.set("B")
    assert host.set("B") == ""
    assert host.starts == 0


def test_what_is_started_by_hand_later_has_read_the_present_text(host: Host) -> None:
    host.stop()
    host.set("B")
    host.start()
    host.set("B")
    assert host.starts == 1


def test_a_service_that_is_not_installed_leaves_no_trace(host: Host) -> None:
    (host.root / "etc/init.d/xend").unlink()
    host.set("B")
    assert host.starts == 0
    assert not (host.root / "run").exists()


def test_a_toolstack_of_xl_leaves_xend_alone(host: Host) -> None:
    registry: Any = Registry(host.root, xen_toolstack="xl")
    run: Any = host
    react.before("xend", registry)
    host.write("B")
    assert react.after("xend", registry, run) == ""
    assert host.starts == 0


def test_a_system_that_is_not_running_is_left_alone(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "is_live", lambda _root: False)
    assert "is not the running system" in host.set("B")
    assert host.starts == 0
    assert not (host.root / "run").exists()


def test_a_denied_restart_is_told_and_made_up_for(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.denies = True
    assert host.set("B") == ""
    assert "policy-rc.d" in capsys.readouterr().err
    host.denies = False
    host.set("B")
    assert (host.starts, host.read) == (1, "B")


def test_going_back_before_the_restart_needs_none(host: Host) -> None:
    host.denies = True
    host.set("B")
    host.denies = False
    assert host.set("A") == ""
    assert host.starts == 0


@pytest.mark.parametrize("killed", ["before", "after"])
def test_a_kill_in_between_is_made_up_for(host: Host, killed: str) -> None:
    host.set("B", killed=killed)
    host.set("B")
    assert (host.starts, host.read) == (1, "B")


@pytest.mark.parametrize("dies", [True, False])
def test_a_failed_restart_is_told_and_tried_again(
    host: Host, capsys: pytest.CaptureFixture[str], *, dies: bool
) -> None:
    host.breaks, host.dies_when_broken = True, dies
    host.set("B")
    told = capsys.readouterr().err
    assert "/etc/init.d/xend could not be restarted: invoke-rc.d xend restart ended with exit status 1" in told
    assert ("xend is stopped now" in told) is dies
    assert "cannot bind" in told
    assert "geheim" not in told
    assert host.exit_status == 1
    host.breaks = False
    host.set("B")
    assert (host.starts, host.read) == (1, "B")


def test_a_hand_edited_text_that_is_put_right_again(host: Host) -> None:
    host.set("A")
    host.write("edited")
    host.set("A")
    assert host.starts == (0 if host.knows_process else 1)


def test_an_edit_that_says_what_the_registry_says_later(host: Host) -> None:
    host.set("B")
    host.write("C")
    host.set("C")
    assert (host.starts, host.read) == (2, "C")


def test_a_restart_by_hand_between_two_settings_is_noticed(host: Host) -> None:
    host.denies = True
    host.set("B")
    host.denies = False
    host.start()
    host.set("B")
    if host.knows_process:
        assert host.starts == 1
    host.set("A")
    assert host.read == "A"


def test_a_memory_that_cannot_be_kept_is_told(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    (host.root / "run").write_text("a file where a directory should be")
    host.set("B")
    assert "cannot note what xend has read" in capsys.readouterr().err


def test_a_host_without_invoke_rc_d_restarts_nothing(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    registry: Any = Registry(host.root)
    nothing: Any = FakeRunner({})
    react.before("xend", registry)
    host.write("B")
    assert react.after("xend", registry, nothing) == ""
    assert "W: xend is not restarted" in capsys.readouterr().err


def test_a_text_that_comes_while_xend_is_starting_is_not_taken_for_read(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = host.start

    def slowly() -> None:
        start()
        host.write("C")

    monkeypatch.setattr(host, "start", slowly)
    host.set("B")
    monkeypatch.setattr(host, "start", start)
    host.set("C")
    assert (host.starts, host.read) == (2, "C")


def test_who_comes_second_waits(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []
    monkeypatch.setattr(time, "sleep", naps.append)
    monkeypatch.setattr(react, "PATIENCE", 1)
    with holding("service xend", under=str(host.root) + DIRECTORY):
        host.set("B")
    assert naps == [0.1] * 20
    assert host.read == "B"


def test_the_memory_is_for_root_alone(host: Host) -> None:
    host.set("B")
    assert (host.root / "run/univention-xen/xend").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_xend_never_keeps_an_old_text_for_long(host: Host, seed: int) -> None:
    """Random life of a host: the invariants hold at every setting that is allowed to act."""
    chance = random.Random(seed)
    host.set("A")
    for _ in range(40):
        what = chance.choice(["set", "set", "set", "deny", "break", "kill", "edit", "stop", "start", "boot"])
        text = chance.choice("ABC")
        match what:
            case "set":
                was_running, had_read, starts, owed = host.running, host.read, host.starts, owes(host)
                certain = is_certain(host)
                host.set(text)
                if was_running:
                    assert host.read == text, what
                elif not owed:
                    assert host.starts == starts, "started what was stopped"
                if was_running and certain:
                    assert (had_read != text) == (host.starts > starts)
            case "deny":
                host.denies = True
                host.set(text)
                host.denies = False
            case "break":
                host.breaks, host.dies_when_broken = True, chance.random() < 0.5
                host.set(text)
                host.breaks = False
            case "kill":
                host.set(text, killed=chance.choice(["before", "after"]))
            case "edit" if host.knows_process:
                host.write(f"edited {chance.random()}")
            case "stop":
                host.stop()
            case "start" if not host.running and host.knows_process:
                host.start()
            case "boot":  # with a first setting, as an edit before that cannot be told from what was read
                host.boot()
                host.set(host.text)


def owes(host: Host) -> bool:
    known = react.recall(str(host.root), "xend")
    return known is not None and known.read == "owed"


def is_certain(host: Host) -> bool:
    """Return whether it can be known what xend has read."""
    root = str(host.root)
    text = react.text_of(root, "xend")
    return host.knows_process and memory.last_read(react.recall(root, "xend"), text, host.process) != memory.UNKNOWN


def test_logged_lines_are_shown_without_what_is_secret() -> None:
    assert failure.masked("started (vncpasswd 'a b') x", set()) == "started (vncpasswd ***) x"
    assert failure.masked("PASSWORD=abc def", set()) == "PASSWORD=*** def"
    assert failure.masked("tried a\\'b and a'b", {"a\\'b", "a'b"}) == "tried *** and ***"
    assert failure.masked("plain\x1b[2Jline", set()) == "plain [2Jline"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(vncpasswd 'x y')", {"x y"}),
        ("(vncpasswd 'a\\'b')", {"a\\'b", "a'b"}),
        ('(vncpasswd "q")', {"q"}),
        ("(vncpasswd bare)", {"bare"}),
        ("(vncpasswd '')", set()),
        ("", set()),
    ],
)
def test_passwords_are_found_in_the_file(tmp_path: Path, text: str, expected: set[str]) -> None:
    (tmp_path / "x").write_text(text)
    assert failure.secrets(str(tmp_path / "x")) == expected


def test_ucss_own_registry_gets_its_exit_status_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[Any] = []
    monkeypatch.setattr(atexit, "register", ends.append)
    why = failure.Failure("xend could not be restarted", memory.OWED, [])
    monkeypatch.setattr(sys, "argv", ["/usr/sbin/univention-management-console-module"])
    failure.report("/etc/xen/xend-config.sxp", why, {})
    assert ends == []
    monkeypatch.setattr(sys, "argv", ["/usr/sbin/ucr"])
    failure.report("/etc/xen/xend-config.sxp", why, {})
    assert ends == [failure.end_with_failure]

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What every test may use: sealed by default, golden files, recorded outputs."""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import shlex
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

with contextlib.suppress(ImportError):  # the Dom0 of the end-to-end tests has no hypothesis
    import hypothesis

    hypothesis.settings.register_profile("patient", deadline=None)  # a busy machine is no mistake of the product
    hypothesis.settings.load_profile("patient")

HERE = Path(__file__).parent
PROJECT = HERE.parent
Check = Callable[[str, str], None]
Help = Callable[..., str]


class Escaped(BaseException):
    """A test reached for the real machine. Not an Exception, so that nothing swallows it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-golden", action="store_true", help="accept the present output; review it in the diff")


@pytest.fixture(autouse=True)
def sealed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a marker no test starts a program or opens a socket."""
    if request.node.get_closest_marker("tools") or request.node.get_closest_marker("throwaway"):
        return

    def refuse(what: Any, *_: Any, **__: Any) -> NoReturn:
        raise Escaped(f"{what!r}: give the test a double, or mark it @pytest.mark.tools")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(os, "system", refuse)
    monkeypatch.setattr(os, "execv", refuse)
    monkeypatch.setattr(os, "execvp", refuse)
    monkeypatch.setattr(socket, "socket", refuse)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Check:
    """Compare a whole text with tests/golden/NAME; a missing file fails."""

    def check(name: str, text: str) -> None:
        path = HERE / "golden" / name
        if request.config.getoption("--write-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return
        if not path.exists():
            pytest.fail(f"no golden file {name}; look at the output, then run with --write-golden")
        want = path.read_text(encoding="utf-8").splitlines(keepends=True)
        if diff := "".join(difflib.unified_diff(want, text.splitlines(keepends=True), name, "now")):
            pytest.fail(diff, pytrace=False)

    return check


@pytest.fixture
def help_of(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Help:
    """Return the help of these words of the command, for a terminal of 100 columns."""
    from univention_xen.cli.main import main

    def ask(*words: str) -> str:
        monkeypatch.setenv("COLUMNS", "100")
        with pytest.raises(SystemExit) as end:
            main([*words, "--help"])
        assert end.value.code == 0
        return capsys.readouterr().out

    return ask


def recorded(name: str) -> Any:
    """Return what tests/recorded/NAME holds: parsed for .json, else text."""
    text = (HERE / "recorded" / name).read_text(encoding="utf-8")
    return json.loads(text) if name.endswith(".json") else text


class FakeRunner:
    """A Runner that answers from a table of command lines and remembers the questions.

    An answer is text (exit code 0) or (exit code, stdout, stderr); an unexpected question is an error of the test.
    """

    def __init__(self, answers: dict[str, str | tuple[int, str, str]] | None = None) -> None:
        self.answers = answers or {}
        self.asked: list[str] = []

    def __call__(self, *argv: str | os.PathLike[str], stdin: str = "", ok: Any = (0,)) -> Any:
        from univention_xen.errors import CommandFailed, ToolMissing
        from univention_xen.run import Done, describe

        line = shlex.join(map(os.fspath, argv))
        self.asked.append(line)
        answer = self.answers.get(line)
        if answer is None:
            raise ToolMissing(f"{argv[0]} is not installed", hint=f"(the test has no answer to: {line})")
        code, out, err = (0, answer, "") if isinstance(answer, str) else answer
        done = Done(tuple(map(os.fspath, argv)), code, out, err)
        if code not in ok:
            raise CommandFailed(describe(done), code=code, out=out, err=err)
        return done

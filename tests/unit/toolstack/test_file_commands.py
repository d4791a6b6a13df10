# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The command line of the verbs that change what belongs to a guest."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Check, Help
from univention_xen.cli.main import main

Output = pytest.CaptureFixture[str]


@pytest.mark.parametrize("verb", ["clone", "edit", "remove", "rename", "set"])
def test_the_help_is_as_agreed(verb: str, golden: Check, help_of: Help) -> None:
    golden(f"toolstack/help-{verb}", help_of("guest", verb))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "etc/xen/dos.cfg"
    path.parent.mkdir(parents=True)
    path.write_text('name = "dos"\ntype = "hvm"\nmemory = 64\n')
    return path


def guest(file: Path, *words: str) -> int:
    return main(["--root", str(file.parents[2]), "guest", *words])


def test_a_life_in_files(file: Path, capsys: Output) -> None:
    assert guest(file, "set", "dos", "memory=128", "--unset", "vcpus") == 0
    assert guest(file, "set", "dos", "memory=128") == 0
    assert capsys.readouterr().out == "/etc/xen/dos.cfg says so already\n"
    assert guest(file, "clone", "dos", "dos2") == 0
    assert guest(file, "rename", "dos", "freedos") == 0
    assert guest(file, "remove", "dos2", "--yes") == 0
    assert [path.name for path in file.parent.iterdir()] == ["freedos.cfg"]
    assert (file.parent / "freedos.cfg").read_text() == 'name = "freedos"\ntype = "hvm"\nmemory = 128\n'


@pytest.mark.parametrize(
    "words", [("set", "memory=1G"), ("clone", "dos2"), ("rename", "dos2"), ("remove", "--with-images"), ("edit",)]
)
def test_a_dry_run_does_nothing(file: Path, words: tuple[str, ...], capsys: Output) -> None:
    before = file.read_text()
    assert guest(file, words[0], "dos", *words[1:], "--dry-run") == 0
    assert "/etc/xen/dos" in capsys.readouterr().out
    assert file.read_text() == before
    assert list(file.parent.iterdir()) == [file]


def test_a_guest_is_not_removed_without_a_yes(file: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def __init__(self, answer: str | None) -> None:
            self.answer = answer

        def isatty(self) -> bool:
            return self.answer is not None

        def readline(self) -> str:
            return self.answer or ""

    monkeypatch.setattr("sys.stdin", Terminal(None))
    assert guest(file, "remove", "dos") == 2
    assert "--yes" in capsys.readouterr().err
    for answer in ("\n", "n\n", "", "yesterday\n"):
        monkeypatch.setattr("sys.stdin", Terminal(answer))
        assert guest(file, "remove", "dos") == 1
        assert "remove /etc/xen/dos.cfg\nDo it?" in capsys.readouterr().err
        assert file.exists()
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert guest(file, "remove", "dos") == 0
    assert not file.exists()


@pytest.mark.parametrize(
    "words", [("set", "none", "memory=1"), ("clone", "none", "x"), ("rename", "none", "x"), ("remove", "none"),
              ("edit", "none"), ("clone", "dos", "../x"), ("rename", "dos", "auto"), ("set", "dos", "vnc=maybe")],
)  # fmt: skip
def test_what_cannot_be_done_is_said_and_changes_nothing(file: Path, words: tuple[str, ...], capsys: Output) -> None:
    before = file.read_text()
    assert guest(file, *words) in (1, 2)
    said = capsys.readouterr().err
    assert said.startswith("univention-xen: ")
    assert "Traceback" not in said
    assert file.read_text() == before


def test_a_guest_that_somebody_else_changes_is_busy(file: Path) -> None:
    from univention_xen.lock import holding
    from univention_xen.plan import Machine

    under = next(iter((file.parents[2] / "run/lock").glob("*")), None)
    assert under is None
    assert guest(file, "set", "dos", "memory=65") == 0
    under = next(iter((file.parents[2] / "run/lock").glob("*")))
    assert Machine(file.parents[2]).path("/run/lock").is_dir()
    with holding("guest dos", under=str(under)):
        for words in (("set", "dos", "memory=1"), ("clone", "dos", "x"), ("rename", "dos", "x"), ("remove", "dos")):
            assert guest(file, *words) == 75

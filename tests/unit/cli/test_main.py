# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Every verb passes through one door: errors, exit codes, --json, --dry-run and the lock."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from pathlib import Path
from types import ModuleType

import pytest

from conftest import Check, Help
from univention_xen import __version__
from univention_xen.cli import verbs
from univention_xen.cli.main import main
from univention_xen.cli.verbs import Nouns, Report
from univention_xen.errors import XenError
from univention_xen.lock import DIRECTORY, holding
from univention_xen.plan import Machine, Plan, Write

Output = pytest.CaptureFixture[str]


def plan_paint(args: Namespace, on: Machine) -> Plan:
    if on.read("/wall") == args.colour:
        return Plan.nothing(f"the wall is {args.colour} already")
    return Plan.of(Write("/wall", args.colour))


class Watch:
    """Looks at the drying paint, while somebody else paints it over."""

    watching = True

    def __str__(self) -> str:
        return "watch it dry"

    def apply(self, on: Machine) -> None:
        assert main(["--root", str(on.root), "wall", "paint", "red"]) == 0


def plan_watch(args: Namespace, on: Machine) -> Plan:
    return plan_paint(args, on) + Plan.of(Watch())


def look(args: Namespace, on: Machine) -> Report:
    return Report(f"The wall is {on.read('/wall')}.", {"colour": on.read("/wall")}, 1 if args.strict else 0)


@pytest.fixture
def fail() -> list[BaseException]:
    """What the verb `wall fail` raises."""
    return []


@pytest.fixture(autouse=True)
def wall(monkeypatch: pytest.MonkeyPatch, fail: list[BaseException]) -> None:
    def stumble(_args: Namespace, _on: Machine) -> Report:
        raise fail[0]

    def add_to(nouns: Nouns) -> None:
        wall = nouns.add("wall")
        wall.verb("paint", plan_paint, help="give it a colour", locks="wall").argument("colour")
        wall.verb("watch", plan_watch, help="paint it and watch", locks="wall").argument("colour")
        wall.reading_verb("look", look, help="look at it").argument("--strict", action="store_true")
        wall.reading_verb("fail", stumble, help="stumble")

    module = ModuleType("univention_xen.cli.wall")
    module.add_to = add_to  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "univention_xen.cli.wall", module)
    monkeypatch.setitem(verbs.NOUNS, "wall", "look after the wall")


def test_a_changing_verb_changes_and_is_silent(tmp_path: Path, capsys: Output) -> None:
    assert main(["--root", str(tmp_path), "wall", "paint", "green"]) == 0
    assert (tmp_path / "wall").read_text() == "green"
    assert capsys.readouterr() == ("", "")


def test_nothing_to_do_is_said_and_is_no_failure(tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "wall").write_text("green")
    assert main(["--root", str(tmp_path), "wall", "paint", "green"]) == 0
    assert capsys.readouterr() == ("the wall is green already\n", "")


def test_a_dry_run_shows_the_plan_and_touches_nothing(tmp_path: Path, capsys: Output) -> None:
    assert main(["--root", str(tmp_path), "wall", "paint", "--dry-run", "green"]) == 0
    assert capsys.readouterr() == ("write /wall (0 lines)\n", "")
    assert list(tmp_path.iterdir()) == []


def test_a_verb_at_work_keeps_others_out(tmp_path: Path, capsys: Output) -> None:
    with holding("wall", under=str(tmp_path) + DIRECTORY):
        assert main(["--root", str(tmp_path), "wall", "paint", "green"]) == 75
        assert main(["--root", str(tmp_path), "wall", "paint", "green", "--dry-run"]) == 0
    assert "univention-xen: wall is in use by another univention-xen\n  hint: fuser " in capsys.readouterr().err


def test_who_only_watches_keeps_nobody_out(tmp_path: Path, capsys: Output) -> None:
    assert main(["--root", str(tmp_path), "wall", "watch", "green"]) == 0
    assert (tmp_path / "wall").read_text() == "red"


def test_a_reading_verb_prints_text_or_json(tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "wall").write_text("grün")
    assert main(["--root", str(tmp_path), "wall", "look"]) == 0
    assert capsys.readouterr().out == "The wall is grün.\n"
    assert main(["--root", str(tmp_path), "wall", "look", "--strict", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"colour": "grün"}


def test_global_options_may_stand_anywhere(tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "wall").write_text("red")
    assert main(["wall", "look", "--root", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "The wall is red.\n"


@pytest.mark.parametrize(
    ("why", "code", "told"),
    [
        (XenError("the wall fell", hint="build it"), 1, "univention-xen: the wall fell\n  hint: build it\n"),
        (XenError("the wall fell"), 1, "univention-xen: the wall fell\n"),
        (FileNotFoundError(2, "No such file or directory", "/x"), 1, "univention-xen: /x: No such file or directory\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_goes_wrong_is_said_in_one_sentence(
    fail: list[BaseException], capsys: Output, why: BaseException, code: int, told: str
) -> None:
    fail.append(why)
    assert main(["wall", "fail"]) == code
    assert capsys.readouterr().err == told


def test_who_may_not_read_is_told_to_be_root(
    fail: list[BaseException], capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    fail.append(PermissionError(13, "Permission denied", "/etc/xen/xend-config.sxp"))
    assert main(["wall", "fail"]) == 1
    told = "univention-xen: /etc/xen/xend-config.sxp: Permission denied\n  hint: run it as root\n"
    assert capsys.readouterr().err == told


def test_only_a_mistake_of_ours_shows_a_traceback(fail: list[BaseException], capsys: Output) -> None:
    fail.append(KeyError("colour"))
    assert main(["wall", "fail"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("Traceback")
    assert told.endswith(
        "univention-xen: this is a mistake in univention-xen\n  hint: report it with the lines above\n"
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "univention-xen: what is this about? Name a noun\n  hint: univention-xen --help\n"),
        (["no-such-noun"], "no-such-noun"),
        (["wall"], "VERB"),
        (["wall", "paint"], "colour\n  hint: univention-xen wall paint --help\n"),
        (["wall", "look", "--no-such-option"], "--no-such-option"),
        (["wall", "look", "--js"], "--js"),
    ],
)
def test_wrong_usage_is_refused_with_a_hint(words: list[str], told: str, capsys: Output) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err
    assert "\n  hint: univention-xen" in err
    assert "Traceback" not in err


def test_a_root_must_be_there(tmp_path: Path, capsys: Output) -> None:
    assert main(["--root", str(tmp_path / "missing"), "wall", "look"]) == 1
    assert "is not a directory" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--version"], ["--version", "--verbose"]])
def test_the_version_is_the_packages(words: list[str], capsys: Output) -> None:
    assert main(words) == 0
    assert capsys.readouterr().out == f"univention-xen {__version__}\n"


HELP = ["", "host", "host check", "host settings", "host toolstack", "host import", "host status"]


@pytest.mark.parametrize("words", HELP)
def test_the_help_is_as_agreed(words: str, golden: Check, help_of: Help, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(verbs.NOUNS, "wall")
    golden(f"cli/help{''.join('-' + word for word in words.split())}", help_of(*words.split()))


def test_each_noun_has_a_module_with_verbs(monkeypatch: pytest.MonkeyPatch) -> None:
    parser = verbs.build(None)
    found = [a for a in parser._actions if hasattr(a, "choices") and a.choices]
    assert {name for action in found for name in action.choices} == set(verbs.NOUNS)


def test_a_directory_may_be_called_like_a_noun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("host").mkdir()
    Path("host/wall").write_text("green")
    assert main(["--root", "host", "wall", "look"]) == 0


def test_a_verb_that_does_not_exist_is_refused_with_those_that_do(capsys: Output) -> None:
    assert main(["wall", "pant", "green"]) == 2
    told = capsys.readouterr().err
    assert all(verb in told for verb in ("'pant'", "'paint'", "'watch'", "'look'", "univention-xen wall --help"))


def test_other_nouns_are_not_imported(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.delitem(sys.modules, "univention_xen.cli.host", raising=False)
    assert main(["wall", "look"]) == 0
    assert "univention_xen.cli.host" not in sys.modules

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""update-grub runs once per change, where there is a menu, and again when it has failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import FakeRunner
from univention_xen.host import grub_update

WORKS, FAILS = {"update-grub": ""}, {"update-grub": (1, "", "grub-probe: error: no disk\n")}


class Registry(dict[str, str]):
    root = "/"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The running system, as far as this handler sees it."""
    monkeypatch.setattr(grub_update, "has_menu", lambda root: True)
    monkeypatch.setattr(Registry, "root", str(tmp_path))
    monkeypatch.delenv("DPKG_MAINTSCRIPT_PACKAGE", raising=False)
    say(tmp_path, "GRUB_TIMEOUT='5'\n")
    return tmp_path


def say(host: Path, text: str) -> None:
    path = host / grub_update.FILE.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_change_makes_the_menu_anew_once(host: Path) -> None:
    run = FakeRunner(WORKS)
    assert "anew" in grub_update.follow(Registry(), run)
    assert grub_update.follow(Registry(), run) == ""
    say(host, "# another comment\n\nGRUB_TIMEOUT='5'\n")
    assert grub_update.follow(Registry(), run) == ""
    assert run.asked == ["update-grub"]
    say(host, "GRUB_TIMEOUT='7'\n")
    grub_update.follow(Registry(), run)
    assert len(run.asked) == 2


def test_a_failure_is_told_and_made_up_for(host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        grub_update.follow(Registry(), FakeRunner(FAILS))
    said = capsys.readouterr().err
    assert "still the old one" in said
    assert "no disk" in said
    assert "ucr commit /etc/default/grub.d/univention-xen.cfg" in said
    run = FakeRunner(WORKS)
    assert grub_update.follow(Registry(), run)
    assert run.asked == ["update-grub"]


def test_a_failure_keeps_no_package_from_being_installed(
    host: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DPKG_MAINTSCRIPT_PACKAGE", "univention-xen")
    assert grub_update.follow(Registry(), FakeRunner(FAILS)) == ""
    assert capsys.readouterr().err.startswith("W: ")


def test_nothing_is_run_for_another_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry, "root", str(tmp_path))
    for path in (grub_update.PROGRAM, grub_update.MENU):
        (tmp_path / path.lstrip("/")).parent.mkdir(parents=True)
        (tmp_path / path.lstrip("/")).touch(0o755)
    assert grub_update.follow(Registry(), FakeRunner()) == ""


@pytest.mark.parametrize(("program", "menu", "expected"), [(1, 1, True), (1, 0, False), (0, 1, False), (0, 0, False)])
def test_there_is_a_menu_when_there_is_a_boot_loader_that_has_been_set_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: int, menu: int, *, expected: bool
) -> None:
    monkeypatch.delenv("DPKG_ROOT", raising=False)
    for name, there in (("PROGRAM", program), ("MENU", menu)):
        path = tmp_path / name
        if there:
            path.touch(0o755)
        monkeypatch.setattr(grub_update, name, str(path))
    assert grub_update.has_menu("/") is expected
    monkeypatch.setenv("DPKG_ROOT", "/target")
    assert grub_update.has_menu("/") is False


def test_a_record_that_cannot_be_kept_is_only_told(host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (host / "var").write_text("a file where a directory should be")
    assert grub_update.follow(Registry(), FakeRunner(WORKS))
    assert "cannot note" in capsys.readouterr().err

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`host check` looks into the files of guests, at secrets and at the room for images."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from univention_xen.host import check_guests
from univention_xen.host.check_guests import NOTE, WARNING
from univention_xen.plan import Machine
from univention_xen.settings.everything import Settings

OPEN = 'name = "open"\ntype = "hvm"\nmemory = 64\nvnc = 1\nvnclisten = "0.0.0.0"\n'
LOCKED = 'name = "locked"\ntype = "hvm"\nmemory = 64\nvnc = 1\nvncpasswd = "geheim"\n'
IMAGES = "/var/lib/xen"


def guest(root: Path, name: str, text: str, mode: int = 0o600) -> None:
    file = root / "etc/xen" / f"{name}.cfg"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)


def told(root: Path, settings: Settings | None = None, toolstack: str = "xl") -> list[tuple[str, str, str]]:
    rows = check_guests.look_at(Machine(root), settings or Settings(), toolstack, IMAGES)
    assert all(hint for *_, hint in rows)
    assert "geheim" not in repr(rows)
    return [(level, about, problem) for level, about, problem, _ in rows]


def test_a_host_without_guests_has_nothing_odd(tmp_path: Path) -> None:
    assert told(tmp_path) == []


def test_screens_without_a_password_are_told(tmp_path: Path) -> None:
    guest(tmp_path, "open", OPEN)
    ((level, about, problem),) = told(tmp_path)
    assert (level, about) == (WARNING, "/etc/xen/open.cfg")
    assert "/etc/xen/open.cfg:5: VNC is open to everybody" in problem


def test_a_password_that_cannot_work_and_that_others_can_read_is_two_problems(tmp_path: Path) -> None:
    guest(tmp_path, "locked", LOCKED, 0o644)
    problems = [problem for _, _, problem in told(tmp_path)]
    assert len(problems) == 2
    assert any("cannot ask for a VNC password" in problem for problem in problems)
    assert any("can be read by others" in problem for problem in problems)


def test_what_does_not_keep_a_guest_from_starting_is_a_note(tmp_path: Path) -> None:
    guest(tmp_path, "g", OPEN.replace("vnc = 1", "vnc = 0") + "xyz = 1\n")
    assert [(level, about) for level, about, _ in told(tmp_path)] == [(NOTE, "/etc/xen/g.cfg")]


def test_xl_judges_no_guest_of_xend(tmp_path: Path) -> None:
    guest(tmp_path, "open", OPEN)
    assert told(tmp_path, toolstack="xend") == []


def test_a_password_in_the_registry_that_xl_cannot_use_is_told(tmp_path: Path) -> None:
    settings = Settings(vnc_passwordfile="/etc/xen/vnc.secret")
    assert [about for _, about, _ in told(tmp_path, settings)] == ["xen/vnc/passwordfile"]
    assert told(tmp_path, settings, "xend") == []


@pytest.mark.parametrize(("mode", "count"), [(0o600, 0), (0o640, 1), (0o604, 1)])
def test_secrets_that_others_can_open_are_told(tmp_path: Path, mode: int, count: int) -> None:
    for path in ("etc/xen/xend-config.sxp", "etc/xen/own.key"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")
        (tmp_path / path).chmod(0o600)
    (tmp_path / "etc/xen/own.key").chmod(mode)
    found = told(tmp_path, Settings(relocation_ssl_key="/etc/xen/own.key"))
    assert [about for _, about, _ in found] == ["/etc/xen/own.key"] * count


def test_an_image_on_another_full_file_system_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "srv").mkdir()
    for name in ("a", "b"):
        (tmp_path / "srv" / name).write_text("x")
    disks = ", ".join(f'"/srv/{name},raw,xvd{name},w"' for name in "ab")
    guest(tmp_path, "g", f'name = "g"\ntype = "hvm"\nmemory = 64\nvnc = 0\ndisk = [{disks}]\n')
    full = os.statvfs_result((4096, 4096, 1000, 10, 10, 9, 9, 9, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    assert [about for _, about, _ in told(tmp_path)] == ["/srv/a"]
    (tmp_path / "var/lib/xen").mkdir(parents=True)
    assert told(tmp_path) == [], "the file system of all images is judged elsewhere"

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The password file is read only when nobody else can read it; without a usable password screens stay at home."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rendering import EVERYWHERE, XEND, Recording, options, render
from univention_xen.host import vnc_password
from univention_xen.settings.kinds import Secret
from univention_xen.settings.variable import Problem
from univention_xen.settings.vnc import Vnc


def find(root: Path, text: str | None = None, mode: int = 0o600) -> tuple[Secret | None, list[Problem]]:
    """What comes of a password file with *text*."""
    if text is not None:
        (root / "pw").write_text(text, encoding="utf-8")
        (root / "pw").chmod(mode)
    return vnc_password.find(Vnc(vnc_passwordfile="/pw"), root)


@pytest.mark.parametrize("text", ["geheim\n", "geheim", "  geheim  \nsecond line\n", "geheim\r\n"])
def test_the_password_is_the_first_line(tmp_path: Path, text: str) -> None:
    assert find(tmp_path, text) == (Secret("geheim"), [])


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o601, 0o666])
def test_a_file_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    password, (problem,) = find(tmp_path, "geheim\n", mode)
    assert password is None
    assert problem.variable == "xen/vnc/passwordfile"
    assert "chmod 600" in str(problem)
    assert "geheim" not in str(problem)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    password, (problem,) = find(tmp_path)
    assert password is None
    assert "cannot be read (No such file or directory)" in str(problem)


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pw").mkdir(mode=0o700)
    assert "is not a regular file" in str(find(tmp_path)[1][0])
    (tmp_path / "pw").rmdir()
    os.mkfifo(tmp_path / "pw", 0o600)
    assert "is not a regular file" in str(find(tmp_path)[1][0])
    (tmp_path / "pw").unlink()
    (tmp_path / "pw").symlink_to("/etc/hostname")
    assert "cannot be read (Too many levels of symbolic links)" in str(find(tmp_path)[1][0])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("geheim\n")
    (tmp_path / "pw").chmod(0o600)
    os.chown(tmp_path / "pw", 65534, 0)
    assert "does not belong to root" in str(find(tmp_path)[1][0])


@pytest.mark.parametrize("text", ["", "\n", "   \n", "\ngeheim\n"])
def test_an_empty_first_line_is_refused(tmp_path: Path, text: str) -> None:
    password, (problem,) = find(tmp_path, text)
    assert password is None
    assert "has no password in its first line" in str(problem)


def test_more_than_eight_characters_are_no_better_than_eight(tmp_path: Path) -> None:
    password, (problem,) = find(tmp_path, "123456789012345678901234567890\n")
    assert password == Secret("1234567890123456789")
    assert not problem.refused
    assert "more than 8 characters" in str(problem)


def test_the_file_wins_over_the_registry(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("file\n")
    (tmp_path / "pw").chmod(0o600)
    text, warnings = render(XEND, Recording({"xen/vnc/passwordfile": "/pw", "xen/vnc/password": "store"}, tmp_path))
    assert "(vncpasswd 'file')" in options(text)
    assert len(warnings) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"xen/vnc/passwordfile": "/missing"},
        {"xen/vnc/passwordfile": "not a path"},
        {"xen/vnc/passwordfile": "/missing", "xen/vnc/password": "store"},
        {"xen/vnc/password": "ümlaut"},
        {"xen/vnc/password": "@!@print(1)@!@"},
    ],
)
def test_a_password_that_cannot_be_used_does_not_open_the_screens(tmp_path: Path, values: dict[str, str]) -> None:
    text, warnings = render(XEND, Recording(values | {"xen/vnc/listen": EVERYWHERE}, tmp_path))
    assert "vncpasswd" not in text.replace("# ", "")
    assert "(vnc-listen '127.0.0.1')" in options(text)
    assert len(warnings) == len(values) + 1
    assert "xen/vnc/password" in "".join(warnings)
    assert "without the password that was asked for, so 127.0.0.1 is used" in "".join(warnings)


def test_without_any_password_the_address_is_the_administrators_choice(tmp_path: Path) -> None:
    text, (warning,) = render(XEND, Recording({"xen/vnc/listen": EVERYWHERE}, tmp_path))
    assert f"(vnc-listen '{EVERYWHERE}')" in options(text)
    assert "without a password" in warning

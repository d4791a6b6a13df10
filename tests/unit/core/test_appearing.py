# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Large files appear complete or not at all."""

from __future__ import annotations

import errno
import os
import signal
import stat
from pathlib import Path

import pytest

from univention_xen import files


def write(name: str, data: bytes) -> None:
    with open(name, "r+b") as new:
        new.write(data)


def test_it_appears_when_it_is_complete(tmp_path: Path) -> None:
    with files.appearing(tmp_path / "new", mode=0o640) as name:
        write(name, b"data")
        assert not (tmp_path / "new").exists()
    assert (tmp_path / "new").read_bytes() == b"data"
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["new"]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), files.appearing(tmp_path / "new"):
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == []


def test_it_replaces_nothing_not_even_a_link_to_nowhere(tmp_path: Path) -> None:
    (tmp_path / "new").symlink_to("nowhere")
    with pytest.raises(FileExistsError), files.appearing(tmp_path / "new"):
        pytest.fail("begun")
    assert os.readlink(tmp_path / "new") == "nowhere"


def come_first(tmp_path: Path) -> None:
    with files.appearing(tmp_path / "new") as name:
        write(name, b"ours")
        (tmp_path / "new").write_bytes(b"theirs")


def test_what_appears_meanwhile_is_not_replaced_either(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        come_first(tmp_path)
    assert (tmp_path / "new").read_bytes() == b"theirs"
    assert os.listdir(tmp_path) == ["new"]


def test_a_file_system_without_hard_links_is_no_excuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    with files.appearing(tmp_path / "new") as name:
        write(name, b"data")
    assert (tmp_path / "new").read_bytes() == b"data"
    with pytest.raises(FileExistsError):
        files.claim(str(tmp_path / "new"), str(tmp_path / "new"))


def test_an_old_file_is_replaced_when_asked_through_its_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    with files.appearing(tmp_path / "link", instead=True) as name:
        write(name, b"new")
        assert (tmp_path / "real").read_bytes() == b"old"
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_what_a_killed_process_left_behind_is_removed(tmp_path: Path) -> None:
    if not (child := os.fork()):
        with files.appearing(tmp_path / "new") as name:
            write(name, b"half")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert [name.startswith(".new.") for name in os.listdir(tmp_path)] == [True]
    (tmp_path / f".new.{os.getpid()}.0123abcd").touch()  # somebody still writes this one
    with files.appearing(tmp_path / "new"):
        pass
    assert sorted(os.listdir(tmp_path)) == [f".new.{os.getpid()}.0123abcd", "new"]

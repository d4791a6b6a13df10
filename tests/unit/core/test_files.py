# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A file is written complete or not at all, and stays the administrator's."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from univention_xen import files


def names(directory: Path) -> set[str]:
    return {entry.name for entry in directory.iterdir()}


def test_a_new_file_is_made_with_its_directories(tmp_path: Path) -> None:
    assert files.replace(tmp_path / "etc/xen/x", "new\n")
    assert (tmp_path / "etc/xen/x").read_text() == "new\n"
    assert stat.S_IMODE((tmp_path / "etc/xen/x").stat().st_mode) == 0o644


def test_an_equal_file_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("same")
    before = (tmp_path / "x").stat()
    assert not files.replace(tmp_path / "x", "same")
    assert (tmp_path / "x").stat() == before


def test_mode_of_an_existing_file_survives(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("old")
    (tmp_path / "x").chmod(0o640)
    files.replace(tmp_path / "x", "new")
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640


def test_a_wrong_mode_alone_is_repaired(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("same")
    (tmp_path / "x").chmod(0o644)
    assert files.replace(tmp_path / "x", "same", mode=0o600)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o600


def test_owner_of_an_existing_file_survives(tmp_path: Path) -> None:
    if os.geteuid():
        return  # only root can give files away; as a user there is nothing to lose
    (tmp_path / "x").write_text("old")
    os.chown(tmp_path / "x", 5, 60)
    files.replace(tmp_path / "x", "new")
    after = (tmp_path / "x").stat()
    assert (after.st_uid, after.st_gid) == (5, 60)


def test_a_link_keeps_pointing_at_the_rewritten_file(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    files.replace(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_failure_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_text("old")

    def full(_fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.replace(tmp_path / "x", "new")
    assert (tmp_path / "x").read_text() == "old"
    assert names(tmp_path) == {"x"}


def test_a_mount_point_is_rewritten_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_text("old and longer")
    inode = (tmp_path / "x").stat().st_ino

    def busy(_old: str, _new: str) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(os, "rename", busy)
    files.replace(tmp_path / "x", "new")
    assert (tmp_path / "x").read_text() == "new"
    assert (tmp_path / "x").stat().st_ino == inode
    assert names(tmp_path) == {"x"}


def test_bytes_that_are_no_text_survive(tmp_path: Path) -> None:
    files.replace(tmp_path / "x", b"\xff".decode("utf-8", "surrogateescape"))
    assert (tmp_path / "x").read_bytes() == b"\xff"


def test_removing_twice_is_removing_once(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    assert files.remove(tmp_path / "x")
    assert not files.remove(tmp_path / "x")


def test_a_missing_file_has_no_digest(tmp_path: Path) -> None:
    assert files.digest(tmp_path / "x") == ""


def test_links_of_a_machine_lead_where_they_lead_there(tmp_path: Path) -> None:
    (tmp_path / "etc/deep").mkdir(parents=True)
    links = {
        "a": "/etc/deep",
        "b": "a/../deep/file",
        "c": "/../../../etc/deep",
        "d": "/a",
        "loop": "loop",
        "up": "../..",
    }
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    for path, place in (
        ("/a/x", "etc/deep/x"), ("/b", "etc/deep/file"), ("/c/x", "etc/deep/x"), ("/d//./x/", "etc/deep/x"),
        ("/nowhere/x", "nowhere/x"), ("/up/etc", "etc"), ("/etc/../../..", ""),
    ):  # fmt: skip
        assert files.real(tmp_path, path) == str(tmp_path / place), path
    with pytest.raises(OSError, match="symbolic links"):
        files.real(tmp_path, "/loop")


def test_many_files_are_replaced_as_one_would_be(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).write_text("old")
        (tmp_path / name).chmod(0o600)
    (tmp_path / "link").symlink_to("c")
    files.replace_together({str(tmp_path / "a"): "A", str(tmp_path / "b"): "B", str(tmp_path / "link"): "\udcff"})
    assert [(tmp_path / name).read_bytes() for name in "abc"] == [b"A", b"B", b"\xff"]
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "abc"} == {0o600}
    assert names(tmp_path) == {"a", "b", "c", "link"}


def test_many_files_of_which_one_is_gone_leave_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(FileNotFoundError):
        files.replace_together({str(tmp_path / "a"): "A", str(tmp_path / "gone"): "B"})
    assert names(tmp_path) == {"a"}
    assert (tmp_path / "a").read_text() == "old"


def test_a_link_takes_the_place_of_another_without_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, before, real = tmp_path / "link", [], os.rename

    def rename(old: str, new: str) -> None:
        before.append(os.readlink(new))
        real(old, new)

    files.relink(path, "first")
    monkeypatch.setattr(os, "rename", rename)
    files.relink(path, "second")
    assert (before, os.readlink(path)) == (["first"], "second")
    assert os.listdir(tmp_path) == ["link"]


def test_only_an_empty_directory_is_removed(tmp_path: Path) -> None:
    (tmp_path / "full/empty").mkdir(parents=True)
    with pytest.raises(OSError, match="not empty"):
        files.remove_directory(tmp_path / "full")
    files.remove_directory(tmp_path / "full/empty")
    assert os.listdir(tmp_path / "full") == []

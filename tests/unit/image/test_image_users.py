# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Who has an image open, as /proc and /sys of a made-up machine tell."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from univention_xen.errors import Busy
from univention_xen.image.users import backends, holders, refuse_in_use, users


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "disk.img"
    path.write_bytes(b"disk")
    return path


def process(root: Path, pid: int, name: str, *opened: Path) -> None:
    (root / f"proc/{pid}/fd").mkdir(parents=True)
    (root / f"proc/{pid}/comm").write_text(name + "\n")
    for number, path in enumerate(opened, 3):
        (root / f"proc/{pid}/fd/{number}").symlink_to(path)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_nobody(tmp_path: Path, image: Path) -> None:
    process(tmp_path, 1, "init", Path("/dev/null"), tmp_path / "gone")
    assert users(str(image), tmp_path) == []
    refuse_in_use(str(image), tmp_path)


def test_a_process_by_whatever_name_the_file_has_for_it(tmp_path: Path, image: Path) -> None:
    (tmp_path / "other-name").hardlink_to(image)
    process(tmp_path, 42, "qemu-system-i38", tmp_path / "other-name")
    process(tmp_path, os.getpid(), "python3", image)
    assert [user.what for user in users(str(image), tmp_path)] == ["qemu-system-i38 (process 42)"]
    with pytest.raises(Busy, match="is in use by qemu-system-i38") as why:
        refuse_in_use(str(image), tmp_path)
    assert why.value.exit_code == 75


def test_a_loop_device_and_the_guest_behind_it(tmp_path: Path, image: Path) -> None:
    write(tmp_path / "sys/block/loop3/loop/backing_file", f"{image}\n")
    write(tmp_path / "sys/block/loop3/dev", "7:3\n")
    write(tmp_path / "sys/block/loop4/loop/backing_file", "/gone (deleted)\n")
    write(tmp_path / "sys/bus/xen-backend/devices/vbd-5-51712/physical_device", "7:3\n")
    write(tmp_path / "sys/bus/xen-backend/devices/vbd-6-51712/physical_device", "fd:1\n")
    write(tmp_path / "sys/bus/xen-backend/devices/vbd-7-51712/physical_device", "\n")
    (tmp_path / "sys/block/loop3/holders/dm-0").mkdir(parents=True)
    found = [user.what for user in users(str(image), tmp_path)]
    assert found == ["the loop device /dev/loop3", "the device /dev/dm-0", "the guest with domain id 5"]


def test_numbers_are_hexadecimal_in_one_place_and_decimal_in_the_other(tmp_path: Path) -> None:
    write(tmp_path / "sys/bus/xen-backend/devices/vbd-9-51712/physical_device", "fd:a\n")
    write(tmp_path / "sys/block/dm-10/dev", "253:10\n")
    (tmp_path / "sys/block/dm-10/holders/dm-11").mkdir(parents=True)
    device = {os.makedev(253, 10)}
    assert backends(tmp_path, device) == [9]
    assert holders(tmp_path, device) == ["/dev/dm-11"]


def test_an_image_that_is_not_there_has_no_users(tmp_path: Path) -> None:
    assert users(str(tmp_path / "none"), tmp_path) == []

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Sizes, layouts, and what programs say about images."""

from __future__ import annotations

import contextlib
import json
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import FakeRunner
from univention_xen.errors import UsageError, XenError
from univention_xen.image import filesystems, layouts, report, table
from univention_xen.image.filesystems import FileSystem
from univention_xen.image.look import Image, look_at, parse_info
from univention_xen.image.partitions import Partition, Table
from univention_xen.image.sizes import human, parse_change, parse_size

GIB, MIB = 1 << 30, 1 << 20


@pytest.mark.parametrize(
    ("text", "size"),
    [("12G", 12 * GIB), ("512M", 512 * MIB), ("1.5T", 3 << 39), ("8192", 8192), ("4k", 4096), ("1GiB", GIB),
     ("1 GB", GIB), ("512B", 512), ("0.5G", GIB // 2)],
)  # fmt: skip
def test_a_size_is_read_as_one_writes_it(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "G", "12X", "-1G", "+1G", "1e9", "0", "0G", "1,5G", "12G5", "99999P", "١G", "0x10", "1.5.5G"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a size") as why:
        parse_size(text)
    assert why.value.hint


def test_a_disk_has_whole_sectors() -> None:
    with pytest.raises(UsageError, match="512-byte sectors"):
        parse_size("1000")
    assert parse_size("0.3G") % 512 == 0


@given(st.text(max_size=12))
def test_no_text_surprises(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert parse_size(text) % 512 == 0


def test_a_change_is_absolute_or_more() -> None:
    assert parse_change("2G", GIB) == 2 * GIB
    assert parse_change("+2G", GIB) == 3 * GIB


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0"), (300, "300"), (1024, "1K"), (3 * GIB // 2, "1.5G"), (1 << 60, "1024P")]
)
def test_a_size_is_shown_as_one_reads_it(size: int, text: str) -> None:
    assert human(size) == text


def test_swap_is_an_eighth_within_reason() -> None:
    assert [layouts.swap_size(size) // MIB for size in (128 * MIB, 4 * GIB, 100 * GIB)] == [64, 512, 2048]


def test_a_layout_has_a_name_or_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text(",,\n")
    assert layouts.script(str(tmp_path / "mine"), GIB) == ",,\n"
    with pytest.raises(XenError, match="neither a partition layout nor a file") as why:
        layouts.script("linux", GIB)
    assert "root+swap" in why.value.hint
    with pytest.raises(XenError, match="at least 128M"):
        layouts.script("root", MIB)


def test_an_image_is_looked_at_without_disturbing_its_guest(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(4096))
    told = {"format": "qcow2", "virtual-size": GIB, "actual-size": 4096, "snapshots": [{}, {}], "backing-filename": "b"}
    run = FakeRunner({f"qemu-img info -U --output=json {path}": json.dumps(told)})
    assert look_at(str(path), run) == Image(str(path), "qcow2", GIB, 4096, "b", 2)  # type: ignore[arg-type]
    run = FakeRunner({f"qemu-img info -U --output=json -f vpc {path}": json.dumps(told | {"format": "vpc"})})
    assert look_at(str(path), run, format="vhd").format == "vhd"  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "raw", "virtual-size": "many"}', "null"])
def test_what_qemu_img_says_may_be_nonsense(text: str) -> None:
    with pytest.raises(XenError, match="nothing understandable"):
        parse_info(text, "disk")


def test_only_files_and_block_devices_are_images(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path, said in (
        (tmp_path, "neither a file nor"),
        (tmp_path / "fifo", "neither a file nor"),
        (tmp_path / "x", "No such"),
    ):
        with pytest.raises(XenError, match=said):
            look_at(str(path), FakeRunner())  # type: ignore[arg-type]


def superblock(compatible: int = 0, incompatible: int = 2, blocks: int = 1000, high: int = 0) -> bytes:
    block = bytearray(1024)
    struct.pack_into("<I", block, 4, blocks)
    struct.pack_into("<I", block, 24, 2)  # 4096 bytes
    block[56:58] = b"\x53\xef"
    struct.pack_into("<II", block, 92, compatible, incompatible)
    block[120:125] = b"label"
    struct.pack_into("<I", block, 0x150, high)
    return bytes(1024) + bytes(block)


@pytest.mark.parametrize(
    ("head", "system"),
    [
        (superblock(), FileSystem("ext2", "label", 4_096_000)),
        (superblock(compatible=4), FileSystem("ext3", "label", 4_096_000)),
        (superblock(4, 0x42), FileSystem("ext4", "label", 4_096_000)),
        (superblock(4, 0xC2, high=1), FileSystem("ext4", "label", (2**32 + 1000) * 4096)),
        (bytes(0xFF6) + b"SWAPSPACE2", FileSystem("swap")),
        (b"XFSB" + bytes(600), FileSystem("xfs")),
        (bytes(0x10040) + b"_BHRfS_M", FileSystem("btrfs")),
        (b"\xebR\x90NTFS    " + struct.pack("<H27xQ", 512, 999) + bytes(600), FileSystem("ntfs", "", 512_000)),
        (bytes(0x11000), None),
        (b"", None),
    ],
)  # fmt: skip
def test_a_file_system_is_known_by_its_first_bytes(head: bytes, system: FileSystem | None) -> None:
    assert filesystems.recognise(head) == system


@given(st.binary(max_size=3000), st.integers(0, 2999))
def test_no_first_bytes_surprise(head: bytes, at: int) -> None:
    for data in (head, superblock()[:at] + head, (superblock() + head)[:at]):
        filesystems.recognise(data)


@pytest.mark.parametrize(
    "line",
    [
        "disk = ['file:/i/a.img,xvda,w']",
        'disk=["format=raw, vdev=xvda, access=rw, target=/i/a.img"]',
        "disk = [ '/i/a.img' ]",
        "    'tap:aio:/i/a.img,hda,w',",
        "disk = [ '/i/a.img,raw,xvda,rw' ]",
    ],
)
def test_a_guest_uses_an_image_in_any_spelling(tmp_path: Path, line: str) -> None:
    (tmp_path / "etc/xen").mkdir(parents=True)
    (tmp_path / "etc/xen/web.cfg").write_text(f"name = 'web'\n{line}\n")
    assert report.naming("/i/a.img", tmp_path) == ("web",)
    for other in ("/i/a", "/i/a.im", "i/a.img", "/x/i/a.img", "/i/b.img"):
        assert report.naming(other, tmp_path) == ()


def test_the_last_partition_is_the_one_that_ends_last() -> None:
    first, second = Partition(1, 100 * MIB, 900 * MIB), Partition(2, MIB, 99 * MIB)
    assert table.last(Table("mbr", (first, second))) == first
    assert table.last(Table("mbr", ())) is None
    assert table.usable("gpt", 100 * MIB) == 99 * MIB
    assert table.usable("mbr", 100 * MIB + 5120) == 100 * MIB
    assert table.usable("none", 100 * MIB + 512) == 100 * MIB + 512


def test_a_gpt_is_rewritten_for_another_size() -> None:
    dump = (
        "label: gpt\nlabel-id: A\ndevice: disk10\nunit: sectors\nfirst-lba: 34\nlast-lba: 131038\nsector-size: 512\n\n"
        "disk1 : start=        2048, size=      126976, type=T, uuid=U\n"
        "disk10 : start=      129024, size=      2014, type=T, uuid=V\n"
    )
    changed = table.rewritten(dump, 1, 7)
    assert "disk1 : start=        2048, size=7, type=T, uuid=U\n" in changed
    assert "disk10 : start=      129024, size=      2014, type=T, uuid=V\n" in changed
    assert "last-lba" not in changed
    assert "label-id: A" in changed

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Partition tables are read from bytes; damaged ones are refused and never make it hang."""

from __future__ import annotations

import contextlib
import struct
import uuid
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from univention_xen.image.inside import differences
from univention_xen.image.partitions import ESP, BadTable, Partition, Read, Table, filesystem, read_table

SIZE = 64 << 20
BASIC_DATA = "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"


def reader(data: bytes) -> Read:
    """Return the function that reads a disk which begins with *data*."""
    return lambda offset, length: data[offset : offset + length].ljust(length, b"\0")


def slots(*entries: tuple[int, int, int, int]) -> bytes:
    """Return a sector with up to four partition slots: flag, type, first sector, sectors."""
    packed = b"".join(struct.pack("<B3xB3xII", *entry) for entry in entries)
    return bytes(446) + packed.ljust(64, b"\0") + b"\x55\xaa"


def gpt(*parts: tuple[str, int, int], sector: int = 512, count: int = 128) -> bytes:
    """Return the beginning of a disk with a GPT; partitions are type, first and last sector."""
    entries = b"".join(
        struct.pack("<16s16sQQ", uuid.UUID(kind).bytes_le, bytes(16), first, last).ljust(128, b"\0")
        for kind, first, last in parts
    ).ljust(count * 128, b"\0")
    header = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, 1, 9, 34, 99, bytes(16), 2, count, 128,
                         zlib.crc32(entries))  # fmt: skip
    header = header[:16] + struct.pack("<I", zlib.crc32(header)) + header[20:]
    start = slots((0, 0xEE, 1, 0xFFFFFFFF)).ljust(sector, b"\0") + header.ljust(sector, b"\0")
    return start + entries


def test_primary_partitions_and_the_active_one() -> None:
    table = read_table(reader(slots((0, 0x12, 63, 1000), (0x80, 0x07, 2048, 4096), (0, 0, 0, 0))), SIZE)
    assert table == Table(
        "mbr",
        (Partition(1, 63 * 512, 1000 * 512, "12", False), Partition(2, 2048 * 512, 4096 * 512, "07", True)),
    )


def test_logical_partitions_are_counted_from_five() -> None:
    disk = bytearray(slots((0x80, 0x07, 10, 10), (0, 0x0F, 100, 300)).ljust(1000 * 512, b"\0"))
    disk[100 * 512 : 101 * 512] = slots((0, 0x07, 1, 50), (0, 0x05, 100, 100))
    disk[200 * 512 : 201 * 512] = slots((0, 0x0B, 2, 60))
    found = read_table(reader(bytes(disk)), SIZE).partitions
    assert [(p.number, p.start // 512, p.size // 512, p.type) for p in found] == [
        (1, 10, 10, "07"), (5, 101, 50, "07"), (6, 202, 60, "0b"),
    ]  # fmt: skip


@pytest.mark.parametrize("sector", [512, 4096])
def test_a_gpt_with_either_sector_size(sector: int) -> None:
    data = gpt((ESP, 40, 139), (BASIC_DATA, 140, 239), sector=sector)
    assert read_table(reader(data), SIZE) == Table(
        "gpt",
        (Partition(1, 40 * sector, 100 * sector, ESP), Partition(2, 140 * sector, 100 * sector, BASIC_DATA)),
    )


def boot_sector(mark: bytes, at: int) -> bytes:
    """Return the first sector of a file system that has *mark* at an offset."""
    return (bytes(at) + mark).ljust(510, b"\0") + b"\x55\xaa"


FILE_SYSTEMS = [
    ("ntfs", boot_sector(b"NTFS    ", 3)), ("fat32", boot_sector(b"FAT32   ", 0x52)),
    ("bitlocker", boot_sector(b"-FVE-FS-", 3)),
    ("fat16", boot_sector(b"FAT16   ", 0x36)), ("fat12", boot_sector(b"FAT12   ", 0x36)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "sector"), FILE_SYSTEMS)
def test_a_file_system_may_fill_the_disk(name: str, sector: bytes) -> None:
    assert filesystem(sector) == name
    assert read_table(reader(sector), SIZE) == Table("none", (Partition(1, 0, SIZE),))


ENDLESS = bytearray(slots((0, 0x05, 100, 300)).ljust(1000 * 512, b"\0"))
ENDLESS[100 * 512 : 101 * 512] = slots((0, 0x07, 1, 50), (0, 0x05, 0, 100))
WRONG_ENTRIES = bytearray(gpt((ESP, 40, 139)))
WRONG_ENTRIES[2 * 512 + 33] ^= 1
REFUSED = {
    "zeros": (bytes(512), "neither a partition table nor a file system"),
    "nothing": (b"", "neither a partition table nor a file system"),
    "endless": (bytes(ENDLESS), "is endless"),
    "broken chain": (slots((0, 0x05, 100, 300)), "is broken"),
    "no gpt": (slots((0, 0xEE, 1, 99)), "there is none"),
    "gpt header": (gpt((ESP, 40, 139)).replace(b"\x22", b"\x23"), "header is damaged"),
    "gpt entries": (bytes(WRONG_ENTRIES), "list of partitions is damaged"),
    "gpt with too many": (gpt((ESP, 40, 139), count=2000), "makes no sense"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_damaged_tables_are_refused(name: str) -> None:
    data, message = REFUSED[name]
    with pytest.raises(BadTable, match=message):
        read_table(reader(data), SIZE)


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 40), st.integers(0, 40))), st.data())
def test_any_bytes_give_a_table_or_a_clear_error(entries: list[tuple[int, int, int, int]], data: st.DataObject) -> None:
    disk = bytearray(slots(*entries[:4]) + b"".join(slots(*entries[n : n + 2]) for n in range(40)))
    for _ in range(data.draw(st.integers(0, 4))):
        disk[data.draw(st.integers(0, len(disk) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BadTable):
        read_table(reader(bytes(disk)), SIZE)
    damaged = bytearray(gpt((ESP, 40, 139)))
    damaged[data.draw(st.integers(512, 512 + 100))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BadTable):
        read_table(reader(bytes(damaged)), SIZE)


@given(st.binary(max_size=40), st.data())
def test_differences_turn_the_old_into_the_new(seed: bytes, data: st.DataObject) -> None:
    old = seed.ljust(512, b"\0") * data.draw(st.integers(1, 400))
    new = bytearray(old)
    for _ in range(data.draw(st.integers(0, 6))):
        new[data.draw(st.integers(0, len(old) - 1))] ^= 255
    patched = bytearray(old)
    pieces = list(differences(old, bytes(new)))
    for offset, piece in pieces:
        assert offset % 512 == 0
        assert len(piece) % 512 == 0
        patched[offset : offset + len(piece)] = piece
    assert patched == new
    assert bool(pieces) == (old != new)

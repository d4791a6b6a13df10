# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Where the partitions of a disk lie and which file systems they hold, from its bytes alone."""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from univention_xen.errors import XenError

Read = Callable[[int, int], bytes]
"""read(offset, length) returns that much of a disk, less at its end."""

SECTOR = 512
EXTENDED = (0x05, 0x0F, 0x85)
PROTECTIVE = 0xEE
ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
MOST_PARTITIONS = 256


class BadTable(XenError):
    """The bytes of a disk make no partition table."""


class Partition(NamedTuple):
    """One partition; *start* and *size* in bytes, *type* two hexadecimal digits (MBR) or a GUID (GPT)."""

    number: int
    start: int
    size: int
    type: str = ""
    active: bool = False


class Table(NamedTuple):
    """The partition table: "mbr", "gpt", or "none" when a file system fills the whole disk."""

    kind: str
    partitions: tuple[Partition, ...]


def read_table(read: Read, size: int) -> Table:
    """Return the partition table of a disk of *size* bytes.

    Raises BadTable when there is neither a table nor a file system, or when the table is damaged.
    """
    first = read(0, SECTOR)
    if filesystem(first):
        return Table("none", (Partition(1, 0, size),))
    if first[510:512] != b"\x55\xaa":
        raise BadTable("the disk has neither a partition table nor a file system that Windows can start from")
    entries = list(mbr_entries(first))
    if any(kind == PROTECTIVE for _, kind, _, _ in entries):
        return Table("gpt", tuple(gpt(read)))
    return Table("mbr", tuple(mbr(read, entries)))


def filesystem(boot_sector: bytes) -> str:
    """Return "ntfs", "fat12", "fat16", "fat32" or "bitlocker" for the first sector of such a file system, else ''."""
    if boot_sector[3:11] == b"-FVE-FS-":
        return "bitlocker"
    if boot_sector[3:11] == b"NTFS    ":
        return "ntfs"
    if boot_sector[510:512] == b"\x55\xaa":
        if boot_sector[0x52:0x57] == b"FAT32":
            return "fat32"
        if boot_sector[0x36:0x3B] in (b"FAT12", b"FAT16"):
            return boot_sector[0x36:0x3B].decode().lower()
    return ""


def mbr_entries(sector: bytes) -> Iterator[tuple[bool, int, int, int]]:
    """Yield active, type, first sector and number of sectors of the four slots of an MBR or EBR."""
    for at in range(446, 510, 16):
        flag, kind, start, count = struct.unpack("<B3xB3xII", sector[at : at + 16].ljust(16, b"\0"))
        yield flag == 0x80, kind, start, count


def mbr(read: Read, entries: list[tuple[bool, int, int, int]]) -> Iterator[Partition]:
    """Yield the primary partitions by their slot, then the logical ones from 5 on."""
    chain = 0
    for number, (active, kind, start, count) in enumerate(entries, 1):
        if kind in EXTENDED:
            chain = chain or start
        elif kind and count:
            yield Partition(number, start * SECTOR, count * SECTOR, f"{kind:02x}", active)
    yield from logical(read, chain)


def logical(read: Read, first: int) -> Iterator[Partition]:
    """Yield the logical partitions of the extended one that begins in sector *first* (0: there is none)."""
    here, number, seen = first, 5, set[int]()
    while here:
        if here in seen or len(seen) >= MOST_PARTITIONS:
            raise BadTable("the chain of logical partitions is endless: the partition table is damaged")
        seen.add(here)
        sector = read(here * SECTOR, SECTOR)
        if sector[510:512] != b"\x55\xaa":
            raise BadTable("the chain of logical partitions is broken: the partition table is damaged")
        following = 0
        for active, kind, start, count in list(mbr_entries(sector))[:2]:
            if kind in EXTENDED:
                following = first + start
            elif kind and count:
                yield Partition(number, (here + start) * SECTOR, count * SECTOR, f"{kind:02x}", active)
                number += 1
        here = following


def gpt(read: Read) -> Iterator[Partition]:
    """Yield the partitions of a GPT with sectors of 512 or 4096 bytes."""
    for sector in (SECTOR, 4096):
        header = read(sector, SECTOR)
        if header[:8] == b"EFI PART":
            break
    else:
        raise BadTable("the partition table says it is a GPT, but there is none")
    length, crc = struct.unpack_from("<II", header, 12)
    if not 92 <= length <= SECTOR or zlib.crc32(header[:16] + bytes(4) + header[20:length]) != crc:
        raise BadTable("the GPT's header is damaged", hint="sgdisk --verify shows more")
    at, count, each, table_crc = struct.unpack_from("<QIII", header, 72)
    if not 128 <= each <= 4096 or count > 1024 or at > 1 << 50:
        raise BadTable("the GPT's header makes no sense")
    table = read(at * sector, count * each)
    if zlib.crc32(table) != table_crc:
        raise BadTable("the GPT's list of partitions is damaged", hint="sgdisk --verify shows more")
    for number in range(1, count + 1):
        kind, start, end = struct.unpack_from("<16s16xQQ", table, (number - 1) * each)
        if any(kind) and end >= start:
            guid = str(uuid.UUID(bytes_le=kind))
            yield Partition(number, start * sector, (end - start + 1) * sector, guid)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Which file system, or other thing, a partition holds: from its first bytes."""

from __future__ import annotations

import struct
from typing import NamedTuple

from univention_xen.image import partitions

HEAD = 0x11000  # bytes; the farthest magic number is that of btrfs
EXT_SUPERBLOCK = 0x400
MAGICS = (
    ("swap", 0xFF6, b"SWAPSPACE2"), ("swap", 0xFF6, b"SWAP-SPACE"), ("xfs", 0, b"XFSB"),
    ("btrfs", 0x10040, b"_BHRfS_M"), ("iso9660", 0x8001, b"CD001"), ("lvm", 0x218, b"LVM2 001"),
    ("luks", 0, b"LUKS\xba\xbe"), ("squashfs", 0, b"hsqs"), ("reiserfs", 0x10034, b"ReIsEr"), ("jfs", 0x8000, b"JFS1"),
)  # fmt: skip
JOURNAL, NEEDS_RECOVERY = 0x4, 0x4  # of the features that are compatible, and of those that are not
EXT4_ONLY = 0x40 | 0x80 | 0x200  # extents, 64 bit, flexible block groups


class FileSystem(NamedTuple):
    """A file system: its kind, label and size in bytes (0 when only its own tools know)."""

    kind: str
    label: str = ""
    size: int = 0


def recognise(head: bytes) -> FileSystem | None:
    """Return what begins with *head* (HEAD bytes, or all there is); None for nothing known."""
    if head[EXT_SUPERBLOCK + 56 : EXT_SUPERBLOCK + 58] == b"\x53\xef":
        return ext(head[EXT_SUPERBLOCK : EXT_SUPERBLOCK + 1024])
    for kind, at, magic in MAGICS:
        if head[at : at + len(magic)] == magic:
            return FileSystem(kind)
    kind = partitions.filesystem(head[: partitions.SECTOR])
    if kind == "ntfs":
        bytes_per_sector, sectors = struct.unpack_from("<H27xQ", head, 11)
        return FileSystem(kind, "", bytes_per_sector * (sectors + 1))
    return FileSystem(kind) if kind else None


def ext(block: bytes) -> FileSystem | None:
    """Read the superblock of ext2, ext3 or ext4 (Linux Documentation/filesystems/ext4/super.rst)."""
    if len(block) < 0x154:
        return None
    low, log_size = struct.unpack_from("<I", block, 4)[0], struct.unpack_from("<I", block, 24)[0]
    compatible, incompatible = struct.unpack_from("<II", block, 92)
    high = struct.unpack_from("<I", block, 0x150)[0] if incompatible & 0x80 else 0
    kind = "ext4" if incompatible & EXT4_ONLY else "ext3" if compatible & JOURNAL else "ext2"
    label = block[120:136].split(b"\0")[0].decode("utf-8", "replace")
    return FileSystem(kind, label, (high << 32 | low) << min(log_size + 10, 16))

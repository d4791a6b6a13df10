# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Where a zstd or lz4 stream ends in a file that goes on: both formats tell the length of their blocks.

Sources: RFC 8878 (zstd), lz4's doc/lz4_Frame_format.md ("legacy frame", the only one that the kernel knows).
"""

from __future__ import annotations

import struct
from typing import IO

from univention_xen.errors import XenError

LZ4_MAGIC = 0x184C2102
LZ4_BLOCK = 8 << 20  # bytes of data in every block but the last
LZ4_LARGEST = LZ4_BLOCK + LZ4_BLOCK // 255 + 16  # what it can take when it cannot be compressed


def zstd_end(file: IO[bytes], start: int) -> int:
    """Return the offset behind the zstd frame that begins at *start*; raises XenError when it is cut off."""
    file.seek(start + 4)
    descriptor = number(file, 1)
    single, dictionary, sized = descriptor >> 5 & 1, (0, 1, 2, 4)[descriptor & 3], descriptor >> 6
    content = (single, 2, 4, 8)[sized]
    file.seek((not single) + dictionary + content, 1)
    last = 0
    while not last:
        header = number(file, 3)
        last, kind, size = header & 1, header >> 1 & 3, header >> 3
        file.seek(1 if kind == 1 else size, 1)  # kind 1: one byte, repeated
    file.seek(4 if descriptor & 4 else 0, 1)  # check sum
    return within(file)


def lz4_end(file: IO[bytes], start: int) -> int:
    """Return the offset behind the lz4 stream that begins at *start*; raises XenError when it is cut off."""
    file.seek(start)
    while True:
        here = file.tell()
        head = file.read(4)
        size = struct.unpack("<I", head)[0] if len(head) == 4 else 0
        if size == LZ4_MAGIC:
            continue  # one stream after the other; the kernel unpacks them as one
        if not 0 < size <= LZ4_LARGEST:
            file.seek(here)
            return within(file)
        file.seek(size, 1)


def number(file: IO[bytes], size: int) -> int:
    """Read a little-endian number of *size* bytes."""
    data = file.read(size)
    if len(data) != size:
        raise cut_off()
    return int.from_bytes(data, "little")


def within(file: IO[bytes]) -> int:
    """Return the present offset; raise XenError when it lies behind the end of the file."""
    here = file.tell()
    if here > file.seek(0, 2):
        raise cut_off()
    return here


def cut_off() -> XenError:
    """Return the error for a stream that lacks its end."""
    return XenError("the initrd ends in the middle of its compressed data", hint="it is incomplete: get it again")

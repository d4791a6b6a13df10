# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The cpio format of the kernel's initramfs ("newc"): streams of bytes in, streams of bytes out.

The format: Documentation/driver-api/early-userspace/buffer-format.rst of Linux. A header of 110 bytes (a magic
number and 13 numbers of 8 hexadecimal digits), the name with a NUL, the data; name and data are padded to 4 bytes.
"""

from __future__ import annotations

import stat
import struct
from typing import IO, TYPE_CHECKING, NamedTuple

from univention_xen.errors import XenError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"070701"
MAGIC_SUMS = b"070702"  # the same with a check sum per file
HEADER = 110
TRAILER = b"TRAILER!!!"
LONGEST_NAME = 4096  # the kernel's PATH_MAX
BLOCK = 1 << 18


class Entry(NamedTuple):
    """One file of an archive without its data; *size* bytes of data follow, *mtime* counts seconds since 1970.

    A symbolic link's target is its data. Hard links share *ino* and device; usually only the last one has data.
    """

    name: bytes
    mode: int
    size: int = 0
    mtime: int = 0
    uid: int = 0
    gid: int = 0
    nlink: int = 1
    ino: int = 0
    device: tuple[int, int] = (0, 0)
    number: tuple[int, int] = (0, 0)
    check: int = 0

    @property
    def path(self) -> str:
        """The name below the root, whether it is written as usr/a, ./usr/a or /usr/a; '' is the root itself."""
        path = self.name.decode("utf-8", "surrogateescape").lstrip("/")
        while path.startswith("./"):
            path = path[2:].lstrip("/")
        return "" if path == "." else path.rstrip("/")

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)


class Member:
    """An entry with its data still in the stream: read it, copy it, or leave it."""

    def __init__(self, entry: Entry, stream: IO[bytes], raw: bytes) -> None:
        self.entry, self.raw, self._stream, self._left = entry, raw, stream, entry.size

    def read(self, size: int = -1) -> bytes:
        """Return up to *size* bytes of data, all without *size*; b'' at its end. Raises XenError when it is cut off."""
        wanted = self._left if size < 0 else min(size, self._left)
        data = exactly(self._stream, wanted, self.entry)
        self._left -= wanted
        return data

    def skip(self) -> None:
        """Go to the next header."""
        while self.read(BLOCK):
            pass
        exactly(self._stream, padding(self.entry.size), self.entry)


def exactly(stream: IO[bytes], size: int, entry: Entry | None = None) -> bytes:
    """Return the next *size* bytes; raise XenError when there are fewer."""
    data = stream.read(size) if size else b""
    if len(data) != size:
        where = f" in {entry.path}" if entry else " in a header"
        raise XenError(f"the cpio archive ends{where}", hint="the initrd is incomplete: get it again")
    return data


def padding(size: int) -> int:
    """Return how many NUL bytes follow *size* bytes."""
    return -size % 4


def members(stream: IO[bytes]) -> Iterator[Member]:
    """Yield what one archive holds, up to its trailer; data that was not read is skipped.

    Raises XenError when the stream holds something else or ends early.
    """
    while True:
        entry, raw = read_entry(stream)
        if entry.name == TRAILER:
            return
        member = Member(entry, stream, raw)
        yield member
        member.skip()


def read_entry(stream: IO[bytes]) -> tuple[Entry, bytes]:
    """Read one header and name; return them parsed, and as they were."""
    header = exactly(stream, HEADER)
    if header[:6] not in (MAGIC, MAGIC_SUMS):
        raise XenError(
            "this is no cpio archive of the kind that the kernel unpacks", hint="pack it with: cpio -o -H newc"
        )
    try:
        if not header.isalnum():  # fromhex() would take blanks
            raise ValueError
        n = struct.unpack(">13I", bytes.fromhex(header[6:].decode("ascii")))
    except ValueError:
        raise XenError("a header of the cpio archive is damaged", hint="get the initrd again") from None
    if not 0 < n[11] <= LONGEST_NAME:
        raise XenError("a name in the cpio archive is longer than any path", hint="get the initrd again")
    name = exactly(stream, n[11] + padding(HEADER + n[11]))
    entry = Entry(
        name[: n[11]].rstrip(b"\0"), n[1], n[6], n[5], n[2], n[3], n[4], n[0], (n[7], n[8]), (n[9], n[10]), n[12]
    )
    return entry, header + name


def dump(entry: Entry) -> bytes:
    """Return header and name as bytes; the data and padding(entry.size) NUL bytes have to follow."""
    numbers = (
        entry.ino, entry.mode, entry.uid, entry.gid, entry.nlink, entry.mtime, entry.size,
        *entry.device, *entry.number, len(entry.name) + 1, entry.check,
    )  # fmt: skip
    magic = MAGIC_SUMS if entry.check else MAGIC
    header = magic + b"".join(b"%08X" % number for number in numbers) + entry.name + b"\0"
    return header + bytes(padding(len(header)))


def trailer() -> bytes:
    """Return the end of an archive."""
    return dump(Entry(TRAILER, 0))


def copy(member: Member, target: IO[bytes]) -> None:
    """Write a member as it is to *target*."""
    target.write(member.raw)
    while block := member.read(BLOCK):
        target.write(block)
    target.write(bytes(padding(member.entry.size)))

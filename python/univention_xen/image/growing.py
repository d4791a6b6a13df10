# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""File systems in a raw image made larger or smaller, without devices.

Their programs get a copy of the partition: ntfsresize knows no offset into a file, and resize2fs, which takes
IMAGE?offset=BYTES, cuts the whole file off at the length of the file system (e2fsprogs 1.47).
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from univention_xen import files
from univention_xen.errors import CommandFailed, ToolMissing, XenError
from univention_xen.image.sizes import human

if TYPE_CHECKING:
    from collections.abc import Iterator

    from univention_xen.image.filesystems import FileSystem
    from univention_xen.image.partitions import Partition
    from univention_xen.run import Done, Runner

EXT = ("ext2", "ext3", "ext4")
BLOCK = 1 << 20
ZEROS = bytes(BLOCK)
RESIZABLE = (*EXT, "ntfs")


def tool(run: Runner, package: str, *words: str, ok: tuple[int, ...] = (0,), stdin: str = "") -> Done:
    """Run a program that may have to be installed. Raises ToolMissing and CommandFailed."""
    try:
        return run(*words, ok=ok, stdin=stdin)
    except ToolMissing:
        raise ToolMissing(f"{words[0]} is not installed", hint=f"apt install {package}") from None


def least(path: str, system: FileSystem, run: Runner) -> int:
    """Return how many bytes the file system in the file *path* needs at least. Raises XenError."""
    if system.kind in EXT:
        check_ext(path, run)
        blocks = re.search(r"(\d+)\s*$", tool(run, "e2fsprogs", "resize2fs", "-P", path).out)
        size = re.search(r"^Block size:\s+(\d+)$", tool(run, "e2fsprogs", "dumpe2fs", "-h", path).out, re.M)
        if not (blocks and size):
            raise XenError("resize2fs does not say how small the file system can be")
        return int(blocks[1]) * int(size[1])
    told = tool(run, "ntfs-3g", "ntfsresize", "--info", "--force", "--no-progress-bar", path, ok=(0, 1)).out
    if needed := re.search(r"You might resize at (\d+) bytes", told):
        return int(needed[1])
    if "volume is full" in told:
        return os.path.getsize(path)
    raise refused(told)


def refused(told: str) -> XenError:
    """Return what ntfsresize objects to."""
    said = [line for line in told.splitlines() if line.startswith("ERROR")] or told.splitlines()[-1:]
    return XenError(f"ntfsresize refuses: {' '.join(said)}", hint="start Windows and let it check the disk")


def resize(path: str, partition: Partition, system: FileSystem, size: int, run: Runner) -> None:
    """Make a file system in the raw image *path* as large as its partition will be, *size* bytes. Raises XenError.

    Between two sizes the image has to hold the larger one.
    """
    with partition_file(path, partition._replace(size=max(partition.size, size))) as part:
        if system.kind in EXT:
            check_ext(part, run)
            tool(run, "e2fsprogs", "resize2fs", part, f"{size // 1024}K")  # a smaller one is cut off
            check_ext(part, run)
        else:
            resize_ntfs(part, size, run)
        put_back(part, path, partition.start)


def resize_ntfs(path: str, size: int, run: Runner) -> None:
    """Make the NTFS in a file *size* bytes large. Raises XenError."""
    words = ("ntfsresize", "--force", "--force", "--no-progress-bar", "--size", str(size))
    try:
        tool(run, "ntfs-3g", *words, "--no-action", path, stdin="y\n")
        tool(run, "ntfs-3g", *words, path, stdin="y\n")
    except CommandFailed as why:
        raise refused(why.out or why.err) from None


def check_ext(path: str, run: Runner) -> None:
    """Replay the journal and repair what can be repaired without asking. Raises XenError."""
    try:
        tool(run, "e2fsprogs", "e2fsck", "-fp", path, ok=(0, 1))
    except CommandFailed as why:
        raise XenError(f"the file system needs repair first: {why}", hint="run e2fsck in the guest") from None


@contextmanager
def partition_file(path: str, partition: Partition) -> Iterator[str]:
    """Yield a file with what a partition holds: a sparse copy beside the raw image that vanishes."""
    with files.temporary(path) as name:
        with open(path, "rb", buffering=0) as image, open(name, "xb", buffering=0) as copy:
            os.ftruncate(copy.fileno(), partition.size)
            move(image.fileno(), partition.start, copy.fileno(), 0, partition.size)
        yield name


def put_back(copy: str, path: str, start: int) -> None:
    """Write a changed copy of a part back to where it came from, and nothing beyond its end."""
    with open(copy, "rb", buffering=0) as part, open(path, "r+b", buffering=0) as image:
        move(part.fileno(), 0, image.fileno(), start, os.fstat(part.fileno()).st_size)


def move(old: int, from_: int, new: int, to: int, size: int) -> None:
    """Make *size* bytes of one open file the same as those of another; beyond the other's end there are zeros.

    Zeros are written only over something else.
    """
    for at in range(0, size, BLOCK):
        length = min(BLOCK, size - at)
        data = pieces(old, from_ + at, length)
        if data != pieces(new, to + at, length):
            os.pwrite(new, data, to + at)


def pieces(fd: int, at: int, length: int) -> bytes:
    """Return what an open file holds, zeros for what is a hole or beyond the end."""
    try:
        if os.lseek(fd, at, os.SEEK_DATA) >= at + length:
            return ZEROS[:length]
    except OSError:  # no data up to the end
        return ZEROS[:length]
    return os.pread(fd, length, at).ljust(length, b"\0")


def describe(partition: Partition, system: FileSystem | None) -> str:
    """Name a partition in a sentence."""
    return f"partition {partition.number} ({system.kind if system else 'unknown'}, {human(partition.size)})"

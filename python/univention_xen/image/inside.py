# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The virtual disk inside an image: read any part of it, change a few bytes of it."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from univention_xen import files
from univention_xen.errors import Busy, CommandFailed, XenError
from univention_xen.image.look import Image
from univention_xen.image.partitions import SECTOR, BadTable, Partition, Table, filesystem, read_table
from univention_xen.log import log
from univention_xen.run import Runner

NEAR = 64 * 1024  # changes closer than this are written in one go
SCRATCH = "/var/tmp/univention-xen"  # noqa: S108 - only scratch() uses it
"""One name for all, so that each run clears away whatever a killed one has left."""


@dataclass(frozen=True)
class Disk:
    """The virtual disk in an image; offsets and lengths in bytes.

    One that is *shared* may be read while a guest runs, and is never written.
    """

    image: Image
    run: Runner
    shared: bool = True

    def part(self, offset: int, length: int, **file_options: object) -> dict[str, object]:
        """Return a part of the disk as a block device of QEMU; the format is said, never guessed."""
        file: dict[str, object] = {
            "driver": "host_device" if self.image.device else "file",
            "filename": os.path.abspath(self.image.path),
            **file_options,
        }
        disk: dict[str, object] = (
            file if self.image.driver == "raw" else {"driver": self.image.driver, "file": file, **file_options}
        )
        return {"driver": "raw", "offset": offset, "size": length, "file": disk}

    def node(self, offset: int, length: int) -> str:
        """Return a part of the disk as the programs of QEMU take it instead of a file name."""
        return "json:" + json.dumps(self.part(offset, length))

    def read(self, offset: int, length: int) -> bytes:
        """Return a part of the disk, less at its end. Raises XenError."""
        length = min(length, self.image.size - offset)
        if offset < 0 or length <= 0:
            return b""
        if self.image.driver == "raw":
            with open(self.image.path, "rb") as file:
                file.seek(offset)
                return file.read(length)
        start = offset // SECTOR * SECTOR
        end = min(-(-(offset + length) // SECTOR) * SECTOR, self.image.size // SECTOR * SECTOR)
        with scratch(SCRATCH) as part:
            self.copy_out(start, end - start, part)
            with open(part, "rb") as file:
                return file.read()[offset - start : offset - start + length]

    def copy_out(self, offset: int, length: int, target: str) -> None:
        """Copy a part of the disk into the raw file *target*, leaving out the zeros."""
        with explained(self.image.path):
            self.run(
                "qemu-img", "convert", *(["-U"] if self.shared else []), "-O", "raw", self.node(offset, length), target
            )

    def table(self) -> Table:
        """Return the partition table. Raises XenError."""
        try:
            return read_table(self.read, self.image.size)
        except BadTable as why:
            raise XenError(f"{self.image.path}: {why}", hint=why.hint) from None

    def filesystem(self, partition: Partition) -> str:
        """Return the kind of file system in a partition, '' for one that Windows does not start from."""
        return filesystem(self.read(partition.start, SECTOR))

    def insist(self, partition: Partition) -> None:
        """Raise XenError when a partition does not lie on the disk."""
        if partition.start + partition.size > self.image.size or partition.start % SECTOR or partition.size < SECTOR:
            raise XenError(f"{self.image.path}: partition {partition.number} lies beyond the end of the disk")


@contextmanager
def partition_copy(disk: Disk, partition: Partition) -> Iterator[str]:
    """Yield the path of a raw, sparse copy of *partition* that vanishes at the end.

    It lies beside the image, where there is room for disks, or in /var/tmp when that is a block device.
    """
    disk.insist(partition)
    path = os.path.realpath(disk.image.path)
    if disk.image.device:
        path = os.path.join(os.path.dirname(SCRATCH), os.path.basename(path))
    with scratch(path + ".partition") as copy:
        disk.copy_out(partition.start, partition.size, copy)
        yield copy


@contextmanager
def scratch(target: str) -> Iterator[str]:
    """Yield the name of a new, private, empty file; what a killed process has left of the same kind goes first."""
    files.sweep(target)
    with files.temporary(target) as name:
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        yield name


@contextmanager
def holding_bytes(data: bytes = b"") -> Iterator[str]:
    """Yield the name of a private file with *data*, for programs that take files only."""
    with scratch(SCRATCH) as name:
        files.replace(name, data)
        yield name


@contextmanager
def claimed(disk: Disk) -> Iterator[None]:
    """Keep a block device from being mounted or mapped meanwhile; raise Busy when it already is."""
    if not disk.image.device:
        yield
        return
    try:
        device = os.open(disk.image.path, os.O_RDONLY | os.O_EXCL)
    except OSError as why:
        if why.errno != errno.EBUSY:
            raise
        raise Busy(f"{disk.image.path} is mounted or part of another device", hint="umount it first") from None
    try:
        yield
    finally:
        os.close(device)


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn QEMU's words about a locked image or a missing program into ours."""
    from univention_xen.errors import ToolMissing

    try:
        yield
    except ToolMissing as why:
        raise ToolMissing(str(why), hint="apt install qemu-utils") from None
    except CommandFailed as why:
        if "lock" in why.err:
            raise Busy(f"{path} is in use by another program", hint="shut the guest down first") from None
        said = why.err.strip().rpartition(": ")[2] or str(why)
        raise XenError(f"{path} cannot be read or written: {said}") from None


def differences(old: bytes, new: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield offset and new bytes of what differs between two equally long pieces, in whole sectors.

    Changes that are near to each other come together.
    """
    start = end = -1
    for at in range(0, len(new), SECTOR):
        if old[at : at + SECTOR] == new[at : at + SECTOR]:
            continue
        if start >= 0 and at - end > NEAR:
            yield start, new[start:end]
            start = at
        start, end = (at if start < 0 else start), at + SECTOR
    if start >= 0:
        yield start, new[start:end]


@dataclass(frozen=True)
class Change:
    """Bytes that are to be written at *offset* of the disk, instead of *old*."""

    offset: int
    old: bytes
    new: bytes


def write_back(disk: Disk, wanted: list[Change]) -> None:
    """Write *wanted* to the disk and read it again; put the old bytes back if that is not what is there.

    Raises XenError.
    """
    with claimed(disk):
        write_or_put_back(disk, wanted)


def write_or_put_back(disk: Disk, wanted: list[Change]) -> None:
    """Write what is *wanted*; after a failure, or when something else is read back, write what was there."""
    try:
        write(disk, [(change.offset, change.new) for change in wanted])
        if any(disk.read(change.offset, len(change.new)) != change.new for change in wanted):
            raise XenError(f"{disk.image.path} does not hold what was written to it")
    except BaseException:
        log.warning("putting back what was in %s", disk.image.path)
        write(disk, [(change.offset, change.old) for change in wanted])
        raise


def write(disk: Disk, pieces: list[tuple[int, bytes]]) -> None:
    """Write pieces of the disk, in this order, and make them durable."""
    if not pieces:
        return
    with ExitStack() as stack:
        words = []
        for offset, data in pieces:
            name = stack.enter_context(holding_bytes(data))
            words += ["-c", f"write -q -s {name} {offset} {len(data)}"]
        stack.enter_context(explained(disk.image.path))
        size = disk.image.size // SECTOR * SECTOR
        disk.run("qemu-io", *words, "-c", "flush", disk.node(0, size))

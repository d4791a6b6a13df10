# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""One partition of a disk image as a raw file for programs that know file systems, and what they changed in it.

The image itself stays untouched. Nothing runs on after a kill -9: the daemon dies with us, and its mount with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Protocol

from univention_xen.errors import XenError
from univention_xen.image.inside import SCRATCH, Change, Disk, differences, partition_copy, scratch
from univention_xen.image.namespace import private_mounts
from univention_xen.image.partitions import Partition
from univention_xen.log import log

CHUNK = 1 << 20
WHILE_WE_LIVE = '[ "$PPID" = "$0" ] && exec "$@"'
"""Shell: a program that was only just to be told to die with us, when we were killed, is not started at all."""


class PartitionFile(Protocol):
    """A raw file that may be changed at will."""

    path: str

    def changes(self) -> list[Change]:
        """Return how it differs from the disk by now."""


@contextmanager
def partition_file(disk: Disk, partition: Partition) -> Iterator[PartitionFile]:
    """Yield *partition* as a file that vanishes at the end.

    It is shown through FUSE, so that only what is looked at is read; without FUSE it is copied, which takes time
    and room. Raises XenError.
    """
    disk.insist(partition)
    with ExitStack() as stack:
        try:
            file: PartitionFile = stack.enter_context(shown(disk, partition))
        except XenError as why:
            log.debug("copying the partition: %s", str(why))
            file = stack.enter_context(copied(disk, partition))
        yield file


class Shown:
    """A partition behind a copy-on-write overlay."""

    def __init__(self, disk: Disk, partition: Partition, overlay: str, path: str) -> None:
        self.disk, self.partition, self.overlay, self.path = disk, partition, overlay, path

    def changes(self) -> list[Change]:
        """Return how it differs from the disk by now; only what is in the overlay can."""
        found: list[Change] = []
        with open(self.path, "rb+", buffering=0) as file:
            os.fsync(file.fileno())
            done = self.disk.run("qemu-img", "map", "-U", "-f", "qcow2", "--output=json", self.overlay)
            for extent in json.loads(done.out):
                if extent["present"]:
                    new = os.pread(file.fileno(), extent["length"], extent["start"])
                    found += compared(self.disk, self.partition.start + extent["start"], new)
        return found


@contextmanager
def shown(disk: Disk, partition: Partition) -> Iterator[Shown]:
    """Yield a partition through qemu-storage-daemon. Raises XenError when this machine cannot do that."""
    options = {"read-only": True} | ({"force-share": True} if disk.shared else {})
    part = disk.part(partition.start, partition.size, **options) | {"node-name": "part", "read-only": True}
    with ExitStack() as stack:
        stack.enter_context(private_mounts(disk.run))
        overlay = stack.enter_context(scratch(SCRATCH))
        window = stack.enter_context(scratch(SCRATCH))
        pid = stack.enter_context(scratch(SCRATCH))
        stack.callback(disk.run, "umount", "--lazy", window, ok=(0, 1, 32))  # still there if the daemon was killed
        disk.run("qemu-img", "create", "-q", "-f", "qcow2", overlay, str(partition.size))
        top = {
            "node-name": "top",
            "driver": "qcow2",
            "file": {"driver": "file", "filename": overlay},
            "backing": "part",
        }
        out = stack.enter_context(
            disk.run.reading(
                "setpriv", "--pdeathsig", "KILL", "sh", "-c", WHILE_WE_LIVE, str(os.getpid()),
                "qemu-storage-daemon", "--pidfile", pid,
                "--blockdev", json.dumps(part), "--blockdev", json.dumps(top),
                "--export", f"type=fuse,id=window,node-name=top,mountpoint={window},writable=on",
            )
        )  # fmt: skip
        wait_for_mount(window, out)
        stack.callback(end, pid)
        yield Shown(disk, partition, overlay, window)


def wait_for_mount(path: str, out: IO[bytes]) -> None:
    """Return when something is mounted; raise XenError when the program that is to do it ends or takes 10 s."""
    for _ in range(500):
        if os.path.ismount(path):
            return
        if select.select([out], [], [], 0.02)[0]:
            break
    raise XenError("FUSE shows nothing")


def end(pid_file: str) -> None:
    """Ask the daemon to end, which by now has written its PID."""
    with open(pid_file, encoding="ascii") as file:
        os.kill(int(file.read()), signal.SIGTERM)


class Copied:
    """A sparse copy of a partition."""

    def __init__(self, disk: Disk, partition: Partition, path: str) -> None:
        self.disk, self.partition, self.path = disk, partition, path
        self.before = digests(path)

    def changes(self) -> list[Change]:
        """Return how it differs from the disk by now."""
        found: list[Change] = []
        with open(self.path, "rb") as file:
            for index, digest in enumerate(digests(self.path)):
                if digest != self.before[index]:
                    file.seek(index * CHUNK)
                    found += compared(self.disk, self.partition.start + index * CHUNK, file.read(CHUNK))
        return found


@contextmanager
def copied(disk: Disk, partition: Partition) -> Iterator[Copied]:
    """Yield a copy of a partition."""
    with partition_copy(disk, partition) as copy:
        yield Copied(disk, partition, copy)


def digests(path: str) -> list[bytes]:
    """Return a digest of each MiB of the file; b'' for one that is all hole."""
    found = []
    with open(path, "rb", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        for at in range(0, size, CHUNK):
            if is_hole(file.fileno(), at, min(CHUNK, size - at)):
                found.append(b"")
            else:
                found.append(hashlib.blake2b(os.pread(file.fileno(), CHUNK, at), digest_size=16).digest())
    return found


def is_hole(fd: int, at: int, length: int) -> bool:
    """Say whether nothing is stored for a part of the open file."""
    try:
        return os.lseek(fd, at, os.SEEK_DATA) >= at + length
    except OSError:  # ENXIO: only hole up to the end
        return True


def compared(disk: Disk, offset: int, new: bytes) -> Iterator[Change]:
    """Yield where *new* differs from what the disk holds at *offset*."""
    old = disk.read(offset, len(new))
    for at, data in differences(old, new):
        yield Change(offset + at, old[at : at + len(data)], data)

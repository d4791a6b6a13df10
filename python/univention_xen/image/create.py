# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""New disk images: complete or not there at all, and never in place of anything."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from univention_xen import files
from univention_xen.errors import XenError
from univention_xen.image.look import FORMATS
from univention_xen.image.sizes import human
from univention_xen.log import log
from univention_xen.plan import Machine, Plan

LARGEST_VHD = 2040 << 30  # the format's limit, in bytes
PREALLOCATED = {"raw": "preallocation=falloc", "qcow2": "preallocation=falloc", "vhd": "subformat=fixed"}
LITTLE = 64 << 10
"""No file system gives more bytes to a file into which one block was written."""
PRIVATE = 0o600  # what is in a guest's disk is nobody's business


@dataclass(frozen=True)
class Create:
    """Make an empty image of *size* bytes; *script* tells sfdisk which partitions it gets ('' for none)."""

    path: str
    size: int
    format: str = "raw"
    preallocate: bool = False
    script: str = ""

    def __str__(self) -> str:
        how = "preallocated" if self.preallocate else "sparse"
        lines = "".join(f"\n  partition: {line}" for line in self.script.splitlines() if line.strip())
        return f"create {self.path}: {human(self.size)}, {self.format}, {how}{lines}"

    def apply(self, on: Machine) -> None:
        """Raise XenError when it does not work; then nothing is left behind."""
        try:
            with files.appearing(self.path, mode=PRIVATE) as name:
                self.fill(name, on)
        except FileExistsError:
            raise exists(self.path) from None

    def fill(self, name: str, on: Machine) -> None:
        """Make the empty file *name* the image."""
        driver = FORMATS[self.format]
        if not self.script or self.format == "raw":
            on.run("qemu-img", "create", "-q", "-f", driver, *self.options(), name, str(self.size))
            if self.script:
                partition(name, self.script, on)
            return
        with files.temporary(self.path) as raw:
            on.run("qemu-img", "create", "-q", "-f", "raw", raw, str(self.size))
            partition(raw, self.script, on)
            on.run("qemu-img", "convert", "-q", "-f", "raw", "-O", driver, *self.options(), raw, name)
        if self.preallocate:
            with open(name, "r+b") as image:  # copying has left out the zeros
                os.posix_fallocate(image.fileno(), 0, os.fstat(image.fileno()).st_size)

    def options(self) -> tuple[str, ...]:
        """Return what qemu-img is told about the format."""
        wanted = [PREALLOCATED[self.format]] if self.preallocate else []
        if self.format == "vhd":
            wanted.append("force_size=on")  # else the size is rounded up to what old BIOS geometry can express
        return ("-o", ",".join(wanted)) if wanted else ()


def partition(path: str, script: str, on: Machine) -> None:
    """Write the partition table that *script* describes into the raw image *path*."""
    on.run("sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", path, stdin=script)


def plan_create(path: str, size: int, *, format: str = "raw", preallocate: bool = False, script: str = "") -> Plan:  # noqa: A002
    """Return the plan for a new image, or refuse.

    Raises XenError when there is something at *path* already, no directory for it, or not enough room.
    """
    if os.path.lexists(path):
        raise exists(path)
    if format == "vhd" and size > LARGEST_VHD:
        raise XenError(f"a VHD holds at most {human(LARGEST_VHD)}", hint="choose --format qcow2 or raw")
    free = room(os.path.dirname(path))
    if preallocate and size > free:
        raise XenError(
            f"{path} needs {human(size)}, and its file system has {human(free)} left",
            hint="leave out --preallocate, or make room",
        )
    if size > free:
        log.warning(
            "%s can grow to %s, but its file system has only %s left: a guest that fills its disk gets write errors",
            path, human(size), human(free),
        )  # fmt: skip
    return Plan.of(Create(path, size, format, preallocate, script))


def is_blank(path: str | os.PathLike[str]) -> bool:
    """Whether nothing was ever written to a sparse raw image; qemu-img itself has filled its first block with zeros."""
    with open(path, "rb") as image:
        if os.fstat(image.fileno()).st_blocks * 512 > LITTLE:
            return False
        start = 0
        while True:
            try:
                start = os.lseek(image.fileno(), start, os.SEEK_DATA)
            except OSError as why:
                if why.errno == errno.ENXIO:  # there is no more data
                    return True
                raise
            end = os.lseek(image.fileno(), start, os.SEEK_HOLE)
            image.seek(start)
            if image.read(min(end - start, LITTLE)).strip(b"\0"):
                return False
            start = end


def room(directory: str) -> int:
    """Return how many bytes may still be written into *directory*; raises XenError when there is none."""
    try:
        status = os.statvfs(directory)
    except OSError as why:
        raise XenError(f"{directory}: {why.strerror}", hint=f"mkdir -p {directory}") from None
    return status.f_bavail * status.f_frsize


def exists(path: str) -> XenError:
    """Return the refusal to touch what is at *path*."""
    kind = "a block device" if path.startswith("/dev/") else "there already"
    return XenError(f"{path} is {kind}; nothing is overwritten", hint="choose another name, or remove it yourself")

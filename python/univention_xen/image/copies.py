# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Copies of images: clones, which share blocks where the file system can, and conversions to another format.

Like cp and qemu-img they leave it to the kernel when the bytes reach the disk: a kill leaves no half image under the
target's name, but a power cut within seconds of the end may.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import stat
import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from univention_xen import files
from univention_xen.errors import XenError
from univention_xen.image.create import PRIVATE, exists, room
from univention_xen.image.look import FORMATS, Image, status_of
from univention_xen.image.sizes import human
from univention_xen.image.users import refuse_in_use
from univention_xen.plan import Machine, Plan

if TYPE_CHECKING:
    from collections.abc import Callable

FICLONE = 0x40049409  # ioctl of Btrfs, XFS and others; linux/fs.h
RESERVE = 0x4030582A  # ioctl FS_IOC_RESVSP64 with a struct space_resv; linux/falloc.h
CHUNK = 16 << 20
CANNOT = (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM, errno.ENODEV)


@dataclass(frozen=True)
class Clone:
    """Copy an image as it is; holes stay holes."""

    image: Image
    target: str

    def __str__(self) -> str:
        return f"clone {self.image.path} to {self.target} ({human(self.image.used)} at most)"

    def apply(self, on: Machine) -> None:
        """Raise XenError when it does not work; then there is no target."""
        source = self.image.path
        try:
            with files.appearing(self.target, mode=mode_of(source), durable=False) as name:
                if self.image.device:
                    convert(self.image, name, "raw", (), on)
                else:
                    clone(source, name)
        except FileExistsError:
            raise exists(self.target) from None


@dataclass(frozen=True)
class Convert:
    """Copy an image into another format."""

    image: Image
    target: str
    format: str
    compress: bool = False

    def __str__(self) -> str:
        packed = ", compressed" if self.compress else ""
        return f"convert {self.image.path} ({self.image.format}) to {self.target} ({self.format}{packed})"

    def apply(self, on: Machine) -> None:
        """Raise XenError when it does not work; then there is no target."""
        options = ("-o", "force_size=on") if self.format == "vhd" else ()
        try:
            with files.appearing(self.target, mode=mode_of(self.image.path), durable=False) as name:
                convert(self.image, name, self.format, (*options, *(["-c"] if self.compress else [])), on)
        except FileExistsError:
            raise exists(self.target) from None


def plan_clone(image: Image, target: str) -> Plan:
    """Return the plan for a clone, or refuse. Raises XenError."""
    refuse_copy(image, target)
    return Plan.of(Clone(image, target))


def plan_convert(image: Image, target: str, format: str, *, compress: bool = False) -> Plan:  # noqa: A002
    """Return the plan for a conversion, or refuse. Raises XenError."""
    if compress and format != "qcow2":
        raise XenError("only qcow2 images can be compressed", hint="say --to qcow2")
    refuse_copy(image, target)
    return Plan.of(Convert(image, target, format, compress))


def refuse_copy(image: Image, target: str) -> None:
    """Raise XenError when something is at *target*, or the image is in use or not all there."""
    if os.path.lexists(target):
        raise exists(target)
    room(os.path.dirname(target))
    refuse_source(image)


def refuse_source(image: Image) -> None:
    """Raise XenError when the image is in use or not all there."""
    refuse_in_use(image.path)
    if image.backing:
        raise XenError(
            f"{image.path} holds only the difference to {image.backing}",
            hint="if that is right: qemu-img rebase -b '' makes it whole",
        )


def mode_of(path: str) -> int:
    """Return who may do what with a copy of *path*: the same, and nobody else for a copy of a device."""
    status = status_of(path)
    return stat.S_IMODE(status.st_mode) if stat.S_ISREG(status.st_mode) else PRIVATE


def convert(image: Image, name: str, format: str, options: tuple[str, ...], on: Machine) -> None:  # noqa: A002
    """Fill the file *name* with the image in another format. Raises XenError."""
    from univention_xen.image.inside import explained  # takes 10 ms that a clone need not pay

    words = ("qemu-img", "convert", "-f", image.driver, "-O", FORMATS[format], *options, image.path, name)
    with explained(image.path):
        if sys.stderr.isatty():
            on.run.through(*words[:2], "-p", *words[2:], target=sys.stderr.fileno())
        else:
            on.run(*words)


def clone(source: str, target: str) -> None:
    """Make the empty file *target* the same as *source*: by sharing its blocks, else by copying what is no hole.

    Raises XenError when there is not enough room.
    """
    with open(source, "rb", buffering=0) as old, open(target, "r+b", buffering=0) as new:
        try:
            fcntl.ioctl(new.fileno(), FICLONE, old.fileno())
            return
        except OSError as why:
            if why.errno not in CANNOT:
                raise
        status = os.fstat(old.fileno())
        needed, free = status.st_blocks * 512, room(os.path.dirname(target))
        if needed > free:
            raise XenError(f"the copy needs {human(needed)}, and its file system has {human(free)} left")
        copy_data(old.fileno(), new.fileno(), status.st_size, progress(status.st_size))


def copy_data(old: int, new: int, size: int, tell: Callable[[int], None]) -> None:
    """Copy everything but holes between two open files; *tell* hears how far it is."""
    os.ftruncate(new, size)
    at = 0
    while at < size:
        try:
            at = os.lseek(old, at, os.SEEK_DATA)
        except OSError as why:
            if why.errno != errno.ENXIO:
                raise
            break  # nothing but a hole up to the end
        end = os.lseek(old, at, os.SEEK_HOLE)
        reserve(new, at, end - at)
        while at < end:
            count = copy_some(old, new, at, min(CHUNK, end - at))
            if not count:
                raise XenError("the image became shorter while it was copied")
            at += count
            tell(at)
    tell(size)


def reserve(new: int, at: int, count: int) -> None:
    """Let the file system find the blocks for what comes next at once, where it can: that is a quarter of the work.

    By ioctl, since posix_fallocate() writes a byte into each block of a file system that cannot. Raises OSError
    when there is not enough room.
    """
    try:
        fcntl.ioctl(new, RESERVE, struct.pack("hhqqiI16x", 0, os.SEEK_SET, at, count, 0, 0))
    except OSError as why:
        if why.errno not in CANNOT:
            raise


def copy_some(old: int, new: int, at: int, count: int) -> int:
    """Copy some bytes at the same offset; return how many it were.

    From a mapping the kernel copies once and in large pieces, a fifth cheaper than cp's reading and writing. Should
    the source be cut off meanwhile, the system call fails; nobody here looks into the mapping.
    """
    start = at // mmap.PAGESIZE * mmap.PAGESIZE
    try:
        with (
            mmap.mmap(
                old, at + count - start, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE, prot=mmap.PROT_READ, offset=start
            ) as mapped,
            memoryview(mapped) as view,
            view[at - start :] as piece,
        ):
            return os.pwrite(new, piece, at)
    except (ValueError, OSError) as why:
        if isinstance(why, OSError) and why.errno not in CANNOT:
            raise
    return os.pwrite(new, os.pread(old, min(count, 1 << 20), at), at)


def progress(size: int) -> Callable[[int], None]:
    """Return what tells people at a terminal how far a copy of *size* bytes is, in qemu-img's words."""
    if not sys.stderr.isatty():
        return lambda _done: None

    def tell(done: int) -> None:
        sys.stderr.write(f"    ({100 * done / max(size, 1):.2f}/100%)\r" + "\n" * (done >= size))
        sys.stderr.flush()

    return tell

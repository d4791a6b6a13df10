# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The disks of a snapshot: kept by whichever means the image allows, put back, forgotten."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from typing import TYPE_CHECKING

from univention_xen import files
from univention_xen.errors import XenError
from univention_xen.image import copies, users
from univention_xen.image.look import status_of
from univention_xen.image.sizes import human
from univention_xen.toolstack.snapshot import COPY, QCOW2, REFLINK, Kept

if TYPE_CHECKING:
    from collections.abc import Iterable

    from univention_xen.guest.model import Disk, Guest
    from univention_xen.plan import Machine
    from univention_xen.toolstack.snapshot import Snapshot

TAG = "univention-xen:"
"""What the names of our snapshots inside qcow2 images begin with."""
COPY_DEVICE = ("dd", "bs=1M", "status=none")
"""Past the page cache, which may know less of a device than the guest has written."""


def plan_keep(guest: Guest, label: str, directory: str, on: Machine) -> tuple[Kept, ...]:
    """Return how each disk that the guest writes is kept. Raises XenError for one that cannot be."""
    return tuple(keeping(disk, label, directory, on) for disk in guest.disks if disk.writable and disk.path)


def keeping(disk: Disk, label: str, directory: str, on: Machine) -> Kept:
    """Return how a disk is kept. Raises XenError."""
    if disk.script or disk.backend or not disk.path.startswith("/"):
        by = f"the script {disk.script}" if disk.script else f"the domain {disk.backend}" if disk.backend else disk.path
        raise XenError(
            f"the disk {disk.vdev} comes from {by}, and this host cannot keep a copy of what lies there",
            hint="make the snapshot where that storage is, while the guest is saved",
        )
    status = status_of(os.fspath(on.path(disk.path)))
    place = os.fspath(on.path(disk.path))
    if stat.S_ISBLK(status.st_mode):
        return Kept(disk.path, disk.vdev, disk.format, COPY, f"disk-{disk.vdev}", device_size(place))
    if disk.format == "qcow2":
        return Kept(disk.path, disk.vdev, disk.format, QCOW2, TAG + label)
    how = REFLINK if shares_blocks(place, directory) else COPY
    return Kept(disk.path, disk.vdev, disk.format, how, f"disk-{disk.vdev}", status.st_blocks * 512)


def device_size(path: str) -> int:
    """Return the bytes of a block device."""
    with open(path, "rb") as device:
        return device.seek(0, os.SEEK_END)


def shares_blocks(image: str, directory: str) -> bool:
    """Say whether a copy of *image* in *directory* takes no room; tried with a file that nobody sees."""
    try:
        new = os.open(directory, os.O_TMPFILE | os.O_RDWR, 0o600)
    except OSError:
        return False
    try:
        with open(image, "rb") as old:
            fcntl.ioctl(new, copies.FICLONE, old.fileno())
        return True
    except OSError:
        return False
    finally:
        os.close(new)


def describe(kept: Kept, snapshot: Snapshot) -> str:
    """Return what keeping a disk is, for people."""
    if kept.how == QCOW2:
        return f"qemu-img snapshot -c {kept.under} {kept.path}"
    room = "shares its blocks" if kept.how == REFLINK else f"{human(kept.used)} at most, which takes its time"
    return f"copy {kept.path} to {snapshot.at(kept.under)} ({room})"


def describe_back(kept: Kept, snapshot: Snapshot) -> str:
    """Return what putting a disk back is, for people."""
    if kept.how == QCOW2:
        return f"qemu-img snapshot -a {kept.under} {kept.path}"
    return f"copy {snapshot.at(kept.under)} to {kept.path}"


def keep(kept: Kept, snapshot: Snapshot, on: Machine) -> None:
    """Keep a disk that nobody writes now. Raises XenError and OSError."""
    source, target = os.fspath(on.path(kept.path)), os.fspath(on.path(snapshot.at(kept.under)))
    if kept.how == QCOW2:
        users.refuse_in_use(source)
        on.run("qemu-img", "snapshot", "-c", kept.under, source)
        return
    with files.appearing(target, mode=0o600) as name:
        if stat.S_ISBLK(os.stat(source).st_mode):
            on.run(*COPY_DEVICE, "iflag=direct", "conv=sparse", f"if={source}", f"of={name}")
        else:
            copies.clone(source, name)


def put_back(kept: Kept, snapshot: Snapshot, on: Machine) -> None:
    """Make a disk what it was; doing it again does no harm. Raises XenError and OSError."""
    image, copy = os.path.realpath(on.path(kept.path)), os.fspath(on.path(snapshot.at(kept.under)))
    if kept.how == QCOW2:
        on.run("qemu-img", "snapshot", "-a", kept.under, image)
        return
    now = os.stat(image) if os.path.exists(image) else None
    if now and stat.S_ISBLK(now.st_mode):
        on.run(*COPY_DEVICE, "oflag=direct", "conv=nocreat,notrunc,fsync", f"if={copy}", f"of={image}")
        return
    mode = stat.S_IMODE(now.st_mode) if now else 0o600
    with files.appearing(image, mode=mode, instead=True) as name:
        if now:
            os.chown(name, now.st_uid, now.st_gid)
        copies.clone(copy, name)


def forget(kept: Kept, snapshot: Snapshot, on: Machine) -> None:
    """Remove what a disk was kept as, if it is there. Raises XenError."""
    image = os.fspath(on.path(kept.path))
    if kept.how != QCOW2:
        path = os.fspath(on.path(snapshot.at(kept.under)))
        files.sweep(path)
        files.remove(path)
    elif os.path.exists(image):
        while kept.under in tags(image, on):  # qemu-img takes a name twice
            on.run("qemu-img", "snapshot", "-d", kept.under, image)


def tags(image: str, on: Machine) -> list[str]:
    """Return the names of the snapshots inside a qcow2 image. Raises XenError."""
    out = on.run("qemu-img", "info", "-U", "--output=json", "-f", "qcow2", image).out
    try:
        return [str(each["name"]) for each in json.loads(out).get("snapshots", ())]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise XenError(f"qemu-img says nothing understandable about {image}") from None


def refuse_lost(disks: Iterable[Kept], snapshot: Snapshot, on: Machine) -> None:
    """Raise XenError when something is missing that is needed to put the disks back, or room for it."""
    free: dict[int, int] = {}
    for kept in disks:
        image, copy = os.path.realpath(on.path(kept.path)), on.path(snapshot.at(kept.under))
        if kept.how == QCOW2:
            if not os.path.exists(image) or kept.under not in tags(image, on):
                raise lost(snapshot, f"{kept.path} no longer holds the snapshot {kept.under}")
            continue
        if not copy.exists():
            raise lost(snapshot, f"{copy} is gone")
        directory = os.path.dirname(image)
        if not os.path.isdir(directory):
            raise XenError(f"there is no directory {directory} for {kept.path}", hint=f"mkdir -p {directory}")
        now = os.stat(image) if os.path.exists(image) else None
        if now and stat.S_ISBLK(now.st_mode):
            if device_size(image) < copy.stat().st_size:
                raise lost(snapshot, f"{kept.path} has become smaller")
            continue
        if kept.path.startswith("/dev/"):
            raise lost(snapshot, f"{kept.path} is no block device any more")
        if kept.how == REFLINK:
            continue
        device = os.stat(directory).st_dev
        left = free.setdefault(device, room(directory))
        needed = copy.stat().st_blocks * 512
        if needed > left:
            raise XenError(
                f"{directory} has {human(left)} left, and {kept.path} is set back as a copy of {human(needed)}",
                hint="make room; nothing has been changed",
            )
        free[device] = left - needed + (now.st_blocks * 512 if now else 0)


def lost(snapshot: Snapshot, what: str) -> XenError:
    """Return the refusal to go back to a snapshot that is no longer whole."""
    return XenError(
        f"the snapshot {snapshot.label} of {snapshot.guest} is not whole: {what}", hint="nothing has been changed"
    )


def room(directory: str) -> int:
    """Return how many bytes may still be written into a directory, which may still have to be made."""
    there = existing(directory)
    status = os.statvfs(there)
    return status.f_bavail * status.f_frsize


def existing(directory: str) -> str:
    """Return the directory, or the nearest one above it that exists."""
    while not os.path.isdir(directory) and directory != os.path.dirname(directory):
        directory = os.path.dirname(directory)
    return directory


def sync(path: str) -> None:
    """Make what a program has written survive a power cut. Raises OSError: the disk may be full only now."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

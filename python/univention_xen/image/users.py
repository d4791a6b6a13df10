# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Who has a disk image open: processes, loop and mapped devices, and guests through the kernel's block back end."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from univention_xen.errors import Busy


@dataclass(frozen=True)
class User:
    """Somebody who has an image open; *what* completes "is in use by …"."""

    what: str
    pid: int = 0


def users(path: str, root: Path = Path("/")) -> list[User]:
    """Return everybody who has the file or block device *path* open, ourselves excepted.

    As root it sees all processes, as somebody else only one's own.
    """
    try:
        status = os.stat(path)
    except OSError:
        return []
    loops = loop_devices(root, status)
    devices = {number for number, _ in loops}
    if stat.S_ISBLK(status.st_mode):
        devices.add(status.st_rdev)
    found = [User(f"the loop device {name}") for _, name in loops]
    found += [User(f"the device {name}") for name in holders(root, devices)]
    found += [User(f"the guest with domain id {domain}") for domain in backends(root, devices)]
    return found + processes(root, status, devices)


def refuse_in_use(path: str, root: Path = Path("/")) -> None:
    """Raise Busy when somebody has the image open."""
    if found := users(path, root):
        raise Busy(f"{path} is in use by {found[0].what}", hint="shut the guest down first, or work on a copy")


def loop_devices(root: Path, status: os.stat_result) -> list[tuple[int, str]]:
    """Return number and name of the loop devices whose backing file is this one."""
    found = []
    for backing in root.glob("sys/block/loop*/loop/backing_file"):
        try:
            file = os.stat(backing.read_text(encoding="utf-8", errors="surrogateescape").rstrip("\n"))
        except OSError:
            continue
        if (file.st_dev, file.st_ino) == (status.st_dev, status.st_ino):
            device = backing.parent.parent
            found.append((number_of(device), "/dev/" + device.name))
    return found


def holders(root: Path, devices: set[int]) -> list[str]:
    """Return the names of devices (LVM, multipath, RAID) that lie on one of *devices*."""
    found = root.glob("sys/block/*/holders/*")
    return ["/dev/" + holder.name for holder in found if number_of(holder.parent.parent) in devices]


def backends(root: Path, devices: set[int]) -> list[int]:
    """Return the domain ids of guests that Linux's blkback serves one of *devices* (hexadecimal MAJOR:MINOR)."""
    found = set()
    for file in root.glob("sys/bus/xen-backend/devices/vbd-*/physical_device"):
        try:
            major, minor = (int(part, 16) for part in file.read_text(encoding="ascii").strip().split(":"))
            domain = int(file.parent.name.split("-")[1])
        except (OSError, ValueError, IndexError):
            continue
        if os.makedev(major, minor) in devices:
            found.add(domain)
    return sorted(found)


def number_of(device: Path) -> int:
    """Return the device number that /sys tells for a block device; -1 when there is none."""
    try:
        major, minor = (device / "dev").read_text(encoding="ascii").strip().split(":")
        return os.makedev(int(major), int(minor))
    except (OSError, ValueError):
        return -1


def processes(root: Path, status: os.stat_result, devices: set[int]) -> list[User]:
    """Return the processes that have the file or one of *devices* open."""
    found = []
    for directory in root.glob("proc/[0-9]*"):
        pid = int(directory.name)
        if pid != os.getpid() and has_open(directory / "fd", status, devices):
            found.append(User(f"{program(directory)} (process {pid})", pid))
    return found


def has_open(descriptors: Path, status: os.stat_result, devices: set[int]) -> bool:
    """Say whether one of a process's open files is the file or one of *devices*."""
    try:
        names = os.listdir(descriptors)
    except OSError:
        return False
    for name in names:
        try:
            file = os.stat(descriptors / name)
        except OSError:
            continue
        if (file.st_dev, file.st_ino) == (status.st_dev, status.st_ino):
            return True
        if stat.S_ISBLK(file.st_mode) and file.st_rdev in devices:
            return True
    return False


def program(directory: Path) -> str:
    """Return the name of the program that a process in /proc runs."""
    try:
        return (directory / "comm").read_text(encoding="utf-8", errors="replace").strip() or "a program"
    except OSError:
        return "a program"

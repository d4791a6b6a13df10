# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Where the boot menu is: a boot.ini or a BCD, as a file of this host or inside a disk image."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from univention_xen.bootini import text
from univention_xen.errors import XenError
from univention_xen.image import look as images
from univention_xen.image.fat import Fat
from univention_xen.image.inside import Disk, explained
from univention_xen.image.ntfs import Ntfs
from univention_xen.image.partition_file import PartitionFile, partition_file
from univention_xen.image.partitions import ESP, Partition, Table
from univention_xen.plan import Machine

INI, BCD = "boot.ini", "BCD"
BIOS_BCD, UEFI_BCD = "Boot/BCD", "EFI/Microsoft/Boot/BCD"
PLACES = {INI: (INI,), BCD: (UEFI_BCD, BIOS_BCD)}
LARGEST_FILE = 16 << 20
FILESYSTEMS: dict[str, type[Fat] | type[Ntfs]] = {"ntfs": Ntfs, "fat12": Fat, "fat16": Fat, "fat32": Fat}


@dataclass(frozen=True)
class Inside:
    """Where in an image a file lies."""

    disk: Disk
    partition: Partition
    filesystem: str
    path: str


@dataclass(frozen=True)
class Found:
    """A boot menu: its kind, its bytes and where it is.

    A BCD has a *log* and *backups*, the oldest first; *also* is the kind of another menu beside it.
    """

    kind: str
    data: bytes = field(repr=False)
    path: str
    inside: Inside | None = None
    log: bytes = b""
    also: str = ""
    backups: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def source(self) -> str:
        """Return what messages call it."""
        return f"{self.path}, {self.inside.path}" if self.inside else self.path


def look_at(path: str, on: Machine, *, kind: str = "", format: str = "") -> Found:  # noqa: A002
    """Return the boot menu that *path*, a boot.ini, a BCD or a disk image of a certain *format*, holds.

    *kind* says which one is meant where an image has both. Raises XenError.
    """
    if str(on.root) != "/":
        path = str(on.path(os.path.abspath(path)))
    status = images.status_of(path)
    if not format and stat.S_ISREG(status.st_mode) and status.st_size <= LARGEST_FILE:
        with open(path, "rb") as file:
            head = file.read(4)
            if head == b"regf":
                return Found(BCD, head + file.read(), path, log=log_beside(path), backups=backups_beside(path))
            if status.st_size <= text.LARGEST and head not in (b"QFI\xfb", b"cone"):
                return Found(INI, head + file.read(), path)
    return look_inside(path, on, kind, format)


def log_beside(path: str) -> bytes:
    """Return the BCD.LOG that lies beside a BCD, b'' when there is none."""
    try:
        with open(path + ".LOG", "rb") as file:
            return file.read(512)
    except OSError:
        return b""


def backups_beside(path: str) -> tuple[bytes, ...]:
    """Return the backups of a file of this host."""
    directory, name = os.path.split(path)
    found = []
    for backup in backups_of(name, os.listdir(directory or ".")):
        with open(os.path.join(directory, backup), "rb") as file:
            found.append(file.read(LARGEST_FILE))
    return tuple(found)


def backups_of(name: str, names: list[str]) -> list[str]:
    """Return those of *names* that are backups of the file *name*, the oldest first."""
    ours = re.compile(re.escape(name) + r"\.bak-([0-9]{8})(?:-([0-9]{1,6}))?")
    found = [match for match in map(ours.fullmatch, names) if match]
    return [match[0] for match in sorted(found, key=lambda match: (match[1], int(match[2] or 1)))]


def look_inside(path: str, on: Machine, kind: str, format: str) -> Found:  # noqa: A002
    """Return the boot menu in a disk image."""
    with explained(path):
        image = images.look_at(path, on.run, format=format)
    if image.driver not in images.FORMATS.values():
        raise XenError(f"{path} is a disk image in the format {image.format}", hint="qemu-img convert it to raw")
    if image.backing and not format:
        # the guest could have written such a header onto its raw disk, to be shown a file of the host
        raise XenError(f"{path} lies on another image, {image.backing}", hint="if that is meant: --format qcow2")
    disk = Disk(image, on.run)
    table = disk.table()
    refuse_encrypted(disk, table)
    partition = system_partition(disk, table)
    filesystem = disk.filesystem(partition)
    with opened(disk, partition) as (inside, _):
        there = {each: next(filter(None, map(inside.find, PLACES[each])), "") for each in PLACES}
        chosen = kind or (BCD if there[BCD] else INI)
        name = there[chosen]
        if not name:
            wanted = kind or " and no ".join(there)
            raise XenError(f"{path}: partition {partition.number}, from which it starts, has no {wanted}")
        log, backups = "", []
        if chosen == BCD:
            directory, slash, file = name.rpartition("/")
            log = inside.find(name + ".LOG")
            backups = [inside.get(directory + slash + each) for each in backups_of(file, inside.names(directory))]
        return Found(
            chosen, inside.get(name), path, Inside(disk, partition, filesystem, name),
            inside.get(log)[:512] if log else b"", next((k for k in there if k != chosen and there[k]), ""),
            tuple(backups),
        )  # fmt: skip


@contextmanager
def opened(disk: Disk, partition: Partition) -> Iterator[tuple[Fat | Ntfs, PartitionFile]]:
    """Yield the file system in a partition, and the file that shows it, in which it may be changed."""
    system = FILESYSTEMS[disk.filesystem(partition)]
    with partition_file(disk, partition) as file:
        yield system(file.path, disk.run), file


def refuse_encrypted(disk: Disk, table: Table) -> None:
    """Raise XenError when BitLocker guards a partition: it would ask for the recovery key after any change."""
    if any(disk.filesystem(partition) == "bitlocker" for partition in table.partitions):
        raise XenError(
            f"{disk.image.path} is encrypted with BitLocker, which notices a changed boot menu",
            hint="suspend it in Windows first: manage-bde -protectors -disable C:",
        )


def system_partition(disk: Disk, table: Table) -> Partition:
    """Return the partition that the machine starts from: the active one, or the EFI system partition.

    Not just any with a boot.ini: partitions for recovery may have one as well.
    """
    name = disk.image.path
    if table.kind == "gpt":
        chosen = [partition for partition in table.partitions if partition.type == ESP]
        what = "EFI system partition"
    else:
        chosen = [partition for partition in table.partitions if partition.active or table.kind == "none"]
        what = "active partition"
    if len(chosen) != 1:
        raise XenError(f"{name} has {'more than one' if chosen else 'no'} {what}, so Windows does not start from it")
    if disk.filesystem(chosen[0]) not in FILESYSTEMS:
        raise XenError(f"{name}: its {what}, number {chosen[0].number}, holds neither NTFS nor FAT")
    return chosen[0]

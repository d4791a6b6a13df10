# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Whether an image, its partition table and its file systems are sound; nothing is repaired."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from univention_xen import files
from univention_xen.errors import CommandFailed, ToolMissing
from univention_xen.image import growing
from univention_xen.image.inside import Disk, explained
from univention_xen.image.report import inside
from univention_xen.image.users import refuse_in_use

if TYPE_CHECKING:
    from collections.abc import Iterator

    from univention_xen.image.filesystems import FileSystem
    from univention_xen.image.look import Image
    from univention_xen.image.partitions import Partition
    from univention_xen.run import Runner

CHECKERS = {
    **dict.fromkeys(growing.EXT, ("e2fsprogs", "e2fsck", "-fn")),
    "ntfs": ("ntfs-3g", "ntfsfix", "-n"),
    **dict.fromkeys(("fat12", "fat16", "fat32"), ("dosfstools", "fsck.fat", "-n")),
    "xfs": ("xfsprogs", "xfs_repair", "-n"),
    "btrfs": ("btrfs-progs", "btrfs", "check", "--readonly"),
}
"""The Debian package and the words of what checks a file system without changing it."""
LEAKED = 3  # qemu-img: blocks are lost, nothing is damaged
NOT_CHECKED = 63  # qemu-img: the format has nothing to check


class Finding(NamedTuple):
    """What came of one check; *said* is '' when all is well."""

    what: str
    wrong: bool
    said: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.said or 'sound'}"


def check(image: Image, run: Runner) -> list[Finding]:
    """Check everything that can be checked. Raises XenError when the image is in use."""
    refuse_in_use(image.path)
    found = [check_format(image, run)]
    told = inside(image, run)
    found.append(Finding("partition table", told.damaged, told.remark or ("" if told.table != "none" else "none")))
    for partition, system in told.partitions:
        if system and system.kind in CHECKERS:
            found.append(check_system(image, partition, system, run))
    return found


def check_format(image: Image, run: Runner) -> Finding:
    """Let qemu-img look at its own structures."""
    with explained(image.path):
        done = run("qemu-img", "check", "-f", image.driver, image.path, ok=(0, 1, 2, LEAKED, NOT_CHECKED))
    if done.code in (0, NOT_CHECKED):
        return Finding(f"format {image.format}", False)
    lines = (done.out.strip() or done.err.strip()).splitlines()
    return Finding(f"format {image.format}", done.code != LEAKED, next(filter(None, reversed(lines)), "damaged"))


def check_system(image: Image, partition: Partition, system: FileSystem, run: Runner) -> Finding:
    """Check one file system, in a copy if its program cannot look into the image."""
    what = f"partition {partition.number}: {system.kind}" if partition.number else system.kind
    package, *words = CHECKERS[system.kind]
    try:
        for place in places(image, partition, system, run):
            growing.tool(run, package, *words, place)
        return Finding(what, False)
    except ToolMissing as why:
        return Finding(what, False, f"not checked, since {why}: {why.hint}")
    except CommandFailed as why:
        lines = [line for line in (why.out + why.err).splitlines() if line.strip()]
        return Finding(what, True, lines[-1].strip() if lines else str(why))


def places(image: Image, partition: Partition, system: FileSystem, run: Runner) -> Iterator[str]:
    """Yield, once, where a program finds the file system."""
    if image.format == "raw" and system.kind in growing.EXT:
        yield f"{image.path}?offset={partition.start}"
        return
    with files.temporary(os.path.realpath(image.path)) as copy:
        Disk(image, run).copy_out(partition.start, partition.size, copy)
        yield copy

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Larger and smaller images, with their last partition and its file system if wanted.

Only the plain growth of raw and qcow2 happens in place, which is one step for qemu-img. Everything else is done to a
copy that takes the place of the image when it is right, so that a kill at any time leaves the old image or the new.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from univention_xen import files
from univention_xen.errors import XenError
from univention_xen.image import copies, growing, table
from univention_xen.image.create import room
from univention_xen.image.filesystems import FileSystem
from univention_xen.image.inside import Disk, explained
from univention_xen.image.look import Image
from univention_xen.image.partitions import Partition, Table
from univention_xen.image.report import inside
from univention_xen.image.sizes import human
from univention_xen.image.users import refuse_in_use
from univention_xen.log import log
from univention_xen.plan import Machine, Plan

if TYPE_CHECKING:
    from univention_xen.run import Runner

IN_PLACE = ("raw", "qcow2")
KIB = 1024


@dataclass(frozen=True)
class Grow:
    """Make the disk larger and leave its partitions alone."""

    image: Image
    size: int

    def __str__(self) -> str:
        return f"grow {self.image.path} from {human(self.image.size)} to {human(self.size)}"

    def apply(self, on: Machine) -> None:
        """Raise XenError when it does not work."""
        with explained(self.image.path):
            on.run("qemu-img", "resize", "-q", "-f", self.image.driver, self.image.path, str(self.size))


@dataclass(frozen=True)
class Rebuild:
    """Make a copy of another size, with *partition* resized if there is one, and put it in the image's place."""

    image: Image
    size: int
    table: Table
    partition: Partition | None = None
    system: FileSystem | None = None

    def __str__(self) -> str:
        lines = [f"resize {self.image.path} from {human(self.image.size)} to {human(self.size)}, on a copy"]
        if self.partition:
            lines.append(f"  {growing.describe(self.partition, self.system)} becomes {human(self.partition_size)}")
        return "\n".join(lines)

    @property
    def partition_size(self) -> int:
        """How large the last partition becomes, in bytes."""
        if not self.partition:
            return 0
        return table.usable(self.table.kind, self.size) - self.partition.start

    def apply(self, on: Machine) -> None:
        """Raise XenError when it does not work; then the image is as it was."""
        path = os.path.realpath(self.image.path)
        status = os.stat(path)
        with files.appearing(path, mode=stat.S_IMODE(status.st_mode), instead=True) as name:
            os.chown(name, status.st_uid, status.st_gid)
            if self.image.format == "raw":
                copies.clone(path, name)
                self.change(name, on.run)
                return
            with files.temporary(path) as raw:
                copies.convert(self.image, raw, "raw", (), on)
                self.change(raw, on.run)
                packed = Image(raw, "raw", self.size, 0)
                options = ("-o", "force_size=on") if self.image.format == "vhd" else ()
                copies.convert(packed, name, self.image.format, options, on)

    def change(self, path: str, run: Runner) -> None:
        """Resize the raw image *path*: a file system shrinks before its partition, and grows after it."""
        old, new = self.partition, self.partition_size
        shrinking = old is not None and new < old.size
        if old and self.system and shrinking:
            growing.resize(path, old, self.system, new // KIB * KIB, run)
        if self.table.kind == "none":
            os.truncate(path, self.size)
        else:
            table.resize(path, self.table, old.number if old else 0, new, self.size, run)
        if old and self.system and not shrinking:
            growing.resize(path, old._replace(size=new), self.system, new // KIB * KIB, run)


def plan_resize(image: Image, size: int, *, partition: bool, shrink: bool, on: Machine) -> Plan:
    """Return the plan for another size, or refuse. Raises XenError."""
    if image.device:
        raise XenError(f"{image.path} is a block device", hint="resize it with the tools of its kind, such as lvextend")
    if size == image.size and not partition:
        return Plan.nothing(f"{image.path} is {human(size)} large already")
    if size < image.size and not shrink:
        raise XenError(
            f"{human(size)} is less than the {human(image.size)} that {image.path} has",
            hint="--shrink allows it, after a look at whether the file systems fit",
        )
    refuse_in_use(image.path)
    refuse_what_is_lost(image, size)
    if size > image.size and size - image.used > room(os.path.dirname(os.path.abspath(image.path))):
        log.warning("%s can outgrow its file system: a guest that fills its disk gets write errors", image.path)
    found = inside(image, on.run)
    layout = Table(found.table, tuple(each for each, _ in found.partitions))
    if found.remark and layout.kind == "none" and (partition or size < image.size):
        raise XenError(f"{image.path}: {found.remark}", hint="leave out --partition; it cannot shrink")
    if not partition:
        if size < image.size:
            refuse_cut(image, layout, found.partitions, size, on)
        elif layout.kind != "gpt" and image.format in IN_PLACE:
            return Plan.of(Grow(image, size))
        return Plan.of(Rebuild(image, size, layout))
    return plan_with_partition(image, size, layout, dict(found.partitions), on)


def refuse_what_is_lost(image: Image, size: int) -> None:
    """Raise XenError for an image with parts that a copy would not have."""
    if image.snapshots and (size < image.size or image.format not in IN_PLACE):
        raise XenError(f"{image.path} has snapshots, which would be lost", hint="qemu-img snapshot -l lists them")
    if image.backing:
        raise XenError(
            f"{image.path} holds only the difference to {image.backing}", hint="qemu-img rebase -b '' makes it whole"
        )


def refuse_cut(
    image: Image, layout: Table, found: tuple[tuple[Partition, FileSystem | None], ...], size: int, on: Machine
) -> None:
    """Raise XenError when something would lie beyond the new end."""
    del on
    end = table.end(layout.kind, size)
    for partition, system in found:
        used = system.size if system and layout.kind == "none" and system.size else partition.size
        if partition.start + used > end:
            raise XenError(
                f"{growing.describe(partition, system)} ends beyond {human(size)}",
                hint="--partition shrinks the last partition and its file system first",
            )
    if layout.kind == "none" and not found:
        raise XenError(f"{image.path}: what it holds is not known, so it cannot shrink")


def plan_with_partition(
    image: Image, size: int, layout: Table, systems: dict[Partition, FileSystem | None], on: Machine
) -> Plan:
    """Return the plan when the last partition is to be resized as well. Raises XenError."""
    last = table.last(layout)
    if last is None:
        raise XenError(f"{image.path} has no partition", hint="leave out --partition")
    system = systems[last]
    table.refuse_logical(last, layout)
    plan = Rebuild(image, size, layout, last, system if system and system.kind in growing.RESIZABLE else None)
    if size == image.size and plan.partition_size <= last.size:
        return Plan.nothing(f"partition {last.number} of {image.path} fills the disk already")
    if plan.partition_size < last.size:
        refuse_too_small(plan, last, system, on)
    elif plan.system is None:
        what = f"holds {system.kind}, which" if system else "holds nothing known, and that"
        log.warning("%s %s does not grow with it", growing.describe(last, system), what)
    return Plan.of(plan)


def refuse_too_small(plan: Rebuild, last: Partition, system: FileSystem | None, on: Machine) -> None:
    """Raise XenError when the file system does not fit, or cannot be made smaller."""
    if plan.system is None:
        raise XenError(
            f"{growing.describe(last, system)} cannot be made smaller", hint="only ext2, ext3, ext4 and NTFS can"
        )
    with files.temporary(os.path.realpath(plan.image.path)) as copy:
        Disk(plan.image, on.run).copy_out(last.start, last.size, copy)
        needed = growing.least(copy, plan.system, on.run)
    if needed > plan.partition_size:
        fits = last.start + needed + plan.size - table.usable(plan.table.kind, plan.size)
        raise XenError(
            f"the {plan.system.kind} on partition {last.number} needs {human(needed)},"
            f" and {human(max(plan.partition_size, 0))} are left for it",
            hint=f"the image can be {-(-fits // (1 << 20)) + 1}M or larger",
        )

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Room given back to the host: what an image stores although it is zero, or free in its file system.

A raw image is made sparse in place, since holes read as the zeros that were there. The other formats are written anew
and take the image's place when they are complete.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from univention_xen import files
from univention_xen.errors import XenError
from univention_xen.image import copies, growing
from univention_xen.image.look import Image
from univention_xen.image.partitions import Partition
from univention_xen.image.report import inside
from univention_xen.image.sizes import human
from univention_xen.image.users import refuse_in_use
from univention_xen.plan import Machine, Plan


@dataclass(frozen=True)
class DigHoles:
    """Turn blocks of zeros into holes, after *systems* have said which of their blocks are free."""

    image: Image
    systems: tuple[Partition, ...] = ()

    def __str__(self) -> str:
        free = "".join(f"\n  give back the free space of partition {each.number}" for each in self.systems)
        return f"make holes of the zeros in {self.image.path} ({human(self.image.used)} now){free}"

    def apply(self, on: Machine) -> None:
        """Raise XenError when it does not work; the disk's contents are the same at any time."""
        for partition in self.systems:
            where = f"{self.image.path}?offset={partition.start}"
            growing.check_ext(where, on.run)
            growing.tool(on.run, "e2fsprogs", "e2fsck", "-fp", "-E", "discard", where, ok=(0, 1))
        on.run("fallocate", "--dig-holes", self.image.path)


@dataclass(frozen=True)
class Rewrite:
    """Write the image anew without what is zero."""

    image: Image

    def __str__(self) -> str:
        return f"write {self.image.path} anew without its zeros ({human(self.image.used)} now)"

    def apply(self, on: Machine) -> None:
        """Raise XenError when it does not work; then the image is as it was."""
        path = os.path.realpath(self.image.path)
        status = os.stat(path)
        options = ("-o", "force_size=on") if self.image.format == "vhd" else ()
        with files.appearing(path, mode=stat.S_IMODE(status.st_mode), instead=True) as name:
            os.chown(name, status.st_uid, status.st_gid)
            copies.convert(self.image, name, self.image.format, options, on)


def plan_sparsify(image: Image, *, free_space: bool, on: Machine) -> Plan:
    """Return the plan, or refuse. Raises XenError."""
    if image.device:
        raise XenError(f"{image.path} is a block device, which cannot be sparse")
    refuse_in_use(image.path)
    if image.format == "raw":
        found = inside(image, on.run).partitions if free_space else ()
        return Plan.of(DigHoles(image, tuple(each for each, system in found if system and system.kind in growing.EXT)))
    if image.snapshots or image.backing:
        raise XenError(
            f"{image.path} has {'snapshots' if image.snapshots else 'a backing file'}, which would be lost",
            hint="qemu-img info shows them",
        )
    if free_space:
        raise XenError("only raw images can give back the free space of their file systems", hint="leave it out")
    return Plan.of(Rewrite(image))

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The partition table of a raw image, changed by sfdisk on the plain file."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from univention_xen.errors import XenError
from univention_xen.image.partitions import SECTOR

if TYPE_CHECKING:
    from univention_xen.image.partitions import Partition, Table
    from univention_xen.run import Runner

MIB = 1 << 20
GPT_END = 33 * SECTOR  # the second copy of the table, at the end of the disk
BOOT_CODE = 440  # bytes
QUIET = ("--quiet", "--no-reread", "--no-tell-kernel")
LAST_LOGICAL = 5


def last(table: Table) -> Partition | None:
    """Return the partition that ends last."""
    return max(table.partitions, key=lambda each: each.start + each.size) if table.partitions else None


def usable(kind: str, size: int) -> int:
    """Return where the last partition can end on a disk of *size* bytes: at a whole MiB, as sfdisk aligns."""
    return size if kind == "none" else end(kind, size) // MIB * MIB


def end(kind: str, size: int) -> int:
    """Return where anything has to end on a disk of *size* bytes."""
    return size - (GPT_END if kind == "gpt" else 0)


def refuse_logical(partition: Partition, table: Table) -> None:
    """Raise XenError for a partition within an extended one, which would have to change as well."""
    if table.kind == "mbr" and partition.number >= LAST_LOGICAL:
        raise XenError(
            f"partition {partition.number} is a logical one, which cannot be resized here",
            hint="leave out --partition and use a partitioning program in the guest",
        )


def resize(path: str, table: Table, number: int, size: int, disk: int, run: Runner) -> None:
    """Give partition *number* *size* bytes on a disk of *disk* bytes, and the image that length.

    Number 0 changes only the disk's size. Boot code, identifiers and the other partitions stay. Raises XenError.
    """
    with open(path, "r+b", buffering=0) as image:
        boot = os.pread(image.fileno(), BOOT_CODE, 0)
        script = run("sfdisk", "--dump", path).out if table.kind == "gpt" else ""
        os.ftruncate(image.fileno(), max(disk, os.fstat(image.fileno()).st_size) if table.kind == "mbr" else disk)
        if table.kind == "gpt":
            run("sfdisk", *QUIET, "--wipe", "never", path, stdin=rewritten(script, number, size // SECTOR))
        elif number:
            run("sfdisk", *QUIET, "-N", str(number), path, stdin=f"size={size // SECTOR}\n")
        os.ftruncate(image.fileno(), disk)
        os.pwrite(image.fileno(), boot, 0)


def rewritten(script: str, number: int, sectors: int) -> str:
    """Return sfdisk's dump of a GPT for a disk of another size, with partition *number* *sectors* large."""
    lines = []
    for line in script.splitlines():
        if line.startswith(("last-lba:", "device:")):
            continue
        match = re.match(r"\S*?(\d+) :", line)
        if match and int(match[1]) == number:
            line = re.sub(r"size=\s*\d+", f"size={sectors}", line)
        lines.append(line)
    return "\n".join(lines) + "\n"

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""All there is to know about an image: sizes, partitions, file systems, and who uses it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from univention_xen.errors import XenError
from univention_xen.image import filesystems
from univention_xen.image.filesystems import FileSystem
from univention_xen.image.inside import Disk
from univention_xen.image.look import Image, look_at
from univention_xen.image.partitions import SECTOR, Partition, Table
from univention_xen.image.sizes import human
from univention_xen.image.users import User, users

if TYPE_CHECKING:
    from univention_xen.plan import Machine
    from univention_xen.run import Runner

GUESTS = "etc/xen"
SIGNATURE = b"\x55\xaa"  # at the end of the first sector of every disk with partitions
EMPTY, UNKNOWN = "no partitions", "no partitions, and nothing known"


@dataclass(frozen=True)
class Inside:
    """What the disk holds: "mbr", "gpt", "none" (one file system, or nothing at all) and the partitions."""

    table: str
    partitions: tuple[tuple[Partition, FileSystem | None], ...]
    remark: str = ""
    damaged: bool = False


@dataclass(frozen=True)
class Facts:
    """An image, what is inside, whose configuration names it and who has it open."""

    image: Image
    inside: Inside
    guests: tuple[str, ...]
    users: tuple[User, ...]

    def as_data(self) -> dict[str, Any]:
        """Return what JSON tells; sizes in bytes."""
        image = self.image
        return {
            "path": image.path, "format": image.format, "size": image.size, "used": image.used,
            "backing": image.backing, "snapshots": image.snapshots, "table": self.inside.table,
            "partitions": [row(*each) for each in self.inside.partitions], "guests": list(self.guests),
            "in_use": bool(self.users), "users": [user.what for user in self.users],
        }  # fmt: skip

    def as_text(self) -> str:
        """Return what people read."""
        image, lines = self.image, []
        lines.append(f"{image.path}: {image.format}, {human(image.size)}, takes up {human(image.used)}")
        if image.backing:
            lines.append(f"  only the difference to {image.backing}")
        if image.snapshots:
            lines.append(f"  snapshots: {image.snapshots}")
        lines += [f"  {self.inside.remark}"] if self.inside.remark else []
        for partition, system in self.inside.partitions:
            what = f"{system.kind}{f' {system.label!r}' if system.label else ''}" if system else "nothing known"
            place = f"partition {partition.number}" if self.inside.table != "none" else "whole disk"
            start = f"{human(partition.size)} at {human(partition.start)}"
            lines.append(f"  {place}: {start}, {what}{', active' if partition.active else ''}")
        lines.append(f"  guests: {', '.join(self.guests) or 'none'}")
        lines.append(f"  in use by {', '.join(user.what for user in self.users)}" if self.users else "  not in use")
        return "\n".join(lines)


def row(partition: Partition, system: FileSystem | None) -> dict[str, Any]:
    """Return one partition of the JSON."""
    told = system._asdict() if system else {"kind": "", "label": "", "size": 0}
    return partition._asdict() | {"filesystem": told["kind"], "label": told["label"], "filesystem_size": told["size"]}


def facts(path: str, on: Machine, *, format: str = "") -> Facts:  # noqa: A002
    """Return all about the image *path*. Raises XenError when it is none."""
    image = look_at(path, on.run, format=format)
    return Facts(image, inside(image, on.run), naming(path, on.root), tuple(users(path)))


def inside(image: Image, run: Runner) -> Inside:
    """Return what the disk in an image holds; damage is remarked upon, not raised."""
    disk = Disk(image, run)
    try:
        first, table = disk.read(0, SECTOR), Table("none", ())
        if first[-2:] == SIGNATURE:
            table = disk.table()
        if table.kind == "none" and (whole := filesystems.recognise(disk.read(0, filesystems.HEAD))):
            return Inside("none", ((Partition(0, 0, image.size), whole),))
        found = tuple(
            (each, filesystems.recognise(disk.read(each.start, filesystems.HEAD))) for each in table.partitions
        )
    except XenError as why:
        return Inside("none", (), str(why).removeprefix(f"{image.path}: "), damaged=True)
    if found:
        return Inside(table.kind, found)
    return Inside(table.kind, (), UNKNOWN if table.kind == "none" and first.strip(b"\0") else EMPTY)


def naming(path: str, root: Path) -> tuple[str, ...]:
    """Return the guests whose files below /etc/xen name the image, whatever syntax they have."""
    named = re.compile(rf"""(?:^|[\s'":=,]){re.escape(path)}(?:$|[\s'",])""", re.M)
    found = []
    for file in sorted((root / GUESTS).glob("*.cfg")):
        try:
            text = file.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            continue
        lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
        if any(named.search(line) for line in lines):
            found.append(file.name.removesuffix(".cfg"))
    return tuple(found)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Files with the memory of a guest: which guest it is, what it writes to, and whether there is room."""

from __future__ import annotations

import json
import os
import stat
import struct
from typing import TYPE_CHECKING, NamedTuple

from univention_xen.errors import Busy, XenError
from univention_xen.plan import MakeDirectory, Remove

if TYPE_CHECKING:
    from univention_xen.plan import Machine, Step

MAGIC = b"Xen saved domain, xl format\n \0 \r"
HEADER = struct.Struct("=IIII")  # byte order, mandatory flags, optional flags, length of the optional data
LENGTH = struct.Struct("=I")  # before the configuration, which is the only optional data
BYTE_ORDER, AS_JSON = 0x01020304, 1
LONGEST = 1 << 20
WRITING, WRITTEN = 0o200, 0o600
"""The modes of a file while `save` is at work and after its good end: whoever is killed leaves the first."""


class Saved(NamedTuple):
    """A guest in a file: its name, '' when the file does not tell, and the images that it writes."""

    path: str
    name: str
    writes: tuple[str, ...] = ()


def look_at(path: str) -> Saved:
    """Return which guest is in a file. Raises XenError when that is none."""
    try:
        with open(path, "rb") as file:
            beginning = file.read(len(MAGIC) + HEADER.size + LONGEST)
    except OSError as why:
        raise XenError(f"{path}: {why.strerror}", hint="univention-xen guest save writes such files") from None
    return parse(beginning, path)


def parse(data: bytes, path: str) -> Saved:
    """Read the beginning of what xl 4.17 saves. Of other formats nothing is known but that something is there.

    Raises XenError for what cannot be restored.
    """
    if not data:
        raise XenError(f"{path} is empty: saving the guest did not succeed")
    if not data.startswith(MAGIC):
        return Saved(path, "")
    try:
        order, mandatory, _, length = HEADER.unpack_from(data, len(MAGIC))
        optional = data[len(MAGIC) + HEADER.size :][:length]
        text = optional[LENGTH.size :][: LENGTH.unpack_from(optional)[0]].rstrip(b"\0")
        if order != BYTE_ORDER or not mandatory & AS_JSON or length > LONGEST:
            return Saved(path, "")
        config = json.loads(text)
        disks = config.get("disks", [])
        writes = tuple(disk["pdev_path"] for disk in disks if disk.get("readwrite") and disk.get("pdev_path"))
        return Saved(path, str(config["c_info"]["name"]), writes)
    except (struct.error, ValueError, KeyError, TypeError, AttributeError):
        raise XenError(f"{path} is damaged: it does not say which guest is in it") from None


def left_over(path: str) -> bool:
    """Say whether a save that was interrupted has left this file."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and stat.S_IMODE(mode) == WRITING


def refuse_written(path: str, on: Machine) -> None:
    """Raise Busy when a guest is being saved into a file just now."""
    from univention_xen.image import users

    if left_over(path) and (found := users.users(path, on.root)):
        raise Busy(f"{path} is being written by {found[0].what}", hint="try again when that has ended")


def refuse_full(directory: str, size: int) -> None:
    """Raise XenError when *size* bytes do not fit into a directory, which may still have to be made."""
    there = directory
    while not os.path.isdir(there) and there != os.path.dirname(there):
        there = os.path.dirname(there)
    status = os.statvfs(there)
    free = status.f_bavail * status.f_frsize
    if free < size:
        raise XenError(
            f"{directory} has room for {free >> 20} MiB, and the guest's memory needs {size >> 20} MiB",
            hint="name a FILE elsewhere",
        )


def directory(path: str) -> Step:
    """Return the step that makes the directory for saved guests; their memory is nobody's business."""
    return MakeDirectory(path, 0o700)


def removal(path: str) -> Step:
    """Return the step that removes a file whose guest runs on, because its disks have gone on too."""
    return Remove(path)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What a disk image is: its format and its sizes, without opening what is inside."""

from __future__ import annotations

import json
import os
import stat
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from univention_xen.errors import XenError

if TYPE_CHECKING:
    from univention_xen.run import Runner

FORMATS = {"raw": "raw", "qcow2": "qcow2", "vhd": "vpc"}
"""The formats that Xen reads, and what qemu-img calls them."""
NAMES = {qemu: ours for ours, qemu in FORMATS.items()}
FOOTER = 512  # bytes at the end of a VHD


@dataclass(frozen=True)
class Image:
    """A disk image; sizes in bytes. *used* is what it takes up on the host's file system."""

    path: str
    format: str
    size: int
    used: int
    backing: str = ""
    snapshots: int = 0
    device: bool = False

    @property
    def driver(self) -> str:
        """The format in qemu-img's words."""
        return FORMATS.get(self.format, self.format)


def look_at(path: str, run: Runner, *, format: str = "") -> Image:  # noqa: A002
    """Return what the image at *path* is; *format* is believed, else it is guessed from the first and last bytes.

    A guest can write a qcow2 header onto its raw disk: say the format where you know it.

    Raises XenError.
    """
    status = status_of(path)
    driver = FORMATS.get(format, format) or ("vpc" if stat.S_ISREG(status.st_mode) and is_fixed_vhd(path) else "")
    words = ("qemu-img", "info", "-U", "--output=json", *(("-f", driver) if driver else ()), path)
    image = parse_info(run(*words).out, path)
    return image if not stat.S_ISBLK(status.st_mode) else as_device(image, path)


def status_of(path: str) -> os.stat_result:
    """Return the status of an image file or block device; raises XenError for anything else."""
    try:
        status = os.stat(path)
    except OSError as why:
        raise XenError(f"{path}: {why.strerror}") from None
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISBLK(status.st_mode)):
        raise XenError(f"{path} is neither a file nor a block device, so it is no disk image")
    return status


def as_device(image: Image, path: str) -> Image:
    """Return *image* with the size of the block device *path*, which is always fully there."""
    with open(path, "rb") as device:
        size = device.seek(0, os.SEEK_END)
    return Image(path, image.format, image.size, size, image.backing, image.snapshots, device=True)


def parse_info(text: str, path: str) -> Image:
    """Read what `qemu-img info --output=json` said about *path*."""
    try:
        told: dict[str, Any] = json.loads(text)
        name = str(told["format"])
        return Image(
            path, NAMES.get(name, name), int(told["virtual-size"]), int(told.get("actual-size", 0)),
            str(told.get("backing-filename", "")), len(told.get("snapshots", ())),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError):
        raise XenError(f"qemu-img says nothing understandable about {path}") from None


def is_fixed_vhd(path: str) -> bool:
    """Say whether the file is a VHD of fixed size, which looks like a raw image except for its last 512 bytes."""
    with open(path, "rb") as file:
        if file.seek(0, os.SEEK_END) < 2 * FOOTER:
            return False
        file.seek(-FOOTER, os.SEEK_END)
        footer = file.read(FOOTER)
    return footer[:8] == b"conectix" and struct.unpack(">I", footer[60:64])[0] == 2  # disk type: fixed

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Kernel and initrd of an installation disc, found in an ISO image or in a directory with its files.

bsdtar (libarchive) reads ISO 9660 with Rock Ridge and Joliet from the plain file: no root, no loop device, no mount.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from univention_xen import files
from univention_xen.errors import CommandFailed, ToolMissing, XenError
from univention_xen.initrd.append import copy_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from univention_xen.run import Runner

INITRDS = (
    r"(install|install\.amd|install\.386)/xen/initrd[^/]*", r"install\.amd/initrd[^/]*", r"(.*/)?linux-2\.6[^/]*\.bin",
    r"install/initrd[^/]*", r"(.*/)?(text/)?debian-installer/amd64/initrd[^/]*", r"install[^/]*/initrd[^/]*",
    r"(casper|live|isolinux|boot|images/pxeboot)/(initrd|initramfs)[^/]*", r"(.*/)?initrd[^/]*",
)  # fmt: skip
"""Where installers keep their initrd, the best first: UCS 2.x calls it linux-2.6….bin, Debian has one for Xen."""
KERNELS = (r"vmlinuz[^/]*", r"linux", r"linux26", r"linux-2\.6[^/.]*", r"kernel[^/]*", r"bzImage[^/]*")


class Found(NamedTuple):
    """The paths of the two files on a disc; *kernel* may be ''."""

    initrd: str
    kernel: str


def find(paths: Iterable[str]) -> Found:
    """Choose initrd and kernel among the paths of a disc. Raises XenError."""
    known = sorted(path.removeprefix("./").rstrip("/") for path in paths)
    for pattern in INITRDS:
        for path in known:
            if re.fullmatch(pattern, path, re.I) and not path.lower().endswith((".txt", ".cfg")):
                return Found(path, kernel_beside(path, known))
    raise XenError("there is no initrd on the disc", hint="take it from another place and give it as --initrd FILE")


def kernel_beside(initrd: str, known: list[str]) -> str:
    """Return the kernel that lies beside the initrd, or one directory above; '' for none."""
    directory = os.path.dirname(initrd)
    for place in (directory, os.path.dirname(directory)):
        for pattern in KERNELS:
            for path in known:
                if os.path.dirname(path) == place and re.fullmatch(pattern, os.path.basename(path), re.I):
                    return path
    return ""


@contextmanager
def initrd_of(disc: str, out: str, run: Runner) -> Iterator[str]:
    """Yield a file with the initrd of a disc; that of an image lies beside *out* meanwhile. Raises XenError."""
    path = look_at(disc, run).initrd
    if os.path.isdir(disc):
        yield os.path.join(disc, path)
        return
    with files.temporary(out) as name:
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        unpack(disc, path, name, run)
        yield name


def look_at(disc: str, run: Runner) -> Found:
    """Return where initrd and kernel lie on a disc. Raises XenError."""
    if os.path.isdir(disc):
        return find(below(disc))
    with bsdtar(disc):
        return find(run("bsdtar", "-tf", disc).out.splitlines())


def below(directory: str) -> list[str]:
    """Return the paths of all files below *directory*, relative to it."""
    return [
        os.path.relpath(os.path.join(place, name), directory)
        for place, _, names in os.walk(directory, followlinks=False)
        for name in names
    ]


def unpack(disc: str, path: str, target: str, run: Runner) -> None:
    """Write one file of the disc into the file *target*. Raises XenError."""
    if os.path.isdir(disc):
        with open(os.path.join(disc, path), "rb") as source, open(target, "r+b", buffering=0) as file:
            copy_bytes(source, file, os.fstat(source.fileno()).st_size)
        return
    with bsdtar(disc), open(target, "r+b") as file:
        run.through("bsdtar", "-xOf", disc, literal(path), target=file.fileno())
        if os.fstat(file.fileno()).st_size:
            return
        # the same bytes under two names are told as a link to the first
        listed = run("bsdtar", "-tvf", disc, literal(path)).out
        if not (link := re.search(r" link to (.+)$", listed, re.M)):
            raise XenError(f"{path} on {disc} is empty")
        run.through("bsdtar", "-xOf", disc, literal(link[1]), target=file.fileno())


def literal(path: str) -> str:
    """Return a pattern of bsdtar that matches only *path*."""
    return re.sub(r"([\\*?\[])", r"\\\1", path)


@contextmanager
def bsdtar(disc: str) -> Iterator[None]:
    """Turn bsdtar's absence and failures into sentences about the disc."""
    try:
        yield
    except ToolMissing:
        raise ToolMissing(
            "bsdtar is not installed, which reads ISO images", hint="apt install libarchive-tools"
        ) from None
    except CommandFailed as why:
        raise XenError(f"{disc} cannot be read as an ISO image: {why}") from None

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Partition layouts by name, as scripts for sfdisk."""

from __future__ import annotations

import os

from univention_xen.errors import XenError

MIB = 1 << 20
GIB = 1 << 30
START = MIB  # where every partitioning program since 2010 puts the first partition


def root(size: int) -> str:
    """One bootable Linux partition."""
    del size
    return "label: dos\nstart=1MiB, type=83, bootable\n"


def root_and_swap(size: int) -> str:
    """A bootable Linux partition and swap.

    The swap lies first on the disk, so that the root partition can grow; the root is still number 1.
    """
    swap = swap_size(size) // MIB
    return (
        "label: dos\n"
        f"1: start={1 + swap}MiB, type=83, bootable\n"
        f"2: start=1MiB, size={swap}MiB, type=82\n"
    )  # fmt: skip


def windows(size: int) -> str:
    """One active NTFS partition, aligned as every Windows accepts it."""
    del size
    return "label: dos\nstart=1MiB, type=7, bootable\n"


LAYOUTS = {"root": root, "root+swap": root_and_swap, "windows": windows}


def swap_size(size: int) -> int:
    """Return how many bytes of a disk of *size* bytes become swap: an eighth, 64 MiB to 2 GiB."""
    return min(max(size // 8 // MIB * MIB, 64 * MIB), 2 * GIB)


def script(layout: str, size: int) -> str:
    """Return what sfdisk is told for a layout's name or for the path of a script of one's own.

    Raises XenError.
    """
    if layout in LAYOUTS:
        if size < 128 * MIB:
            raise XenError("a disk with partitions is at least 128M large", hint="choose a larger --size")
        return LAYOUTS[layout](size)
    if not os.path.isfile(layout):
        raise XenError(
            f"{layout} is neither a partition layout nor a file",
            hint=f"layouts: {', '.join(LAYOUTS)}, or a script for sfdisk",
        )
    with open(layout, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What kind of guest a Linux kernel on this host can be."""

from __future__ import annotations

import os
import re

FIRST_WITH_PVH = (4, 11)
"""Linux knows the kind of pvh guest that Xen has since 4.10 from this version on, if it is configured so."""


def can_pvh(path: str) -> bool:
    """Say whether the kernel in the file *path* can start as a pvh guest; True when nobody can tell.

    Its configuration, which distributions keep beside it, tells (the option was called XEN_PVH before Linux 5.0);
    otherwise its version has to do.
    """
    place = os.path.realpath(path)
    directory, name = os.path.split(place)
    try:
        with open(os.path.join(directory, re.sub(r"^(vmlinuz|vmlinux|linux)", "config", name)), "rb") as file:
            head = file.read(1 << 20)
        if re.search(rb"^(# )?CONFIG_", head, re.MULTILINE):
            return re.search(rb"^CONFIG_(XEN_)?PVH=y$", head, re.MULTILINE) is not None
    except OSError:
        pass
    return version(place) >= FIRST_WITH_PVH


def version(path: str) -> tuple[int, ...]:
    """Return the first two numbers of the version in the header of a Linux kernel; large ones for any other file.

    The layout is that of the x86 boot protocol (Documentation/arch/x86/boot.rst): HdrS at 0x202, and at 0x20E where
    the version stands, counted from 0x200.
    """
    unknown = (99,)
    try:
        with open(path, "rb") as file:
            head = file.read(0x10200)
    except OSError:
        return unknown
    if head[0x202:0x206] != b"HdrS":
        return unknown
    start = 0x200 + int.from_bytes(head[0x20E:0x210], "little")
    found = re.match(rb"(\d{1,3})\.(\d{1,3})", head[start : start + 16])
    return (int(found[1]), int(found[2])) if found else unknown

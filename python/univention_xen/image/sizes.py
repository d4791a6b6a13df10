# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Sizes as one writes them: 12G is 12 times 2**30 bytes, as for qemu-img."""

from __future__ import annotations

import re

from univention_xen.errors import UsageError

UNITS = "KMGTP"
SECTOR = 512
LARGEST = 1 << 53  # 8 PiB; beyond any file system's largest file


def parse_size(text: str) -> int:
    """Return the bytes that *text* means: a number and K, M, G, T or P (or KiB, MB … which mean the same).

    Raises UsageError; a disk has a whole number of sectors, so the bytes must be a multiple of 512.
    """
    match = re.fullmatch(r"([0-9]{1,18}(?:\.[0-9]{1,6})?)\s*(?:([KMGTP])(?:i?B)?|B)?", text.strip(), re.I | re.A)
    if not match:
        raise UsageError(f"{text!r} is not a size", hint="write it like 12G, 512M or 1.5T")
    whole, _, part = match[1].partition(".")
    unit = 1 << 10 * (UNITS.index(match[2].upper()) + 1) if match[2] else 1
    size = int(whole) * unit + int(f"0{part}") * unit // int("1" + "0" * len(part))
    if part:
        size = size // SECTOR * SECTOR
    if not 0 < size <= LARGEST:
        raise UsageError(f"{text!r} is not a size that a disk can have", hint="write it like 12G, 512M or 1.5T")
    if size % SECTOR:
        raise UsageError(f"{text} is not a whole number of {SECTOR}-byte sectors", hint="write it like 12G or 512M")
    return size


def parse_change(text: str, present: int) -> int:
    """Return the size that *text* asks for: a size, or +SIZE more than the *present* bytes.

    Raises UsageError.
    """
    return present + parse_size(text[1:]) if text.startswith("+") else parse_size(text)


def human(size: int) -> str:
    """Return *size* bytes as one reads it: 12G, 1.5M, 300."""
    amount = float(size)
    unit = ""
    for larger in UNITS:
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.1f}".removesuffix(".0") + unit

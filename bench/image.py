# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Disk images beside qemu-img and cp."""

from __future__ import annotations

import os
import random
from pathlib import Path

from bench.harness import PROJECT, PYTHON, Comparison, entry

IMAGE = (PYTHON, str(PROJECT / "scripts" / "univention-xen"), "image")
MIB = 1 << 20
ALLOWED = "0.15"  # seconds that `image create` may take longer than qemu-img


def image(where: Path, data: int) -> Path:
    """Make a sparse image of 8 GiB with *data* MiB of data all over it; leave it in the page cache."""
    path = where / "image"
    blocks = [random.Random(number).randbytes(MIB) for number in range(16)]  # noqa: S311
    with open(path, "wb") as file:
        file.truncate(8 << 30)
        for number in range(data):
            os.pwrite(file.fileno(), blocks[number % 16], number * (8 << 30) // data // 4096 * 4096)
    return path


def fresh(path: Path) -> str:
    """Return *path* where nothing is: what an earlier run has left there is removed.

    Both write to the same place, so that the second need not wait for the disk to take what the first has written.
    """
    path.unlink(missing_ok=True)
    return str(path)


@entry
def image_create_12_gib(where: Path) -> Comparison:
    """Beside qemu-img and 0.15 s that it may take longer."""
    script = f'rm -f "$1"; qemu-img create -q "$1" 12G; sleep {ALLOWED}'
    return Comparison(
        lambda _run: (*IMAGE, "create", fresh(where / "ours"), "--size", "12G"),
        lambda _run: ("sh", "-c", script, "sh", str(where / "theirs")),
        f"qemu-img create + {ALLOWED} s",
        aim=1,
    )


@entry
def image_clone_500_mib_of_8_gib(where: Path) -> Comparison:
    source = str(image(where, 500))
    return Comparison(
        lambda _run: (*IMAGE, "clone", source, fresh(where / "copy")),
        lambda _run: ("cp", "--sparse=always", "--reflink=auto", source, fresh(where / "copy")),
        "cp --sparse=always",
        aim=1,
    )


@entry
def image_convert_2_gib_of_8_gib(where: Path) -> Comparison:
    source = str(image(where, 2048))
    return Comparison(
        lambda _run: (*IMAGE, "convert", source, fresh(where / "copy"), "--to", "qcow2"),
        lambda _run: ("qemu-img", "convert", "-O", "qcow2", source, fresh(where / "copy")),
        "qemu-img convert",
        aim=1.05,
        runs=5,
    )

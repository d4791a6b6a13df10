# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Other modules for an installer's initrd, beside the commands that one would type instead."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

from bench.harness import ENVIRONMENT, PROJECT, PYTHON, Comparison, entry

INITRD = (PYTHON, str(PROJECT / "scripts" / "univention-xen"), "initrd", "build")
PACKAGED = Path("/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64/initrd.gz")
VERSION = "6.1.0-99-bench"
MIB = 1 << 20

LARGE = ("drivers/net/wireless", "drivers/net/ethernet", "drivers/gpu", "drivers/infiniband", "drivers/scsi", "sound")

BY_HAND = """
set -e
rm -rf "$3" tree; mkdir tree; cd tree
gzip -dc "$1" | cpio -id --quiet
rm -rf lib/modules; mkdir -p lib/modules; cp -r "$2" lib/modules/; depmod -b . "$4"
find . | cpio -o -H newc --quiet | gzip -9 > "$3"
"""
GUIDE = """
set -e
rm -f "$3" image; gzip -dc "$1" > image
dd if=/dev/zero bs=1M count=50 status=none >> image
e2fsck -fy image >/dev/null 2>&1 || [ $? -eq 1 ]
resize2fs image >/dev/null 2>&1
mkdir -p mounted
if mount -o loop image mounted 2>/dev/null; then
    trap 'umount mounted' EXIT
    rm -rf mounted/lib/modules/*; cp -r "$2" mounted/lib/modules/; depmod -b mounted "$4"
    umount mounted; trap - EXIT
fi
gzip -c image > "$3"
"""


def packaged_modules(where: Path) -> Path:
    """Return a tree whose kernel has the modules of Debian's packaged installer, and Xen's disk."""
    tree = where / "host"
    unpacked = where / "unpacked"
    unpacked.mkdir()
    script = f'gzip -dc "{PACKAGED}" | cpio -id --quiet "lib/modules/*"'
    subprocess.run(["/bin/sh", "-c", script], cwd=unpacked, env=ENVIRONMENT, check=True)
    [old] = (unpacked / "lib/modules").iterdir()
    new = tree / "lib/modules" / VERSION
    new.parent.mkdir(parents=True)
    shutil.move(old, new)
    for file in new.glob("modules.*"):
        if file.name not in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            file.unlink()
    front_end = new / "kernel/drivers/block/xen-blkfront.ko"
    front_end.parent.mkdir(parents=True, exist_ok=True)
    if not front_end.exists():  # what this is about is its presence
        shutil.copy(new / "kernel/drivers/net/xen-netfront.ko", front_end)
    subprocess.run(["/sbin/depmod", "-b", str(tree), VERSION], env=ENVIRONMENT, check=True)
    (tree / "boot").mkdir()
    (tree / f"boot/config-{VERSION}").write_text(
        "\nCONFIG_XEN=y\nCONFIG_XEN_PV=y\nCONFIG_RD_GZIP=y\nCONFIG_RD_ZSTD=y\n"
    )
    return tree


def words(where: Path, tree: Path, source: Path, *options: str) -> tuple[str, ...]:
    """Return our command line."""
    (where / "ours").unlink(missing_ok=True)
    return (*INITRD, "--initrd", str(source), "--modules", str(tree), "-o", str(where / "ours"), *options)


def by_hand(where: Path, tree: Path, source: Path, script: str) -> tuple[str, ...]:
    """Return the commands that one would type."""
    modules = str(tree / "lib/modules" / VERSION)
    return ("sh", "-c", f'cd "{where}"\n{script}', "sh", str(source), modules, str(where / "theirs"), VERSION)


def debian(where: Path, aim: float, *options: str) -> Comparison:
    """Compare on Debian's own installer initrd."""
    if not PACKAGED.exists():
        raise SystemExit("bench: apt install debian-installer-12-netboot-amd64")
    tree = packaged_modules(where)
    return Comparison(
        lambda _run: words(where, tree, PACKAGED, *options),
        lambda _run: by_hand(where, tree, PACKAGED, BY_HAND),
        "unpack, replace, gzip -9",
        aim=aim,
        runs=1,
    )


@entry
def initrd_build_debian_netboot(where: Path) -> Comparison:
    """The default: what is new is appended."""
    return debian(where, 1 / 20)


@entry
def initrd_build_debian_netboot_repack(where: Path) -> Comparison:
    """Everything is packed anew, on all cores and not as hard."""
    return debian(where, 1 / 4, "--repack")


@entry
def initrd_build_ext2_of_60_mib(where: Path) -> Comparison:
    """An initrd like that of UCS 2.x: a gzipped ext2, filled with programs of this machine.

    Both get all modules of a kernel that has some 40 MiB of them, so that the guide's 50 MiB suffice.
    """
    tree = packaged_modules(where)
    for name in LARGE:
        shutil.rmtree(tree / "lib/modules" / VERSION / "kernel" / name, ignore_errors=True)
    subprocess.run(["/sbin/depmod", "-b", str(tree), VERSION], env=ENVIRONMENT, check=True)
    files = where / "files"
    (files / "lib/modules/2.6.32-old").mkdir(parents=True)
    (files / "bin").mkdir()
    programs = [path for path in Path("/usr/bin").iterdir() if path.is_file() and not path.is_symlink()]
    random.Random(1).shuffle(programs)  # noqa: S311
    size = 0
    for program in programs:
        size += program.stat().st_size
        if size > 45 * MIB:
            break
        shutil.copy(program, files / "bin")
    image = where / "ext2"
    make = ("mke2fs", "-q", "-t", "ext2", "-b", "1024", "-m", "0", "-N", "4000", "-d", files, image, "60M")
    subprocess.run(make, env=ENVIRONMENT, check=True)
    subprocess.run(["/bin/gzip", "-9", image], env=ENVIRONMENT, check=True)
    source = where / "ext2.gz"
    return Comparison(
        lambda _run: words(where, tree, source, "--all-modules"),
        lambda _run: by_hand(where, tree, source, GUIDE),
        "gunzip, dd, resize2fs, mount, gzip",
        aim=1 / 3,
        runs=3,
    )

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Kernel modules: which ones a guest needs, everything they need in turn, and the indexes that modprobe reads."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from univention_xen.errors import ToolMissing, XenError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from univention_xen.initrd.kernels import Kernel
    from univention_xen.run import Runner

FRONT_ENDS = (
    "xen-blkfront", "xen-netfront", "xen-fbfront", "xen-kbdfront", "xen-scsifront", "xenfs", "xen-evtchn",
    "xen-gntdev", "xen-privcmd", "hvc_xen",
)  # fmt: skip
FILE_SYSTEMS = (
    "ext2", "ext3", "ext4", "xfs", "btrfs", "jfs", "reiserfs", "vfat", "msdos", "isofs", "udf", "squashfs", "overlay",
    "nfs", "nfsv3", "nfsv4", "cifs", "loop", "nls_cp437", "nls_iso8859-1", "nls_utf8", "nls_ascii",
)  # fmt: skip
UNDERNEATH = (
    "dm-mod", "dm-crypt", "dm-mirror", "dm-snapshot", "raid0", "raid1", "md-mod", "af_packet", "ipv6", "unix",
    "crc32c_generic", "8021q",
)  # fmt: skip
ONLY_XEN = (*FRONT_ENDS, *FILE_SYSTEMS, *UNDERNEATH)
"""All that a paravirtual guest needs; a kernel has some built in, and not each kernel has each."""
NEEDED = ("xen_blkfront", "xen_netfront")
UNPACKERS = {"xz": ("xz", "-dc"), "zst": ("zstd", "-q", "-dc"), "gz": ("gzip", "-dc")}
LISTS = ("modules.order", "modules.builtin", "modules.builtin.modinfo")


def plain(name: str) -> str:
    """Return a module's name as the kernel spells it: xen-blkfront.ko.xz is xen_blkfront."""
    return os.path.basename(name).partition(".ko")[0].replace("-", "_")


class Modules:
    """The modules of one kernel: paths relative to its directory by name, and who needs whom."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.paths: dict[str, str] = {}
        self.needs: dict[str, set[str]] = {}
        for line in lines(directory / "modules.dep"):
            path, _, needed = line.partition(":")
            self.paths[plain(path)] = path
            self.needs[plain(path)] = set(map(plain, needed.split()))
        self.builtin = set(map(plain, lines(directory / "modules.builtin")))
        for line in lines(directory / "modules.softdep"):
            match line.split():
                case ["softdep", name, *wanted] if plain(name) in self.needs:
                    self.needs[plain(name)].update(self.known(word for word in wanted if not word.endswith(":")))

    @cached_property
    def aliases(self) -> dict[str, set[str]]:
        """The modules behind each alias, crc32c-intel and crc32c-generic behind crc32c for instance."""
        found: dict[str, set[str]] = {}
        for line in lines(self.directory / "modules.alias"):
            match line.split():
                case ["alias", alias, name]:
                    found.setdefault(alias, set()).add(plain(name))
        return found

    def known(self, names: Iterable[str]) -> set[str]:
        """Return the modules that these names stand for, be they aliases or not; unknown ones are left out."""
        found: set[str] = set()
        for name in names:
            found |= {plain(name)} if plain(name) in self.paths else self.aliases.get(name, set())
        return found & self.paths.keys()

    def closure(self, names: Iterable[str]) -> list[str]:
        """Return the paths of these modules, of those that the kernel has, and of all that they need."""
        wanted, left = set[str](), set(map(plain, names)) & self.paths.keys()
        while left:
            wanted |= left
            left = set().union(*(self.needs[name] for name in left)) & self.paths.keys() - wanted
        return sorted(self.paths[name] for name in wanted)


def lines(path: Path) -> list[str]:
    """Return the lines of an index that are not empty; none when it is missing."""
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return []
    return [line for line in text.splitlines() if line.strip()]


@contextmanager
def staged(
    kernel: Kernel, wanted: Collection[str] | None, run: Runner, *, unpacked: bool = False
) -> Iterator[dict[str, Path]]:
    """Yield the files of a lib/modules/VERSION that holds only the *wanted* modules and all that they need.

    Keys are paths below that directory. None takes all modules. Compressed modules are unpacked when the installer
    may not know of such. The indexes (modules.dep …) are depmod's for exactly these modules. Raises XenError.
    """
    with tempfile.TemporaryDirectory(prefix="univention-xen.") as base:
        tree = Path(base) / "lib/modules" / kernel.version
        modules = Modules(kernel.directory)
        if not modules.paths:  # a package that was only unpacked has no indexes yet
            link(kernel.directory, tree, all_modules(kernel.directory))
            depmod(base, kernel.version, run)
            modules = Modules(tree)
        refuse_without_xen(modules, kernel)
        chosen = sorted(modules.paths.values()) if wanted is None else modules.closure(wanted)
        subset = Path(base) / "chosen"
        tree = subset / "lib/modules" / kernel.version
        link(kernel.directory, tree, chosen)
        if unpacked:
            chosen = [unpack(tree, path, run) for path in chosen]
        depmod(str(subset), kernel.version, run)
        yield {path: tree / path for path in (*chosen, *sorted(file.name for file in tree.glob("modules.*")))}


def refuse_without_xen(modules: Modules, kernel: Kernel) -> None:
    """Raise XenError when a guest with this kernel would find neither disk nor network."""
    missing = [name for name in NEEDED if name not in modules.paths and name not in modules.builtin]
    if missing:
        raise XenError(
            f"the kernel {kernel.version} has no {' and no '.join(missing)}, so it cannot run as a guest",
            hint="choose another one with --kernel-version or --modules",
        )


def unpack(tree: Path, path: str, run: Runner) -> str:
    """Put the module itself in the place of a compressed one; return its path. Raises XenError."""
    bare, _, how = path.rpartition(".")
    if how not in UNPACKERS:
        return path
    with open(tree / path, "rb") as packed, open(tree / bare, "xb") as module:
        run.through(*UNPACKERS[how], source=packed.fileno(), target=module.fileno())
    (tree / path).unlink()
    return bare


def all_modules(directory: Path) -> list[str]:
    """Return the paths of all modules below *directory*, relative to it."""
    found = (path for path in directory.rglob("*.ko*") if path.is_file())
    return sorted(str(path.relative_to(directory)) for path in found)


def link(source: Path, tree: Path, paths: Iterable[str]) -> None:
    """Make *tree* look like *source* with only these files, and the lists that come with a kernel."""
    for path in (*paths, *(name for name in LISTS if (source / name).exists())):
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).symlink_to((source / path).absolute())


def depmod(base: str, version: str, run: Runner) -> None:
    """Write the indexes of the modules below *base*; raises XenError."""
    try:
        run("depmod", "-b", base, version)
    except ToolMissing:
        raise ToolMissing("depmod is not installed", hint="apt install kmod") from None

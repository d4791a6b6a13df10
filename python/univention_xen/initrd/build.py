# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""From an installer's initrd to one for paravirtual guests: what is wanted, what would be done, and doing it."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from univention_xen import files
from univention_xen.errors import XenError
from univention_xen.initrd import append, compression, edits, iso, modules, parts, ramdisk, repack
from univention_xen.initrd.additions import Additions
from univention_xen.initrd.compression import LZ4, ZSTD, Compression
from univention_xen.initrd.contents import Contents, data_of, in_modules, read_contents
from univention_xen.initrd.kernels import Kernel
from univention_xen.plan import Machine, Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 1 << 20
READABLE = 0o644
DEFAULT_MEMORY = 1024
"""MiB that `guest create` gives to a guest."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for; *kernel* None keeps the modules that are there."""

    source: str
    out: str
    kernel: Kernel | None = None
    is_disc: bool = False
    only_xen: bool = False
    all_modules: bool = False
    edits: tuple[edits.Edit, ...] = ()
    simple: bool = False
    repack: bool = False
    compress: str = ""
    level: int = 0

    @property
    def kernel_image(self) -> str:
        """The kernel that goes with the new modules, if it is at hand."""
        return str(self.kernel.image or "") if self.kernel else ""

    @property
    def kernel_out(self) -> str:
        """Where the disc's own kernel is put, if that is the one to boot."""
        return f"{self.out}.vmlinuz" if self.is_disc and not self.kernel else ""


@dataclass(frozen=True)
class Built:
    """What came out; sizes in bytes, *unpacked* of what the guest's memory has to hold."""

    out: str
    kernel: str
    kind: str
    size: int
    unpacked: int
    modules: int
    version: str

    @property
    def ramdisk_size(self) -> int:
        """The kernel parameter ramdisk_size=, in KiB: all of it and a tenth, in whole MiB."""
        return (self.unpacked + self.unpacked // 10 + MIB - 1) // MIB * 1024

    @property
    def memory(self) -> int:
        """How many MiB the guest needs at least: packed and unpacked at once, and room to work."""
        return (self.size + self.unpacked + MIB - 1) // MIB + 192

    @property
    def cmdline(self) -> str:
        """What the kernel has to be told; a pvh guest's Linux would be silent without the console."""
        root = " root=/dev/ram0 rw" if self.kind == parts.EXT else ""
        return f"ramdisk_size={self.ramdisk_size}{root} console=hvc0"

    def command(self, kind: str) -> tuple[str, ...]:
        """Return the words of the command that makes a guest of this *kind*, pv or pvh, to be installed by this."""
        memory = ("--memory", f"{self.memory}M") if self.memory > DEFAULT_MEMORY else ()
        return (
            "univention-xen", "guest", "create", "NAME", "--type", f"{kind}-install", "--kernel",
            self.kernel or "KERNEL", "--initrd", self.out, "--cmdline", self.cmdline, *memory, "--disk", "8G", "--nic",
        )  # fmt: skip

    def lines(self) -> str:
        """Return the lines for the guest's configuration."""
        kernel = f"kernel = {quoted(self.kernel)}" if self.kernel else "# kernel = the image that goes with the modules"
        memory = f"# memory = {self.memory} or more"
        return "\n".join((kernel, f"ramdisk = {quoted(self.out)}", f"extra = {quoted(self.cmdline)}", memory))

    def as_data(self) -> dict[str, object]:
        """Return what JSON tells."""
        return asdict(self) | {"ramdisk_size": self.ramdisk_size, "memory": self.memory}


def quoted(text: str) -> str:
    """Return *text* as a string that xl and xm read alike."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass
class Build:
    """Make the initrd; *built* tells what came out."""

    wanted: Wanted
    built: Built | None = field(default=None, init=False)

    def __str__(self) -> str:
        wanted, lines = self.wanted, [f"build {self.wanted.out} from {self.wanted.source}"]
        if wanted.kernel:
            which = "only what a paravirtual guest needs" if wanted.only_xen else "those it had, and Xen's"
            which = "all" if wanted.all_modules else which
            lines.append(f"  modules of {wanted.kernel.version} ({which}) from {wanted.kernel.directory}")
        lines += [f"  edit {edit.path}: {edit.script}" for edit in wanted.edits]
        lines += ["  choose the simple installer"] * wanted.simple
        how = "repack without the old modules" if wanted.repack else "append to it (an ext image is changed inside)"
        lines.append(f"  {how}{', ' + wanted.compress if wanted.compress else ''}")
        return "\n".join(lines)

    def apply(self, on: Machine) -> None:
        """Raise XenError when it does not work; then there is no new file."""
        wanted = self.wanted
        try:
            with ExitStack() as stack:
                if kernel := wanted.kernel_out:
                    image = stack.enter_context(files.appearing(kernel, mode=READABLE, durable=False))
                    kernel = extract_kernel(wanted.source, image, kernel, on)
                name = stack.enter_context(files.appearing(wanted.out, mode=READABLE, durable=False))
                initrd = wanted.source
                if wanted.is_disc:
                    initrd = stack.enter_context(iso.initrd_of(wanted.source, wanted.out, on.run))
                self.built = make(wanted, initrd, name, kernel or wanted.kernel_image, on)
        except FileExistsError as why:
            raise exists(why.filename2 or why.filename) from None


def extract_kernel(disc: str, name: str, path: str, on: Machine) -> str:
    """Make the empty file *name* the kernel of a disc; return *path*, where it will lie. Raises XenError."""
    found = iso.look_at(disc, on.run)
    if not found.kernel:
        raise XenError(f"there is no kernel beside {found.initrd} on {disc}", hint="give the initrd as --initrd FILE")
    iso.unpack(disc, found.kernel, name, on.run)
    return path


def exists(path: str) -> XenError:
    """Return the refusal to replace a file."""
    return XenError(f"{path} is there already; nothing is overwritten", hint="choose another name with --output")


def plan_build(wanted: Wanted) -> Plan:
    """Return the plan, or refuse what can be seen to be wrong beforehand. Raises XenError."""
    if not os.path.exists(wanted.source):
        raise XenError(f"there is no {wanted.source}")
    for path in filter(None, (wanted.out, wanted.kernel_out)):
        if os.path.lexists(path):
            raise exists(path)
    directory = os.path.dirname(wanted.out)
    if not os.path.isdir(directory):
        raise XenError(f"there is no directory {directory}", hint=f"mkdir -p {directory}")
    if not (wanted.kernel or wanted.edits or wanted.simple or wanted.repack or wanted.is_disc):
        raise XenError("nothing is to be changed", hint="leave out --keep-modules, or ask for --edit or --repack")
    return Plan.of(Build(wanted))


def make(wanted: Wanted, initrd: str, name: str, kernel: str, on: Machine) -> Built:
    """Make the file *name* the wanted initrd."""
    scripts = edits.SimpleInstaller()

    contents = read_contents(initrd, on.run, see=scripts.see if wanted.simple else None)
    if contents.kind == parts.EXT:
        return make_ramdisk(wanted, initrd, name, kernel, contents, on)
    edited = edit_all(wanted, contents, scripts, lambda path: data_of(initrd, path, on.run), on)
    how = packing(wanted, contents)
    with module_files(wanted, contents, on) as found:
        additions = Additions(wanted.kernel.version if wanted.kernel else "", found, edited)
        if wanted.repack:
            unpacked = repack.repack(initrd, name, additions, contents, how, on.run, wanted.level)
        else:
            added = append.append(initrd, name, additions, contents, how, on.run, wanted.level)
            unpacked = contents.unpacked + added
        return result(wanted, name, kernel, parts.CPIO, unpacked, found)


def make_ramdisk(wanted: Wanted, initrd: str, name: str, kernel: str, packed: Contents, on: Machine) -> Built:
    """Make the file *name* the wanted initrd, from one that is a file system."""
    with ramdisk.unpacked(initrd, name, on.run) as ext:
        contents = ramdisk.look_into(ext, packed)
        scripts = edits.SimpleInstaller()
        for path, data in ext.read_all(small_files(contents)) if wanted.simple else ():
            scripts.see(path, data)
        edited = edit_all(wanted, contents, scripts, ext.read, on)
        how = compression.BY_NAME[wanted.compress or contents.parts[0].compression]
        with module_files(wanted, contents, on) as found:
            additions = Additions(wanted.kernel.version if wanted.kernel else "", found, edited)
            ramdisk.change(ext, additions, contents)
            unpacked = ramdisk.packed(ext, name, how, on.run, ramdisk.level_for(how, wanted.level))
            return result(wanted, name, kernel, parts.EXT, unpacked, found)


def small_files(contents: Contents) -> list[str]:
    """Return the paths of all files that could be scripts."""
    files = ((path, entry) for path, entry in contents.entries.items() if entry.is_file and not in_modules(path))
    return [path for path, entry in files if 0 < entry.size <= edits.LARGEST_SCRIPT]


def result(wanted: Wanted, name: str, kernel: str, kind: str, unpacked: int, found: dict[str, Path]) -> Built:
    """Return what is to be told about the new initrd."""
    count = sum(".ko" in path for path in found)
    version = wanted.kernel.version if wanted.kernel else ""
    return Built(wanted.out, kernel, kind, os.path.getsize(name), unpacked, count, version)


def edit_all(
    wanted: Wanted, contents: Contents, scripts: edits.SimpleInstaller, read: Callable[[str], bytes], on: Machine
) -> dict[str, bytes]:
    """Return the new contents of all files that are to be edited. Raises XenError."""
    edited = dict([scripts.result()]) if wanted.simple else {}
    for edit in wanted.edits:
        path = contents.resolve(edit.path)
        entry = contents.entries.get(path)
        if entry is None or not entry.is_file:
            raise XenError(f"the initrd has no file {edit.path}", hint="univention-xen initrd show --files lists them")
        edited[path] = edits.sed(edit, edited.get(path) or read(path), on.run)
    return edited


@contextmanager
def module_files(wanted: Wanted, contents: Contents, on: Machine) -> Iterator[dict[str, Path]]:
    """Yield the files of the new lib/modules/VERSION by their paths below it; none when the old ones stay."""
    if not wanted.kernel:
        yield {}
        return
    names = set(modules.ONLY_XEN)
    if not wanted.only_xen:
        names = names.union(*contents.modules().values())
    unpacked = contents.packed_modules() <= {""}
    with modules.staged(wanted.kernel, None if wanted.all_modules else names, on.run, unpacked=unpacked) as found:
        yield found


def packing(wanted: Wanted, contents: Contents) -> Compression:
    """Return how the new part is compressed: as asked, else as the kernel unpacks it fastest, if that can be packed.

    lz4 goes on as lz4: Linux before 5.14 takes what follows such a stream for more of it.
    """
    last = compression.BY_NAME[contents.parts[-1].compression]
    if wanted.compress:
        return compression.BY_NAME[wanted.compress]
    if wanted.repack or last is LZ4:
        return last
    if wanted.kernel and wanted.kernel.unpacks(ZSTD.name) and ZSTD.is_here():
        return ZSTD
    return compression.GZIP if last is compression.NONE else last

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""An initrd that is a compressed ext file system (UCS 2.x): changed inside a copy that grows as needed."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING

from univention_xen import files
from univention_xen.errors import XenError
from univention_xen.initrd import compression, parts
from univention_xen.initrd.additions import parents
from univention_xen.initrd.contents import Contents, in_modules
from univention_xen.initrd.ext import MIB, Ext, quoted, quoted_host

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from univention_xen.initrd.additions import Additions
    from univention_xen.initrd.compression import Compression
    from univention_xen.initrd.cpio import Entry
    from univention_xen.run import Runner

BLOCK = 1 << 20
SPARE = 1 * MIB  # what the installer may need to write
LARGEST_RAMDISK = 2048 * MIB


@contextmanager
def unpacked(initrd: str, beside: str, run: Runner) -> Iterator[Ext]:
    """Yield the file system in an initrd, in a file beside *beside* that vanishes afterwards. Raises XenError."""
    with files.temporary(beside) as name:
        with open(name, "xb") as target:
            for part in parts.parts(initrd, run):
                if part.kind != parts.EXT or part.start:
                    raise XenError("the initrd holds a file system and something else besides")
                write_behind(part.stream, target)
        yield Ext(name, run)


def write_behind(source: IO[bytes], target: IO[bytes]) -> None:
    """Copy the rest of *source*, unpacking one block while the one before is being written."""
    with ThreadPoolExecutor(1) as writer:
        written = writer.submit(lambda: 0)
        while block := source.read(BLOCK):
            written.result()
            written = writer.submit(target.write, block)
        written.result()


def look_into(ext: Ext, contents: Contents) -> Contents:
    """Return *contents* with the files of the file system."""
    ext.repair()
    entries = ext.listing()
    size = os.path.getsize(ext.path)
    facts = [part._replace(files=len(entries) - 1, size=size) for part in contents.parts]
    return Contents(facts, entries, ext.links(entries))


def change(ext: Ext, additions: Additions, contents: Contents) -> None:
    """Put the additions in place of the old modules and make sure that all is consistent. Raises XenError."""
    if additions.modules:
        remove_modules(ext, contents)
        contents = contents.without_modules()
    wanted = dict(additions.files(contents))
    there = {path for path, entry in contents.entries.items() if stat.S_ISDIR(entry.mode)}
    new = list(dict.fromkeys(parent for path in wanted for parent in parents(path) if parent not in there))
    sizes = [os.path.getsize(source) for source in wanted.values()]
    make_room(ext, len(new), sizes, [len(data) for data in additions.edited.values()])
    ext.debugfs((*(f"mkdir {quoted(path)}" for path in new), *write_modules(wanted)), write=True)
    for path, data in additions.edited.items():
        replace_file(ext, path, data, contents.entries[path])
    ext.check()


def remove_modules(ext: Ext, contents: Contents) -> None:
    """Remove everything below lib/modules."""
    paths = sorted((path for path in contents.entries if in_modules(path)), key=lambda path: -path.count("/"))
    commands = [f"{'rmdir' if stat.S_ISDIR(contents.entries[path].mode) else 'rm'} {quoted(path)}" for path in paths]
    if commands:
        ext.debugfs(commands, write=True)


def make_room(ext: Ext, directories: int, files: list[int], edited: list[int]) -> None:
    """Let the file system grow so that new directories and files of these sizes fit; it never shrinks.

    Raises XenError.
    """
    room = ext.room()
    pointers = room.block // 4  # a block of them serves as many blocks of data
    blocks = sum(-(-size // room.block) + size // room.block // pointers + 2 for size in (*files, *edited))
    # a directory takes a block, and one more when its files have long names
    lacking = max(0, blocks + 2 * directories + SPARE // room.block - room.free)
    inodes = directories + len(files) - room.free_inodes
    if inodes > 0:
        lacking = max(lacking, -(-inodes // room.inodes_per_group) * room.group)
    if not lacking:
        return
    # a new group brings its own tables of inodes
    lacking += (lacking // room.group + 2) * (room.inodes_per_group * 256 // room.block + 8)
    size = (room.blocks + lacking) * room.block
    if size > LARGEST_RAMDISK:
        raise XenError(f"the ramdisk would be {size // MIB} MiB large", hint="take fewer modules with --only-xen")
    size = -(-size // MIB) * MIB
    with open(ext.path, "r+b") as file:
        file.truncate(size)
    ext.resize(size // room.block)


def write_modules(wanted: Mapping[str, os.PathLike[str]]) -> Iterator[str]:
    """Yield debugfs' commands that copy files into directories that are there."""
    here = None
    for path, source in sorted(wanted.items()):
        directory, name = os.path.split(path)
        if directory != here:
            here = directory
            yield f"cd {quoted(directory)}"
        # debugfs would write a symbolic link as what it leads to, but with the link's size
        yield f"write {quoted_host(os.path.realpath(source))} {quoted_host(name)}"
        yield f"sif {quoted(path)} mode 0100644"


def replace_file(ext: Ext, path: str, data: bytes, entry: Entry) -> None:
    """Give a file new contents; it keeps mode and owner."""
    with NamedTemporaryFile() as new:
        new.write(data)
        new.flush()
        directory, name = os.path.split(path)
        ext.debugfs(
            (
                f"rm {quoted(path)}",
                f"cd {quoted(directory)}",
                f"write {quoted_host(new.name)} {quoted_host(name)}",
                f"sif {quoted(path)} mode 0{entry.mode:o}",
                f"sif {quoted(path)} uid {entry.uid}",
                f"sif {quoted(path)} gid {entry.gid}",
            ),
            write=True,
        )


def packed(ext: Ext, name: str, how: Compression, run: Runner, level: int) -> int:
    """Write the compressed file system into the empty file *name*; return its own size in bytes."""
    with open(ext.path, "rb") as source, open(name, "r+b") as target:
        run.through(*how.packer(level), source=source.fileno(), target=target.fileno())
        return os.fstat(source.fileno()).st_size


def level_for(how: Compression, level: int) -> int:
    """Return the level to pack with: gzip's second is three times as fast as its sixth, and 8 % larger."""
    return level or (2 if how is compression.GZIP else 0)

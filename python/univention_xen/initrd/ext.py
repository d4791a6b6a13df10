# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""An ext2, ext3 or ext4 file system in a plain file, read and changed without mounting it: e2fsprogs as a library.

debugfs ends with 0 whatever happens and tells of failures on stderr, so that stderr decides here.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from univention_xen.errors import CommandFailed, ToolMissing, XenError
from univention_xen.initrd.cpio import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from univention_xen.run import Runner

LISTED = re.compile(r"/(\d+)/(\d+)/(\d+)/(\d+)/(.*)/(\d*)/", re.S)
MIB = 1 << 20


class Room(NamedTuple):
    """Sizes of a file system: bytes per block, then counts."""

    block: int
    blocks: int
    free: int
    inodes: int
    free_inodes: int
    group: int
    inodes_per_group: int


class Ext:
    """The file system in the file *path*."""

    def __init__(self, path: str, run: Runner) -> None:
        self.path, self._run = path, run

    def run(self, program: str, *words: str, ok: tuple[int, ...] = (0,)) -> str:
        """Run one of e2fsprogs' programs; return what it printed. Raises ToolMissing and CommandFailed."""
        try:
            return self._run(program, *words, ok=ok).out
        except ToolMissing:
            raise ToolMissing(f"{program} is not installed", hint="apt install e2fsprogs") from None

    def debugfs(self, commands: Iterable[str], *, write: bool = False) -> str:
        """Give debugfs its commands, one per line; return what it printed. Raises XenError when one fails."""
        script = "".join(command + "\n" for command in commands)
        done = self._run("debugfs", *(["-w"] if write else []), "-f", "/dev/stdin", self.path, stdin=script)
        failed = [line for line in done.err.splitlines() if line.strip() and not line.startswith("debugfs 1.")]
        if failed:
            raise XenError(f"the file system in the initrd cannot be used: {failed[0].strip()}")
        return done.out

    def repair(self) -> None:
        """Make it consistent, whatever state it was left in. Raises XenError."""
        try:
            self.run("e2fsck", "-fy", self.path, ok=(0, 1, 2, 3))
        except CommandFailed as why:
            raise XenError(f"the file system in the initrd is damaged: {why}") from None

    def check(self) -> None:
        """Raise XenError unless it is consistent."""
        try:
            self.run("e2fsck", "-fn", self.path)
        except CommandFailed as why:
            raise XenError(f"the file system became inconsistent: {why}") from None

    def room(self) -> Room:
        """Return how large and how full it is."""
        told = dict(re.findall(r"^([^:\n]+):\s+(\S+)$", self.run("dumpe2fs", "-h", self.path), re.M))
        fields = (
            "Block size", "Block count", "Free blocks", "Inode count", "Free inodes", "Blocks per group",
            "Inodes per group",
        )  # fmt: skip
        return Room(*(int(told[field]) for field in fields))

    def resize(self, blocks: int) -> None:
        """Make it *blocks* blocks large. Raises XenError."""
        try:
            self.run("resize2fs", "-f", self.path, str(blocks))
        except CommandFailed as why:
            raise XenError(f"the file system in the initrd cannot grow: {why}") from None

    def listing(self) -> dict[str, Entry]:
        """Return every file by its path, as a cpio header would tell it."""
        found, left = {"": Entry(b"", stat.S_IFDIR | 0o755, ino=2)}, [""]
        while left:
            below = self._directories(left)
            found |= below
            left = [path for path, entry in below.items() if stat.S_ISDIR(entry.mode)]
        return found

    def _directories(self, paths: list[str]) -> dict[str, Entry]:
        """Return what lies directly in these directories."""
        found: dict[str, Entry] = {}
        printed = self.debugfs(f"ls -p {quoted(path)}" for path in paths)
        blocks = printed.split("debugfs: ls -p ")[1:]
        for path, block in zip(paths, blocks, strict=True):
            for ino, mode, uid, gid, name, size in listed(block):
                if name in (".", "..") or ino == "0":
                    continue
                whole = f"{path}/{name}".lstrip("/")
                raw = whole.encode("utf-8", "surrogateescape")
                found[whole] = Entry(raw, int(mode, 8), int(size or 0), 0, int(uid), int(gid), ino=int(ino))
        return found

    def links(self, entries: dict[str, Entry]) -> dict[str, str]:
        """Return the targets of the symbolic links among *entries*; those too long for an inode are left out."""
        paths = [path for path, entry in entries.items() if stat.S_ISLNK(entry.mode)]
        if not paths:
            return {}
        printed = self.debugfs(f"stat <{entries[path].ino}>" for path in paths)
        blocks = printed.split("debugfs: stat <")[1:]
        told = (re.search(r'^Fast link dest: "(.*)"$', block, re.M) for block in blocks)
        return {path: match[1] for path, match in zip(paths, told, strict=True) if match}

    def read(self, path: str) -> bytes:
        """Return what the file *path* holds. Raises XenError."""
        return dict(self.read_all([path]))[path]

    def read_all(self, paths: list[str]) -> Iterator[tuple[str, bytes]]:
        """Yield path and contents of many files, all taken out by one program. Raises XenError."""
        with TemporaryDirectory(prefix="univention-xen.") as where:
            copies = {path: Path(where, str(number)) for number, path in enumerate(paths)}
            self.debugfs(f"dump {quoted(path)} {quoted_host(str(copy))}" for path, copy in copies.items())
            yield from ((path, copy.read_bytes()) for path, copy in copies.items())


def listed(block: str) -> Iterator[tuple[str, ...]]:
    """Yield inode, mode, owner, group, name and size of each line that `ls -p` printed."""
    for line in block.splitlines():
        if match := LISTED.fullmatch(line.strip("\n")):
            yield match.groups()


def quoted(path: str) -> str:
    """Return an absolute path in debugfs' spelling. Raises XenError for a name that it cannot be given."""
    return quoted_host("/" + path)


def quoted_host(path: str) -> str:
    """Return a path or name as debugfs reads it. Raises XenError."""
    if "\n" in path or "\0" in path:
        raise XenError(f"a file is called {path!r}, which cannot be written into a file system in an initrd")
    return '"' + path.replace('"', '""') + '"'

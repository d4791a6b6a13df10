# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What is added to an initrd, as one cpio archive: modules, their indexes, edited files."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from univention_xen.errors import XenError
from univention_xen.initrd import cpio
from univention_xen.initrd.cpio import BLOCK, Entry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from univention_xen.initrd.contents import Contents

LARGEST = 0xFFFFFFFF  # bytes; a cpio header holds no more


@dataclass
class Additions:
    """Files by their paths in the initrd: from the host, and whole."""

    version: str = ""
    modules: dict[str, Path] = field(default_factory=dict)
    """The files of lib/modules/VERSION by their paths below it."""
    edited: dict[str, bytes] = field(default_factory=dict)

    def files(self, contents: Contents) -> Iterator[tuple[str, Path]]:
        """Yield the path in the initrd of each module and index, and where it lies on the host."""
        base = contents.resolve(f"lib/modules/{self.version}")
        for name, source in self.modules.items():
            yield f"{base}/{name}", source


def write_archive(additions: Additions, contents: Contents, target: IO[bytes]) -> int:
    """Write the archive that, unpacked after everything else, makes the additions; return its bytes.

    Directories that are there already are left alone: the kernel would replace a symbolic link by a directory.
    Raises XenError.
    """
    archive = Archive(target)
    there = {path for path, entry in contents.entries.items() if stat.S_ISDIR(entry.mode)}
    for path, source in additions.files(contents):
        for parent in parents(path):
            if parent not in there:
                there.add(parent)
                archive.add(Entry(parent.encode("utf-8", "surrogateescape"), stat.S_IFDIR | 0o755, nlink=2))
        archive.add_file(path, source)
    for path, data in additions.edited.items():
        archive.add(contents.entries[path]._replace(name=path.encode("utf-8", "surrogateescape")), data)
    return archive.finish()


def parents(path: str) -> list[str]:
    """Return the directories above *path*, the topmost first."""
    words = path.split("/")[:-1]
    return ["/".join(words[: count + 1]) for count in range(len(words))]


class Archive:
    """A cpio archive that is being written; everything in it belongs to root unless it says otherwise."""

    def __init__(self, target: IO[bytes]) -> None:
        self.target, self.size, self.count = target, 0, 0

    def put(self, data: bytes) -> None:
        """Write some bytes."""
        self.target.write(data)
        self.size += len(data)

    def add(self, entry: Entry, data: bytes = b"") -> None:
        """Add a file with its whole data, not linked to any other."""
        self.count += 1
        nlink = 2 if stat.S_ISDIR(entry.mode) else 1
        self.put(cpio.dump(entry._replace(size=len(data), ino=self.count, nlink=nlink, device=(0, 0), check=0)))
        self.put(data + bytes(cpio.padding(len(data))))

    def add_file(self, path: str, source: Path) -> None:
        """Add a file of the host. Raises XenError when it shrinks meanwhile."""
        with open(source, "rb") as file:
            status = os.fstat(file.fileno())
            if status.st_size > LARGEST:
                raise XenError(f"{source} is too large for an initrd")
            self.count += 1
            name = path.encode("utf-8", "surrogateescape")
            mtime = max(0, min(int(status.st_mtime), LARGEST))
            self.put(cpio.dump(Entry(name, stat.S_IFREG | 0o644, status.st_size, mtime, ino=self.count)))
            left = status.st_size
            while left and (block := file.read(min(BLOCK, left))):
                self.put(block)
                left -= len(block)
        if left:
            raise XenError(f"{source} became shorter while it was read")
        self.put(bytes(cpio.padding(status.st_size)))

    def finish(self) -> int:
        """Write the end; return how many bytes the archive has."""
        self.put(cpio.trailer())
        return self.size

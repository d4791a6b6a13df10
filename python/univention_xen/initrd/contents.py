# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What the kernel will find after it has unpacked an initrd: of files with the same name the last one."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from univention_xen.errors import XenError
from univention_xen.initrd import parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from univention_xen.initrd.cpio import Entry
    from univention_xen.run import Runner

MODULE = re.compile(r"(?:usr/)?lib/modules/([^/]+)/.*?([^/]+)\.ko(?:\.(xz|zst|gz))?", re.S)
MODULES = re.compile(r"(?:usr/)?lib/modules/.+", re.S)
MOST_LINKS = 40  # as in the kernel
LARGEST_LINK = 4096


class PartFacts(NamedTuple):
    """One part of an initrd: where it begins, how it is packed, what is in it, and its unpacked bytes."""

    start: int
    compression: str
    kind: str
    files: int
    size: int


@dataclass
class Contents:
    """The files of an initrd by their paths, without a leading slash."""

    parts: list[PartFacts] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Whether cpio archives or a file system."""
        return self.parts[-1].kind

    @property
    def unpacked(self) -> int:
        """How many bytes it takes up when it is unpacked."""
        return sum(part.size for part in self.parts)

    def modules(self) -> dict[str, set[str]]:
        """Return the names of the kernel modules of each kernel version in the initrd."""
        found: dict[str, set[str]] = {}
        for path, entry in self.entries.items():
            if entry.is_file and (match := MODULE.fullmatch(path)):
                found.setdefault(match[1], set()).add(match[2].replace("-", "_"))
        return found

    def packed_modules(self) -> set[str]:
        """Return how the modules in the initrd are compressed, '' for not at all."""
        return {match[3] or "" for match in map(MODULE.fullmatch, self.entries) if match}

    def without_modules(self) -> Contents:
        """Return the same without kernel modules."""
        kept = {path: entry for path, entry in self.entries.items() if not in_modules(path)}
        return Contents(self.parts, kept, self.links)

    def resolve(self, path: str) -> str:
        """Return where *path* really lies, following the symbolic links of the initrd.

        Raises XenError for links in a circle.
        """
        done: list[str] = []
        left = path.split("/")[::-1]
        for _ in range(MOST_LINKS * 100):
            if not left:
                return "/".join(done)
            word = left.pop()
            if word in ("", "."):
                continue
            if word == "..":
                del done[-1:]
                continue
            target = self.links.get("/".join((*done, word)))
            if target is None:
                done.append(word)
                continue
            if target.startswith("/"):
                done = []
            left += target.split("/")[::-1]
        raise XenError(f"symbolic links in the initrd go in a circle at {path}")


def in_modules(path: str) -> bool:
    """Say whether a path lies below lib/modules."""
    return MODULES.fullmatch(path) is not None


def read_contents(path: str, run: Runner, *, see: Callable[[str, bytes], None] | None = None) -> Contents:
    """Read a whole initrd of cpio archives; *see* is shown path and data of each regular file.

    Of one that is a file system only that is told. Raises XenError.
    """
    found = Contents()
    for part in parts.parts(path, run):
        files = size = 0
        if part.kind == parts.EXT:  # reading it once, to unpack it, is enough
            return Contents([PartFacts(part.start, part.compression.name, part.kind, 0, 0)])
        for member in part.members:
            entry, name = member.entry, member.entry.path
            files, size = files + 1, size + entry.size
            found.entries[name] = entry
            found.links.pop(name, None)
            if stat.S_ISLNK(entry.mode) and entry.size <= LARGEST_LINK:
                found.links[name] = member.read().rstrip(b"\0").decode("utf-8", "surrogateescape")
            elif see and entry.is_file:
                see(name, member.read())
        found.parts.append(PartFacts(part.start, part.compression.name, part.kind, files, size))
    return found


def data_of(path: str, name: str, run: Runner) -> bytes:
    """Return what the file *name* of an initrd holds. Raises XenError."""
    data: list[bytes] = []

    def take(seen: str, content: bytes) -> None:
        if seen == name:
            data[:] = [content]

    read_contents(path, run, see=take)
    if not data:
        raise XenError(f"the initrd has no file {name}")
    return data[0]

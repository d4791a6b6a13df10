# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The lean way: everything but the old modules goes into one compressed part, and the new ones behind it."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from univention_xen.initrd import cpio, parts
from univention_xen.initrd.additions import write_archive
from univention_xen.initrd.append import copy_bytes, padded
from univention_xen.initrd.contents import in_modules

if TYPE_CHECKING:
    from univention_xen.initrd.additions import Additions
    from univention_xen.initrd.compression import Compression
    from univention_xen.initrd.contents import Contents
    from univention_xen.run import Runner

MICROCODE = "kernel/"
"""Where the kernel looks for microcode and ACPI tables before it unpacks anything: only in an uncompressed archive."""


def repack(
    source: str, name: str, additions: Additions, contents: Contents, how: Compression, run: Runner, level: int = 0
) -> int:
    """Make the empty file *name* the initrd *source*, with the new modules instead of the old; return unpacked bytes.

    Ownership, device nodes, links and times stay as they are, and so do the single archives: only within one archive
    does an inode number mean a hard link. Raises XenError.
    """
    with open(name, "r+b", buffering=0) as target, open(source, "rb", buffering=0) as old:
        start = microcode_end(contents)
        copy_bytes(old, target, start)
        target.write(padded(b"\0" * start)[start:])
        with run.writing(*how.packer(level), target=target.fileno()) as into:
            kept = copy_archives(source, start, bool(additions.modules), into, run)
            left = contents.without_modules() if additions.modules else contents
            return kept + write_archive(additions, left, into)


def microcode_end(contents: Contents) -> int:
    """Return the length of the part that has to stay uncompressed; 0 when there is none."""
    if len(contents.parts) < 2 or contents.parts[0].compression != "none":
        return 0
    return contents.parts[1].start if any(path.startswith(MICROCODE) for path in contents.entries) else 0


def copy_archives(source: str, start: int, without_modules: bool, into: IO[bytes], run: Runner) -> int:
    """Copy the members of all archives from offset *start* on; return how many bytes of data they hold."""
    size = 0
    for part in parts.parts(source, run):
        if part.start < start:
            continue
        for archive in part.archives:
            for member in archive:
                if not (without_modules and in_modules(member.entry.path)):
                    size += member.entry.size
                    cpio.copy(member, into)
            into.write(cpio.trailer())
    return size

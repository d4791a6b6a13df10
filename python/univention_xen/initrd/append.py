# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The fast way: the initrd stays as it is, and an archive with what is new is written behind it."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING

from univention_xen.initrd import cpio
from univention_xen.initrd.additions import write_archive
from univention_xen.initrd.compression import GZIP

if TYPE_CHECKING:
    from univention_xen.initrd.additions import Additions
    from univention_xen.initrd.compression import Compression
    from univention_xen.initrd.contents import Contents
    from univention_xen.run import Runner

ALIGNMENT = 512  # the kernel wants 4; cpio's own block size makes the parts easy to find


def append(
    source: str, name: str, additions: Additions, contents: Contents, how: Compression, run: Runner, level: int = 0
) -> int:
    """Make the empty file *name* the initrd *source* with the additions; return their unpacked bytes.

    Before Xen 4.20 the toolstack itself unpacks a paravirtual guest's initrd that begins like gzip: only its first
    part, into as much memory as the last part says it needs (libxenguest, xc_dom_check_gzip). An empty archive that is
    not compressed, put in front, leaves all that to the kernel.

    Raises XenError.
    """
    with open(name, "r+b", buffering=0) as target, open(source, "rb", buffering=0) as old:
        if contents.parts[0].compression == GZIP.name:
            target.write(padded(cpio.trailer()))
        copy_bytes(old, target, os.fstat(old.fileno()).st_size)
        end = target.seek(0, os.SEEK_END)
        # at least four: an lz4 stream before Linux 5.14 ends at the end, after that also at NUL bytes
        target.write(bytes(4 + -(end + 4) % ALIGNMENT))
        with run.writing(*how.packer(level), target=target.fileno()) as into:
            return write_archive(additions, contents, into)


def copy_bytes(source: IO[bytes], target: IO[bytes], size: int) -> None:
    """Copy the first *size* bytes; the target goes on behind what it has."""
    at = 0
    while at < size:
        at += os.sendfile(target.fileno(), source.fileno(), at, size - at)


def padded(data: bytes) -> bytes:
    """Return *data* with NUL bytes up to the alignment."""
    return data + bytes(-len(data) % ALIGNMENT)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The compressions that the kernel understands: recognised, undone and done.

Linux lib/decompress.c has the table of magic numbers. gzip, bzip2, lzma and xz are undone here, because only that
tells where a stream ends in a file of several; zstd and lz4 tell their length and are undone by their programs.
"""

from __future__ import annotations

import shutil
from typing import NamedTuple

from univention_xen.errors import ToolMissing


class Compression(NamedTuple):
    """A compression: its name, magic numbers, the Debian package of its programs, and how one packs.

    *packers* are words of programs, the best first, of which the first that is installed is taken; LEVEL among them
    stands for -1 … -9.
    """

    name: str
    magics: tuple[bytes, ...]
    package: str
    packers: tuple[tuple[str, ...], ...]
    level: int

    def is_here(self) -> bool:
        """Whether a program is installed that packs so."""
        return any(shutil.which(words[0], path=PATH) for words in self.packers)

    def packer(self, level: int = 0) -> tuple[str, ...]:
        """Return the words of a program that packs stdin to stdout, on all cores where it can.

        Raises ToolMissing.
        """
        for words in self.packers:
            if shutil.which(words[0], path=PATH):
                return tuple(f"-{level or self.level}" if word == "LEVEL" else word for word in words)
        raise ToolMissing(f"{self.packers[-1][0]} is not installed", hint=f"apt install {self.package}")


PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

NONE = Compression("none", (b"070701", b"070702"), "", (("cat",),), 0)
GZIP = Compression("gzip", (b"\x1f\x8b", b"\x1f\x9e"), "gzip", (("pigz", "-cn", "LEVEL"), ("gzip", "-cn", "LEVEL")), 6)
# not pbzip2: it writes several streams, and the kernel wants an archive in one
BZIP2 = Compression("bzip2", (b"BZh",), "bzip2", (("lbzip2", "-c", "LEVEL"), ("bzip2", "-c", "LEVEL")), 9)
# the kernel's xz knows no check sum but CRC32, and takes a dictionary as large as there is memory
XZ = Compression("xz", (b"\xfd7zXZ\0",), "xz-utils", (("xz", "-c", "-T0", "--check=crc32", "LEVEL"),), 6)
LZMA = Compression("lzma", (b"\x5d\x00\x00",), "xz-utils", (("xz", "-c", "--format=lzma", "LEVEL"),), 6)
ZSTD = Compression("zstd", (b"\x28\xb5\x2f\xfd",), "zstd", (("zstd", "-q", "-c", "-T0", "LEVEL"),), 3)
LZ4 = Compression("lz4", (b"\x02\x21\x4c\x18",), "lz4", (("lz4", "-q", "-c", "-l", "LEVEL"),), 1)
COMPRESSIONS = (NONE, GZIP, BZIP2, XZ, LZMA, ZSTD, LZ4)
BY_NAME = {compression.name: compression for compression in COMPRESSIONS}


def recognise(head: bytes) -> Compression | None:
    """Return the compression of what begins with *head* (some 16 bytes), or None."""
    for compression in COMPRESSIONS:
        if head.startswith(compression.magics):
            return compression
    return None

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""An initrd is one part or several after another, each compressed in its own way.

The kernel (init/initramfs.c, unpack_to_rootfs) skips NUL bytes between parts and unpacks one after the other; later
files win. A part that holds a file system instead of cpio archives is alone, and is the older kind of initrd.
"""

from __future__ import annotations

import bz2
import io
import lzma
import os
import tempfile
import zlib
from contextlib import contextmanager
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

from univention_xen.errors import CommandFailed, XenError
from univention_xen.initrd import compression, cpio, frames
from univention_xen.initrd.compression import Compression

if TYPE_CHECKING:
    from collections.abc import Iterator

    from univention_xen.initrd.cpio import Member
    from univention_xen.run import Runner

BLOCK = 1 << 18
EXT_MAGIC_AT, EXT_MAGIC = 1080, b"\x53\xef"
CPIO, EXT = "cpio", "ext"


class Peekable(io.BufferedReader):
    """A stream whose next bytes can be looked at; *end* is where its part ends in the file, once it has been read."""

    def ahead(self, size: int) -> bytes:
        """Return the next bytes without going on: at least one unless it is the end, *size* right at the start."""
        return self.peek(size)[:size]


class Part:
    """A part of an initrd while it is being read; *stream* gives what is in it, uncompressed."""

    def __init__(self, start: int, kind: Compression, stream: Peekable) -> None:
        self.start, self.compression, self.stream = start, kind, stream
        self.kind = what(stream)
        self.early = kind is compression.NONE and self.kind == CPIO and start == 0
        """Whether it is an uncompressed archive at the beginning, where the kernel looks for microcode."""
        self.archives = self._archives()
        """The files of one cpio archive after another; raises XenError."""

    @property
    def members(self) -> Iterator[Member]:
        """The files of all archives that have not been read yet; raises XenError."""
        return chain.from_iterable(self.archives)

    def _archives(self) -> Iterator[Iterator[Member]]:
        while self._skip_padding():
            archive = cpio.members(self.stream)
            yield archive
            for _ in archive:  # what nobody wanted to see
                pass
            if self.compression is compression.NONE:
                return

    def _skip_padding(self) -> bool:
        """Go to the next archive; say whether there is one."""
        while self.stream.ahead(1) == b"\0":
            self.stream.read(1)
        return bool(self.stream.ahead(1))


class Plain(io.RawIOBase):
    """What is in a file from an offset on, as it is."""

    def __init__(self, file: IO[bytes], at: int) -> None:
        self.file, self.at = file, at

    def readable(self) -> bool:
        """Of course."""
        return True

    def seekable(self) -> bool:
        """So that the buffer above can tell where it is."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to an offset of the file."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.at, os.SEEK_END: os.fstat(self.file.fileno()).st_size}[whence]
        self.at = base + offset
        return self.at

    def readinto(self, buffer: Any) -> int:
        """Fill *buffer*."""
        size = os.preadv(self.file.fileno(), [buffer], self.at)
        self.at += size
        return size


class Inflating(io.RawIOBase):
    """What a stream holds that zlib, bz2 or lzma undo, beginning at the file's present offset."""

    def __init__(self, file: IO[bytes], inflater: Any) -> None:
        self.file, self.inflater, self.end = file, inflater, 0

    def readable(self) -> bool:
        """Of course."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill *buffer*; raises XenError when the stream is damaged or cut off."""
        filled = 0
        while filled < len(buffer) and not self.inflater.eof:
            try:
                data = self.more(len(buffer) - filled)
            except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as why:
                raise XenError(f"the initrd's compressed data is damaged: {why}", hint="get it again") from None
            buffer[filled : filled + len(data)] = data
            filled += len(data)
        return filled

    def more(self, size: int) -> bytes:
        """Return some uncompressed bytes, at most *size*."""
        left: bytes = getattr(self.inflater, "unconsumed_tail", b"")
        hungry = getattr(self.inflater, "needs_input", not left)
        compressed = self.file.read(BLOCK) if hungry else left
        if hungry and not compressed:
            raise frames.cut_off()
        data: bytes = self.inflater.decompress(compressed, size)
        if self.inflater.eof:
            self.end = self.file.tell() - len(self.inflater.unused_data)
        return data


def inflater(kind: Compression) -> Any:
    """Return what undoes gzip, bzip2, xz or lzma, with eof, unused_data and decompress(data, size)."""
    if kind is compression.GZIP:
        return zlib.decompressobj(31)
    if kind is compression.BZIP2:
        return bz2.BZ2Decompressor()
    return lzma.LZMADecompressor(lzma.FORMAT_XZ if kind is compression.XZ else lzma.FORMAT_ALONE)


def parts(path: str, run: Runner) -> Iterator[Part]:
    """Yield the parts of an initrd. Each is read to its end before the next comes.

    Raises XenError when it is no initrd, damaged or cut off.
    """
    with open(path, "rb", buffering=0) as file:  # programs share its offset, which a buffer would not notice
        size = file.seek(0, os.SEEK_END)
        at = 0 if is_ext(file) else skip_padding(file, 0)
        if at == size:
            raise XenError(f"{path} is empty")
        while at < size:
            kind = recognised(file, at)
            with opened(file, at, kind, size, run) as (stream, end):
                part = Part(at, kind, stream)
                yield part
                at = skip_padding(file, drain(part, end))


def recognised(file: IO[bytes], at: int) -> Compression:
    """Return how the part at this offset is compressed; raises XenError."""
    file.seek(at)
    if kind := compression.recognise(file.read(16)):
        return kind
    if not at and is_ext(file):
        return compression.NONE
    raise XenError(
        f"offset {at} holds neither a cpio archive nor a file system in a known compression",
        hint="an initrd is a cpio archive or an ext2 image, packed with gzip, xz, zstd, lz4, bzip2 or lzma",
    )


def is_ext(file: IO[bytes]) -> bool:
    """Say whether the file is a file system that is not compressed."""
    file.seek(EXT_MAGIC_AT)
    return file.read(2) == EXT_MAGIC


@contextmanager
def opened(file: IO[bytes], at: int, kind: Compression, size: int, run: Runner) -> Iterator[tuple[Peekable, int]]:
    """Yield the uncompressed part at this offset, and where it ends (0 when only reading it tells)."""
    file.seek(at)
    if kind is compression.NONE:
        yield Peekable(Plain(file, at), BLOCK), 0
        return
    if kind not in (compression.ZSTD, compression.LZ4):
        yield Peekable(Inflating(file, inflater(kind)), BLOCK), 0
        return
    end = (frames.zstd_end if kind is compression.ZSTD else frames.lz4_end)(file, at)
    with slice_of(file, at, end, size) as source:
        try:
            with run.reading(kind.name, "-q", "-dc", source=source) as out:
                yield Peekable(out, BLOCK), end  # type: ignore[arg-type]
        except CommandFailed as why:
            raise XenError(f"the initrd's compressed data is damaged: {why}", hint="get it again") from None


@contextmanager
def slice_of(file: IO[bytes], at: int, end: int, size: int) -> Iterator[int]:
    """Yield a file descriptor that gives the bytes from *at* to *end*, and no more."""
    if end == size:
        os.lseek(file.fileno(), at, os.SEEK_SET)
        yield file.fileno()
        return
    with tempfile.TemporaryFile(dir="/var/tmp") as copy:  # /tmp may be in memory
        while at < end:
            at += os.sendfile(copy.fileno(), file.fileno(), at, end - at)
        copy.seek(0)
        yield copy.fileno()


def what(stream: Peekable) -> str:
    """Say whether cpio archives or a file system come; raises XenError for anything else."""
    head = stream.ahead(EXT_MAGIC_AT + 2)
    if head.lstrip(b"\0").startswith((cpio.MAGIC, cpio.MAGIC_SUMS)):
        return CPIO
    if head[EXT_MAGIC_AT:] == EXT_MAGIC:
        return EXT
    raise XenError(
        "the compressed data is neither a cpio archive nor an ext2 file system",
        hint="is this the initrd, and not the kernel?",
    )


def drain(part: Part, end: int) -> int:
    """Read the rest of a part; return where the next one may begin."""
    if part.compression is compression.NONE:
        for _ in part.members if part.kind == CPIO else ():
            pass
        return part.stream.tell() if part.kind == CPIO else part.stream.seek(0, os.SEEK_END)
    while part.stream.read(BLOCK):
        pass
    raw = part.stream.raw
    return raw.end if isinstance(raw, Inflating) else end


def skip_padding(file: IO[bytes], at: int) -> int:
    """Return the offset of the first byte from *at* that is not NUL; the file's size when there is none."""
    file.seek(at)
    while block := file.read(BLOCK):
        if rest := block.lstrip(b"\0"):
            return at + len(block) - len(rest)
        at += len(block)
    return at

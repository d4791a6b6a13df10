# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""boot.ini as NTLDR reads it, kept byte for byte."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from univention_xen.errors import XenError

LARGEST = 64 * 1024
BLANKS = b" \t"
LOADER_SECTIONS = (b"boot loader", b"flexboot", b"multiboot")  # NTLDR knows all three names
SYSTEMS_SECTION = b"operating systems"

_LINE = re.compile(rb"([^\r\n]*)(\r+\n?|\n|\Z)")
_ARC = re.compile(
    rb"(?:(?:multi|scsi)\(\d{1,10}\)|signature\([0-9a-f]{1,8}\))"
    rb"disk\(\d{0,10}\)rdisk\(\d{0,10}\)partition\(\d{1,10}\)\\[^\"=]*[^\"=\\ \t]",
    re.IGNORECASE,
)
_ARC_BEGINS = re.compile(rb"[ \t]*(?:multi|scsi|signature)[ \t]*\(", re.IGNORECASE)
_SECTOR = re.compile(rb"[a-z]:\\[^\"=]*", re.IGNORECASE)
_ENTRY = re.compile(rb'(?P<path>[^="]+)=(?P<gap>[ \t]*)(?P<value>.*)', re.DOTALL)
_QUOTED = re.compile(rb'"(?P<title>[^"]*)"(?P<switches>[^"]*)', re.DOTALL)


@dataclass(frozen=True)
class Line:
    """One line: its bytes, and how it ends (CRLF, LF, CR or, at the end of the file, nothing)."""

    text: bytes
    end: bytes


@dataclass(frozen=True)
class Entry:
    """One line of the boot menu; *at* is its index in the file's lines, *title* is without quotes.

    *kind* is "windows" (an ARC path; switches go to its kernel), "sector" (C:\\, C:\\BOOTSECT.DAT: a boot sector
    of another system) or "other".
    """

    at: int
    kind: str
    path: bytes
    title: bytes
    quoted: bool
    switches: tuple[bytes, ...]

    def has(self, word: str) -> bool:
        """Say whether /WORD is among the switches; NTLDR does not look at their case."""
        return b"/" + word.lower().encode() in map(bytes.lower, self.switches)

    def starts(self, path: bytes) -> bool:
        """Say whether default=*path* could mean this entry."""
        return self.path.lower() == path.lower()


@dataclass(frozen=True)
class BootIni:
    """A parsed file; ``dump()`` gives its bytes back. *tail* is what follows a DOS end-of-file mark or a NUL."""

    lines: tuple[Line, ...]
    tail: bytes = b""
    source: str = "boot.ini"

    def dump(self) -> bytes:
        """Return the bytes of the file."""
        return b"".join(line.text + line.end for line in self.lines) + self.tail

    def where(self, at: int) -> str:
        """Return "boot.ini:5" for messages about the line with index *at*."""
        return f"{self.source}:{at + 1}"

    def replaced(self, *lines: Line) -> BootIni:
        """Return the same file with other lines."""
        return BootIni(lines, self.tail, self.source)

    def sections(self) -> Iterator[tuple[int, bytes]]:
        """Yield index and lower-case name of each section's header."""
        for at, line in enumerate(self.lines):
            if (name := section(line.text)) is not None:
                yield at, name

    def within(self, *names: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield index and bytes of the lines in the sections *names* that are neither blank nor comment."""
        inside = False
        for at, line in enumerate(self.lines):
            if (name := section(line.text)) is not None:
                inside = name in names
            elif inside and (text := line.text.strip(BLANKS)) and not text.startswith(b";"):
                yield at, line.text

    def value(self, key: bytes) -> tuple[int, bytes] | None:
        """Return index and value of ``key=value`` in the boot loader's section, None when there is none.

        Raises XenError when two lines say different things.
        """
        found: tuple[int, bytes] | None = None
        for at, text in self.within(*LOADER_SECTIONS):
            name, equals, value = text.partition(b"=")
            if not equals or name.strip(BLANKS).lower() != key:
                continue
            value = value.strip(BLANKS)
            if found is not None and found[1].lower() != value.lower():
                raise XenError(
                    f"{self.where(at)}: {key.decode()} is set for the second time, to something else than in line "
                    f"{found[0] + 1}",
                    hint="remove one of the two lines",
                )
            found = found or (at, value)
        return found

    def menu(self) -> Iterator[tuple[int, Entry | str | None]]:
        """Yield index and meaning of each line in [operating systems].

        A text says why a line is only half an entry, None stands for words that are none.
        """
        for at, text in self.within(SYSTEMS_SECTION):
            try:
                yield at, read_entry(at, text)
            except ValueError as why:
                yield at, str(why)

    def entries(self) -> tuple[Entry, ...]:
        """Return the boot menu in its order."""
        return tuple(what for _, what in self.menu() if isinstance(what, Entry))

    def problems(self) -> tuple[str, ...]:
        """Return a sentence about each line that is not understood, for which a file is not changed."""
        return tuple(f"{self.where(at)}: {what}" for at, what in self.menu() if isinstance(what, str))

    def default_entry(self) -> Entry | None:
        """Return what is started without a choice: NTLDR takes the first entry with default's path.

        Without a default= line that is the first entry. None: default= names no entry.
        """
        entries = self.entries()
        default = self.value(b"default")
        if default is None:
            return entries[0] if entries else None
        return next((entry for entry in entries if entry.starts(default[1])), None)

    def timeout(self) -> int | None:
        """Return the seconds for which the menu waits (-1: for ever), None when that is not said."""
        value = self.value(b"timeout")
        try:
            return int(value[1][:12]) if value else None
        except ValueError:
            return None

    def remarks(self) -> tuple[str, ...]:
        """Return a sentence about each thing that is odd but does no harm."""
        said = []
        default, entries = self.value(b"default"), self.entries()
        if default is None:
            said.append("there is no default= line: the first entry counts")
        elif self.default_entry() is None:
            said.append(f"{self.where(default[0])}: default= names no entry; Windows adds one called NT (default)")
        if len(entries) > 1 and self.timeout() == 0:
            said.append("timeout=0: the menu is never shown")
        if len(entries) > 10:
            said.append(f"the menu has {len(entries)} entries, Windows shows the first 10")
        said += [
            f"{self.where(at)}: this is no boot entry and stays as it is"
            for at, what in self.menu()
            if what is None or (isinstance(what, Entry) and what.kind == "other")
        ]
        if self.tail.strip(b"\0\x1a \t\r\n"):
            said.append(f"{len(self.tail)} bytes after the end-of-file mark stay as they are")
        return tuple(said)


def section(line: bytes) -> bytes | None:
    """Return the lower-case name if *line* is a section's header."""
    text = line.strip(BLANKS)
    if text[:1] != b"[" or text[-1:] != b"]" or b"]" in text[:-1]:
        return None
    return text[1:-1].strip(BLANKS).lower()


def read_entry(at: int, text: bytes) -> Entry | None:
    """Read one line of [operating systems]; None for words that are no entry.

    Raises ValueError for what begins like an entry but is not a whole one.
    """
    match = _ENTRY.fullmatch(text)
    if match is None:
        if _ARC_BEGINS.match(text):
            raise ValueError('there is a path, but no ="title" behind it')
        return None
    path, value = match["path"].strip(BLANKS), match["value"]
    kind = "windows" if _ARC.fullmatch(path) else "sector" if _SECTOR.fullmatch(path) else "other"
    if kind == "other" and _ARC_BEGINS.match(path):
        raise ValueError("the path is not a whole one")
    quoted = _QUOTED.fullmatch(value)
    if quoted is None:
        if b'"' in value:
            raise ValueError("the title's quotation marks do not match")
        title, slash, rest = value.partition(b"/")
        return Entry(at, kind, path, title.strip(BLANKS), False, split_switches(slash + rest))
    return Entry(at, kind, path, quoted["title"], True, split_switches(quoted["switches"]))


def split_switches(text: bytes) -> tuple[bytes, ...]:
    """Return the words behind a title; a switch may touch the one before it."""
    return tuple(re.findall(rb"/[^/ \t]*|[^/ \t]+", text))


def parse(data: bytes, source: str = "boot.ini") -> BootIni:
    """Read the bytes of a boot.ini; nothing is decoded, since titles are in the OEM code page.

    Raises XenError when this cannot be a boot.ini.
    """
    if len(data) > LARGEST:
        raise XenError(f"{source} is no boot.ini: it is larger than {LARGEST // 1024} KiB")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or data[1:4:2] == b"\0\0":
        raise XenError(f"{source} is UTF-16 text, which NTLDR cannot read", hint="save it again as plain text")
    end = min((at for mark in (b"\0", b"\x1a") if (at := data.find(mark)) >= 0), default=len(data))
    body = data[:end]
    lines = tuple(Line(m[1], m[2]) for m in _LINE.finditer(body) if m[0])
    ini = BootIni(lines, data[end:], source)
    found = [at for at, name in ini.sections() if name == SYSTEMS_SECTION]
    if not found:
        raise XenError(f"{source} is no boot.ini: it has no section [operating systems]")
    if len(found) > 1:
        raise XenError(f"{ini.where(found[1])}: [operating systems] begins for the second time")
    return ini

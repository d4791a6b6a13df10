# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A second boot.ini entry that switches the GPLPV drivers on or off: added, and taken away without a trace."""

from __future__ import annotations

from univention_xen.bootini.text import BLANKS, LOADER_SECTIONS, BootIni, Entry, Line, section
from univention_xen.errors import XenError

TITLES = {"GPLPV": b" (with GPLPV drivers)", "NOGPLPV": b" (without GPLPV drivers)"}
MOST_ENTRIES = 10  # NTLDR shows no more

# --make-default keeps the line it replaces in a comment, which NTLDR skips.
REMEMBERED = b"; univention-xen, before: "
NO_DEFAULT = b"(no default)"


def add(ini: BootIni, word: str, *, number: int | None = None, make_default: bool = False) -> BootIni:
    """Return *ini* with a copy of one entry that also has the switch *word*; *ini* itself if that is there.

    *number* counts the entries from 1; without it the one that is started by default is copied. The copy follows
    its original. With *make_default* it precedes it, as of entries with the same path NTLDR starts the first.

    Raises XenError, with file and line, when something about the menu is not understood.
    """
    if problems := ini.problems():
        raise XenError(problems[0], hint="correct the line in Windows (bootcfg, or notepad after attrib -r -s -h)")
    chosen = choose(ini, number)
    default = ini.default_entry()
    if make_default and default is not None and default.starts(chosen.path) and default.has(word):
        return ini
    if chosen.has(word):
        return made_default(ini, chosen) if make_default else ini
    if any(is_twin(entry, chosen, word) for entry in ini.entries()):
        if not make_default:
            return ini
        ini = without(ini, [entry.at for entry in ini.entries() if is_copy(ini, entry, chosen, word)])
        chosen = next(entry for entry in ini.entries() if is_same(entry, chosen))
    if len(ini.entries()) >= MOST_ENTRIES:
        raise XenError(
            f"{ini.source} has {len(ini.entries())} entries and Windows shows the first {MOST_ENTRIES}",
            hint="make room: remove an entry that is no longer needed",
        )
    copy = with_switch(ini.lines[chosen.at].text, word)
    if not make_default:
        return with_line(ini, chosen.at + 1, copy)
    first = next(entry for entry in ini.entries() if entry.starts(chosen.path))
    return with_default(with_line(ini, first.at, copy), chosen.path)


def undo(ini: BootIni) -> BootIni:
    """Return *ini* without what ``add()`` put there: the same bytes as before it, if nobody else changed them.

    An entry goes only if it is exactly what ``add()`` makes of another one.
    """
    ini = without_remembered(ini)
    return without(ini, [entry.at for entry in ini.entries() if original_of(ini, entry)])


def choose(ini: BootIni, number: int | None) -> Entry:
    """Return the entry that is to be copied: by its number, or the active one; never one of our own copies."""
    entries = ini.entries()
    windows = [entry for entry in entries if entry.kind == "windows" and not original_of(ini, entry)]
    if not windows:
        raise XenError(f"{ini.source} has no entry that starts Windows")
    hint = "say which with --entry: " + ", ".join(f"{entries.index(e) + 1} ({show(e.title)})" for e in windows)
    if number is None:
        chosen = ini.default_entry() or (windows[0] if len(windows) == 1 else None)
        if chosen is None:
            raise XenError(f"{ini.source}: default= names none of the entries", hint=hint)
    elif 1 <= number <= len(entries):
        chosen = entries[number - 1]
    else:
        raise XenError(f"{ini.source} has no entry {number}", hint=hint)
    if chosen.kind != "windows":
        raise XenError(f"{ini.where(chosen.at)}: {show(chosen.path)} does not start Windows NT or later", hint=hint)
    if not chosen.quoted:
        raise XenError(f"{ini.where(chosen.at)}: the title is not in quotation marks", hint=hint)
    return original_of(ini, chosen) or chosen


def show(raw: bytes) -> str:
    """Return bytes of an unknown code page for a message."""
    return raw.decode("ascii", "backslashreplace")


def with_switch(text: bytes, word: str) -> bytes:
    """Return an entry's line with another title and one more switch; trailing blanks stay behind it."""
    end = text.rindex(b'"')
    body = text.rstrip(BLANKS)
    return text[:end] + TITLES[word] + body[end:] + b" /" + word.lower().encode() + text[len(body) :]


def is_same(one: Entry, other: Entry) -> bool:
    """Say whether two entries differ in nothing but where they are."""
    return (one.path, one.title, one.switches) == (other.path, other.title, other.switches)


def is_twin(entry: Entry, of: Entry, word: str) -> bool:
    """Say whether *entry* starts the same as *of*, but for the switch *word*; titles do not matter."""
    mark = b"/" + word.lower().encode()
    rest = [switch.lower() for switch in entry.switches if switch.lower() != mark]
    return entry.has(word) and entry.starts(of.path) and sorted(rest) == sorted(map(bytes.lower, of.switches))


def is_copy(ini: BootIni, entry: Entry, of: Entry, word: str) -> bool:
    """Say whether *entry* is exactly what ``add()`` makes of *of*."""
    return ini.lines[entry.at].text == with_switch(ini.lines[of.at].text, word)


def original_of(ini: BootIni, entry: Entry) -> Entry | None:
    """Return the entry that *entry* is a copy of, None if it is nobody's."""
    others = (other for other in ini.entries() if other.kind == "windows" and other.quoted)
    return next((other for other in others if any(is_copy(ini, entry, other, word) for word in TITLES)), None)


def newline(ini: BootIni) -> bytes:
    """Return how most lines of the file end."""
    ends = [line.end for line in ini.lines if line.end]
    return max(set(ends), key=ends.count, default=b"\r\n")


def with_line(ini: BootIni, at: int, text: bytes) -> BootIni:
    """Return *ini* with one line more, which gets the index *at*; the file's last line stays as open as it was."""
    lines = list(ini.lines)
    if at == len(lines) and lines and not lines[-1].end:
        lines[-1:] = [Line(lines[-1].text, newline(ini)), Line(text, b"")]
    else:
        neighbour = lines[at - 1] if at else lines[0]
        lines.insert(at, Line(text, neighbour.end or newline(ini)))
    return ini.replaced(*lines)


def without(ini: BootIni, ats: list[int]) -> BootIni:
    """Return *ini* without the lines with these indices; undoes ``with_line()``."""
    lines = list(ini.lines)
    for at in sorted(ats, reverse=True):
        gone = lines.pop(at)
        if not gone.end and at == len(lines) and lines:
            lines[-1] = Line(lines[-1].text, b"")
    return ini.replaced(*lines)


def made_default(ini: BootIni, chosen: Entry) -> BootIni:
    """Return *ini* with *chosen*, which has the switch already, as what is started by default."""
    first = next(entry for entry in ini.entries() if entry.starts(chosen.path))
    if first != chosen:
        raise XenError(
            f"{ini.where(chosen.at)}: of entries with one path Windows can only start the first by default",
            hint=f"move this line above line {first.at + 1}, or choose that entry",
        )
    return with_default(ini, chosen.path)


def with_default(ini: BootIni, path: bytes) -> BootIni:
    """Return *ini* with default=*path*; the line that was there is kept in a comment above."""
    old = ini.value(b"default")
    if old is None:
        header = next((at for at, name in ini.sections() if name in LOADER_SECTIONS), None)
        if header is None:
            raise XenError(f"{ini.source} has no section [boot loader] for default=")
        ini = with_line(ini, header + 1, REMEMBERED + NO_DEFAULT)
        return with_line(ini, header + 2, b"default=" + path)
    at, value = old
    if value.lower() == path.lower():
        return ini
    if sum(text.partition(b"=")[0].strip(BLANKS).lower() == b"default" for _, text in ini.within(*LOADER_SECTIONS)) > 1:
        raise XenError(f"{ini.where(at)}: default is set more than once", hint="remove all but one of the lines")
    line = ini.lines[at]
    key, _, rest = line.text.partition(b"=")
    start = rest.index(value) if value else len(rest)
    new = Line(key + b"=" + rest[:start] + path + rest[start + len(value) :], line.end)
    ini = ini.replaced(*ini.lines[:at], new, *ini.lines[at + 1 :])
    return with_line(ini, at, REMEMBERED + line.text)


def without_remembered(ini: BootIni) -> BootIni:
    """Return *ini* with default= as it was before ``with_default()``."""
    inside = False
    for at, line in enumerate(ini.lines[:-1]):
        if (name := section(line.text)) is not None:
            inside = name in LOADER_SECTIONS
        if not inside or not line.text.startswith(REMEMBERED):
            continue
        before = line.text[len(REMEMBERED) :]
        if before == NO_DEFAULT:
            return without(ini, [at, at + 1])
        old = Line(before, ini.lines[at + 1].end)
        return ini.replaced(*ini.lines[:at], old, *ini.lines[at + 2 :])
    return ini

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A boot menu for people and for programs."""

from __future__ import annotations

import difflib
import re

from univention_xen.bootini import bcd, hive, text
from univention_xen.bootini.look import BCD, Found

CODE_PAGE = "cp850"  # OEM code page of Western Europe; a guess, for showing only
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f]")


def readable(raw: bytes) -> str:
    """Return OEM bytes as text without characters that would move a terminal's cursor."""
    return safe(raw.decode(CODE_PAGE))


def safe(words: str) -> str:
    """Return text from a guest without characters that would move a terminal's cursor."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", words)


def difference(found: Found, new: bytes) -> str:
    """Return how a changed menu differs, as a diff of its lines or of what a BCD lists."""
    old_lines, new_lines = as_lines(found, found.data), as_lines(found, new)
    return "\n".join(difflib.unified_diff(old_lines, new_lines, found.source, "new", lineterm=""))


def as_lines(found: Found, data: bytes) -> list[str]:
    """Return a menu as lines to compare."""
    if found.kind == BCD:
        return describe_bcd(bcd.Bcd(hive.read(data, found.source), found.source).menu())
    return [readable(line.text) for line in text.parse(data, found.source).lines]


def describe_bcd(menu: bcd.Menu) -> list[str]:
    """Return lines about what a BCD lists."""
    lines = [] if menu.timeout is None else [f"timeout {menu.timeout} s"]
    for number, loader in enumerate(menu.loaders, 1):
        marks = [mark for mark, on in (("default", loader.default), ("not in the menu", not loader.listed)) if on]
        lines += [
            f"{number}  {safe(loader.title)}" + (f"  ({', '.join(marks)})" if marks else ""),
            f"   {loader.guid}",
            f"   {safe(loader.path)} on {loader.device}",
        ]
        if loader.options:
            lines.append(f"   load options: {safe(loader.options)}")
        if loader.test_signing:
            lines.append("   test-signed drivers are allowed")
    return lines


def describe_ini(ini: text.BootIni) -> list[str]:
    """Return lines about what a boot.ini lists."""
    timeout, started = ini.timeout(), ini.default_entry()
    lines = [] if timeout is None else [f"timeout {timeout} s"]
    for number, entry in enumerate(ini.entries(), 1):
        lines += [
            f"{number}  {readable(entry.title)}" + ("  (default)" if entry == started else ""),
            f"   {' '.join([readable(entry.path), *map(readable, entry.switches)])}",
        ]
    return lines


def report(found: Found) -> tuple[str, dict[str, object]]:
    """Return a boot menu as text and as data. Raises XenError."""
    about: dict[str, object] = {"kind": found.kind, "path": found.path}
    if found.inside is not None:
        about |= {
            "format": found.inside.disk.image.format, "partition": found.inside.partition.number,
            "filesystem": found.inside.filesystem, "file": found.inside.path,
        }  # fmt: skip
    if found.kind == BCD:
        menu = bcd.Bcd(hive.read(found.data, found.source), found.source).menu()
        lines, data, notes = describe_bcd(menu), bcd_data(menu), []
    else:
        ini = text.parse(found.data, found.source)
        lines, data, notes = describe_ini(ini), ini_data(ini), [*ini.problems(), *ini.remarks()]
    if found.also:
        notes.append(f"there is a {found.also} as well: --kind {found.also} shows it")
    words = "\n".join([f"{found.source}: {found.kind}", *lines, *(f"note: {safe(note)}" for note in notes)])
    return words, about | data | {"notes": notes}


def ini_data(ini: text.BootIni) -> dict[str, object]:
    """Return a boot.ini as data; what is not ASCII is read in the code page of Western Europe."""
    default, started = ini.value(b"default"), ini.default_entry()
    return {
        "timeout": ini.timeout(),
        "default": readable(default[1]) if default else None,
        "entries": [
            {
                "entry": number, "line": entry.at + 1, "kind": entry.kind, "title": readable(entry.title),
                "path": readable(entry.path), "switches": [readable(switch) for switch in entry.switches],
                "default": entry == started,
            }
            for number, entry in enumerate(ini.entries(), 1)
        ],
    }  # fmt: skip


def bcd_data(menu: bcd.Menu) -> dict[str, object]:
    """Return a BCD's list as data."""
    return {
        "timeout": menu.timeout,
        "entries": [
            {
                "entry": number, "guid": loader.guid, "title": loader.title, "device": loader.device,
                "path": loader.path, "options": loader.options, "testsigning": loader.test_signing,
                "default": loader.default, "listed": loader.listed,
            }
            for number, loader in enumerate(menu.loaders, 1)
        ],
    }  # fmt: skip

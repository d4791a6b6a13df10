# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""boot.ini files of many shapes are read as NTLDR does and keep every byte that is not asked for."""

from __future__ import annotations

import pytest

from univention_xen.bootini import gplpv
from univention_xen.bootini.text import Entry, parse
from univention_xen.errors import XenError

XP = b"multi(0)disk(0)rdisk(0)partition(1)\\WINDOWS"
PLAIN = (
    b"[boot loader]\r\n"
    b"timeout=30\r\n"
    b"default=" + XP + b"\r\n"
    b"[operating systems]\r\n" + XP + b'="Microsoft Windows XP Professional" /fastdetect /NoExecute=OptIn\r\n'
)
COPIED = XP + b'="Microsoft Windows XP Professional (with GPLPV drivers)" /fastdetect /NoExecute=OptIn /gplpv\r\n'
RESCUE = XP + b'="Microsoft Windows XP Professional (without GPLPV drivers)" /fastdetect /NoExecute=OptIn /nogplpv\r\n'


def made(data: bytes, word: str = "GPLPV", number: int | None = None, make_default: bool = False) -> bytes:
    """Return what add() makes of a file, having checked the laws that hold for every one."""
    before = parse(data)
    assert before.dump() == data
    after = gplpv.add(before, word, number=number, make_default=make_default).dump()
    assert gplpv.add(parse(after), word, number=number, make_default=make_default).dump() == after, "twice is once"
    assert gplpv.undo(parse(after)).dump() == data, "undo gives the original bytes"
    return after


def test_early_drivers_get_an_entry_that_switches_them_on() -> None:
    assert made(PLAIN, "GPLPV") == PLAIN + COPIED


def test_later_drivers_get_an_entry_that_leaves_them_off() -> None:
    assert made(PLAIN, "NOGPLPV") == PLAIN + RESCUE


def test_the_default_copy_comes_first_since_the_first_entry_with_the_path_is_started() -> None:
    assert made(PLAIN, make_default=True) == PLAIN.replace(XP + b'="', COPIED + XP + b'="')


def test_both_words_can_be_added_and_are_undone_together() -> None:
    both = gplpv.add(gplpv.add(parse(PLAIN), "GPLPV"), "NOGPLPV")
    assert both.dump() == PLAIN + RESCUE + COPIED
    assert gplpv.undo(both).dump() == PLAIN


def test_a_copy_becomes_the_default_later() -> None:
    later = gplpv.add(gplpv.add(parse(PLAIN), "GPLPV"), "GPLPV", make_default=True)
    assert later.dump() == made(PLAIN, make_default=True)


def test_a_copy_is_never_copied() -> None:
    first = gplpv.add(parse(PLAIN), "GPLPV", make_default=True)
    second = gplpv.add(first, "NOGPLPV")
    assert b"gplpv /nogplpv" not in second.dump()
    assert gplpv.undo(second).dump() == PLAIN


@pytest.mark.parametrize("switch", [b"/gplpv", b"/GPLPV", b"/GplPV"])
def test_an_entry_written_by_hand_is_enough(switch: bytes) -> None:
    by_hand = PLAIN + XP + b'="XP mit Xen" ' + switch + b" /NOEXECUTE=optin /fastdetect\r\n"
    assert gplpv.add(parse(by_hand), "GPLPV").dump() == by_hand
    assert gplpv.undo(parse(by_hand)).dump() == by_hand, "what others wrote is theirs"


def test_the_switch_must_be_a_whole_word() -> None:
    similar = PLAIN.replace(b"/fastdetect", b"/fastdetect /gplpvusefilterhide")
    assert made(similar).count(b"/gplpv\r\n") == 1


@pytest.mark.parametrize(
    ("page", "title"),
    [("cp850", "Windows XP für Büro & Übung"), ("cp1252", "Windows für Übung"), ("cp866", "Восстановление Windows")],
)
def test_titles_in_any_code_page_stay(page: str, title: str) -> None:
    data = PLAIN.replace(b"Microsoft Windows XP Professional", title.encode(page))
    assert (title + " (with GPLPV drivers)").encode(page) in made(data)


ODD = {
    "commas and equals signs": PLAIN.replace(b"Professional", b"Pro, a=b, [c] /d"),
    "signature": PLAIN.replace(b"multi(0)", b"signature(4d859)"),
    "scsi": PLAIN.replace(b"multi(0)disk(0)", b"scsi(0)disk(1)"),
    "switch touches the title": PLAIN.replace(b'" /fastdetect', b'"/PCILOCK /fastdetect'),
    "LF only": PLAIN.replace(b"\r\n", b"\n"),
    "CR only": PLAIN.replace(b"\r\n", b"\r"),
    "CR CR LF": PLAIN.replace(b"\r\n", b"\r\r\n"),
    "mixed ends": PLAIN.replace(b"\r\n", b"\n", 3),
    "no final newline": PLAIN[:-2],
    "blank lines": b"\r\n\r\n" + PLAIN.replace(b"\r\n", b"\r\n\r\n") + b"   \r\n\t\r\n",
    "comments": b";\r\n;Warning: Boot.ini is used on Windows XP\r\n;\r\n" + PLAIN + b"; end\r\n",
    "end of file mark": PLAIN + b"\x1a",
    "end of file mark behind the entry": PLAIN[:-2] + b"\x1a\x00\xff rubbish\r\n" + PLAIN,
    "NULs at the end": PLAIN + b"\0" * 300,
    "trailing garbage word": PLAIN + b"garbage",
    "trailing garbage line": PLAIN + b"rubbish words\r\n\r\n",
    "other sections": PLAIN + b"[spybotsd]\r\ntimeout.old=30\r\n" + XP + b'="not an entry"\r\n',
    "other section first": b"[x]\r\ndefault=nothing\r\n" + PLAIN,
    "capitals": PLAIN.upper(),
    "blanks round =": PLAIN.replace(b"=", b" = ", 2).replace(b'="', b' = "'),
    "indented": PLAIN.replace(b"\r\nm", b"\r\n  \tm").replace(b"[op", b" [ op"),
    "trailing blanks": PLAIN.replace(b"\r\n", b" \t \r\n"),
    "no default": PLAIN.replace(b"default=" + XP + b"\r\n", b""),
    "default by other case": PLAIN.replace(b"default=" + XP, b"DEFAULT=" + XP.lower()),
    "default names no entry": PLAIN.replace(b"default=" + XP, b"default=" + XP + b".0"),
    "default inside the other section": PLAIN.replace(b"default=" + XP + b"\r\n", b"")
    + b"default=" + XP + b"\r\n",
    "flexboot": PLAIN.replace(b"boot loader", b"flexboot"),
    "C: entry": PLAIN + b'C:\\="Previous Operating System on C:\\"\r\n',
    "C: entry without quotation marks": PLAIN + b"C:\\ = PC-DOS\r\n",
    "recovery console": PLAIN + b'C:\\CMDCONS\\BOOTSECT.DAT="Microsoft Windows Recovery Console" /cmdcons\r\n',
    "same path twice": PLAIN + XP + b'="EMS" /redirect /fastdetect\r\n',
    "same line twice": PLAIN + PLAIN.splitlines(True)[-1],
    "WINDOWS.0": PLAIN + XP + b'.0="Second" /fastdetect\r\n',
    "empty title": PLAIN.replace(b"Microsoft Windows XP Professional", b""),
    "no switches": PLAIN.replace(b" /fastdetect /NoExecute=OptIn", b""),
    "redirect": PLAIN.replace(b"timeout=30", b"timeout=-1\r\nredirect=COM1\r\nredirectbaudrate=9600"),
    "kernel and hal": PLAIN.replace(b"/fastdetect", b"/kernel=ntkrnlmp.exe /HAL=halmacpi.dll"),
    "no [boot loader]": PLAIN[PLAIN.index(b"[op") :],
    "nine entries": PLAIN + b"".join(XP + b'.%d="n %d"\r\n' % (n, n) for n in range(8)),
}  # fmt: skip


@pytest.mark.parametrize("make_default", [False, True])
@pytest.mark.parametrize("word", ["GPLPV", "NOGPLPV"])
@pytest.mark.parametrize("name", ODD)
def test_odd_files_get_one_entry_and_keep_the_rest(name: str, word: str, make_default: bool) -> None:
    data = ODD[name]
    if make_default and name == "no [boot loader]":
        with pytest.raises(XenError, match=r"has no section \[boot loader\]"):
            made(data, word, make_default=True)
        return
    after = made(data, word, make_default=make_default)
    old, new = parse(data).entries(), parse(after).entries()
    copy = next(entry for entry in new if entry.has(word))
    assert len(new) == len(old) + 1
    original = next(entry for entry in old if entry.kind == "windows")
    assert copy.path == original.path
    assert copy.switches == (*original.switches, b"/" + word.lower().encode())
    assert copy.title == original.title + gplpv.TITLES[word]
    started = parse(after).default_entry()
    if make_default:
        assert started == copy
    elif started is not None:
        assert not started.has(word), "the default stays as it was"


def test_default_to_another_system_is_replaced_and_remembered() -> None:
    data = PLAIN.replace(b"default=" + XP, b"default = C:\\ ") + b'C:\\="MS-DOS"\r\n'
    after = made(data, number=1, make_default=True)
    assert b"\r\n; univention-xen, before: default = C:\\ \r\ndefault = " + XP + b" \r\n" in after


@pytest.mark.parametrize("end", [b"\r\n", b""])
def test_a_missing_default_is_written_and_taken_away_even_at_the_end_of_the_file(end: bytes) -> None:
    data = PLAIN[PLAIN.index(b"[op") :] + b"[boot loader]" + end
    assert made(data, make_default=True).endswith(b"\r\ndefault=" + XP + end)


DOS_FIRST = PLAIN.replace(b"default=" + XP, b"default=C:\\") + b'C:\\="DOS"\r\n'
TWO_DEFAULTS = PLAIN.replace(b"[op", b"default=C:\\\r\n[op")
TEN = PLAIN + b"".join(XP + b'.%d="n"\r\n' % n for n in range(9))
WHICH = PLAIN.replace(b"default=" + XP, b"default=x") + XP + b'.0="Two"\r\n'
REFUSED = {
    "no windows entry": (PLAIN.replace(b"multi(0)disk(0)", b"floppy"), None, "has no entry that starts Windows"),
    "default is DOS": (DOS_FIRST, None, r"boot.ini:6: C:\\ does not start"),
    "an entry that is DOS": (PLAIN + b'C:\\="DOS"\r\n', 2, r"boot.ini:6: C:\\ does not start"),
    "no such entry": (PLAIN, 2, "boot.ini has no entry 2"),
    "entry 0": (PLAIN, 0, "boot.ini has no entry 0"),
    "which one": (WHICH, None, "default= names none of the entries"),
    "open title": (PLAIN.replace(b'fessional"', b"fessional"), None, "boot.ini:5: the title"),
    "broken title": (PLAIN.replace(b" Professional", b"\r\n[VGA mode]"), None, "boot.ini:5: the title"),
    "three marks": (PLAIN.replace(b"/fastdetect", b'/fast"detect'), None, "boot.ini:5: the title"),
    "cut path": (PLAIN + b"multi(0)disk(0)rdi", None, "boot.ini:6: there is a path, but no"),
    "half a path": (PLAIN + b'multi(0)disk(0)="x"', None, "boot.ini:6: the path is not a whole one"),
    "title without marks": (PLAIN.replace(b'"', b""), None, "boot.ini:5: the title is not in quotation marks"),
    "two defaults": (TWO_DEFAULTS, None, "boot.ini:4: default is set for the second time"),
    "ten entries": (TEN, None, "has 10 entries and Windows shows"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_understood_is_refused_with_its_line(name: str) -> None:
    data, number, message = REFUSED[name]
    with pytest.raises(XenError, match=message):
        gplpv.add(parse(data), "GPLPV", number=number)


NO_BOOT_INI = {
    "empty": (b"", "it has no section"),
    "no section": (XP + b'="Windows"\r\n', "it has no section"),
    "U-Boot": (b"ODROIDC2-UBOOT-CONFIG\nsetenv bootargs \"root=/dev/mmcblk0p2\"\n", "it has no section"),
    "UTF-16": (PLAIN.decode().encode("utf-16"), "is UTF-16"),
    "UTF-16 without mark": (PLAIN.decode().encode("utf-16-le"), "is UTF-16"),
    "blanks everywhere": (b" ".join(PLAIN[i : i + 1] for i in range(len(PLAIN))), "it has no section"),
    "large": (PLAIN + b";" * 70000, "larger than 64 KiB"),
    "twice": (PLAIN + PLAIN, r"boot.ini:9: \[operating systems\] begins for the second time"),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_BOOT_INI)
def test_other_files_are_refused(name: str) -> None:
    data, message = NO_BOOT_INI[name]
    with pytest.raises(XenError, match=message):
        parse(data)


def test_an_entry_written_by_hand_below_its_original_cannot_become_the_default() -> None:
    data = PLAIN + XP + b'="by hand" /gplpv\r\n'
    with pytest.raises(XenError, match=r"boot\.ini:6: of entries with one path Windows can only start the first"):
        gplpv.add(parse(data), "GPLPV", number=2, make_default=True)


def test_what_is_odd_is_said() -> None:
    data = PLAIN.replace(b"timeout=30", b"timeout=0") + b"default=x\r\nword\r\n" + b"".join(
        XP + b'.%d="n"\r\n' % n for n in range(10)
    )  # fmt: skip
    assert parse(data, "x/boot.ini").remarks() == (
        "timeout=0: the menu is never shown",
        "the menu has 12 entries, Windows shows the first 10",
        "x/boot.ini:6: this is no boot entry and stays as it is",
        "x/boot.ini:7: this is no boot entry and stays as it is",
    )


def test_the_parts_of_an_entry_are_told_apart() -> None:
    ini = parse(PLAIN.replace(b'" /fast', b'"/PCILOCK/fast'))
    assert ini.entries() == (
        Entry(4, "windows", XP, b"Microsoft Windows XP Professional", True,
              (b"/PCILOCK", b"/fastdetect", b"/NoExecute=OptIn")),
    )  # fmt: skip
    assert ini.timeout() == 30

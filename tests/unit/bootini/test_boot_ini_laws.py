# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Laws of the boot.ini editor, for any file and for any bytes."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from univention_xen.bootini import gplpv
from univention_xen.bootini.text import BootIni, parse
from univention_xen.errors import XenError

ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"])
BLANK = st.sampled_from([b"", b"", b" ", b"\t "])
PATHS = st.sampled_from(
    [
        b"multi(0)disk(0)rdisk(0)partition(1)\\WINDOWS",
        b"MULTI(0)disk(0)rdisk(0)partition(1)\\windows",
        b"multi(0)disk(0)rdisk(1)partition(2)\\WINNT",
        b"scsi(0)disk(1)rdisk(0)partition(1)\\WINDOWS.0",
        b"signature(4d859)disk(0)rdisk(0)partition(1)\\WINDOWS",
        b"C:\\",
        b"C:\\CMDCONS\\BOOTSECT.DAT",
        b"odd",
    ]
)
TITLE = st.binary(max_size=20).map(lambda raw: raw.translate(None, b'"\r\n\0\x1a'))
SWITCHES = st.lists(
    st.sampled_from([b" /fastdetect", b"/PCILOCK", b" /noexecute=optin", b" /gplpv", b" /NOGPLPV", b" word", b" "]),
    max_size=4,
).map(b"".join)


@st.composite
def entry(draw: st.DrawFn) -> bytes:
    """One line of a boot menu."""
    title: bytes = b'"' + draw(TITLE) + b'"'
    around: list[bytes] = draw(st.lists(BLANK, min_size=4, max_size=4))
    path: bytes = draw(PATHS)
    switches: bytes = draw(SWITCHES)
    line: bytes = around[0] + path + around[1] + b"=" + around[2] + title + switches + around[3]
    return line


def default_line(before: bytes, between: bytes, path: bytes, after: bytes) -> bytes:
    """One default= line."""
    return before + b"default" + between + b"=" + path + after


NOISE = st.sampled_from([b"", b"  ", b"; comment", b";", b"garbage", b"key=value"])
SYSTEMS = st.one_of(entry(), entry(), entry(), NOISE)
LOADER = st.one_of(
    st.sampled_from([b"timeout=30", b"timeout=0", b"timeout = x", b"redirect=COM1"]),
    NOISE,
    st.builds(default_line, BLANK, BLANK, PATHS, BLANK),
)


@st.composite
def boot_ini(draw: st.DrawFn) -> bytes:
    """A file that looks like a boot.ini: sections in any order, odd lines, any ends, trailing garbage."""
    loader = [draw(st.sampled_from([b"[boot loader]", b" [Boot Loader] "])), *draw(st.lists(LOADER, max_size=3))]
    systems = [draw(st.sampled_from([b"[operating systems]", b"[OPERATING SYSTEMS]"]))]
    systems += draw(st.lists(SYSTEMS, max_size=7))
    foreign: list[bytes] = draw(st.sampled_from([[], [b"[spybotsd]", b"timeout.old=30"]]))
    parts: list[list[bytes]] = draw(st.permutations([loader, systems, foreign]))
    same = draw(st.one_of(st.none(), ENDS))
    lines = [line + (same or draw(ENDS)) for part in parts for line in part]
    data = b"".join(lines)
    if draw(st.booleans()):
        data = data.rstrip(b"\r\n")
    return data + draw(st.sampled_from([b"", b"", b"\x1a", b"\x1agarbage\r\n", b"\0\0\0"]))


def added(ini: BootIni, word: str, number: int | None, make_default: bool) -> BootIni:
    """Like add(); a refusal ends the example."""
    try:
        return gplpv.add(ini, word, number=number, make_default=make_default)
    except XenError:
        assume(False)
        raise


WORDS = st.sampled_from(["GPLPV", "NOGPLPV"])
NUMBERS = st.one_of(st.none(), st.integers(1, 5))


@settings(max_examples=150)
@given(boot_ini())
def test_dump_gives_the_bytes_back(data: bytes) -> None:
    assert parse(data).dump() == data


@settings(max_examples=200)
@given(boot_ini(), WORDS, NUMBERS, st.booleans())
def test_undo_gives_the_original_bytes(data: bytes, word: str, number: int | None, make_default: bool) -> None:
    after = added(parse(data), word, number, make_default).dump()
    assert gplpv.undo(parse(after)).dump() == data


@settings(max_examples=200)
@given(boot_ini(), WORDS, NUMBERS, st.booleans())
def test_twice_is_once(data: bytes, word: str, number: int | None, make_default: bool) -> None:
    once = added(parse(data), word, None, make_default).dump()
    assert gplpv.add(parse(once), word, make_default=make_default).dump() == once


@settings(max_examples=150)
@given(boot_ini(), st.lists(st.tuples(WORDS, st.booleans()), max_size=4))
def test_any_series_is_undone_in_one_go(data: bytes, series: list[tuple[str, bool]]) -> None:
    ini = parse(data)
    for word, make_default in series:
        ini = parse(added(ini, word, None, make_default).dump())
    assert gplpv.undo(ini).dump() == data


@settings(max_examples=150)
@given(boot_ini(), WORDS, st.booleans())
def test_what_windows_starts_changes_only_on_request(data: bytes, word: str, make_default: bool) -> None:
    before = parse(data)
    after = parse(added(before, word, None, make_default).dump())
    old, new = before.default_entry(), after.default_entry()
    if make_default:
        assert new is not None
        assert new.has(word)
    elif old is not None:
        assert new is not None
        assert gplpv.is_same(old, new)


def survives(data: bytes) -> None:
    """Every function of the editor gives a result or a XenError."""
    with contextlib.suppress(XenError):
        ini = parse(data)
        assert ini.dump() == data
        ini.remarks()
        gplpv.undo(ini)
        for make_default in (False, True):
            gplpv.add(ini, "GPLPV", make_default=make_default)


@settings(max_examples=150)
@given(boot_ini(), st.data())
def test_a_cut_file_gives_a_result_or_a_clear_error(data: bytes, choice: st.DataObject) -> None:
    survives(data[: choice.draw(st.integers(0, len(data)))])


@settings(max_examples=150)
@given(st.binary(max_size=300))
@example(b"[operating systems]\n" + b'"' * 50)
@example(b"[operating systems]\n=\n\\=\n==")
@example(b"[boot loader]\ndefault\n[operating systems]")
def test_any_bytes_give_a_result_or_a_clear_error(data: bytes) -> None:
    survives(data)
    survives(b"[boot loader]\r\n" + data + b"\r\n[operating systems]\r\n" + data)


@pytest.mark.parametrize("filler", [b"\r", b" ", b"[", b"[ ", b'"', b"=", b"/", b"multi(", b"x=", b"\\ "])
def test_long_monotonous_files_take_no_time(filler: bytes) -> None:
    survives(b"[operating systems]\r\n" + (filler * 64000)[:64000])
    survives(b"[operating systems]\r\nmulti(0)disk(0)rdisk(0)partition(1)\\" + (filler * 60000)[:60000])

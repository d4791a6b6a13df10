# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A BCD hive is read, gets an entry with other load options, and loses it again."""

from __future__ import annotations

import contextlib
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bootini_samples as samples
from bootini_samples import BOOT_MANAGER, WINDOWS_7
from univention_xen.bootini import bcd, hive
from univention_xen.bootini.bcd import Bcd
from univention_xen.errors import ToolMissing, XenError

pytest.importorskip("hivex", reason="apt install python3-hivex")


@pytest.fixture(scope="module")
def windows_7(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The BCD of one Windows 7."""
    return samples.bcd(tmp_path_factory.mktemp("bcd") / "BCD")


def changed(data: bytes, word: str = "NOGPLPV", number: int | None = None, make_default: bool = False) -> bytes:
    """Return what add() makes of a hive, having checked the laws that hold for every one."""
    tree = hive.read(data, "BCD")
    menu = Bcd(tree)
    bcd.add(menu, word, number=number, make_default=make_default)
    after = hive.write(data, menu.tree, "BCD")

    again = Bcd(hive.read(after, "BCD"))
    bcd.add(again, word, number=number, make_default=make_default)
    assert again.tree == menu.tree, "twice is once"

    bcd.undo(again)
    assert again.tree == tree, "undo gives the original keys and values"
    assert hive.read(hive.write(after, again.tree, "BCD"), "BCD") == tree
    return after


def test_what_a_bcd_lists(windows_7: bytes) -> None:
    menu = Bcd(hive.read(windows_7, "BCD")).menu()
    assert menu.timeout == 30
    assert [(loader.title, loader.default, loader.listed) for loader in menu.loaders] == [
        ("Windows 7", True, True),
        ("Windows Recovery Environment", False, False),
    ]
    assert menu.loaders[0] == bcd.Loader(
        WINDOWS_7, "Windows 7", "partition at byte 105906176 of the disk with signature 3c1f4eb6",
        "\\Windows\\system32\\winload.exe", "", False, True, True,
    )  # fmt: skip


def test_the_copy_follows_its_original_and_has_one_option_more(windows_7: bytes) -> None:
    menu = Bcd(hive.read(changed(windows_7), "BCD")).menu()
    original, copy, _ = menu.loaders
    assert copy.title == "Windows 7 (without GPLPV drivers)"
    assert copy.options == "NOGPLPV"
    assert (copy.default, copy.listed) == (False, True)
    assert (copy.device, copy.path) == (original.device, original.path)
    assert original.guid == WINDOWS_7
    assert original.default


def test_other_load_options_stay(tmp_path: Path) -> None:
    objects = samples.windows_7()
    objects[WINDOWS_7][1]["12000030"] = samples.sz("DDISABLE_INTEGRITY_CHECKS NOGPLPVX")
    menu = Bcd(hive.read(changed(samples.bcd(tmp_path / "BCD", objects)), "BCD")).menu()
    assert menu.loaders[1].options == "DDISABLE_INTEGRITY_CHECKS NOGPLPVX NOGPLPV"


def test_an_entry_that_has_the_option_is_enough(tmp_path: Path) -> None:
    objects = samples.windows_7()
    objects[WINDOWS_7][1]["12000030"] = samples.sz("NOGPLPV")
    data = samples.bcd(tmp_path / "BCD", objects)
    assert hive.read(changed(data), "BCD") == hive.read(data, "BCD")


@pytest.mark.parametrize("default", [WINDOWS_7, WINDOWS_7.upper(), samples.MEMORY_TEST, None])
def test_the_default_moves_and_returns(tmp_path: Path, default: str | None) -> None:
    objects = samples.windows_7()
    del objects[BOOT_MANAGER][1]["23000003"]
    if default is not None:
        objects[BOOT_MANAGER][1]["23000003"] = samples.sz(default)
    after = changed(samples.bcd(tmp_path / "BCD", objects), number=1, make_default=True)
    loader = next(loader for loader in Bcd(hive.read(after, "BCD")).menu().loaders if loader.default)
    assert loader.options == "NOGPLPV"


def test_a_copy_is_never_copied(windows_7: bytes) -> None:
    menu = Bcd(hive.read(changed(windows_7, make_default=True), "BCD"))
    bcd.add(menu, "GPLPV")
    assert sorted(loader.options for loader in menu.menu().loaders) == ["", "", "GPLPV", "NOGPLPV"]
    bcd.undo(menu)
    assert menu.tree == hive.read(windows_7, "BCD")


def test_a_menu_that_lists_nothing_gets_a_list_and_loses_it(tmp_path: Path) -> None:
    objects = samples.windows_7()
    del objects[BOOT_MANAGER][1]["24000001"]
    menu = Bcd(hive.read(changed(samples.bcd(tmp_path / "BCD", objects)), "BCD"))
    assert len(menu.order()) == 1


def test_test_signing_goes_on_and_off(windows_7: bytes) -> None:
    tree = hive.read(windows_7, "BCD")
    menu = Bcd(tree)
    bcd.sign_tests(menu)
    on = hive.write(windows_7, menu.tree, "BCD")
    assert Bcd(hive.read(on, "BCD")).menu().loaders[0].test_signing
    assert menu.element(WINDOWS_7, "16000049") == hive.Value(3, b"\1")
    bcd.sign_tests(menu, on=False)
    assert menu.tree == tree
    assert hive.read(hive.write(on, menu.tree, "BCD"), "BCD") == tree


def test_numbers_of_odd_widths_are_read(tmp_path: Path) -> None:
    objects = samples.windows_7()
    objects[BOOT_MANAGER][1]["25000004"] = (samples.BINARY, b"\x05")
    assert Bcd(hive.read(samples.bcd(tmp_path / "BCD", objects), "BCD")).menu().timeout == 5


def test_gpt_and_boot_devices_are_described() -> None:
    gpt = struct.pack("<16xIIII", 6, 0, 0x48, 0) + bytes(range(16)) + struct.pack("<II", 0, 0) + bytes(32)
    assert bcd.describe_device(gpt) == "partition 03020100-0504-0706-0809-0a0b0c0d0e0f"
    assert bcd.describe_device(struct.pack("<16xIIII", 5, 0, 0x48, 0)) == "the partition booted from"
    assert bcd.describe_device(bytes(88)) == "a RAM disk"
    assert bcd.describe_device(b"\2" * 30) == "a device of kind 33686018"


@pytest.mark.parametrize(("number", "message"), [(0, "has no entry 0"), (3, "has no entry 3")])
def test_a_wrong_entry_is_refused(windows_7: bytes, number: int, message: str) -> None:
    with pytest.raises(XenError, match=message) as why:
        changed(windows_7, number=number)
    assert why.value.hint == "say which with --entry: 1 (Windows 7), 2 (Windows Recovery Environment)"


def test_a_default_that_is_no_windows_is_refused_without_a_number(tmp_path: Path) -> None:
    objects = samples.windows_7()
    objects[BOOT_MANAGER][1]["23000003"] = samples.sz(samples.MEMORY_TEST)
    with pytest.raises(XenError, match="no Windows is the default"):
        changed(samples.bcd(tmp_path / "BCD", objects))


def test_a_hive_that_was_being_written_is_refused(windows_7: bytes) -> None:
    dirty = samples.with_checksum(windows_7[:4] + struct.pack("<II", 8, 7) + windows_7[12:4096]) + windows_7[4096:]
    with pytest.raises(XenError, match="was being written"):
        hive.read(dirty, "BCD")
    newer = struct.pack("<4sII", b"regf", 1000, 1000) + bytes(500)
    with pytest.raises(XenError, match="was being written"):
        hive.check(windows_7, "BCD", log=newer)
    hive.check(windows_7, "BCD", log=windows_7[:512])


def test_another_hive_is_refused() -> None:
    with pytest.raises(XenError, match="no boot manager"):
        Bcd(hive.read(samples.empty_hive(), "SYSTEM"))


def test_without_hivex_it_says_what_to_install(windows_7: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hivex", None)  # type: ignore[misc]
    with pytest.raises(ToolMissing) as why:
        hive.read(windows_7, "BCD")
    assert why.value.hint == "apt install python3-hivex"


@pytest.mark.parametrize("length", [0, 3, 4, 511, 4095, 4096, 4097, 6000, 8191])
def test_a_cut_hive_is_refused(windows_7: bytes, length: int) -> None:
    with pytest.raises(XenError):
        hive.read(windows_7[:length], "BCD")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(4096, 4096 * 4), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6))
def test_damage_gives_a_result_or_a_clear_error(windows_7: bytes, damage: list[tuple[int, bytes]]) -> None:
    data = bytearray(windows_7)
    for at, wrong in damage:
        at %= len(data) - 8
        data[max(at, 512) : max(at, 512) + len(wrong)] = wrong
    with contextlib.suppress(XenError):
        tree = hive.read(bytes(data), "BCD")
        menu = Bcd(tree)
        menu.menu()
        bcd.add(menu, "NOGPLPV")
        hive.write(bytes(data), menu.tree, "BCD")


@given(st.binary(max_size=600))
def test_any_bytes_are_refused(data: bytes) -> None:
    for start in (b"", b"regf"):
        with pytest.raises(XenError):
            hive.read(start + data, "BCD")

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`univention-xen bootini` on files of this host."""

from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path

import pytest

import bootini_samples as samples
from bootini_samples import BOOT_INI, XP
from conftest import Check
from univention_xen.bootini import plans
from univention_xen.bootini.look import look_at
from univention_xen.cli.main import main
from univention_xen.errors import XenError
from univention_xen.plan import Machine

TODAY = time.strftime("%Y%m%d")
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def ini(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A boot.ini, in the present directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("univention_xen.lock.DIRECTORY", str(tmp_path / "locks"))
    path = tmp_path / "boot.ini"
    path.write_bytes(BOOT_INI)
    return path


def gplpv(*words: str) -> int:
    """Call the verb."""
    return main(["bootini", "gplpv", *words])


def test_a_file_is_changed_and_kept(ini: Path, capsys: Capture) -> None:
    ini.chmod(0o440)
    assert gplpv("boot.ini", "--driver-version", "0.9.12-pre8", "--make-default") == 0
    started = ini.read_bytes().splitlines()[4]
    assert started.endswith(b"/gplpv")
    assert stat.S_IMODE(ini.stat().st_mode) == 0o440
    assert (ini.parent / f"boot.ini.bak-{TODAY}").read_bytes() == BOOT_INI
    assert "+" + started.decode() in capsys.readouterr().err, "the difference is shown"


def test_twice_is_once_and_undo_gives_the_bytes_back(ini: Path, capsys: Capture) -> None:
    assert gplpv("boot.ini") == 0
    once = ini.read_bytes()
    assert gplpv("boot.ini") == 0
    assert ini.read_bytes() == once
    assert capsys.readouterr().out == "boot.ini has it already\n"
    assert gplpv("boot.ini", "--undo") == 0
    assert ini.read_bytes() == BOOT_INI
    assert len([name for name in os.listdir() if name.startswith("boot.ini.bak-")]) == 2


def test_a_dry_run_shows_and_does_nothing(ini: Path, capsys: Capture, golden: Check) -> None:
    assert gplpv("boot.ini", "--dry-run") == 0
    golden("bootini/gplpv-dry-run", capsys.readouterr().out.replace(TODAY, "DATE"))
    assert os.listdir() == ["boot.ini"]
    assert ini.read_bytes() == BOOT_INI


def test_what_show_says(ini: Path, capsys: Capture, golden: Check) -> None:
    ini.write_bytes(
        BOOT_INI.replace(b"Professional", "für Büros\x1b[2J".encode("cp850")) + b'C:\\="MS-DOS"\r\ngarbage\r\n'
        b'multi(0)disk(0)rdisk(0)partition(2)\\W="open\r\n'
    )
    assert main(["bootini", "show", "boot.ini"]) == 0
    text = capsys.readouterr().out
    assert main(["bootini", "show", "boot.ini", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    golden("bootini/show", text + json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    assert gplpv("boot.ini") == 1, "what is not understood is shown, but not changed"


def test_what_show_says_of_a_bcd(tmp_path: Path, ini: Path, capsys: Capture, golden: Check) -> None:
    pytest.importorskip("hivex")
    (tmp_path / "BCD").write_bytes(samples.bcd(tmp_path / "hive"))
    assert gplpv("BCD", "--make-default") == 0
    capsys.readouterr()
    assert main(["bootini", "show", "BCD"]) == 0
    text = capsys.readouterr().out
    assert main(["bootini", "show", "BCD", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    golden("bootini/show-bcd", text + json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def test_undoing_a_bcd_gives_its_very_bytes_back(tmp_path: Path, ini: Path) -> None:
    pytest.importorskip("hivex")
    data = samples.bcd(tmp_path / "BCD")
    assert gplpv("BCD") == 0
    assert (tmp_path / "BCD").read_bytes() != data
    assert gplpv("BCD", "--testsigning") == 0
    assert gplpv("BCD", "--testsigning", "--undo") == 0
    assert gplpv("BCD", "--undo") == 0
    assert (tmp_path / "BCD").read_bytes() == data


def test_a_bcd_with_a_newer_log_is_refused(tmp_path: Path, ini: Path, capsys: Capture) -> None:
    pytest.importorskip("hivex")
    data = samples.bcd(tmp_path / "BCD")
    (tmp_path / "BCD.LOG").write_bytes(data[:4] + b"\xff\0\0\0\xff\0\0\0" + data[12:512])
    assert gplpv("BCD") == 1
    assert "was being written when Windows stopped" in capsys.readouterr().err
    assert (tmp_path / "BCD").read_bytes() == data


def test_a_menu_that_is_never_shown_is_warned_of(ini: Path, capsys: Capture) -> None:
    ini.write_bytes(BOOT_INI.replace(b"=30", b"=0"))
    assert gplpv("boot.ini", "--make-default", "--dry-run") == 0
    assert "W:" not in capsys.readouterr().err
    assert gplpv("boot.ini") == 0
    assert "W: boot.ini has a timeout of 0" in capsys.readouterr().err


WRONG = {
    ("--driver-version", "nine"): "'nine' is no version of the GPLPV drivers",
    ("--entry", "7"): "has no entry 7",
    ("--entry", "0"): "has no entry 0",
    ("--undo", "--make-default"): "it goes with no other option",
    ("--undo", "--driver-version", "0.9.11"): "it goes with no other option",
    ("--undo", "--entry", "1"): "it goes with no other option",
    ("--testsigning",): "test-signed drivers need no switch",
    ("--testsigning", "--make-default"): "changes an entry and adds none",
}


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_a_wish_that_makes_no_sense_is_refused(ini: Path, words: tuple[str, ...], capsys: Capture) -> None:
    assert gplpv("boot.ini", *words) in (1, 2)
    assert WRONG[words] in capsys.readouterr().err
    assert os.listdir() == ["boot.ini"] or not [name for name in os.listdir() if ".bak-" in name]


def test_a_file_that_changed_meanwhile_is_left_alone(ini: Path) -> None:
    plan = plans.plan_gplpv(look_at("boot.ini", Machine()), plans.Wish(), Machine())
    ini.write_bytes(BOOT_INI + b"; somebody was here\r\n")
    with pytest.raises(XenError, match="has changed in the meantime"):
        plan.carry_out(Machine())
    assert ini.read_bytes() == BOOT_INI + b"; somebody was here\r\n"


def test_below_a_root_the_path_is_meant_there(ini: Path, tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "boot.ini").write_bytes(BOOT_INI)
    assert main(["--root", str(tmp_path), "bootini", "gplpv", "/c/boot.ini"]) == 0
    assert (tmp_path / "c" / "boot.ini").read_bytes() != BOOT_INI
    assert ini.read_bytes() == BOOT_INI


@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"regf", b"[operating systems]", XP, b"\xff\xfe[\0b\0"])
def test_other_files_give_one_sentence(ini: Path, data: bytes, capsys: Capture) -> None:
    ini.write_bytes(data)
    for verb in ("show", "gplpv"):
        code = main(["bootini", verb, "boot.ini"])
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert code == 1 or (code, verb, data) == (0, "show", b"[operating systems]")
    assert ini.read_bytes() == data


def test_help_is_as_it_was(capsys: Capture, golden: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for words in (["bootini"], ["bootini", "show"], ["bootini", "gplpv"]):
        with pytest.raises(SystemExit):
            main([*words, "--help"])
        golden("bootini/help-" + "-".join(words), capsys.readouterr().out)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The examples that are shipped are what the commands in them make, and nothing is wrong with them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from conftest import Check
from univention_xen.cli.main import main
from univention_xen.guest import check
from univention_xen.guest.cfg import Cfg
from univention_xen.toolstack import examples


@pytest.mark.parametrize("name", examples.EXAMPLES)
def test_the_command_in_an_example_makes_it(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in ("etc/xen", "var/lib/xen"):
        (tmp_path / path).mkdir(parents=True)
    for path in ("vmlinuz", "initrd.img", "var/lib/xen/installer.initrd", "var/lib/xen/windows.iso"):
        (tmp_path / path).touch()
    program, *words = shlex.split(examples.EXAMPLES[name].command)
    assert program == "univention-xen"
    assert main(["--root", str(tmp_path), *words, "--dry-run"]) == 0
    made = capsys.readouterr().out.partition(f"write /etc/xen/{name}.cfg\n")[2]
    made = re.sub(r"mac=[0-9a-f:]{17},", "", re.sub(r"^  ", "", made, flags=re.MULTILINE))
    _, blank, shown = examples.text(name).partition("\n\n")
    assert blank
    assert made == shown


@pytest.mark.parametrize("name", examples.EXAMPLES)
def test_nothing_is_wrong_with_an_example(name: str) -> None:
    file = check.GuestFile(f"/etc/xen/{name}.cfg", examples.text(name))
    assert check.check([file], check.Facts(bridges=frozenset(("xenbr0",)), memory=4096)) == []
    assert {tag for _, tag in Cfg(file.text).tags()} <= {"xen/vnc/listen", "xen/bridge/name"}


def test_the_windows_of_the_guide(golden: Check) -> None:
    golden("guest/example-basis-vmx.cfg", examples.text("basis-vmx"))

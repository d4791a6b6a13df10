# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`univention-xen host firewall …` on a tree: what is shown, written and taken away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import Check, Help
from univention_xen.cli import verbs
from univention_xen.cli.main import main

Output = pytest.CaptureFixture[str]
GUEST = 'name = "web"\ntype = "hvm"\nmemory = 64\nvnc = 1\nvnclisten = "0.0.0.0"\nvncdisplay = 4\nvncunused = 0\n'


@pytest.mark.parametrize("verb", ["", "plan", "show", "apply", "remove", "load"])
def test_the_help_is_as_agreed(verb: str, golden: Check, help_of: Help) -> None:
    assert "host" in verbs.NOUNS
    golden(f"cli/help-host-firewall{verb and '-' + verb}", help_of("host", "firewall", *verb.split()))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "etc/xen").mkdir(parents=True)
    (tmp_path / "etc/xen/web.cfg").write_text(GUEST)
    return tmp_path


def firewall(tree: Path, *words: str) -> int:
    return main(["--root", str(tree), "host", "firewall", *words])


def test_the_plan_says_who_and_what_and_shows_the_file(tree: Path, capsys: Output) -> None:
    assert firewall(tree, "plan") == 0
    text = capsys.readouterr().out
    assert "tcp 5904 for everybody: screen of web" in text
    assert "tcp dport 5904 accept" in text
    assert firewall(tree, "plan", "--json") == 0
    assert json.loads(capsys.readouterr().out)["wanted"][0]["first"] == 5904
    assert not (tree / "etc/xen/firewall.nft").exists()


def test_apply_and_remove_are_each_others_opposite_and_done_once(tree: Path, capsys: Output) -> None:
    file = tree / "etc/xen/firewall.nft"
    assert firewall(tree, "apply") == 0
    assert "5904" in file.read_text()
    assert firewall(tree, "apply") == 0
    assert "lets through what is configured" in capsys.readouterr().out
    assert firewall(tree, "show", "--json") == 0
    assert json.loads(capsys.readouterr().out)["done"] is True
    assert firewall(tree, "remove") == 0
    assert not file.exists()
    assert firewall(tree, "remove") == 0
    assert capsys.readouterr().out.startswith("no rule")


def test_nothing_is_loaded_where_nothing_was_opened(tmp_path: Path, capsys: Output) -> None:
    assert firewall(tmp_path, "load") == 0
    assert "nothing has been opened" in capsys.readouterr().out


def test_the_registry_of_a_ucs_elsewhere_is_not_changed(tree: Path, capsys: Output) -> None:
    unit = tree / "lib/systemd/system/univention-firewall.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\n")
    assert firewall(tree, "apply", "--dry-run") == 0
    assert "security/packetfilter/package/univention-xen/tcp/5904/all=ACCEPT" in capsys.readouterr().out
    assert firewall(tree, "apply") == 1
    assert "--root" in capsys.readouterr().err

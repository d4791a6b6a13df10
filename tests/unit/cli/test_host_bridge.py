# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`univention-xen host bridge …`: words in, plans out."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Check, Help
from univention_xen.cli import verbs
from univention_xen.cli.main import main

Output = pytest.CaptureFixture[str]


@pytest.mark.parametrize("verb", ["", "plan", "apply", "confirm", "revert"])
def test_the_help_is_as_agreed(verb: str, golden: Check, help_of: Help) -> None:
    assert "host" in verbs.NOUNS
    golden(f"cli/help-host-bridge{verb and '-' + verb}", help_of("host", "bridge", *verb.split()))


@pytest.mark.parametrize("seconds", ["", "4", "3601", "1e3", "-60", "6O"])
def test_a_time_that_is_none_is_refused(seconds: str, tmp_path: Path, capsys: Output) -> None:
    words = ["--root", str(tmp_path), "host", "bridge", "apply", "--dry-run", f"--confirm-within={seconds}"]
    assert main(words) == 2
    assert capsys.readouterr().err.startswith(f"univention-xen: --confirm-within: {seconds} is ")


def test_the_network_of_another_tree_is_not_ours(tmp_path: Path, capsys: Output) -> None:
    assert main(["--root", str(tmp_path), "host", "bridge", "apply"]) == 2
    assert "this host's" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["confirm", "revert"])
def test_there_is_nothing_to_decide(verb: str, tmp_path: Path, capsys: Output) -> None:
    assert main(["--root", str(tmp_path), "host", "bridge", verb]) == 0
    assert capsys.readouterr().out.startswith("no ")

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The command line of the verbs that control guests."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Check, Help
from univention_xen.cli.main import main

Output = pytest.CaptureFixture[str]
VERBS = (
    "autostart", "console", "create", "destroy", "finish-install", "list", "migrate", "pause", "reboot", "restore",
    "save", "shutdown", "start", "top", "unpause", "view",
)  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_is_as_agreed(verb: str, golden: Check, help_of: Help) -> None:
    golden(f"toolstack/help-{verb}", help_of("guest", verb))


@pytest.fixture
def root(tmp_path: Path) -> str:
    (tmp_path / "etc/xen").mkdir(parents=True)
    return str(tmp_path)


def test_guests_of_another_tree_are_listed_and_never_started(root: str, capsys: Output) -> None:
    assert main(["--root", root, "guest", "create", "dos", "--disk", "1G", "--dry-run"]) == 0
    assert main(["--root", root, "guest", "list"]) == 0
    for verb in ("start", "shutdown", "destroy", "pause", "save"):
        Path(root, "etc/xen/dos.cfg").write_text('name = "dos"\ntype = "hvm"\n')
        assert main(["--root", root, "guest", verb, "dos"]) == 1
        assert "leave out --root" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["-x", "--", "7", "a/b"])
def test_odd_names_are_wrong_usage(name: str, root: str, capsys: Output) -> None:
    assert main(["guest", "destroy", name, "--connect", "test:///default"]) == 2
    assert "univention-xen: " in capsys.readouterr().err


def test_a_time_without_seconds_is_wrong_usage(capsys: Output) -> None:
    words = ["guest", "shutdown", "x", "--wait", "--timeout", "0", "--connect", "test:///default"]
    assert main(words) == 2
    assert "--timeout" in capsys.readouterr().err

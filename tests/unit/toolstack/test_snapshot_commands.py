# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The command line of `guest snapshot`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import Check, Help
from univention_xen.cli.main import main

Output = pytest.CaptureFixture[str]
SNAPSHOT = {
    "version": 1, "guest": "web", "label": "good", "time": "2026-11-24T20:00:00Z", "way": "ended", "toolstack": "xl",
    "memory": 268435456, "file": "/etc/xen/web.cfg", "boot": "", "readonly": [],
    "disks": [{"path": "/i", "vdev": "xvda", "format": "raw", "how": "copy", "under": "disk-xvda", "used": 0}],
}  # fmt: skip


@pytest.mark.parametrize("verb", ["create", "list", "revert", "delete"])
def test_the_help_is_as_agreed(verb: str, golden: Check, help_of: Help) -> None:
    golden(f"toolstack/help-snapshot-{verb}", help_of("guest", "snapshot", verb))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A host with one snapshot."""
    place = tmp_path / "var/lib/xen/snapshots/web/good"
    place.mkdir(parents=True)
    (place / "snapshot.json").write_text(json.dumps(SNAPSHOT))
    return place


def test_a_whole_snapshot_is_listed(place: Path, tmp_path: Path, capsys: Output) -> None:
    assert main(["--root", str(tmp_path), "guest", "snapshot", "list"]) == 0
    heading, line = capsys.readouterr().out.splitlines()
    assert heading.split() == ["GUEST", "LABEL", "TIME", "HOLDS", "SIZE", "STATE"]
    assert line.split()[:6] == ["web", "good", "2026-11-24T20:00:00Z", "memory,", "1", "disk"]
    assert line.endswith("complete")
    assert main(["--root", str(tmp_path), "guest", "snapshot", "list", "web", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["label"], told["state"], told["todo"]) == ("good", "complete", "")
    assert main(["--root", str(tmp_path), "guest", "snapshot", "list", "other"]) == 0
    assert capsys.readouterr().out == "There are no snapshots.\n"


@pytest.mark.parametrize(
    ("file", "text", "todo"),
    [
        ("begun.json", json.dumps(SNAPSHOT), "or the next snapshot create, sees to that"),
        ("deleting.json", json.dumps(SNAPSHOT), "cleans up"),
        ("reverting.json", '{"doing": "disks"}', "finish with univention-xen guest snapshot revert web good"),
        ("reverting.json", '{"doing": "memory"}', "its memory has not been restored"),
    ],
)
def test_what_is_to_be_done_is_told(
    file: str, text: str, todo: str, place: Path, tmp_path: Path, capsys: Output
) -> None:
    (place / file).write_text(text)
    assert main(["--root", str(tmp_path), "guest", "snapshot", "list"]) == 1
    assert todo in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2}', json.dumps(SNAPSHOT | {"label": "../x"})])
def test_a_damaged_description_is_told(text: str, place: Path, tmp_path: Path, capsys: Output) -> None:
    (place / "snapshot.json").write_text(text)
    code = main(["--root", str(tmp_path), "guest", "snapshot", "list"])
    said = capsys.readouterr()
    assert (code, said.err) == (0, "") if not text else code == 1 and "univention-xen: " in said.err


@pytest.mark.parametrize("verb", [["create", "web"], ["revert", "web"], ["delete", "web", "good"]])
def test_another_tree_and_libvirt_are_refused(verb: list[str], tmp_path: Path, capsys: Output) -> None:
    assert main(["--root", str(tmp_path), "guest", "snapshot", *verb]) == 1
    assert "leave out --root" in capsys.readouterr().err
    assert main(["guest", "snapshot", *verb, "--connect", "xen:///system", "--dry-run"]) == 1
    assert "libvirt cannot make snapshots" in capsys.readouterr().err

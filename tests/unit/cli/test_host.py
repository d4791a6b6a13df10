# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What `univention-xen host …` says about a host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import PROJECT, Check
from univention_xen.cli.main import main

Output = pytest.CaptureFixture[str]
TEMPLATES = ("etc/xen/xend-config.sxp", "etc/xen/xl.conf", "etc/default/xendomains")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host with a registry, xl and nothing else."""
    for directory in ("etc/univention", "usr/sbin"):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "usr/sbin/xl").write_text("")
    set_to(tmp_path, "")
    return tmp_path


def set_to(root: Path, values: str) -> None:
    (root / "etc/univention/base.conf").write_text("# univention_ base.conf\n\n" + values)


def install_templates(root: Path) -> None:
    for path in TEMPLATES:
        target = root / "etc/univention/templates/files" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((PROJECT / "conffiles" / path).read_bytes())


SETTINGS = """\
xen/relocation/hosts_allow: ^localhost$
xen/server/relocation: yes
xen/relocation/port: 70000
xen/toolstack: xend
xen/vnc/password: geheim
"""


def test_the_settings_are_listed_and_passwords_are_not(root: Path, golden: Check, capsys: Output) -> None:
    set_to(root, SETTINGS)
    assert main(["--root", str(root), "host", "settings"]) == 0
    text = capsys.readouterr().out
    assert "geheim" not in text
    shown = [line for line in text.splitlines() if "default" not in line]
    golden("cli/settings", "\n".join(shown) + "\n")


def test_the_settings_are_listed_for_programs(root: Path, capsys: Output) -> None:
    set_to(root, SETTINGS)
    assert main(["--root", str(root), "host", "settings", "--json"]) == 0
    text = capsys.readouterr().out
    assert "geheim" not in text
    rows = {row["variable"]: row for row in json.loads(text)}
    assert rows["xen/vnc/password"]["value"] == "***"
    assert rows["xen/relocation/port"] == {
        "variable": "xen/relocation/port", "value": "8002", "state": "refused", "acts": ["xend"],
    }  # fmt: skip
    assert rows["xen/vnc/listen"]["state"] == "default"


def test_a_clean_host_has_nothing_odd(root: Path, capsys: Output) -> None:
    assert main(["--root", str(root), "host", "check", "--json"]) == 0
    assert [finding["level"] for finding in json.loads(capsys.readouterr().out)] == ["note"]


def test_everything_odd_is_found_in_one_pass(root: Path, golden: Check, capsys: Output) -> None:
    set_to(root, SETTINGS)
    assert main(["--root", str(root), "host", "check"]) == 1
    text = capsys.readouterr().out
    assert "geheim" not in text
    golden("cli/check-xend", text)


def test_what_the_toolstack_ignores_is_noted(root: Path, capsys: Output) -> None:
    set_to(root, "xen/relocation/port: 9002\nxen/xl/claim_mode: no\n")
    assert main(["--root", str(root), "host", "check", "--json"]) == 0
    notes = {finding["about"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert (
        notes["xen/relocation/port"]["problem"]
        == "xen/relocation/port: 9002 has an effect on xend only, and xl is in use"
    )
    assert "xen/xl/claim_mode" not in notes


@pytest.mark.parametrize("what", ["toolstack", "check", "settings"])
def test_hostile_values_never_make_a_traceback(root: Path, what: str, capsys: Output) -> None:
    bad = ["'\"\\", ")(", "#;", "@%@x@%@", "@!@print(1)@!@", "$(id)`id`", "ä\udcff", "x" * 10000, "   ", "\x1b[2J"]
    names = ["xen/toolstack", "xen/vnc/listen", "xen/relocation/hosts_allow", "xen/server/api", "xen/bridge/interface"]
    for value in bad:
        text = "".join(f"{name}: {value}\n" for name in names)
        (root / "etc/univention/base.conf").write_bytes(("# x\n\n" + text).encode("utf-8", "surrogateescape"))
        assert main(["--root", str(root), "host", what]) in (0, 1)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert "\x1b" not in out + err


@pytest.mark.parametrize(
    ("wanted", "xend", "expected"),
    [
        ("auto", False, "xl"),
        ("auto", True, "xl"),
        ("xend", True, "xend"),
        ("xl", True, "xl"),
        ("nonsense", False, "xl"),
    ],
)
def test_the_toolstack_is_told_with_its_reason(
    root: Path, capsys: Output, wanted: str, expected: str, *, xend: bool
) -> None:
    set_to(root, f"xen/toolstack: {wanted}\n")
    if xend:
        (root / "usr/sbin/xend").write_text("")
    assert main(["--root", str(root), "host", "toolstack", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["toolstack"] == expected

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The variables for an old xend-config.sxp, and the plan that sets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from conftest import Check, FakeRunner
from rendering import EVERYWHERE
from univention_xen.cli.main import main
from univention_xen.errors import XenError
from univention_xen.host import xend_import
from univention_xen.plan import Machine, Run, Write
from univention_xen.run import Runner

OLD = """\
# Dom0 of the laboratory
(xend-relocation-server yes)
(xend-relocation-hosts-allow '^localhost$ ^host2\\\\.example\\\\.com$')
(network-script 'network-bridge netdev=eth1 bridge=xenbr1')
(vif-script 'vif-bridge bridge=xenbr1')
(dom0-min-mem 256)
(vnc-listen '0.0.0.0')
(vncpasswd 'S3cr3t')
(xend-unix-path /tmp/socket)
(loglevel debug)
"""
OTHERS = {"xen/server/relocation": "yes", "xen/dom0/memory_min": "256", "xen/vnc/listen": EVERYWHERE}


def read(text: str, version: str = "4.4") -> xend_import.Imported:
    return xend_import.read(text, "old.sxp", version)


def machine(root: Path) -> Machine:
    return Machine(root, cast(Runner, FakeRunner()))


def plan(root: Path, registry: dict[str, str] | None = None, text: str = OLD) -> tuple[Any, ...]:
    return xend_import.plan_import(read(text), registry or {}, machine(root)).steps


def values(text: str, version: str = "4.4") -> dict[str, str]:
    return xend_import.not_default(read(text, version).values)


def test_the_password_comes_first_and_the_variables_in_one_step(tmp_path: Path) -> None:
    write, run = plan(tmp_path)
    assert write == Write("/etc/xen/vncpasswd", "S3cr3t\n", 0o600)
    assert str(write) == "write /etc/xen/vncpasswd (1 line)"
    assert run.argv[:4] == ("ucr", "--root", str(tmp_path), "set")
    assert "xen/vnc/passwordfile=/etc/xen/vncpasswd" in run.argv
    assert f"xen/vnc/listen={EVERYWHERE}" in run.argv
    assert "S3cr3t" not in repr(plan(tmp_path))


def test_only_what_differs_is_set(tmp_path: Path) -> None:
    (_, run) = plan(tmp_path, OTHERS | {"xen/dump": "yes", "xen/console/limit": "1024"})
    names = {word.partition("=")[0] for word in run.argv[4:]}
    assert not names & {*OTHERS, "xen/console/limit"}
    assert "xen/dump=no" in run.argv, "what the old file leaves at its default is set back"


def test_a_second_import_has_nothing_to_do(tmp_path: Path) -> None:
    write, run = plan(tmp_path)
    assert isinstance(run, Run)
    write.apply(machine(tmp_path))
    assert (tmp_path / "etc/xen/vncpasswd").stat().st_mode & 0o777 == 0o600
    registry = dict(word.split("=", 1) for word in run.argv[4:])
    assert plan(tmp_path, registry) == ()


def test_a_password_that_is_there_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "etc/pw"
    path.parent.mkdir()
    path.write_text("another\n")
    with pytest.raises(XenError, match="/etc/pw holds another password already"):
        plan(tmp_path, {"xen/vnc/passwordfile": "/etc/pw"})
    assert path.read_text() == "another\n"


def test_a_password_that_everybody_could_read_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "etc/xen/vncpasswd"
    path.parent.mkdir(parents=True)
    path.write_text("S3cr3t\n")
    path.chmod(0o644)
    assert isinstance(plan(tmp_path)[0], Write)


@pytest.mark.parametrize("password", ["ge heim ", "gehëim", "a\\nb", "x" * 5000])
def test_a_password_that_fits_in_no_file_is_listed(password: str) -> None:
    result = read(f"(vncpasswd '{password}')\n")
    assert not result.password
    assert [(left.option, left.value) for left in result.left] == [("vncpasswd", "***")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"xen/dom0/memory_min": "0", "xen/network/mode": "none"}),
        ("(network-script 'network-route netdev=eth2')(vif-script 'vif-route netdev=eth2')",
         {"xen/network/mode": "route", "xen/bridge/interface": "eth2"}),
        ("(vif-script 'vif-bridge bridge=br0')", {"xen/bridge/interface": "none", "xen/bridge/name": "br0"}),
        ("(xend-http-server yes)", {"xen/server/http_server": "yes", "xen/server/address": EVERYWHERE}),
        ("(xend-relocation-server yes)", {"xen/server/relocation": "yes", "xen/relocation/allow_all": "yes"}),
        ("(xend-relocation-hosts-allow '')", {}),
        ("(xend-relocation-hosts-allow '^a$')", {"xen/relocation/hosts_allow": "^a$"}),
        ("(xen-api-server ((9363 pam '^host name$') (unix none)))",
         {"xen/server/api": "(9363 pam '^host name$') (unix none)"}),
        ("(vnc-tls 0)", {"xen/vnc/tls": "yes"}),
        ("(vnc-listen localhost)", {}),
        ("(dom0-min-mem 196)(enable-dom0-ballooning no)", {"xen/dom0/ballooning": "no"}),
        ("(pscsi-device-mask (0:0:0:0 1:*))", {"xen/pscsi/device_mask": "0:0:0:0 1:*"}),
    ],
)  # fmt: skip
def test_options_become_variables(text: str, expected: dict[str, str]) -> None:
    result = read(text + "\n")
    found = xend_import.not_default(result.values)
    if "network-script" not in text and "vif-script" not in text:
        expected = {"xen/network/mode": "none"} | expected
    if "dom0-min-mem" not in text:
        expected = {"xen/dom0/memory_min": "0"} | expected
    assert found == expected
    assert result.left == []


def test_what_xend_could_not_read_is_refused_with_the_line() -> None:
    with pytest.raises(XenError, match="xend could not read this") as why:
        read("(xend-port 1)\n)\n")
    assert why.value.hint


@pytest.fixture
def old(tmp_path: Path) -> Path:
    (tmp_path / "etc/univention").mkdir(parents=True)
    (tmp_path / "old.sxp").write_text(OLD)
    return tmp_path / "old.sxp"


def test_the_command_shows_and_sets_nothing(
    old: Path, golden: Check, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(old.parent)
    assert main(["--root", str(old.parent), "host", "import", "old.sxp"]) == 0
    text = capsys.readouterr().out
    assert "S3cr3t" not in text
    golden("cli/import", text)
    assert sorted(path.name for path in old.parent.rglob("*") if path.is_file() and "lock" not in str(path)) == [
        "old.sxp"
    ]


def test_the_command_speaks_to_programs(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(old.parent), "host", "import", str(old), "--json"]) == 0
    text = capsys.readouterr().out
    assert "S3cr3t" not in text
    data = json.loads(text)
    assert data["variables"]["xen/bridge/name"] == "xenbr1"
    assert data["password_file"] == "/etc/xen/vncpasswd"
    assert [left["option"] for left in data["left"]] == ["loglevel", "xend-unix-path"]
    assert data["done"] == []


def test_what_would_be_done_is_shown(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(old.parent), "host", "import", str(old), "--dry-run"]) == 0
    write, run = capsys.readouterr().out.splitlines()
    assert write.startswith("write ")
    assert run.startswith("ucr --root ")


def test_a_missing_file_is_named(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(old.parent), "host", "import", "/nowhere", "--apply"]) == 1
    assert "/nowhere" in capsys.readouterr().err

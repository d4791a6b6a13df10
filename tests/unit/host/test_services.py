# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What is asked of the init system, and what its answers mean."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from conftest import FakeRunner
from univention_xen.host import services

STATUS = "invoke-rc.d --disclose-deny xend status"
RESTART = "invoke-rc.d --disclose-deny xend restart"
FORCED = "invoke-rc.d --disclose-deny --force xend restart"


def write(path: Path, text: str = "#!/bin/sh\n", mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def fake(**answers: tuple[int, str, str]) -> Any:
    names = {"status": STATUS, "restart": RESTART, "forced": FORCED, "runlevel": "runlevel"}
    return FakeRunner({names[name]: answer for name, answer in answers.items()})


def test_a_sysv_script_is_a_service_when_it_can_be_run(tmp_path: Path) -> None:
    script = write(tmp_path / "etc/init.d/xend")
    assert services.is_installed(str(tmp_path), "xend")
    script.chmod(0o644)
    assert not services.is_installed(str(tmp_path), "xend")


@pytest.mark.parametrize("directory", ["etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"])
def test_a_unit_is_a_service(tmp_path: Path, directory: str) -> None:
    write(tmp_path / directory / "xend.service", "[Service]\n", 0o644)
    assert services.is_installed(str(tmp_path), "xend")
    assert not services.is_masked(str(tmp_path), "xend")


def test_a_mask_alone_is_no_service(tmp_path: Path) -> None:
    write(tmp_path / "etc/systemd/system/other").unlink()
    (tmp_path / "etc/systemd/system/xend.service").symlink_to("/dev/null")
    assert services.is_masked(str(tmp_path), "xend")
    assert not services.is_installed(str(tmp_path), "xend")


def test_a_process_is_told_by_systemds_number_of_the_start(tmp_path: Path) -> None:
    (tmp_path / "run/systemd/units").mkdir(parents=True)
    (tmp_path / "run/systemd/units/invocation:xend.service").symlink_to("0123abc")
    assert services.process(str(tmp_path), "xend") == "0123abc"


def test_a_process_is_told_by_its_number_and_start(tmp_path: Path) -> None:
    write(tmp_path / "run/xend.pid", f"{os.getpid()}\n")
    mine = Path("/proc/self/cmdline").read_bytes()
    name = os.path.basename(mine.split(b"\0")[0]).decode()
    write(tmp_path / f"run/{name}.pid", f"{os.getpid()}\n")
    assert services.process(str(tmp_path), name).startswith(f"{os.getpid()}:")


@pytest.mark.parametrize("text", ["", "none", "-5", "99999999", "1", "12 13"])
def test_a_stale_or_damaged_process_number_tells_nothing(tmp_path: Path, text: str) -> None:
    write(tmp_path / "run/no-such-daemon.pid", text)
    assert services.process(str(tmp_path), "no-such-daemon") == ""


@pytest.mark.parametrize(("code", "expected"), [(0, True), (3, False), (1, False), (4, False), (101, None)])
def test_the_script_says_whether_the_service_runs(tmp_path: Path, code: int, *, expected: bool | None) -> None:
    assert services.is_running(str(tmp_path), "xend", fake(status=(code, "", ""))) is expected


def test_a_script_without_status_is_outvoted_by_the_process(tmp_path: Path) -> None:
    (tmp_path / "run/systemd/units").mkdir(parents=True)
    (tmp_path / "run/systemd/units/invocation:xend.service").symlink_to("0123abc")
    assert services.is_running(str(tmp_path), "xend", fake(status=(1, "", "Usage: xend start|stop"))) is True


def test_a_denial_by_policy_is_final(tmp_path: Path) -> None:
    write(tmp_path / "usr/sbin/policy-rc.d")
    run = fake(restart=(101, "", "denied"))
    assert services.restart(str(tmp_path), "xend", run).code == services.DENIED
    assert run.asked == [RESTART]


def test_a_denial_by_runlevel_is_final(tmp_path: Path) -> None:
    run = fake(restart=(101, "", ""), runlevel=(0, "N 2", ""))
    assert services.restart(str(tmp_path), "xend", run).code == services.DENIED


def test_a_container_without_runlevels_and_policy_is_no_denial(tmp_path: Path) -> None:
    run = fake(restart=(101, "", ""), runlevel=(1, "unknown", ""), forced=(0, "", ""))
    assert services.restart(str(tmp_path), "xend", run).code == 0


def test_neither_another_tree_nor_that_of_dpkg_is_the_running_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not services.is_live(str(tmp_path))
    monkeypatch.setenv("DPKG_ROOT", "/target")
    assert not services.is_live("/")

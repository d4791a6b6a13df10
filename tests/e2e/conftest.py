# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Each test module is one group: its ``collect(dom0)`` runs once in a restored Dom0, its tests judge what was seen."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from dom0 import Dom0, Snapshot
from evidence import Evidence
from snapshots import STORE, holding, ready, run_dir, say

XEN_LOGS = "cd /var/log && tar c xen 2>/dev/null"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--evidence", metavar="DIR", help="judge what an earlier run has collected in DIR; boots nothing")


@pytest.fixture(scope="session")
def snapshot(request: pytest.FixtureRequest) -> Iterator[Snapshot | None]:
    """The Dom0 every group begins with; None when old evidence is judged."""
    if request.config.getoption("--evidence"):
        yield None
        return
    with holding("e2e"):
        yield ready()


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest, snapshot: Snapshot | None) -> Evidence:
    """What this module's ``collect`` has seen."""
    group = request.module.__name__.rpartition(".")[2].removeprefix("test_")
    if snapshot is None:
        return Evidence(Path(request.config.getoption("--evidence")) / group).must_be_complete()
    where = STORE / "evidence" / group
    shutil.rmtree(where, ignore_errors=True)
    evidence = Evidence(where)
    begin = time.monotonic()
    collect(request.module, snapshot, evidence)
    say(f"\n{group}: collected in {time.monotonic() - begin:.0f} s")
    return evidence.must_be_complete()


def collect(module: object, snapshot: Snapshot, evidence: Evidence) -> None:
    """Run the module's collection; whatever happens, keep the console, QEMU's words and Xen's logs."""
    pair = getattr(module, "collect_pair", None)
    names = ("a", "b") if pair else ("a",)
    machines = [Dom0(run_dir(f"e2e-{name}"), snapshot, evidence) for name in names]
    try:
        if pair:
            pair(*machines)
        else:
            module.collect(machines[0].restore())  # type: ignore[attr-defined]
        for machine in machines:
            machine.must_live()
        (evidence.where / "COLLECTED").write_text("to the end\n")
    finally:
        for name, machine in zip(names, machines, strict=True):
            keep_logs(machine, evidence, "" if len(names) == 1 else f"-{name}")
            machine.stop()


def keep_logs(machine: Dom0, evidence: Evidence, suffix: str) -> None:
    for file in ("console", "qemu"):
        if (machine.where / f"{file}.log").exists():
            shutil.copy(machine.where / f"{file}.log", evidence.where / f"{file}{suffix}.log")
    try:
        tar = machine.raw(XEN_LOGS, within=60)
        (evidence.where / f"xen{suffix}.tar").write_bytes(tar)
    except Exception as why:  # the Dom0 may be gone; that has been said elsewhere
        say(f"no Xen logs: {why}")

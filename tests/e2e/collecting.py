# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The groups' collections, each in Dom0s of its own, as many at a time as there are processors, and memory for."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import ModuleType

from dom0 import Dom0, Snapshot
from evidence import Evidence
from qemu import MEMORY_MIB
from snapshots import STORE, run_dir, say

XEN_LOGS = "cd /var/log && tar c xen 2>/dev/null"


def at_once() -> int:
    """How many groups to collect at a time: the variable DOM0_AT_ONCE, else one for each processor.

    Less when there is not the memory for their machines and one more: a group may need two.
    """
    if wanted := os.environ.get("DOM0_AT_ONCE"):
        return max(1, int(wanted))
    found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    machines = int(found[1]) // 1024 // (MEMORY_MIB + 512) if found else 0
    return max(1, min(len(os.sched_getaffinity(0)), machines - 1))


def group(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2].removeprefix("test_")


def collect_all(snapshot: Snapshot, modules: Iterable[ModuleType]) -> dict[ModuleType, Future[Evidence]]:
    """Begin with the collections in the order of *modules*; return what came of them when the last one has ended."""
    machines: list[Dom0] = []
    with ThreadPoolExecutor(at_once()) as pool:
        begun = {module: pool.submit(collect, module, snapshot, machines) for module in modules}
        try:
            wait(begun.values())
        finally:  # after Ctrl+C begin nothing more, and switch off what still runs
            pool.shutdown(wait=False, cancel_futures=True)
            while busy := [each for each in begun.values() if not each.done()]:
                for machine in tuple(machines):
                    machine.stop()
                wait(busy, timeout=1)
    return begun


def collect(module: ModuleType, snapshot: Snapshot, machines: list[Dom0]) -> Evidence:
    """Run a module's collection in *machines* that are added; keep the console, QEMU's words and Xen's logs."""
    where = STORE / "evidence" / group(module)
    shutil.rmtree(where, ignore_errors=True)
    evidence = Evidence(where)
    begin = time.monotonic()
    pair = getattr(module, "collect_pair", None)
    names = ("-a", "-b") if pair else ("",)
    mine = [Dom0(run_dir(f"e2e-{group(module)}{name}"), snapshot, evidence) for name in names]
    machines += mine
    try:
        if pair:
            pair(*mine)
        else:
            module.collect(mine[0].restore())
        for machine in mine:
            machine.must_live()
        (where / "COLLECTED").write_text("to the end\n")
    finally:
        how = "collected" if (where / "COLLECTED").exists() else "NOT COLLECTED"
        say(f"{group(module)}: {how} in {time.monotonic() - begin:.0f} s")
        for name, machine in zip(names, mine, strict=True):
            keep_logs(machine, evidence, name)
            machine.stop()
            shutil.rmtree(machine.where, ignore_errors=True)  # its disk; what is worth reading has been kept
    return evidence


def keep_logs(machine: Dom0, evidence: Evidence, suffix: str) -> None:
    for file in ("console", "qemu"):
        if (machine.where / f"{file}.log").exists():
            shutil.copy(machine.where / f"{file}.log", evidence.where / f"{file}{suffix}.log")
    try:
        tar = machine.raw(XEN_LOGS, within=60)
        (evidence.where / f"xen{suffix}.tar").write_bytes(tar)
    except Exception as why:  # the Dom0 may be gone; that has been said elsewhere
        say(f"no Xen logs: {why}")

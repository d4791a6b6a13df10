# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The groups' collections, each in Dom0s of its own, as many at a time as this machine has processors and memory for."""

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


class Collections:
    """The evidence of *modules*, begun in their order and ready one after the other."""

    def __init__(self, snapshot: Snapshot, modules: Iterable[ModuleType]) -> None:
        self.snapshot = snapshot
        self.machines: list[Dom0] = []
        self.pool = ThreadPoolExecutor(at_once())
        self.promised: dict[ModuleType, Future[Evidence]] = {
            module: self.pool.submit(self._collect, module) for module in modules
        }

    def of(self, module: ModuleType) -> Evidence:
        """What *module* has seen. Raises what its collection has raised."""
        return self.promised[module].result()

    def close(self) -> None:
        """Begin nothing more, and switch off what still runs: after Ctrl+C, say."""
        self.pool.shutdown(wait=False, cancel_futures=True)
        while busy := [each for each in self.promised.values() if not each.done()]:
            for machine in tuple(self.machines):
                machine.stop()
            wait(busy, timeout=1)

    def _collect(self, module: ModuleType) -> Evidence:
        """Run a module's collection; whatever happens, keep the console, QEMU's words and Xen's logs."""
        where = STORE / "evidence" / group(module)
        shutil.rmtree(where, ignore_errors=True)
        evidence = Evidence(where)
        begin = time.monotonic()
        pair = getattr(module, "collect_pair", None)
        names = ("-a", "-b") if pair else ("",)
        machines = [Dom0(run_dir(f"e2e-{group(module)}{name}"), self.snapshot, evidence) for name in names]
        self.machines += machines
        try:
            if pair:
                pair(*machines)
            else:
                module.collect(machines[0].restore())
            for machine in machines:
                machine.must_live()
            (where / "COLLECTED").write_text("to the end\n")
        finally:
            for name, machine in zip(names, machines, strict=True):
                keep_logs(machine, evidence, name)
                machine.stop()
                shutil.rmtree(machine.where, ignore_errors=True)  # its disk; what is worth reading has been kept
        say(f"\n{group(module)}: collected in {time.monotonic() - begin:.0f} s")
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

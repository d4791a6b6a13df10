# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""``scripts/bench dom0``: resuming the Dom0, and in it the commands for guests beside bare `xl`.

Both are measured in one Dom0, in turn. It is emulated, and Python suffers more from that than xl, which mostly waits
for the hypervisor: hence the time of an empty Python program beside them.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.harness import PROJECT, write

if TYPE_CHECKING:
    from dom0 import Dom0

sys.path.insert(0, str(PROJECT / "tests" / "e2e"))

RUNS, RESUMES = 3, 3
MINUTES_PER_RUN = 5
COMMANDS = {
    "list": "xl list", "start": "xl create", "save": "xl save", "restore": "xl restore", "pause": "xl pause",
    "destroy": "xl destroy",
}  # fmt: skip
"""Each verb of `univention-xen guest`, and what one would type without it."""


def main(runs: int | None, path: str | None) -> int:
    """Measure, print a table, write JSON."""
    from dom0 import Dom0
    from qemu import minutes
    from snapshots import ready, run_dir

    count = runs or RUNS
    machine = Dom0(run_dir("bench"), ready())
    try:
        resumes = [resume(machine) for _ in range(RESUMES)]
        machine.must("cp /srv/guest/pv.cfg /etc/xen/")
        inside = Path(__file__).with_name("inside.py").read_bytes()
        said = machine.must(f"python3 - {count}", stdin=inside, within=minutes(MINUTES_PER_RUN * count))
    finally:
        machine.stop()
    times = json.loads(said.out)
    python = statistics.median(times.pop("python"))
    figures = [compared(verb, times) for verb in COMMANDS]
    print(f"resuming the Dom0 until ssh answers {statistics.median(resumes):7.1f} s")
    print(f"python3 -c pass in it               {python:7.2f} s")
    for each in figures:
        print(row(each, python))
    write(path, [{"name": "resume", "seconds": resumes}, {"name": "python3 -c pass", "seconds": python}, *figures])
    return 0


def resume(machine: Dom0) -> float:
    """Return the seconds until a Dom0 that was saved answers to ssh."""
    begin = time.monotonic()
    machine.restore()
    return time.monotonic() - begin


def compared(verb: str, times: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Return the medians of what was measured in the Dom0, ours beside those of xl."""
    ours, bare = (statistics.median(each[verb] for each in times[who]) for who in ("ours", "xl"))
    return {"name": f"guest {verb}", "against": COMMANDS[verb], "seconds": ours, "reference": bare}


def row(figures: dict[str, Any], python: float) -> str:
    """One line of the table; what comes on top is also told as so many starts of Python."""
    ours, bare = figures["seconds"], figures["reference"]
    return (
        f"{figures['name']:16} {ours:8.2f} s  {figures['against']:12} {bare:8.2f} s"
        f"  {ours - bare:+7.2f} s {ours / bare:6.2f}× {(ours - bare) / python:6.1f} × python3 -c pass"
    )

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Measure commands side by side with a reference: medians of interleaved runs, shown as ratios.

An entry is a function that takes an empty directory, prepares it and returns a Comparison; ``@entry`` enters it.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
PYTHON = "/usr/bin/python3"
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "PYTHONPATH": str(PROJECT / "python"),
}
NOTHING = (PYTHON, "-c", "pass")


@dataclass(frozen=True)
class Comparison:
    """Two commands that do comparable work; *aim* is the highest ratio (ours to reference) that is wanted.

    *ours* and *reference* get the number of the run, so that each run can do something new.
    """

    ours: Callable[[int], tuple[str, ...]]
    reference: Callable[[int], tuple[str, ...]] = field(default=lambda _run: NOTHING)
    against: str = "python3 -c pass"
    aim: float | None = None
    runs: int = 11
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """Medians in seconds of wall clock and of processor time, and our multiples of the reference."""

    name: str
    against: str
    runs: int
    wall: float
    cpu: float
    reference_wall: float
    reference_cpu: float
    ratio_wall: float
    ratio_cpu: float
    aim: float | None


Entry = Callable[[Path], Comparison]
ENTRIES: dict[str, Entry] = {}


def entry(prepare: Entry) -> Entry:
    """Enter *prepare* under its own name, with blanks for underscores."""
    ENTRIES[prepare.__name__.replace("_", " ")] = prepare
    return prepare


def once(argv: tuple[str, ...], environment: Mapping[str, str]) -> tuple[float, float]:
    """Run *argv* and return wall and processor seconds; raises CalledProcessError when it fails."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(argv, env=ENVIRONMENT | dict(environment), stdout=subprocess.DEVNULL, check=True, cwd=PROJECT)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(name: str, compared: Comparison, runs: int | None = None) -> Result:
    """Run both commands alternately, each as often first as second; one run of each beforehand is not counted."""
    count = runs or compared.runs
    ours: list[tuple[float, float]] = []
    reference: list[tuple[float, float]] = []
    for number in range(count + 1):
        turn = [(reference, compared.reference), (ours, compared.ours)]
        for times, command in turn if number % 2 else reversed(turn):
            times.append(once(command(number), compared.environment))
    wall, cpu = (statistics.median(run[which] for run in ours[1:]) for which in (0, 1))
    ref_wall, ref_cpu = (statistics.median(run[which] for run in reference[1:]) for which in (0, 1))
    return Result(
        name, compared.against, count, wall, cpu, ref_wall, ref_cpu,
        wall / ref_wall, cpu / max(ref_cpu, 0.001), compared.aim,
    )  # fmt: skip


def row(result: Result) -> str:
    """One line of the table."""
    aim = f"{result.aim:6.2g}×" if result.aim else "      –"
    return (
        f"{result.name:42} {result.wall:8.3f} s {result.ratio_wall:7.2f}× {result.ratio_cpu:7.2f}× {aim}"
        f"  {result.against} ({result.reference_wall:.3f} s)"
    )


def main(words: list[str], runs: int | None, path: str | None) -> int:
    """Measure the entries whose names contain one of *words* (all without words); print a table, write JSON."""
    chosen = [name for name in ENTRIES if not words or any(word in name for word in words)]
    if not chosen:
        print(f"bench: no entry is called {' or '.join(words)}\n  hint: {', '.join(ENTRIES)}", file=sys.stderr)
        return 2
    results = []
    print(f"{'':42} {'median':>10} {'wall':>8} {'CPU':>8} {'aim':>7}  beside")
    for name in chosen:
        with tempfile.TemporaryDirectory(prefix="bench.") as where:
            results.append(measure(name, ENTRIES[name](Path(where)), runs))
        print(row(results[-1]), flush=True)
    write(path, [asdict(result) for result in results])
    return 0


def write(path: str | None, figures: list[dict[str, Any]]) -> None:
    """Leave the figures as JSON in the file *path*, if there is to be one."""
    if path:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        Path(path).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The embedded registry, as multiples of starting Python.

Real UCR 5.2, measured the same way: set 39×, get 4.2×, register 32×.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench.harness import ENVIRONMENT, PROJECT, PYTHON, Comparison, entry

UCR = (PYTHON, str(PROJECT / "scripts" / "ucr"))
SECTION = '@!@\nprint("line %d", configRegistry.get("bench/value", ""))\n@!@\n'
TEMPLATE = "@%@UCRWARNING=# @%@\n" + "".join(SECTION % number for number in range(8))
INFO = "Type: file\nFile: etc/bench.conf\nVariables: ^bench/value$\n"


def package(where: Path) -> None:
    """Lay out a package that registers one file with eight computed sections."""
    templates = where / "etc/univention/templates"
    for name in ("files/etc", "info", "modules", "scripts", "removed"):
        (templates / name).mkdir(parents=True)
    for name in ("variables", "categories"):
        (where / "etc/univention/registry.info" / name).mkdir(parents=True)
    (templates / "files/etc/bench.conf").write_text(TEMPLATE)
    (templates / "info/bench.info").write_text(INFO)


def ucr(where: Path, *words: str) -> tuple[str, ...]:
    """Return the command line of the registry below *where*."""
    return (*UCR, "--root", str(where), *words)


def registered(where: Path) -> None:
    """Register that package, so that setting its variable rewrites its file."""
    package(where)
    subprocess.run(ucr(where, "register", "bench"), env=ENVIRONMENT, stdout=subprocess.DEVNULL, check=True)


@entry
def ucr_set_rewriting_8_sections(where: Path) -> Comparison:
    registered(where)
    return Comparison(lambda run: ucr(where, "set", f"bench/value={run}"), aim=6)


@entry
def ucr_get(where: Path) -> Comparison:
    registered(where)
    subprocess.run(ucr(where, "set", "bench/value=1"), env=ENVIRONMENT, stdout=subprocess.DEVNULL, check=True)
    return Comparison(lambda _run: ucr(where, "get", "bench/value"), aim=3)


@entry
def ucr_register_a_package(where: Path) -> Comparison:
    package(where)
    return Comparison(lambda _run: ucr(where, "register", "bench"), aim=8)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The packages, built once, and throwaway Debian roots to install them in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from conftest import PROJECT

sys.path.insert(0, str(PROJECT / "scripts"))

from throwaway import Cannot, Throwaway, throwaway

Roots = Callable[[str], Throwaway]


def build(into: Path, *options: str) -> list[Path]:
    """Run scripts/deb and return the packages; it is quick when nothing has changed."""
    command = [PROJECT / "scripts" / "deb", "--into", into, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"scripts/deb failed:\n{done.stdout}{done.stderr}", pytrace=False)
    return sorted(into.glob("*.deb"))


@pytest.fixture(scope="session")
def debs() -> list[Path]:
    """The packages of the checkout as it is that belong onto a Dom0."""
    return [deb for deb in build(PROJECT / "build") if "-tasks_" not in deb.name]


@pytest.fixture(scope="session")
def task_deb() -> Path:
    """The package with the task for the software selection."""
    (deb,) = (deb for deb in build(PROJECT / "build") if "-tasks_" in deb.name)
    return deb


@pytest.fixture(scope="session")
def older_debs() -> list[Path]:
    """The same packages with a smaller version, to upgrade from."""
    found = build(PROJECT / "build" / "older", "--version", "5.99.0")
    return [deb for deb in found if "-tasks_" not in deb.name]


@pytest.fixture(scope="module")
def new_root() -> Iterator[Roots]:
    """Make a root of a kind ("bare", or "ready" with the packages of Debian that ours need); gone after the module."""
    with ExitStack() as stack:

        def make(kind: str) -> Throwaway:
            try:
                return stack.enter_context(throwaway(kind))
            except Cannot as why:
                pytest.skip(f"installing packages in a throwaway root: {why}")

        yield make

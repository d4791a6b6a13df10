# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Tests that need what only Debian's own kernel has, run inside the Dom0: tests/kernel."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from dom0 import Dom0
from evidence import Evidence
from qemu import minutes

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = ("pyproject.toml", "python", "scripts", "tests/conftest.py", "tests/network_lab.py", "tests/kernel")


def sources() -> bytes:
    """What pytest needs there, as a tar archive."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in SOURCES:
            tar.add(PROJECT / name, name, filter=lambda member: None if "__pycache__" in member.name else member)
    return archive.getvalue()


def collect(dom0: Dom0) -> None:
    dom0.must("mkdir /srv/sources && tar -x -C /srv/sources", stdin=sources())
    pytest = "/usr/bin/python3 -m pytest -q -p no:cacheprovider tests/kernel"
    dom0.see("pytest", f"cd /srv/sources && {pytest}", within=minutes(15))


def test_bridges_above_bonds_and_below_vlans(seen: Evidence) -> None:
    said = seen["pytest"].out.splitlines()
    assert said[-1].startswith("5 passed in "), seen["pytest"].out + seen["pytest"].err

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""How long the tests take that one runs while working."""

from __future__ import annotations

from pathlib import Path

from bench.harness import PYTHON, Comparison, entry


@entry
def unit_tests(_where: Path) -> Comparison:
    """Beside collecting them only."""
    pytest = (PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit")
    return Comparison(lambda _run: pytest, lambda _run: (*pytest, "--collect-only"), "collecting them", runs=3)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A pytest plug-in: what this machine cannot do is listed at the end, and fails when CI=true."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest

skipped: Counter[str] = Counter()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember why a test was left out; an expected failure is none."""
    if report.skipped and not hasattr(report, "wasxfail"):
        skipped[report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)] += 1


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Remember why a whole module was left out."""
    if report.skipped:
        skipped[report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let nobody believe in tests that did not run."""
    if skipped and not session.exitstatus and os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """List it."""
    if skipped:
        terminalreporter.section("not tested on this machine")
        for reason, times in sorted(skipped.items()):
            terminalreporter.line(f"{times} × {reason.removeprefix('Skipped: ')}")

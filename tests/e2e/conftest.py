# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Each test module is one group: its ``collect(dom0)`` runs once in a restored Dom0, its tests judge what was seen."""

from __future__ import annotations

import sys
from concurrent.futures import Future
from pathlib import Path
from types import ModuleType

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from collecting import collect_all, group
from evidence import Evidence
from snapshots import holding, ready


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--evidence", metavar="DIR", help="judge what an earlier run has collected in DIR; boots nothing")


@pytest.fixture(scope="session")
def collected(request: pytest.FixtureRequest) -> dict[ModuleType, Future[Evidence]] | None:
    """What all groups of this run have seen, before the first test may say a word; None when old evidence is judged."""
    if request.config.getoption("--evidence"):
        return None
    modules = dict.fromkeys(item.module for item in request.session.items if isinstance(item, pytest.Function))
    with holding("e2e"):
        return collect_all(ready(), modules)


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest, collected: dict[ModuleType, Future[Evidence]] | None) -> Evidence:
    """What this module's ``collect`` has seen. Raises what it has raised."""
    if collected is None:
        return Evidence(Path(request.config.getoption("--evidence")) / group(request.module)).must_be_complete()
    return collected[request.module].result().must_be_complete()

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Each test module is one group: its ``collect(dom0)`` runs once in a restored Dom0, its tests judge what was seen."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from collecting import Collections, group
from evidence import Evidence
from snapshots import holding, ready


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--evidence", metavar="DIR", help="judge what an earlier run has collected in DIR; boots nothing")


@pytest.fixture(scope="session")
def collections(request: pytest.FixtureRequest) -> Iterator[Collections | None]:
    """All collections of this run, under way; None when old evidence is judged."""
    if request.config.getoption("--evidence"):
        yield None
        return
    modules = dict.fromkeys(item.module for item in request.session.items if isinstance(item, pytest.Function))
    with holding("e2e"):
        begun = Collections(ready(), modules)
        yield begun
        begun.close()


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest, collections: Collections | None) -> Evidence:
    """What this module's ``collect`` has seen."""
    if collections is None:
        return Evidence(Path(request.config.getoption("--evidence")) / group(request.module)).must_be_complete()
    return collections.of(request.module).must_be_complete()

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Our reader and writer of S-expressions agree with xend 3.2, 3.4, 4.1 and 4.4."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import recorded
from univention_xen.host import sxp

RECORDS = recorded("sxp.json")["records"]
VERSIONS = ("3.2", "3.4", "4.1", "4.4")


def answer(text: str, version: str) -> dict[str, Any]:
    """What our reader makes of *text*, in the words of the record."""
    try:
        document = sxp.read(text, version)
    except sxp.SxpError as why:
        line = {"line": why.line} if why.line else {}
        return {"error": why.kind, "message": str(why)} | line
    if not document.values:
        return {"value": None} | ({"dropped": True} if document.dropped else {})
    found = {"value": document.values, "options": document.options()}
    return found | ({"dropped": True} if document.dropped else {})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("record", RECORDS, ids=lambda r: f"{r['id']}-{r['note']}")
def test_the_reader_answers_as_xend_does(record: dict[str, Any], version: str) -> None:
    assert answer(record["text"], version) == record["readers"][version]


@pytest.mark.parametrize("record", [r for r in RECORDS if "wants" in r], ids=lambda r: r["id"])
def test_the_writer_is_read_back_by_every_version(record: dict[str, Any]) -> None:
    written = sxp.sxp("vncpasswd", record["wants"])
    assert record["text"].startswith(written)
    for version in VERSIONS:
        assert sxp.read(written, version).options() == {"vncpasswd": record["wants"]}

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Our reader of xl's guest files finds in them what the real xl 4.17 found, and refuses what it refused."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import recorded
from guest_meanings import comparable, from_xl
from univention_xen.guest import load_xl
from univention_xen.guest.words import BadSyntax, CannotRun

RECORDS = [*recorded("xl-guest.json")["records"], *recorded("xm-guest.json")["records"]]


ACCEPTED = [record for record in RECORDS if record["xl"]["accepted"]]
REFUSED = [record for record in RECORDS if not record["xl"]["accepted"]]


def name(record: dict[str, Any]) -> str:
    return f"{record['id']}-{record['area']}"


@pytest.mark.parametrize("record", ACCEPTED, ids=name)
def test_we_read_what_xl_reads(record: dict[str, Any]) -> None:
    found = load_xl.load(record["text"], record["id"])
    assert comparable(found.guest) == from_xl(record["xl"]["config"])
    assert found.ignored == record["xl"]["unknown"]
    assert found.repeated == record["xl"]["duplicates"]


@pytest.mark.parametrize("record", REFUSED, ids=name)
def test_we_refuse_what_xl_refuses(record: dict[str, Any]) -> None:
    with pytest.raises((BadSyntax, CannotRun)) as refusal:
        load_xl.load(record["text"], record["id"])
    if syntax := [line for line in record["xl"]["messages"] if "config parsing error near" in line]:
        assert refusal.type is BadSyntax
        ours = int(str(refusal.value).split(":")[1])
        behind_the_end = record["text"].count("\n") + 1
        assert ours in (int(syntax[0].split(":")[1]), behind_the_end), refusal.value


@pytest.mark.parametrize("record", ACCEPTED, ids=name)
def test_we_remark_on_what_xl_warns_of(record: dict[str, Any]) -> None:
    silent = ("timer_mode", "vncviewer")
    if any(not any(word in line for word in silent) for line in record["xl"]["messages"]):
        assert load_xl.load(record["text"], record["id"]).remarks, record["xl"]["messages"]

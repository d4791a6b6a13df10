# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What we write into xl.conf is what xl 4.17 takes, and what it complained about never gets there."""

from __future__ import annotations

import re
from typing import Any

import pytest

from conftest import recorded
from rendering import XL, options, rendered
from univention_xen.host import xl_conf

RECORDS = recorded("xl-conf.json")["records"]
VARIABLES = {option: variable for block in xl_conf.OPTIONS.values() for option, variable in block.items()}
ASSIGNMENT = re.compile(r'([a-z_.]+)=(?:([0-9]+)|"([^"\n]*)")\n')


def clean(record: dict[str, Any]) -> bool:
    """Whether xl took the file and started a guest without a word."""
    guest = record.get("probe_guest", {"accepted": False})
    return bool(record["xl"]["accepted"] and guest["accepted"] and not record["xl"]["messages"])


SINGLE = [r for r in RECORDS if (m := ASSIGNMENT.fullmatch(r["text"])) and m[1] in VARIABLES]


@pytest.mark.parametrize("record", SINGLE, ids=lambda r: r["text"].strip())
def test_a_value_reaches_the_file_just_when_xl_takes_it(record: dict[str, Any]) -> None:
    match = ASSIGNMENT.fullmatch(record["text"])
    assert match
    variable, text = VARIABLES[match[1]], match[2] or match[3]
    lines = options(rendered(XL, {variable.name: text}))
    if not clean(record):
        assert lines == options(rendered(XL))
    elif variable.parse(text) != variable.default:
        assert record["text"].strip() in lines


def test_the_records_speak_about_both() -> None:
    assert {clean(record) for record in SINGLE} == {True, False}


def test_options_that_we_write_are_among_those_that_xl_asked_for() -> None:
    asked = {name for r in RECORDS for name in r["xl"]["names"] if name not in r["xl"]["unknown"]}
    ours = {line.split("=")[0] for line in options(rendered(XL))} | set(VARIABLES)
    never_seen = {"claim_mode", "blkdev_start", "vm.hvm.cpumask", "vm.pv.cpumask"}
    assert ours - asked <= never_seen


def test_what_we_write_has_the_form_that_xl_reads() -> None:
    for value in ("a", 'a"b', "a\\b", "", 7, True, False):
        assert re.fullmatch(r'x=([0-9]+|"([^"\\\n]|\\["\\])*")', xl_conf.line("x", value))

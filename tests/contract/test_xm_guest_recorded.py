# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""An old guest file means to us what it meant to xm, and the file made of it means the same to xl."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conftest import recorded
from guest_meanings import comparable, from_meaning
from univention_xen.guest import load_xl, load_xm
from univention_xen.guest.convert import NotImported, convert, modern_lines
from univention_xen.guest.model import Guest, differences
from univention_xen.guest.program import understand
from univention_xen.guest.words import BadSyntax, CannotRun, Remark

WHOLE = recorded("xm-guest.json")
RECORDS = {record["id"]: record for record in WHOLE["records"]}
NEEDS_RUNNING = {
    "xm-147": "disk is computed by a loop",
    "xm-149": "vmname, which is set by code in line 1",
    "xm-150": "set by code in line 1",
}
"""Files whose meaning only a Python interpreter could find out: we say so instead of running or guessing."""

SAFER = {"xm-044": "does not say file:, phy: or tap:"}
"""Files that some xend took and that could not work: a disk without a source."""


def read(record: dict[str, Any]) -> Guest:
    """Return the guest that xm would have started. Raises BadSyntax or CannotRun."""
    text = modern_lines(record["text"], record["id"], [])
    return load_xm.load(understand(text, record["id"]), record["id"]).guest


def told_apart(old: Guest, new: Guest) -> list[tuple[str, Any, Any]]:
    """Return differences, but a record says only whether there is a password, and neither displays nor backends."""

    def seen(guest: Guest) -> Guest:
        vnc = guest.vnc
        disks = tuple(replace(disk, backend="") for disk in guest.disks)
        vnc = replace(vnc, display=None, password="x" * bool(vnc.password))
        return comparable(replace(guest, disks=disks, vnc=vnc))

    return differences(seen(old), seen(new))


def excused(record: dict[str, Any], why: Exception) -> bool:
    """Whether a file with a meaning may be refused: only for code that needs running, or as a deliberate difference."""
    return bool(record["code_lines"]) or (record["id"] in SAFER and SAFER[record["id"]] in str(why))


@pytest.mark.parametrize("name", RECORDS)
def test_an_old_file_means_what_it_meant_to_xm(name: str) -> None:
    record = RECORDS[name]
    remarks: list[Remark] = []
    try:
        guest = read(record)
        modern_lines(record["text"], name, remarks)
    except (BadSyntax, CannotRun) as why:
        if record["meaning"] and not excused(record, why):
            pytest.fail(f"refused: {why}")
        return
    if record["meaning"]:
        assert told_apart(from_meaning(record["meaning"]), guest) == []
    else:
        assert [each for each in remarks if each.kind == "lost"], "no xm ran it: we may, but not silently"


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if record["meaning"]])
def test_an_imported_file_means_the_same_to_xl(name: str) -> None:
    record = RECORDS[name]
    try:
        imported = convert(record["text"], name, name)
    except (BadSyntax, NotImported) as why:
        if not excused(record, why):
            pytest.fail(f"refused: {why}")
        return
    new = load_xl.load(imported.text, name)
    assert told_apart(from_meaning(record["meaning"]), new.guest) == [], imported.text
    assert not new.remarks
    for line in record["text"].splitlines():
        if line.startswith("#"):
            assert line in imported.text.splitlines(), "comments survive"
    assert len(imported.remarks) == len(set(imported.remarks)), "nothing is said twice"
    for remark in imported.remarks:
        assert not any(secret in remark.sentence for secret in ("fenster", "geheim", "vncpasswd=abc"))


def test_only_what_needs_running_is_refused() -> None:
    refused = {}
    for name, record in RECORDS.items():
        try:
            convert(record["text"], name, name)
        except (BadSyntax, NotImported) as why:
            if record["meaning"]:
                refused[name] = str(why)
    if WHOLE["part"] == "visible":
        assert set(refused) == set(NEEDS_RUNNING | SAFER)
        for name, reason in (NEEDS_RUNNING | SAFER).items():
            assert reason in refused[name]


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if record["code_lines"]])
def test_code_is_named_with_its_line(name: str) -> None:
    record = RECORDS[name]
    try:
        said = [str(remark) for remark in convert(record["text"], name, name).remarks]
    except (BadSyntax, NotImported) as why:
        said = str(why).splitlines()
    else:
        for line, _ in record["code_lines"]:
            assert any(each.startswith(f"{name}:{line}:") for each in said), (line, said)
    assert any(each.startswith(f"{name}:") for each in said)

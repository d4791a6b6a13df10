# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Releases of the GPLPV drivers are ordered, and the switch turns round at 0.9.12-pre9."""

from __future__ import annotations

import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from univention_xen.bootini.version import DriverVersion, switch_for
from univention_xen.errors import XenError

IN_ORDER = [
    "0.8.9", "0.9.9", "0.9.10-pre2", "0.9.10", "0.9.11-pre2", "0.9.11-pre20", "0.9.11", "0.9.11.8", "0.9.11.10",
    "0.9.12-pre1", "0.9.12-pre8", "0.9.12-pre9", "0.9.12-pre10", "0.9.12-pre13", "0.9.12-rc1", "0.9.12", "0.9.12.1",
    "0.10.0-pre1", "0.10.0", "0.10.0.69", "0.11.0.213", "0.11.0.372", "1.0",
]  # fmt: skip


def test_releases_sort_with_their_pre_releases_first() -> None:
    shuffled = IN_ORDER[:]
    random.Random(1).shuffle(shuffled)
    assert sorted(shuffled, key=DriverVersion.parse) == IN_ORDER


@pytest.mark.parametrize("version", IN_ORDER)
def test_the_switch_turns_round_at_pre9(version: str) -> None:
    early = IN_ORDER.index(version) < IN_ORDER.index("0.9.12-pre9")
    assert switch_for(DriverVersion.parse(version)) == ("GPLPV" if early else "NOGPLPV")


def test_without_a_version_the_drivers_are_newer_ones() -> None:
    assert switch_for(None) == "NOGPLPV"


@pytest.mark.parametrize(
    "same",
    ["0.9.12-PRE9", "v0.9.12-pre9", " 0.9.12-pre9\n", "0.9.12pre9", "0.9.12~pre9", "0.9.12-pre09", "0.9.12.0-pre9"],
)
def test_other_spellings_mean_the_same(same: str) -> None:
    assert DriverVersion.parse(same) == DriverVersion.parse("0.9.12-pre9")


@pytest.mark.parametrize(
    "bad", ["", "9", "0.9.x", "0.9.12-beta1", "0..9", "-1.2", "0.9.12-pre9; reboot", "\u0660.\u0669", "9" * 5000]
)
def test_anything_else_is_refused(bad: str) -> None:
    with pytest.raises(XenError, match="is no version of the GPLPV drivers"):
        DriverVersion.parse(bad)


@given(st.text())
def test_no_text_makes_it_crash(text: str) -> None:
    with contextlib.suppress(XenError):
        DriverVersion.parse(text)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Values and the types of their variables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from univention_xen.registry import types

KINDS = [
    "str", "bool", "int", "uint", "pint", "portnumber", "ipv4address", "ipv6address", "ipaddress", "url_http",
    "url_proxy", "json", "cron", "list", "colour",
]  # fmt: skip


@given(st.sampled_from(KINDS), st.text())
def test_any_text_is_judged_without_an_exception(kind: str, value: str) -> None:
    assert types.fits({"type": kind}, value) in (True, False)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("bool", ["yes", "OFF", "1", "enabled"], ["", "maybe", "y", "2"]),
        ("uint", ["0", "7"], ["-1", "", "x"]),
        ("pint", ["1"], ["0", "-1"]),
        ("portnumber", ["0", "65535"], ["65536", "-1", "ssh"]),
        ("ipv4address", ["192.0.2.1"], ["192.0.2.1/24", "::1", "192.0.2.01", ""]),
        ("ipv6address", ["::1", "fe80::1%eth0"], ["::1/64", "192.0.2.1"]),
        ("ipaddress", ["::1", "192.0.2.1"], ["host", ""]),
        ("url_http", ["http://a/b?c", "https://a"], ["ftp://a", "a", "http://a:99999"]),
        ("url_proxy", ["http://a:1"], ["http://a/", "http://a?b", "socks://a"]),
        ("json", ["{}", "[1]", '"x"'], ["", "{", "'x'"]),
        (
            "cron",
            ["* * * * *", "@daily", "#", "*/5 1-3,7 1 jan sun", "0-30/10 4 * * 7"],
            ["", "60 * * * *", "* * * *", "@often", "5-1 * * * *", "* * * * mon-fri", "*/0 * * * *", "1/2 * * * *"],
        ),
        ("list", ["a,b", ""], []),
    ],
)
def test_types(kind: str, good: list[str], bad: list[str]) -> None:
    assert [value for value in good if not types.fits({"type": kind}, value)] == []
    assert [value for value in bad if types.fits({"type": kind}, value)] == []


def test_limits_and_expressions() -> None:
    assert not types.fits({"type": "int", "min": "3"}, "2")
    assert types.fits({"type": "str", "regex": "a+"}, "aab")
    assert not types.fits({"type": "str", "regex": "a+$"}, "aab")
    assert types.fits({"type": "list", "elementtype": "int", "separator": "[; ]+"}, "1; 2")


@pytest.mark.parametrize(
    "options", [{"regex": "(["}, {"type": "int", "min": "low"}, {"type": "list", "separator": "("}]
)
def test_a_broken_description_is_not_the_fault_of_the_value(options: dict[str, str]) -> None:
    with pytest.raises(types.BrokenDefinition):
        types.fits({"type": "str", **options}, "1")

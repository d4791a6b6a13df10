# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Text that stands for a value."""

from __future__ import annotations

import pytest

from rendering import EVERYWHERE
from univention_xen import units


def test_addresses_come_in_their_usual_spelling() -> None:
    assert units.ip_address("0000:0000::1") == "::1"
    assert units.ip_address("10.0.0.1") == "10.0.0.1"


@pytest.mark.parametrize("text", ["10.0.0.01", "1", "10.0.0.1 ", "", "::1%x", "localhost"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not an IPv4 or IPv6 address"):
        units.ip_address(text)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
def test_this_host_alone(address: str) -> None:
    assert units.is_loopback(address)


@pytest.mark.parametrize("address", [EVERYWHERE, "::", "127.example.com", "localhost.example.com", "10.127.0.0"])
def test_the_network(address: str) -> None:
    assert not units.is_loopback(address)


def test_numbers_are_decimal_and_ascii() -> None:
    assert units.whole("010") == 10
    for text in ("0x10", "1_0", "1.0", "", " 1", "\u0661", "1" * 5000):
        with pytest.raises(ValueError, match="is not a whole number"):
            units.whole(text)

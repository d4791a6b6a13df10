# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What the real `ip` printed about two cards, one of them the port of a bridge."""

from __future__ import annotations

import json

import pytest

from conftest import recorded
from univention_xen.errors import XenError
from univention_xen.host.bridge import network

LINKS = network.parse_links(json.dumps(recorded("ip-6.1.0-address.json")))
ROUTES = network.parse_routes(json.dumps(recorded("ip-6.1.0-route-4.json")), "inet") + network.parse_routes(
    json.dumps(recorded("ip-6.1.0-route-6.json")), "inet6"
)
NETWORK = network.Network(LINKS, ROUTES)


def test_links_have_their_kind_and_their_bridge() -> None:
    assert set(LINKS) == {"lo", "other", "eth0", "eth1"}
    assert (LINKS["other"].kind, LINKS["eth1"].master, LINKS["eth0"].master) == ("bridge", "other", "")
    assert (LINKS["eth0"].mac, LINKS["lo"].type) == ("52:54:00:00:01:00", "loopback")
    assert NETWORK.ports("other") == ["eth1"]


def test_the_default_route_names_the_card() -> None:
    assert NETWORK.default() == "eth0"
    assert network.Network(LINKS, ()).default() == ""


def test_what_moves_is_what_somebody_gave_on_purpose() -> None:
    bare = LINKS["eth0"]._replace(addresses=tuple(a for a in LINKS["eth0"].addresses if not a.dynamic))
    assert [" ".join(command) for command in network.addressing("xenbr0", bare, ROUTES)] == [
        "ip address replace 192.0.2.10/24 broadcast + dev xenbr0",
        "ip address replace 203.0.113.1 peer 203.0.113.2/32 dev xenbr0",
        "ip address replace 192.0.2.11/24 broadcast + dev xenbr0",
        "ip address replace 2001:db8::10/64 dev xenbr0",
        "ip -4 route replace default via 192.0.2.1 metric 100 dev xenbr0",
        "ip -4 route replace 198.51.100.0/24 via 192.0.2.1 src 192.0.2.11 mtu 1400 dev xenbr0",
        "ip -6 route replace default via 2001:db8::1 metric 1024 dev xenbr0",
    ]


def test_a_lease_and_its_routes_are_left_to_the_server() -> None:
    commands = network.addressing("xenbr0", LINKS["eth0"], ROUTES)
    assert not any("192.0.2.77" in word for command in commands for word in command)
    assert [command[1] for command in commands if command[2] == "route"] == ["-6"]


@pytest.mark.parametrize("text", ["", "[]", "[{}]", "[null]"])
def test_nothing_is_no_error(text: str) -> None:
    assert network.parse_links(text) == {}
    assert network.parse_routes(text, "inet") == ()


def test_something_else_is_an_error_in_one_sentence() -> None:
    with pytest.raises(XenError, match="not JSON"):
        network.parse_links("Error: no")

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What NetworkManager and netplan are to be told; that they understand it is tried in tests/packaging."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from univention_xen.host.bridge import by_hand
from univention_xen.host.bridge.network import Address, Link, Network, Route
from univention_xen.plan import Machine

UUID = "89e1f581-027a-4c50-952f-4995840d31ad"
STATIC = Address("inet", "192.0.2.10", 24, "global", False)
LEASE = Address("inet", "192.0.2.50", 24, "global", True)


def link(name: str = "eth0", kind: str = "", *addresses: Address) -> Link:
    return Link(2, name, "52:54:00:00:01:00", "ether", kind, True, "", "", 1500, addresses)


def commands(hint: str) -> list[list[str]]:
    return [shlex.split(line) for line in hint.splitlines()[1:]]


def test_only_the_last_command_touches_the_running_network() -> None:
    told = commands(by_hand.network_manager(link(), "xenbr0", UUID))
    assert told[-1] == ["nmcli", "connection", "up", "xenbr0"]
    assert not [words for words in told[:-1] if "up" in words or "down" in words]
    (made,) = [words for words in told if "type" in words and "bridge" in words[: words.index("con-name")]]
    assert made[made.index("connection.autoconnect") + 1] == "no"


def test_the_present_connection_of_a_card_stays_for_the_way_back() -> None:
    told = commands(by_hand.network_manager(link(), "xenbr0", UUID))
    assert ["nmcli", "connection", "modify", UUID, "connection.autoconnect", "no"] in told
    assert not [words for words in told if "connection.master" in words]


@pytest.mark.parametrize("kind", ["bond", "vlan"])
def test_a_bond_keeps_the_connection_that_makes_it(kind: str) -> None:
    told = commands(by_hand.network_manager(link("bond0", kind), "xenbr0", UUID))
    port = ["connection.master", "xenbr0", "connection.slave-type", "bridge"]
    assert ["nmcli", "connection", "modify", UUID, *port] in told
    assert not [words for words in told if "ethernet" in words]


def test_a_card_without_a_connection_has_nothing_to_copy() -> None:
    told = by_hand.network_manager(link(), "xenbr0", "")
    assert "show" not in told
    assert "for key" not in told


def test_a_name_means_nothing_to_the_shell() -> None:
    told = commands(by_hand.network_manager(link("a;reboot"), "xenbr0", ""))
    assert "a;reboot" in told[1]


@pytest.mark.parametrize("text", ["", "connection-uuid=$(reboot)\n", "[device]\nmanaged=true\n"])
def test_what_is_no_uuid_is_no_connection(tmp_path: Path, text: str) -> None:
    file = tmp_path / by_hand.DEVICES.lstrip("/") / "2"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert by_hand.connection_of(Machine(tmp_path), link()) == ""
    file.write_text(f"[device]\nmanaged=true\nconnection-uuid={UUID}\nnm-owned=false\n")
    assert by_hand.connection_of(Machine(tmp_path), link()) == UUID


@pytest.mark.parametrize(
    ("address", "routes", "told"),
    [
        (STATIC, (Route("inet", "eth0", "default", ("default", "via", "192.0.2.1"), False),), [
            'addresses: ["192.0.2.10/24"]', 'routes: [{to: default, via: "192.0.2.1"}]',
        ]),
        (LEASE, (Route("inet", "eth0", "default", ("default", "via", "192.0.2.1", "proto", "dhcp"), True),), [
            "dhcp4: true",
        ]),
    ],
)  # fmt: skip
def test_netplan_is_told_what_the_card_has(address: Address, routes: tuple[Route, ...], told: list[str]) -> None:
    card = link("eth0", "", address)
    lines = by_hand.netplan(Network({"eth0": card}, routes), card, "xenbr0").splitlines()
    assert [line.strip() for line in lines[5:]] == ['interfaces: ["eth0"]', *told]

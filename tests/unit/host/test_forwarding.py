# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""How guests are forwarded without a bridge, and when not."""

from __future__ import annotations

from pathlib import Path

import pytest

from univention_xen.errors import XenError
from univention_xen.host.bridge import decide, forwarding
from univention_xen.host.bridge.change import Change
from univention_xen.host.bridge.decide import Found, Wish
from univention_xen.host.bridge.network import Address, Link, Network, Route
from univention_xen.plan import Machine

IP = Address("inet", "192.0.2.10", 24, "global", True)
BRIDGE = Change("ifupdown", "eth0", "xenbr0")


def network(name: str = "eth0", *addresses: Address) -> Network:
    link = Link(2, name, "52:54:00:00:01:00", "ether", "", True, "", "", 1500, addresses or (IP,))
    return Network({name: link}, (Route("inet", name, "default", ("default",), False),))


def machine(root: Path, **values: str) -> Machine:
    tools = {"usr/sbin/nft": "", "sbin/ifconfig": ""}
    kernel = {"ip_forward": "0", "conf/all/forwarding": "0", "conf/eth0/forwarding": "1", "conf/eth0/proxy_arp": "0"}
    kernel |= {"conf/all/accept_redirects": "1", **{name.replace("__", "/"): value for name, value in values.items()}}
    for path, text in {**tools, **{f"proc/sys/net/ipv4/{key}": f"{text}\n" for key, text in kernel.items()}}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return Machine(root)


def test_the_way_back_knows_what_ip_forward_changes_besides(tmp_path: Path) -> None:
    found = forwarding.change(machine(tmp_path), network(), "route", "eth0", named=True)
    assert [command[-1] for command in found.undo_up] == [
        "net/ipv4/ip_forward=0",
        "net/ipv4/conf/eth0/forwarding=1",
        "net/ipv4/conf/all/accept_redirects=1",
        "net/ipv4/conf/eth0/proxy_arp=0",
    ]


def test_a_host_that_forwards_already_goes_on_doing_so(tmp_path: Path) -> None:
    found = forwarding.change(machine(tmp_path, ip_forward="1"), network(), "nat", "eth0", named=False)
    assert found.undo_up == ()
    assert [file.path for file in found.files] == [forwarding.SYSCTL, forwarding.RULES]


@pytest.mark.parametrize(
    ("mode", "card", "addresses", "missing", "told"),
    [
        ("nat", "eth0", (IP._replace(family="inet6"),), "", "eth0 has no IPv4 address"),
        ("route", "enp3s0", (), "", "vif-route takes eth0 unless told otherwise, and the card is enp3s0"),
        ("route", "eth0", (), "sbin/ifconfig", "guests in the network mode route need ifconfig"),
        ("nat", "eth0", (), "usr/sbin/nft", "guests in the network mode nat need nft"),
    ],
)
def test_it_is_refused(
    tmp_path: Path, mode: str, card: str, addresses: tuple[Address, ...], missing: str, told: str
) -> None:
    on = machine(tmp_path)
    if missing:
        (tmp_path / missing).unlink()
    with pytest.raises(XenError) as why:
        forwarding.change(on, network(card, *addresses), mode, card, named=False)
    assert str(why.value).startswith(told)
    assert why.value.hint


def found(mode: str, interface: str = "eth0", toolstack: str = "xl") -> Found:
    return Found(Wish(mode, interface, "xenbr0", toolstack), network(), {})


def test_xend_does_it_itself() -> None:
    assert decide.nothing_to_do(found("nat", toolstack="xend")).startswith("xend sets up nat itself when it starts")


@pytest.mark.parametrize(
    ("wish", "applied"),
    [
        (found("nat"), BRIDGE),
        (found("bridge"), Change("nat", "eth0", "")),
        (found("route"), Change("nat", "eth0", "")),
        (found("nat", "eth1"), Change("nat", "eth0", "")),
    ],
)
def test_what_is_in_force_goes_first(wish: Found, applied: Change) -> None:
    with pytest.raises(XenError, match="would have to go first") as why:
        decide.same_already(wish, applied)
    assert why.value.hint == "univention-xen host bridge revert"


def test_the_same_again_is_nothing_to_do() -> None:
    assert decide.same_already(found("nat"), Change("nat", "eth0", ""))
    assert decide.same_already(found("nat"), None) == ""
    assert decide.same_already(found("bridge"), BRIDGE) == ""

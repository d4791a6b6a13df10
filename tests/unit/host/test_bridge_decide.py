# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""When a bridge is made, when there is nothing to do, and when it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from univention_xen.errors import XenError
from univention_xen.host.bridge import apply, decide, state
from univention_xen.host.bridge.change import Change, File, Value
from univention_xen.host.bridge.decide import Found, Wish
from univention_xen.host.bridge.network import Address, Link, Network, Route
from univention_xen.plan import Machine

IP = Address("inet", "192.0.2.10", 24, "global", False)


def link(
    number: int, name: str, kind: str = "", master: str = "", speaks: str = "ether", ip: tuple[Address, ...] = ()
) -> Link:
    return Link(number, name, "52:54:00:00:01:00", speaks, kind, True, master, "", 1500, ip)


LINKS = [
    link(1, "lo", speaks="loopback"), link(2, "eth0", ip=(IP,)), link(3, "eth1"), link(4, "br7", "bridge"),
    link(5, "eth2", master="br7"), link(6, "bond0", "bond"), link(7, "eth3", master="bond0"), link(8, "wlan0"),
    link(9, "eth4", ip=(IP,)), link(10, "empty", "bridge"), link(11, "tun0", "tun", speaks="none"),
]  # fmt: skip
NETWORK = Network(
    {each.name: each for each in LINKS[:8]},
    (Route("inet", "eth0", "default", ("default",), False),),
    frozenset({"wlan0"}),
)


def found(
    interface: str = "", bridge: str = "xenbr0", mode: str = "bridge", toolstack: str = "xl", extra: int = 0
) -> Found:
    links = {each.name: each for each in [*LINKS[:8], *LINKS[8 : 8 + extra]]}
    return Found(Wish(mode, interface, bridge, toolstack), NETWORK._replace(links=links), {})


@pytest.mark.parametrize(
    ("case", "told"),
    [
        (found("eth9"), "there is no network interface eth9"),
        (found("eth2"), "eth2 is a port of the bridge br7 already"),
        (found("eth3"), "eth3 belongs to bond0"),
        (found("br7"), "br7 is a bridge itself"),
        (found("wlan0"), "wlan0 is wireless"),
        (found("lo"), "lo is no Ethernet interface"),
        (found("tun0", extra=3), "tun0 is no Ethernet interface"),
        (found(bridge="eth1"), "eth1 exists and is no bridge"),
        (found(bridge="br7"), "the bridge br7 has other ports: eth2"),
        (found(bridge="empty", extra=2), "the bridge empty exists already"),
        (found(bridge="sixteen-letters-"), "the name sixteen-letters- is longer than 15 characters"),
        (found(extra=1), "eth0 and eth4 both have the address 192.0.2.10"),
    ],
)
def test_it_is_refused(case: Found, told: str) -> None:
    assert decide.nothing_to_do(case) == ""
    with pytest.raises(XenError) as why:
        decide.refuse(case)
    assert str(why.value).startswith(told)
    assert why.value.hint


@pytest.mark.parametrize("case", [found(), found("eth1"), found("bond0")])
def test_it_is_not_refused(case: Found) -> None:
    assert decide.nothing_to_do(case) == ""
    decide.refuse(case)


@pytest.mark.parametrize(
    ("case", "told"),
    [
        (found("eth2", "br7"), "eth2 is a port of the bridge br7 already"),
        (found("br7", "br7"), "eth2 is a port of the bridge br7 already"),
        (found(toolstack="xend"), "xend makes its bridge itself"),
        (found("none"), "xen/bridge/interface is none"),
        (found(mode="none"), "xen/network/mode is none"),
    ],
)
def test_there_is_nothing_to_do(case: Found, told: str) -> None:
    assert decide.nothing_to_do(case).startswith(told)


@pytest.mark.parametrize(
    ("file", "text", "manager"),
    [
        ("etc/netplan/01.yaml", "", "netplan"),
        ("run/NetworkManager/devices/2", "[device]\nmanaged=true\n", "NetworkManager"),
        ("run/systemd/netif/links/2", "NETWORK_FILE=/etc/systemd/network/a.network\n", "systemd-networkd"),
        ("etc/univention/templates/info/univention-base-files.info", "", "UCS"),
        ("etc/network/interfaces", "iface eth0 inet dhcp\n", "ifupdown"),
    ],
)
def test_the_manager_is_recognised(tmp_path: Path, file: str, text: str, manager: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(text)
    assert decide.managed_by(Machine(tmp_path), LINKS[1], {"interfaces/eth0/type": "dhcp"}) == manager
    if manager in ("netplan", "NetworkManager"):
        with pytest.raises(XenError, match=manager) as why:
            decide.decide(Machine(tmp_path), found("eth0"))
        assert "xenbr0" in why.value.hint


CHANGE = Change(
    "ifupdown", "eth0", "xenbr0", (File("/f", "old\udcff", "new"), File("/g", None, "x")), (Value("a", None, "b"),),
    down=(("ifdown", "eth0"),), keep=(("ip", "x"),), notes=("n",),
)  # fmt: skip


def keep(tmp_path: Path) -> Machine:
    on = Machine(tmp_path)
    state.write(on, state.Kept(CHANGE, "t", 12.5, "boot", 7))
    return on


def test_what_is_kept_on_disk_comes_back_as_it_was(tmp_path: Path) -> None:
    on = keep(tmp_path)
    assert state.read(on, state.PENDING) == state.Kept(CHANGE, "t", 12.5, "boot", 7)
    assert on.path(state.path(state.PENDING)).stat().st_mode & 0o777 == 0o600


def test_of_two_decisions_one_wins(tmp_path: Path) -> None:
    on = keep(tmp_path)
    assert state.move(on, state.PENDING, state.APPLIED)
    assert not state.move(on, state.PENDING, state.UNDOING)
    with pytest.raises(XenError, match="too late"):
        apply.Confirm().apply(on)


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"change": 1}', '{"change": {"manager": 1}}'])
def test_a_damaged_state_is_one_sentence(tmp_path: Path, text: str) -> None:
    on = keep(tmp_path)
    on.path(state.path(state.PENDING)).write_text(text)
    with pytest.raises(XenError, match=r"pending\.json is damaged") as why:
        apply.plan_confirm(on)
    assert why.value.hint


def test_without_a_change_there_is_nothing_to_confirm_or_revert(tmp_path: Path) -> None:
    assert not apply.plan_confirm(Machine(tmp_path)).steps
    assert not apply.plan_revert(Machine(tmp_path)).steps

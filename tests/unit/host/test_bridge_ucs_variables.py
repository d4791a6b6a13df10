# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Which interfaces/* variables change on UCS."""

from __future__ import annotations

import pytest

from univention_xen.errors import XenError
from univention_xen.host.bridge import ucs

MAC = "52:54:00:00:01:00"
BRIDGE = {
    "interfaces/restart/auto": "false", "interfaces/eth0/type": "manual",
    "interfaces/xenbr0/options/0": "bridge_ports eth0",
    "interfaces/xenbr0/options/1": "bridge_fd 0", "interfaces/xenbr0/options/2": f"bridge_hw {MAC}",
}  # fmt: skip


def moved(variables: dict[str, str]) -> dict[str, str | None]:
    names = ucs.new_names(variables, "eth0", "xenbr0")
    return ucs.moved(variables, names, "eth0", "xenbr0", MAC)[0]


def test_addresses_move_and_the_primary_interface_follows() -> None:
    variables = {
        "interfaces/eth0/type": "static", "interfaces/eth0/address": "192.0.2.10", "interfaces/eth0/order": "1",
        "interfaces/eth0/start": "true", "interfaces/eth0/ipv6/default/address": "2001:db8::1",
        "interfaces/eth0/route/0": "net 10.0.0.0", "interfaces/primary": "eth0", "interfaces/eth1/type": "dhcp",
        "interfaces/handler": "ifplugd", "gateway": "192.0.2.1",
    }  # fmt: skip
    assert moved(variables) == BRIDGE | {
        "interfaces/xenbr0/type": "static",
        "interfaces/eth0/address": None, "interfaces/xenbr0/address": "192.0.2.10",
        "interfaces/xenbr0/order": "2", "interfaces/xenbr0/start": "true",
        "interfaces/eth0/ipv6/default/address": None, "interfaces/xenbr0/ipv6/default/address": "2001:db8::1",
        "interfaces/eth0/route/0": None, "interfaces/xenbr0/route/0": "net 10.0.0.0", "interfaces/primary": "xenbr0",
    }  # fmt: skip


def test_vlans_and_aliases_follow() -> None:
    variables = {
        "interfaces/eth0/type": "manual", "interfaces/eth0/start": "true", "interfaces/eth0.5/address": "192.0.2.1",
        "interfaces/eth0_1/address": "192.0.2.2", "interfaces/vlan7/options/0": "vlan-raw-device eth0",
        "interfaces/eth01/address": "192.0.2.3",
    }  # fmt: skip
    new = moved(variables)
    assert {name: value for name, value in new.items() if name not in BRIDGE} == {
        "interfaces/xenbr0/type": "manual", "interfaces/xenbr0/start": "true",
        "interfaces/eth0.5/address": None, "interfaces/xenbr0.5/address": "192.0.2.1",
        "interfaces/eth0_1/address": None, "interfaces/xenbr0_1/address": "192.0.2.2",
        "interfaces/vlan7/options/0": "vlan-raw-device xenbr0",
    }  # fmt: skip


def test_options_of_a_bond_stay_and_routes_move() -> None:
    variables = {
        "interfaces/eth0/type": "dhcp", "interfaces/eth0/options/0": "bond-mode 1",
        "interfaces/eth0/options/01": "up ip route add 10.0.0.0/8 dev eth0",
        "interfaces/eth0/options/1": "up ethtool -s eth0",
    }  # fmt: skip
    new = moved(variables)
    assert "interfaces/eth0/options/0" not in new
    assert "interfaces/eth0/options/1" not in new
    assert new["interfaces/eth0/options/01"] is None
    assert new["interfaces/xenbr0/options/01"] == "up ip route add 10.0.0.0/8 dev xenbr0"
    assert "bridge_ports eth0" in new.values()


def test_the_options_of_the_bridge_take_the_first_free_numbers() -> None:
    new = moved({"interfaces/eth0/type": "dhcp", "interfaces/eth0/options/1": "dns-search example.org"})
    assert [new[f"interfaces/xenbr0/options/{n}"] for n in range(4)] == [
        "bridge_ports eth0", "dns-search example.org", "bridge_fd 0", f"bridge_hw {MAC}",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"interfaces/xenbr0/type": "manual"}, "interfaces/xenbr0/type is set"),
        ({"interfaces/br7/options/0": "bridge_ports eth1 eth0"}, "eth0 is a port of br7 already"),
    ],
)
def test_a_bridge_that_is_there_is_refused(variables: dict[str, str], told: str) -> None:
    with pytest.raises(XenError, match=told) as why:
        ucs.refuse(variables, "eth0", "xenbr0")
    assert why.value.hint

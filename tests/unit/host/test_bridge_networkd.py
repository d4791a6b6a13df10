# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What becomes of the files of systemd-networkd."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from univention_xen.errors import XenError
from univention_xen.host.bridge import networkd
from univention_xen.host.bridge.change import Change
from univention_xen.host.bridge.network import Address, Link, Network, Route
from univention_xen.host.bridge.networkd_files import effective, join, split, values
from univention_xen.plan import Machine

STATIC = Address("inet", "192.0.2.10", 24, "global", False)
LEASED = Address("inet", "192.0.2.77", 24, "global", True)
CARD = "etc/systemd/network/20-card.network"
OURS = "/etc/systemd/network/00-univention-xen-"
TEXT = """\
# The first card.
[Match]
MACAddress=52:54:00:00:01:00
[Link]
MTUBytes=9000
WakeOnLan=magic
RequiredForOnline=routable
[Network]
Address=192.0.2.10/24
; name servers \\
DNS=192.0.2.53
LLDP=yes
VLAN=v5 v6
[RoutingPolicyRule]
IncomingInterface=eth0
Table=7
[Bridge]
Cost=4
"""


def machine(tmp_path: Path, **more: str) -> Machine:
    files = {
        CARD: TEXT, "run/dbus/system_bus_socket": "",
        "run/systemd/netif/links/2": f"ADMIN_STATE=configured\nNETWORK_FILE=/{CARD}\n", **more,
    }  # fmt: skip
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return Machine(tmp_path)


def change(on: Machine, *addresses: Address, vlans: tuple[str, ...] = ()) -> Change:
    links = {"eth0": Link(2, "eth0", "52:54:00:00:01:00", "ether", "", True, "", "", 9000, addresses)}
    for number, name in enumerate(vlans, 3):
        links[name] = Link(number, name, "52:54:00:00:01:00", "ether", "vlan", True, "", "eth0", 9000, ())
    routes = (Route("inet", "eth0", "default", ("default", "via", "192.0.2.1"), False),)
    return networkd.change(on, Network(links, routes), "eth0", "xenbr0")


def texts(found: Change) -> dict[str, str]:
    return {file.path.removeprefix(OURS): file.after or "" for file in found.files}


@given(st.text(alphabet="[]=#; ab\\\n\r", max_size=60))
def test_a_file_taken_apart_goes_together_again(text: str) -> None:
    assert join(split(text)) == text


def test_an_empty_value_takes_back_those_before() -> None:
    sections = split("[Network]\nAddress=a\nAddress=\nAddress=b\n[Other]\nAddress=c\n[Network]\nAddress = d\n")
    assert values(sections, "Network", "Address") == ["b", "d"]


def test_drop_ins_of_all_places_count_and_the_first_place_wins(tmp_path: Path) -> None:
    on = machine(tmp_path, **{
        "etc/systemd/network/20-card.network.d/b.conf": "[Network]\nNTP=etc\n",
        "run/systemd/network/20-card.network.d/b.conf": "[Network]\nNTP=hidden\n",
        "usr/lib/systemd/network/20-card.network.d/a.conf": "[Network]\nNTP=lib",
        "run/systemd/network/20-card.network.d/c.txt": "[Network]\nNTP=no\n",
    })  # fmt: skip
    text, parts = effective(on, f"/{CARD}")
    assert text == TEXT + "[Network]\nNTP=lib\n[Network]\nNTP=etc\n"
    assert [Path(part).name for part in parts] == ["a.conf", "b.conf"]


def test_addresses_go_to_the_bridge_and_what_is_about_the_card_stays(tmp_path: Path) -> None:
    found = change(machine(tmp_path), STATIC)
    bridge, card = texts(found)["xenbr0.network"], texts(found)["eth0.network"]
    assert bridge.count("[Match]") == card.count("[Match]") == 1
    for line in ("Name=xenbr0", "Address=192.0.2.10/24", "DNS=192.0.2.53", "VLAN=v5 v6", "IncomingInterface=xenbr0"):
        assert f"\n{line}\n" in bridge
        assert line not in card
    for line in ("Name=eth0", "Bridge=xenbr0", "WakeOnLan=magic", "LLDP=yes", "[Bridge]\nCost=4"):
        assert f"\n{line}\n" in card
        assert line not in bridge
    assert "MTUBytes=9000" in bridge
    assert "MTUBytes=9000" in card
    assert "RequiredForOnline=routable" in bridge
    assert "RequiredForOnline" not in card
    assert "\nMACAddress=52:54:00:00:01:00\n" in texts(found)["xenbr0.netdev"]
    assert all(file.before is None for file in found.files), "no present file is changed"


def test_vlans_that_networkd_made_are_made_anew(tmp_path: Path) -> None:
    found = change(machine(tmp_path), STATIC, vlans=("v5", "mine"))
    assert found.down == (("ip", "link", "delete", "v5"),)


def test_what_is_waited_for_is_what_networkd_gives(tmp_path: Path) -> None:
    found = change(machine(tmp_path), STATIC, STATIC._replace(local="192.0.2.99"), LEASED)
    assert ("xenbr0", f"{OURS}xenbr0.network", "192.0.2.10", "lease") in found.awaits
    assert found.undo_awaits == (("eth0", f"/{CARD}", "192.0.2.10", "lease"),)


@pytest.mark.parametrize(("given", "pinned"), [("", True), ("[DHCPv4]\nIAID=7\n", False)])
def test_the_server_sees_the_same_client(tmp_path: Path, given: str, pinned: bool) -> None:
    lease = "ADDRESS=192.0.2.77\nCLIENTID=ff8e25a10e00020000ab11\n"
    on = machine(tmp_path, **{CARD: TEXT + given, "run/systemd/netif/leases/2": lease})
    assert ("\nIAID=2384830734\n" in texts(change(on, LEASED))["xenbr0.network"]) == pinned


def test_other_files_that_name_the_card_are_told(tmp_path: Path) -> None:
    on = machine(tmp_path, **{"etc/systemd/network/tun.network": "[Match]\nName=eth0\n[Network]\nBindCarrier=eth0\n"})
    assert any("tun.network: this file names eth0" in note for note in change(on, STATIC).notes)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({CARD: "[Network]\nBond=bond0\n"}, "eth0 belongs to bond0"),
        ({"usr/lib/systemd/network/x.netdev": "[NetDev]\nName=xenbr0\n"}, "xenbr0 is configured already"),
        ({"run/systemd/netif/links/2": "NETWORK_FILE=/etc/systemd/network/00-a.network\n"}, "sorts before"),
    ],
)  # fmt: skip
def test_it_is_refused(tmp_path: Path, more: dict[str, str], told: str) -> None:
    with pytest.raises(XenError, match=told) as why:
        change(machine(tmp_path, **more), STATIC)
    assert why.value.hint


def test_without_the_bus_it_is_refused(tmp_path: Path) -> None:
    on = machine(tmp_path)
    on.path(networkd.BUS).unlink()
    with pytest.raises(XenError, match="system bus"):
        change(on, STATIC)

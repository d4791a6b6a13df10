# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""How /etc/network/interfaces is edited: exactly what has to change, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Check
from univention_xen.errors import XenError
from univention_xen.host.bridge import ifupdown, interfaces

CASES = {
    "static": "# mine\nauto lo eth0\niface lo inet loopback\n\niface eth0 inet static\n\taddress 192.0.2.10/24\n",
    "hotplug-dhcp-without-end": "allow-hotplug eth0\niface eth0 inet dhcp",
    "two-families": (
        "auto eth0\niface eth0 inet static\n  address 192.0.2.10\n  # a comment\n  netmask 255.255.255.0\n"
        "  mtu 9000\n\niface eth0 inet6 auto\n  privext 2\n"
    ),
    "vlans": (
        "auto eth0 eth0.5 vlan7 eth01\niface eth0 inet manual\niface eth0.5 inet static\n  address 192.0.2.1/24\n"
        "  up ip route add 10.0.0.0/8 via 192.0.2.9 dev eth0.5\niface vlan7 inet manual\n  vlan-raw-device eth0\n"
        "iface eth01 inet manual\n"
    ),
    "bond": (
        "auto bond0\niface bond0 inet static\n    address 192.0.2.10/24\n    bond-slaves eth0 eth1\n"
        "    bond-mode 802.3ad\n    hwaddress ether 52:54:00:00:00:01\n    dns-nameservers 192.0.2.1\n"
    ),
    "commands": (
        "auto eth0\niface eth0 inet static\n  address 192.0.2.10/24\n  up ip route add 10.0.0.0/8 \\\n    dev eth0\n"
        "  up ethtool -K eth0 tso off\n  up /usr/local/bin/announce eth0\n  post-up logger $IFACE\n"
        "iface eth1 inet manual\n  up ip route add 10.9.0.0/16 dev eth0\n"
    ),
    "alias": "auto eth0 eth0:1\niface eth0 inet dhcp\niface eth0:1 inet static\n  address 192.0.2.9/32\n",
    "pattern": "auto /eth*\niface eth0 inet dhcp\n",
}


@pytest.mark.parametrize("name", CASES)
def test_the_new_file_is_as_agreed(name: str, golden: Check) -> None:
    card = "bond0" if name == "bond" else "eth0"
    texts = {"/etc/network/interfaces": CASES[name]}
    names = ifupdown.new_names(texts, card, "xenbr0")
    edited, notes = ifupdown.rewrite(texts, names, card, "xenbr0", "52:54:00:00:01:00")
    golden(f"bridge/{name}", edited["/etc/network/interfaces"] + "".join(f"\n=> {note}" for note in notes))


def test_only_the_first_of_two_stanzas_makes_the_bridge() -> None:
    texts = {"/a": "iface eth0 inet dhcp\n", "/b": "auto eth0\niface eth0 inet6 auto\n"}
    edited, _ = ifupdown.rewrite(texts, {"eth0": "xenbr0"}, "eth0", "xenbr0", "52:54:00:00:01:00")
    assert sum(text.count("bridge_ports") for text in edited.values()) == 1
    assert edited["/b"] == "auto eth0 xenbr0\niface xenbr0 inet6 auto\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("iface eth0 inet dhcp\niface xenbr0 inet dhcp\n", "/f:2: xenbr0 is configured already"),
        ("iface eth0 inet dhcp\niface br7 inet dhcp\n bridge_ports eth1 eth0\n", "/f:2: eth0 is a port of br7 already"),
        ("iface eth0 inet dhcp\n wpa-ssid x\n", "/f:1: eth0 is wireless"),
        ("iface eth0 inet ppp\n", '/f:1: the method "inet ppp" cannot be moved'),
        ("iface eth0 inet dhcp inherits base\n", "/f:1: a stanza that inherits"),
        ("mapping eth0\n script x\niface eth0 inet dhcp\n", "/f:1: a mapping of eth0"),
        ("iface eth1 inet dhcp\n", "eth0 is not configured in"),
        ("iface eth0\n", '/f:1: the method "" cannot be moved'),
    ],
)
def test_what_would_have_to_be_guessed_is_refused(text: str, told: str) -> None:
    with pytest.raises(XenError) as why:
        ifupdown.refuse({"/f": text}, "eth0", "xenbr0")
    assert str(why.value).startswith(told)
    assert why.value.hint


def test_a_vlan_name_that_becomes_too_long_is_refused() -> None:
    with pytest.raises(XenError, match=r"averylongname\.4000 would be longer than 15"):
        ifupdown.refuse_long({"eth0": "averylongname", "eth0.4000": "averylongname.4000"})


WORDS = st.sampled_from(
    ["iface", "eth0", "auto", "inet", "static", "#", "\\", "up", "ip route dev eth0", "\r", "ü", "\f"]
)
TEXTS = st.lists(st.one_of(WORDS, st.sampled_from([" ", "\n", "\t"]))).map("".join)


@given(TEXTS)
def test_taking_a_file_apart_loses_nothing(text: str) -> None:
    assert "".join(line.text for line in interfaces.split(text)) == text


@given(TEXTS)
def test_a_file_without_the_card_stays_as_it_is(text: str) -> None:
    edit = ifupdown.Edit({"eth9": "xenbr0"}, "eth9", "xenbr0", "52:54:00:00:01:00")
    assert edit.file(text, "/f") == text


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("dev eth0", "dev br"), ("eth0.5 eth00 eth0:1 xeth0 eth0-a", "eth0.5 eth00 eth0:1 xeth0 eth0-a"),
        ("dev eth0;x", "dev br;x"), ("/sys/class/net/eth0/x", "/sys/class/net/eth0/x"),
    ],
)  # fmt: skip
def test_only_whole_names_are_replaced(text: str, new: str) -> None:
    assert interfaces.renamed(text, "eth0", "br") == new

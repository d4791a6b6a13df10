# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The firewall with the real nft: a peer on the same wire reaches what is configured, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import PROJECT
from network_lab import COMMAND, Lab, run, wait_for

pytestmark = pytest.mark.tools

HOST, PEER, STRANGER = "192.0.2.10", "192.0.2.1", "192.0.2.99"
GUEST = 'name = "{}"\ntype = "hvm"\nmemory = 64\nvnc = 1\nvnclisten = "0.0.0.0"\nvncunused = 0\nvncdisplay = {}\n'
LISTEN = """
import socket, sys, time
doors = [socket.create_server(("", int(port))) for port in sys.argv[1:]]
print("ready", flush=True)
time.sleep(600)
"""
CONNECT = """
import socket, sys
socket.create_connection((sys.argv[2], int(sys.argv[3])), timeout=float(sys.argv[4]), source_address=(sys.argv[1], 0))
"""
FIREWALL = """\
flush ruleset
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		meta l4proto { icmp, ipv6-icmp } accept
		tcp dport 22 accept
	}
}
"""
REFUSING = FIREWALL.replace("policy drop", "policy accept").replace("22 accept", "22 accept\n\t\tcounter\n\t\treject")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    run(str(PROJECT / "scripts" / "need"), "ifupdown", "iproute2", "iputils-ping", "nftables", "util-linux")
    Path("/etc/xen").mkdir(exist_ok=True)
    lab = Lab(tmp_path)
    lab.on_host("mount", "-t", "tmpfs", "xen", "/etc/xen")
    lab.on_host("ip", "link", "set", "lo", "up")
    lab.on_host("ip", "link", "set", "eth0", "up")
    lab.on_host("ip", "address", "add", f"{HOST}/24", "dev", "eth0")
    for address in (PEER, STRANGER):
        lab.on_peer("ip", "address", "add", f"{address}/24", "dev", "p0")
    listener = lab.start(*lab.enter, sys.executable, "-c", LISTEN, "22", "5900", "5901", "5902", stdout=subprocess.PIPE)
    assert listener.stdout is not None
    assert listener.stdout.readline() == b"ready\n"
    wait_for(lambda: lab.reaches(HOST), 60, lambda: "the host does not answer")
    yield lab
    lab.close()


def guest(lab: Lab, name: str, display: int) -> None:
    subprocess.run([*lab.enter, "tee", f"/etc/xen/{name}.cfg"], input=GUEST.format(name, display), text=True,
                   check=True, capture_output=True)  # fmt: skip


def firewall(lab: Lab, verb: str) -> str:
    """What `univention-xen host firewall VERB` says; it has to work."""
    return run(*lab.enter, *COMMAND, "host", "firewall", verb)


def table(lab: Lab, text: str) -> None:
    subprocess.run([*lab.enter, "nft", "-f", "-"], input=text, text=True, check=True)


def connects(lab: Lab, port: int, source: str = PEER, within: int = 30) -> bool:
    argv = ["ip", "netns", "exec", lab.peer, sys.executable, "-c", CONNECT, source, HOST, str(port), str(within)]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def shut(lab: Lab, port: int) -> bool:
    """Whether no connection comes about; a packet that is dropped is sent again after a second."""
    return not connects(lab, port, within=2)


@pytest.mark.parametrize("text", [FIREWALL, REFUSING], ids=["policy drop", "reject at the end"])
def test_exactly_the_configured_ports_open_in_the_firewall_of_the_administrator(lab: Lab, text: str) -> None:
    table(lab, text)
    before = lab.on_host("nft", "--stateless", "list", "ruleset")
    guest(lab, "web", 0)
    guest(lab, "mail", 1)
    assert shut(lab, 5900), "nothing is opened by itself"
    firewall(lab, "apply")
    assert [connects(lab, port) for port in (22, 5900, 5901)] == [True, True, True]
    assert shut(lab, 5902)
    assert firewall(lab, "apply").strip() == "the firewall lets through what is configured"
    firewall(lab, "remove")
    assert shut(lab, 5900)
    assert connects(lab, 22)
    assert lab.on_host("nft", "--stateless", "list", "ruleset") == before
    assert "no rule" in firewall(lab, "remove")


def test_only_the_sources_get_through_where_there_was_no_firewall(lab: Lab) -> None:
    guest(lab, "web", 0)
    lab.registry(vnc_sources=PEER)
    assert connects(lab, 5900, STRANGER)
    firewall(lab, "apply")
    assert connects(lab, 5900)
    assert not connects(lab, 5900, STRANGER)
    assert connects(lab, 5901, STRANGER), "ports that are not ours stay as they are"
    lab.registry(vnc_sources=STRANGER)
    firewall(lab, "apply")
    assert connects(lab, 5900, STRANGER)
    assert not connects(lab, 5900)


def test_the_rules_come_back_after_a_flush_and_follow_the_guests(lab: Lab) -> None:
    table(lab, FIREWALL)
    guest(lab, "web", 0)
    firewall(lab, "apply")
    table(lab, FIREWALL)  # as nftables.service does when it is restarted
    assert "does not have all" in firewall(lab, "show")
    assert shut(lab, 5900)
    firewall(lab, "load")
    firewall(lab, "load")
    assert connects(lab, 5900)
    assert lab.on_host("nft", "list", "table", "inet", "filter").count("univention-xen") == 1
    lab.on_host("rm", "/etc/xen/web.cfg")
    guest(lab, "mail", 1)
    firewall(lab, "apply")
    assert connects(lab, 5901)
    assert shut(lab, 5900)
    lab.on_host("rm", "/etc/xen/mail.cfg")
    firewall(lab, "apply")
    assert "univention" not in lab.on_host("nft", "--stateless", "list", "ruleset")
    assert shut(lab, 5901)


def test_rules_of_iptables_are_left_alone(lab: Lab) -> None:
    table(lab, "table ip filter {\n\tchain INPUT {\n\t\ttype filter hook input priority filter; policy drop;\n\t}\n}\n")
    guest(lab, "web", 0)
    before = lab.on_host("nft", "--stateless", "list", "ruleset")
    done = subprocess.run([*lab.enter, *COMMAND, "host", "firewall", "apply"], text=True, capture_output=True,
                          check=False)  # fmt: skip
    assert done.returncode == 1
    assert "iptables -I INPUT -p tcp --dport 5900 -j ACCEPT" in done.stderr
    assert lab.on_host("nft", "--stateless", "list", "ruleset") == before

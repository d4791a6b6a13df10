# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""xend-config.sxp says the same to every xend from 3.2 to 4.4, and has no form that one of them would trip over."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from conftest import Check
from rendering import EVERYWHERE, XEND, Recording, options, render, rendered
from univention_xen.host import xend, xend_options
from univention_xen.settings.everything import Settings

EVERYTHING = {
    "xen/bridge/interface": "eth1",
    "xen/bridge/name": "br0",
    "xen/console/limit": "4096",
    "xen/device/create_timeout": "200",
    "xen/device/destroy_timeout": "150",
    "xen/dom0/ballooning": "no",
    "xen/dom0/cpus": "2",
    "xen/dom0/memory_min": "1024",
    "xen/dump": "yes",
    "xen/log/file": "/var/log/xen/other.log",
    "xen/log/level": "INFO",
    "xen/memory/available": "64",
    "xen/path/domains": "/srv/xen/domains",
    "xen/path/state": "/srv/xen/state",
    "xen/path/storage": "/srv/xen/storage",
    "xen/pci/strict_check": "no",
    "xen/pscsi/device_mask": "0:0:0:0  1:*",
    "xen/qemu/logrotate_count": "3",
    "xen/relocation/address": "dom0-a.example.com",
    "xen/relocation/hosts_allow": r"^dom0-b\.example\.com$  ^10\.0\.0\.[0-9]+$",
    "xen/relocation/port": "18002",
    "xen/relocation/port_ssl": "18003",
    "xen/relocation/ssl_cert": "/etc/xen/ssl/cert.pem",
    "xen/relocation/ssl_client": "yes",
    "xen/relocation/ssl_key": "/etc/xen/ssl/key.pem",
    "xen/relocation/tool": "/etc/xen/scripts/external-device-migrate",
    "xen/server/address": "dom0-a.example.com",
    "xen/server/api": "(9363 pam '^localhost$') (unix none)",
    "xen/server/http_server": "yes",
    "xen/server/port": "18000",
    "xen/server/relocation": "yes",
    "xen/server/relocation_ssl": "yes",
    "xen/server/udev_event": "yes",
    "xen/server/unix_server": "yes",
    "xen/server/xmlrpc_tcp": "yes",
    "xen/server/xmlrpc_unix": "yes",
    "xen/vnc/keymap": "de",
    "xen/vnc/listen": EVERYWHERE,
    "xen/vnc/password": "it's \\#",
    "xen/vnc/tls": "yes",
    "xen/vnc/x509/cert_dir": "/etc/xen/ssl",
    "xen/vnc/x509/verify": "yes",
    "xen/xmlrpc/address": "dom0-a.example.com",
    "xen/xmlrpc/port": "18006",
    "xen/xmlrpc/ssl_cert": "/etc/xen/ssl/cert.pem",
    "xen/xmlrpc/ssl_key": "/etc/xen/ssl/key.pem",
}
ODD = {
    "xen/bridge/interface": "eth0;reboot",
    "xen/bridge/name": "$(id)",
    "xen/dom0/cpus": "two",
    "xen/dump": "maybe",
    "xen/log/file": "@!@print(1)@!@",
    "xen/network/mode": "bridged",
    "xen/relocation/hosts_allow": "^a$ *.example.com",
    "xen/relocation/port": "99999",
    "xen/server/api": "(unix",
    "xen/server/relocation": "yes",
    "xen/vnc/keymap": "d'e",
    "xen/vnc/listen": "everywhere",
    "xen/vnc/password": "@%@x@%@",
}
CASES: dict[str, dict[str, str]] = {
    "default": {},
    "everything": EVERYTHING,
    "interface": {"xen/bridge/interface": "eth0"},
    "interface-none": {"xen/bridge/interface": "none"},
    "none": {"xen/network/mode": "none"},
    "route": {"xen/network/mode": "route", "xen/bridge/interface": "eth0"},
    "nat": {"xen/network/mode": "nat"},
    "odd": ODD,
}


def effective(values: dict[str, str], version: str = "3.2") -> dict[str, Any]:
    """The options in effect in *version*."""
    return xend_options.judge(rendered(XEND, values), version).options


@pytest.mark.parametrize("case", CASES)
def test_the_file_as_a_whole(case: str, golden: Check) -> None:
    text, warnings = render(XEND, Recording(CASES[case]))
    golden(f"xend/{case}.sxp", text)
    golden(f"xend/{case}.stderr", "\n".join([*warnings, ""]))


@pytest.mark.parametrize("case", [case for case in CASES if case != "everything"])
@pytest.mark.parametrize("version", xend_options.VERSIONS)
def test_every_xend_finds_nothing_to_complain_about(case: str, version: str) -> None:
    judged = xend_options.judge(rendered(XEND, CASES[case]), version)
    assert judged.verdict == "good", judged


def test_options_of_later_versions_are_the_only_ones_an_old_xend_does_not_know() -> None:
    text = rendered(XEND, EVERYTHING)
    for version in ("4.1", "4.4"):
        assert xend_options.judge(text, version).verdict == "good"
    for version in ("3.2", "3.4"):
        judged = xend_options.judge(text, version)
        assert judged.slips == judged.slips._replace(
            duplicates=[], stray_atoms=[], empty_forms=0, extra_values_ignored=[]
        )
        newer = {o.name for o in xend_options.OPTIONS if o.name not in xend_options.known(version)}
        assert set(judged.slips.unknown) <= newer


def switches() -> Iterator[dict[str, str]]:
    """Every combination of what changes the shape of the file."""
    names = (
        "xen/server/relocation", "xen/server/relocation_ssl", "xen/relocation/allow_all", "xen/server/xmlrpc_tcp",
        "xen/vnc/tls", "xen/dom0/ballooning", "xen/server/udev_event",
    )  # fmt: skip
    for mode, interface, words in product(
        ("bridge", "route", "nat", "none"), ("", "eth0", "none"), product(("yes", "no"), repeat=len(names))
    ):
        yield {"xen/network/mode": mode, "xen/bridge/interface": interface, **dict(zip(names, words, strict=True))}


def test_every_combination_of_switches_is_good_for_the_xend_it_is_made_for() -> None:
    for values in switches():
        assert xend_options.judge(rendered(XEND, values), "4.4").verdict == "good", values


@pytest.mark.parametrize(
    ("values", "command", "vif"),
    [
        ({}, ["network-bridge", "start", "bridge=xenbr0"], "vif-bridge bridge=xenbr0"),
        (
            {"interface": "eth1"},
            ["network-bridge", "start", "netdev=eth1", "bridge=xenbr0"],
            "vif-bridge bridge=xenbr0",
        ),
        ({"interface": "none"}, None, "vif-bridge bridge=xenbr0"),
        ({"mode": "route"}, ["network-route", "start"], "vif-route"),
        ({"mode": "route", "interface": "eth1"}, ["network-route", "start", "netdev=eth1"], "vif-route netdev=eth1"),
        ({"mode": "nat", "interface": "eth1"}, ["network-nat", "start", "netdev=eth1"], "vif-nat netdev=eth1"),
        ({"mode": "nat", "interface": "none"}, None, "vif-nat"),
        ({"mode": "none"}, None, "vif-bridge"),
        ({"mode": "none", "interface": "eth1"}, None, "vif-bridge"),
    ],
)
def test_scripts_get_one_quoted_value(values: dict[str, str], command: list[str] | None, vif: str) -> None:
    names = {"interface": "xen/bridge/interface", "mode": "xen/network/mode"}
    judged = xend_options.judge(rendered(XEND, {names[name]: value for name, value in values.items()}), "3.2")
    wanted = [f"/etc/xen/scripts/{command[0]}", *command[1:]] if command else None
    assert judged.network_command == wanted
    assert judged.options["vif-script"] == vif


@pytest.mark.parametrize("on", ["xen/server/relocation", "xen/server/relocation_ssl"])
def test_relocation_with_nothing_allowed_lets_in_this_host_only(on: str) -> None:
    judged = xend_options.judge(rendered(XEND, {on: "yes"}), "4.4")
    assert judged.may_send("127.0.0.1", "localhost")
    assert not judged.may_send("192.0.2.7", "evil.example.com")
    assert not judged.may_send("192.0.2.7", "localhost"), "whoever runs a reverse zone can choose this name"


def test_relocation_can_be_opened_on_purpose() -> None:
    judged = xend_options.judge(
        rendered(XEND, {"xen/server/relocation": "yes", "xen/relocation/allow_all": "yes"}), "3.2"
    )
    assert judged.may_send("192.0.2.7")


def test_relocation_lets_in_who_is_named() -> None:
    allow = {"xen/server/relocation": "yes", "xen/relocation/hosts_allow": r"  ^a\.example\.com$   ^10\.0\.0\.[0-9]+$ "}
    for version in xend_options.VERSIONS:
        judged = xend_options.judge(rendered(XEND, allow), version)
        assert judged.patterns == [r"^a\.example\.com$", r"^10\.0\.0\.[0-9]+$"]
        assert judged.may_send("192.0.2.7", "a.example.com")
        assert not judged.may_send("192.0.2.7", "a.example.com.evil.org")
        assert not judged.may_send("192.0.2.7", "axexample.com")


def test_a_broken_list_closes_the_door_instead_of_opening_it() -> None:
    values = {"xen/server/relocation": "yes", "xen/relocation/hosts_allow": "^a$ [x"}
    assert not xend_options.judge(rendered(XEND, values), "3.2").may_send("192.0.2.7", "a")


def test_ports_and_certificates_of_relocation_are_written_only_for_a_server_that_is_on() -> None:
    off = rendered(XEND, {"xen/relocation/port": "1", "xen/relocation/port_ssl": "2"})
    assert "relocation-port" not in off
    assert "ssl-" not in "\n".join(line for line in off.splitlines() if not line.startswith("#"))
    on = effective({"xen/server/relocation_ssl": "yes"}, "4.4")
    assert on["xend-relocation-ssl-port"] == 8003
    assert on["xend-relocation-server-ssl-key-file"] == "/etc/xen/xmlrpc.key"


def test_encryption_of_screens_that_is_off_is_left_out() -> None:
    for version in xend_options.VERSIONS:
        assert effective({"xen/vnc/x509/verify": "yes"}, version)["vnc-tls"] == 0
        assert effective({"xen/vnc/tls": "yes"}, version)["vnc-tls"] == "1"


@pytest.mark.parametrize(
    ("values", "on"),
    [
        ({}, True),
        ({"xen/dom0/ballooning": "no"}, False),
        ({"xen/dom0/memory_min": "0"}, False),
        ({"xen/dom0/memory_min": "512", "xen/dom0/ballooning": "no"}, False),
    ],
)
def test_ballooning(values: dict[str, str], on: bool) -> None:
    assert effective(values, "3.4")["enable-dom0-ballooning"] is on


def test_management_is_closed_to_the_network_by_default() -> None:
    assert effective({"xen/server/http_server": "yes"})["xend-address"] == "localhost"
    assert effective({})["xend-unix-xmlrpc-server"] is True
    assert effective({})["xend-unix-server"] is False


def test_the_text_of_the_interface_list_is_a_list_of_lists() -> None:
    assert effective({})["xen-api-server"] == [["unix"]]
    two = effective({"xen/server/api": r"(unix none)(9363 pam '^a\\.b$')"})
    assert two["xen-api-server"] == [["unix", "none"], ["9363", "pam", r"^a\.b$"]]


def test_no_file_is_needed_to_render(tmp_path: Path) -> None:
    assert rendered(XEND, {}, tmp_path) == rendered(XEND)


def test_files_that_are_needed_and_missing_are_named(tmp_path: Path) -> None:
    values = {"xen/vnc/tls": "yes", "xen/server/relocation_ssl": "yes", "xen/relocation/allow_all": "yes"}
    _, warnings = render(XEND, Recording(values, tmp_path))
    assert len(warnings) == 3
    assert all("does not exist" in warning for warning in warnings)
    (tmp_path / "etc/xen/vnc").mkdir(parents=True)
    (tmp_path / "etc/xen/xmlrpc.key").touch()
    (tmp_path / "etc/xen/xmlrpc.crt").touch()
    assert render(XEND, Recording(values, tmp_path))[1] == []


def test_all_that_is_wrong_with_files_can_be_asked_for(tmp_path: Path) -> None:
    settings = Settings(vnc_passwordfile="/pw", vnc_tls=True)
    assert [problem.variable for problem in xend.problems(settings, tmp_path)] == [
        "xen/vnc/passwordfile",
        "xen/vnc/x509/cert_dir",
    ]


def test_a_mask_is_a_list_of_texts() -> None:
    assert effective({"xen/pscsi/device_mask": "0:0:0:0  1:*"}, "4.4")["pscsi-device-mask"] == ["0:0:0:0", "1:*"]
    assert "pscsi" not in "\n".join(options(rendered(XEND)))

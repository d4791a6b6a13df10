# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Programs written for UCS find the modules, names and habits they know."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

import univention.config_registry
from univention.config_registry import ConfigRegistry, Interfaces, handler_get, handler_set, handler_unset, validate_key
from univention.config_registry.backend import LiveConfigRegistry, OnceConfigRegistry
from univention.config_registry.frontend import ucr_update
from univention.config_registry.misc import escape_value, key_shell_escape


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("UCR_ROOT", str(tmp_path))
    return str(tmp_path)


def test_the_registry_is_empty_until_it_is_loaded() -> None:
    with ConfigRegistry() as ucr:
        ucr["xs/a"] = "1"
    fresh = ConfigRegistry()
    assert "xs/a" not in fresh
    assert fresh.load()["xs/a"] == "1"
    assert fresh["xs/none"] is None
    assert fresh.get("xs/none", "d") == "d"
    assert not hasattr(fresh, "has_key")


def test_verbs_are_functions(capsys: pytest.CaptureFixture[str]) -> None:
    assert handler_set(["xs/a=1", "xs/a?2"]) == 0
    assert handler_set(["xs/b=1"], {"force": True}, quiet=True) == 0
    assert list(handler_get(["xs/a"])) == ["1"]
    assert handler_unset(["xs/a"]) == 0
    assert capsys.readouterr().out == "Create xs/a\nNot updating xs/a\nUnsetting xs/a\n"
    assert ConfigRegistry().load().get("xs/b", getscope=True) == (ConfigRegistry.FORCED, "1")


def test_many_changes_at_once() -> None:
    ucr = ConfigRegistry()
    assert ucr_update(ucr, {"xs/a": "1", "xs/b": "2"}) == {"xs/a": (None, "1"), "xs/b": (None, "2")}
    assert ucr_update(ucr, {"xs/a": None, "xs/b": "2", "xs/c": None}) == {"xs/a": ("1", None)}
    with pytest.raises(TypeError, match="must be a string"):
        ucr_update(ucr, {"xs/a": "1", "xs/n": 7})  # type: ignore[dict-item]
    assert dict(ConfigRegistry().load()) == {"xs/b": "2"}


def test_numbers_and_defaults() -> None:
    with ConfigRegistry() as ucr:
        ucr.update({"xs/n": "7", "xs/x": "word"})
        assert ucr.setdefault("xs/n", "8") == "7"
        assert ucr.setdefault("xs/m", "8") == "8"
    assert (ucr.get_int("xs/n"), ucr.get_int("xs/x", 3), ucr.get_int("xs/none")) == (7, 3, None)
    assert dict(ucr.items(getscope=True))["xs/n"] == (1, "7")
    assert str(ucr) == "xs/m: 8\nxs/n: 7\nxs/x: word"
    assert ucr.is_true(value="yes")
    assert ucr.is_false(value="off")


def test_the_live_view_follows_and_can_be_frozen(root: str) -> None:
    live, once = LiveConfigRegistry(root=root), OnceConfigRegistry(root=root)
    assert live["xs/a"] is once["xs/a"] is None
    with live as frozen:
        handler_set(["xs/a=1"], quiet=True)
        assert (live["xs/a"], frozen["xs/a"], once["xs/a"]) == ("1", None, None)
    assert once.load()["xs/a"] == "1"
    with pytest.raises(TypeError):
        live["xs/a"] = "2"


def test_what_is_unknown_is_no_attribute() -> None:
    assert univention.config_registry.frontend.ucr_update is ucr_update
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        univention.config_registry.nonsense  # noqa: B018


def test_names_and_values() -> None:
    out = io.StringIO()
    assert validate_key("xs/a")
    assert not validate_key("xs/a$", out)
    assert out.getvalue() == 'Please fix invalid character "$" in config variable key "xs/a$".\n'
    assert key_shell_escape("0xs/a-b") == "_0xs_a_b"
    assert escape_value("a\r\nb") == "ab"


def test_network_interfaces() -> None:
    ucr = ConfigRegistry()
    ucr_update(
        ucr,
        {
            "interfaces/eth0/address": "192.0.2.1", "interfaces/eth0/netmask": "255.255.255.0",
            "interfaces/eth1/address": "198.51.100.1", "interfaces/eth1/netmask": "24", "interfaces/eth1/order": "1",
            "interfaces/eth2/type": "dhcp", "interfaces/eth0/ipv6/default/address": "2001:db8::1",
            "interfaces/eth0/ipv6/default/prefix": "64", "interfaces/primary": "eth0", "gateway": "192.0.2.254",
        },
    )  # fmt: skip
    found = Interfaces(ucr)
    assert [name for name, _ in found.all_interfaces] == ["eth1", "eth0", "eth2"]
    assert [name for name, _ in found.ipv4_interfaces] == ["eth1", "eth0"]
    assert str(found.get_default_ip_address()) == "192.0.2.1/24"
    assert str(found.get_default_ipv6_address()) == "2001:db8::1/64"
    assert str(found.ipv4_gateway) == "192.0.2.254"

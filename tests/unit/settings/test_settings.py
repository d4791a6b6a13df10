# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Settings: what the registry says becomes values, and what makes no sense becomes a sentence."""

from __future__ import annotations

import json

import pytest

from rendering import EVERYWHERE, Recording
from univention_xen.settings.everything import Settings
from univention_xen.settings.host import Ballooning
from univention_xen.settings.kinds import Secret
from univention_xen.settings.network import Network
from univention_xen.settings.relocation import Relocation
from univention_xen.settings.variable import Problem
from univention_xen.settings.vnc import Vnc


def problems(**values: str) -> list[str]:
    """The sentences about values; a double underscore stands for the slash."""
    return [str(p) for p in Settings.read({"xen/" + name.replace("__", "/"): v for name, v in values.items()})[1]]


def test_an_empty_registry_gives_the_defaults_and_no_problems() -> None:
    settings, found = Settings.read({})
    assert settings == Settings()
    assert found == []
    assert (settings.bridge_name, settings.relocation, settings.relocation_port) == ("xenbr0", False, 8002)
    assert (settings.memory_min, settings.ballooning, settings.toolstack) == (196, True, "auto")


def test_every_variable_has_a_name_of_its_own_and_a_default_of_its_own_kind() -> None:
    variables = Settings.variables()
    assert len({v.name for v in variables}) == len(variables) == len({v.field for v in variables})
    for variable in variables:
        assert variable.parse(variable.show(variable.default)) == variable.default


def test_every_variable_is_read_exactly_through_get() -> None:
    registry = Recording()
    Settings.read(registry)
    assert registry.asked == {variable.name for variable in Settings.variables()}


def test_a_group_reads_only_its_own_variables() -> None:
    registry = Recording({"xen/dump": "maybe"})
    assert Network.read(registry) == (Network(), [])
    assert registry.asked == {"xen/network/mode", "xen/bridge/interface", "xen/bridge/name"}
    registry = Recording()
    Ballooning.read(registry)
    assert registry.asked == {"xen/dom0/ballooning"}


@pytest.mark.parametrize("text", ["", " ", "\t \n"])
def test_empty_and_blank_values_are_unset(text: str) -> None:
    for variable in Settings.variables():
        assert Settings.read({variable.name: text}) == (Settings(), [])


@pytest.mark.parametrize("yes", ["yes", "true", "1", "enable", "enabled", "on", "YES", "True", " on "])
def test_the_words_of_the_registry_for_yes(yes: str) -> None:
    assert Settings.read({"xen/dump": yes})[0].dump is True


@pytest.mark.parametrize("no", ["no", "false", "0", "disable", "disabled", "off", "No"])
def test_the_words_of_the_registry_for_no(no: str) -> None:
    assert Settings.read({"xen/server/xmlrpc_unix": no})[0].xmlrpc_unix is False


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("xen/relocation/port", "http", "is not a whole number"),
        ("xen/relocation/port", "65536", "is more than 65535"),
        ("xen/relocation/port", "0", "is less than 1"),
        ("xen/relocation/port", "8_002", "is not a whole number"),
        ("xen/relocation/port", "\u0668", "contains a character that is not printable ASCII"),
        ("xen/dom0/cpus", "-1", "is less than 0"),
        ("xen/dump", "maybe", "is neither yes nor no"),
        ("xen/vnc/listen", "everywhere", "is not an IPv4 or IPv6 address"),
        ("xen/vnc/listen", "fe80::1%eth0", "is not an IPv4 or IPv6 address"),
        ("xen/vnc/listen", "10.0.0.0/8", "is not an IPv4 or IPv6 address"),
        ("xen/toolstack", "xm", "is none of auto, xl and xend"),
        ("xen/network/mode", "Bridge", "is none of bridge, route, nat and none"),
        ("xen/xend/autostart", "true", "is none of yes, no and manually"),
        ("xen/bridge/name", "-br0", "is not the name of a network interface"),
        ("xen/bridge/name", "a" * 16, "is not the name of a network interface"),
        ("xen/bridge/interface", "eth0;reboot", "is not the name of a network interface"),
        ("xen/server/api", "(unix", "is not a row of lists"),
        ("xen/server/api", "unix", "is not a row of lists"),
        ("xen/server/api", "()", "is not a row of lists"),
        ("xen/vnc/passwordfile", "secret", "is not an absolute path"),
        ("xen/vnc/passwordfile", "/etc/../tmp/x", "is not an absolute path"),
        ("xen/xendomains/auto", "/etc/xen/my guests", "is neither none nor an absolute path"),
        ("xen/xendomains/migrate", "-s /tmp/x host", "is not a host"),
        ("xen/xl/cpumask", "viele", "is not a list of processors"),
        ("xen/xl/cpumask", "7-3", "runs backwards"),
        ("xen/xl/max_grant_frames", "99999999999", "is more than 65535"),
    ],
)
def test_a_bad_value_keeps_the_default_and_is_reported(name: str, text: str, why: str) -> None:
    settings, found = Settings.read({name: text})
    assert settings == Settings()
    assert len(found) == 1
    (problem,) = found
    assert (problem.variable, problem.refused) == (name, True)
    assert why in str(problem)
    (variable,) = (v for v in Settings.variables() if v.name == name)
    default = variable.show(variable.default)
    assert (f"so the default {default} is used" if default else "so no value is used") in str(problem)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("xen/vnc/listen", "::1"),
        ("xen/vnc/listen", "127.0.0.2"),
        ("xen/bridge/interface", "eth0.100"),
        ("xen/bridge/interface", "enp0s31f6"),
        ("xen/bridge/interface", "none"),
        ("xen/server/api", "(9363 pam '^localhost$ example\\\\.com$') (unix none)"),
        ("xen/xendomains/migrate", "--live root@dom0-b.example.com"),
        ("xen/xendomains/auto", "none"),
        ("xen/xl/cpumask", "0-3,^2,8"),
        ("xen/xl/cpumask", "all"),
        ("xen/xl/vif_backend", "net-domain"),
        ("xen/vnc/keymap", "en-us"),
        ("xen/server/address", "dom0-a.example.com"),
    ],
)
def test_a_good_value_is_taken_as_it_is(name: str, text: str) -> None:
    settings, found = Settings.read({name: text})
    assert found == []
    (variable,) = (v for v in Settings.variables() if v.name == name)
    assert settings.values[variable.field] == text


def test_settings_are_frozen_and_made_by_keyword() -> None:
    settings = Settings(bridge_name="br1")
    with pytest.raises(AttributeError, match="but"):
        settings.bridge_name = "br2"
    with pytest.raises(TypeError, match="has no brige_name"):
        Settings(brige_name="br1")
    assert settings.but(dump=True) == Settings(bridge_name="br1", dump=True)
    assert len({settings, Settings(bridge_name="br1"), Settings()}) == 2
    assert repr(settings) == "Settings(bridge_name='br1')"


def test_a_secret_prints_as_stars_and_cannot_be_written_by_accident() -> None:
    settings = Vnc(vnc_password=Secret("geheim"))
    assert "geheim" not in f"{settings.vnc_password} {settings.vnc_password!r} {settings!r} {settings.vnc_password}"
    assert settings.vnc_password.reveal() == "geheim"
    assert Vnc.vnc_password.show(settings.vnc_password) == "***"
    with pytest.raises(TypeError):
        json.dumps({"password": settings.vnc_password})


def test_a_sentence_about_a_bad_value_names_all_that_helps() -> None:
    (sentence,) = problems(relocation__port="http")
    name = "xen/relocation/port"
    assert sentence == f'{name}: "http" is not a whole number, so the default 8002 is used (see: ucr info {name})'


def test_a_long_or_odd_value_is_shortened_and_made_printable() -> None:
    sentence = str(Problem("xen/dump", "x\n\x1b[31m" + "y" * 500, "is neither yes nor no", "the default no"))
    assert sentence.isprintable()
    assert len(sentence) < 150


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"server__relocation": "yes"}, "only this host itself may send guests"),
        ({"server__relocation_ssl": "yes"}, "only this host itself may send guests"),
        ({"relocation__hosts_allow": "^host1"}, "also matches every longer name"),
        ({"relocation__hosts_allow": "^a$|b"}, "also matches every longer name"),
        ({"relocation__hosts_allow": ".*"}, "lets everybody send guests"),
        ({"relocation__hosts_allow": "^.*$"}, "lets everybody send guests"),
        ({"relocation__hosts_allow": "^a$", "relocation__allow_all": "yes"}, "has no effect while"),
        ({"vnc__password": "geheim"}, "can be read by every user"),
        ({"vnc__password": "geheim", "vnc__passwordfile": "/x"}, "has no effect beside xen/vnc/passwordfile"),
        ({"vnc__listen": EVERYWHERE}, "without a password"),
        ({"vnc__listen": "::"}, "without a password"),
        ({"vnc__x509__verify": "yes"}, "has no effect while xen/vnc/tls is off"),
        ({"server__http_server": "yes", "server__address": EVERYWHERE}, "asks for no password"),
        ({"server__xmlrpc_tcp": "yes", "xmlrpc__address": "host"}, "asks for no password"),
        ({"server__xmlrpc_unix": "no"}, "xm reaches xend"),
        ({"server__api": "(9363 none)"}, "without authentication"),
        ({"xmlrpc__ssl_key": "/k"}, "has no effect without xen/xmlrpc/ssl_cert"),
        ({"xmlrpc__ssl_cert": "/c"}, "has no effect without xen/xmlrpc/ssl_key"),
        ({"dom0__memory_min": "0"}, "gives no memory at all"),
        ({"bridge__interface": "xenbr0"}, "there can be no such bridge"),
        ({"repository": "http"}, "has no effect any more"),
    ],
)
def test_what_is_valid_but_dangerous_or_vain_is_reported(values: dict[str, str], sentence: str) -> None:
    (found,) = problems(**values)
    assert sentence in found


@pytest.mark.parametrize(
    "values",
    [
        {"server__relocation": "yes", "relocation__hosts_allow": r"^dom0-b\.example\.com$ ^10\.0\.0\.[0-9]+$"},
        {"server__relocation": "yes", "relocation__hosts_allow": "^(a|b)$  ^c$|^d$"},
        {"server__relocation": "yes", "relocation__allow_all": "yes"},
        {"server__http_server": "yes"},
        {"vnc__listen": EVERYWHERE, "vnc__passwordfile": "/etc/xen/vnc.secret"},
        {"server__api": "(unix none)"},
        {"dom0__memory_min": "0", "dom0__ballooning": "no"},
    ],
)
def test_what_is_safe_is_not_talked_about(values: dict[str, str]) -> None:
    assert problems(**values) == []


@pytest.mark.parametrize(
    "pattern",
    [
        "*.example.com",
        "[a-",
        "a|",
        "|a",
        "()",
        "(a|)$|",
        "x*",
        "^",
        "(?=a)|",
        "a++",
        "(?>a)b",
        "(?s:a)",
        "a{2}+",
        "\\",
        "(a)" * 100,
    ],
)
def test_an_expression_that_xend_cannot_use_or_that_is_empty_in_effect_is_refused(pattern: str) -> None:
    settings, (problem,) = Relocation.read(
        {"xen/relocation/hosts_allow": f"^a$ {pattern}", "xen/server/relocation": "yes"}
    )
    assert settings.hosts_allow == ()
    assert problem.refused
    assert pattern[:60] in str(problem)
    assert len(str(problem)) < 400


@pytest.mark.parametrize("text", ["^a$  ^b$", " ^a$ ^b$", "^a$ ^b$ ", "  ^a$   ^b$  "])
def test_no_blank_makes_an_empty_expression(text: str) -> None:
    assert Relocation.read({"xen/relocation/hosts_allow": text})[0].hosts_allow == ("^a$", "^b$")


@pytest.mark.parametrize(
    "pattern", ["(" * 12 + "[0-9.x~y]" + "+)" * 12 + "z$", "(a*)*(b*)*(c*)*$", "(" * 2000 + ")" * 2000]
)
def test_no_expression_keeps_us_busy(pattern: str) -> None:
    Settings.read({"xen/relocation/hosts_allow": pattern, "xen/server/relocation": "yes"})

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What has to be open for which guests, and how it is said to nftables, to UCS and to others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import FakeRunner
from univention_xen.errors import XenError
from univention_xen.host import check_firewall
from univention_xen.host.firewall import decide, nft, offer, openings, show, ucs
from univention_xen.host.firewall.decide import Facts
from univention_xen.host.firewall.openings import Opening, Screen, Wanted
from univention_xen.plan import Machine
from univention_xen.settings.firewall import Firewall
from univention_xen.settings.relocation import Relocation
from univention_xen.settings.vnc import Vnc

EVERYWHERE = "0.0.0.0"  # noqa: S104
SCREENS = Opening(5900, 5901, "", (), "screens of mail, web")
LIMITED = Opening(5900, 5900, "192.0.2.10", ("192.0.2.0/28", "192.0.2.1", "2001:db8::1"), "screen of web")


def ports(*screens: Screen) -> list[str]:
    return [each.ports for each in openings.wanted(Vnc(), Relocation(), Firewall(), screens, "xl").openings]


def at(display: int, *, unused: bool = False, address: str = EVERYWHERE, guest: str = "web") -> Screen:
    return Screen(guest, address, display, unused)


def test_a_fixed_display_is_one_port() -> None:
    assert ports(at(0)) == ["5900"]
    assert ports(at(20), at(7)) == ["5907", "5920"]
    assert ports(at(99)) == ["5999"]


def test_a_screen_on_this_host_only_opens_nothing() -> None:
    assert ports(at(0, address="127.0.0.1"), at(1, address="::1")) == []


def test_a_free_display_may_be_a_later_one_for_each_screen_in_its_way() -> None:
    assert ports(at(0, unused=True)) == ["5900"]
    assert ports(at(0, unused=True), at(0, unused=True, guest="mail")) == ["5900-5901"]
    assert ports(at(0, unused=True), at(0, unused=True, address="127.0.0.1")) == ["5900-5901"]
    assert ports(at(0, unused=True), at(50)) == ["5900", "5950"]
    assert ports(at(99, unused=True), at(99, unused=True)) == ["5999"]


def test_neighbours_with_one_address_are_one_opening_that_names_them() -> None:
    found = openings.wanted(Vnc(), Relocation(), Firewall(), [at(n, guest=f"g{n}") for n in range(5)], "xl").openings
    assert found == (Opening(5900, 5904, "", (), "screens of g0, g1, g2 and 2 more"),)


def test_relocation_is_opened_for_xend_and_not_for_xl() -> None:
    settings = Relocation(relocation=True, relocation_port=8102, relocation_ssl=True)
    firewall = Firewall(relocation_sources=("::1",))
    found = openings.wanted(Vnc(), settings, firewall, (), "xend")
    assert [(each.first, each.last, each.sources) for each in found.openings] == [
        (8102, 8102, ("::1",)), (8003, 8003, ("::1",))
    ]  # fmt: skip
    assert openings.wanted(Vnc(), settings.but(relocation_address="localhost"), firewall, (), "xend").openings == ()
    on_xl = openings.wanted(Vnc(), settings, firewall, (), "xl")
    assert on_xl.openings == ()
    assert "ssh" in on_xl.notes[0]


def guests(tmp_path: Path, text: str, toolstack: str = "xl") -> list[Screen]:
    (tmp_path / "etc/xen").mkdir(parents=True, exist_ok=True)
    (tmp_path / "etc/xen/g.cfg").write_text(text)
    return openings.look_at(Machine(tmp_path), Vnc(vnc_listen="192.0.2.7"), toolstack)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('name="g"\ntype="hvm"\nvnc=1\nvnclisten="0.0.0.0"', [Screen("g", EVERYWHERE, 0, True)]),
        ('name="g"\ntype="hvm"\nvnc=0\nvnclisten="0.0.0.0"', []),
        ('name="g"\ntype="hvm"', [Screen("g", "127.0.0.1", 0, True)]),
        ('name="g"\ntype="hvm"\nvnclisten="0.0.0.0:7"\nvncunused=0', [Screen("g", EVERYWHERE, 7, False)]),
        ('name="g"\nkernel="/k"\nvfb=["vnc=1,vnclisten=::,vncdisplay=3,vncunused=0"]', [Screen("g", "::", 3, False)]),
        ('name="g"\ntype="hvm"\nvnclisten="host.example"', [Screen("g", "", 0, True)]),
        ('name="g"\ntype="hvm"\nvnclisten="localhost"', [Screen("g", "127.0.0.1", 0, True)]),
        ("no guest at all", []),
    ],
)
def test_the_files_of_guests_say_where_screens_are(tmp_path: Path, text: str, expected: list[Screen]) -> None:
    assert guests(tmp_path, text) == expected


def test_under_xend_a_guest_without_an_address_follows_the_registry(tmp_path: Path) -> None:
    text = "name='g'\nbuilder='hvm'\nkernel='/usr/lib/xen/boot/hvmloader'\nmemory=64\nvnc=1\n"
    assert [each.address for each in guests(tmp_path, text, "xend")] == ["192.0.2.7"]
    assert [each.address for each in guests(tmp_path, text + "vnclisten='127.0.0.1'\n", "xend")] == ["127.0.0.1"]


def test_the_table_admits_the_sources_and_refuses_others() -> None:
    text = nft.file_text([LIMITED])
    assert nft.admitting(text) == [
        'ip saddr { 192.0.2.0/28 } ip daddr 192.0.2.10 tcp dport 5900 accept comment "univention-xen: screen of web"'
    ]
    assert "\t\tip daddr 192.0.2.10 tcp dport 5900 reject\n" in text
    assert "reject" not in nft.file_text([SCREENS])


@pytest.mark.parametrize("name", ['a"; flush ruleset', "x\ny", "$(id)", "ä" * 200, "}"])
def test_a_name_cannot_become_a_rule(name: str) -> None:
    what = openings.wanted(Vnc(), Relocation(), Firewall(), [at(0, guest=name)], "xl").openings[0].what
    (line,) = nft.admitting(nft.file_text([SCREENS._replace(what=what)]))
    assert line.count('"') == 2
    assert len(line) < 160
    assert set("\n;$(}") & set(line) == set()


def chain(family: str = "inet", policy: str = "accept", **more: Any) -> dict[str, Any]:
    about = {"family": family, "table": "filter", "name": "input", "type": "filter", "hook": "input", "policy": policy}
    return {"chain": about | more}


def rule(handle: int, *words: str, chain: str = "input", **more: Any) -> dict[str, Any]:
    expr: list[dict[str, Any]] = [
        {word.split()[0]: {"target": word.split()[1]} if " " in word else None} for word in words
    ]
    return {"rule": {"family": "inet", "table": "filter", "chain": chain, "handle": handle, "expr": expr} | more}


def ruleset(*items: dict[str, Any]) -> str:
    return json.dumps({"nftables": [{"metainfo": {}}, *items]})


@pytest.mark.parametrize(
    ("items", "before"),
    [
        ([chain()], "none"),
        ([chain(), rule(4, "match", "drop")], "none"),
        ([chain(), rule(4, "drop"), rule(5, "match", "accept")], "none"),
        ([chain(policy="drop"), rule(4, "match", "accept")], None),
        ([chain(policy="drop"), rule(4, "counter")], None),
        ([chain(), rule(4, "match", "accept"), rule(5, "reject")], 5),
        ([chain(), rule(4, "match", "accept"), rule(5, "log"), rule(6, "counter", "drop")], 5),
        ([chain(), rule(4, "jump z"), rule(5, "drop", chain="z")], 4),
        ([chain(), rule(4, "match", "jump z"), rule(5, "drop", chain="z")], "none"),
        ([chain(), rule(4, "jump input")], "none"),
        ([chain(hook="forward", policy="drop")], "none"),
        ([chain(table=nft.TABLE, policy="drop")], "none"),
    ],
)
def test_a_chain_that_refuses_the_rest_is_found(items: list[dict[str, Any]], before: object) -> None:
    found = nft.refusing(ruleset(*items))
    assert [each.before for each in found] == ([] if before == "none" else [before])


def test_loading_repeats_the_rules_where_they_count_and_takes_the_old_ones_away() -> None:
    old = rule(9, "match", "accept", comment="univention-xen: screen of web")
    foreign = rule(8, "match", "accept", comment="universe")
    script = nft.loading(ruleset(chain(), foreign, old, rule(10, "drop")), nft.file_text([SCREENS]))
    assert script.splitlines()[-2:] == [
        "delete rule inet filter input handle 9",
        f"insert rule inet filter input position 10 {nft.admitting(nft.file_text([SCREENS]))[0]}",
    ]
    assert "handle 8" not in script


def test_rules_of_one_family_stay_out_of_the_tables_of_the_other() -> None:
    text = nft.file_text([LIMITED._replace(address="")])
    script = nft.loading(ruleset(chain(family="ip6", policy="drop")), text)
    added = [line for line in script.splitlines() if line.startswith("add rule")]
    assert len(added) == 1
    assert "ip6 saddr { 2001:db8::1/128 }" in added[0]


def test_ucs_gets_variables_with_descriptions_and_loses_those_that_nobody_wants() -> None:
    name = f"{ucs.BELOW}tcp/5900:5901/all"
    there = {f"{ucs.BELOW}tcp/8002/all": "ACCEPT", "security/packetfilter/package/other/tcp/1/all": "ACCEPT"}
    change, restart = ucs.steps([SCREENS], there, "")
    assert isinstance(change, ucs.Change)
    assert change.values == {
        name: "ACCEPT", f"{name}/en": "screens of mail, web", f"{name}/de": "Bildschirme von mail, web",
        f"{ucs.BELOW}tcp/8002/all": None,
    }  # fmt: skip
    assert restart == ucs.RESTART
    assert ucs.steps([SCREENS], ucs.variables([SCREENS]), "") == []


def test_ucs_gets_a_script_where_sources_are_named() -> None:
    text = ucs.script([LIMITED])
    assert text.splitlines()[2:] == [
        "iptables --wait -A INPUT -p tcp -s 192.0.2.0/28 -d 192.0.2.10 --dport 5900:5900 -j ACCEPT"
    ]
    assert ucs.variables([LIMITED]) == {}
    assert [str(step) for step in ucs.steps([], {}, text)] == [
        f"remove {ucs.SCRIPT}", "invoke-rc.d univention-firewall restart"
    ]  # fmt: skip


def facts(manager: str = decide.NFTABLES, *wanted: Opening, text: str = "", rules: str = "") -> Facts:
    return Facts(manager, Wanted(wanted, ()), {}, text, rules)


@pytest.mark.parametrize("manager", ["ufw", "firewalld", "iptables"])
def test_others_rules_are_left_alone_and_the_commands_named(manager: str) -> None:
    with pytest.raises(XenError, match=manager) as caught:
        decide.plan_apply(facts(manager, SCREENS, LIMITED))
    assert manager.removesuffix("d")[:5] in caught.value.hint
    assert "5920" not in caught.value.hint
    assert "192.0.2.0/28" in caught.value.hint
    assert not decide.plan_apply(facts(manager)).steps


def test_what_is_written_and_loaded_is_not_done_again() -> None:
    assert len(decide.plan_apply(facts(decide.NFTABLES, SCREENS)).steps) == 2
    text = nft.file_text([SCREENS])
    loaded = ruleset({"table": {"family": "inet", "name": nft.TABLE}})
    assert not decide.plan_apply(facts(decide.NFTABLES, SCREENS, text=text, rules=loaded)).steps
    assert len(decide.plan_apply(facts(decide.NFTABLES, SCREENS, text=text, rules=ruleset())).steps) == 1
    assert len(decide.plan_apply(facts(text=text, rules=loaded)).steps) == 2
    assert not decide.plan_remove(facts(rules=ruleset())).steps


CLOSED = ruleset(chain(policy="drop"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (facts(), []),
        (facts(decide.NFTABLES, SCREENS, rules=ruleset()), []),
        (facts(decide.NFTABLES, SCREENS, rules=CLOSED), ["does not let through tcp 5900-5901"]),
        (facts(decide.NFTABLES, LIMITED, rules=ruleset()), ["everybody reaches tcp 5900"]),
        (facts(text=nft.file_text([SCREENS]), rules=ruleset()), ["nobody uses any more"]),
        (facts(decide.NFTABLES, LIMITED, text=nft.file_text([SCREENS]), rules=ruleset()), ["other rules"]),
        (facts(decide.UCS, SCREENS), ["does not let through tcp 5900-5901"]),
        (facts("ufw", SCREENS), ["for you to see"]),
        (facts("ufw"), []),
    ],
)
def test_host_check_knows_when_the_firewall_does_not_fit(given: Facts, expected: list[str]) -> None:
    rows = list(check_firewall.judge(given))
    assert len(rows) == len(expected)
    assert all(words in problem and hint for words, (_, _, problem, hint) in zip(expected, rows, strict=True))


def test_the_state_says_whether_it_fits() -> None:
    text, data = show.state(facts(decide.NFTABLES, SCREENS))
    assert "univention-xen host firewall apply" in text
    assert isinstance(data, dict)
    assert data["done"] is False
    assert data["wanted"][0]["first"] == 5900


def test_who_opens_something_hears_of_the_firewall(tmp_path: Path) -> None:
    class Registry(dict[str, str]):
        root = str(tmp_path)

    assert offer.offer(Registry(), {}) == ""
    is_open = Registry({"xen/vnc/listen": EVERYWHERE})
    assert "firewall plan" in offer.offer(is_open, {"xen/vnc/listen": (None, EVERYWHERE)})
    assert offer.offer(is_open, {}) == "", "no guest shows anything yet"
    (tmp_path / "etc/xen").mkdir(parents=True)
    (tmp_path / "etc/xen/firewall.nft").write_text(nft.file_text([SCREENS]))
    assert offer.offer(Registry(), {}) == offer.STALE


def test_the_kernel_is_not_asked_for_a_tree(tmp_path: Path) -> None:
    run = FakeRunner({})
    decide.look_at(Machine(tmp_path, run))  # type: ignore[arg-type]
    assert run.asked == []

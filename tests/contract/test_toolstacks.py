# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Every toolstack keeps the same promises, and its words are as agreed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Check, FakeRunner, recorded
from univention_xen.errors import XenError
from univention_xen.plan import Machine, Plan
from univention_xen.toolstack import guests
from univention_xen.toolstack.choose import TOOLSTACKS
from univention_xen.toolstack.domain import Toolstack, Words

VIRSH = """\
 Id   Name       State
---------------------------
 0    Domain-0   running
 1    pv         running
 2    pvh        running
 3    hvm        paused
"""
XL = recorded("xl-list-4.17-three-guests.txt").replace("64     1     -b----", "64     1     --p---")
LISTS = {"xl": {"xl list": XL}, "libvirt": {"virsh --connect xen:///system list --all": VIRSH}}
LISTS["xm"] = {"xm list": LISTS["xl"]["xl list"]}
VERBS: dict[str, Callable[[Toolstack], Words]] = {
    "start": lambda stack: stack.start("web", "/etc/xen/web.cfg", paused=False),
    "start --paused": lambda stack: stack.start("web", "/etc/xen/web.cfg", paused=True),
    "shutdown": lambda stack: stack.shutdown("web"),
    "reboot": lambda stack: stack.reboot("web"),
    "destroy": lambda stack: stack.destroy("web"),
    "pause": lambda stack: stack.pause("web"),
    "unpause": lambda stack: stack.unpause("web"),
    "console": lambda stack: stack.console("web"),
    "top": lambda stack: stack.top(),
    "show --long": lambda stack: stack.details("web"),
    "save": lambda stack: stack.save("web", "/s/web", keep_running=False),
    "save --keep-running": lambda stack: stack.save("web", "/s/web", keep_running=True),
    "restore": lambda stack: stack.restore("/s/web", paused=False),
    "restore --paused": lambda stack: stack.restore("/s/web", paused=True),
    "migrate": lambda stack: stack.migrate("web", "root@xen2", live=False),
    "migrate --live": lambda stack: stack.migrate("web", "root@xen2", live=True),
}
everywhere = pytest.mark.parametrize("name", TOOLSTACKS)


def machine(name: str) -> Machine:
    return Machine(run=FakeRunner(LISTS[name]))  # type: ignore[arg-type]


@everywhere
def test_the_words_of_each_verb(name: str, golden: Check) -> None:
    stack = TOOLSTACKS[name]()
    lines = []
    for verb, words in VERBS.items():
        try:
            said = " ".join(words(stack))
        except XenError as why:
            said = f"refused: {why}"
        lines.append(f"{verb:20} {said}\n")
    golden(f"toolstack/{name}", "".join(lines))


@everywhere
def test_each_verb_of_the_interface_is_there(name: str) -> None:
    for verb, function in inspect.getmembers(Toolstack, inspect.isfunction):
        if not verb.startswith("_"):
            assert inspect.signature(getattr(TOOLSTACKS[name], verb)) == inspect.signature(function), verb


@everywhere
def test_the_same_domains_are_seen(name: str) -> None:
    found = TOOLSTACKS[name]().domains(machine(name).run)
    expected = [("Domain-0", 0, "running"), ("pv", 1, "running"), ("pvh", 2, "running"), ("hvm", 3, "paused")]
    assert [(each.name, each.id, each.state) for each in found] == expected


@everywhere
@pytest.mark.parametrize("plan", [guests.plan_shutdown, guests.plan_destroy, guests.plan_reboot, guests.plan_pause])
def test_what_runs_gets_one_command(name: str, plan: Callable[..., Plan]) -> None:
    stack = TOOLSTACKS[name]()
    verb = plan.__name__.removeprefix("plan_")
    assert str(plan("pv", stack, machine(name))) == " ".join(getattr(stack, verb)("pv"))


@everywhere
def test_what_is_done_is_not_done_again(name: str) -> None:
    stack, on = TOOLSTACKS[name](), machine(name)
    assert guests.plan_pause("hvm", stack, on) == Plan.nothing("hvm is already paused")
    assert guests.plan_unpause("pv", stack, on) == Plan.nothing("pv is not paused")


@everywhere
@pytest.mark.parametrize("plan", [guests.plan_shutdown, guests.plan_destroy, guests.plan_pause, guests.plan_reboot])
def test_the_host_itself_is_left_alone(name: str, plan: Callable[..., Plan]) -> None:
    with pytest.raises(XenError, match="is this host"):
        plan("Domain-0", TOOLSTACKS[name](), machine(name))


@everywhere
@pytest.mark.parametrize("plan", [guests.plan_shutdown, guests.plan_reboot])
def test_a_paused_guest_cannot_take_part(name: str, plan: Callable[..., Plan]) -> None:
    with pytest.raises(XenError, match="hvm is paused") as error:
        plan("hvm", TOOLSTACKS[name](), machine(name))
    assert "guest unpause hvm" in error.value.hint


@everywhere
def test_nobody_knows_this_guest(name: str, tmp_path: object) -> None:
    on = Machine(root=tmp_path, run=FakeRunner(LISTS[name]))  # type: ignore[arg-type]
    with pytest.raises(XenError, match="there is no guest nobody"):
        guests.plan_destroy("nobody", TOOLSTACKS[name](), on)


@everywhere
def test_who_draws_on_a_terminal_needs_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.isatty", lambda _descriptor: False)
    with pytest.raises(XenError, match=r"top.* needs a terminal") as error:
        guests.plan_top(TOOLSTACKS[name]()).carry_out(machine(name))
    assert "guest list" in error.value.hint


@everywhere
def test_a_guest_that_was_saved_and_runs_on_is_still_looked_after(name: str, tmp_path: Path) -> None:
    file = tmp_path / "pv"
    commands = {"xl": f"xl save pv {file}\nxl restore {file}", "xm": f"xm save -c pv {file}"}
    try:
        told = str(guests.plan_save("pv", TOOLSTACKS[name](), machine(name), path=str(file), keep_running=True))
    except XenError as why:
        told = f"{why} ({why.hint})"
    assert told == commands.get(name, "libvirt cannot save a guest that runs on (leave out --keep-running)")


@everywhere
def test_a_paused_guest_is_not_saved(name: str) -> None:
    with pytest.raises(XenError, match="hvm is paused, so it cannot be saved"):
        guests.plan_save("hvm", TOOLSTACKS[name](), machine(name), path="/nowhere/hvm")


@everywhere
def test_the_console_tells_the_way_out(name: str) -> None:
    (step,) = guests.plan_console("pv", TOOLSTACKS[name](), machine(name)).steps
    assert getattr(step, "advice", "").startswith("Ctrl+] leaves the console")

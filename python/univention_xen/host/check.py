# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Everything that is odd about the host and its settings, in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from univention_xen import registry
from univention_xen.guest.check import FOLLOW
from univention_xen.host import (
    check_firewall,
    check_guests,
    check_running,
    generated,
    memory,
    react,
    services,
    status,
    tagged,
    xend,
)
from univention_xen.host.bridge import forwarding
from univention_xen.host.firewall import decide
from univention_xen.settings.everything import Settings
from univention_xen.toolstack import detect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from univention_xen.host.firewall.decide import Facts as Firewall
    from univention_xen.host.generated import Generated
    from univention_xen.host.status import Status
    from univention_xen.plan import Machine
    from univention_xen.settings.variable import Problem
    from univention_xen.toolstack.detect import Choice, Found

WARNING, NOTE = "warning", "note"


class Finding(NamedTuple):
    """Something odd: how bad, what it is about (a variable, file or service), a sentence, and what to do."""

    level: str
    about: str
    problem: str
    hint: str = ""


class Facts(NamedTuple):
    """What there is to be judged."""

    settings: Settings
    problems: Sequence[Problem]
    found: Found
    choice: Choice
    files: Sequence[Generated]
    xend_is_outdated: bool
    status: Status | None = None
    missing_modules: tuple[str, ...] = ()
    tagged: tagged.Found | None = None
    firewall: Firewall | None = None
    guests: Sequence[tuple[str, str, str, str]] = ()
    forwards: bool = True


def look_at(on: Machine) -> Facts:
    """Read the registry, the toolstack, the generated files and what xend has read."""
    values = registry.read(str(on.root))
    settings, problems = Settings.read(values)
    found = detect.look_at(on)
    choice = detect.choose(settings.toolstack, found)
    return Facts(
        settings, [*problems, *xend.problems(settings, on.root)], found, choice,
        generated.look_at(on), is_outdated(on, "xend"), status.look_at(on), check_running.missing_modules(on),
        tagged.look_at(values, on), decide.look_at(on),
        check_guests.look_at(on, settings, choice.name, status.IMAGES),
        on.read(f"{forwarding.KERNEL}/ip_forward").strip() != "0",
    )  # fmt: skip


def is_outdated(on: Machine, name: str) -> bool:
    """Return whether the service runs and works with another text than its file holds."""
    root = str(on.root)
    known = react.recall(root, name)
    if known is None or not services.is_installed(root, name) or not services.is_live(root):
        return False
    now = react.text_of(root, name)
    if memory.last_read(known, now, services.process(root, name)) == now:
        return False
    return services.is_running(root, name, on.run) is True


def judge(facts: Facts) -> list[Finding]:
    """Return everything odd, what matters most first."""
    found = [
        *(
            Finding(WARNING, p.variable, str(p._replace(hint="")), p.hint or f"see: ucr info {p.variable}")
            for p in facts.problems
        ),
        *judge_toolstack(facts),
        *judge_files(facts),
        *judge_xend(facts),
        *judge_running(facts),
        *judge_guest_files(facts),
        *ignored(facts),
    ]
    return sorted(found, key=lambda finding: finding.level != WARNING)


def judge_toolstack(facts: Facts) -> Iterator[Finding]:
    """Yield what is odd about the toolstack."""
    variable = Settings.toolstack.name
    wanted = facts.settings.toolstack
    if wanted != "auto" and not getattr(facts.found, wanted):
        problem = f"{variable}: {wanted} is chosen, but not installed"
        yield Finding(WARNING, variable, problem, f"ucr set {variable}=auto takes what is there")
    if wanted == "auto" and all(facts.found):
        problem = f"{variable}: both xl and xend are installed; {facts.choice.name} is taken"
        yield Finding(NOTE, variable, problem, f"ucr set {variable}=xend takes the other one")


def judge_files(facts: Facts) -> Iterator[Finding]:
    """Yield what is odd about the generated files."""
    if not facts.files:
        problem = "no template of univention-xen is installed, so the registry generates nothing here"
        yield Finding(NOTE, generated.TEMPLATES, problem, "apt install univention-xen")
    yield from (finding for file in facts.files if (finding := judge_file(file)))


def judge_file(file: Generated) -> Finding | None:
    """Return what is odd about a generated file."""
    again = f"ucr commit {file.path} writes it from the registry"
    match file.state:
        case generated.MISSING:
            return Finding(WARNING, file.path, f"{file.path} is missing", again)
        case generated.DIFFERENT:
            problem = f"{file.path} does not say what the registry says: it was edited, or not yet rewritten"
            return Finding(WARNING, file.path, problem, f"{again}; what was edited in it is lost then")
        case generated.BROKEN:
            return Finding(WARNING, file.path, f"{file.path} cannot be generated: {file.why}", f"{again}, once it can")
    return None


def judge_running(facts: Facts) -> Iterator[Finding]:
    """Yield what is odd about the host as it runs."""
    if facts.status:
        yield from (Finding(*row) for row in check_running.judge(facts.status, facts.missing_modules))
        yield from judge_forwarding(facts, facts.status.hypervisor.role)
    if facts.firewall:
        yield from (Finding(*row) for row in check_firewall.judge(facts.firewall))
    told = {path for path, _ in facts.tagged.problems} if facts.tagged else set()
    if facts.tagged and facts.tagged.at_home:
        told.update(check_guests.PASSWORDS)  # the same reason, with what comes of it
    yield from (Finding(*row) for row in facts.guests if row[1] not in told)


def judge_forwarding(facts: Facts, role: str) -> Iterator[Finding]:
    """Yield that guests without a bridge reach nothing, as this Dom0 does not forward; xend turns that on itself."""
    variable, mode = Settings.mode.name, facts.settings.mode
    if role == "dom0" and facts.choice.name == "xl" and mode in forwarding.MODES and not facts.forwards:
        problem = f"{variable}: {mode} is chosen, but this host does not forward for its guests"
        yield Finding(WARNING, variable, problem, "univention-xen host bridge plan shows how, and apply does it")


def judge_guest_files(facts: Facts) -> Iterator[Finding]:
    """Yield the guest files with tagged lines that are out of step with the registry, and those that are unreadable."""
    if facts.tagged:
        for edit in facts.tagged.edits:
            problem = f"{edit.path} does not follow the registry, line {'; line '.join(edit.lines)}"
            yield Finding(WARNING, edit.path, problem, FOLLOW)
        hint = "univention-xen guest check says where"
        yield from (Finding(WARNING, path, problem, hint) for path, problem in facts.tagged.problems)
        if facts.tagged.at_home:
            name = Settings.vnc_listen.name
            hint = f"reach them through ssh -L; ucr set {name}={Settings.vnc_listen.default} says the same"
            yield Finding(NOTE, name, f"{name}: {facts.tagged.at_home}", hint)


def judge_xend(facts: Facts) -> Iterator[Finding]:
    """Yield whether xend has missed a change."""
    if facts.xend_is_outdated and facts.settings.toolstack != "xl":
        file = react.READS["xend"]
        problem = f"xend works with an older {file} than there is"
        yield Finding(WARNING, "xend", problem, f"ucr commit {file} restarts it")


def ignored(facts: Facts) -> Iterator[Finding]:
    """Yield the variables that have been set although they have no effect here."""
    here = facts.choice.name
    for variable in Settings.variables():
        if facts.settings.is_default(variable) or not variable.acts or here in variable.acts:
            continue  # what acts on nothing is among the problems
        value = variable.show(facts.settings.values[variable.field])
        problem = f"{variable.name}: {value} has an effect on {variable.acts[0]} only, and {here} is in use"
        yield Finding(NOTE, variable.name, problem, f"ucr unset {variable.name} tidies up")

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Plans that start, stop and otherwise control guests. Each asks first, so that doing it twice does it once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from univention_xen.errors import UsageError, XenError
from univention_xen.log import log
from univention_xen.plan import Plan, Run
from univention_xen.toolstack import listing, unfinished
from univention_xen.toolstack.domain import CRASHED, DYING, ENDED, PAUSED, SUSPENDED, Domain, guest_name, host_name, one
from univention_xen.toolstack.steps import End, Foreground, Save, Start, WaitUntilGone

if TYPE_CHECKING:
    from univention_xen.plan import Machine, Step
    from univention_xen.toolstack.domain import Toolstack

DETACH = "Ctrl+] leaves the console (on a German keyboard Ctrl+5, or Ctrl+AltGr+9)."
SAVED = "/var/lib/xen/saved"
HOST_ITSELF = "Domain-0"
MARGIN = 64 << 20
"""Bytes that a file with a guest's memory has besides the memory, more than enough."""


def plan_start(word: str, stack: Toolstack, on: Machine, *, paused: bool = False, console: bool = False) -> Plan:
    """Return the plan to start the guest *word*, a name or the path of its file.

    Raises XenError when it would not work or do harm.
    """
    domains = stack.domains(on.run)
    known = None
    if not stack.has_files:
        path, name = "", guest_name(word)
        if not one(domains, name):
            raise XenError(f"{stack.name} knows no guest {name}", hint="virsh define makes a guest known to libvirt")
    else:
        known = listing.named(word, on)
        path, name = known.file.path, guest_name(known.name)
    domain = one(domains, name)
    remains = unfinished.left_over(domain, stack, on)
    if domain and domain.exists and not remains:
        return already(domain)
    if known:
        from univention_xen.toolstack import snapshot, starting

        snapshot.refuse_start(name, on)
        users = [each.name for each in domains if each.exists and each.name != name]
        starting.refuse(known, users, stack.syntax, on)
    steps: list[Step] = [Run(stack.destroy(name))] if remains else []
    steps.append(Start(name, stack.start(name, path, paused=paused)))
    if console:
        steps.append(Foreground(stack.console(name), DETACH))
    return Plan(tuple(steps))


def already(domain: Domain) -> Plan:
    """Return what starting a domain that is there comes to. Raises XenError when it is about to vanish."""
    if domain.state == PAUSED:
        return Plan.nothing(f"{domain.name} is there already, and paused: guest unpause lets it run on")
    if domain.state == DYING:
        raise XenError(f"{domain.name} is just ending", hint="try again in a moment")
    if domain.state == SUSPENDED:
        raise XenError(
            f"{domain.name} is suspended: it is being saved, or that was interrupted",
            hint=f"univention-xen guest save {domain.name} saves it again, so that restore lets it run on",
        )
    if domain.state in (ENDED, CRASHED):
        raise XenError(
            f"{domain.name} has {'crashed' if domain.state == CRASHED else 'ended'} and still takes up memory",
            hint=f"univention-xen guest destroy {domain.name} clears it away",
        )
    return Plan.nothing(f"{domain.name} is already {domain.state}")


def running(name: str, stack: Toolstack, on: Machine) -> Domain | None:
    """Return the domain of a guest that may be stopped, None when it does not run. Raises XenError."""
    if guest_name(name) == HOST_ITSELF:
        raise UsageError(f"{HOST_ITSELF} is this host and no guest")
    return listing.domain_of(name, stack, on)


def must_run(name: str, stack: Toolstack, on: Machine) -> Domain:
    """Return the domain of a guest. Raises XenError when it does not run."""
    domain = running(name, stack, on)
    if not domain:
        hint = f"univention-xen guest start {name}"
        if os.path.exists(f"{SAVED}/{name}"):
            hint = f"univention-xen guest restore {name}, if it is to run on as it was saved, or guest start {name}"
        raise XenError(f"{name} is not running", hint=hint)
    return domain


def plan_shutdown(name: str, stack: Toolstack, on: Machine, *, wait: bool = False, timeout: int = 300) -> Plan:
    """Return the plan to ask a guest to end, and to wait for that. Raises UsageError and XenError."""
    if timeout < 1:
        raise UsageError("--timeout takes a number of seconds above 0")
    domain = running(name, stack, on)
    if not domain:
        return Plan.nothing(f"{name} is not running")
    refuse_paused(domain, "shut down")
    steps: list[Step] = [End(name, stack.shutdown(name), stack)]
    if wait:
        steps.append(WaitUntilGone(name, stack, timeout))
    return Plan(tuple(steps))


def refuse_paused(domain: Domain, what: str) -> None:
    """Refuse what needs the guest to take part."""
    if domain.state == PAUSED:
        raise XenError(
            f"{domain.name} is paused, so it cannot {what}", hint=f"univention-xen guest unpause {domain.name}"
        )


def plan_destroy(name: str, stack: Toolstack, on: Machine) -> Plan:
    """Return the plan to pull a guest's plug."""
    if not running(name, stack, on):
        return Plan.nothing(f"{name} is not running")
    return Plan.of(End(name, stack.destroy(name), stack))


def plan_reboot(name: str, stack: Toolstack, on: Machine) -> Plan:
    """Return the plan to ask a guest to start again."""
    refuse_paused(must_run(name, stack, on), "start again")
    return Plan.of(Run(stack.reboot(name)))


def plan_pause(name: str, stack: Toolstack, on: Machine) -> Plan:
    """Return the plan to give a guest no more processor time."""
    if must_run(name, stack, on).state == PAUSED:
        return Plan.nothing(f"{name} is already paused")
    return Plan.of(Run(stack.pause(name)))


def plan_unpause(name: str, stack: Toolstack, on: Machine) -> Plan:
    """Return the plan to let a guest run on."""
    if must_run(name, stack, on).state != PAUSED:
        return Plan.nothing(f"{name} is not paused")
    return Plan.of(Run(stack.unpause(name)))


def plan_console(name: str, stack: Toolstack, on: Machine) -> Plan:
    """Return the plan to connect the terminal to a guest's console."""
    must_run(name, stack, on)
    return Plan.of(Foreground(stack.console(name), DETACH))


def plan_top(stack: Toolstack) -> Plan:
    """Return the plan to show what all domains are doing."""
    return Plan.of(Foreground(stack.top(), instead="univention-xen guest list tells once what runs"))


def plan_save(name: str, stack: Toolstack, on: Machine, *, path: str = "", keep_running: bool = False) -> Plan:
    """Return the plan to write a guest's memory into a new file; '' is its place below SAVED.

    Raises XenError when something is there already or there is not enough room.
    """
    domain = must_run(name, stack, on)
    refuse_paused(domain, "be saved")
    if not stack.has_files:
        if not path:
            raise UsageError("name a FILE on the host where the guest runs")
        return Plan.of(Run(stack.save(name, path, keep_running=keep_running)))
    from univention_xen.toolstack import saved

    path = path or f"{SAVED}/{name}"
    steps: list[Step] = []
    if saved.left_over(path):
        saved.refuse_written(path, on)
        log.warning("%s was left by a save that did not come to its end, and is written anew", path)
        steps.append(saved.removal(path))
    elif os.path.lexists(path):
        raise XenError(
            f"{path} is there already; nothing is overwritten",
            hint=f"univention-xen guest restore {path}, or name a FILE",
        )
    directory = os.path.dirname(path)
    if directory == SAVED and not os.path.isdir(directory):
        steps.append(saved.directory(directory))
    saved.refuse_full(directory, ((domain.memory or 0) << 20) + MARGIN)
    if keep_running and stack.forgets:
        words = stack.save(name, path, keep_running=False)
        return Plan((*steps, Save(name, path, words, stack), Start(name, stack.restore(path, paused=False))))
    words = stack.save(name, path, keep_running=keep_running)
    return Plan((*steps, Save(name, path, words, stack)))


def plan_restore(word: str, stack: Toolstack, on: Machine, *, paused: bool = False, remove: bool = False) -> Plan:
    """Return the plan to let a guest run on from a file, or from where `save` puts it. Raises XenError."""
    if not stack.has_files:
        if remove:
            raise UsageError("--remove cannot reach the host where the guest runs")
        return Plan.of(Run(stack.restore(os.path.abspath(word), paused=paused)))
    from univention_xen.toolstack import saved, starting

    path = saved_at(word)
    saved.refuse_written(path, on)
    file = saved.look_at(path)
    domains = stack.domains(on.run)
    steps: list[Step] = []
    if file.name:
        domain = one(domains, file.name)
        if unfinished.left_over(domain, stack, on):
            steps.append(Run(stack.destroy(file.name)))
        elif domain and domain.exists:
            raise XenError(f"{file.name} is already {domain.state}, and a guest exists only once")
        users = [each.name for each in domains if each.exists and each.name != file.name]
        starting.refuse_shared(file.name, file.writes, starting.written_by(users, listing.described(on), on), on)
    steps.append(Start(file.name or path, stack.restore(path, paused=paused)))
    return Plan((*steps, *((saved.removal(path),) if remove else ())))


def saved_at(word: str) -> str:
    """Return the file that *word* means: a path, or what `save` has written of the guest of that name."""
    path = f"{SAVED}/{guest_name(word)}" if "/" not in word else word
    return os.path.abspath(path if os.path.exists(path) or not os.path.isfile(word) else word)


def plan_migrate(name: str, stack: Toolstack, on: Machine, *, host: str, live: bool = False) -> Plan:
    """Return the plan to move a guest to another host, which is asked first. Raises XenError."""
    from univention_xen.toolstack import migration

    words = stack.migrate(guest_name(name), host_name(host), live=live)
    domain = must_run(name, stack, on)
    if not stack.has_files:
        return Plan.of(Run(words))  # libvirt asks the other host itself
    refuse_paused(domain, "take part in a move")
    known = next((each for each in listing.described(on) if each.name == name), None)
    migration.refuse(domain, known, host, on)
    return Plan.of(Run(words))

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Sets a guest back to a snapshot: all its disks first, then its memory. Interrupted, it can be done again."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from univention_xen import files
from univention_xen.errors import XenError
from univention_xen.guest.model import differences
from univention_xen.log import log
from univention_xen.plan import Plan, Run
from univention_xen.toolstack import listing, starting, unfinished
from univention_xen.toolstack import snapshot_disks as disks
from univention_xen.toolstack.snapshot import (
    GUEST_FILE,
    HALF_BACK,
    HALF_MADE,
    MEMORY,
    NOT_LET_ON,
    OFF,
    REVERTING,
    Found,
    Snapshot,
    has_memory,
    interrupted,
    named,
    write,
)
from univention_xen.toolstack.snapshot_create import refuse_libvirt
from univention_xen.toolstack.snapshot_recover import wait_until_free
from univention_xen.toolstack.steps import WaitUntilGone
from univention_xen.toolstack.undisturbed import apart, orderly, undisturbed

if TYPE_CHECKING:
    from univention_xen.plan import Machine, Step
    from univention_xen.toolstack.domain import Domain, Toolstack


@dataclass(frozen=True)
class PutBack:
    """Make the disks those of a snapshot, and let the guest run on from its memory if that was kept."""

    snapshot: Snapshot
    stack: Toolstack = field(repr=False)

    def __str__(self) -> str:
        snapshot = self.snapshot
        lines = [disks.describe_back(kept, snapshot) for kept in snapshot.disks]
        if snapshot.way != OFF:
            lines.append(shlex.join(self.stack.restore(snapshot.at(MEMORY), paused=False)))
        return "\n".join(lines) or "nothing but the state of a guest without disks"

    def apply(self, on: Machine) -> None:
        """Raise XenError when it does not work; the sentence says how to go on."""
        snapshot = self.snapshot
        wait_until_free((kept.path for kept in snapshot.disks), on)
        with orderly():
            try:
                write(snapshot.at(REVERTING), phase("disks"), on)
                for kept in snapshot.disks:
                    disks.put_back(kept, snapshot, on)
            except OSError as why:
                raise self.half(f"{why.filename or snapshot.place}: {why.strerror or why}") from None
            except XenError as why:
                raise self.half(str(why)) from None
            if snapshot.way != OFF:
                write(snapshot.at(REVERTING), phase("memory"), on)
                self.restore(on)
            files.remove(on.path(snapshot.at(REVERTING)))

    def half(self, why: str) -> XenError:
        """Return the failure of putting back the disks."""
        found = Found(self.snapshot, HALF_BACK)
        return XenError(f"{self.snapshot.guest} is not set back: {why}", hint=found.todo)

    def restore(self, on: Machine) -> None:
        """Let the guest run on. Raises XenError."""
        guest, memory = self.snapshot.guest, os.fspath(on.path(self.snapshot.at(MEMORY)))
        try:
            with undisturbed():
                on.run(*apart(self.stack.restore(memory, paused=False)))
        except XenError as why:
            raise XenError(
                f"the disks of {guest} are set back, but its memory is not: {why}",
                hint=f"try again; univention-xen guest start {guest} lets it boot from these disks instead",
            ) from None


def phase(word: str) -> str:
    """Return the text of the file that tells how far it is."""
    return json.dumps({"doing": word}) + "\n"


def plan_revert(name: str, label: str, stack: Toolstack, on: Machine, *, destroy_running: bool = False) -> Plan:
    """Return the plan to set a guest back; the label '' is its newest snapshot. Raises XenError."""
    refuse_libvirt(stack)
    found = named(name, label, on)
    snapshot = found.snapshot
    if found.state in (HALF_MADE, NOT_LET_ON):
        raise XenError(f"the snapshot {snapshot.label} of {name} was interrupted", hint=found.todo)
    other = interrupted(name, on)
    if other and other.snapshot.label != snapshot.label:
        raise XenError(f"{name} has to be brought in order first: {other.todo}")
    refuse_incomplete(found, stack, on)
    steps: list[Step] = []
    domain = here(name, stack, on)
    if domain:
        remains = unfinished.left_over(domain, stack, on)
        refuse_running(name, snapshot, told=destroy_running or remains)
        steps += [Run(stack.destroy(name)), WaitUntilGone(name, stack, 60)]
    else:
        others = [each.name for each in stack.domains(on.run) if each.exists]
        writers = starting.written_by(others, listing.described(on), on)
        starting.refuse_shared(name, [kept.path for kept in snapshot.disks], writers, on)
    tell_differences(snapshot, on)
    return Plan((*steps, PutBack(snapshot, stack)))


def here(name: str, stack: Toolstack, on: Machine) -> Domain | None:
    """Return the domain of a guest, whether or not a file describes it any more."""
    return next((each for each in stack.domains(on.run) if each.name == name and each.exists), None)


def refuse_running(name: str, snapshot: Snapshot, *, told: bool) -> None:
    """Raise XenError unless it is told that a running guest is to go."""
    if not told:
        raise XenError(
            f"{name} is running, and what it has done since {snapshot.time} would be lost",
            hint="shut it down first, or say --destroy-running",
        )


def refuse_incomplete(found: Found, stack: Toolstack, on: Machine) -> None:
    """Raise XenError when something of the snapshot is missing."""
    snapshot = found.snapshot
    if snapshot.way != OFF and not has_memory(found, on):
        raise disks.lost(snapshot, f"{snapshot.at(MEMORY)} is gone")
    if snapshot.toolstack != stack.name and snapshot.way != OFF:
        raise XenError(f"the memory was saved by {snapshot.toolstack}, and {stack.name} cannot read it")
    disks.refuse_lost(snapshot.disks, snapshot, on)


def tell_differences(snapshot: Snapshot, on: Machine) -> None:
    """Warn about what the guest file says otherwise than at the time of the snapshot."""
    from univention_xen.guest.check import GuestFile

    now = next((each for each in listing.described(on) if each.name == snapshot.guest), None)
    then = listing.understood(GuestFile(snapshot.at(GUEST_FILE), on.read(snapshot.at(GUEST_FILE)), 0o600))
    if not now or not now.guest:
        log.warning("no file describes %s any more; what it was is in %s", snapshot.guest, snapshot.at(GUEST_FILE))
    elif then.guest:
        for what, old, new in differences(then.guest, now.guest):
            values = f"is {new} now and was {old}" if isinstance(new, str | int) else "is something else now"
            log.warning("%s of %s %s; its file stays as it is", what, snapshot.guest, values)

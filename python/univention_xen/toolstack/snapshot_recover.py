# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What is done about a snapshot that was interrupted, or that is no longer wanted; each can be done again."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from univention_xen import files
from univention_xen.errors import XenError
from univention_xen.image import users
from univention_xen.log import log
from univention_xen.plan import Plan
from univention_xen.toolstack import snapshot_disks as disks
from univention_xen.toolstack import unfinished
from univention_xen.toolstack.domain import DYING, guest_name, one
from univention_xen.toolstack.snapshot import (
    BEGUN,
    DELETING,
    DIRECTORY,
    ENDED,
    GUEST_FILE,
    HALF_BACK,
    HALF_MADE,
    MANIFEST,
    MEMORY,
    NOT_LET_ON,
    OFF,
    QCOW2,
    REVERTING,
    Found,
    Snapshot,
    has_memory,
    label_of,
    look_at,
    named,
    write,
)
from univention_xen.toolstack.steps import PAUSE
from univention_xen.toolstack.undisturbed import apart, orderly, undisturbed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from univention_xen.plan import Machine
    from univention_xen.toolstack.domain import Domain, Toolstack

BOOT_ID = "/proc/sys/kernel/random/boot_id"
RELEASE = 60.0
"""Seconds in which the device model and the block scripts of a guest that has ended let go of its images."""


@dataclass(frozen=True)
class Recover:
    """Let the guest of an interrupted snapshot run on, and remove what is only half there."""

    found: Found
    stack: Toolstack = field(repr=False)

    def __str__(self) -> str:
        snapshot = self.found.snapshot
        lines = [] if snapshot.way == OFF else [f"let {snapshot.guest} run on, should it wait for the end of this"]
        if self.found.state == HALF_MADE:
            lines.append(f"remove what is half made in {snapshot.place}")
        return "\n".join(lines)

    def apply(self, on: Machine) -> None:
        """Raise XenError when the guest does not run on; nothing is removed then."""
        snapshot = self.found.snapshot
        with orderly():
            if self.found.state == HALF_MADE:
                give_up(snapshot, self.stack, on)
            else:
                let_run_on(snapshot, self.stack, on)
                files.remove(on.path(snapshot.at(BEGUN)))


@dataclass(frozen=True)
class Delete:
    """Remove a whole snapshot."""

    snapshot: Snapshot

    def __str__(self) -> str:
        inside = [f"qemu-img snapshot -d {each.under} {each.path}" for each in self.snapshot.disks if each.how == QCOW2]
        return "\n".join([*inside, f"remove {self.snapshot.place}"])

    def apply(self, on: Machine) -> None:
        """Raise XenError and OSError; what is left is half made then, and can be deleted again."""
        snapshot = replace(self.snapshot, way=OFF)  # the guest has nothing to do with it any more
        write(snapshot.at(DELETING), snapshot.as_json(), on)
        clean(snapshot, on)


def plan_delete(guest: str, label: str, stack: Toolstack, on: Machine) -> Plan:
    """Return the plan to remove a snapshot, and to end well what was interrupted. Raises XenError."""
    found = look_at(guest_name(guest), label_of(label), on)
    if not found:
        if os.path.isdir(on.path(f"{DIRECTORY}/{guest}/{label}")):
            return Plan.of(Delete(Snapshot(guest, label, "", OFF, stack.name, 0, ())))
        named(guest, "", on)  # says so when there is none at all
        return Plan.nothing(f"{guest} has no snapshot {label}")
    if found.state == HALF_BACK:
        raise XenError(f"{guest} is half set back to {label}, which is needed until that is done", hint=found.todo)
    for kept in found.snapshot.disks:
        image = os.fspath(on.path(kept.path))
        if kept.how == QCOW2 and os.path.exists(image) and kept.under in disks.tags(image, on):
            users.refuse_in_use(image, on.root)
    if found.state not in (HALF_MADE, NOT_LET_ON):
        return Plan.of(Delete(found.snapshot))
    refuse_recovery(found, stack, on)
    if found.state == HALF_MADE:
        return Plan.of(Recover(found, stack))
    if any(kept.how == QCOW2 for kept in found.snapshot.disks):
        log.warning("the snapshot is whole and stays; it can be deleted when %s does not run", guest)
        return Plan.of(Recover(found, stack))
    return Plan.of(Recover(found, stack), Delete(found.snapshot))


def refuse_recovery(found: Found, stack: Toolstack, on: Machine) -> None:
    """Raise XenError while something still works on the snapshot, or when only people can know what is right."""
    snapshot = found.snapshot
    memory = os.fspath(on.path(snapshot.at(MEMORY)))
    users.refuse_in_use(memory, on.root)
    gone = not exists(snapshot.guest, stack, on)
    if gone and has_memory(found, on) and boot_id(on) != snapshot.boot:
        raise XenError(
            f"{snapshot.guest} was ended for its snapshot {snapshot.label}, and the host has been started anew since",
            hint=f"if the guest has not run since: univention-xen guest restore {memory}; otherwise remove that file",
        )


def give_up(snapshot: Snapshot, stack: Toolstack, on: Machine) -> None:
    """Let the guest run on and remove what there is of its snapshot. Raises XenError."""
    if snapshot.way == ENDED and not exists(snapshot.guest, stack, on):
        for kept in snapshot.disks:
            with contextlib.suppress(XenError, OSError):  # the guest comes first; clean() tries again
                disks.forget(kept, snapshot, on)  # its device model is going to have the images open
    let_run_on(snapshot, stack, on)
    clean(snapshot, on)


def exists(guest: str, stack: Toolstack, on: Machine) -> bool:
    """Say whether the domain of a guest is there, and complete. Raises Busy while it is being created."""
    domain = settled(guest, stack, on)
    return domain is not None and domain.exists and not unfinished.left_over(domain, stack, on)


def settled(guest: str, stack: Toolstack, on: Machine) -> Domain | None:
    """Return the domain of a guest, when it is not about to vanish. Raises XenError when that does not come to an end.

    What has been saved is a guest no more, although it is still shown: taking it for one would lose it.
    """
    end = time.monotonic() + RELEASE
    while (domain := one(stack.domains(on.run), guest)) and domain.state == DYING:
        if time.monotonic() >= end:
            raise XenError(f"{guest} is ending and does not come to its end", hint="try again in a moment")
        time.sleep(PAUSE)
    return domain


def let_run_on(snapshot: Snapshot, stack: Toolstack, on: Machine) -> None:
    """Let a guest run on that was ended for a snapshot. Raises XenError."""
    memory = os.fspath(on.path(snapshot.at(MEMORY)))
    if snapshot.way == OFF:
        return
    with undisturbed():
        try:
            domain = settled(snapshot.guest, stack, on)
            if unfinished.left_over(domain, stack, on):
                on.run(*stack.destroy(snapshot.guest))
            elif domain and domain.exists:
                return
            if os.path.exists(memory) and os.path.getsize(memory):
                on.run(*apart(stack.restore(memory, paused=False)))
        except XenError as why:
            raise XenError(
                f"{snapshot.guest} does not run on: {why}",
                hint=f"nothing is lost: univention-xen guest restore {memory}",
            ) from None


def clean(snapshot: Snapshot, on: Machine) -> None:
    """Remove all that belongs to a snapshot, what tells of it last. Raises XenError and OSError."""
    place = os.fspath(on.path(snapshot.place))
    for kept in snapshot.disks:
        disks.forget(kept, snapshot, on)
    for name in (MEMORY, GUEST_FILE, REVERTING, MANIFEST, BEGUN, DELETING):
        files.sweep(os.path.join(place, name))
        files.remove(os.path.join(place, name))
    with contextlib.suppress(OSError):  # somebody has put something of his own there
        os.rmdir(place)
        os.rmdir(os.path.dirname(place))


def boot_id(on: Machine) -> str:
    """Return which boot of the host this is."""
    return on.read(BOOT_ID).strip()


def wait_until_free(paths: Iterable[str], on: Machine) -> None:
    """Wait until nobody has the images open any more. Raises Busy when somebody keeps one."""
    end = time.monotonic() + RELEASE
    for path in paths:
        place = os.path.realpath(on.path(path))
        while users.users(place, on.root) and time.monotonic() < end:
            time.sleep(PAUSE)
        users.refuse_in_use(place, on.root)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Makes a snapshot: the guest does not run from the last byte of its memory to the last byte of its disks."""

from __future__ import annotations

import os
import re
import shlex
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from univention_xen import files
from univention_xen.errors import CommandFailed, XenError
from univention_xen.image.sizes import human
from univention_xen.log import log
from univention_xen.plan import Plan
from univention_xen.toolstack import guests, listing, reasons, saved, starting, unfinished
from univention_xen.toolstack import snapshot_disks as disks
from univention_xen.toolstack.domain import RUNNING
from univention_xen.toolstack.snapshot import (
    BEGUN,
    COPY,
    DIRECTORY,
    ENDED,
    GUEST_FILE,
    HALF_BACK,
    HALF_MADE,
    MANIFEST,
    MEMORY,
    NOT_LET_ON,
    NOT_RESTORED,
    OFF,
    Found,
    Snapshot,
    all_of,
    has_memory,
    label_of,
    now,
    write,
)
from univention_xen.toolstack.snapshot_recover import (
    Recover,
    boot_id,
    exists,
    give_up,
    let_run_on,
    refuse_recovery,
    wait_until_free,
)
from univention_xen.toolstack.undisturbed import apart, orderly, undisturbed

if TYPE_CHECKING:
    from univention_xen.guest.model import Guest
    from univention_xen.plan import Machine
    from univention_xen.toolstack.domain import Domain, Toolstack, Words
    from univention_xen.toolstack.saved import Saved
    from univention_xen.toolstack.snapshot import Kept


@dataclass(frozen=True)
class Take:
    """Make a snapshot; *words* save the memory, none for a guest that is off."""

    snapshot: Snapshot
    words: Words
    text: str = field(repr=False)
    stack: Toolstack = field(repr=False)

    def __str__(self) -> str:
        snapshot = self.snapshot
        lines = [f"make directory {snapshot.place}"]
        if snapshot.way != OFF:
            lines.append(shlex.join(self.words))
        lines += [disks.describe(kept, snapshot) for kept in snapshot.disks]
        lines.append(f"write {snapshot.at(MANIFEST)}")
        if snapshot.way == ENDED:
            lines.append(shlex.join(self.stack.restore(snapshot.at(MEMORY), paused=False)))
        return "\n".join(lines)

    def apply(self, on: Machine) -> None:
        """Raise XenError when it does not work; then the guest runs on and there is no snapshot."""
        snapshot = self.snapshot
        for path in (DIRECTORY, os.path.dirname(snapshot.place), snapshot.place):
            os.makedirs(on.path(path), mode=0o700, exist_ok=True)
        with orderly():
            try:
                write(snapshot.at(BEGUN), snapshot.as_json(), on)
                self.fill(on)
            except BaseException as why:
                give_up(snapshot, self.stack, on)
                raise explained(why, snapshot) from None
            let_run_on(snapshot, self.stack, on)
            files.remove(on.path(snapshot.at(BEGUN)))

    def fill(self, on: Machine) -> None:
        """Write everything, the manifest last. Raises XenError and OSError."""
        snapshot, memory = self.snapshot, os.fspath(on.path(self.snapshot.at(MEMORY)))
        if snapshot.way != OFF:
            with files.appearing(memory, mode=saved.WRITING):
                pass  # xl keeps the mode of a file that is there
            if sys.stderr.isatty():
                log.say(f"saving the memory of {snapshot.guest}, {human(snapshot.memory)} …")
            try:
                with undisturbed():
                    on.run(*apart(self.words))
            except CommandFailed as why:
                what = f"the memory of {snapshot.guest} could not be saved"
                hint = "univention-xen guest list shows its state"
                raise reasons.explain(snapshot.guest, why, [], what, hint) from None
            files.set_mode(memory, saved.WRITTEN)
            disks.sync(memory)
            if exists(snapshot.guest, self.stack, on):
                raise XenError(f"{snapshot.guest} runs on although it was saved")
            refuse_others(saved.look_at(memory), snapshot, on)
            wait_until_free((kept.path for kept in snapshot.disks), on)
        for kept in snapshot.disks:
            disks.keep(kept, snapshot, on)
        files.replace(on.path(snapshot.at(GUEST_FILE)), self.text, mode=0o600)
        write(snapshot.at(MANIFEST), snapshot.as_json(), on)


def refuse_others(file: Saved, snapshot: Snapshot, on: Machine) -> None:
    """Raise XenError when the guest ran with a disk that its file does not name: the moment would not be whole."""
    ours = {os.path.realpath(on.path(kept.path)) for kept in snapshot.disks}
    for path in file.writes:
        if os.path.realpath(on.path(path)) not in ours:
            raise XenError(
                f"{snapshot.guest} runs with the disk {path}, which {snapshot.file} does not name",
                hint=f"write it there, or take it away: xl block-detach {snapshot.guest}",
            )


def explained(why: BaseException, snapshot: Snapshot) -> BaseException:
    """Return a failure with what has become of the guest."""
    state = "the guest is as it was" if snapshot.way == OFF else "the guest runs on"
    hint = f"{state}, and nothing is left of the snapshot"
    if isinstance(why, OSError):
        return XenError(f"{why.filename or snapshot.place}: {why.strerror or why}", hint=hint)
    if isinstance(why, XenError):
        why.hint = "\n  ".join(filter(None, (hint, why.hint)))
    return why


def plan_create(name: str, label: str, stack: Toolstack, on: Machine) -> Plan:
    """Return the plan for a snapshot; the label '' is the present time. Raises XenError when it cannot be."""
    refuse_libvirt(stack)
    when = now()
    label = label_of(label) if label else re.sub(r"[-:Z]", "", when).replace("T", "-")
    domain = guests.running(name, stack, on)
    known = next((each for each in listing.described(on) if each.name == name), None)
    if not known or not known.guest:
        raise XenError(
            f"no file describes {name}, so it is not known which disks belong to it", hint="write its file to /etc/xen"
        )
    found = all_of(name, on)
    recoveries = plan_recoveries(found, stack, on)
    refuse_taken(name, label, found)
    if recoveries and unfinished.left_over(domain, stack, on):
        domain = None
    runs = is_running(domain) or any(restores(step.found, on) for step in recoveries)
    place = f"{DIRECTORY}/{name}/{label}"
    kept = disks.plan_keep(known.guest, label, disks.existing(os.fspath(on.path(place))), on)
    if not runs:
        others = [each.name for each in stack.domains(on.run) if each.exists]
        paths = [each.path for each in kept]
        starting.refuse_shared(name, paths, starting.written_by(others, listing.described(on), on), on)
    memory = ((domain.memory if domain else None) or known.guest.memory) << 20 if runs else 0
    refuse_full(kept, memory, on)
    tell_cost(kept, name, runs=runs)
    snapshot = Snapshot(
        name, label, when, ENDED if runs else OFF, stack.name, memory, kept, known.file.path, boot_id(on),
        readonly(known.guest),
    )  # fmt: skip
    words = stack.save(name, snapshot.at(MEMORY), keep_running=False)
    return Plan((*recoveries, Take(snapshot, words, known.file.text, stack)))


def plan_recoveries(found: list[Found], stack: Toolstack, on: Machine) -> list[Recover]:
    """Return what has to be ended well before. Raises XenError when that cannot be."""
    for each in found:
        if each.state == HALF_BACK:
            raise XenError(f"{each.snapshot.guest} is half set back to {each.snapshot.label}", hint=each.todo)
    interrupted = [each for each in found if each.state in (HALF_MADE, NOT_LET_ON)]
    for each in interrupted:
        refuse_recovery(each, stack, on)
        log.warning("the snapshot %s of %s was interrupted", each.snapshot.label, each.snapshot.guest)
    return [Recover(each, stack) for each in interrupted]


def restores(found: Found, on: Machine) -> bool:
    """Say whether recovering lets a guest run on that was ended."""
    return found.snapshot.way == ENDED and has_memory(found, on)


def refuse_taken(name: str, label: str, found: list[Found]) -> None:
    """Raise XenError when there is a snapshot of that label."""
    for each in found:
        if each.snapshot.label == label and each.state in ("complete", NOT_LET_ON, NOT_RESTORED):
            raise XenError(
                f"{name} has a snapshot {label} of {each.snapshot.time} already; nothing is overwritten",
                hint=f"another label, or univention-xen guest snapshot delete {name} {label}",
            )


def is_running(domain: Domain | None) -> bool:
    """Say whether there is memory to save. Raises XenError for a guest that cannot take part."""
    if not domain:
        return False
    guests.refuse_paused(domain, "get its memory ready to be saved")
    if domain.state != RUNNING:
        guests.already(domain)
    return True


def refuse_full(kept: tuple[Kept, ...], memory: int, on: Machine) -> None:
    """Raise XenError when memory and copies may not fit."""
    copies = sum(each.used for each in kept if each.how == COPY)
    needed = copies + (memory + guests.MARGIN if memory else 0)
    free = disks.room(os.fspath(on.path(DIRECTORY)))
    if needed > free:
        raise XenError(
            f"{DIRECTORY} has {human(free)} left, and the snapshot may need {human(needed)}:"
            f" memory {human(memory)}, disks {human(copies)}",
            hint="delete old snapshots, or mount something larger there; nothing has been done",
        )


def tell_cost(kept: tuple[Kept, ...], name: str, *, runs: bool) -> None:
    """Say which disks have to be copied, and what that means."""
    for each in kept:
        if each.how == COPY:
            still = f", and {name} does not run meanwhile" if runs else ""
            log.warning("%s is copied, which takes up to %s and its time%s", each.path, human(each.used), still)


def readonly(guest: Guest) -> tuple[str, ...]:
    """Return what the guest only reads, which is not copied."""
    return tuple(disk.path for disk in guest.disks if disk.path and not disk.writable)


def refuse_libvirt(stack: Toolstack) -> None:
    """Raise XenError where there is no file of the guest to go by."""
    if not stack.has_files:
        raise XenError(
            "libvirt cannot make snapshots of Xen guests, memory and disks of one moment",
            hint="on the host itself and without --connect, for guests that files in /etc/xen describe",
        )

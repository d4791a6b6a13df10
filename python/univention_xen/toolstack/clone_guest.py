# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A second guest like another one, with copies of its images and an identity of its own.

The copies are made in a hidden directory that nobody else uses. When all are complete it becomes /var/lib/xen/NEW, with
the text of the new guest's file in it, from which /etc/xen/NEW.cfg is written at last. So a second try knows what an
interrupted one has left: unfinished copies go, finished ones get their file.
"""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from univention_xen.errors import XenError
from univention_xen.guest import look, twin
from univention_xen.guest.model import differences
from univention_xen.image import copies
from univention_xen.image.look import look_at
from univention_xen.log import log
from univention_xen.plan import MakeDirectory, Plan, Remove
from univention_xen.toolstack import belongings, listing, new_guest, snapshot
from univention_xen.toolstack.belongings import IMAGES
from univention_xen.toolstack.file_steps import Discard, Move, NewFile, Sweep, Tell
from univention_xen.toolstack.set_guest import cfg_of, private, read_by_xl

if TYPE_CHECKING:
    from collections.abc import Callable

    from univention_xen.guest.cfg import Cfg
    from univention_xen.guest.model import Disk, Guest
    from univention_xen.plan import Machine, Step
    from univention_xen.toolstack.domain import Toolstack
    from univention_xen.toolstack.listing import Described


@dataclass(frozen=True)
class Cloning(Plan):
    """A plan that leaves nothing in *workshop* when it fails, such as copies that take up the last room."""

    workshop: str = ""

    def carry_out(self, on: Machine, free: Callable[[], None] = lambda: None) -> None:
        """Do the steps; whatever stops one of them stops the plan."""
        try:
            super().carry_out(on, free)
        except BaseException:
            with suppress(OSError):
                Discard(self.workshop).apply(on)
            raise


def plan(word: str, name: str, stack: Toolstack, on: Machine) -> Plan:
    """Return the plan to make the guest *name* like the guest *word*. Raises UsageError and XenError."""
    known = listing.named(word, on)
    guest = belongings.understood(known)
    receipt = f"{IMAGES}/{name}/.clone-of-{known.name}.cfg"
    if "/" not in name and os.path.isfile(on.path(receipt)):
        return finish(name, receipt, on)
    path = new_guest.refuse_taken(name, stack, on)
    belongings.refuse_installing(known, "cloned", path, on)
    belongings.refuse_snapshots(name, "which are not those of the new guest", on)
    refuse_written(known, guest, stack, on)
    targets = places(known, guest, name, on)
    text = text_of(cfg_of(known.file, stack), known, guest, name, targets, on)
    mode = private(known.file._replace(text=text)) or known.file.mode or 0o644
    notes: list[Step] = [Tell(f"inside, {name} is still {known.name}: its host name, addresses and keys are the same")]
    if any(key == "ip" for vif in guest.vifs for key, _ in vif.options):
        notes.append(Tell(f"a network card of {name} has the ip= of {known.name}"))
    if not targets:
        return Plan((NewFile(path, text, mode), *notes))
    workshop = f"{IMAGES}/.{name}.clone"
    steps: list[Step] = [Discard(workshop)] if on.path(workshop).is_dir() else []
    steps.append(MakeDirectory(workshop))
    for disk, target in targets.items():
        image = look_at(str(on.path(disk.path)), on.run, format=disk.format)
        copy = str(on.path(f"{workshop}/{os.path.basename(target)}"))
        copies.refuse_source(image)
        steps.append(copies.Clone(image, copy))
    steps.append(NewFile(f"{workshop}/{os.path.basename(receipt)}", text, mode, brief=True))
    steps.append(Move(workshop, f"{IMAGES}/{name}"))
    return Cloning((*steps, NewFile(path, text, mode), Remove(receipt), *notes), workshop=workshop)


def finish(name: str, receipt: str, on: Machine) -> Plan:
    """Return the plan to finish an interrupted clone, of which all images are there."""
    path, text = f"{look.DIRECTORY}/{name}.cfg", look.read(receipt, on).text
    log.say(f"the copies that an interrupted clone has made are complete; {name} gets them")
    if os.path.lexists(on.path(path)):
        return Plan.of(Sweep(path), Remove(receipt))
    mode = os.stat(on.path(receipt)).st_mode & 0o777
    return Plan.of(NewFile(path, text, mode), Remove(receipt))


def refuse_written(known: Described, guest: Guest, stack: Toolstack, on: Machine) -> None:
    """Raise XenError when the disks may change while they are copied, or cannot be copied at all."""
    written = [disk for disk in guest.disks if disk.writable]
    if not written:
        return
    belongings.refuse_running(known.name, "cloned: it writes to its disks", stack, on)
    if found := snapshot.interrupted(known.name, on):
        raise XenError(f"{known.name} cannot be cloned now", hint=found.todo)
    if path := belongings.saved_memory(known.name, on):
        log.warning(
            "the memory of %s is saved in %s: without it, the file systems of the copy are as after a power cut",
            known.name, path,
        )  # fmt: skip
    for disk in written:
        if why := belongings.why_no_image(disk, on):
            raise XenError(
                f"{disk.path} ({disk.vdev} of {known.name}) {why}, and only image files are copied",
                hint=f"univention-xen image clone {disk.path} FILE copies a device; then guest create",
            )


def places(known: Described, guest: Guest, name: str, on: Machine) -> dict[Disk, str]:
    """Return where the copy of each image that the guest writes is to lie. Raises XenError when something is there."""
    directory = f"{IMAGES}/{name}"
    place = on.path(directory)
    written = {disk.path: disk for disk in guest.disks if disk.writable}
    if written and os.path.lexists(place) and (not place.is_dir() or place.is_symlink() or os.listdir(place)):
        raise XenError(
            f"{directory} is there already, and not empty; nothing is overwritten",
            hint="choose another name, or move it away",
        )
    found: dict[Disk, str] = {}
    for path, disk in written.items():
        base = os.path.basename(path)
        if base.removeprefix(known.name)[:1] in (".", "-", "_") and base.startswith(known.name):
            base = name + base.removeprefix(known.name)
        target, number = f"{directory}/{base}", 2
        while target in found.values():
            target, number = f"{directory}/{number}-{base}", number + 1
        found[disk] = target
    return found


def text_of(
    cfg: Cfg, known: Described, guest: Guest, name: str, targets: dict[Disk, str], on: Machine
) -> str:  # fmt: skip
    """Return the file of the new guest. Raises XenError when the old one is written in too odd a way to change it."""
    everybody = [each.guest for each in listing.described(on) if each.guest]
    used = {vif.mac for each in everybody for vif in each.vifs}

    def mac() -> str:
        used.add(found := new_guest.fresh_mac(used))
        return found

    display = free_display(guest, everybody)
    paths = {disk.path: target for disk, target in targets.items()}
    text = twin.cloned(cfg, twin.Twin(name, mac, str(uuid.uuid4()), paths, display)).text
    if cfg.syntax != "xl":
        return text
    made = read_by_xl(text, cfg.source)
    vnc = guest.vnc if display is None else replace(guest.vnc, display=display)
    disks = tuple(replace(disk, path=paths.get(disk.path, disk.path)) for disk in guest.disks)
    cards = tuple(
        replace(
            vif, mac=new.mac if vif.mac else "", options=tuple(each for each in vif.options if each[0] != "vifname")
        )
        for vif, new in zip(guest.vifs, made.vifs, strict=True)
    )
    for what, wanted, got in differences(replace(guest, name=name, vnc=vnc, disks=disks, vifs=cards), made):
        raise XenError(
            f"{cfg.source}: {what} is written in a way that cannot be changed here ({got} instead of {wanted})",
            hint=f"univention-xen guest edit {known.name}",
        )
    if {vif.mac for vif in made.vifs} & {vif.mac for vif in guest.vifs} - {""}:
        raise XenError(f"{cfg.source}: the network cards are written in a way that cannot be changed here")
    return text


def free_display(guest: Guest, everybody: list[Guest]) -> int | None:
    """Return a VNC display for a copy of *guest* that no guest insists on; None when it need not be another."""
    if not guest.vnc.on or guest.vnc.display is None or guest.vnc.unused:
        return None
    taken = {each.vnc.display for each in everybody if each.vnc.on}
    return next(number for number in range(guest.vnc.display + 1, 65536) if number not in taken)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A guest is removed: what starts it with the host first, its images if wanted, its file last.

So a second try finds the file and goes on wherever the first was killed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from univention_xen.image.users import refuse_in_use
from univention_xen.plan import Plan, Remove
from univention_xen.toolstack import autostart, belongings, listing, snapshot
from univention_xen.toolstack.belongings import IMAGES
from univention_xen.toolstack.file_steps import RemoveDirectory, Tell

if TYPE_CHECKING:
    from univention_xen.plan import Machine, Step
    from univention_xen.toolstack.domain import Toolstack
    from univention_xen.toolstack.listing import Described


def plan(word: str, with_images: bool, stack: Toolstack, on: Machine) -> Plan:
    """Return the plan to remove the guest *word*, and the images that are its own. Raises XenError."""
    known = listing.named(word, on)
    belongings.refuse_running(known.name, "removed", stack, on)
    auto = autostart.directory(on)
    links = autostart.links_to(known.file.path, auto, on) if auto else []
    steps: list[Step] = [Remove(link) for link in links if link != known.file.path and os.path.islink(on.path(link))]
    stays: list[Step] = []
    if with_images:
        belongings.refuse_snapshots(known.name, "which need its images", on)
        images, stays = own_images(known, on)
        steps += [Remove(path) for path in images]
        directory = f"{IMAGES}/{known.name}"
        note = f"{directory}/{belongings.NOTE}"
        steps += [Remove(note)] if on.path(note).is_file() else []
        left = contents(directory, on) - {on.real(note)} - {on.real(path) for path in images}
        if on.path(directory).is_dir() and not left:
            steps.append(RemoveDirectory(directory))
        elif left and not stays:
            stays.append(Tell(f"{directory} stays: {count(len(left))} in it that the guest's file does not name"))
    elif known.guest:
        paths = dict.fromkeys(disk.path for disk in known.guest.disks if not belongings.why_no_image(disk, on))
        stays += [Tell(f"{path} stays") for path in paths if on.path(path).exists()]
    if saved := belongings.saved_memory(known.name, on):
        stays.append(Tell(f"{saved} stays: the memory of the guest, which can still be restored"))
    if (found := snapshot.all_of(known.name, on)) and not with_images:
        stays.append(Tell(f"{os.path.dirname(found[0].snapshot.place)} stays: the guest's snapshots"))
    if waiting := belongings.being_installed(known.file.path, on):
        steps.append(Remove(waiting))
    steps.append(Remove(known.file.path))
    if os.path.islink(on.path(known.file.path)):
        stays.append(Tell(f"{autostart.leads_to(known.file.path, on)} stays: {known.file.path} was a link to it"))
    return Plan((*steps, *stays))


def own_images(known: Described, on: Machine) -> tuple[list[str], list[Step]]:
    """Return the images that nobody else has, and what to say about the others. Raises XenError when one is in use."""
    guest = belongings.understood(known)
    others = belongings.others(known, on)
    images: list[str] = []
    stays: list[Step] = []
    for disk in guest.disks:
        if not disk.path or disk.path in images:
            continue
        if why := belongings.why_no_image(disk, on):
            stays.append(Tell(f"{disk.path} stays: it {why}"))
        elif user := others.user(disk.path, on):
            stays.append(Tell(f"{disk.path} stays: {user} uses it too"))
        elif on.path(disk.path).exists():
            refuse_in_use(str(on.path(disk.path)), on.root)
            images.append(disk.path)
    return images, stays


def contents(directory: str, on: Machine) -> set[str]:
    """Return the real paths of what is in a directory; none when there is no such directory."""
    try:
        return {on.real(f"{directory}/{name}") for name in os.listdir(on.path(directory))}
    except OSError:
        return set()


def count(number: int) -> str:
    """Return how many things there are."""
    return "there is something" if number == 1 else f"there are {number} files"

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What belongs to a guest besides its file: whether it runs, its images, and who else has them."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from univention_xen.errors import CommandFailed, ToolMissing, XenError
from univention_xen.guest import look
from univention_xen.toolstack import listing, saved, snapshot
from univention_xen.toolstack.domain import one
from univention_xen.toolstack.guests import SAVED

if TYPE_CHECKING:
    from univention_xen.guest.model import Disk, Guest
    from univention_xen.plan import Machine
    from univention_xen.toolstack.domain import Domain, Toolstack
    from univention_xen.toolstack.listing import Described

IMAGES = "/var/lib/xen"
PLAIN = ("raw", "empty")
NOTE = ".renaming"
"""A file in the directory of a guest's images: what the directory is being renamed to, and from."""


def domain(name: str, stack: Toolstack, on: Machine) -> Domain | None:
    """Return the running domain of a guest; None when there is none, or when this is no host under Xen.

    Raises XenError when Xen runs and the toolstack does not say.
    """
    if str(on.root) != "/":
        return None
    try:
        found = one(stack.domains(on.run), name)
    except (CommandFailed, ToolMissing) as why:
        if on.read("/sys/hypervisor/type").strip() != "xen":
            return None
        raise XenError(f"whether {name} runs cannot be seen: {why}") from None
    return found if found and found.exists else None


def refuse_running(name: str, verb: str, stack: Toolstack, on: Machine) -> None:
    """Raise XenError when a guest runs."""
    if found := domain(name, stack, on):
        raise XenError(
            f"{name} is {found.state}, so it cannot be {verb}",
            hint=f"univention-xen guest shutdown {name} --wait",
        )


def being_installed(path: str, on: Machine) -> str:
    """Return the file that is to take the place of the guest file *path* after an installation, '' for none."""
    waiting = path + look.AFTER_INSTALL
    return waiting if os.path.lexists(on.path(waiting)) else ""


def refuse_installing(known: Described, verb: str, path: str, on: Machine) -> None:
    """Raise XenError when an installation is not over, of the guest or of what the file *path* was for."""
    if being_installed(known.file.path, on):
        raise XenError(
            f"{known.name} is being installed, so it cannot be {verb}",
            hint=f"univention-xen guest finish-install {known.name}",
        )
    if waiting := being_installed(path, on):
        raise XenError(
            f"{waiting} is there already, of an installation that was not finished",
            hint="choose another name, or remove it",
        )


def saved_memory(name: str, on: Machine) -> str:
    """Return where the memory of a guest is saved that has not been restored, '' for nowhere."""
    path = f"{SAVED}/{name}"
    return path if os.path.lexists(on.path(path)) else ""


def refuse_snapshots(name: str, why: str, on: Machine) -> None:
    """Raise XenError when there are snapshots of a guest *name*; *why* completes "there are snapshots of NAME, "."""
    if found := snapshot.all_of(name, on):
        raise XenError(
            f"there are snapshots of {name}, {why}",
            hint=f"univention-xen guest snapshot delete {name} {found[0].snapshot.label}",
        )


def understood(known: Described) -> Guest:
    """Return the guest that a file describes. Raises XenError when we do not understand it."""
    if known.guest is None:
        raise XenError(
            f"{known.file.path} cannot be understood, so what belongs to the guest is not known",
            hint=f"univention-xen guest check {known.file.path}",
        )
    return known.guest


def why_no_image(disk: Disk, on: Machine) -> str:
    """Return why what a disk names is no image file of the guest's own, '' when it is one or does not exist."""
    if disk.cdrom:
        return "is inserted as a CD"
    if not disk.writable:
        return "is only read"
    if disk.script or not disk.path.startswith("/"):
        return "is no file"
    try:
        status = os.lstat(on.path(disk.path))
    except OSError:
        return ""
    if stat.S_ISLNK(status.st_mode):
        return "is a link"
    return "" if stat.S_ISREG(status.st_mode) else "is a device"


@dataclass(frozen=True)
class Others:
    """What the other guests of the host have: real paths and who has them, and files that nobody understands."""

    users: dict[str, str]
    unclear: dict[str, str] = field(default_factory=dict)

    def user(self, path: str, on: Machine) -> str:
        """Return who else has the image *path*, or may have it; '' for nobody."""
        if found := self.users.get(on.real(path)):
            return found
        return next((name for name, text in self.unclear.items() if path in text), "")


def others(known: Described, on: Machine) -> Others:
    """Return what all guests but this one have: images, images below those, kernels, and what saved guests write."""
    users: dict[str, str] = {}
    unclear: dict[str, str] = {}
    for each in listing.described(on):
        if on.real(each.file.path) == on.real(known.file.path):
            continue
        if each.guest is None:
            unclear[each.file.path] = each.file.text
            continue
        for path in has(each.guest, on):
            users.setdefault(on.real(path), each.name)
    for path, name in saved_writes(on):
        if name != known.name:
            users.setdefault(on.real(path), f"{name}, which is saved")
    return Others(users, unclear)


def has(guest: Guest, on: Machine) -> list[str]:
    """Return the files and devices that a guest needs."""
    paths = [path for path in (guest.kernel, guest.ramdisk) if path]
    for disk in guest.disks:
        if disk.path and not disk.script:
            paths += [disk.path, *([] if disk.format in PLAIN else backing(disk.path, on))]
    return paths


def backing(path: str, on: Machine, key: str = "filename") -> list[str]:
    """Return the images of which the image *path* holds only the difference.

    With the *key* backing-filename as the images spell them, who may do so relative to themselves.
    """
    place = str(on.path(path))
    if not os.path.isfile(place):
        return []
    try:
        chain = json.loads(on.run("qemu-img", "info", "-U", "--backing-chain", "--output=json", place).out)
        return [ours(str(each[key]), on) for each in (chain[1:] if key == "filename" else chain) if key in each]
    except CommandFailed as why:
        raise XenError(f"which images {path} is based on cannot be seen: {why}") from None


def ours(path: str, on: Machine) -> str:
    """Return the path on the machine of what qemu-img names as it lies for us."""
    root = str(on.root)
    return path.removeprefix(root) if root != "/" and path.startswith(f"{root}/") else path


def saved_writes(on: Machine) -> list[tuple[str, str]]:
    """Return the images that saved guests go on with, and the names of those guests."""
    try:
        names = sorted(os.listdir(on.path(SAVED)))
    except OSError:
        return []
    found = []
    for name in names:
        try:
            file = saved.look_at(str(on.path(f"{SAVED}/{name}")))
        except XenError:
            continue
        found += [(path, file.name) for path in file.writes]
    return found

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A guest that is installed from a kernel and an initrd of the host: two files, of which one counts at any time.

/etc/xen/NAME.cfg starts the installer, and ends when that restarts the guest. The guest as it is to be afterwards
waits beside it under a name that nothing takes for a guest, and in the end takes its place by one rename. Both files
have the same name of guest, so no toolstack runs them at the same time.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from univention_xen import files, registry
from univention_xen.errors import UsageError, XenError
from univention_xen.guest import check, load_xl, look, render, tags
from univention_xen.guest.cfg import Cfg
from univention_xen.guest.model import Disk, Guest
from univention_xen.image import create
from univention_xen.log import log
from univention_xen.plan import Plan, Write
from univention_xen.toolstack import followed, listing, new_guest
from univention_xen.toolstack.domain import guest_name, one, unknown
from univention_xen.toolstack.file_steps import NewFile

if TYPE_CHECKING:
    from univention_xen.guest.check import GuestFile
    from univention_xen.plan import Machine, Step
    from univention_xen.toolstack.domain import Toolstack
    from univention_xen.toolstack.new_guest import Wish

KINDS = {"pv-install": "pv", "pvh-install": "pvh"}
"""The types of an installation, and the kind of guest that installer and installed system are."""
CONSOLE = "console=hvc0"
"""Without it a pvh guest's Linux is silent."""
CD = "xvdz"


@dataclass(frozen=True)
class TakePlace:
    """Let the file *path* be called *target*, whatever had that name before."""

    path: str
    target: str

    def __str__(self) -> str:
        return f"rename {self.path} to {self.target}, in place of the installer's"

    def apply(self, on: Machine) -> None:
        """Raise OSError when it does not work; then both are as they were."""
        files.rename(on.path(self.path), on.path(self.target))


def plan_create(wish: Wish, stack: Toolstack, on: Machine) -> Plan:
    """Return the plan for the two files and the images of a guest that is to be installed.

    Raises UsageError and XenError when anything of it is there already or makes no sense.
    """
    path = new_guest.refuse_taken(wish.name, stack, on)
    refuse_nonsense(wish)
    waiting = path + look.AFTER_INSTALL
    there = look.read(waiting, on) if os.path.lexists(on.path(waiting)) else None
    wish = replace(wish, nics=with_addresses_of(there, wish.nics)) if there else wish
    new = new_guest.decide(afterwards(wish), on)
    later = render.render(new.guest, tags=new.tags)
    if there and there.text != later:
        raise XenError(
            f"{waiting} is there already, of an installation that was wished for in other words",
            hint="use the same words, or remove it, or choose another name",
        )
    guest = installer(new.guest, wish, on)
    now = render.render(guest, template=render.KINDS["pv-installer"], tags=new.tags)
    both = [check.GuestFile(path, now), check.GuestFile(waiting, later)]
    new_guest.warn(both, new.images, on, fatal=wish.start)
    starts = new_guest.starts(wish, guest, path, stack, on)
    # the file that makes it a guest comes last: whatever is cut off before can be gone through again
    pair = (*(() if there else (NewFile(waiting, later),)), NewFile(path, now))
    log.say(f"When the installer has ended: univention-xen guest finish-install {wish.name}")
    return Plan((*new_guest.making(new.images, wish.name), *pair, *starts))


def refuse_nonsense(wish: Wish) -> None:
    """Raise UsageError for an installation that could not work."""
    if not (wish.kernel and wish.initrd):
        raise UsageError(
            "an installation needs --kernel and --initrd", hint="univention-xen initrd build makes an initrd for it"
        )
    if not wish.disks:
        raise UsageError("an installation needs a --disk to install on", hint="such as --disk 8G")
    if wish.autostart:
        raise UsageError(
            "an installer must not start with the host",
            hint=f"univention-xen guest autostart {wish.name} on, after guest finish-install {wish.name}",
        )
    if wish.installed_kernel and wish.bootloader:
        raise UsageError("--installed-kernel and --bootloader contradict each other")
    if (wish.installed_initrd or wish.installed_cmdline) and not wish.installed_kernel:
        raise UsageError("--installed-initrd and --installed-cmdline go with --installed-kernel")
    if wish.boot:
        raise UsageError("--boot is for hvm guests")


def afterwards(wish: Wish) -> Wish:
    """Return the wish for the guest that is there when the installer has done its work."""
    return replace(
        wish, kind=KINDS[wish.kind], cdrom="", kernel=wish.installed_kernel, initrd=wish.installed_initrd,
        cmdline=wish.installed_cmdline, bootloader=wish.bootloader or ("" if wish.installed_kernel else "pygrub"),
    )  # fmt: skip


def installer(guest: Guest, wish: Wish, on: Machine) -> Guest:
    """Return the guest that installs *guest*: the same devices, and it ends when the installer restarts it."""
    disks = guest.disks
    if wish.cdrom:
        disks += (Disk(new_guest.existing(wish.cdrom, on), CD, "r", cdrom=True),)
    return replace(
        guest, disks=disks, bootloader="", kernel=new_guest.existing(wish.kernel, on),
        ramdisk=new_guest.existing(wish.initrd, on), cmdline=wish.cmdline or CONSOLE,
        on_reboot="destroy", on_crash="destroy",
    )  # fmt: skip


def with_addresses_of(file: GuestFile, nics: tuple[str, ...]) -> tuple[str, ...]:
    """Return the cards with the addresses that an interrupted try had chosen for them."""
    guest = listing.understood(file).guest
    known = [vif.mac for vif in guest.vifs] if guest else []
    if len(known) != len(nics):
        return nics
    return tuple(
        words if "mac=" in words else ",".join(filter(None, (words, f"mac={mac}")))
        for words, mac in zip(nics, known, strict=True)
    )


def plan_finish(name: str, stack: Toolstack, on: Machine) -> Plan:
    """Return the plan that lets the installed guest take the place of its installer.

    Raises XenError while the installer runs, or when it cannot have done anything yet.
    """
    path = f"{look.DIRECTORY}/{guest_name(name)}.cfg"
    waiting = path + look.AFTER_INSTALL
    if not os.path.lexists(on.path(waiting)):
        if not os.path.lexists(on.path(path)):
            raise unknown(name)
        return Plan.nothing(f"{name} is not being installed: {path} is the guest itself")
    file = look.read(waiting, on)
    guest = load_xl.load(file.text, waiting).guest
    if str(on.root) == "/":
        domain = one(stack.domains(on.run), guest.name)
        if domain and domain.exists:
            raise XenError(
                f"{guest.name} is {domain.state}: its installer has not ended",
                hint=f"univention-xen guest console {name} shows it; guest shutdown {name} asks it to end",
            )
    refuse_empty(guest, on)
    text = up_to_date(file.text, waiting, on)
    steps: list[Step] = [] if text == file.text else [Write(waiting, text)]
    return Plan((*steps, TakePlace(waiting, path)))


def refuse_empty(guest: Guest, on: Machine) -> None:
    """Raise XenError when the guest boots from its disks, and nothing was ever written to them."""
    if not guest.bootloader and guest.kernel not in new_guest.PVGRUB.values():
        return
    places = [on.path(disk.path) for disk in guest.disks if disk.writable]
    if all(place.is_file() and create.is_blank(place) for place in places):
        raise XenError(
            f"nothing has been installed yet: {guest.disks[0].path} is empty",
            hint=f"univention-xen guest start {guest.name} --console starts the installer",
        )


def up_to_date(text: str, source: str, on: Machine) -> str:
    """Return the file with the tagged lines as the registry has them now: it was not there to be followed."""
    wishes = followed.look_at(registry.read(str(on.root)), on)
    return str(tags.follow_all(Cfg(text, source), wishes.lines))

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A guest gets another name: its file, its images' directory, its autostart link, and all that is said in the file.

In this order, so that a second try goes on wherever the first was killed: a note in the directory whose it becomes, the
new link, the file's name, the old link, the directory's name, and at last what is in the file. Until then the guest
has its old name, under which the second try finds it; afterwards there is only the note to be removed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from univention_xen.errors import UsageError, XenError
from univention_xen.guest import look, twin
from univention_xen.plan import Plan, Remove
from univention_xen.toolstack import autostart, belongings, listing, new_guest
from univention_xen.toolstack.belongings import IMAGES
from univention_xen.toolstack.file_steps import Move, Note, Relink, Rewrite
from univention_xen.toolstack.set_guest import cfg_of, read_by_xl
from univention_xen.toolstack.steps import Link

if TYPE_CHECKING:
    from univention_xen.guest.cfg import Cfg
    from univention_xen.plan import Machine, Step
    from univention_xen.toolstack.domain import Toolstack
    from univention_xen.toolstack.listing import Described


def plan(word: str, name: str, stack: Toolstack, on: Machine) -> Plan:
    """Return the plan to call the guest *word* *name* from now on. Raises UsageError and XenError."""
    if not new_guest.NAME.fullmatch(name) or name.isdigit() or name in new_guest.TAKEN:
        raise UsageError(f"{name!r} cannot be the name of a guest", hint="letters, digits and _ . + - between them")
    try:
        known = listing.named(word, on)
    except XenError:
        if read_note(name, on) == os.path.basename(word) and on.path(f"{look.DIRECTORY}/{name}.cfg").is_file():
            return Plan.of(Remove(note(name)))
        raise
    path = f"{os.path.dirname(known.file.path)}/{name}.cfg"
    if known.name == name and known.file.path == path:
        return Plan.nothing(f"the guest is called {name} already")
    belongings.understood(known)
    refuse(known, name, path, stack, on)
    old, new = f"{IMAGES}/{known.name}", f"{IMAGES}/{name}"
    moved = read_note(name, on) == known.name
    has_directory = known.name != name and (moved or on.path(old).is_dir())
    cfg = cfg_of(known.file, stack)
    after = twin.renamed(cfg, name, old if has_directory else "", new)
    if has_directory:
        refuse_left_behind(known, after, old, on)
    before_links, after_links = links(known, path, on)
    steps: list[Step] = []
    if has_directory and not moved:
        steps.append(Note(note(known.name), f"{name}\n{known.name}\n"))
    steps += before_links
    if known.file.path != path:
        steps.append(Move(known.file.path, path))
    steps += after_links
    if has_directory and not moved:
        steps.append(Move(old, new))
    steps.append(Rewrite(path, cfg.text, after.text))
    if has_directory:
        steps.append(Remove(note(name)))
    return Plan(tuple(steps))


def note(name: str) -> str:
    """Return where it is noted what a directory of images is being renamed to, and from."""
    return f"{IMAGES}/{name}/{belongings.NOTE}"


def read_note(name: str, on: Machine) -> str:
    """Return the guest whose directory has become that of *name*, '' when none has, or all has been done."""
    new, _, old = on.read(note(name)).strip().partition("\n") if "/" not in name else ("", "", "")
    return old if new == name else ""


def refuse(known: Described, name: str, path: str, stack: Toolstack, on: Machine) -> None:
    """Raise XenError when the guest cannot get the name now."""
    belongings.refuse_running(known.name, "renamed", stack, on)
    belongings.refuse_installing(known, "renamed", path, on)
    for each in (known.name, name):
        if saved := belongings.saved_memory(each, on):
            raise XenError(
                f"the memory of {each} is saved in {saved}, under that name",
                hint=f"univention-xen guest restore {each} lets it run on",
            )
    if os.path.lexists(on.path(path)) and path != known.file.path:
        raise XenError(f"{path} is there already; nothing is overwritten", hint="choose another name")
    for guest in listing.described(on):
        if guest.name == name and guest.file.path != known.file.path:
            raise XenError(f"{guest.file.path} describes a guest {name} already", hint="choose another name")
    if name != known.name and belongings.domain(name, stack, on):
        raise XenError(f"a guest {name} is running, though no file describes it", hint="choose another name")
    if known.name != name:
        belongings.refuse_snapshots(known.name, "which know it by its name", on)
        belongings.refuse_snapshots(name, "which are not those of this guest", on)
        refuse_directory(known, name, on)


def refuse_directory(known: Described, name: str, on: Machine) -> None:
    """Raise XenError when the directory of the guest's images cannot get the name."""
    old, new = f"{IMAGES}/{known.name}", f"{IMAGES}/{name}"
    if read_note(name, on) == known.name:
        return
    place = on.path(new)
    if os.path.lexists(place) and (place.is_symlink() or not place.is_dir() or os.listdir(place)):
        raise XenError(f"{new} is there already, and not empty; nothing is overwritten", hint="choose another name")
    if os.path.ismount(on.path(old)):
        raise XenError(f"{old} is a file system of its own, which cannot be renamed", hint="mount it elsewhere")
    inside = on.real(old) + "/"
    for used, user in belongings.others(known, on).users.items():
        if used.startswith(inside):
            raise XenError(f"{user} uses {used} too, which would get another name", hint="change that guest first")
    for disk in belongings.understood(known).disks:
        if disk.path and not disk.script and disk.format not in belongings.PLAIN:
            for each in belongings.backing(disk.path, on, "backing-filename"):
                if each.startswith(f"{old}/"):
                    raise XenError(
                        f"{disk.path} is based on {each}, which would get another name",
                        hint=f"qemu-img rebase -b '' {disk.path} makes it whole",
                    )


def refuse_left_behind(known: Described, after: Cfg, old: str, on: Machine) -> None:
    """Raise XenError when something of the guest would still be looked for in the directory *old*."""
    inside = on.real(old) + "/"
    guest = read_by_xl(after.text, after.source) if after.syntax == "xl" else belongings.understood(known)
    for path in (*(disk.path for disk in guest.disks if not disk.script), guest.kernel, guest.ramdisk):
        if path.startswith("/") and (
            os.path.normpath(path).startswith(f"{old}/") or on.real(path).startswith(inside)
        ):  # fmt: skip
            raise XenError(
                f"{path} leads into {old}, in a way that cannot be changed here",
                hint=f"univention-xen guest edit {known.name}",
            )


def links(known: Described, path: str, on: Machine) -> tuple[list[Step], list[Step]]:
    """Return what to do about the links that start the guest with the host, before and after its file is renamed."""
    auto = autostart.directory(on)
    before: list[Step] = []
    after: list[Step] = []
    if not auto or not on.path(auto).is_dir():
        return before, after
    old_name = os.path.basename(known.file.path)
    old_paths = {known.file.path, f"{os.path.dirname(path)}/{known.name}.cfg"} - {path}
    usual = {old_name, known.name, f"{known.name}.cfg"}
    new_link = f"{auto}/{os.path.basename(path)}"
    for base in sorted(os.listdir(on.path(auto))):
        link = f"{auto}/{base}"
        if not os.path.islink(on.path(link)):
            continue
        target = os.path.normpath(os.path.join(auto, os.readlink(on.path(link))))
        if target not in old_paths or (target != known.file.path and on.path(target).exists()):
            continue
        if base in usual and link != new_link:
            if not os.path.lexists(on.path(new_link)):
                before.append(Link(new_link, path))
            after.append(Remove(link))
        else:
            after.append(Relink(link, path))
    return before, after

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The verbs of `univention-xen guest …` that change what belongs to a guest: its file, its name, its images."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from univention_xen.errors import XenError

if TYPE_CHECKING:
    from argparse import Namespace

    from univention_xen.cli.verbs import Noun
    from univention_xen.plan import Machine, Plan

CLONE = """\
Make a guest NEW like NAME: a file of its own with another name, other MAC
addresses and another UUID, and copies of the images that NAME writes to in
/var/lib/xen/NEW, as sparse as they are, sharing blocks where the file system can.
CDs and disks that are only read are used by both.

NAME must be off, unless it only reads its disks: a copy of a disk that is being
written would be damaged. Devices are not copied."""
RENAME = """\
Give a guest another name: its file, the directory of its images with all paths
into it, and its link for autostart follow. The guest must be off. Killed at any
time, the same command again completes it."""
REMOVE = """\
Remove a guest: its link for autostart and its file. With --with-images also the
images that it writes to and that no other guest uses, and the directory
/var/lib/xen/NAME when nothing else is in it; devices and CDs stay in any case.
It asks first, and where nobody can be asked it needs --yes."""
SET = """\
Change settings in the file of a guest, and not one byte besides. Values are of
the type that xl wants: memory=2G or memory=2048, vnc=1, on_crash=preserve; lists
as one word for each element, vif=bridge=a vif=bridge=b, or as xl writes them,
'vif=["bridge=a","bridge=b"]'. What xl would refuse or ignore is refused, and what
`guest check` finds is told. A line set by hand does not follow a registry
variable any more: its comment `# ucr: …` goes."""
EDIT = """\
Edit a copy of a guest's file with $VISUAL, $EDITOR or sensible-editor. It is
saved when the check finds no error; at a terminal one can edit it again, or save
it nevertheless if xl can read it. When somebody else has changed the file
meanwhile, it stays, and so does the copy."""


def add_file_verbs(noun: Noun) -> None:
    """Declare the verbs."""
    clone = noun.verb("clone", plan_clone, help="make a guest like another one", description=CLONE, locks=locks)
    clone.argument("guest", metavar="NAME").argument("new", metavar="NEW", help="the name of the new guest")
    rename = noun.verb("rename", plan_rename, help="give a guest another name", description=RENAME, locks=locks)
    rename.argument("guest", metavar="NAME").argument("new", metavar="NEW", help="its new name")
    remove = noun.verb("remove", plan_remove, help="remove a guest", description=REMOVE, locks=locks)
    remove.argument("guest", metavar="NAME")
    remove.argument("--with-images", action="store_true", help="also the images that are its own")
    remove.argument("--yes", action="store_true", help="do not ask")
    setting = noun.verb("set", plan_set, help="change settings of a guest", description=SET, locks=locks)
    setting.argument("guest", metavar="NAME")
    setting.argument("settings", metavar="KEY=VALUE", nargs="*", help="as in xl.cfg")
    setting.argument("--unset", metavar="KEY", action="append", default=[], help="take a setting out; may be repeated")
    edit = noun.verb("edit", plan_edit, help="edit a guest's file, checked before it is saved", description=EDIT,
                     locks=lambda _args, _on: ())  # fmt: skip
    edit.argument("guest", metavar="NAME")


def locks(args: Namespace, on: Machine) -> tuple[str, ...]:
    """Return what others must leave alone: the guest, its images, and the name that it or its copy gets."""
    from univention_xen.toolstack import listing

    new = {f"guest {args.new.replace('/', '_')}"} if getattr(args, "new", "") else set()
    try:
        known = listing.named(args.guest, on)
    except XenError:
        return tuple({f"guest {os.path.basename(args.guest).removesuffix('.cfg')}", *new})
    disks = known.guest.disks if known.guest and args.verb != "set" else ()
    images = {f"image {on.real(disk.path)}" for disk in disks if disk.writable and not disk.script}
    file = os.path.basename(known.file.path).removesuffix(".cfg")
    return tuple({f"guest {known.name}", f"guest {file}", *new, *images})


def plan_clone(args: Namespace, on: Machine) -> Plan:
    """Return the plan for `guest clone`."""
    from univention_xen.toolstack import choose, clone_guest

    return clone_guest.plan(args.guest, args.new, choose.toolstack(on), on)


def plan_rename(args: Namespace, on: Machine) -> Plan:
    """Return the plan for `guest rename`."""
    from univention_xen.toolstack import choose, rename_guest

    return rename_guest.plan(args.guest, args.new, choose.toolstack(on), on)


def plan_remove(args: Namespace, on: Machine) -> Plan:
    """Return the plan for `guest remove`, which begins with a question."""
    from univention_xen.cli.ask import Ask
    from univention_xen.plan import Plan
    from univention_xen.toolstack import choose, remove_guest

    plan = remove_guest.plan(args.guest, args.with_images, choose.toolstack(on), on)
    return plan if args.yes or args.dry_run else Plan((Ask(str(plan)), *plan.steps))


def plan_set(args: Namespace, on: Machine) -> Plan:
    """Return the plan for `guest set`."""
    from univention_xen.toolstack import choose, set_guest

    return set_guest.plan(args.guest, args.settings, args.unset, choose.toolstack(on), on)


def plan_edit(args: Namespace, on: Machine) -> Plan:
    """Return the plan for `guest edit`."""
    from univention_xen.toolstack import choose, edit_guest, listing

    return edit_guest.plan(listing.named(args.guest, on), choose.toolstack(on), on)

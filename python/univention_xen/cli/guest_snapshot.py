# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`univention-xen guest snapshot …`: memory and disks of one moment."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from univention_xen.cli.verbs import Report

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from univention_xen.cli.verbs import Noun, Verb
    from univention_xen.plan import Machine, Plan
    from univention_xen.toolstack.domain import Toolstack
    from univention_xen.toolstack.snapshot import Found

CREATE = """\
Keep the memory and all disks of a running guest as they are at one moment, and
let it run on; of a guest that is off, the disks. Without LABEL the time is the
label. The guest is saved, its disks are kept, and it is restored, so that it
stands still meanwhile.

Disks are kept as cheaply as they allow: by sharing blocks where the file system
can, inside a qcow2 image, and otherwise as a sparse copy, which takes room and
time. What the guest only reads is not kept. There must be room for all of it.

Everything lies in /var/lib/xen/snapshots/NAME/LABEL. When it fails the guest runs
on; after a kill the next `create`, or `delete`, lets it run on."""
LIST = """\
List the snapshots of a guest, or of all. What was interrupted is told with what
to do about it.

Exit status: 0 all are whole, 1 something is to be done."""
REVERT = """\
Set a guest back to a snapshot, by default its newest: its disks, and its memory
if that was kept, so that it runs on from there. All that it has done since is
lost. A running guest is refused, or asked about on a terminal, unless
--destroy-running is said. The snapshot stays and can be used again.

When it is interrupted, do it again; until then the guest cannot be started."""
DELETE = """\
Remove a snapshot; also one that was interrupted, whose guest is let run on."""


def add_snapshot_verbs(guest: Noun) -> None:
    """Declare the verbs."""
    noun = guest.noun("snapshot", help="keep memory and disks of one moment, and go back to it")
    create = noun.verb(
        "create", plan_create, help="make a snapshot", description=CREATE, locks=locks, report=show_created
    )
    create.argument("guest", metavar="NAME").argument("label", metavar="LABEL", nargs="?", default="")
    listing = noun.reading_verb("list", read_list, help="list snapshots", description=LIST)
    listing.argument("guest", metavar="NAME", nargs="?", default="")
    revert = noun.verb("revert", plan_revert, help="set a guest back", description=REVERT, locks=locks)
    revert.argument("guest", metavar="NAME").argument("label", metavar="LABEL", nargs="?", default="")
    revert.argument("--destroy-running", action="store_true", help="pull the plug of a running guest first")
    delete = noun.verb("delete", plan_delete, help="remove a snapshot", description=DELETE, locks=locks)
    delete.argument("guest", metavar="NAME").argument("label", metavar="LABEL")
    for verb in (create, revert, delete):
        connected(verb)


def connected(verb: Verb) -> Verb:
    """Let a verb say why libvirt is no way to do it."""
    return verb.argument("--connect", metavar="URI", default="", help="refused: libvirt cannot do this")


def locks(args: Namespace, on: Machine) -> tuple[str, ...]:
    """Return what nobody else may change meanwhile: the guest and the images that it writes."""
    from univention_xen.errors import XenError
    from univention_xen.toolstack import listing, snapshot, starting
    from univention_xen.toolstack.domain import guest_name

    name = guest_name(args.guest)
    known = next((each for each in listing.described(on) if each.name == name), None)
    paths = set(starting.writes(known.guest)) if known and known.guest else set()
    with contextlib.suppress(XenError):  # the plan tells
        paths |= {kept.path for each in snapshot.all_of(name, on) for kept in each.snapshot.disks}
    return (f"guest {name}", *{f"image {os.path.realpath(path)}" for path in paths})


def stack_of(args: Namespace, on: Machine) -> Toolstack:
    """Return the toolstack. Raises XenError for libvirt."""
    from univention_xen.toolstack import choose
    from univention_xen.toolstack.snapshot_create import refuse_libvirt

    if not args.connect:
        choose.must_be_here(on)
    stack = choose.toolstack(on, args.connect)
    refuse_libvirt(stack)
    return stack


def plan_create(args: Namespace, on: Machine) -> Plan:
    """Return the plan for `guest snapshot create`."""
    from univention_xen.toolstack import snapshot_create

    return snapshot_create.plan_create(args.guest, args.label, stack_of(args, on), on)


def plan_revert(args: Namespace, on: Machine) -> Plan:
    """Return the plan for `guest snapshot revert`; on a terminal ask about a running guest."""
    from univention_xen.toolstack import snapshot_revert

    stack = stack_of(args, on)
    told = args.destroy_running
    if not told and not args.dry_run and sys.stdin.isatty() and snapshot_revert.here(args.guest, stack, on):
        told = agreed(f"{args.guest} is running; all that it has done since the snapshot is lost. Go on? [y/N] ")
    return snapshot_revert.plan_revert(args.guest, args.label, stack, on, destroy_running=told)


def agreed(question: str) -> bool:
    """Ask on the terminal."""
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes", "j", "ja")


def plan_delete(args: Namespace, on: Machine) -> Plan:
    """Return the plan for `guest snapshot delete`."""
    from univention_xen.toolstack import snapshot_recover

    return snapshot_recover.plan_delete(args.guest, args.label, stack_of(args, on), on)


def show_created(args: Namespace, on: Machine, plan: Plan) -> Report:
    """Tell which snapshot there is now."""
    from univention_xen.toolstack import snapshot
    from univention_xen.toolstack.snapshot_create import Take

    made = next(step.snapshot for step in plan.steps if isinstance(step, Take))
    found = snapshot.named(args.guest, made.label, on)
    return Report(f"{args.guest} has the snapshot {made.label}: {contents(found)}", found.as_data())


def read_list(args: Namespace, on: Machine) -> Report:
    """Report the snapshots."""
    from univention_xen.image.sizes import human
    from univention_xen.toolstack import snapshot

    found = snapshot.all_of(args.guest, on)
    rows = [("GUEST", "LABEL", "TIME", "HOLDS", "SIZE", "STATE")]
    for each in found:
        told = each.snapshot
        rows.append((told.guest, told.label, told.time, contents(each), human(each.size), each.state))
    todo = [each.todo for each in found if each.todo]
    text = "\n".join([table(rows), *todo]) if found else "There are no snapshots."
    return Report(text, [each.as_data() for each in found], int(bool(todo)))


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Return rows with their columns below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def contents(found: Found) -> str:
    """Return what a snapshot holds, in words."""
    count = len(found.snapshot.disks)
    disks = f"{count} disk{'s' * (count != 1)}" if count else "no disks"
    return f"memory, {disks}" if found.snapshot.memory else disks

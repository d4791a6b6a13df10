# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`univention-xen guest …`: guests and the files that describe them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

from univention_xen.cli.guest_control import add_control_verbs, connected, stack_of
from univention_xen.cli.guest_create import add_create_verb
from univention_xen.cli.guest_files import add_file_verbs
from univention_xen.cli.guest_snapshot import add_snapshot_verbs
from univention_xen.cli.verbs import Report

if TYPE_CHECKING:
    from argparse import Namespace

    from univention_xen.cli.verbs import Nouns
    from univention_xen.guest.imports import ImportPlan
    from univention_xen.plan import Machine, Plan

IMPORT = """\
Make guest files for xl of guest files from the years of xm. Those were Python
programs; they are read and never run. Comments and layout stay. Each change and
each loss is told with its line; what cannot be carried over is refused, never
guessed. A file that is for xl already is taken as it is.

Nothing is overwritten. When the new file takes the place of the old one, that
is kept beside it as NAME.cfg.before-import.

Exit status: 0 every file was imported, 1 at least one was not."""
CHECK = """\
Look for everything that is wrong with guest files, in one pass: what xl refuses
or ignores, images and bridges that do not exist, MAC addresses, images and names
that two guests share, VNC that is open to everybody, lines that do not say what
the registry variable says which they follow. Without a name all guests in
/etc/xen are looked at.

Exit status: 0 nothing is wrong, 1 something is."""
FOLLOW = """\
Rewrite the lines of guest files that a comment such as `# ucr: xen/vnc/listen`
ties to a registry variable, where they do not say what the variable says. The
registry does this by itself when a variable changes; this is for files that were
being edited just then, or that were copied from elsewhere. Nothing else in a
file is touched. Guests that run see the change when they are started again."""
SHOW = """\
Show what a guest file means to the toolstack it was written for: memory,
disks, network cards, screen and so on. With --long, all that the toolstack says
of the guest as it runs, in its own words: JSON from xl, SXP from xm, XML from
libvirt. Passwords are not shown."""


def add_to(nouns: Nouns) -> None:
    """Declare the verbs."""
    guest = nouns.add("guest")
    add_create_verb(guest)
    add_control_verbs(guest)
    add_file_verbs(guest)
    add_snapshot_verbs(guest)
    importing = guest.verb(
        "import", plan_import, help="carry guest files of the xm years over to xl", description=IMPORT,
        locks="guest files", report=show_import,
    )  # fmt: skip
    importing.argument("files", metavar="FILE", nargs="+", help="a guest file, or a directory of them")
    importing.argument(
        "--to", "--out", metavar="DIR", default="/etc/xen", help="where new files go (default: /etc/xen)"
    )
    check = guest.reading_verb("check", read_check, help="find everything that is wrong with guests", description=CHECK)
    check.argument("guests", metavar="NAME|FILE", nargs="*", help="default: every guest in /etc/xen")
    guest.verb(
        "follow", plan_follow, help="bring tagged lines into step with the registry", description=FOLLOW,
        locks="guest files", report=show_follow,
    )  # fmt: skip
    show = guest.reading_verb("show", read_show, help="show what a guest is", description=SHOW)
    show.argument("guest", metavar="NAME|FILE")
    show.argument("-l", "--long", action="store_true", help="all that the toolstack says of the running guest NAME")
    connected(show)


def plan_import(args: Namespace, on: Machine) -> Plan:
    """Return the plan for an import."""
    from univention_xen.guest import imports

    return imports.plan_import(args.files, os.path.abspath(args.to), on)


def show_import(args: Namespace, _on: Machine, plan: Plan) -> Report:
    """Tell what became of each file."""
    done = cast("ImportPlan", plan)
    return Report("\n".join(map(str, done.results)), [each.as_data() for each in done.results], int(not done.complete))


def plan_follow(_args: Namespace, on: Machine) -> Plan:
    """Return the plan to bring tagged lines into step."""
    from univention_xen import registry
    from univention_xen.host import tagged

    return tagged.plan(registry.read(str(on.root)), on)


def show_follow(_args: Namespace, on: Machine, plan: Plan) -> Report:
    """Tell which files were edited and which guests have to be started again."""
    from univention_xen.host import tagged

    done = [each for step in plan.steps for each in cast("tagged.Follow", step).done]
    return Report("\n".join(tagged.report(done, on)), [{"file": each.path, "guest": each.name} for each in done])


def read_check(args: Namespace, on: Machine) -> Report:
    """Report everything that is wrong."""
    from univention_xen.guest import check, look
    from univention_xen.toolstack import starting

    paths = list(dict.fromkeys(look.named(word, on) for word in args.guests)) or look.all_files(on)
    files = [look.read(path, on) for path in paths]
    findings = check.check(files, starting.facts(files, on))
    text = "\n".join(map(str, findings)) or f"Nothing wrong with {len(files)} guest{'s' * (len(files) != 1)}."
    return Report(text, [each._asdict() for each in findings], int(bool(findings)))


def read_show(args: Namespace, on: Machine) -> Report:
    """Report what a guest is."""
    if args.long or args.connect:
        return read_details(args, on)
    from univention_xen.guest import look, show

    file = look.read(look.named(args.guest, on), on)
    guest, toolstack = show.meaning(file)
    data = {"file": file.path, "toolstack": toolstack} | guest.as_data()
    return Report(show.as_text(guest, file, toolstack), data)


def read_details(args: Namespace, on: Machine) -> Report:
    """Report all that the toolstack says of a guest."""
    from univention_xen.toolstack import details

    text = details.look_at(args.guest, stack_of(args, on), on)
    return Report(text.rstrip("\n"), details.as_data(text))

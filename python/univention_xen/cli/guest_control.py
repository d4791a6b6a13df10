# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The verbs of `univention-xen guest …` that start, stop and otherwise control guests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from univention_xen.cli.verbs import Report

if TYPE_CHECKING:
    from argparse import Namespace

    from univention_xen.cli.verbs import Locks, Noun, Planner, Verb
    from univention_xen.plan import Machine, Plan
    from univention_xen.toolstack.domain import Toolstack

LIST = """\
List all guests: those that run, and those that files in /etc/xen describe.

Exit status: 0 done, 1 the toolstack did not say what runs."""
START = """\
Start a guest, after a look at everything that would keep it from starting or do
harm: images that do not exist or that another guest writes to, missing bridges,
a VNC password that the device model cannot ask for. When it does not start, the
reason comes from the logs of device model and hotplug scripts. A guest that
runs already is left alone."""
CONSOLE = """\
Connect the terminal to the console of a guest. Ctrl+] leaves it."""
SHUTDOWN = """\
Ask a guest to end, through its drivers for Xen or else its power button."""
SAVE = """\
Write the memory of a guest into a new file, by default /var/lib/xen/saved/NAME,
and end the guest; `restore` lets it run on. With --keep-running it runs on at
once, and its disks run away from the file: restoring that later damages their
file systems. `snapshot create` keeps memory and disks of one moment together."""
RESTORE = """\
Let a guest run on from a file that `save` has written. The file can be used
once: afterwards the disks have gone on. --remove removes it then."""
MIGRATE = """\
Move a running guest to another host. That is asked first, through ssh: whether
it reaches the images, has the bridges, the memory, and no guest of that name.
xl does it while the guest runs in any case; xm and libvirt only with --live."""
AUTOSTART = """\
Start a guest with the host, or no longer: a link in the directory that
xendomains reads (/etc/xen/auto). Nothing is started or stopped now."""
VIEW = """\
Show the screen of a guest with the viewer that is installed, at the address on
which it really listens. Without a viewer or a display of one's own it tells the
address, and the tunnel that leads there from elsewhere."""
HAS_NAME = {"metavar": "NAME"}


def add_control_verbs(noun: Noun) -> None:
    """Declare the verbs."""
    connected(noun.reading_verb("list", read_list, help="list all guests, running or not", description=LIST))
    start = changing(
        noun, "start", planner("start", "paused", "console"), "start a guest", START, "NAME|FILE", locks_of_start
    )
    start.argument("--paused", action="store_true", help="create it, but do not let it run yet")
    start.argument("--console", action="store_true", help="connect to its console then")
    changing(noun, "console", planner("console"), "connect to a guest's console", CONSOLE, locks=no_locks)
    shutdown = changing(noun, "shutdown", planner("shutdown", "wait", "timeout"), "ask a guest to end", SHUTDOWN)
    shutdown.argument("--wait", action="store_true", help="wait until it has ended")
    shutdown.argument("--timeout", type=int, default=300, metavar="SECONDS", help="the longest wait (default: 300)")
    changing(noun, "destroy", planner("destroy"), "pull a guest's plug")
    changing(noun, "reboot", planner("reboot"), "ask a guest to start again")
    changing(noun, "pause", planner("pause"), "give a guest no more processor time")
    changing(noun, "unpause", planner("unpause"), "let a paused guest run on")
    save = changing(noun, "save", planner("save", "path", "keep_running"), "write a guest's memory into a file", SAVE)
    save.argument("path", metavar="FILE", nargs="?", default="", type=absolute)
    save.argument("--keep-running", action="store_true", help="let the guest run on")
    restore = changing(
        noun, "restore", planner("restore", "paused", "remove"), "let a saved guest run on", RESTORE, "NAME|FILE"
    )
    restore.argument("--paused", action="store_true", help="do not let it run yet")
    restore.argument("--remove", action="store_true", help="remove the file when the guest runs")
    migrate = changing(noun, "migrate", planner("migrate", "host", "live"), "move a guest to another host", MIGRATE)
    migrate.argument("host", metavar="HOST", help="HOST or USER@HOST, reached through ssh without a password")
    migrate.argument("--live", action="store_true", help="while it runs")
    connected(noun.verb("top", plan_top, help="show what all guests are doing", locks=no_locks))
    autostart = changing(noun, "autostart", plan_autostart, "start a guest with the host, or not", AUTOSTART)
    autostart.argument("state", choices=("on", "off"))
    view = changing(noun, "view", plan_view, "show a guest's screen", VIEW, locks=no_locks)
    view.argument("--print", action="store_true", help="only tell the address")
    view.argument("--rdp", metavar="ADDRESS", default="", help="through the remote desktop that the guest offers there")


def changing(
    noun: Noun, name: str, plan: Planner, help: str, description: str = "", word: str = "NAME",  # noqa: A002
    locks: Locks | None = None,
) -> Verb:  # fmt: skip
    """Add a verb that does something with one guest."""
    verb = noun.verb(name, plan, help=help, description=description, locks=locks or locks_of_name)
    return connected(verb.argument("guest", metavar=word))


def connected(verb: Verb) -> Verb:
    """Let a verb work through libvirt too."""
    return verb.argument("--connect", metavar="URI", default="", help="through libvirt, such as xen:///system")


def absolute(path: str) -> str:
    """Return where a path of the command line leads."""
    return os.path.abspath(path) if path else ""


def no_locks(_args: Namespace, _on: Machine) -> tuple[str, ...]:
    """Looking keeps nobody away."""
    return ()


def locks_of_name(args: Namespace, _on: Machine) -> tuple[str, ...]:
    """Return what nobody else may change meanwhile: the guest."""
    return (f"guest {os.path.basename(args.guest).removesuffix('.cfg')}",)


def locks_of_start(args: Namespace, on: Machine) -> tuple[str, ...]:
    """Return what nobody else may change meanwhile: the guest and the images that it writes."""
    from univention_xen.toolstack import listing, starting

    if args.connect:
        return locks_of_name(args, on)
    known = listing.named(args.guest, on)
    paths = starting.writes(known.guest) if known.guest else ()
    return (f"guest {known.name}", *{f"image {os.path.realpath(path)}" for path in paths})


def locks_of_restore(args: Namespace, on: Machine) -> tuple[str, ...]:
    """Return what nobody else may change meanwhile: the saved guest and the images that it writes."""
    from univention_xen.toolstack import guests, saved

    if args.connect:
        return locks_of_name(args, on)
    file = saved.look_at(guests.saved_at(args.guest))
    return (f"guest {file.name or file.path}", *{f"image {os.path.realpath(path)}" for path in file.writes})


def stack_of(args: Namespace, on: Machine) -> Toolstack:
    """Return the toolstack that a command line means."""
    from univention_xen.toolstack import choose

    if not args.connect:
        choose.must_be_here(on)
    return choose.toolstack(on, args.connect)


def planner(verb: str, *options: str) -> Planner:
    """Return the planner of a verb: the function of guests.py, called with the guest and these options."""

    def plan(args: Namespace, on: Machine) -> Plan:
        from univention_xen.toolstack import guests

        function: Any = getattr(guests, f"plan_{verb}")
        found: Plan = function(args.guest, stack_of(args, on), on, **{name: getattr(args, name) for name in options})
        return found

    return plan


def read_list(args: Namespace, on: Machine) -> Report:
    """Report all guests."""
    from univention_xen.toolstack import autostart, choose, listing

    domains = None
    if args.connect or str(on.root) == "/":
        domains = listing.domains_if_possible(choose.toolstack(on, args.connect), on)
    local = not args.connect
    files = listing.described(on) if local else []
    started = autostart.files(autostart.directory(on), on) if local else frozenset[str]()
    found = listing.rows(files, domains, started, on)
    failed = domains is None and str(on.root) == "/"
    return Report(listing.as_text(found), [each._asdict() for each in found], int(failed))


def plan_top(args: Namespace, on: Machine) -> Plan:
    """Return the plan for `guest top`."""
    from univention_xen.toolstack import guests

    return guests.plan_top(stack_of(args, on))


def plan_autostart(args: Namespace, on: Machine) -> Plan:
    """Return the plan for `guest autostart`."""
    from univention_xen.toolstack import autostart
    from univention_xen.toolstack.libvirt import Libvirt

    wanted = args.state == "on"
    if args.connect:
        return autostart.plan_libvirt(args.guest, wanted, Libvirt(args.connect))
    return autostart.plan(args.guest, wanted, on)


def plan_view(args: Namespace, on: Machine) -> Plan:
    """Return the plan for `guest view`."""
    from univention_xen.toolstack import view

    return view.plan(args.guest, stack_of(args, on), on, only_tell=args.print, rdp=args.rdp)

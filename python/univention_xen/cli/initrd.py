# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`univention-xen initrd …`: installer initrds for paravirtual guests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from univention_xen.cli.verbs import Report
from univention_xen.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from univention_xen.cli.verbs import Nouns
    from univention_xen.initrd.build import Wanted
    from univention_xen.plan import Machine, Plan

BUILD = """\
Make an installer's initrd usable for a paravirtual guest: give it the modules
of a kernel that runs under Xen. It is taken from an installation disc (an ISO
image, or a directory with its files) or is a file of its own. It may be any
number of cpio archives (Debian, UCS 4 and 5) or an ext2 file system (UCS 2.x),
in any compression that the kernel knows.

The lines for the guest's configuration are printed, and the `guest create`
command that makes such a guest. Nothing is overwritten, and no root, loop device
or mount is needed."""
SHOW = """\
Show the parts of an initrd, how they are compressed, and which kernel modules
are in it."""
COMPRESSIONS = ("none", "gzip", "bzip2", "xz", "lzma", "zstd", "lz4")
SCRATCH = "/var/tmp"  # noqa: S108 - a private name there; /tmp may be in memory


def add_to(nouns: Nouns) -> None:
    """Declare the verbs."""
    initrd = nouns.add("initrd")
    build = initrd.verb(
        "build", plan_build, help="give an installer's initrd the modules of a kernel that runs under Xen",
        description=BUILD, locks=locks, report=built,
    )  # fmt: skip
    source = build.one_of(required=True)
    source.argument("--iso", metavar="ISO", help="take the initrd from this disc: an ISO image or a directory")
    source.argument("--initrd", metavar="FILE", help="take this initrd")
    build.argument("-o", "--output", metavar="OUT", help="where it goes; default: initrd-xen-VERSION here")
    build.argument(
        "--kernel-version",
        metavar="V",
        default="",
        help="the kernel that the guest will boot; default: the newest on this host that runs under Xen",
    )
    build.argument(
        "--modules",
        metavar="DIR",
        help="take the modules from here: a directory lib/modules/VERSION, or a tree that has one",
    )
    build.argument(
        "--only-xen",
        action="store_true",
        help="only the modules that a paravirtual guest needs; else those that were there, too",
    )
    build.argument("--all-modules", action="store_true", help="all modules of the kernel")
    build.argument("--keep-modules", action="store_true", help="leave the modules alone")
    build.argument(
        "--edit",
        metavar="FILE:SED",
        action="append",
        default=[],
        help="edit a text file in the initrd; may be given several times",
    )
    build.argument(
        "--simple-installer", action="store_true", help='let UCS 2.x start its simple installer (params="--simple ")'
    )
    build.argument(
        "--repack",
        action="store_true",
        help="pack everything anew without the old modules; slower, but the guest needs less memory",
    )
    build.argument(
        "--compress",
        choices=COMPRESSIONS,
        default="",
        help="how to compress; default: as it was when everything is packed anew",
    )
    build.argument("--level", type=int, choices=range(1, 10), default=0, metavar="1-9", help="how hard to compress")
    show = initrd.reading_verb("show", read_show, help="show what is in an initrd", description=SHOW)
    show.argument("file", metavar="FILE").argument("--files", action="store_true", help="list all files")


def wanted(args: Namespace, on: Machine) -> Wanted:
    """Return what the command line asks for."""
    from univention_xen.initrd import edits, kernels
    from univention_xen.initrd.build import Wanted

    if args.keep_modules and (args.kernel_version or args.modules or args.only_xen or args.all_modules):
        raise UsageError("--keep-modules and the choice of modules contradict each other")
    if args.only_xen and args.all_modules:
        raise UsageError("--only-xen and --all-modules contradict each other")
    modules = Path(os.path.abspath(args.modules)) if args.modules else None
    kernel = None if args.keep_modules else kernels.choose(on.root, args.kernel_version, modules)
    return Wanted(
        os.path.abspath(args.iso or args.initrd), target(args, kernel.version if kernel else "edited"), kernel,
        bool(args.iso), args.only_xen, args.all_modules, tuple(map(edits.parse_edit, args.edit)),
        args.simple_installer, args.repack, args.compress, args.level,
    )  # fmt: skip


def target(args: Namespace, version: str) -> str:
    """Return the path of the new initrd."""
    return os.path.abspath(args.output or f"initrd-xen-{version}")


def locks(args: Namespace, _on: Machine) -> tuple[str, ...]:
    """Return what others must leave alone meanwhile."""
    return (f"initrd {target(args, args.kernel_version)}",)


def plan_build(args: Namespace, on: Machine) -> Plan:
    """Return the plan for `initrd build`."""
    from univention_xen.initrd import build

    return build.plan_build(wanted(args, on))


def built(_args: Namespace, on: Machine, plan: Plan) -> Report:
    """Show the lines for the guest, and the command that makes it."""
    import shlex

    from univention_xen.initrd import parts
    from univention_xen.initrd.build import Build
    from univention_xen.toolstack.new_guest import best_for_linux

    step = plan.steps[0]
    if not isinstance(step, Build) or not step.built:
        return Report("", None)
    # what is installed from a file system as initrd (UCS 2) has a kernel that can be pv only
    kind = "pv" if step.built.kind == parts.EXT else best_for_linux(on, step.built.kernel)
    command = step.built.command(kind)
    text = f"{step.built.lines()}\n# or: {shlex.join(command)}"
    return Report(text, step.built.as_data() | {"create": list(command)})


def read_show(args: Namespace, _on: Machine) -> Report:
    """Show what is in an initrd."""
    from univention_xen.initrd import show

    contents = show.look_at(os.path.abspath(args.file), os.path.join(SCRATCH, os.path.basename(args.file)), _on.run)
    return Report(show.as_text(contents, files=args.files), show.as_data(contents, files=args.files))

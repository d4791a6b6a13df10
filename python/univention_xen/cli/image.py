# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`univention-xen image …`: disk images of guests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from univention_xen.cli.verbs import Report

if TYPE_CHECKING:
    from argparse import Namespace

    from univention_xen.cli.verbs import Nouns
    from univention_xen.plan import Machine, Plan

CREATE = """\
Make a disk image. It is sparse: it takes up only what the guest has written.
Nothing is ever overwritten, and the image appears complete or not at all.

Partition layouts: root (one Linux partition), root+swap (the same and swap,
which lies first so that the root can grow), windows (one active NTFS partition),
or a file with a script for sfdisk."""
INFO = """\
Show the format and the sizes of an image, its partitions and file systems, the
guests whose configuration names it, and who has it open."""
FORMATS = ("raw", "qcow2", "vhd")


def add_to(nouns: Nouns) -> None:
    """Declare the verbs."""
    image = nouns.add("image")
    create = image.verb(
        "create", plan_create, help="make a disk image", description=CREATE, locks=locks, report=show_image
    )
    create.argument("path", metavar="PATH").argument("--size", required=True, help="such as 12G or 512M")
    create.argument("--format", choices=FORMATS, default="raw", help="default: raw")
    create.argument("--preallocate", action="store_true", help="take all the room now")
    create.argument("--partition", metavar="LAYOUT", default="", help="root, root+swap, windows, or an sfdisk script")
    info = image.reading_verb("info", read_info, help="show what an image is, holds and is used for", description=INFO)
    info.argument("path", metavar="PATH").argument("--format", default="", help="do not guess the format")


def place(path: str, on: Machine) -> str:
    """Return where a path of the command line lies on the machine."""
    return str(on.path(os.path.abspath(path)))


def locks(args: Namespace, on: Machine) -> tuple[str, ...]:
    """Return the images that others must leave alone meanwhile."""
    paths = (args.path, getattr(args, "target", None) or args.path)
    return tuple({f"image {os.path.realpath(place(path, on))}" for path in paths})


def plan_create(args: Namespace, on: Machine) -> Plan:
    """Return the plan for a new image."""
    from univention_xen.image import create, layouts, sizes

    size = sizes.parse_size(args.size)
    script = layouts.script(args.partition, size) if args.partition else ""
    return create.plan_create(
        place(args.path, on), size, format=args.format, preallocate=args.preallocate, script=script
    )


def show_image(args: Namespace, on: Machine, _plan: Plan) -> Report:
    """Show the image that was made or changed: in JSON only, since success is silent."""
    if not args.json:
        return Report("", None)
    return Report("", read_info_of(getattr(args, "target", None) or args.path, on).data)


def read_info(args: Namespace, on: Machine) -> Report:
    """Show all about an image."""
    return read_info_of(args.path, on, args.format)


def read_info_of(path: str, on: Machine, format: str = "") -> Report:  # noqa: A002
    """Return all about the image *path*."""
    from univention_xen.image import report

    found = report.facts(place(path, on), on, format=format)
    return Report(found.as_text(), found.as_data())

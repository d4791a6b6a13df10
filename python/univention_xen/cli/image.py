# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`univention-xen image …`: disk images of guests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from univention_xen.cli.verbs import Report

if TYPE_CHECKING:
    from argparse import Namespace

    from univention_xen.cli.verbs import Nouns, Verb
    from univention_xen.image.look import Image
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
RESIZE = """\
Change the size of an image: SIZE, or +SIZE to add to it. With --partition the
last partition and its ext or NTFS file system go along. It shrinks only with
--shrink, and only if everything still fits. A kill at any time leaves the old
image or the new one."""
CLONE = """\
Copy an image: as fast as its file system can, sharing blocks where that is
possible; holes stay holes. Nothing is overwritten."""
CONVERT = """\
Copy an image into another format. Nothing is overwritten."""
CHECK = """\
Check an image for damage and repair nothing: the format itself, the partition
table, and the ext, NTFS and FAT file systems.

Exit status: 0 nothing is wrong, 1 something is."""
SPARSIFY = """\
Give back the room that an image takes up for nothing: blocks of zeros, and with
--free-space what the ext file systems on it do not use."""
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
    guessed(info.argument("path", metavar="PATH"))
    resize = image.verb(
        "resize",
        plan_resize,
        help="make an image larger or smaller",
        description=RESIZE,
        locks=locks,
        report=show_image,
    )
    resize.argument("path", metavar="PATH").argument("size", metavar="SIZE", help="12G, or +2G for 2 GiB more")
    resize.argument("--partition", action="store_true", help="the last partition and its file system as well")
    resize.argument("--shrink", action="store_true", help="allow a smaller size")
    guessed(resize)
    clone = image.verb("clone", plan_clone, help="copy an image", description=CLONE, locks=locks, report=show_image)
    guessed(clone.argument("path", metavar="PATH").argument("target", metavar="TARGET"))
    convert = image.verb(
        "convert", plan_convert, help="copy an image into another format", description=CONVERT, locks=locks,
        report=show_image,
    )  # fmt: skip
    convert.argument("path", metavar="PATH").argument("target", metavar="TARGET")
    convert.argument("--to", choices=FORMATS, required=True, help="the new format")
    convert.argument("--compress", action="store_true", help="compress a qcow2 image")
    guessed(convert)
    check = image.reading_verb("check", read_check, help="look for damage", description=CHECK)
    guessed(check.argument("path", metavar="PATH"))
    sparsify = image.verb(
        "sparsify", plan_sparsify, help="give back the room taken up for nothing", description=SPARSIFY, locks=locks,
        report=show_image,
    )  # fmt: skip
    sparsify.argument("path", metavar="PATH")
    sparsify.argument("--free-space", action="store_true", help="also what ext file systems do not use")
    guessed(sparsify)


def guessed(verb: Verb) -> None:
    """Let people say the format of an existing image, which is guessed otherwise."""
    verb.argument("--format", choices=FORMATS, default="", help="what the image is, if it must not be guessed")


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


def looked_at(args: Namespace, on: Machine) -> Image:
    """Return the image of the command line."""
    from univention_xen.image import look

    return look.look_at(place(args.path, on), on.run, format=args.format)


def plan_resize(args: Namespace, on: Machine) -> Plan:
    """Return the plan for another size."""
    from univention_xen.image import resize, sizes

    image = looked_at(args, on)
    size = sizes.parse_change(args.size, image.size)
    return resize.plan_resize(image, size, partition=args.partition, shrink=args.shrink, on=on)


def plan_clone(args: Namespace, on: Machine) -> Plan:
    """Return the plan for a clone."""
    from univention_xen.image import copies

    return copies.plan_clone(looked_at(args, on), place(args.target, on))


def plan_convert(args: Namespace, on: Machine) -> Plan:
    """Return the plan for a conversion."""
    from univention_xen.image import copies

    return copies.plan_convert(looked_at(args, on), place(args.target, on), args.to, compress=args.compress)


def plan_sparsify(args: Namespace, on: Machine) -> Plan:
    """Return the plan for giving back room."""
    from univention_xen.image import sparsify

    return sparsify.plan_sparsify(looked_at(args, on), free_space=args.free_space, on=on)


def read_check(args: Namespace, on: Machine) -> Report:
    """Look for damage."""
    from univention_xen.image import check

    found = check.check(looked_at(args, on), on.run)
    text = "\n".join(str(each) for each in found)
    return Report(text, [each._asdict() for each in found], int(any(each.wrong for each in found)))


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

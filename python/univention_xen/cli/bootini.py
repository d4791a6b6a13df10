# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`univention-xen bootini …`: Windows' boot menu and the paravirtual drivers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from univention_xen.cli.verbs import Report

if TYPE_CHECKING:
    from argparse import Namespace

    from univention_xen.cli.verbs import Nouns, Verb
    from univention_xen.plan import Machine, Plan

SHOW = """\
Show the boot menu of a Windows: its entries, what each starts and with which
switches, and what is odd about it. FILE is a boot.ini, a BCD, or the disk image
of a guest (raw, qcow2, vhd, or a block device)."""
GPLPV = """\
Add an entry to the boot menu of a Windows that switches the GPLPV drivers on
(releases before 0.9.12-pre9, which do nothing without /gplpv) or leaves them
off (all later ones: a way in when the drivers fail). The entry is a copy of the
one that is started by default. Windows Vista and later get the same in their
BCD. FILE is a boot.ini, a BCD, or the disk image of a guest that does not run.

The old menu is kept beside the new one, as boot.ini.bak-DATE. Done twice, it
is done once; --undo takes the entry away and leaves the bytes as they were."""


def add_to(nouns: Nouns) -> None:
    """Declare the verbs."""
    bootini = nouns.add("bootini")
    place(bootini.reading_verb("show", show, help="show the boot menu of a Windows", description=SHOW))
    verb = bootini.verb(
        "gplpv", plan, help="add a boot entry that switches the GPLPV drivers on or off", description=GPLPV,
        locks=locks,
    )  # fmt: skip
    place(verb)
    verb.argument("--driver-version", metavar="V", help="the drivers' release, like 0.9.11 (default: a later one)")
    verb.argument("--entry", type=int, metavar="N", help="copy entry N, as numbered by show")
    verb.argument("--make-default", action="store_true", help="start the new entry by default")
    verb.argument(
        "--testsigning", action="store_true", help="BCD: add nothing, but let the entry accept test-signed drivers"
    )
    verb.argument("--undo", action="store_true", help="take away what was added")


def place(verb: Verb) -> None:
    """Add the arguments that say where the menu is."""
    verb.argument("path", metavar="FILE", help="a boot.ini, a BCD, or a disk image with one of them")
    verb.argument("--kind", choices=("boot.ini", "BCD"), default="", help="which menu, if an image has both")
    verb.argument("--format", choices=("raw", "qcow2", "vhd"), default="", help="FILE is a disk image in this format")


def show(args: Namespace, on: Machine) -> Report:
    """Report the menu."""
    from univention_xen.bootini import look
    from univention_xen.bootini.show import report

    return Report(*report(look.look_at(args.path, on, kind=args.kind, format=args.format)))


def locks(args: Namespace, on: Machine) -> tuple[str, ...]:
    """Return the name under which a disk image is locked, by the verbs for images as well."""
    return (f"image {os.path.realpath(on.path(os.path.abspath(args.path)))}",)


def plan(args: Namespace, on: Machine) -> Plan:
    """Plan what the options say."""
    from univention_xen.bootini import look, plans
    from univention_xen.bootini.version import DriverVersion

    version = DriverVersion.parse(args.driver_version) if args.driver_version is not None else None
    wish = plans.Wish(version, args.entry, args.make_default, args.undo, args.testsigning)
    return plans.plan_gplpv(look.look_at(args.path, on, kind=args.kind, format=args.format), wish, on)

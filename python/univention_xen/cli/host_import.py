# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`univention-xen host import`: the registry variables for an old xend-config.sxp."""

from __future__ import annotations

from typing import TYPE_CHECKING

from univention_xen.cli.verbs import Report

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from univention_xen.cli.verbs import Noun
    from univention_xen.host.xend_import import Imported
    from univention_xen.plan import Machine, Plan

IMPORT = """\
Show the registry variables that give the same configuration as an old
xend-config.sxp, and everything in that file which no variable can say.
With --apply they are set, in one step.

A VNC password never gets into the registry, as every user can read that: it is
written into a file that only root can read."""
VERSIONS = ("3.2", "3.4", "4.1", "4.4")
NOT_YET = "Nothing has been set; --apply does that."


def add_to(host: Noun) -> None:
    """Declare the verb."""
    verb = host.verb(
        "import", plan_import, report=report, help="show or set the variables for an old xend-config.sxp",
        description=IMPORT,
    )  # fmt: skip
    verb.argument("file", metavar="XEND-CONFIG.SXP", help="the file to read")
    verb.argument("--apply", action="store_true", help="set the variables")
    verb.argument("--xen", choices=VERSIONS, default="4.4", help="the version of Xen that the file was for (4.4)")


def read(args: Namespace, on: Machine) -> tuple[Imported, Mapping[str, str]]:
    """Read the file and the registry."""
    from pathlib import Path

    from univention_xen import registry
    from univention_xen.host import xend_import

    text = Path(args.file).read_text(encoding="utf-8", errors="surrogateescape")
    return xend_import.read(text, args.file, args.xen), registry.read(str(on.root))


def plan_import(args: Namespace, on: Machine) -> Plan:
    """Plan to set the variables, if that is wanted at all."""
    from univention_xen.host import xend_import
    from univention_xen.plan import Plan

    if not (args.apply or args.dry_run):
        return Plan.nothing(NOT_YET)
    return xend_import.plan_import(*read(args, on), on)


def report(args: Namespace, on: Machine, plan: Plan) -> Report:
    """Say what the file means, and what has been done about it."""
    import shlex

    from univention_xen.host import xend_import

    imported, registry = read(args, on)
    variables = xend_import.not_default(imported.values)
    path = xend_import.password_file(registry) if imported.password else ""
    lines = [f"{args.file} is what these variables say; all others are at their default:"]
    lines += [f"    {shlex.quote(f'{name}={text}')}" for name, text in variables.items()] or ["    none"]
    if path:
        lines += [f"Its VNC password belongs into the first line of {path}, which only root may read."]
    if imported.left:
        lines += ["", "Not in the registry:", *(f"    {left}" for left in imported.left)]
    if plan.steps:
        lines += ["", "Done:", *(f"    {step}" for step in plan.steps)]
    data = {
        "variables": variables,
        "password_file": path or None,
        "left": [left._asdict() for left in imported.left],
        "done": [str(step) for step in plan.steps],
    }
    return Report("\n".join(lines), data)

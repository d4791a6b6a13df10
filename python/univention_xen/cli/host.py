# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`univention-xen host …`: what the registry makes of this host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from univention_xen.cli import host_bridge, host_firewall, host_import, host_status
from univention_xen.cli.verbs import Report

if TYPE_CHECKING:
    from argparse import Namespace

    from univention_xen.cli.verbs import Nouns
    from univention_xen.plan import Machine

CHECK = """\
Look for everything that is odd about this host and its settings, in one pass:
values that are refused or dangerous, values that the toolstack in effect
ignores, generated files and tagged lines of guest files that do not say what the
registry says, a xend that works with an older file, a host that does not run
under Xen or would not after the next boot, missing kernel modules and bridges,
services that are not there, a firewall that does not fit, what is wrong with the
files of guests, secrets that others can read, and images on a full file system.

Exit status: 0 nothing or only notes, 1 at least one warning."""
SETTINGS = """\
Show each registry variable of univention-xen with its effective value, whether
that is the default, and the toolstacks it has an effect on. Passwords are not
shown."""
TOOLSTACK = """\
Show which toolstack is in effect, xl or xend, and why."""


def add_to(nouns: Nouns) -> None:
    """Declare the verbs."""
    host = nouns.add("host")
    host.reading_verb("check", check, help="find everything that is odd about this host", description=CHECK)
    host.reading_verb("settings", settings, help="show each variable and its effective value", description=SETTINGS)
    host.reading_verb("toolstack", toolstack, help="show which toolstack is in effect and why", description=TOOLSTACK)
    host_import.add_to(host)
    host_status.add_to(host)
    host_bridge.add_to(host)
    host_firewall.add_to(host)


def check(_args: Namespace, on: Machine) -> Report:
    """Report what is odd; exit code 1 when a warning is among it."""
    from univention_xen.host import check

    findings = check.judge(check.look_at(on))
    lines = []
    for finding in findings:
        lines.append(f"{finding.level}: {finding.problem}")
        if finding.hint:
            lines.append(f"  hint: {finding.hint}")
    warnings = sum(finding.level == check.WARNING for finding in findings)
    return Report(
        "\n".join(lines) or "Nothing odd found.", [finding._asdict() for finding in findings], int(warnings > 0)
    )


def settings(_args: Namespace, on: Machine) -> Report:
    """Report all variables."""
    from univention_xen import registry
    from univention_xen.settings.everything import Settings

    values, problems = Settings.read(registry.read(str(on.root)))
    refused = {problem.variable for problem in problems if problem.refused}
    rows = []
    for variable in sorted(Settings.variables(), key=lambda variable: variable.name):
        state = "refused" if variable.name in refused else "default" if values.is_default(variable) else "set"
        rows.append((variable.name, variable.show(values.values[variable.field]), state, variable.acts))
    width = max(len(name) for name, *_ in rows)
    text = [
        f"{name:{width}}  {state:7}  {', '.join(acts) or '-':8}  {value}".rstrip() for name, value, state, acts in rows
    ]
    heading = f"{'VARIABLE':{width}}  {'STATE':7}  {'ACTS ON':8}  VALUE"
    names = ("variable", "value", "state", "acts")
    return Report("\n".join([heading, *text]), [dict(zip(names, row, strict=True)) for row in rows])


def toolstack(_args: Namespace, on: Machine) -> Report:
    """Report the toolstack in effect."""
    from univention_xen import registry
    from univention_xen.settings.everything import Settings
    from univention_xen.toolstack import detect

    wanted = Settings.read(registry.read(str(on.root)))[0].toolstack
    found = detect.look_at(on)
    choice = detect.choose(wanted, found)
    data = {"toolstack": choice.name, "why": choice.why, "wanted": wanted, "installed": found._asdict()}
    return Report(f"{choice.name}: {choice.why}", data)

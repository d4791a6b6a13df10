# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""From an old xend-config.sxp to the registry variables that give the same configuration.

What the variables cannot say is listed: after translating, the file that they make is read again, and every option
that is not as it was before is a loss.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from univention_xen.errors import XenError
from univention_xen.host import sxp, xend, xend_options
from univention_xen.host.xend_meaning import idle, meaning, word
from univention_xen.host.xend_variables import SPECIAL, STRAIGHT
from univention_xen.plan import Plan, Run, Write
from univention_xen.settings.kinds import Secret
from univention_xen.settings.variable import check_harmless, printable, short
from univention_xen.settings.vnc import Vnc

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from univention_xen.host.xend_options import Judgement
    from univention_xen.plan import Machine, Step
    from univention_xen.settings.variable import Variable

PASSWORD = "vncpasswd"  # noqa: S105
PASSWORD_FILE = "/etc/xen/vncpasswd"  # noqa: S105
"""Where the password goes unless the registry names another file already."""


class Left(NamedTuple):
    """An option that no variable can express, or that xend itself passes over, and why; secrets are masked."""

    option: str
    value: str
    why: str

    def __str__(self) -> str:
        if not self.option:
            return self.why
        return f"({self.option}{' ' if self.value else ''}{self.value}): {self.why}"


class Imported(NamedTuple):
    """The variables that stand for a file, as text; the password, which belongs into no variable; and the rest."""

    values: dict[str, str]
    password: Secret
    left: list[Left]


def read(text: str, source: str, version: str) -> Imported:
    """Translate the text of a file as xend of *version* reads it.

    Raises XenError when that xend could not read it at all.
    """
    judged = xend_options.judge(text, version)
    if judged.verdict == "syntax":
        why = judged.error.partition(": ")[2] or "a parenthesis is not closed, so that xend loses what follows it"
        raise XenError(f"{source}: xend could not read this: {why}", hint="correct the file, or import parts of it")
    given = {str(form[0]) for form in sxp.forms(sxp.read(text, version).values)}
    values, left = translate(judged.options, given)
    password = judged.options.get(PASSWORD) or ""
    left += [Left(option, "", f"xend stops there: {why.partition(': ')[2]}") for option, why in judged.refused.items()]
    if why := unusable(password):
        left.append(Left(PASSWORD, "***", why))
        password = ""
    left += [*slips(judged), *losses(judged, rendered(values, password, version), {each.option for each in left})]
    return Imported(values, Secret(password), left)


def translate(options: Mapping[str, Any], given: set[str]) -> tuple[dict[str, str], list[Left]]:
    """Return the variables for all options in effect, and the values that a variable does not take.

    An option of a server that is off counts only when the file names it.
    """
    values: dict[str, str] = {}
    left: list[Left] = []
    wishes: list[tuple[str, Variable[Any], str]] = [
        (option, variable, word(options[option])) for option, variable in STRAIGHT.items() if option in options
    ]
    wishes += [
        (option, *pair) for option, function in SPECIAL.items() if option in options for pair in function(options)
    ]
    for option, variable, text in wishes:
        if idle(option, options) and option not in given:
            continue
        try:
            values[variable.name] = variable.show(variable.parse(text))
        except ValueError as why:
            reason = f'{variable.name} cannot say "{shown_text(text)}": it {why}'
            left.append(Left(option, shown(option, options[option]), reason))
    return values, left


def rendered(values: dict[str, str], password: str, version: str) -> Judgement:
    """Return what xend makes of the file that the registry would generate."""
    settings = xend.Xend.read(values)[0]
    lines = [line for block in xend.blocks(settings, Secret(password)).values() for line in block]
    return xend_options.judge("\n".join(lines) + "\n", version)


def losses(before: Judgement, after: Judgement, told: set[str]) -> Iterator[Left]:
    """Yield every option in effect that would not mean the same afterwards, and has not been told of already."""
    for option, value in before.options.items():
        if option in told or option in before.refused or idle(option, before.options):
            continue
        now = after.options.get(option)
        if meaning(option, value, before.options) != meaning(option, now, after.options):
            has_variable = option in STRAIGHT or option in SPECIAL or option == "vif-script"
            instead = f"the registry makes it {shown(option, now)}" if has_variable else "there is no variable for it"
            yield Left(option, shown(option, value), instead)
    if before.pattern_error and "xend-relocation-hosts-allow" not in told:
        yield Left("xend-relocation-hosts-allow", "", f"a regular expression does not compile: {before.pattern_error}")


def slips(judged: Judgement) -> Iterator[Left]:
    """Yield what xend has passed over without a word all these years."""
    for option in judged.slips.unknown:
        yield Left(option, "", "xend knows no such option and ignores it")
    for option in judged.slips.duplicates:
        yield Left(option, "", "is there more than once; xend takes the first")
    for form in judged.slips.extra_values_ignored:
        yield Left(str(form[0]), "", "has more than one value; xend takes the first")
    if judged.slips.stray_atoms:
        yield Left("", "", "There are words outside of parentheses; xend ignores them.")


def unusable(password: str) -> str:
    """Return why a password cannot be kept in the first line of a file, '' when it can."""
    try:
        check_harmless(password)
    except ValueError as why:
        return f"the password {why}"
    return "the password begins or ends with a blank" if password != password.strip() else ""


def shown(option: str, value: Any) -> str:
    """Return a value as it would stand in the file, in one short line; passwords are masked."""
    if option == PASSWORD:
        return "***" if value else "''"
    if option == "network-script" and value:
        value = " ".join(value).removeprefix(f"{xend_options.SCRIPTS}/")
    return "unset" if value is None else shown_text(sxp.write(value))


def shown_text(text: str) -> str:
    """Return text in one short line."""
    return printable(short(text))


def not_default(values: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that must be set on a host whose registry knows nothing of Xen."""
    return differing(values, {})


def differing(values: Mapping[str, str], registry: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that have another effect in *registry* than they shall have."""
    variables = {variable.name: variable for variable in xend.Xend.variables()}
    now = xend.Xend.read(registry)[0]
    return {
        name: text
        for name, text in sorted(values.items())
        if variables[name].parse(text) != now.values[variables[name].field]
    }


def password_file(registry: Mapping[str, str]) -> str:
    """Return the file that holds the password, or will."""
    return Vnc.read(registry)[0].vnc_passwordfile or PASSWORD_FILE


def plan_import(imported: Imported, registry: Mapping[str, str], on: Machine) -> Plan:
    """Plan to give *registry* what a file says: the password first, all variables at once afterwards.

    Raises XenError when the file for the password holds another one, which is not lost.
    """
    steps: list[Step] = []
    wanted = dict(imported.values)
    if imported.password:
        path = password_file(registry)
        wanted[Vnc.vnc_passwordfile.name] = path
        line = imported.password.reveal() + "\n"
        found = on.read(path)
        if found.strip() and found.partition("\n")[0].strip() != line.strip():
            raise XenError(f"{path} holds another password already", hint="move the file away, or keep what it holds")
        if found != line or on.path(path).stat().st_mode & 0o077:
            steps.append(Write(path, line, mode=0o600))
    if changes := differing(wanted, registry):
        steps.append(Run((*registry_command(on), *(f"{name}={text}" for name, text in changes.items()))))
    return Plan(tuple(steps), "The registry says all of this already.")


def registry_command(on: Machine) -> tuple[str, ...]:
    """Return the command that sets variables; only our own registry knows other trees."""
    root = os.fspath(on.root)
    return ("ucr", "set") if root == "/" else ("ucr", "--root", root, "set")

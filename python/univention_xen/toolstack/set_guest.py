# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Settings of a guest are changed in its file, after a look at what the toolstack would make of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from univention_xen.errors import UsageError, XenError
from univention_xen.guest import change, check, load_xl, load_xm, look
from univention_xen.guest.cfg import Cfg
from univention_xen.guest.convert import modern_lines
from univention_xen.guest.program import understand
from univention_xen.guest.words import BadSyntax, CannotRun
from univention_xen.guest.xm_names import KNOWN as XM_KNOWN
from univention_xen.image import sizes
from univention_xen.log import log
from univention_xen.plan import Plan
from univention_xen.toolstack import belongings, listing, starting
from univention_xen.toolstack.file_steps import Rewrite, Tell

if TYPE_CHECKING:
    from collections.abc import Iterable

    from univention_xen.guest.model import Guest
    from univention_xen.guest.words import Value
    from univention_xen.plan import Machine, Step
    from univention_xen.toolstack.domain import Toolstack
    from univention_xen.toolstack.listing import Described

IN_MIB = ("memory", "maxmem", "shadow_memory")
SIZE = re.compile(r"[0-9.]+[KMGT](i?B)?", re.IGNORECASE)


def plan(word: str, words: Iterable[str], unset: Iterable[str], stack: Toolstack, on: Machine) -> Plan:
    """Return the plan to change settings (key=value) and to take others out of a guest's file.

    Raises UsageError, and XenError when the toolstack would refuse or ignore what is asked for.
    """
    values, gone = change.parse(map(in_mib, words)), tuple(unset)
    if not values and not gone:
        raise UsageError("what shall be set?", hint="such as memory=2G")
    if "name" in values or "name" in gone:
        raise UsageError("the name of a guest is more than a setting", hint="univention-xen guest rename NAME NEW")
    if both := sorted(set(gone) & values.keys()):
        raise UsageError(f"{both[0]} cannot be set and unset")
    known = listing.named(word, on)
    before = cfg_of(known.file, stack)
    after = change.changed(before, values, gone)
    if before.text == after.text:
        return Plan.nothing(f"{known.file.path} says so already")
    file = check.GuestFile(known.file.path, after.text, known.file.mode)
    if why := refusals(known, file, values, stack):
        raise XenError(f"{file.path} stays as it is: {why[0]}", hint="\n  ".join(why[1:]))
    told: list[Step] = []
    if sorted(before.tags()) and len(after.tags()) < len(before.tags()):
        lost = {tag for _, tag in before.tags()} - {tag for _, tag in after.tags()}
        told += [Tell(f"it does not follow {tag} any more") for tag in sorted(lost)]
    if stack.syntax == "xl":
        warn(known.file, file, on)
    if waiting := belongings.being_installed(file.path, on):
        told.append(Tell(f"this is the guest while it is installed; {waiting} stays as it is"))
    if belongings.domain(known.name, stack, on):
        told.append(Tell(f"{known.name} runs, and sees the change after its next start"))
    return Plan((Rewrite(file.path, before.text, after.text, private(file)), *told))


def in_mib(word: str) -> str:
    """Return memory=2G as memory=2048. Raises UsageError."""
    name, sign, text = word.partition("=")
    if name not in IN_MIB or not SIZE.fullmatch(text):
        return word
    size = sizes.parse_size(text)
    if size % (1 << 20):
        raise UsageError(f"{word} is not a whole number of MiB")
    return f"{name}{sign}{size >> 20}"


def cfg_of(file: check.GuestFile, stack: Toolstack) -> Cfg:
    """Return the file to be edited. Raises XenError when it is not in the toolstack's language."""
    try:
        return Cfg(file.text, file.path, stack.syntax or "xl")
    except BadSyntax as why:
        hint = "univention-xen guest edit repairs it" + (f"; {check.IMPORT}" if stack.syntax == "xl" else "")
        raise XenError(str(why), hint=hint) from None


def read_by_xl(text: str, source: str) -> Guest:
    """Return what xl makes of a file. Raises XenError when it refuses it."""
    try:
        return load_xl.load(text, source).guest
    except CannotRun as why:
        hint = f"univention-xen guest check {source}; {check.IMPORT}"
        raise XenError(f"xl refuses {source}: {why}", hint=hint) from None


def refusals(known: Described, file: check.GuestFile, values: dict[str, Value], stack: Toolstack) -> list[str]:
    """Return why the toolstack would refuse the changed file, or ignore something that was set."""
    if stack.syntax == "xl":
        return change.refusals(known.file.text, file.text, file.path, values)
    found = [f"xm does not know {name}" for name in values if name not in XM_KNOWN]
    try:
        load_xm.load(understand(modern_lines(file.text, file.path, []), file.path), known.name)
    except CannotRun as why:
        found += [each.sentence for each in why.reasons]
    return found


def private(file: check.GuestFile) -> int | None:
    """Return the mode of a file with a password in it, None when the present mode is right."""
    if file.mode is None or not file.mode & 0o077 or not change.secret(file.text):
        return None
    return file.mode & 0o700


def warn(old: check.GuestFile, new: check.GuestFile, on: Machine) -> None:
    """Tell what `guest check` would find wrong with the new file and not with the old one."""
    rest = [look.read(path, on) for path in look.all_files(on) if path != new.path]
    before, after = ({each[:2] + each[5:] for each in findings([file, *rest], on)} for file in (old, new))
    for each in sorted(after - before):
        log.warning("%s", each[2])
        if each[3]:
            log.say(f"  hint: {each[3]}")


def findings(files: list[check.GuestFile], on: Machine) -> list[check.Finding]:
    """Return what is wrong with the guests in *files*; the mode of the file is seen to anyway."""
    return [each for each in check.check(files, starting.facts(files, on)) if each.rule not in ("mode", "syntax")]

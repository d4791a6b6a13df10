# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""All guests of a host: those that files in /etc/xen describe, and those that the toolstack knows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from univention_xen.errors import CommandFailed, ToolMissing, XenError
from univention_xen.log import log
from univention_xen.toolstack.domain import OFF, Domain, one, unknown

if TYPE_CHECKING:
    from univention_xen.guest.check import GuestFile
    from univention_xen.guest.model import Guest
    from univention_xen.plan import Machine
    from univention_xen.toolstack.domain import Toolstack


class Described(NamedTuple):
    """A guest file; *guest* is None when the file cannot be understood, and then *name* is that of the file."""

    file: GuestFile
    name: str
    guest: Guest | None


class Row(NamedTuple):
    """A guest in the list; None is what is not known."""

    name: str
    id: int | None
    state: str
    memory: int | None
    vcpus: int | None
    seconds: float | None
    kind: str
    autostart: bool
    file: str


def described(on: Machine) -> list[Described]:
    """Return all guest files of the host."""
    from univention_xen.guest import look

    found = []
    for path in look.all_files(on):
        try:
            found.append(understood(look.read(path, on)))
        except XenError as why:
            log.warning("%s", why)
    return found


def understood(file: GuestFile) -> Described:
    """Return what a file describes, read as one for xl first, since nearly all are."""
    from univention_xen.guest import load_xl
    from univention_xen.guest.words import BadSyntax, CannotRun

    try:
        guest = load_xl.load(file.text, file.path).guest
    except (BadSyntax, CannotRun):
        from univention_xen.guest import show  # what reads Python is large, and seldom needed

        try:
            guest, _ = show.meaning(file)
        except XenError:
            return Described(file, os.path.basename(file.path).removesuffix(".cfg"), None)
    return Described(file, guest.name, guest)


def named(word: str, on: Machine) -> Described:
    """Return the guest that a path, the name of a file in /etc/xen or the name in a file means.

    Raises XenError when there is none.
    """
    from univention_xen.guest import look

    try:
        return understood(look.read(look.named(word, on), on))
    except XenError:
        if "/" in word or not (found := [each for each in described(on) if each.name == word]):
            raise
    return found[0]


def rows(files: list[Described], domains: list[Domain] | None, auto: frozenset[str], on: Machine) -> list[Row]:
    """Return the list of all guests: what runs first, in the toolstack's order, then what could.

    Without *domains* it is not known what runs.
    """
    by_name = {each.name: each for each in reversed(files)}
    found = [row(by_name.get(domain.name), domain, auto, on) for domain in domains or ()]
    there = {domain.name for domain in domains or ()}
    state = OFF if domains is not None else "unknown"
    return found + [
        row(each, Domain(each.name, None, state), auto, on)
        for each in sorted(files, key=lambda each: each.name)
        if each.name not in there
    ]


def row(described: Described | None, domain: Domain, auto: frozenset[str], on: Machine) -> Row:
    """Return one row of the list; what runs counts more than what the file says."""
    guest = described.guest if described else None
    memory, vcpus = domain.memory, domain.vcpus
    if guest:
        memory = guest.memory if memory is None else memory
        vcpus = guest.vcpus if vcpus is None else vcpus
    starts = described is not None and os.path.realpath(on.path(described.file.path)) in auto
    return Row(
        domain.name, domain.id, domain.state, memory, vcpus, domain.seconds, guest.kind if guest else "", starts,
        described.file.path if described else "",
    )  # fmt: skip


def as_text(found: list[Row]) -> str:
    """Return the list as a table."""
    heading = ("NAME", "ID", "MEMORY", "VCPUS", "STATE", "TIME", "KIND", "AUTOSTART", "FILE")
    cells: list[tuple[str, ...]] = [heading]
    for each in found:
        numbers = [str(value) if value is not None else "-" for value in (each.id, each.memory, each.vcpus)]
        time = f"{each.seconds:.1f}" if each.seconds is not None and each.id is not None else "-"
        yes = "on" if each.autostart else "-"
        cells.append((each.name, *numbers, each.state, time, each.kind or "-", yes, each.file or "-"))
    widths = [max(len(line[column]) for line in cells) for column in range(len(heading))]
    right = {1, 2, 3, 5}
    return "\n".join(
        "  ".join(
            text.rjust(width) if column in right else text.ljust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    )


def domains_if_possible(stack: Toolstack, on: Machine) -> list[Domain] | None:
    """Return what runs; None, and a warning, when that cannot be known."""
    try:
        return stack.domains(on.run)
    except (CommandFailed, ToolMissing) as why:
        log.warning("what runs cannot be seen: %s", why)
        return None


def domain_of(name: str, stack: Toolstack, on: Machine) -> Domain | None:
    """Return the domain of a guest; None when the guest exists and does not run.

    Raises XenError when nobody knows the guest.
    """
    domain = one(stack.domains(on.run), name)
    if domain:
        return domain if domain.exists else None
    if not any(each.name == name for each in described(on)):
        raise unknown(name)
    return None

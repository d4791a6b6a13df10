# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Which ports have to be open for what the registry and the guests' files say. Nothing here knows a firewall.

The screen of a guest is at port 5900 and its display. A guest that takes a free display (vncunused) gets the first
free one from its own on, so it can be as many ports further as there are screens that may be in its way, up to display
99, where QEMU gives up.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from univention_xen import units
from univention_xen.settings.firewall import Firewall
from univention_xen.settings.relocation import Relocation
from univention_xen.settings.vnc import Vnc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from univention_xen.guest.check import GuestFile
    from univention_xen.guest.model import Guest
    from univention_xen.plan import Machine

FIRST_PORT, LAST_DISPLAY = 5900, 99
EVERYWHERE = ("", "0.0.0.0", "::", "*")  # noqa: S104
ADDRESS_AND_DISPLAY = re.compile(r"([0-9.]*|\[[0-9A-Fa-f:]+\]):([0-9]{1,2})")
"""libxl takes a display behind the address of vnclisten, too."""

MANY = 3
"""Guests that a sentence names."""


class Opening(NamedTuple):
    """TCP ports *first* to *last* of *address* ('' is each), for *sources* (none: everybody), and what is there."""

    first: int
    last: int
    address: str
    sources: tuple[str, ...]
    what: str

    @property
    def ports(self) -> str:
        """Return the ports in words."""
        return f"{self.first}-{self.last}" if self.last > self.first else str(self.first)

    def __str__(self) -> str:
        where = f" of {self.address}" if self.address else ""
        whom = ", ".join(self.sources) if self.sources else "everybody"
        return f"tcp {self.ports}{where} for {whom}: {self.what}"


class Wanted(NamedTuple):
    """What has to be open, and what there is to say about the rest."""

    openings: tuple[Opening, ...]
    notes: tuple[str, ...]


class Screen(NamedTuple):
    """Where a guest shows its screen."""

    guest: str
    address: str
    display: int
    unused: bool


def look_at(on: Machine, settings: Vnc, toolstack: str) -> list[Screen]:
    """Return the screens of the guests whose files can be read; xend's own default is the registry's address."""
    from univention_xen.errors import XenError
    from univention_xen.guest import look
    from univention_xen.guest.words import CannotRun

    found = []
    for path in look.all_files(on):
        try:
            file = look.read(path, on)
            guest = understand(file, toolstack)
        except (XenError, CannotRun):
            continue  # `guest check` says why; such a guest shows no screen either
        if guest.vnc.on:
            default = settings.vnc_listen if toolstack == "xend" and "vnclisten" not in file.text else guest.vnc.listen
            found.append(screen(guest, default))
    return found


def understand(file: GuestFile, toolstack: str) -> Guest:
    """Return the guest as the toolstack in effect reads its file. Raises XenError and CannotRun."""
    if toolstack == "xl":
        from univention_xen.guest import load_xl

        return load_xl.load(file.text, file.path).guest
    from univention_xen.guest import show

    return show.meaning(file)[0]


def screen(guest: Guest, listen: str) -> Screen:
    """Return where the guest shows its screen."""
    vnc, address, display = guest.vnc, listen, guest.vnc.display or 0
    if match := ADDRESS_AND_DISPLAY.fullmatch(listen):
        address, display = match[1].strip("[]"), int(match[2])
    if address not in EVERYWHERE:
        try:
            address = units.ip_address(address)
        except ValueError:
            address = "127.0.0.1" if units.is_loopback(address) else ""  # a name, which may be any address
    return Screen(guest.name, address, min(max(display, 0), LAST_DISPLAY), vnc.unused)


def wanted(
    vnc: Vnc, relocation: Relocation, firewall: Firewall, screens: Sequence[Screen], toolstack: str
) -> Wanted:  # fmt: skip
    """Return what has to be open. Pure."""
    notes = []
    shown = [each for each in screens if not units.is_loopback(each.address)]
    openings = [*merged(of_screens(screens, firewall.vnc_sources))]
    if not shown and not units.is_loopback(vnc.vnc_listen):
        notes.append(f"{Vnc.vnc_listen.name} is {vnc.vnc_listen}, but no guest shows its screen beyond this host yet")
    if toolstack == "xend":
        openings += of_relocation(relocation, firewall.relocation_sources)
    else:
        notes.append("xl moves guests over ssh: port 22 of the host that takes them has to be open, and is not ours")
    return Wanted(tuple(openings), tuple(notes))


def of_screens(screens: Sequence[Screen], sources: tuple[str, ...]) -> Iterator[Opening]:
    """Yield the ports of every screen that can be seen from elsewhere."""
    for each in screens:
        if units.is_loopback(each.address):
            continue
        last = last_display(each, screens) if each.unused else each.display
        address = "" if each.address in EVERYWHERE else each.address
        yield Opening(FIRST_PORT + each.display, FIRST_PORT + last, address, sources, harmless(each.guest))


def last_display(screen: Screen, screens: Sequence[Screen]) -> int:
    """Return the last display that a screen gets when all others that can have come before it are there."""
    others, last = [each for each in screens if each is not screen], screen.display
    while True:
        before = [
            each for each in others if each.display <= last and (each.unused or each.display >= screen.display)
        ]  # fmt: skip
        further = min(screen.display + len(before), LAST_DISPLAY)
        if further == last:
            return last
        last = further


def merged(openings: Iterable[Opening]) -> Iterator[Opening]:
    """Yield openings of the same address as few as possible, the guests named in each."""
    runs: list[tuple[Opening, list[str]]] = []
    for each in sorted(openings, key=lambda each: (each.address, each.first, each.last)):
        if runs and runs[-1][0].address == each.address and each.first <= runs[-1][0].last + 1:
            before, names = runs.pop()
            runs.append((before._replace(last=max(before.last, each.last)), [*names, each.what]))
        else:
            runs.append((each, [each.what]))
    for opening, names in runs:
        yield opening._replace(what=f"screen{'s' * (len(names) > 1)} of {listed(names)}")


def listed(names: Sequence[str]) -> str:
    """Return a few names, and how many more there are."""
    unique = sorted(set(names))
    more = len(unique) - MANY
    return ", ".join(unique[:MANY]) + (f" and {more} more" if more > 0 else "")


def harmless(name: str) -> str:
    """Return a guest's name in characters that mean nothing to a firewall, a shell or the registry."""
    return re.sub(r"[^A-Za-z0-9_.+-]", "_", name)[:24]


def of_relocation(settings: Relocation, sources: tuple[str, ...]) -> Iterator[Opening]:
    """Yield the ports at which xend takes guests."""
    address = settings.relocation_address
    if units.is_loopback(address):
        return
    try:
        address = "" if address in EVERYWHERE else units.ip_address(address)
    except ValueError:
        address = ""  # a name, which may be any address
    for on, port, what in (
        (settings.relocation, settings.relocation_port, "relocation of guests"),
        (settings.relocation_ssl, settings.relocation_port_ssl, "relocation of guests over SSL"),
    ):
        if on:
            yield Opening(port, port, address, sources, what)

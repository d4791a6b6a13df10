# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What the registry wants of the lines of guest files that follow it, of new guests as of those that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from univention_xen import units
from univention_xen.guest.tags import Followed
from univention_xen.settings.host import Toolstack
from univention_xen.settings.network import Network
from univention_xen.settings.vnc import Vnc
from univention_xen.toolstack import detect

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from univention_xen.plan import Machine
    from univention_xen.settings.variable import Problem

CANNOT_ASK = "the installed device model cannot ask for the VNC password in the registry"


class Guests(Network, Vnc, Toolstack):
    """The variables that guest files follow, and those that decide what that comes to."""


class Wishes(NamedTuple):
    """What lines shall say, and what to know: (variable, sentence) of values that are refused, and *at_home*.

    The latter says that screens are shown on this host only, although the registry has another address; '' if not so.
    """

    lines: tuple[Followed, ...]
    refused: tuple[tuple[str, str], ...] = ()
    at_home: str = ""

    def remarks(self, variables: Collection[str]) -> tuple[tuple[str, str], ...]:
        """Return what to know about these variables."""
        found = (*self.refused, *(((Vnc.vnc_listen.name, self.at_home),) if self.at_home else ()))
        return tuple(each for each in found if each[0] in variables)


def look_at(registry: Mapping[str, str], on: Machine) -> Wishes:
    """Return what the registry wants. A value that makes no sense is not followed: the lines stay as they are."""
    settings, problems = Guests.read(registry)
    refused = {problem.variable: problem for problem in problems if problem.refused}
    listen = address(settings, on)
    values = {
        Guests.vnc_listen: ("vnclisten", listen),
        Guests.vnc_keymap: ("keymap", settings.vnc_keymap),
        Guests.bridge_name: ("bridge", settings.bridge_name),
    }
    lines = tuple(
        Followed(variable.name, key, None if variable.name in refused or not value else value)
        for variable, (key, value) in values.items()
    )
    at_home = "" if listen == settings.vnc_listen else f"{CANNOT_ASK}, so guests show their screens on {listen} only"
    told = tuple((each.variable, left_alone(refused[each.variable])) for each in lines if each.variable in refused)
    return Wishes(lines, told, at_home)


def left_alone(problem: Problem) -> str:
    """Say that a value is refused."""
    return f"{problem._replace(used='', hint='')}, so the lines of guest files that follow it stay as they are"


def address(settings: Guests, on: Machine) -> str:
    """Return the address on which guests show their screens.

    That of the registry, but this host alone when a password was asked for and only xend could ask for it.
    """
    if units.is_loopback(settings.vnc_listen) or not settings.asks_for_password:
        return settings.vnc_listen
    with_xend = detect.choose(settings.toolstack, detect.look_at(on)).name == "xend"
    return settings.vnc_listen if with_xend else Vnc.vnc_listen.default

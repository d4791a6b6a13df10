# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Guests that start with the host: a link in the directory that xendomains reads."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from univention_xen import registry
from univention_xen.errors import XenError
from univention_xen.guest import look
from univention_xen.log import log
from univention_xen.plan import MakeDirectory, Plan, Remove, Run
from univention_xen.settings.host import Autostart, Xendomains
from univention_xen.toolstack import listing
from univention_xen.toolstack.domain import guest_name
from univention_xen.toolstack.steps import Link

if TYPE_CHECKING:
    from univention_xen.plan import Machine, Step
    from univention_xen.toolstack.libvirt import Libvirt


def directory(on: Machine) -> str:
    """Return the directory whose guests are started with the host; '' when none is."""
    return Xendomains.read(registry.read(str(on.root)))[0].auto


def plan(word: str, wanted: bool, on: Machine) -> Plan:
    """Return the plan that makes a guest start with the host, or not. Raises XenError."""
    auto = directory(on)
    if not auto:
        raise XenError(
            "no guest is started with this host, as the registry says", hint=f"ucr unset {Xendomains.auto.name}"
        )
    known = listing.named(word, on)
    links = links_to(known.file.path, auto, on)
    if not wanted:
        steps: tuple[Step, ...] = tuple(Remove(path) for path in links)
        for path in links:
            if not os.path.islink(on.path(path)):
                raise XenError(f"{path} is the guest's file itself", hint="move it to /etc/xen")
        return Plan(steps, f"{known.name} is not started with the host")
    if os.path.lexists(on.path(known.file.path + look.AFTER_INSTALL)):
        raise XenError(
            f"{known.name} is being installed, and its installer must not start with the host",
            hint=f"univention-xen guest finish-install {known.name}",
        )
    if Autostart.read(registry.read(str(on.root)))[0].xendomains_autostart != "yes":
        log.warning("xendomains does not start with the host: ucr set %s=yes", Autostart.xendomains_autostart.name)
    if links:
        return Plan.nothing(f"{known.name} is already started with the host")
    path = f"{auto}/{os.path.basename(known.file.path)}"
    if os.path.lexists(on.path(path)):
        raise XenError(f"{path} is there already and means another guest", hint="rename one of them")
    make = () if on.path(auto).is_dir() else (MakeDirectory(auto),)
    return Plan((*make, Link(path, known.file.path)))


def links_to(file: str, auto: str, on: Machine) -> list[str]:
    """Return what starts the guest *file* with the host."""
    try:
        names = sorted(os.listdir(on.path(auto)))
    except OSError:
        return []
    wanted = os.path.realpath(on.path(file))
    found = [f"{auto}/{name}" for name in names if not name.startswith(".")]
    return [path for path in found if leads_to(path, on) == wanted]


def files(auto: str, on: Machine) -> frozenset[str]:
    """Return where the real files of the guests lie that the directory *auto* starts with the host."""
    try:
        names = os.listdir(on.path(auto)) if auto else []
    except OSError:
        return frozenset()
    return frozenset(leads_to(f"{auto}/{name}", on) for name in names if not name.startswith("."))


def leads_to(path: str, on: Machine) -> str:
    """Return where a link of the machine leads; an absolute one is meant below its root."""
    place = on.path(path)
    if place.is_symlink() and (target := os.readlink(place)).startswith("/"):
        return os.path.realpath(on.path(target))
    return os.path.realpath(place)


def plan_libvirt(name: str, wanted: bool, stack: Libvirt) -> Plan:
    """Return the plan for a guest of libvirt, which keeps a mark of its own."""
    return Plan.of(Run(stack.words("autostart", *(() if wanted else ("--disable",)), guest_name(name))))

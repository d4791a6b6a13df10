# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What speaks against starting a guest: looked at before, so that it fails with a sentence or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from univention_xen import registry
from univention_xen.errors import XenError
from univention_xen.guest import check, look
from univention_xen.toolstack import followed

if TYPE_CHECKING:
    from univention_xen.guest.check import Facts, GuestFile
    from univention_xen.guest.model import Guest
    from univention_xen.plan import Machine
    from univention_xen.toolstack.listing import Described

XL_CONF = "/etc/xen/xl.conf"
DEFAULT = re.compile(
    r"""^\s*(?P<name>vif\.default\.(?:bridge|script)|defaultbridge|vifscript)\s*=\s*["'](?P<value>[^"']*)["']""",
    re.MULTILINE,
)
Writers = dict[str, str]


def refuse(known: Described, running: Iterable[str], syntax: str, on: Machine) -> None:
    """Raise XenError with everything that speaks against it; *syntax* is that of the toolstack's files."""
    if syntax == "xl":
        found = [each for each in check.check([known.file], facts([known.file], on)) if each.severity == "error"]
        if found:
            first, *others = (f"{each.path}:{each.line}: {each.sentence}" for each in found)
            hints = [each.hint for each in found if each.hint][:1]
            raise XenError(
                f"{known.name} would not start: {first}",
                hint="\n  ".join([*(hints or [f"univention-xen guest check {known.file.path}"]), *others]),
            )
    if not known.guest:
        raise XenError(f"{known.file.path} describes no guest", hint=f"univention-xen guest check {known.file.path}")
    needed = (*(disk.path for disk in known.guest.disks if not disk.script), known.guest.kernel, known.guest.ramdisk)
    for path in needed:
        if path.startswith("/") and not on.path(path).exists():
            raise XenError(f"{known.name} would not start: {path} does not exist")
    from univention_xen.toolstack.listing import described

    refuse_shared(known.name, writes(known.guest), written_by(running, described(on), on), on)


def facts(files: Iterable[GuestFile], on: Machine) -> Facts:
    """Return what the host knows about guests, the defaults of their network cards included."""
    found = look.facts(files, on)
    defaults = network_defaults(on.read(XL_CONF))
    bridges = found.bridges
    if defaults.get("script", "vif-bridge").rpartition("/")[2] != "vif-bridge":
        bridges = None  # cards are routed, unless they say otherwise
    elif bridges is not None:
        # vif-bridge takes ethN for a missing xenbrN
        bridges |= {f"xenbr{name[3:]}" for name in bridges if re.fullmatch(r"eth\d+", name)}
    wishes = followed.look_at(registry.read(str(on.root)), on)
    return replace(found, bridges=bridges, default_bridge=default_bridge(on), followed=wishes.lines)


def network_defaults(text: str) -> dict[str, str]:
    """Return the bridge and the script that xl.conf gives to network cards; old and new names mean the same."""
    names = {"defaultbridge": "bridge", "vifscript": "script"}
    found = ((match["name"], match["value"]) for match in DEFAULT.finditer(text))
    return {names.get(name, name.rpartition(".")[2]): value for name, value in found}


def default_bridge(on: Machine) -> str:
    """Return the bridge of a network card that names none, as xl understands xl.conf."""
    return network_defaults(on.read(XL_CONF)).get("bridge", "xenbr0")


def writes(guest: Guest) -> tuple[str, ...]:
    """Return the images and devices that a guest writes to."""
    return tuple(disk.path for disk in guest.disks if disk.writable and disk.path.startswith("/") and not disk.script)


def written_by(running: Iterable[str], files: list[Described], on: Machine) -> Writers:
    """Return who has which image, as the files of the guests that run say; readers count too."""
    names = set(running)
    found: Writers = {}
    for each in files:
        if each.name in names and each.guest:
            for disk in each.guest.disks:
                if disk.path and not disk.cdrom and not disk.script:
                    found[os.path.realpath(on.path(disk.path))] = each.name
    return found


def refuse_shared(name: str, paths: Iterable[str], writers: Writers, on: Machine) -> None:
    """Raise XenError when an image that *name* writes is in use: two writers destroy the file systems on it."""
    from univention_xen.image import users

    for path in paths:
        place = os.path.realpath(on.path(path))
        other = writers.get(place)
        if other and other != name:
            raise shared(name, path, f"the running guest {other}")
        if using := users.users(place, on.root):
            raise shared(name, path, using[0].what)


def shared(name: str, path: str, other: str) -> XenError:
    """Return the refusal."""
    return XenError(
        f"{name} would write to {path}, which is in use by {other}", hint="two writers destroy the file systems on it"
    )

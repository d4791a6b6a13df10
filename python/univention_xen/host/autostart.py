# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Which services are started at boot: enabled, disabled or masked; nothing is started or stopped here."""

from __future__ import annotations

import os
import shutil
from glob import glob
from typing import TYPE_CHECKING, NamedTuple

from univention_xen import files
from univention_xen.host import services

if TYPE_CHECKING:
    from collections.abc import Mapping

    from univention_xen.run import Runner

YES, NO, MANUALLY = "yes", "no", "manually"
OTHERS = "/etc/univention/templates/modules/autostart.py"
"""UCS's own module for such variables, from univention-base-files; it reads our service file."""


SERVICES = {"xend": ("xend",), "xendomains": ("xendomains",), "xencommons": ("xen", "xencommons")}
"""The units behind each variable; Debian calls xencommons xen."""


def follow(registry: Mapping[str, str], run: Runner | None = None) -> list[str]:
    """Make every service start at boot as the registry says; return what went wrong, in sentences."""
    from univention_xen.settings import Autostart

    if run is None:
        from univention_xen.run import Runner

        run = Runner()
    root = os.path.realpath(getattr(registry, "root", "/"))
    wanted = Autostart.read(registry)[0]
    wishes = {
        "xend": wanted.xend_autostart,
        "xendomains": wanted.xendomains_autostart,
        "xencommons": wanted.xencommons_autostart,
    }
    return [
        problem
        for name, units in SERVICES.items()
        for unit in units
        for problem in apply(root, unit, wishes[name], run)
    ]


class Unit(NamedTuple):
    """How a service stands with the init system.

    ``enabled`` is None when that cannot be changed; the administrator's own unit file is where a mask would be.
    """

    name: str
    masked: bool
    enabled: bool | None
    linked: bool
    maskable: bool = True


def apply(root: str, name: str, wanted: str, run: Runner) -> list[str]:
    """Make the service *name* start at boot, or not, as *wanted*; return what went wrong, in sentences.

    A service that is not installed is no mistake: Debian 12 has no xend. Works offline, in chroots and images.
    """
    from univention_xen.errors import XenError

    if os.path.exists(files.below(root, OTHERS)) or not (unit := look_at(root, name)):
        return []
    for words in commands(unit, wanted, root, has_systemctl=bool(shutil.which("systemctl", path=SEARCH))):
        try:
            run(*words)
        except XenError as why:
            return [f"{name} could not be set to start {at_boot(wanted)}: {why}"]
    return []


SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def at_boot(wanted: str) -> str:
    """Say in words what a value means."""
    return {YES: "at boot", NO: "never"}.get(wanted, "by hand only")


def look_at(root: str, name: str) -> Unit | None:
    """Return how the service stands, read from the file system; None when it is not installed."""
    where, script, masked = services.unit(root, name), services.script(root, name), services.is_masked(root, name)
    if not (where or script or masked):
        return None
    links = files.below(root, "/etc/rc[2-5].d")
    enabled: bool | None = bool(glob(f"{links}/S[0-9][0-9]{name}"))
    if where:
        enabled = is_enabled(root, where, name)
    elif not os.path.exists(files.below(root, "/usr/sbin/update-rc.d")):
        enabled = None  # a tree that is no system yet: links of scripts come with what makes them
    linked = bool(glob(f"{links}/[SK][0-9][0-9]{name}"))
    return Unit(name, masked, enabled, linked, maskable=where != "/etc/systemd/system")


def is_enabled(root: str, where: str, name: str) -> bool | None:
    """Return whether something pulls in the unit file in the directory *where*; None for one that nothing can."""
    wanted_by = files.below(root, f"/etc/systemd/system/*.[wr][ae][nq]*/{name}.service")
    if glob(wanted_by):
        return True
    with open(files.below(root, f"{where}/{name}.service"), encoding="utf-8", errors="replace") as file:
        return False if "[Install]" in file.read() else None


def commands(unit: Unit, wanted: str, root: str, *, has_systemctl: bool) -> list[tuple[str, ...]]:
    """Return what is to be run so that the unit stands as *wanted*; nothing when it does already."""
    if not has_systemctl:
        return sysv_commands(unit, wanted, root)
    offline = () if root == "/" else (f"--root={root}",)
    service = f"{unit.name}.service"
    if wanted == NO:
        if unit.masked:
            return []
        verbs = ["disable"] * bool(unit.enabled) + ["mask"] * unit.maskable  # a masked unit cannot be disabled any more
    else:
        change = unit.enabled is not None and unit.enabled is not (wanted == YES)
        verbs = ["unmask"] * unit.masked + ["enable" if wanted == YES else "disable"] * change
    return [("systemctl", *offline, "--quiet", verb, service) for verb in verbs]


def sysv_commands(unit: Unit, wanted: str, root: str) -> list[tuple[str, ...]]:
    """Return the same for a host without systemd; a script without any link is not started anyway."""
    inside = () if root == "/" else ("chroot", root)
    if wanted == YES and unit.enabled is False:
        return [(*inside, "update-rc.d", unit.name, "enable" if unit.linked else "defaults")]
    if wanted != YES and unit.enabled:
        return [(*inside, "update-rc.d", unit.name, "disable")]
    return []

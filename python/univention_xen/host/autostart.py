# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Which services are started at boot: enabled, disabled or masked; nothing is started or stopped here."""

from __future__ import annotations

import os

from univention_xen import files
from univention_xen.host import services

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from univention_xen.run import Runner

YES, NO, MANUALLY = "yes", "no", "manually"
OTHERS = "/etc/univention/templates/modules/autostart.py"
"""UCS's own module for such variables, from univention-base-files; it reads our service file."""


SERVICES = {"xend": ("xend",), "xendomains": ("xendomains",), "xencommons": ("xen", "xencommons")}
"""The units behind each variable; Debian calls xencommons xen."""


def follow(registry: Mapping[str, str], run: Runner | None = None) -> list[str]:
    """Make every service start at boot as the registry says; return what went wrong, in sentences.

    A service that is not installed is no mistake: Debian 12 has no xend. Works offline, in chroots and images.
    """
    root = os.path.realpath(getattr(registry, "root", "/"))
    if os.path.exists(files.below(root, OTHERS)):
        return []
    found = {name: [unit for unit in units if look_at(root, unit)] for name, units in SERVICES.items()}
    if not any(found.values()):
        return []
    wanted = wishes(registry)
    run = run or runner()
    return [
        problem for name, units in found.items() for unit in units for problem in apply(root, unit, wanted[name], run)
    ]


def wishes(registry: Mapping[str, str]) -> dict[str, str]:
    """Return what the registry says about each service."""
    from univention_xen.settings.host import Autostart

    wanted = Autostart.read(registry)[0]
    return {
        "xend": wanted.xend_autostart,
        "xendomains": wanted.xendomains_autostart,
        "xencommons": wanted.xencommons_autostart,
    }


def runner() -> Runner:
    """Return what starts programs."""
    from univention_xen.run import Runner

    return Runner()


class Unit:
    """How a service stands with the init system.

    ``enabled`` is None when that cannot be changed, ``linked`` says that its script has start or stop links, and
    ``maskable`` is False where the administrator's own unit file lies in the place of a mask.
    """

    __slots__ = ("enabled", "linked", "maskable", "masked", "name")

    def __init__(
        self,
        name: str,
        *,
        masked: bool = False,
        enabled: bool | None = False,
        linked: bool = False,
        maskable: bool = True,
    ) -> None:
        self.name, self.masked, self.enabled, self.linked, self.maskable = name, masked, enabled, linked, maskable

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unit) and repr(self) == repr(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "Unit(" + ", ".join(f"{word}={getattr(self, word)!r}" for word in self.__slots__) + ")"


def apply(root: str, name: str, wanted: str, run: Runner) -> list[str]:
    """Make the service *name* start at boot, or not, as *wanted*; return what went wrong, in sentences."""
    from univention_xen.errors import XenError

    if not (unit := look_at(root, name)):
        return []
    has_systemctl = any(os.access(f"{directory}/systemctl", os.X_OK) for directory in SEARCH)
    for words in commands(unit, wanted, root, has_systemctl=has_systemctl):
        try:
            run(*words)
        except XenError as why:
            return [f"{name} could not be set to start {at_boot(wanted)}: {why}"]
    return []


SEARCH = ("/usr/bin", "/bin")


def at_boot(wanted: str) -> str:
    """Say in words what a value means."""
    return {YES: "at boot", NO: "never"}.get(wanted, "by hand only")


def look_at(root: str, name: str) -> Unit | None:
    """Return how the service stands, read from the file system; None when it is not installed."""
    where, script, masked = services.unit(root, name), services.script(root, name), services.is_masked(root, name)
    if not (where or script or masked):
        return None
    links = [link for level in "2345" for link in entries(root, f"/etc/rc{level}.d") if link[3:] == name]
    enabled: bool | None = any(link.startswith("S") for link in links)
    if where:
        enabled = is_enabled(root, where, name)
    elif not os.path.exists(files.below(root, "/usr/sbin/update-rc.d")):
        enabled = None  # a tree that is no system yet: links of scripts come with what makes them
    maskable = where != "/etc/systemd/system"
    return Unit(name, masked=masked, enabled=enabled, linked=bool(links), maskable=maskable)


def entries(root: str, directory: str) -> list[str]:
    """Return the names in a directory, none when there is no such directory."""
    try:
        return os.listdir(files.below(root, directory))
    except OSError:
        return []


def is_enabled(root: str, where: str, name: str) -> bool | None:
    """Return whether something pulls in the unit file in the directory *where*; None for one that nothing can."""
    pulls = [entry for entry in entries(root, "/etc/systemd/system") if entry.endswith((".wants", ".requires"))]
    if any(os.path.lexists(files.below(root, f"/etc/systemd/system/{entry}/{name}.service")) for entry in pulls):
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

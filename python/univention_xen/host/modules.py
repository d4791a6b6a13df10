# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Kernel modules that a Dom0 needs: loaded when the package is installed, and listed where UCS keeps such lists.

At boot they are loaded by systemd from the list that the package ships.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from univention_xen import registry
from univention_xen.errors import XenError
from univention_xen.host import hypervisor
from univention_xen.log import log
from univention_xen.plan import Machine, Plan, Run
from univention_xen.settings.boot import Modules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LIST = "/usr/lib/modules-load.d/univention-xen.conf"
TEMPLATE_OF_UCS = "/etc/univention/templates/files/etc/modules"
"""Where univention-base-files makes /etc/modules from a variable."""


def needed(text: str) -> list[str]:
    """Return the modules in a list."""
    return [line for line in map(str.strip, text.splitlines()) if line and line[0] not in "#;"]


def plan_listing(modules: Sequence[str], values: Mapping[str, str], on: Machine) -> Plan:
    """Plan to append what is missing to UCS's own list; what is there stays as it is, and in its order."""
    if not on.path(TEMPLATE_OF_UCS).exists():
        return Plan.nothing("this host keeps no list of modules in its registry")
    variable = Modules.kernel_modules
    present = values.get(variable.name) or ""
    known = {plain(word) for word in present.split(";")}
    missing = [module for module in modules if plain(module) not in known]
    if not missing:
        return Plan.nothing("every module is listed")
    whole = ";".join(filter(None, [present.rstrip("; "), *missing]))
    return Plan.of(Run(("univention-config-registry", "set", f"{variable.name}={whole}")))


def plan_loading(modules: Sequence[str], role: str, loaded: str) -> Plan:
    """Plan to load what is missing, in a Dom0; *loaded* is the text of /proc/modules."""
    if role != "dom0":
        return Plan.nothing("this is no Dom0 yet")
    there = {plain(line.split(" ", 1)[0]) for line in loaded.splitlines()}
    return Plan.of(*(Run(("modprobe", module)) for module in modules if plain(module) not in there))


def plain(module: str) -> str:
    """Return the name as the kernel writes it, without options."""
    return module.strip().partition(" ")[0].replace("-", "_")


def install(on: Machine | None = None, *, first: bool) -> None:
    """Do what the installation of the package has to do; says what did not work, and never raises XenError.

    The list of UCS is changed on the *first* installation only, so that nothing comes back that was taken out.
    """
    on = on or Machine()
    modules = needed(on.read(LIST))
    role = hypervisor.role_of(on.read(hypervisor.TYPE).strip(), on.read(hypervisor.CAPABILITIES))
    plan = plan_loading(modules, role, on.read("/proc/modules"))
    if first:
        plan += plan_listing(modules, registry.read(str(on.root)), on)
    for step in plan.steps:
        try:
            step.apply(on)
        except XenError as why:
            log.warning("%s", why)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The computed lines of /etc/xen/xl.conf, for xl of Xen 4.17.

xl has the same defaults as the registry's variables, so that most lines appear only for a changed variable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from univention_xen.host import conffile
from univention_xen.settings.host import Ballooning
from univention_xen.settings.network import Network
from univention_xen.settings.xl import Xl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from univention_xen.settings.variable import Variable


OPTIONS: dict[str, dict[str, Variable[Any]]] = {
    "claim": {"claim_mode": Xl.claim_mode},
    "backend": {"vif.default.backend": Xl.vif_backend},
    "limits": {
        "max_grant_frames": Xl.max_grant_frames,
        "max_maptrack_frames": Xl.max_maptrack_frames,
        "max_grant_version": Xl.max_grant_version,
    },
    "cpus": {"vm.cpumask": Xl.cpumask, "vm.hvm.cpumask": Xl.cpumask_hvm, "vm.pv.cpumask": Xl.cpumask_pv},
    "tools": {
        "domid_policy": Xl.domid_policy,
        "output_format": Xl.output_format,
        "lockfile": Xl.lockfile,
        "run_hotplug_scripts": Xl.run_hotplug_scripts,
        "blkdev_start": Xl.blkdev_start,
    },
}


class XlConf(Xl, Ballooning, Network):
    """The variables behind xl.conf."""


def text(registry: Mapping[str, str], template: str) -> str:
    """Return the template's text with the computed lines in it; what is wrong goes to stderr."""
    settings = conffile.settings(registry, XlConf)
    return conffile.fill(template, blocks(settings))


def blocks(settings: XlConf) -> dict[str, Iterator[str]]:
    """Return the lines of each block of the template."""
    return {
        "network": network(settings),
        "memory": memory(settings),
        **{block: changed(settings, options) for block, options in OPTIONS.items()},
    }


def line(name: str, value: bool | int | str) -> str:
    """Return an assignment as xl reads it: whole numbers, and text in double quotes with two escapes."""
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{name}="{escaped}"'
    return f"{name}={int(value)}"


def network(settings: Network) -> Iterator[str]:
    """Yield what the network cards of guests are connected to, and by which script."""
    if settings.mode == "none":
        return
    yield line("vif.default.script", f"vif-{settings.mode}")
    if settings.mode == "bridge":
        yield line("vif.default.bridge", settings.bridge_name)
    elif settings.bridge_interface not in ("", "none"):
        yield line("vif.default.gatewaydev", settings.bridge_interface)


def memory(settings: Ballooning) -> Iterator[str]:
    """Yield whether Dom0 gives memory to guests."""
    yield line("autoballoon", "auto" if settings.ballooning else "off")


def changed(settings: Xl, options: Mapping[str, Variable[Any]]) -> Iterator[str]:
    """Yield the options whose variable is not at its default, which is xl's own."""
    for option, variable in options.items():
        if not settings.is_default(variable):
            yield line(option, settings.values[variable.field])

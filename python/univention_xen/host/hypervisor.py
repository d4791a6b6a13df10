# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The hypervisor below this system: is there one, what can it do, which domains does it run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from univention_xen.errors import XenError

if TYPE_CHECKING:
    from univention_xen.plan import Machine
    from univention_xen.toolstack.domain import Domain
    from univention_xen.toolstack.xl import Xl

TYPE, CAPABILITIES, PROCESSORS = "/sys/hypervisor/type", "/proc/xen/capabilities", "/proc/cpuinfo"


class Hypervisor(NamedTuple):
    """What is known about the hypervisor; memory in MiB.

    ``role`` is "dom0", "guest" (Xen is there, but this is not its Dom0), or "" without Xen. ``can`` names the kinds
    of guest: pv, pvh, hvm; without Xen, what the processor could do. ``why`` says why nothing more is known.
    """

    role: str
    version: str = ""
    command_line: str = ""
    memory: int = 0
    free: int = 0
    processors: int = 0
    can: tuple[str, ...] = ()
    iommu: bool | None = None
    why: str = ""


def look_at(on: Machine, tool: Xl) -> tuple[Hypervisor, list[Domain]]:
    """Ask the machine, through *tool* where there is a hypervisor to ask."""
    role = role_of(on.read(TYPE).strip(), on.read(CAPABILITIES))
    if role != "dom0":
        return Hypervisor(role, can=processor_can(on.read(PROCESSORS))), []
    try:
        return parse_info(on.run(tool.program, "info").out), tool.domains(on.run)
    except XenError as why:
        return Hypervisor(role, why=str(why)), []


def role_of(kind: str, capabilities: str) -> str:
    """Return what this system is to Xen. Only Dom0 has the file with control_d in it."""
    if kind not in ("", "xen"):
        return ""
    if "control_d" in capabilities:
        return "dom0"
    return "guest" if kind == "xen" else ""


def processor_can(cpuinfo: str) -> tuple[str, ...]:
    """Return the kinds of guest that the processor makes possible, from /proc/cpuinfo without a hypervisor."""
    return ("pv", "pvh", "hvm") if re.search(r"^flags\s*:.*\b(vmx|svm)\b", cpuinfo, re.MULTILINE) else ("pv",)


def parse_info(text: str) -> Hypervisor:
    """Read what `xl info` or `xm info` prints. Memory is in MiB in all versions.

    PVH came with 4.10 and needs what HVM needs. Older versions say with xen_caps alone whether there is HVM.
    """
    found = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}
    version = found.get("xen_version") or f"{found.get('xen_major', '')}.{found.get('xen_minor', '')}".strip(".")
    extras = found.get("virt_caps", "").split()
    caps = found.get("xen_caps", "")
    hvm = "hvm" in extras or "hvm-3.0" in caps
    can = [kind for kind, there in (("pv", "pv" in extras or "xen-3.0" in caps),) if there]
    if hvm:
        can += ["pvh", "hvm"] if release(version) >= (4, 10) else ["hvm"]
    return Hypervisor(
        "dom0", version, found.get("xen_commandline", ""), number(found, "total_memory"), number(found, "free_memory"),
        number(found, "nr_cpus"), tuple(can), any("directio" in word for word in extras) if hvm else False,
    )  # fmt: skip


def release(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version."""
    return tuple(map(int, re.findall(r"[0-9]+", version)[:2]))


def number(found: dict[str, str], name: str) -> int:
    """Return a number, 0 when there is none."""
    value = found.get(name, "")
    return int(value) if value.isdecimal() else 0

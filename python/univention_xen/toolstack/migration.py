# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What the other host says about a guest that is to move there: asked in one go, before anything happens."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

from univention_xen.errors import CommandFailed, XenError
from univention_xen.toolstack.starting import default_bridge
from univention_xen.toolstack.xl import parse_list

if TYPE_CHECKING:
    from univention_xen.guest.model import Guest
    from univention_xen.plan import Machine
    from univention_xen.toolstack.domain import Domain

SSH = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10")
SCRIPT = """\
for path in {paths}; do [ -e "$path" ] || printf 'missing %s\\n' "$path"; done
for bridge in {bridges}; do [ -d "/sys/class/net/$bridge/bridge" ] || printf 'bridge %s\\n' "$bridge"; done
PATH=/usr/sbin:/usr/bin:/sbin:/bin
xl info | sed -n 's/^free_memory *: */free /p; s/^xen_version *: */version /p' || exit 3
echo domains
xl list
"""


class Target(NamedTuple):
    """What the other host says: images and bridges that it lacks, MiB that are free, the names of its domains."""

    missing: tuple[str, ...]
    bridges: tuple[str, ...]
    free: int
    names: frozenset[str]


def refuse(domain: Domain, guest: Guest | None, host: str, on: Machine) -> None:
    """Raise XenError with everything that speaks against moving a guest to *host*."""
    if not guest:
        raise XenError(
            f"no file describes {domain.name}, so it is not known what it needs on {host}",
            hint="write its file to /etc/xen first",
        )
    images = tuple(disk.path for disk in guest.disks if disk.path and not disk.script)
    bridges = tuple(dict.fromkeys(vif.bridge or default_bridge(on) for vif in guest.vifs))
    try:
        answer = on.run(*SSH, host, script(images, bridges)).out
    except CommandFailed as why:
        said = why.err.strip().splitlines()
        raise XenError(
            f"{host} does not answer as a Xen host through ssh" + (f": {said[-1]}" if said else ""),
            hint=f"ssh {host} xl info must work without a password",
        ) from None
    problems = judge(domain, host, parse(answer, host))
    if problems:
        first, *others = problems
        raise XenError(first, hint="\n  ".join(["nothing has been done; the guest runs on here", *others]))


def script(images: tuple[str, ...], bridges: tuple[str, ...]) -> str:
    """Return what the shell of the other host is asked."""
    return SCRIPT.format(paths=shlex.join(images), bridges=shlex.join(bridges))


def parse(answer: str, host: str) -> Target:
    """Read the other host's answer. Raises XenError when it is none."""
    before, sign, after = answer.partition("domains\n")
    free = re.search(r"^free (\d+)$", before, re.MULTILINE)
    if not sign or not free:
        raise XenError(f"{host} does not run Xen", hint=f"ssh {host} xl info")
    missing = tuple(re.findall(r"^missing (.*)$", before, re.MULTILINE))
    bridges = tuple(re.findall(r"^bridge (.*)$", before, re.MULTILINE))
    return Target(missing, bridges, int(free[1]), frozenset(each.name for each in parse_list(after)))


def judge(domain: Domain, host: str, target: Target) -> list[str]:
    """Return what speaks against it."""
    problems = [f"{host} cannot reach the image {path}" for path in target.missing]
    problems += [f"{host} has no bridge {bridge}" for bridge in target.bridges]
    if domain.name in target.names:
        problems.append(f"{host} has a guest {domain.name} already")
    if domain.memory is not None and domain.memory > target.free:
        problems.append(f"{host} has {target.free} MiB free, and {domain.name} has {domain.memory} MiB")
    return problems

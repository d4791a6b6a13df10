# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What the other host says about a guest that is to move there: asked in one go, before anything happens."""

from __future__ import annotations

import os
import re
import shlex
import stat
from typing import TYPE_CHECKING, NamedTuple

from univention_xen.errors import CommandFailed, ToolMissing, XenError
from univention_xen.log import log
from univention_xen.toolstack.starting import default_bridge
from univention_xen.toolstack.xl import parse_list

if TYPE_CHECKING:
    from univention_xen.guest.model import Guest
    from univention_xen.plan import Machine
    from univention_xen.toolstack.domain import Domain
    from univention_xen.toolstack.listing import Described

SSH = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10")
SCRIPT = """\
PATH=/usr/sbin:/usr/bin:/sbin:/bin
for path in {paths}; do
if [ -b "$path" ]; then printf 'device %s %s\\n' "$(blockdev --getsize64 "$path")" "$path"
elif [ -e "$path" ]; then stat -L -c 'image %s %i %n' "$path"
else printf 'missing %s\\n' "$path"; fi; done
for bridge in {bridges}; do [ -d "/sys/class/net/$bridge/bridge" ] || printf 'bridge %s\\n' "$bridge"; done
[ -e {file} ] || echo nofile
xl info | sed -n 's/^free_memory *: */free /p; s/^xen_version *: */version /p' || exit 3
echo domains
xl list
"""


class Image(NamedTuple):
    """An image: its bytes, and the number of its file, 0 for a device."""

    size: int
    inode: int


class Target(NamedTuple):
    """What the other host says.

    Images and bridges that it lacks, MiB that are free, the names of its domains, its Xen, the images that it has, and
    whether it has the guest's file.
    """

    missing: tuple[str, ...]
    bridges: tuple[str, ...]
    free: int
    names: frozenset[str]
    version: str = ""
    images: tuple[tuple[str, Image], ...] = ()
    described: bool = True


class Xen(NamedTuple):
    """This host's Xen: its version, and whether it can track what a paravirtualised guest writes; None is unknown."""

    version: str
    shadow: bool | None


def refuse(domain: Domain, known: Described | None, host: str, on: Machine) -> None:
    """Raise XenError with everything that speaks against moving a guest to *host*; warn of what may."""
    guest = known.guest if known else None
    if not known or not guest:
        raise XenError(
            f"no file describes {domain.name}, so it is not known what it needs on {host}",
            hint="write its file to /etc/xen first",
        )
    xen = look_at(on)
    refuse_shadowless(domain.name, guest, xen, host)
    images = tuple(disk.path for disk in guest.disks if disk.path and not disk.script)
    bridges = tuple(dict.fromkeys(vif.bridge or default_bridge(on) for vif in guest.vifs))
    try:
        answer = on.run(*SSH, host, script(images, bridges, known.file.path)).out
    except CommandFailed as why:
        said = why.err.strip().splitlines()
        raise XenError(
            f"{host} does not answer as a Xen host through ssh" + (f": {said[-1]}" if said else ""),
            hint=f"ssh {host} xl info must work without a password",
        ) from None
    target = parse(answer, host)
    problems = judge(domain, host, target)
    if problems:
        first, *others = problems
        raise XenError(first, hint="\n  ".join(["nothing has been done; the guest runs on here", *others]))
    ours = {disk.path: each for disk in guest.disks if disk.writable and (each := image(disk.path, on))}
    for doubt in doubts(host, target, ours, xen, known.file.path):
        log.warning("%s", doubt)


def look_at(on: Machine) -> Xen:
    """Return what Xen this host runs."""
    try:
        return parse_info(on.run("xl", "info").out)
    except (CommandFailed, ToolMissing):
        return Xen("", None)


def parse_info(text: str) -> Xen:
    """Read what `xl info` prints.

    Since Xen 4.13 it tells in virt_caps whether there are "pv" and "shadow". Debian 12's has no shadow paging, and
    moving such a guest ends there with "Failed to enable logdirty: 95" (seen with 4.17).
    """
    version = re.search(r"^xen_version *: *(\S+)", text, re.MULTILINE)
    found = re.search(r"^virt_caps *: *(.*)", text, re.MULTILINE)
    caps = found[1].split() if found else []
    return Xen(version[1] if version else "", "shadow" in caps if "pv" in caps or "shadow" in caps else None)


def refuse_shadowless(name: str, guest: Guest, xen: Xen, host: str) -> None:
    """Raise XenError when Xen cannot move a guest of this kind while it runs."""
    if guest.kind != "pv" or xen.shadow:
        return
    if xen.shadow is None:
        log.warning("it is not known whether this Xen can move paravirtualised guests: that needs shadow paging")
        return
    raise XenError(
        f"{name} is paravirtualised, and this Xen has no shadow paging, without which such a guest cannot move running",
        hint=f"univention-xen guest save {name} FILE, bring FILE to {host}, there univention-xen guest restore FILE;\n"
        "  or let it start as pvh, which can move; nothing has been done",
    )


def image(path: str, on: Machine) -> Image | None:
    """Return an image of this host; None when it cannot be looked at."""
    try:
        status = os.stat(on.path(path))
        if stat.S_ISBLK(status.st_mode):
            with open(on.path(path), "rb") as device:
                return Image(device.seek(0, os.SEEK_END), 0)
    except OSError:
        return None
    return Image(status.st_size, status.st_ino)


def script(images: tuple[str, ...], bridges: tuple[str, ...], file: str) -> str:
    """Return what the shell of the other host is asked."""
    return SCRIPT.format(paths=shlex.join(images), bridges=shlex.join(bridges), file=shlex.quote(file))


def parse(answer: str, host: str) -> Target:
    """Read the other host's answer. Raises XenError when it is none."""
    before, sign, after = answer.partition("domains\n")
    free = re.search(r"^free (\d+)$", before, re.MULTILINE)
    if not sign or not free:
        raise XenError(f"{host} does not run Xen", hint=f"ssh {host} xl info")
    missing = tuple(re.findall(r"^missing (.*)$", before, re.MULTILINE))
    bridges = tuple(re.findall(r"^bridge (.*)$", before, re.MULTILINE))
    version = re.search(r"^version (\S+)$", before, re.MULTILINE)
    files = re.findall(r"^image (\d+) (\d+) (.*)$", before, re.MULTILINE)
    devices = re.findall(r"^device (\d+) (.*)$", before, re.MULTILINE)
    images = [(path, Image(int(size), int(inode))) for size, inode, path in files]
    images += [(path, Image(int(size), 0)) for size, path in devices]
    names = frozenset(each.name for each in parse_list(after))
    described = not re.search(r"^nofile$", before, re.MULTILINE)
    return Target(missing, bridges, int(free[1]), names, version[1] if version else "", tuple(images), described)


def judge(domain: Domain, host: str, target: Target) -> list[str]:
    """Return what speaks against it."""
    problems = [f"{host} cannot reach the image {path}" for path in target.missing]
    problems += [f"{host} has no bridge {bridge}" for bridge in target.bridges]
    if domain.name in target.names:
        problems.append(f"{host} has a guest {domain.name} already")
    if domain.memory is not None and domain.memory > target.free:
        problems.append(f"{host} has {target.free} MiB free, and {domain.name} has {domain.memory} MiB")
    return problems


def doubts(host: str, target: Target, ours: dict[str, Image], xen: Xen, file: str) -> list[str]:
    """Return what may be wrong: images that are others there, another Xen, no file to start the guest from again.

    File systems that two hosts share, such as NFS and OCFS2, give a file the same number on both.
    """
    found = []
    for path, there in target.images:
        here = ours.get(path)
        if here and here != there:
            how = f"{there.size} bytes instead of {here.size}" if here.size != there.size else "another file, as large"
            found.append(f"{path} on {host} seems not to be the same storage ({how}): its data would be torn apart")
    if xen.version and target.version and xen.version.split(".")[:2] != target.version.split(".")[:2]:
        move = "guests move to the same or the next one only"
        found.append(f"{host} runs Xen {target.version} and this host {xen.version}: {move}")
    if not target.described:
        found.append(f"{host} has no {file}: bring it there, or the guest cannot be started again")
    return found

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What is odd about the files of guests, and about secrets on this host."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from univention_xen.errors import XenError
from univention_xen.guest import check, load_xl, look
from univention_xen.guest.words import BadSyntax, CannotRun
from univention_xen.host.check_running import FULL
from univention_xen.settings.relocation import Relocation
from univention_xen.settings.server import Server
from univention_xen.settings.vnc import Vnc
from univention_xen.toolstack import starting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from univention_xen.guest.check import Finding, GuestFile
    from univention_xen.plan import Machine
    from univention_xen.settings.everything import Settings

    Row = tuple[str, str, str, str]

WARNING, NOTE = "warning", "note"
PASSWORDS = (Vnc.vnc_passwordfile.name, Vnc.vnc_password.name)
GRAVE = {"vnc", "vnc-password", "mode"}
"""Rules of `guest check` that are about the safety of the host, whatever they say about the guest."""

SECRETS = {
    "/etc/xen/xend-config.sxp": "may hold the password of screens",
    "/etc/xen/vncpasswd": "holds the password of screens",
}


def files(on: Machine) -> list[GuestFile]:
    """Return the files of guests that can be read."""
    found = []
    for path in look.all_files(on):
        try:
            found.append(look.read(path, on))
        except XenError:
            continue
    return found


def look_at(on: Machine, settings: Settings, toolstack: str, images: str) -> list[Row]:
    """Return level, subject, sentence and hint of everything; what xl says about guests only where xl starts them."""
    found = files(on)
    rows = [*secrets(on, settings), *room(on, found, images)]
    if toolstack == "xl":
        facts = starting.facts(found, on)
        rows += [*passwords(on, settings), *judge(check.check(found, facts))]
    return rows


def judge(findings: Sequence[Finding]) -> Iterator[Row]:
    """Yield what `guest check` says; lines that follow the registry are looked at for all toolstacks alike."""
    for each in findings:
        if each.rule == "tag":
            continue
        level = WARNING if each.severity == "error" or each.rule in GRAVE else NOTE
        where = f"{each.path}:{each.line}" if each.line else each.path
        yield level, each.path, f"{where}: {each.sentence}", each.hint or f"univention-xen guest check {each.path}"


def passwords(on: Machine, settings: Settings) -> Iterator[Row]:
    """Yield that a password is configured which no device model here can ask for."""
    if settings.asks_for_password and not look.can_ask_for_passwords(on):
        name = PASSWORDS[0] if settings.vnc_passwordfile else PASSWORDS[1]
        problem = f"{name}: the device model of this host cannot ask for a VNC password, so guests get none"
        yield WARNING, name, problem, "let screens be seen at 127.0.0.1 only, and reach them through ssh -L"


def secrets(on: Machine, settings: Settings) -> Iterator[Row]:
    """Yield files with secrets that others than root can read; passwordfile is judged where it is read."""
    found = dict(SECRETS)
    for variable in (Relocation.relocation_ssl_key, Server.xmlrpc_ssl_key):
        if path := settings.values[variable.field]:
            found[path] = f"is the private key in {variable.name}"
    found.pop(settings.vnc_passwordfile, None)
    for path, what in found.items():
        try:
            mode = stat.S_IMODE(on.path(path).stat().st_mode)
        except OSError:
            continue
        if mode & 0o077:
            yield WARNING, path, f"{path} {what}, and others can open it (mode {mode:04o})", f"chmod 600 {path}"


def room(on: Machine, guests: Sequence[GuestFile], images: str) -> Iterator[Row]:
    """Yield file systems other than that of *images* on which an image has no room to grow."""
    seen = {device(on, images)}
    for file in guests:
        try:
            disks = load_xl.load(file.text, file.path).guest.disks
        except (BadSyntax, CannotRun):
            continue
        for disk in disks:
            if not disk.writable or not on.path(disk.path).is_file() or device(on, disk.path) in seen:
                continue
            seen.add(device(on, disk.path))
            about = os.statvfs(on.path(disk.path))
            if about.f_bavail < about.f_blocks * FULL:
                problem = f"the file system of {disk.path} is nearly full, and a sparse image needs room to grow"
                yield (
                    WARNING,
                    disk.path,
                    problem,
                    f"univention-xen image sparsify {disk.path} gives some back",
                )


def device(on: Machine, path: str) -> int | None:
    """Return the number of the file system that *path* lies on, None when there is no such path."""
    try:
        return on.path(path).stat().st_dev
    except OSError:
        return None

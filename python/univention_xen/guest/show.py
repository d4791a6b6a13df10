# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Tells people what a guest is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from univention_xen.errors import XenError
from univention_xen.guest import dialect, load_xl, load_xm
from univention_xen.guest.convert import modern_lines
from univention_xen.guest.model import KINDS, Guest
from univention_xen.guest.program import understand
from univention_xen.guest.words import CannotRun

if TYPE_CHECKING:
    from univention_xen.guest.check import GuestFile


def meaning(file: GuestFile) -> tuple[Guest, str]:
    """Return the guest in a file and for which toolstack the file was written, xl or xm.

    Raises XenError when there is none.
    """
    toolstack = "xl" if dialect.for_xl(file.text) else "xm"
    try:
        if toolstack == "xl":
            return load_xl.load(file.text, file.path).guest, toolstack
        program = understand(modern_lines(file.text, file.path, []), file.path)
        return load_xm.load(program, os.path.basename(file.path)).guest, toolstack
    except CannotRun as why:
        raise XenError(
            f"{file.path} describes no guest: {why}", hint=f"univention-xen guest check {file.path}"
        ) from None


def as_text(guest: Guest, file: GuestFile, toolstack: str) -> str:
    """Return what people want to know about a guest."""
    rows = [("kind", f"{guest.kind} ({KINDS[guest.kind]})"), ("file", f"{file.path} (for {toolstack})")]
    more = f", up to {guest.maxmem} MiB" if guest.maxmem != guest.memory else ""
    rows += [("memory", f"{guest.memory} MiB{more}"), ("processors", str(guest.vcpus))]
    for disk in guest.disks:
        use = "CD" if disk.cdrom else disk.format if disk.writable else f"{disk.format}, read-only"
        through = f" through {disk.script}" if disk.script else ""
        rows.append(("disk", f"{disk.vdev}: {disk.path or 'nothing inserted'} ({use}){through}"))
    for vif in guest.vifs:
        model = f", {vif.model or 'rtl8139'}" if guest.kind == "hvm" and vif.emulated else ""
        rows.append(("network card", f"{vif.mac or 'any MAC address'} at {vif.bridge or 'the default bridge'}{model}"))
    rows += [(what, value) for what, value in starting(guest) if value]
    rows.append(("screen", screen(guest)))
    rows.append(("at the end", f"poweroff: {guest.on_poweroff}, reboot: {guest.on_reboot}, crash: {guest.on_crash}"))
    return "\n".join([guest.name, *(f"  {what:13} {value}" for what, value in rows)])


def starting(guest: Guest) -> list[tuple[str, str]]:
    """Return what the guest starts from."""
    loader = " ".join([guest.bootloader, *guest.bootloader_args]) if guest.bootloader else ""
    return [
        ("boots from", ", ".join(guest.boot)), ("boot loader", loader), ("kernel", guest.kernel),
        ("initrd", guest.ramdisk), ("command line", guest.cmdline),
    ]  # fmt: skip


def screen(guest: Guest) -> str:
    """Return where the guest's screen is."""
    vnc = guest.vnc
    if not vnc.on:
        return "SDL" if guest.sdl else "none"
    display = "a free display" if vnc.display is None else f"display {vnc.display}"
    return f"VNC on {vnc.listen}, {display}, {'with' if vnc.password else 'without'} a password"

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What a guest is, whatever file describes it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

KINDS = {"pv": "paravirtualised", "hvm": "fully virtualised", "pvh": "paravirtualised in a hardware container"}
ACTIONS = ("destroy", "restart", "rename-restart", "preserve", "coredump-destroy", "coredump-restart", "soft-reset")
"""What xl 4.17 can do when a guest ends."""


@dataclass(frozen=True)
class Disk:
    """A disk of a guest; *path* is '' for an empty CD drive. *mode* is r or w."""

    path: str
    vdev: str
    mode: str = "w"
    cdrom: bool = False
    format: str = "raw"
    script: str = ""
    backend: str = ""
    options: tuple[str, ...] = ()
    """What else xl is told, word by word: backendtype=qdisk, no-discard, …"""

    @property
    def writable(self) -> bool:
        """A CD can never be written, whatever the file says."""
        return self.mode == "w" and not self.cdrom


@dataclass(frozen=True)
class Vif:
    """A network card. *mac* and *bridge* are '' when the host chooses; *emulated* makes sense for hvm only."""

    mac: str = ""
    bridge: str = ""
    model: str = ""
    emulated: bool = True
    options: tuple[tuple[str, str], ...] = ()
    """What else is said: ip, script, vifname, rate, backend, …"""


@dataclass(frozen=True)
class Vnc:
    """The guest's screen over VNC; *display* is None when the host chooses."""

    on: bool = False
    listen: str = "127.0.0.1"
    display: int | None = None
    unused: bool = True
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Guest:
    """A guest as its file describes it. Sizes are MiB; None and '' mean that the file leaves it to the host."""

    name: str
    kind: str
    memory: int
    maxmem: int
    vcpus: int = 1
    disks: tuple[Disk, ...] = ()
    vifs: tuple[Vif, ...] = ()
    boot: str = ""
    bootloader: str = ""
    bootloader_args: tuple[str, ...] = ()
    kernel: str = ""
    ramdisk: str = ""
    cmdline: str = ""
    vnc: Vnc = Vnc()
    sdl: bool = False
    on_poweroff: str = "destroy"
    on_reboot: str = "restart"
    on_crash: str = "destroy"
    uuid: str = ""

    def as_data(self) -> dict[str, Any]:
        """Return this for JSON. Whether there is a VNC password is said, the password is not."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        data["disks"] = [disk_data(disk) for disk in self.disks]
        data["vifs"] = [vif_data(vif) for vif in self.vifs]
        data["vnc"] = {"on": False}
        if self.vnc.on:
            shown = {name: getattr(self.vnc, name) for name in ("on", "listen", "display", "unused")}
            data["vnc"] = shown | {"password": bool(self.vnc.password)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in data.items()}


def disk_data(disk: Disk) -> dict[str, Any]:
    """Return a disk for JSON."""
    return {name: getattr(disk, name) for name in Disk.__dataclass_fields__} | {"options": list(disk.options)}


def vif_data(vif: Vif) -> dict[str, Any]:
    """Return a network card for JSON."""
    data = {name: getattr(vif, name) for name in ("mac", "bridge", "model", "emulated")}
    return data | dict(vif.options)


MAC = re.compile(r"[0-9a-fA-F]{1,2}(?:[:-][0-9a-fA-F]{1,2}){5}")


def spelt_mac(text: str) -> str:
    """Return a MAC address as xl prints it; '' for what is none."""
    if not MAC.fullmatch(text):
        return ""
    return ":".join(f"{int(byte, 16):02x}" for byte in re.split("[:-]", text))


def same_action(word: str) -> str:
    """Return the action with hyphens, as files spell it."""
    return word.replace("_", "-")


def differences(old: Guest, new: Guest) -> list[tuple[str, Any, Any]]:
    """Return in which respects two guests mean different things, as (what, old, new).

    Equal are: w and w!, any mode of a CD, a MAC in another spelling or any where there was none, any bridge where there
    was none, the model rtl8139 and none, runs of blanks in the command line, the order of disks.
    """
    names = ("name", "kind", "memory", "maxmem", "vcpus", "kernel", "ramdisk", "on_poweroff", "on_reboot", "on_crash")
    found = [
        (each, getattr(old, each), getattr(new, each)) for each in names if getattr(old, each) != getattr(new, each)
    ]
    pairs: list[tuple[str, Any, Any]] = [
        ("boot", old.boot, new.boot),
        ("cmdline", old.cmdline.split(), new.cmdline.split()),
        ("bootloader", boot_program(old), boot_program(new)),
        ("sdl", old.sdl, new.sdl),
        ("disks", sorted(map(disk_meaning, old.disks)), sorted(map(disk_meaning, new.disks))),
    ]
    found += [pair for pair in pairs if pair[1] != pair[2]]
    if screen(old) != screen(new):
        found.append(("vnc", old.vnc, new.vnc))  # their passwords are compared but never shown
    if len(old.vifs) != len(new.vifs):
        found.append(("vif", len(old.vifs), len(new.vifs)))
    for before, after in zip(old.vifs, new.vifs, strict=False):
        if vif_meaning(before, old.kind, after) != vif_meaning(after, new.kind, after):
            found.append(("vif", before, after))
    return found


def boot_program(guest: Guest) -> tuple[str, tuple[str, ...]]:
    """Return the boot loader of a guest; pygrub is the same wherever it lies."""
    name = "pygrub" if guest.bootloader.rpartition("/")[2] == "pygrub" else guest.bootloader
    return name, guest.bootloader_args


def screen(guest: Guest) -> tuple[bool, str, int | None, bool, str]:
    """Return what the guest's VNC means; nothing matters when it is off."""
    vnc = guest.vnc
    return (True, vnc.listen, vnc.display, vnc.unused, vnc.password) if vnc.on else (False, "", None, True, "")


def disk_meaning(disk: Disk) -> tuple[str, str, bool, bool, str, str, str]:
    """Return what counts when disks are compared."""
    kind = "" if disk.cdrom and not disk.path else disk.format
    return disk.vdev, disk.path, disk.writable, disk.cdrom, kind, disk.script, disk.backend


def vif_meaning(vif: Vif, kind: str, other: Vif) -> tuple[str, str, str, bool, tuple[tuple[str, str], ...]]:
    """Return what counts when network cards are compared; what xm left open may be anything in *other*."""
    emulated = kind == "hvm" and vif.emulated
    model = ("" if vif.model == "rtl8139" else vif.model) if emulated else ""
    return (spelt_mac(vif.mac or other.mac), vif.bridge or other.bridge, model, emulated, tuple(sorted(vif.options)))

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Finds and reads guest files, and asks the host what the checks want to know."""

from __future__ import annotations

import mmap
import os
import re
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from univention_xen.errors import CommandFailed, ToolMissing, XenError
from univention_xen.guest import load_xl
from univention_xen.guest.check import Facts, GuestFile
from univention_xen.guest.words import BadSyntax, CannotRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from univention_xen.plan import Machine

DIRECTORY = "/etc/xen"
AUTO = "/etc/xen/auto"
AFTER_INSTALL = ".after-install"
"""Behind the name of a guest's file: what takes its place when the installation is over. Until then it is no guest."""
DEVICE_MODEL = "/usr/libexec/xen-qemu-system-i386"
CIPHERS = (b"\0libnettle.so.", b"\0libgcrypt.so.")
LARGE = 1 << 20
"""No guest file is larger; what is, is something else."""


def read(path: str, on: Machine) -> GuestFile:
    """Return the guest file *path* of the machine. Raises XenError when it is none or not readable."""
    try:
        descriptor = os.open(on.real(path), os.O_RDONLY | os.O_NONBLOCK)  # a pipe must not keep us waiting
        with open(descriptor, "rb") as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode) or info.st_size > LARGE:
                raise XenError(f"{path} is no guest file: it is not a file of less than a megabyte")
            data = file.read()
    except OSError as why:
        raise XenError(f"{path}: {why.strerror}") from None
    return GuestFile(path, data.decode("utf-8", "surrogateescape"), stat.S_IMODE(info.st_mode))


def named(word: str, on: Machine) -> str:
    """Return the path of the guest file that *word* means: a path, or the name of a guest below /etc/xen.

    Raises XenError when there is none.
    """
    places = [os.path.abspath(word)] if "/" in word else []
    if "/" not in word:
        places = [
            f"{DIRECTORY}/{word}.cfg",
            f"{AUTO}/{word}.cfg",
            f"{AUTO}/{word}",
            f"{DIRECTORY}/{word}",
            os.path.abspath(word),
        ]
    for path in places:
        if on.path(path).is_file():
            return path
    raise XenError(f"there is no guest {word}", hint="looked for " + ", ".join(places))


def all_files(on: Machine) -> list[str]:
    """Return the paths of the guest files of the host: /etc/xen/*.cfg and what /etc/xen/auto starts."""
    found: dict[str, str] = {}
    for directory, pattern in ((DIRECTORY, r"[^.].*\.cfg"), (AUTO, r"[^.].*")):
        try:
            names = sorted(os.listdir(on.path(directory)))
        except OSError:
            continue
        for name in names:
            path = f"{directory}/{name}"
            if re.fullmatch(pattern, name):
                with suppress(OSError):
                    place = on.real(path)
                    if os.path.isfile(place):
                        found.setdefault(place, path)
    return list(found.values())


def facts(guests: Iterable[GuestFile], on: Machine) -> Facts:
    """Return what the host knows about *guests*: which paths are missing, which bridges exist, …"""
    paths: set[str] = set()
    names: dict[str, str] = {}
    secret = False
    for file in guests:
        try:
            guest = load_xl.load(file.text, file.path).guest
        except (BadSyntax, CannotRun):
            continue
        names[on.real(file.path)] = guest.name
        secret = secret or bool(guest.vnc.password)
        paths.update(disk.path for disk in guest.disks if disk.path.startswith("/") and not disk.script)
        paths.update(path for path in (guest.kernel, guest.ramdisk) if path.startswith("/"))
    return Facts(
        missing=frozenset(path for path in paths if not os.path.exists(on.path(path))),
        bridges=bridges(on),
        memory=host_memory(on),
        together=autostarted(on, names),
        vnc_passwords=secret and can_ask_for_passwords(on),
    )


def can_ask_for_passwords(on: Machine) -> bool:
    """Whether the installed device model can ask for a VNC password: QEMU takes the cipher from one of two libraries.

    Debian 12's is built without them; it ends at once, and all that xl says is rc=-26.
    """
    try:
        with open(on.real(DEVICE_MODEL), "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as program:
            return any(program.find(library) >= 0 for library in CIPHERS)
    except (OSError, ValueError):
        return False


def bridges(on: Machine) -> frozenset[str] | None:
    """Return the bridges of the host; None where that cannot be known."""
    try:
        names = os.listdir(on.path("/sys/class/net"))
    except OSError:
        return None
    return frozenset(name for name in names if on.path(f"/sys/class/net/{name}/bridge").is_dir())


def host_memory(on: Machine) -> int | None:
    """Return the MiB of the whole host as Xen counts them; None where Xen does not run."""
    if str(on.root) != "/" or on.read("/sys/hypervisor/type").strip() != "xen":
        return None
    try:
        found = re.search(r"^total_memory *: *(\d+)", on.run("xl", "info").out, re.MULTILINE)
    except (CommandFailed, ToolMissing):
        return None
    return int(found[1]) if found else None


def autostarted(on: Machine, names: Mapping[str, str]) -> frozenset[str]:
    """Return the names of the guests that /etc/xen/auto starts, so that they run at the same time.

    *names* are those of guests whose files have been read already.
    """
    found = set()
    try:
        entries = os.listdir(on.path(AUTO))
    except OSError:
        return frozenset()
    for entry in entries:
        with suppress(XenError, CannotRun, OSError):
            name = names.get(on.real(f"{AUTO}/{entry}"))
            found.add(name or load_xl.load(read(f"{AUTO}/{entry}", on).text, entry).guest.name)
    return frozenset(found)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The password of guests' screens, from a file that only root can read."""

from __future__ import annotations

import os
import stat

from univention_xen import files, units
from univention_xen.settings.kinds import Secret
from univention_xen.settings.variable import Problem, check_harmless
from univention_xen.settings.vnc import Vnc

COUNTED = 8
"""Characters of a password that VNC compares."""
ROOM = 19
"""Characters of a password for which qemu-dm of Xen 3.2 has room."""


def find(settings: Vnc, root: str | os.PathLike[str]) -> tuple[Secret | None, list[Problem]]:
    """Return the password (empty: none was asked for; None: one was, and cannot be used), and what is wrong with it.

    The file wins over the registry. Its path hangs from *root*.
    """
    if not settings.asks_for_password:
        return Secret(), []
    name, shown = Vnc.vnc_passwordfile.name, settings.vnc_passwordfile
    if not shown and name not in settings.refused:
        name, shown = Vnc.vnc_password.name, "***"
    if name in settings.refused:
        return None, stay_at_home(settings)
    try:
        text = settings.vnc_password.reveal() if shown == "***" else first_line(root, shown)
        check_harmless(text)
    except ValueError as why:
        return None, [Problem(name, shown, str(why), "no password"), *stay_at_home(settings)]
    if len(text) > COUNTED:
        too_long = f"has more than {COUNTED} characters, and VNC compares only these"
        return Secret(text[:ROOM]), [Problem(name, shown, too_long, hint="use a shorter one that is not a word")]
    return Secret(text), []


def stay_at_home(settings: Vnc) -> list[Problem]:
    """Return that screens are shown on this host only, if that is not what was asked for."""
    if units.is_loopback(settings.vnc_listen):
        return []
    why = "would show the screens of guests without the password that was asked for"
    return [Problem(Vnc.vnc_listen.name, settings.vnc_listen, why, Vnc.vnc_listen.default)]


def first_line(root: str | os.PathLike[str], path: str) -> str:
    """Return the first line of a file that belongs to root and is closed to everybody else.

    Raises ValueError with what is wrong with it.
    """
    try:
        fd = os.open(files.below(root, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            check_closed(os.fstat(fd))
            text = os.read(fd, 4096)
        finally:
            os.close(fd)
    except OSError as why:
        raise ValueError(f"cannot be read ({why.strerror})") from None
    password = text.partition(b"\n")[0].decode("utf-8", "surrogateescape").strip()
    if not password:
        raise ValueError("has no password in its first line")
    return password


def check_closed(about: os.stat_result) -> None:
    """Raise ValueError unless this is a regular file of root, or of the user we are, that nobody else may touch."""
    if not stat.S_ISREG(about.st_mode):
        raise ValueError("is not a regular file")
    if about.st_uid not in (0, os.geteuid()):
        raise ValueError("does not belong to root")
    if about.st_mode & 0o077:
        raise ValueError("is not closed to others: chmod 600 it and change the password in it")

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The password of guests' screens, from a file that only root can read."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from univention_xen import files
from univention_xen.settings import Problem, Secret, Vnc
from univention_xen.settings.variable import check_harmless

if TYPE_CHECKING:
    from collections.abc import Iterable

COUNTED = 8
"""Characters of a password that VNC compares."""
ROOM = 19
"""Characters of a password for which qemu-dm of Xen 3.2 has room."""


def find(
    settings: Vnc, problems: Iterable[Problem], root: str | os.PathLike[str]
) -> tuple[Secret | None, list[Problem]]:
    """Return the password (empty: none was asked for; None: one was, and cannot be used), and what is wrong with it.

    The file wins over the registry. Its path hangs from *root*.
    """
    refused = {problem.variable for problem in problems if problem.refused}
    if Vnc.vnc_passwordfile.name in refused or (not settings.vnc_passwordfile and Vnc.vnc_password.name in refused):
        return None, []
    name = Vnc.vnc_passwordfile.name if settings.vnc_passwordfile else Vnc.vnc_password.name
    shown = settings.vnc_passwordfile or "***"
    try:
        text = (
            first_line(root, settings.vnc_passwordfile) if settings.vnc_passwordfile else settings.vnc_password.reveal()
        )
        check_harmless(text)
    except ValueError as why:
        hint = "until then, screens are shown on this host only"
        return None, [Problem(name, shown, str(why), "no password", hint)]
    if len(text) > COUNTED:
        why_not = f"has more than {COUNTED} characters, and VNC compares only these"
        return Secret(text[:ROOM]), [Problem(name, shown, why_not, hint="use a shorter one that is not a word")]
    return Secret(text), []


def first_line(root: str | os.PathLike[str], path: str) -> str:
    """Return the first line of a file that belongs to root and is closed to everybody else.

    Raises ValueError with what is wrong with it.
    """
    try:
        fd = os.open(files.below(root, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as why:
        raise ValueError(f"cannot be read ({why.strerror})") from None
    with open(fd, "rb") as file:
        about = os.fstat(fd)
        if not stat.S_ISREG(about.st_mode):
            raise ValueError("is not a regular file")
        if about.st_uid not in (0, os.geteuid()):
            raise ValueError("does not belong to root")
        if about.st_mode & 0o077:
            raise ValueError("is not closed to others: chmod 600 it and change the password in it")
        text = file.readline(4096).decode("utf-8", "surrogateescape").strip()
    if not text:
        raise ValueError("has no password in its first line")
    return text

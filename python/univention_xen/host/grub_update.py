# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""GRUB's menu is made anew after the registry has changed what it is made from: once, and only where there is one."""

from __future__ import annotations

import os

from univention_xen import files
from univention_xen.host.grub import FILE
from univention_xen.log import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from univention_xen.run import Runner

MENU = "/boot/grub/grub.cfg"
PROGRAM = "/usr/sbin/update-grub"
RECORD = "/var/lib/univention-xen/grub"
"""Holds the digest of the text that the menu was made from. It outlives a reboot, as the menu does."""


def follow(registry: Mapping[str, str], run: Runner | None = None) -> str:
    """Run update-grub if our file says something else than when it last ran; return what was done, '' for nothing.

    A failure is reported; the next `ucr set` or `ucr commit` tries again. Raises SystemExit as failure.report() does.
    """
    root = os.fspath(getattr(registry, "root", "/"))
    if not has_menu(root):
        return ""
    from univention_xen.errors import XenError
    from univention_xen.host.react import one_at_a_time

    with one_at_a_time(root, "grub"):
        now = digest(root)
        if now == recorded(root):
            return ""
        try:
            (run or runner())("update-grub")
        except XenError as why:
            return report(why, registry)
        record(root, now)
    return f"{MENU} has been made anew; it counts from the next boot on"


def has_menu(root: str) -> bool:
    """Return whether this is a system whose boot loader has been set up, not another tree or an unfinished one."""
    if os.path.realpath(root) != "/" or os.environ.get("DPKG_ROOT"):
        return False
    return os.access(PROGRAM, os.X_OK) and os.path.exists(MENU)


def digest(root: str) -> str:
    """Return the digest of what acts in our file; comments make no other menu."""
    import hashlib

    from univention_xen.host.generated import acting

    try:
        with open(files.below(root, FILE), encoding="utf-8", errors="surrogateescape") as file:
            lines = acting(file.read())
    except OSError:
        lines = []
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def recorded(root: str) -> str:
    """Return the digest of the text that update-grub last worked with, '' when nobody knows."""
    try:
        with open(files.below(root, RECORD), encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def record(root: str, now: str) -> None:
    """Keep a digest; the worst that comes of losing it is one update-grub too many."""
    try:
        files.replace(files.below(root, RECORD), f"{now}\n")
    except OSError as why:
        log.warning("cannot note what %s was made from: %s", MENU, why)


def report(why: Exception, registry: Mapping[str, str]) -> str:
    """Say that there is no new menu; the old one is still there, as grub-mkconfig replaces it only when it is whole.

    A package is installed all the same, as with kernels and hypervisors.
    """
    from univention_xen.host import failure

    message = f"{MENU} is still the old one: {why}"
    if os.environ.get("DPKG_MAINTSCRIPT_PACKAGE"):
        log.warning("%s; ucr commit %s tries again", message, FILE)
        return ""
    said = str(getattr(why, "err", "")).splitlines()[-6:]
    failure.report(FILE, failure.Failure(message, "", [failure.masked(line, set()) for line in said]), registry)
    return ""


def runner() -> Runner:
    """Return what starts programs."""
    from univention_xen.run import Runner

    return Runner()

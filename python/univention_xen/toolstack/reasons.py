# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Why a guest could not be started: what the toolstack says, and what its logs say behind its back."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from univention_xen.errors import CommandFailed

if TYPE_CHECKING:
    from univention_xen.plan import Machine

LIMIT = 16384  # bytes of a log that are read
HOTPLUG = "/var/log/xen/xen-hotplug.log"
SPEAKER = re.compile(
    r"^(?:xc: error: |libxl: error: \w+\.c:\d+:\w+: (?:Domain \d+:)?|qemu-system-\w+: |[\w.-]+/(?=[\w-]+: ))"
)
SECRET = re.compile(r"((?:vnc)?passw(?:or)?d\s*[=:]\s*)[^\s,]+", re.IGNORECASE)
NOISE = re.compile(
    r"^\s*$|warning:|^char device redirected|^VNC server running|^Parsing config|^xl: |^xc: (?:info|progress): |"
    r"^Saving to |qemu-system-\w+: terminating on signal"
)
CONSEQUENCE = re.compile(
    r"QMP|QAPI|qmp|[Cc]onnection reset|Connection refused|device model did not start|failed to add|failed to create|"
    r"already being destroyed|^Failed to save domain|[Dd]estruction of domain failed|domcreate|rc=-\d+$"
)


class Reason(NamedTuple):
    """A line that may tell why, and the file it stands in ('' for what the toolstack printed)."""

    line: str
    source: str


def logs(name: str) -> tuple[str, ...]:
    """Return the logs in which the reason for a guest that does not start may stand, the most telling first."""
    return (f"/var/log/xen/qemu-dm-{name}.log", HOTPLUG)


def sizes(on: Machine, name: str) -> dict[str, tuple[int, int]]:
    """Return which file each log is now, and how large."""
    found = {}
    for path in logs(name):
        try:
            status = os.stat(on.path(path))
        except OSError:
            continue
        found[path] = (status.st_ino, status.st_size)
    return found


def since(before: dict[str, tuple[int, int]], on: Machine, name: str) -> list[Reason]:
    """Return what the logs say since *before*, as sizes() gave it. A log may have been rotated meanwhile."""
    found = []
    for path in logs(name):
        try:
            with open(on.path(path), "rb") as file:
                status = os.fstat(file.fileno())
                inode, size = before.get(path, (0, 0))
                start = size if status.st_ino == inode and status.st_size >= size else 0
                file.seek(max(start, status.st_size - LIMIT))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            continue
        found += [Reason(line, path) for line in text.splitlines() if not NOISE.search(line)]
    return found


def explain(name: str, why: CommandFailed, logged: list[Reason], what: str = "", hint: str = "") -> CommandFailed:
    """Return a failure as one sentence; its hint holds what else is known.

    *what* has failed unless it was a start, and *hint* is what helps when nothing better is known.
    """
    said = [Reason(line, "") for line in why.err.splitlines() if line.strip() and not NOISE.search(line)]
    telling = sorted(logged + said, key=weight)
    lines = list(dict.fromkeys(Reason(plain(each.line), each.source) for each in telling))
    if not lines:
        return why
    first, *others = lines
    place = f" ({first.source})" if first.source else ""
    more = "".join(f"\n  {each.source.rpartition('/')[2] or 'toolstack'}: {each.line}" for each in others[:6])
    return CommandFailed(
        f"{what or f'{name} does not start'}: {first.line}{place}", code=why.code, out=why.out, err=why.err,
        hint=(advice(first.line) or hint or f"univention-xen guest check {name} looks at its file") + more,
    )  # fmt: skip


def weight(reason: Reason) -> int:
    """Return how far back a line belongs: causes first, then what follows from them. The order is kept otherwise."""
    return 2 * bool(CONSEQUENCE.search(reason.line)) + (not reason.source)


def plain(line: str) -> str:
    """Return a line without its speaker, control characters and passwords."""
    text = "".join(char if char.isprintable() else " " for char in SPEAKER.sub("", line.strip()))
    return SECRET.sub(r"\1***", text)


def advice(line: str) -> str:
    """Return what to do about a well-known reason, or ''."""
    if "DES algorithm" in line:
        return "this device model cannot do VNC passwords: remove vncpasswd, let it listen on 127.0.0.1, use ssh -L"
    if "No space left" in line:
        return "make room on the disk, or name a FILE elsewhere"
    if "memory" in line.lower() and re.search(r"not enough|failed to free|cannot allocate", line, re.IGNORECASE):
        return "univention-xen guest list shows who has the memory"
    if re.search("QMP|device model", line):
        return (
            "the device model has ended by itself, as Debian 12's does when a guest has a VNC password; "
            "its log in /var/log/xen may tell more"
        )
    return ""

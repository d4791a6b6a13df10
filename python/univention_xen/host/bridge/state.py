# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The way back, kept on disk: what a bridge has changed, and whether somebody has confirmed it.

One file whose name is the state. Renaming it is the decision: of a confirmation and a roll-back that meet, exactly
one finds the file. A reboot, a kill or a full disk leaves one of the names, and each says what has to be done.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, NamedTuple

from univention_xen import files
from univention_xen.errors import XenError
from univention_xen.host.bridge.change import Change

if TYPE_CHECKING:
    from univention_xen.plan import Machine

DIRECTORY = "/var/lib/univention-xen/bridge"
PENDING, APPLIED, UNDOING = "pending", "applied", "undoing"


class Kept(NamedTuple):
    """A change as kept: *deadline* is in seconds of CLOCK_BOOTTIME of the boot *boot*.

    *worker* is the process that is still changing things, 0 when the change is complete and waits to be confirmed.
    """

    change: Change
    token: str
    deadline: float
    boot: str
    worker: int


def path(state: str) -> str:
    """Return the file of a state."""
    return f"{DIRECTORY}/{state}.json"


def now() -> float:
    """Return seconds since boot, sleep included; all processes agree on it and no clock change moves it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """Return the name of this boot."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def write(on: Machine, kept: Kept) -> None:
    """Keep a change as pending, readable by root alone: interfaces may hold passwords."""
    text = json.dumps(kept._replace(change=kept.change.to_json())._asdict(), indent=1) + "\n"  # type: ignore[arg-type]
    os.makedirs(on.path(DIRECTORY), mode=0o700, exist_ok=True)
    files.replace(on.path(path(PENDING)), text, mode=0o600)


def read(on: Machine, state: str) -> Kept | None:
    """Return what is kept in a state, or None. Raises XenError when the file is damaged."""
    text = on.read(path(state))
    if not text:
        return None
    try:
        data = json.loads(text)
        return Kept(
            Change.from_json(data["change"]), str(data["token"]), float(data["deadline"]), str(data["boot"]),
            int(data["worker"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError):
        hint = "put the network's configuration right by hand and remove that file"
        raise XenError(f"{path(state)} is damaged", hint=hint) from None


def move(on: Machine, old: str, new: str) -> bool:
    """Go from one state to another; say whether it was ours to do."""
    try:
        os.rename(on.path(path(old)), on.path(path(new)))
    except FileNotFoundError:
        return False
    files.sync_directory(on.path(DIRECTORY))
    return True


def forget(on: Machine, state: str) -> None:
    """Remove what is kept in a state."""
    files.remove(on.path(path(state)))

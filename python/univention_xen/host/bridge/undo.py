# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The way back: files byte for byte, then what runs, then addresses and routes."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from univention_xen import files
from univention_xen.errors import Busy, XenError
from univention_xen.host.bridge import networkd, state, ucs
from univention_xen.lock import DIRECTORY as LOCKS
from univention_xen.lock import holding
from univention_xen.log import log

if TYPE_CHECKING:
    from univention_xen.host.bridge.change import Change, Command
    from univention_xen.plan import Machine

LOCK = "bridge change"
PATIENCE = 20
"""Seconds that the way back waits for whoever is changing things; after that a hanging change is overtaken."""


def take_back(on: Machine, since: str = state.PENDING, *, locked: bool = False, boot: bool = False) -> bool:
    """Take back the change that is kept as *since*, if there is one; say whether there was.

    Continues a way back that was killed. With *boot* nothing runs yet: only the files are put back.
    Raises XenError when something is not as it was afterwards.
    """
    with ExitStack() as held:
        if not locked:
            wait_for_turn(on, held)
        if since != state.UNDOING:
            state.move(on, since, state.UNDOING)
        if (kept := state.read(on, state.UNDOING)) is None:
            return False
        change = kept.change
        if not boot:
            attempt(on, change.undo_down)
        restore_values(on, change)
        restore_files(on, change)
        if not boot:
            attempt(on, change.undo_tell)
            leave_bridge(on, change)
            attempt(on, change.undo_up)
            with suppress(XenError):
                networkd.wait(on, change.undo_awaits)
            attempt(on, change.keep)
            restore_files(on, change)  # hooks of the steps above may have written one
        disarm_boot(on)
        state.forget(on, state.UNDOING)
    if not boot:
        check(on, change)
    return True


def wait_for_turn(on: Machine, held: ExitStack) -> None:
    """Hold the lock of changes, or go on without it when it is not given back in time."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            held.enter_context(holding(LOCK, under=str(on.path(LOCKS))))
        except Busy:
            time.sleep(0.2)
        else:
            return


def attempt(on: Machine, commands: tuple[Command, ...]) -> None:
    """Run every command, whatever the others do."""
    for command in commands:
        try:
            on.run(*command)
        except XenError as why:
            log.debug("%s", str(why).replace("%", "%%"))


def leave_bridge(on: Machine, change: Change) -> None:
    """Remove what ifdown or networkd has left of the bridge; without one there is nothing to remove."""
    if not change.bridge:
        return
    on.run("ip", "link", "set", change.interface, "nomaster", ok=range(256))
    on.run("ip", "link", "delete", change.bridge, "type", "bridge", ok=range(256))


def restore_files(on: Machine, change: Change) -> None:
    """Put every file back as it was."""
    for file in change.files:
        if file.before is None:
            files.remove(on.path(file.path))
        else:
            files.replace(on.path(file.path), file.before, mode=file.mode)


def restore_values(on: Machine, change: Change) -> None:
    """Give every variable its old value; the files that follow from them are put back by restore_files() too."""
    if change.values:
        try:
            ucs.update(on, {v.name: v.before for v in change.values}, restart_value(change))
        except XenError as why:
            log.warning("the registry was not set back: %s", why)


def restart_value(change: Change) -> str | None:
    """Return what UCR's switch for interfaces was before."""
    return next((v.before for v in change.values if v.name == ucs.RESTART), None)


def check(on: Machine, change: Change) -> None:
    """Raise XenError when the card did not get its addresses and routes back."""
    failed = []
    for command in change.keep:
        try:
            on.run(*command)
        except XenError as why:
            failed.append(str(why))
    if failed:
        hint = f"the files are as they were; look at: ip address show {change.interface}"
        raise XenError(f"{change.interface} did not come back completely: {failed[0]}", hint=hint)


UNIT = "/etc/systemd/system/univention-xen-bridge-undo.service"
WANTED = "/etc/systemd/system/network-pre.target.wants/univention-xen-bridge-undo.service"


def disarm_boot(on: Machine) -> None:
    """Remove the unit that would take the change back at the next boot."""
    files.remove(on.path(UNIT))
    if on.path(WANTED).parent.is_dir():
        files.remove(on.path(WANTED))
        with suppress(OSError):  # others have their units there
            files.remove_directory(on.path(WANTED).parent)

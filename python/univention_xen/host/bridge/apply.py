# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The steps that make a bridge: first the way back is armed, and what goes wrong then takes it at once."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from univention_xen import files
from univention_xen.errors import XenError
from univention_xen.host.bridge import network, networkd, state, ucs, undo
from univention_xen.host.bridge.undo import UNIT, WANTED
from univention_xen.lock import DIRECTORY as LOCKS
from univention_xen.lock import holding
from univention_xen.plan import Machine, Plan
from univention_xen.registry import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from univention_xen.host.bridge.change import Change


def new_token() -> str:
    """Return a name for one change."""
    return os.urandom(8).hex()


LONGEST = 180
"""Seconds that the change itself may take before the way back overtakes it; a DHCP client may need a minute."""
WATCHDOG = os.path.join(os.path.dirname(os.path.abspath(__file__)), "watchdog.py")


@dataclass(frozen=True)
class Arm:
    """Keep the way back on disk and start the process that takes it, unless somebody confirms within *seconds*."""

    change: Change
    seconds: int
    token: str = field(default_factory=new_token, repr=False)

    def __str__(self) -> str:
        return f"arm the way back: everything is undone unless confirmed within {self.seconds} s"

    def apply(self, on: Machine) -> None:
        """Raise XenError when the way back cannot be made certain; then nothing has been changed."""
        try:
            arm_boot(on)
            # the watchdog comes first: a change that is kept must never be without one, wherever we are killed
            start_watchdog(on, self.token)
            state.write(on, state.Kept(self.change, self.token, state.now() + LONGEST, state.boot_id(), os.getpid()))
        except BaseException:
            undo.disarm_boot(on)
            state.forget(on, state.PENDING)
            raise


def start_watchdog(on: Machine, token: str) -> None:
    """Start it below systemd, which starts it again when it is killed; without systemd it detaches itself."""
    words = (sys.executable, "-I", WATCHDOG, str(on.root), token, str(os.getpid()))
    if on.path("/run/systemd/system").is_dir():
        unit = f"univention-xen-bridge-{token}"
        properties = ("--property=Restart=on-failure", "--property=RestartSec=1")
        on.run("systemd-run", "--quiet", "--collect", f"--unit={unit}", *properties, *words)
        on.run("systemctl", "--quiet", "is-active", f"{unit}.service")
    else:
        on.run(*words, "--detach")


def arm_boot(on: Machine) -> None:
    """Let the next boot take an unconfirmed change back before it starts the network."""
    if not on.path("/etc/systemd/system").is_dir():
        return
    files.replace(on.path(UNIT), unit_text(str(on.root)))
    os.makedirs(on.path(WANTED).parent, exist_ok=True)
    files.remove(on.path(WANTED))
    files.link(on.path(WANTED), UNIT)


def unit_text(root: str) -> str:
    """Return the unit; it exists only while a change waits for its confirmation."""
    return f"""\
[Unit]
Description=Take back a change of the network that nobody confirmed
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target systemd-sysctl.service shutdown.target
After=local-fs.target
Conflicts=shutdown.target

[Service]
Type=oneshot
ExecStart={sys.executable} -I {WATCHDOG} {root} --boot
"""


@dataclass(frozen=True)
class Switch:
    """Everything between the present network and the bridge; a failure in it takes the way back at once."""

    change: Change
    seconds: int

    def __str__(self) -> str:
        return "\n".join(describe(self.change))

    def apply(self, on: Machine) -> None:
        """Raise XenError when it did not work; then everything is as it was."""
        with deaf_to_the_terminal(), holding(undo.LOCK, under=str(on.path(LOCKS))):
            try:
                switch(on, self.change)
                grant(on, self.seconds)
            except BaseException as why:
                undo.take_back(on, locked=True)
                if isinstance(why, XenError):
                    raise XenError(f"{why}; everything is as it was", hint=why.hint) from None
                raise


def switch(on: Machine, change: Change) -> None:
    """Do it. Raises XenError and OSError."""
    for command in change.down:
        on.run(*command)
    for file in change.files:
        if file.after is None:
            files.remove(on.path(file.path))
        elif file.ours:
            files.replace(on.path(file.path), file.after, mode=file.mode)
    if change.values:
        ucs.update(on, {v.name: v.after for v in change.values}, undo.restart_value(change))
    for command in change.up:
        on.run(*command)
    if late := networkd.wait(on, change.awaits):
        raise XenError(f"systemd-networkd did not set up {late}", hint=f"see: networkctl status {late}")
    for command in change.carry:
        on.run(*command)
    now = network.look_at(on)
    if change.bridge and change.interface not in now.ports(change.bridge):
        raise XenError(f"{change.interface} did not become a port of {change.bridge}")


def grant(on: Machine, seconds: int) -> None:
    """Let the time for the confirmation begin now."""
    kept = state.read(on, state.PENDING)
    if kept is None:
        raise XenError("the change took so long that it is being taken back")
    state.write(on, kept._replace(deadline=state.now() + seconds, worker=0))


@contextmanager
def deaf_to_the_terminal() -> Iterator[None]:
    """Let a lost connection end nothing half-way; the programs that are started inherit this."""
    old = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGHUP, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def describe(change: Change) -> list[str]:
    """Return one line for each thing that is done."""
    written = [f"write {f.path}" if f.after is not None else f"remove {f.path}" for f in change.files if f.ours]
    written += [f"unset {v.name}" if v.after is None else f"set {v.name}={v.after}" for v in change.values]
    commands = [" ".join(command) for command in change.down]
    up = [" ".join(command) for command in change.up]
    waits = [f"wait until {change.manager} has set up {each[0]}" for each in change.awaits]
    return [*commands, *written, *up, *waits, *(" ".join(command) for command in change.carry)]


@dataclass(frozen=True)
class Confirm:
    """Keep the bridge or the forwarding."""

    def __str__(self) -> str:
        return "keep what has been made and call off the way back"

    def apply(self, on: Machine) -> None:
        """Raise XenError when it has been taken back in the meantime."""
        with holding(undo.LOCK, under=str(on.path(LOCKS))):
            if not state.move(on, state.PENDING, state.APPLIED):
                raise XenError("too late: the change is being taken back")
            undo.disarm_boot(on)


@dataclass(frozen=True)
class Undo:
    """Take back a change, confirmed or not."""

    change: Change
    since: str

    def __str__(self) -> str:
        written = [f"{'remove' if f.before is None else 'restore'} {f.path}" for f in self.change.files]
        written += [f"unset {v.name}" if v.before is None else f"set {v.name}={v.before}" for v in self.change.values]
        change = self.change
        bridge = [("ip", "link", "delete", change.bridge)] if change.bridge else []
        after = [*change.undo_tell, *bridge, *change.undo_up, *change.keep]
        return "\n".join([*map(" ".join, change.undo_down), *written, *map(" ".join, after)])

    def apply(self, on: Machine) -> None:
        """Raise XenError when something is not as it was afterwards."""
        with deaf_to_the_terminal():
            if not undo.take_back(on, self.since):
                raise XenError("somebody else has just decided about the bridge", hint="look again: ip link")


def plan_confirm(on: Machine) -> Plan:
    """Decide about `confirm`."""
    if state.read(on, state.PENDING):
        return Plan.of(Confirm())
    return Plan.nothing("no change of the bridge waits for a confirmation")


def plan_revert(on: Machine) -> Plan:
    """Decide about `revert`. Raises XenError for files that were edited since."""
    for since in (state.PENDING, state.UNDOING, state.APPLIED):
        if kept := state.read(on, since):
            if since == state.APPLIED:
                refuse_edited(on, kept.change)
            return Plan.of(Undo(kept.change, since))
    return Plan.nothing("no bridge or forwarding of univention-xen is there to be taken back")


def refuse_edited(on: Machine, change: Change) -> None:
    """Raise XenError when going back would lose an edit."""
    registry = read(str(on.root)) if change.values else {}
    for value in change.values:
        if value.name != ucs.RESTART and registry.get(value.name) not in (value.after, value.before):
            hint = f"undo it by hand; the old values are in {state.path(state.APPLIED)}"
            raise XenError(f"{value.name} has been changed since the bridge was made", hint=hint)
    for file in change.files:
        there = on.read(file.path) if on.path(file.path).exists() else None
        if file.ours and there not in (file.after, file.before):
            hint = f"undo it by hand; the old text is in {state.path(state.APPLIED)}"
            raise XenError(f"{file.path} has been edited since the {change.thing} was made", hint=hint)

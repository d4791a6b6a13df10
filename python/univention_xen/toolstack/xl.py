# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""xl of Xen 4.17, and xm of Xen 3.2 to 4.4, which understands nearly the same words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from univention_xen.errors import XenError
from univention_xen.toolstack.domain import CRASHED, DYING, ENDED, OFF, PAUSED, RUNNING, SUSPENDED, Domain, Words

if TYPE_CHECKING:
    from univention_xen.run import Runner

LINE = re.compile(r"(.*?) +(?:(\d+) +)?(\d+) +(\d+)(?: +([-rbpscdwS?]{6}))? +(\d+\.\d)")
STATES = {"d": DYING, "c": CRASHED, "w": CRASHED, "ss": SUSPENDED, "s": ENDED, "p": PAUSED}
"""What letters of xl's State column mean, the most telling first; neither r nor b nor none of them matters.

A guest that is there no more (s) also has a reason: r to start again, s to be saved, c a crash, w its watchdog.
"""


class Xl:
    """xl 4.17."""

    name = program = syntax = "xl"
    has_files = True
    forgets = True
    """The xl that looks after a guest ends when the guest is suspended, and none takes its place (seen with 4.17)."""
    acpi: Words = ("-F",)
    """Press the power button of a guest that has no drivers for Xen."""

    def domains(self, run: Runner) -> list[Domain]:
        """Return all domains. Raises CommandFailed and ToolMissing."""
        return parse_list(run(self.program, "list").out)

    def start(self, name: str, path: str, *, paused: bool) -> Words:
        """Start the guest that the file *path* describes. Raises XenError when there is none."""
        if not path:
            raise XenError(f"there is no file that describes {name}", hint=f"{self.program} starts guests from files")
        return (self.program, "create", *(("-p",) if paused else ()), path)

    def shutdown(self, name: str) -> Words:
        """Ask the guest to end."""
        return (self.program, "shutdown", *self.acpi, name)

    def reboot(self, name: str) -> Words:
        """Ask the guest to start again."""
        return (self.program, "reboot", *self.acpi, name)

    def destroy(self, name: str) -> Words:
        """Pull the plug."""
        return (self.program, "destroy", name)

    def pause(self, name: str) -> Words:
        """Give the guest no more processor time."""
        return (self.program, "pause", name)

    def unpause(self, name: str) -> Words:
        """Let the guest run on."""
        return (self.program, "unpause", name)

    def console(self, name: str) -> Words:
        """Connect the terminal to the guest's console."""
        return (self.program, "console", name)

    def top(self) -> Words:
        """Show what all domains are doing."""
        return (self.program, "top")

    def details(self, name: str) -> Words:
        """Print all that is known of a guest."""
        return (self.program, "list", "-l", name)

    def save(self, name: str, path: str, *, keep_running: bool) -> Words:
        """Write the guest's memory into a file."""
        return (self.program, "save", *(("-c",) if keep_running else ()), name, path)

    def restore(self, path: str, *, paused: bool) -> Words:
        """Let a guest run on from a file with its memory."""
        return (self.program, "restore", *(("-p",) if paused else ()), path)

    def migrate(self, name: str, host: str, *, live: bool) -> Words:
        """Move the guest to another host, through ssh; xl does it live in any case."""
        return (self.program, "migrate", name, host)


class Xm(Xl):
    """xm, the command of xend."""

    name = program = syntax = "xm"
    forgets = False
    acpi: Words = ()

    def migrate(self, name: str, host: str, *, live: bool) -> Words:
        """Move the guest to another host, through the relocation server of its xend."""
        return (self.program, "migrate", *(("--live",) if live else ()), name, host)


def parse_list(text: str) -> list[Domain]:
    """Read what `xl list` or `xm list` prints. Raises XenError for a line that makes no sense.

    Names may contain blanks. xm also lists guests that do not run, without number and state.
    """
    found = []
    for line in text.splitlines()[1:]:
        match = LINE.fullmatch(line.replace("\t", " ").rstrip())
        if not match:
            raise XenError(f"the list of domains has a line that cannot be understood: {line!r}")
        name, number, memory, vcpus, letters, seconds = match.groups()
        state = OFF if number is None else next((STATES[each] for each in STATES if each in (letters or "")), RUNNING)
        found.append(Domain(name, int(number) if number else None, state, int(memory), int(vcpus), float(seconds)))
    return found

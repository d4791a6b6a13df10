# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""libvirt, through its program virsh."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from univention_xen.errors import UsageError, XenError
from univention_xen.toolstack.domain import CRASHED, DYING, OFF, PAUSED, RUNNING, Domain, Words

if TYPE_CHECKING:
    from univention_xen.run import Runner

STATES = {
    "running": RUNNING, "idle": RUNNING, "no state": RUNNING, "paused": PAUSED, "shut off": OFF, "crashed": CRASHED,
    "in shutdown": DYING, "dying": DYING,
}  # fmt: skip
URI = re.compile(r"[a-z][a-z0-9+]*:[!-~]*")


class Libvirt:
    """virsh, connected to *uri*."""

    name = "libvirt"
    syntax = ""
    has_files = False
    forgets = False

    def __init__(self, uri: str = "xen:///system") -> None:
        """Raise UsageError for what is no URI."""
        if not URI.fullmatch(uri):
            raise UsageError(
                f"{uri!r} is no URI of libvirt", hint="such as xen:///system or xen+ssh://root@HOST/system"
            )
        self.uri = uri

    def words(self, *words: str) -> Words:
        """Return a command of virsh."""
        return ("virsh", "--connect", self.uri, *words)

    def domains(self, run: Runner) -> list[Domain]:
        """Return all domains, defined ones too. Raises CommandFailed and ToolMissing."""
        return parse_list(run(*self.words("list", "--all")).out)

    def start(self, name: str, path: str, *, paused: bool) -> Words:
        """Start a guest that libvirt knows."""
        return self.words("start", *(("--paused",) if paused else ()), name)

    def shutdown(self, name: str) -> Words:
        """Ask the guest to end."""
        return self.words("shutdown", name)

    def reboot(self, name: str) -> Words:
        """Ask the guest to start again."""
        return self.words("reboot", name)

    def destroy(self, name: str) -> Words:
        """Pull the plug."""
        return self.words("destroy", name)

    def pause(self, name: str) -> Words:
        """Give the guest no more processor time."""
        return self.words("suspend", name)

    def unpause(self, name: str) -> Words:
        """Let the guest run on."""
        return self.words("resume", name)

    def console(self, name: str) -> Words:
        """Connect the terminal to the guest's console."""
        return self.words("console", name)

    def top(self) -> Words:
        """Show what all domains are doing."""
        return ("virt-top", "--connect", self.uri)

    def details(self, name: str) -> Words:
        """Print all that is known of a guest."""
        return self.words("dumpxml", name)

    def save(self, name: str, path: str, *, keep_running: bool) -> Words:
        """Write the guest's memory into a file. Raises XenError when it is to run on."""
        if keep_running:
            raise XenError("libvirt cannot save a guest that runs on", hint="leave out --keep-running")
        return self.words("save", name, path)

    def restore(self, path: str, *, paused: bool) -> Words:
        """Let a guest run on from a file with its memory."""
        return self.words("restore", *(("--paused",) if paused else ()), path)

    def migrate(self, name: str, host: str, *, live: bool) -> Words:
        """Move the guest to another host, through ssh."""
        return self.words("migrate", *(("--live",) if live else ()), name, f"xen+ssh://{host}/system")


def parse_list(text: str) -> list[Domain]:
    """Read what `virsh list --all` prints. Raises XenError for a line that makes no sense.

    Three blanks or more part the columns, so that names with single blanks are understood.
    """
    found = []
    for line in text.splitlines()[2:]:
        if not line.strip():
            continue
        fields = re.split(r" {3,}", line.strip())
        if len(fields) != 3 or not re.fullmatch(r"\d+|-", fields[0]):
            raise XenError(f"the list of domains has a line that cannot be understood: {line!r}")
        number, name, state = fields
        found.append(Domain(name, int(number) if number != "-" else None, STATES.get(state, state)))
    return found

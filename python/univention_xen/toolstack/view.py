# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The screen of a guest: where it really listens, and the viewer to show it with."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from univention_xen import units
from univention_xen.errors import CommandFailed, UsageError, XenError
from univention_xen.plan import Plan
from univention_xen.toolstack.guests import must_run
from univention_xen.toolstack.libvirt import Libvirt
from univention_xen.toolstack.steps import Foreground

if TYPE_CHECKING:
    from univention_xen.plan import Machine
    from univention_xen.toolstack.domain import Domain, Toolstack, Words

ADDRESS = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")
VNC_VIEWERS: dict[str, tuple[str, ...]] = {
    "vncviewer": ("vncviewer", "{host}::{port}"),
    "remote-viewer": ("remote-viewer", "vnc://{host}:{port}"),
}
RDP_VIEWERS: dict[str, tuple[str, ...]] = {
    "xfreerdp": ("xfreerdp", "/v:{host}", "/port:{port}"),  # 2.11 finds no port behind an address of IPv6
    "rdesktop": ("rdesktop", "{host}:{port}"),
}
HERE = "127.0.0.1"
FIRST_PORT, RDP_PORT = 5900, 3389
PATH = "/usr/local/bin:/usr/bin:/bin"


class Screen(NamedTuple):
    """Where a screen is served; an address of IPv6 is without its brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"

    @property
    def address(self) -> str:
        """The host as it is written before a port."""
        return f"[{self.host}]" if ":" in self.host else self.host


def plan(name: str, stack: Toolstack, on: Machine, *, only_tell: bool = False, rdp: str = "") -> Plan:
    """Return the plan to show a guest's screen, or to tell where it is. Raises XenError."""
    screen = parse_address(rdp) if rdp else vnc(must_run(name, stack, on), stack, on)
    viewers = RDP_VIEWERS if rdp else VNC_VIEWERS
    viewer = installed(viewers, on)
    away = not rdp and remote(stack)
    if away and units.is_loopback(screen.host):
        return Plan.nothing(directions(name, screen, "VNC", away))
    if only_tell or not viewer or not os.environ.keys() & {"DISPLAY", "WAYLAND_DISPLAY"}:
        return Plan.nothing(directions(name, screen, "RDP" if rdp else "VNC", os.uname().nodename))
    return Plan.of(Foreground(tuple(word.format(host=screen.address, port=screen.port) for word in viewer)))


def parse_address(text: str) -> Screen:
    """Return HOST or HOST:PORT of a remote desktop. Raises UsageError."""
    match = ADDRESS.fullmatch(text)
    if not match or not 0 < int(match[2] or RDP_PORT) < 65536:
        raise UsageError(f"{text!r} is no address", hint="HOST or HOST:PORT")
    return Screen(match[1].strip("[]"), int(match[2] or RDP_PORT))


def vnc(domain: Domain, stack: Toolstack, on: Machine) -> Screen:
    """Return where the toolstack says that the screen is. Raises XenError when there is none."""
    if isinstance(stack, Libvirt):
        screen = parse_display(on.run(*stack.words("domdisplay", "--type", "vnc", domain.name)).out, stack.uri)
        return screen._replace(host=reachable(screen.host, remote(stack) or HERE))
    place = f"/local/domain/{domain.id}/console"
    try:
        port = on.run("xenstore-read", f"{place}/vnc-port").out.strip()
    except CommandFailed:
        raise XenError(
            f"{domain.name} has no screen that VNC can show", hint=f"univention-xen guest console {domain.name}"
        ) from None
    try:
        host = on.run("xenstore-read", f"{place}/vnc-listen").out.strip()
    except CommandFailed:
        host = ""
    if not port.isdigit():
        raise XenError(f"the screen of {domain.name} has no port yet", hint="try again in a moment")
    return Screen(reachable(host), int(port))


def remote(stack: Toolstack) -> str:
    """Return the other host on which a toolstack runs its guests; '' for this one."""
    match = re.match(r"[a-z0-9+]+://(?:[^@/]*@)?([^/:]+)", stack.uri) if isinstance(stack, Libvirt) else None
    return match[1] if match else ""


def reachable(host: str, server: str = HERE) -> str:
    """Return the address to connect to when the host *server* listens on *host*."""
    return server if host in ("", "0.0.0.0", "::") else host  # noqa: S104


def parse_display(text: str, uri: str) -> Screen:
    """Read what `virsh domdisplay` prints, vnc://HOST:DISPLAY. Raises XenError."""
    match = re.fullmatch(r"vnc://(?:[^@/]*@)?(.*?)(?::(\d+))?", text.strip())
    if not match:
        raise XenError("libvirt tells no address of a screen", hint=f"virsh --connect {uri} domdisplay NAME")
    return Screen(match[1].strip("[]"), FIRST_PORT + int(match[2] or 0))


def installed(viewers: dict[str, Words], on: Machine) -> Words:
    """Return the words of the first viewer that is there, () for none."""
    for name, words in viewers.items():
        if any(on.path(f"{directory}/{name}").exists() for directory in PATH.split(":")):
            return words
    return ()


def directions(name: str, screen: Screen, protocol: str, server: str) -> str:
    """Return where the screen is, and how to reach it from elsewhere."""
    text = f"The screen of {name} is at {screen} ({protocol})."
    if units.is_loopback(screen.host):
        text += (
            f"\nFrom another machine: ssh -L {screen.port}:{screen} root@{server}"
            f"\nand there a viewer for {protocol} at localhost:{screen.port}."
        )
    return text

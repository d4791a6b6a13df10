# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The bridge on a host whose network is Debian's ifupdown: stanzas move from the card to the bridge."""

from __future__ import annotations

import glob
import os
import re
from typing import TYPE_CHECKING, Any

from univention_xen.errors import XenError
from univention_xen.host.bridge import interfaces
from univention_xen.host.bridge.change import Change, Command, File
from univention_xen.host.bridge.interfaces import Iface, Line
from univention_xen.host.bridge.network import addressing

if TYPE_CHECKING:
    from univention_xen.host.bridge.network import Network
    from univention_xen.plan import Machine

MAIN = "/etc/network/interfaces"
HOOK = "/etc/network/if-pre-up.d/bridge"
DEEPEST = 8
METHODS = {"inet": {"static", "dhcp", "manual"}, "inet6": {"static", "dhcp", "manual", "auto"}}
STAYING = re.compile(r"(?:bond|ethernet|link|vlan|hw|ethtool|offload)[-_]|(?:hwaddress|slaves|mtu)$")
"""Options that are about the card; all others are about addresses and move to the bridge."""
ADDRESSING = re.compile(r"\bip\b.*\b(?:r|ro|route|a|addr|address|rule|ru|neigh)\b|\broute\b")
"""Commands that are about addresses and routes, in which the card's name becomes the bridge's."""
ABOUT_CARD = re.compile(r"\b(?:ethtool|mii-tool|ifenslave|ip\b.*\blink|ifplugd)\b")


def read(on: Machine) -> dict[str, str]:
    """Return the text of every file that ifupdown reads, the main one first."""
    found: dict[str, str] = {}

    def take(path: str, depth: int) -> None:
        if path in found or depth > DEEPEST or not on.path(path).is_file():
            return
        found[path] = on.read(path)
        for keyword, pattern in interfaces.sources(interfaces.split(found[path])):
            for each in matching(on, os.path.join(os.path.dirname(path), pattern), keyword):
                take(each, depth + 1)

    take(MAIN, 0)
    return found


def matching(on: Machine, pattern: str, keyword: str) -> list[str]:
    """Return the paths that a source line names; of a directory only files that run-parts would take."""
    prefix = str(on.root).rstrip("/")
    paths = sorted(glob.glob(prefix + pattern))
    if keyword == "source-directory" or any(os.path.isdir(path) for path in paths):
        paths = [
            os.path.join(path, name) for path in paths if os.path.isdir(path) for name in sorted(os.listdir(path))
            if re.fullmatch(r"[A-Za-z0-9_-]+", name)
        ]  # fmt: skip
    return [path[len(prefix) :] for path in paths]


def configured(texts: dict[str, str], name: str) -> str:
    """Return FILE:LINE of the first stanza of the interface *name*, or ""."""
    for path, text in texts.items():
        lines = interfaces.split(text)
        for iface in interfaces.ifaces(lines):
            if iface.name == name:
                return f"{path}:{lines[iface.first].number}"
    return ""


def change(on: Machine, network: Network, interface: str, bridge: str) -> Change:
    """Return how the stanzas and what runs get from *interface* to *bridge*.

    Raises XenError for what cannot be moved without guessing.
    """
    if not on.path(HOOK).exists():
        raise XenError("ifupdown cannot make bridges without bridge-utils", hint="apt install bridge-utils")
    texts = read(on)
    link = network.links[interface]
    refuse(texts, interface, bridge)
    names = new_names(texts, interface, bridge)
    refuse_long(names)
    edited, notes = rewrite(texts, names, interface, bridge, link.mac)
    files = tuple(
        File(path, texts[path], edited[path], on.path(path).stat().st_mode & 0o7777)
        for path in texts
        if edited[path] != texts[path]
    )
    running = parse_state(on.run("ifquery", "--state", ok=(0, 1)).out)
    return Change(
        "ifupdown", interface, bridge, files, notes=tuple(notes), **commands(network, names, interface, running)
    )


def commands(network: Network, names: dict[str, str], interface: str, running: list[str]) -> dict[str, Any]:
    """Return what has to be run there and back, from what ifupdown says is *running*. Pure."""
    bridge = names[interface]
    stacked = [n for n in dict.fromkeys([*network.vlans(interface), *names]) if n != interface and n in running]
    stacked.sort(key=has_colon)  # an alias comes after the VLAN it belongs to
    before = [interface, *stacked] if interface in running else stacked
    after = [bridge, *(names.get(name, name) for name in stacked)]
    moving = [(name, names.get(name, name)) for name in (interface, *stacked) if name in network.links]
    down: list[Command] = [("ifdown", name) for name in reversed(before)]
    if interface not in running:
        down.append(("ip", "address", "flush", "dev", interface, "scope", "global"))
    routes = network.routes
    return {
        "down": tuple(down),
        "up": (("ifup", interface), *(("ifup", name) for name in after)),
        "carry": tuple(c for old, new in moving for c in addressing(new, network.links[old], routes)),
        "undo_down": tuple(("ifdown", "--force", name) for name in (*reversed(after), interface)),
        "undo_up": (*(("ifup", name) for name in before), ("ip", "link", "set", interface, "up")),
        "keep": tuple(c for old, _ in moving for c in addressing(old, network.links[old], routes)),
    }


def refuse_long(names: dict[str, str]) -> None:
    """Raise XenError when the kernel cannot have one of the new names."""
    for new in names.values():
        if len(new.split(":")[0]) > 15:
            raise XenError(
                f"the name {new} would be longer than 15 characters", hint="choose a shorter xen/bridge/name"
            )


def has_colon(name: str) -> bool:
    """Say whether a name is an alias."""
    return ":" in name


def parse_state(text: str) -> list[str]:
    """Read `ifquery --state`: one NAME=STANZA for each interface that is up."""
    return [line.split("=")[0] for line in text.split()]


def refuse(texts: dict[str, str], interface: str, bridge: str) -> None:
    """Raise XenError for stanzas that would have to be understood, not moved."""
    if at := configured(texts, bridge):
        raise XenError(
            f"{at}: {bridge} is configured already", hint=f"remove that stanza, or bring it up: ifup {bridge}"
        )
    found = False
    for path, text in texts.items():
        lines = interfaces.split(text)
        for line in lines:
            if line.key in ("mapping", "rename") and any(interface in word.split("=") for word in line.words):
                raise XenError(
                    f"{path}:{line.number}: a {line.key} of {interface} cannot be moved", hint="write it out"
                )
        for iface in interfaces.ifaces(lines):
            at = f"{path}:{lines[iface.first].number}"
            options = {lines[index].key: lines[index].words[1:] for index in iface.options}
            ports = options.get("bridge_ports", ()) + options.get("bridge-ports", ())
            if interface in ports:
                raise XenError(f"{at}: {interface} is a port of {iface.name} already", hint="set xen/bridge/name to it")
            heirs = lines[iface.first].words[3:]
            if "inherits" in heirs and interface in (iface.name, heirs[-1]):
                raise XenError(f"{at}: a stanza that inherits cannot be moved", hint="write it out")
            if iface.name != interface:
                continue
            found = True
            if any(re.match(r"wpa[-_]|wireless[-_]", key) for key in options):
                raise XenError(f"{at}: {interface} is wireless and cannot be bridged", hint="use a wired card")
            if iface.method not in METHODS.get(iface.family, ()):
                what = f"{iface.family} {iface.method}".strip()
                raise XenError(
                    f'{at}: the method "{what}" cannot be moved to a bridge', hint="static, dhcp, manual and auto can"
                )
    if not found:
        hint = f"write a stanza for {interface}, or set xen/bridge/interface"
        raise XenError(f"{interface} is not configured in {MAIN} or a file that it sources", hint=hint)


def new_names(texts: dict[str, str], interface: str, bridge: str) -> dict[str, str]:
    """Return the new name of the card, its aliases (eth0:1) and its VLANs that are named after it (eth0.5)."""
    names = {interface: bridge}
    for text in texts.values():
        lines = interfaces.split(text)
        for line in lines:
            if line.starts_stanza() and line.key not in ("source", "source-directory"):
                candidates = line.words[1:2] if line.key == "iface" else line.words[1:]
                for name in candidates:
                    if re.fullmatch(rf"{re.escape(interface)}(?::\w+|\.\d+(?::\w+)?)", name):
                        names[name] = bridge + name[len(interface) :]
    return names


def rewrite(
    texts: dict[str, str], names: dict[str, str], interface: str, bridge: str, mac: str
) -> tuple[dict[str, str], list[str]]:
    """Return the new text of every file, and what an administrator should look at. Pure."""
    edit = Edit(names, interface, bridge, mac)
    edited = {path: edit.file(text, path) for path, text in texts.items()}
    if not edit.started:  # an interface that only a pattern starts
        first = next(path for path in texts if configured({path: texts[path]}, interface))
        edited[first] = edited[first].rstrip("\n") + f"\n\nauto {bridge}\n"
    return edited, edit.notes


class Edit:
    """Moves the stanzas of one interface; remembers over several files what has to be written only once."""

    def __init__(self, names: dict[str, str], interface: str, bridge: str, mac: str) -> None:
        self.names, self.interface, self.bridge, self.mac = names, interface, bridge, mac
        self.first = True
        self.started = False
        self.notes: list[str] = []

    def file(self, text: str, path: str) -> str:
        """Return the new text of one file."""
        lines = interfaces.split(text)
        out = [line.text for line in lines]
        for index, line in enumerate(lines):
            if line.starts_stanza() and line.key not in ("iface", "mapping", "rename", "source", "source-directory"):
                out[index] = self.starting(line)
        for iface in interfaces.ifaces(lines):
            if iface.name == self.interface:
                self.card(lines, iface, out, path)
            else:
                self.other(lines, iface, out)
        return "".join(out)

    def starting(self, line: Line) -> str:
        """Return a line such as ``auto eth0`` with the bridge behind the card, and VLANs under their new names."""
        text = line.text
        for old, new in self.names.items():
            if old != self.interface:
                text = interfaces.renamed(text, old, new)
        if self.interface not in line.words[1:]:
            return text
        if line.key == "allow-hotplug":
            added = "" if self.started else f"auto {self.bridge}\n"
            self.started = True
            return ended(text) + added
        self.started |= line.key in ("auto", "allow-auto")
        return interfaces.renamed(text, self.interface, f"{self.interface} {self.bridge}")

    def card(self, lines: list[Line], iface: Iface, out: list[str], path: str) -> None:
        """Turn a stanza of the card into one of the bridge; what is about the card stays with the card."""
        staying: list[str] = []
        for index in iface.options:
            line = lines[index]
            if STAYING.match(line.key) or (line.key in interfaces.COMMANDS and ABOUT_CARD.search(line.rest)):
                staying.append(ended(line.text))
                if line.key != "mtu":
                    out[index] = ""
            elif line.key in interfaces.COMMANDS:
                out[index] = self.command(line, f"{path}:{line.number}")
        indent = next((m[0] for i in iface.options if (m := re.match(r"[ \t]+", lines[i].text))), "    ")
        header = interfaces.renamed(ended(lines[iface.first].text), self.interface, self.bridge)
        before = after = ""
        if self.first or staying:
            before = f"iface {self.interface} {iface.family} manual\n{''.join(staying)}\n"
        if self.first:
            options = (f"bridge_ports {self.interface}", "bridge_fd 0", f"bridge_hw {self.mac}")
            after = "".join(f"{indent}{option}\n" for option in options)
            self.first = False
        out[iface.first] = before + header + after

    def command(self, line: Line, at: str) -> str:
        """Return an ``up`` line and its like for the bridge."""
        if ADDRESSING.search(line.rest):
            return interfaces.renamed(line.text, self.interface, self.bridge)
        if interfaces.renamed(line.rest, self.interface, "") != line.rest:
            self.notes.append(f"{at}: this command names {self.interface} and is left as it is: {line.rest}")
        return line.text

    def other(self, lines: list[Line], iface: Iface, out: list[str]) -> None:
        """Let a VLAN or alias follow, and other stanzas use the bridge in their routes."""
        follows = iface.name in self.names
        if follows:
            out[iface.first] = interfaces.renamed(out[iface.first], iface.name, self.names[iface.name])
        for index in iface.options:
            line = lines[index]
            about = line.key in interfaces.COMMANDS and (follows or ADDRESSING.search(line.rest))
            if about or line.key in ("vlan-raw-device", "vlan_raw_device"):
                for old, new in sorted(self.names.items(), key=len_of_name, reverse=True):
                    out[index] = interfaces.renamed(out[index], old, new)


def len_of_name(item: tuple[str, str]) -> int:
    """Return how long the old name is: eth0.5 has to be renamed before eth0."""
    return len(item[0])


def ended(text: str) -> str:
    """Return *text* with an end of line."""
    return text if text.endswith("\n") else text + "\n"

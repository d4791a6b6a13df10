# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Everything that is wrong with guest files, found in one pass. It knows the host only from the facts it is given."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from univention_xen import units
from univention_xen.guest import load_xl, tags
from univention_xen.guest.model import Guest
from univention_xen.guest.specs import hidden
from univention_xen.guest.words import BadSyntax, CannotRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from univention_xen.guest.load_xl import New

IMPORT = "univention-xen guest import makes a file for xl of it"
CANNOT_ASK = "the installed device model cannot ask for a VNC password, so the guest does not start"
AT_HOME = "without vncpasswd let it listen on 127.0.0.1 and reach it through ssh -L"
FOLLOW = "univention-xen guest follow rewrites the line; without its comment it is yours"


class Finding(NamedTuple):
    """One thing that is wrong. *severity* is error (the guest does not start, or harms) or warning."""

    severity: str
    rule: str
    path: str
    line: int
    guest: str
    sentence: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.severity}: {self.sentence}" + (
            f"\n  hint: {self.hint}" if self.hint else ""
        )


class GuestFile(NamedTuple):
    """A file to look at; *mode* is its permission bits, None if unknown."""

    path: str
    text: str
    mode: int | None = None


@dataclass(frozen=True)
class Facts:
    """What is known of the host; None means that it is not known, and then nothing is said about it."""

    missing: frozenset[str] = frozenset()
    """Paths named in the files that do not exist."""

    bridges: frozenset[str] | None = None
    default_bridge: str = "xenbr0"
    memory: int | None = None
    """MiB of the whole host."""

    together: frozenset[str] = field(default_factory=frozenset)
    """Names of guests that run, or are started with the host, so that they meet each other."""

    followed: tuple[tags.Followed, ...] = ()
    """What tagged lines should say."""

    vnc_passwords: bool = True
    """Whether the installed device model can ask for a VNC password; Debian 12's cannot."""


class Read(NamedTuple):
    """A file that describes a guest."""

    file: GuestFile
    new: New

    @property
    def guest(self) -> Guest:
        """The guest."""
        return self.new.guest

    def finding(self, severity: str, rule: str, name: str, sentence: str, hint: str = "") -> Finding:
        """Return a finding about the setting *name*."""
        line = next((each.place.line for each in reversed(self.new.assignments) if each.name == name), 1)
        return Finding(severity, rule, self.file.path, line, self.guest.name, hidden(sentence), hint)


def check(files: Iterable[GuestFile], facts: Facts) -> list[Finding]:
    """Return all that is wrong, in the order of the files. The work grows with their number and no faster."""
    found: list[Finding] = []
    guests: list[Read] = []
    order: dict[str, int] = {}
    for file in files:
        order.setdefault(file.path, len(order))
        try:
            guests.append(Read(file, load_xl.load(file.text, file.path)))
        except BadSyntax as why:
            found.append(unreadable(file, why))
        except CannotRun as why:
            found += refused(file, why)
    for each in guests:
        for rule in (remarks, start, disks, network, screen, memory, secrecy, tagged):
            found += rule(each, facts)
    for common in (shared_macs, shared_names, shared_images, shared_displays):
        found += common(guests, facts)
    return sorted(found, key=lambda each: (order[each.path], each.line, each.rule))


def unreadable(file: GuestFile, why: BadSyntax) -> Finding:
    """Say that xl cannot read a file, and whether xm could."""
    from univention_xen.guest import program  # what reads Python is large, and seldom needed

    place, _, sentence = str(why).removeprefix(file.path).lstrip(":").partition(": ")
    line = place.partition(":")[0]
    hint = ""
    try:
        if program.understand(file.text.replace("\r\n", "\n"), file.path).givers:
            hint = IMPORT
    except BadSyntax:
        pass
    return Finding("error", "syntax", file.path, int(line) if line.isdigit() else 1, "", sentence or str(why), hint)


def refused(file: GuestFile, why: CannotRun) -> list[Finding]:
    """Say why xl refuses a file that it can read."""
    hint = IMPORT if any(each.name in ("builder", "disk") for each in why.reasons) else ""
    lines = {
        name: line for line, text in enumerate(file.text.splitlines(), 1) for name in text.split("=")[0].split()[-1:]
    }
    return [
        Finding("error", "refused", file.path, lines.get(each.name, 1), "", hidden(each.sentence), hint)
        for each in why.reasons
    ]


def remarks(each: Read, facts: Facts) -> Iterator[Finding]:
    """What xl itself would warn about, and what it ignores without a word."""
    for trouble in each.new.remarks:
        yield each.finding("warning", "ignored", trouble.name, trouble.sentence)
    for name in each.new.ignored:
        yield each.finding("warning", "ignored", name, f"xl does not know {name} and ignores it")
    for name in each.new.repeated:
        if not any(assignment.adds for assignment in each.new.assignments if assignment.name == name):
            yield each.finding("warning", "repeated", name, f"{name} is set more than once, and the last one counts")


def start(each: Read, facts: Facts) -> Iterator[Finding]:
    """Name, kernel, initrd and boot loader."""
    if not each.guest.name.strip() or "/" in each.guest.name:
        yield each.finding("error", "name", "name", f"“{each.guest.name}” makes no good name for a guest")
    for name, path in (("kernel", each.guest.kernel), ("ramdisk", each.guest.ramdisk)):
        if path in facts.missing:
            yield each.finding("error", "missing", name, f"the {name} {path} does not exist")


def disks(each: Read, facts: Facts) -> Iterator[Finding]:
    """Images that are not there, and names that are given twice."""
    seen: set[str] = set()
    for disk in each.guest.disks:
        if disk.path in facts.missing:
            yield each.finding(
                "error", "missing", "disk", f"the image {disk.path} does not exist", image_hint(disk.path)
            )
        if disk.path and not disk.script and not disk.path.startswith("/"):
            yield each.finding(
                "warning", "relative", "disk", f"the path {disk.path} is relative, so it depends on where xl is started"
            )
        place = disk.vdev
        if place[:3] == "xvd" and each.guest.kind == "hvm":
            place = "hd" + place[3:]  # an xvd disk of an hvm guest is emulated as the hd disk of the same letter
        if place in seen:
            yield each.finding("error", "device", "disk", f"two disks are to appear as {disk.vdev} in the guest")
        seen.add(place)


def image_hint(path: str) -> str:
    """Return how to make a missing image; devices cannot be made."""
    return "" if path.startswith("/dev/") else f"univention-xen image create {path} --size SIZE makes an empty one"


def network(each: Read, facts: Facts) -> Iterator[Finding]:
    """Bridges that are not there."""
    if facts.bridges is None:
        return
    for bridge in dict.fromkeys(vif.bridge or facts.default_bridge for vif in each.guest.vifs if bridged(vif.options)):
        if bridge not in facts.bridges:
            yield each.finding(
                "error", "bridge", "vif", f"the bridge {bridge} does not exist", "ip link shows the interfaces that do"
            )


def bridged(options: tuple[tuple[str, str], ...]) -> bool:
    """Whether a network card is put into a bridge rather than routed."""
    return dict(options).get("script", "vif-bridge").rpartition("/")[2] in ("vif-bridge", "")


def screen(each: Read, facts: Facts) -> Iterator[Finding]:
    """VNC that anybody can reach, and passwords that cannot work."""
    vnc = each.guest.vnc
    if not vnc.on:
        return
    name = "vnclisten" if each.guest.kind == "hvm" or not any(a.name == "vfb" for a in each.new.assignments) else "vfb"
    address = vnc.listen.partition(":")[0] if vnc.listen.count(":") == 1 else vnc.listen
    if not vnc.password and not units.is_loopback(address.strip("[]")):
        hint = "let it listen on 127.0.0.1 and reach it through ssh -L"
        yield each.finding(
            "warning", "vnc", name, f"VNC is open to everybody who reaches {vnc.listen}: no password", hint
        )
    if vnc.password and not facts.vnc_passwords:
        yield each.finding("error", "vnc-password", name, CANNOT_ASK, AT_HOME)


def memory(each: Read, facts: Facts) -> Iterator[Finding]:
    """More memory than there is, or an odd amount."""
    wanted, most = each.guest.memory, each.guest.maxmem
    if facts.memory is not None and wanted > facts.memory:
        sentence = f"the guest wants {wanted} MiB, and the host has {facts.memory} MiB"
        yield each.finding("error", "memory", "memory", sentence)
    if most < wanted:
        yield each.finding("warning", "memory", "maxmem", f"maxmem ({most}) is less than memory ({wanted})")


def secrecy(each: Read, facts: Facts) -> Iterator[Finding]:
    """A password in a file that others can read."""
    mode = each.file.mode
    if each.guest.vnc.password and mode is not None and mode & 0o077:
        sentence = f"the file holds a password and can be read by others (mode {mode:04o})"
        yield each.finding("warning", "mode", "vncpasswd", sentence, f"chmod 600 {each.file.path}")


def tagged(each: Read, facts: Facts) -> Iterator[Finding]:
    """Lines that do not say what the registry variable says that they follow."""
    for found in tags.astray(each.file.text, each.new.assignments, facts.followed):
        place = each.file.path, found.assignment.place.line, each.guest.name
        yield Finding("warning", "tag", *place, found.sentence, FOLLOW)
    known = {followed.variable for followed in facts.followed}
    if known and tags.mentioned(each.file.text) - known:
        for tag in tags.tagged(each.file.text, each.new.assignments):
            if tag.variable not in known:
                place = each.file.path, tag.assignment.place.line, each.guest.name
                hint = f"those that can be followed are {', '.join(sorted(known))}"
                yield Finding("warning", "no-tag", *place, f"no line can follow {tag.variable}", hint)


def shared_macs(guests: list[Read], facts: Facts) -> Iterator[Finding]:
    """A MAC address that more than one card has."""
    users: defaultdict[str, list[Read]] = defaultdict(list)
    for each in guests:
        for vif in each.guest.vifs:
            if vif.mac:
                users[vif.mac].append(each)
    for mac, all_users in users.items():
        yield from clash(all_users, "mac", "vif", f"the MAC address {mac}", facts, "give one of them another")


def shared_names(guests: list[Read], facts: Facts) -> Iterator[Finding]:
    """A name or UUID that more than one guest has."""
    for what, name in (("name", "name"), ("UUID", "uuid")):
        users: defaultdict[str, list[Read]] = defaultdict(list)
        for each in guests:
            if value := each.guest.name if name == "name" else each.guest.uuid.lower():
                users[value].append(each)
        for value, all_users in users.items():
            yield from clash(all_users, name, name, f"the {what} {value}", facts, "only one of them can run")


def shared_images(guests: list[Read], facts: Facts) -> Iterator[Finding]:
    """An image that one guest writes while another has it."""
    users: defaultdict[str, list[Read]] = defaultdict(list)
    written: set[str] = set()
    for each in guests:
        for disk in each.guest.disks:
            if disk.path and not disk.cdrom:
                path = os.path.normpath(disk.path) if not disk.script else f"{disk.script}:{disk.path}"
                users[path].append(each)
                if disk.writable:
                    written.add(path)
    for path in written:
        hint = "two writers destroy the file systems on it"
        yield from clash(users[path], "image", "disk", f"the image {path}", facts, hint)


def shared_displays(guests: list[Read], facts: Facts) -> Iterator[Finding]:
    """A fixed VNC display that more than one guest asks for."""
    users: defaultdict[int, list[Read]] = defaultdict(list)
    for each in guests:
        vnc = each.guest.vnc
        if vnc.on and vnc.display is not None and not vnc.unused:
            users[vnc.display].append(each)
    for display, all_users in users.items():
        yield from clash(
            all_users, "display", "vncdisplay", f"the VNC display {display}", facts, "vncunused=1 finds a free one"
        )


def clash(users: list[Read], rule: str, name: str, what: str, facts: Facts, hint: str) -> Iterator[Finding]:
    """Say of every guest but the first that it shares something; an error when two of them run together."""
    if len(users) < 2:
        return
    together = {id(each) for each in users if each.guest.name in facts.together}
    severity = "error" if len(together) > 1 else "warning"
    first = users[0]
    for each in users[1:]:
        other = first.file.path if each is not first else "the same guest"
        yield each.finding(severity, rule, name, f"{what} is also used by {other}", hint)

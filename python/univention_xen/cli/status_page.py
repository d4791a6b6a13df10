# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The page of `univention-xen host status`: with bars and bold headings on a terminal, plain in a pipe."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from univention_xen.host.hypervisor import Hypervisor
    from univention_xen.host.status import Bridge, Guest, Status

MIB = 1 << 20
LABEL = 12
GAP = "  "
BAR = 24
NARROW = 20  # columns that there are for a text at least
GUESTS = {"pv": "PV", "pvh": "PVH", "hvm": "HVM"}
ROLES = {"": "not running", "guest": "this is a guest of Xen, not its Dom0"}


class Style(NamedTuple):
    """What the reader's terminal can show; nothing of it in a pipe, where lines have any width."""

    bold: tuple[str, str] = ("", "")
    full: str = ""
    empty: str = ""
    width: int = 0

    def heading(self, text: str) -> str:
        """Return a heading, padded to its column."""
        return f"{self.bold[0]}{text:{LABEL}}{self.bold[1]}" if text else " " * LABEL

    def bar(self, part: float, whole: float) -> str:
        """Return a bar with a blank behind it, '' where no bars are shown."""
        if not self.full or whole <= 0:
            return ""
        filled = max(0, min(BAR, round(BAR * part / whole)))
        return f"[{self.full * filled}{self.empty * (BAR - filled)}] "

    def wrap(self, text: str, before: int = 0, indent: str = "") -> list[str]:
        """Return *text* as lines that fit behind the headings and *before* more columns."""
        if not self.width:
            return [text]
        room = max(NARROW, self.width - LABEL - before)
        lines = textwrap.wrap(text, room, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        return lines or [""]


PLAIN = Style()


def terminal(encoding: str, width: int, *, colours: bool) -> Style:
    """Return the style for a terminal of so many columns."""
    bold = ("\033[1m", "\033[0m") if colours else ("", "")
    full, empty = ("█", "░") if encoding.lower().replace("-", "") == "utf8" else ("#", ".")
    return Style(bold, full, empty, width)


def page(status: Status, style: Style) -> str:
    """Return the whole page; what names and titles hold cannot steer the terminal."""
    sections = [
        ("Hypervisor", list(hypervisor(status.hypervisor))),
        ("Memory", list(memory(status, style))),
        ("Next boot", list(boot(status))),
        ("Toolstack", [f"{status.toolstack.name}, as {status.toolstack.why}"]),
        ("Services", [f"{service.name:12}{service.state}" for service in status.services] or ["none is installed"]),
        ("Images", list(room(status, style))),
        ("Bridges", bridges(status.bridges, style)),
        ("Guests", guests(status.guests)),
        *([("Pending", list(status.pending))] if status.pending else []),
    ]
    lines = []
    for label, texts in sections:
        body = [line for text in texts for line in style.wrap(clean(text), indent="  ")]
        headings = [label] + [""] * (len(body) - 1)
        lines += [f"{style.heading(head)}{line}".rstrip() for head, line in zip(headings, body, strict=True)]
    return "\n".join(lines)


def clean(line: str) -> str:
    """Return a line of printable characters."""
    return "".join(char if char.isprintable() else "?" for char in line)


def hypervisor(xen: Hypervisor) -> Iterator[str]:
    """Yield what is known about Xen."""
    can = ", ".join(GUESTS[kind] for kind in xen.can)
    if xen.role != "dom0":
        yield ROLES[xen.role]
        if not xen.role:
            yield f"this processor could run {can} guests under Xen"
    elif xen.why:
        yield f"running, but it does not answer: {xen.why}"
    else:
        yield f"Xen {xen.version}, running on {xen.processors} processor{'s' * (xen.processors != 1)}"
        yield f"runs {can} guests; {'the IOMMU is in use' if xen.iommu else 'no IOMMU in use'}"
        yield f"started with: {xen.command_line}" if xen.command_line else "started without options"


def memory(status: Status, style: Style) -> Iterator[str]:
    """Yield how much memory is taken, and by whom."""
    xen = status.hypervisor
    if not xen.memory:
        yield "unknown without the hypervisor"
        return
    used = xen.memory - xen.free
    yield f"{style.bar(used, xen.memory)}{human(used * MIB)} of {human(xen.memory * MIB)} taken"
    own = f"Dom0 {human((status.dom0.memory or 0) * MIB)}, " if status.dom0 else ""
    others = sum(guest.memory for guest in status.guests)
    yield f"{own}guests {human(others * MIB)}, free for guests {human(xen.free * MIB)}"


def boot(status: Status) -> Iterator[str]:
    """Yield what the next boot brings."""
    yield f"{'reboot needed: ' if status.boot.needed else ''}{status.boot.why}"
    if status.boot.entry:
        yield f"entry: {status.boot.entry}"
    if status.boot.hint:
        yield f"hint: {status.boot.hint}"


def room(status: Status, style: Style) -> Iterator[str]:
    """Yield how full the images' file system is."""
    path, size, free = status.room
    percent = f" ({100 * (size - free) // size} %)" if size else ""
    yield f"{style.bar(size - free, size)}{human(size - free)} of {human(size)} used{percent}"
    yield f"on the file system of {path}"


def bridges(found: Sequence[Bridge], style: Style) -> list[str]:
    """Return a table of bridges; many guests take several lines."""
    if not found:
        return ["none"]
    names = {bridge: (bridge.name, ", ".join(bridge.ports) or "-" if bridge.there else "missing") for bridge in found}
    before = sum(max(map(len, column)) + len(GAP) for column in zip(*names.values(), strict=True))
    rows = [("NAME", "PORTS", "GUESTS")]
    for bridge, own in names.items():
        first, *more = style.wrap(", ".join(bridge.guests) or "-", before)
        rows += [(*own, first), *(("", "", line) for line in more)]
    return table(rows)


def guests(found: Sequence[Guest]) -> list[str]:
    """Return a table of guests."""
    if not found:
        return ["none"]
    rows = [("NAME", "ID", "STATE", "MEMORY", "VCPUS", "AT BOOT")]
    for guest in found:
        if guest.number is None:
            own = ("-", guest.state, "-", "-")
        else:
            own = (str(guest.number), guest.state, human(guest.memory * MIB), str(guest.processors))
        rows.append((guest.name, *own, "yes" if guest.at_boot else "no"))
    return table(rows)


def table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return rows with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [GAP.join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def human(size: float) -> str:
    """Return bytes in the unit in which one thinks of them."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.1f}".removesuffix(".0") + f" {unit}"
        size /= 1024
    return f"{size:.1f}".removesuffix(".0") + " TiB"

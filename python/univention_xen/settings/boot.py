# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Variables about how the host starts: what GRUB chooses, and what Xen and Dom0's kernel are told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from univention_xen import units
from univention_xen.settings.kinds import Kind, one_of
from univention_xen.settings.variable import Group, Problem, Variable

if TYPE_CHECKING:
    from collections.abc import Iterator

BOTH = "xend xl"

WORDS = r"[A-Za-z0-9_.,:=+/@%^~!\[\]-]+(?: +[A-Za-z0-9_.,:=+/@%^~!\[\]-]+)*"
"""A command line in characters that mean nothing to a shell and nothing to GRUB, both of which read it."""

LONGEST_LINE = 1024
"""Characters of a command line that Xen keeps."""

SIZE = r"[1-9][0-9]{0,6}[MmGgTt]"
MEMORY_PATTERN = rf"(?:min:|max:)?{SIZE}(?:,(?:min:|max:)?{SIZE}){{0,2}}"
MIB = {"M": 1, "G": 1024, "T": 1024 * 1024}
LEAST, SCANTY = 128, 512
"""MiB without which no Dom0 comes up, and with which it comes up but has no room for more."""

PROCESSORS = r"[1-9][0-9]{0,3}(?:-[1-9][0-9]{0,3})?"
SERIAL = r"com[12](?:,(?:9600|19200|38400|57600|115200))?"


class Memory(NamedTuple):
    """What Dom0 gets, in MiB; 0 leaves it to Xen. Without ``min`` and ``max`` the size never changes."""

    size: int = 0
    min: int = 0
    max: int = 0

    @property
    def least(self) -> int:
        """Return the smallest amount that is named, 0 when none is."""
        return min(filter(None, self), default=0)

    def __str__(self) -> str:
        return ",".join(f"{prefix}{short(mib)}" for prefix, mib in zip(("", "min:", "max:"), self, strict=True) if mib)


def short(mib: int) -> str:
    """Return an amount in the largest unit that leaves a whole number."""
    unit = next(unit for unit in "TGM" if mib % MIB[unit] == 0)
    return f"{mib // MIB[unit]}{unit}"


def memory(text: str) -> Memory:
    """Return the amounts in a text such as 2G, or min:1G,max:4G.

    Xen takes a bare number for KiB, which nobody means, so each needs its unit. Raises ValueError.
    """
    if not re.fullmatch(MEMORY_PATTERN, text):
        raise ValueError("is not an amount with a unit, such as 2G, nor a row such as min:1G,max:4G")
    found: dict[str, int] = {}
    for part in text.split(","):
        kind, _, amount = part.rpartition(":")
        if kind in found:
            raise ValueError(f"names {kind or 'the size'} twice")
        found[kind] = int(amount[:-1]) * MIB[amount[-1].upper()]
    wanted = Memory(found.get("", 0), found.get("min", 0), found.get("max", 0))
    order = [mib for mib in (wanted.min, wanted.size, wanted.max) if mib]
    if order != sorted(order):
        raise ValueError("has a minimum or size above its size or maximum")
    if wanted.least < LEAST:
        raise ValueError(f"is too little for Dom0, which does not start with less than {LEAST}M")
    return wanted


def command_line(text: str) -> str:
    """Return the words of a command line with one blank between them. Raises ValueError."""
    if not re.fullmatch(WORDS, text):
        raise ValueError("contains a character that a shell or GRUB would take for more than text")
    if len(text) > LONGEST_LINE:
        raise ValueError(f"is longer than {LONGEST_LINE} characters")
    return " ".join(text.split())


def processors(text: str) -> str:
    """Return a number of processors, or a range of such numbers. Raises ValueError."""
    if not re.fullmatch(PROCESSORS, text):
        raise ValueError("is neither a number of processors nor a range such as 1-4")
    first, _, last = text.partition("-")
    if last and int(first) > int(last):
        raise ValueError("is a range that runs backwards")
    return text


def serial(text: str) -> str:
    """Return a serial port with its speed. Raises ValueError."""
    if not re.fullmatch(SERIAL, text):
        raise ValueError("is not a serial port such as com1, or com2,9600 with its speed")
    return text if "," in text else f"{text},115200"


def seconds(text: str) -> int | None:
    """Return a time of at most an hour. Raises ValueError."""
    return units.whole(text, 0, 3600)


def show_seconds(value: int | None) -> str:
    """Return the number, or nothing."""
    return "" if value is None else str(value)


def keys(line: str) -> set[str]:
    """Return the names of the parameters in a command line."""
    return {word.partition("=")[0] for word in line.split()}


COMMAND_LINE: Kind[str] = Kind("str", command_line, regex=f"^(?:{WORDS})?$")
MEMORY: Kind[Memory] = Kind("str", memory, regex=f"^(?:{MEMORY_PATTERN})?$", nothing="what Xen chooses")
PROCESSOR_COUNT: Kind[str] = Kind("str", processors, regex=f"^(?:{PROCESSORS})?$", nothing="every processor")
SERIAL_PORT: Kind[str] = Kind("str", serial, regex=f"^(?:{SERIAL})?$", nothing="no serial console")
SECONDS: Kind[int | None] = Kind("uint", seconds, maximum=3600, show=show_seconds, nothing="GRUB's own time")
ANYTHING: Kind[str] = Kind("str", str)


class Boot(Group):
    """What starts when the host is switched on."""

    grub_default = Variable("xen/grub/default", one_of("xen", "linux", "keep"), "xen", acts=BOTH)
    grub_timeout = Variable("xen/grub/timeout", SECONDS, None, acts=BOTH)
    hypervisor_cmdline = Variable("xen/hypervisor/cmdline", COMMAND_LINE, "", acts=BOTH)
    dom0_memory = Variable("xen/dom0/memory", MEMORY, Memory(), acts=BOTH)
    dom0_vcpus = Variable("xen/dom0/vcpus", PROCESSOR_COUNT, "", acts=BOTH)
    dom0_cmdline = Variable("xen/dom0/cmdline", COMMAND_LINE, "", acts=BOTH)
    serial_console = Variable("xen/serial/console", SERIAL_PORT, "", acts=BOTH)

    def own_risks(self) -> Iterator[Problem]:
        """Yield a Dom0 that is too small, and parameters that are given twice."""
        if 0 < self.dom0_memory.least < SCANTY:
            why = f"leaves Dom0 with less than {SCANTY}M, which is hardly enough to start and tend guests"
            yield Boot.dom0_memory.risk(self, why)
        given = keys(self.hypervisor_cmdline)
        own: tuple[tuple[Variable[Any], str], ...] = (
            (Boot.dom0_memory, "dom0_mem"),
            (Boot.dom0_vcpus, "dom0_max_vcpus"),
        )
        for variable, key in own:
            if key in given and not self.is_default(variable):
                why = f"contains {key}, which takes the place of {variable.name}"
                yield Boot.hypervisor_cmdline.risk(self, why, f"ucr unset {variable.name}, or take the word out")


class Elsewhere(Group):
    """Variables of other packages that say something about how a Dom0 starts; they are described there."""

    xenhopt = Variable("grub/xenhopt", COMMAND_LINE, "")
    gdm_autostart = Variable("gdm/autostart", ANYTHING, "")


class Modules(Group):
    """UCS's own list of kernel modules, separated by semicolons."""

    kernel_modules = Variable("kernel/modules", ANYTHING, "")

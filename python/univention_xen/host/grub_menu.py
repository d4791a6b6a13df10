# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What a grub.cfg starts by itself. Reads the files that grub-mkconfig makes, not everything that GRUB understands."""

from __future__ import annotations

import re
from typing import NamedTuple

HYPERVISOR = ("multiboot2", "multiboot", "xen_hypervisor")
KERNEL = ("linux", "linuxefi", "linux16", "module2", "module", "xen_module")
HEAD = re.compile(r"(menuentry|submenu)\s+(?:'((?:[^'\\]|\\.|'\\'')*)'|\"([^\"]*)\")(.*)\{\s*$")
NAME = re.compile(r"\$menuentry_id_option\s+'([^']*)'")
DEFAULT = re.compile(r"\s*set default=\"?([^\"]*?)\"?\s*$")


class Entry(NamedTuple):
    """One entry: its title, its name, what Xen and the kernel are told ('' without Xen), and the entries below it."""

    title: str
    name: str
    hypervisor: str
    kernel: str
    below: tuple[Entry, ...] = ()

    @property
    def starts_xen(self) -> bool:
        """Say whether the entry starts a hypervisor."""
        return bool(self.hypervisor)


class Open:
    """An entry that is being read."""

    def __init__(self, title: str, name: str) -> None:
        self.title, self.name = title, name
        self.hypervisor = self.kernel = ""
        self.below: list[Entry] = []

    def take(self, line: str) -> None:
        """Note the first command that loads a hypervisor, and the first that loads a kernel."""
        command, *rest = line.split(maxsplit=1) or [""]
        words = " ".join(" ".join(rest).split())
        if command in HYPERVISOR and not self.hypervisor:
            self.hypervisor = words
        elif command in KERNEL and not self.kernel:
            self.kernel = words

    def close(self) -> Entry:
        """Return what was read."""
        return Entry(self.title, self.name, self.hypervisor, self.kernel, tuple(self.below))


def entries(text: str) -> list[Entry]:
    """Return the menu; never raises."""
    stack = [Open("", "")]
    for line in text.splitlines():
        if head := HEAD.match(line.strip()):
            name = NAME.search(head[4])
            title = (head[2] or head[3] or "").replace("'\\''", "'")
            stack.append(Open(title, name[1] if name else ""))
        elif line.strip() == "}" and len(stack) > 1:
            done = stack.pop().close()
            stack[-1].below.append(done)
        else:
            stack[-1].take(line)
    return stack[0].below


def environment(text: str) -> dict[str, str]:
    """Return the variables in a grubenv."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


def chosen(text: str, env: dict[str, str]) -> str:
    """Return what stands behind `set default=` in the end, with the variables of grubenv in it."""
    found = [match[1] for match in map(DEFAULT.match, text.splitlines()) if match]
    wanted = env.get("next_entry") or next((each for each in reversed(found) if each != "${next_entry}"), "")
    return env.get("saved_entry", "") if wanted == "${saved_entry}" else str(wanted)


def default(text: str, grubenv: str = "") -> Entry | None:
    """Return the entry that is started when nobody touches a key; None where there is none.

    GRUB takes the first entry when it does not find the one it should start.
    """
    menu = entries(text)
    level, found = menu, None
    for part in re.split(r"(?<!>)>(?!>)", chosen(text, environment(grubenv))):
        found = pick(level, part.replace(">>", ">"))
        if found is None:
            break
        level = list(found.below)
    while found and found.below:
        found = found.below[0]
    return found or (menu[0] if menu else None)


def pick(level: list[Entry], wanted: str) -> Entry | None:
    """Return the entry with this number, name or title."""
    if wanted.isdecimal():
        return level[int(wanted)] if int(wanted) < len(level) else None
    return next((entry for entry in level if wanted and wanted in (entry.name, entry.title)), None)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The files that the registry generates: do they still say what it says?"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, NamedTuple

from univention_xen.host import grub
from univention_xen.registry import handlers, sections
from univention_xen.registry.config import ConfigRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from univention_xen.plan import Machine

FILES = ("/etc/xen/xend-config.sxp", "/etc/xen/xl.conf", "/etc/default/xendomains", grub.FILE)
TEMPLATES = "/etc/univention/templates/files"
CURRENT, DIFFERENT, MISSING, BROKEN = "current", "different", "missing", "broken"


class Generated(NamedTuple):
    """A file, how it stands, and for a broken one why."""

    path: str
    state: str
    why: str = ""


def look_at(on: Machine) -> list[Generated]:
    """Return how each file stands whose template is installed."""
    return [compare(on, path) for path in FILES if on.path(TEMPLATES + path).exists()]


def compare(on: Machine, path: str) -> Generated:
    """Generate the file in memory and compare what acts in it; comments may be anybody's."""
    try:
        wanted = render(on, path)
    except sections.SectionFailed as why:
        return Generated(path, BROKEN, str(why))
    if not on.path(path).exists():
        return Generated(path, MISSING)
    return Generated(path, CURRENT if acting(on.read(path)) == acting(wanted) else DIFFERENT)


def acting(text: str) -> list[str]:
    """Return the lines that are neither empty nor a comment."""
    return [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]


def render(on: Machine, path: str) -> str:
    """Return the text that the registry would write.

    Raises SectionFailed. The warnings about values that come with it are known from the settings already.
    """
    registry = ConfigRegistry(root=str(on.root)).load()
    with silence():
        return handlers.render(registry, [TEMPLATES + path]).decode("utf-8", "surrogateescape")


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Drop what this process and its children write on stderr."""
    kept = os.dup(2)
    try:
        with open(os.devnull, "w", encoding="ascii", errors="replace") as nothing, contextlib.redirect_stderr(nothing):
            os.dup2(nothing.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The computed lines of /etc/default/xendomains, which a script of root reads as shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from univention_xen.host import conffile
from univention_xen.settings.host import Xendomains

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def text(registry: Mapping[str, str], template: str) -> str:
    """Return the template's text with the computed lines in it; what is wrong goes to stderr."""
    settings = conffile.settings(registry, Xendomains)
    return conffile.fill(template, blocks(settings))


def blocks(settings: Xendomains) -> dict[str, Iterator[str]]:
    """Return the lines of each block of the template.

    The script tests most of these for being empty: RESTORE=false would restore.
    """
    return {
        "auto": assignment("AUTO", path(settings.auto)),
        "restore": assignment("RESTORE", "true" if settings.restore else ""),
        "save": assignment("SAVE", path(settings.save)),
        "migrate": assignment("MIGRATE", settings.migrate),
        "timeout": assignment("STOP_MAXWAIT", str(settings.stop_timeout)),
    }


def path(value: str) -> str:
    """Return the path as the script wants it, where none is empty."""
    return "" if value == "none" else value


def assignment(name: str, value: str) -> Iterator[str]:
    """Yield a line of shell in which *value* is nothing but text."""
    escaped = value.replace("'", "'\\''")
    yield f"XENDOMAINS_{name}='{escaped}'"

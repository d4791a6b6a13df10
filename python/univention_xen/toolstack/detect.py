# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Which toolstack is in effect on this host, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from univention_xen.plan import Machine

XEND_LIVES_IN = (
    "/usr/sbin/xend", "/etc/init.d/xend",
    "/etc/systemd/system/xend.service", "/usr/lib/systemd/system/xend.service", "/lib/systemd/system/xend.service",
)  # fmt: skip
XL = "/usr/sbin/xl"


class Found(NamedTuple):
    """The toolstacks that are installed: where, or '' for not at all."""

    xl: str
    xend: str


class Choice(NamedTuple):
    """The toolstack in effect (``xl`` or ``xend``), and the reason as a clause."""

    name: str
    why: str


def look_at(on: Machine) -> Found:
    """Return what is installed."""
    return Found(
        xl=XL if on.path(XL).exists() else "",
        xend=next((path for path in XEND_LIVES_IN if on.path(path).exists()), ""),
    )


def choose(wanted: str, found: Found) -> Choice:
    """Return the toolstack for a registry that wants ``auto``, ``xl`` or ``xend``.

    Where both are installed ``auto`` means xl: Xen 4.5 and later have no xend, and before that xl came with it.
    """
    if wanted != "auto":
        there = getattr(found, wanted)
        return Choice(wanted, "the registry says so" if there else "the registry says so, although it is not installed")
    if found.xl:
        return Choice("xl", f"{found.xl} is installed")
    if found.xend:
        return Choice("xend", f"{found.xend} is installed and {XL} is not")
    return Choice("xl", "neither is installed, and Xen 4.5 and later come with xl only")

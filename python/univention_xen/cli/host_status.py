# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`univention-xen host status`: how this host stands, on one page."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from univention_xen.cli.verbs import Report

if TYPE_CHECKING:
    from argparse import Namespace

    from univention_xen.cli.status_page import Style
    from univention_xen.cli.verbs import Noun
    from univention_xen.host.status import Status
    from univention_xen.plan import Machine

STATUS = """\
Show on one page how this host stands: the hypervisor and what it can do, its
memory, what the next boot brings and whether the host waits for it, the
toolstack, the services, the bridges, the room for images, and the guests."""


def add_to(host: Noun) -> None:
    """Declare the verb."""
    host.reading_verb("status", status, help="show how this host stands", description=STATUS)


def status(args: Namespace, on: Machine) -> Report:
    """Report how the host stands."""
    from univention_xen.cli import status_page
    from univention_xen.host import status

    found = status.look_at(on)
    return Report("" if args.json else status_page.page(found, style()), data(found))


def style() -> Style:
    """Return what stdout can show."""
    import shutil

    from univention_xen.cli import status_page

    if not sys.stdout.isatty():
        return status_page.PLAIN
    colours = "NO_COLOR" not in os.environ and os.environ.get("TERM", "dumb") != "dumb"
    return status_page.terminal(sys.stdout.encoding or "ascii", shutil.get_terminal_size().columns, colours=colours)


def data(found: Status) -> dict[str, Any]:
    """Return the same for programs: memory in MiB, room in bytes."""
    return {
        "hypervisor": found.hypervisor._asdict() | {"running": found.hypervisor.role == "dom0"},
        "next_boot": found.boot._asdict(),
        "toolstack": found.toolstack._asdict(),
        "services": {service.name: service.state for service in found.services},
        "bridges": [bridge._asdict() for bridge in found.bridges],
        "images": found.room._asdict(),
        "dom0": found.dom0._asdict() if found.dom0 else None,
        "guests": [guest._asdict() for guest in found.guests],
        "pending": list(found.pending),
    }

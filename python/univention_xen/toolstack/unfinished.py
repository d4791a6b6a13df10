# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The xl processes behind domains: who creates them, and who looks after them.

A domain whose xl was killed while creating it was never completed, and stays, paused. One whose xl has ended later does
not start again by itself.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from univention_xen.errors import Busy
from univention_xen.log import log
from univention_xen.toolstack.domain import PAUSED

if TYPE_CHECKING:
    from univention_xen.plan import Machine
    from univention_xen.toolstack.domain import Domain, Toolstack

CONFIGURATIONS = "/var/lib/xen"
"""Where libxl 4.17 keeps userdata-d.ID.UUID.libxl-json of each domain, from the moment that it is complete."""
MONITORS_LOG = "/var/log/xen/xl-"
"""Where an xl writes that has completed its domain and stays to look after it."""


def left_over(domain: Domain | None, stack: Toolstack, on: Machine) -> bool:
    """Say whether a domain was not completed and nobody is about to; it has never run, so nothing is lost with it.

    Raises Busy while one is being created.
    """
    if stack.name != "xl" or not domain or domain.state != PAUSED or is_complete(domain, on):
        return False
    if creators(on):
        raise Busy(f"{domain.name} is just being created", hint="try again in a moment")
    log.warning("%s was not completely there: what an interrupted start has left is cleared away", domain.name)
    return True


def is_complete(domain: Domain, on: Machine) -> bool:
    """Say whether a domain has been created to its end; True when that cannot be known."""
    try:
        names = os.listdir(on.path(CONFIGURATIONS))
    except OSError:
        return True
    return any(name.startswith(f"userdata-d.{domain.id}.") and name.endswith(".libxl-json") for name in names)


def creators(on: Machine) -> list[int]:
    """Return the processes that are creating a domain."""
    return [int(process.name) for process in on.path("/proc").glob("[0-9]*") if creates(process)]


def creates(process: Path) -> bool:
    """Say whether a process in /proc is an xl that has a domain to complete."""
    try:
        program, *words = (process / "cmdline").read_bytes().split(b"\0")
        output = os.readlink(process / "fd" / "1")
    except OSError:
        return False
    verbs = {b"create", b"restore", b"migrate-receive"}
    return os.path.basename(program) == b"xl" and not verbs.isdisjoint(words) and not output.startswith(MONITORS_LOG)


def is_looked_after(name: str, on: Machine) -> bool:
    """Say whether an xl waits for the guest to end or to start again; it ends itself when the guest is suspended."""
    log_file = f"{MONITORS_LOG}{name}.log"
    for process in on.path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "fd" / "1") == log_file:
                return True
        except OSError:
            continue
    return False

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The toolstacks, and which of them runs the guests of this host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from univention_xen.errors import XenError
from univention_xen.toolstack import detect
from univention_xen.toolstack.libvirt import Libvirt
from univention_xen.toolstack.xl import Xl, Xm

if TYPE_CHECKING:
    from univention_xen.plan import Machine
    from univention_xen.toolstack.domain import Toolstack

TOOLSTACKS: dict[str, type[Toolstack]] = {"xl": Xl, "xm": Xm, "libvirt": Libvirt}
OF_HOST = {"xl": "xl", "xend": "xm"}
"""The program for each of the toolstacks that a host can have."""


def toolstack(on: Machine, connect: str = "") -> Toolstack:
    """Return the toolstack in effect, or libvirt at the URI *connect*. Raises UsageError for what is no URI."""
    if connect:
        return Libvirt(connect)
    from univention_xen import registry
    from univention_xen.settings.host import Toolstack as Setting

    wanted = Setting.read(registry.read(str(on.root)))[0].toolstack
    return TOOLSTACKS[OF_HOST[detect.choose(wanted, detect.look_at(on)).name]]()


def must_be_here(on: Machine) -> None:
    """Refuse to control guests of a tree that is not this host."""
    if str(on.root) != "/":
        raise XenError(f"guests run on a host and not in {on.root}", hint="leave out --root")

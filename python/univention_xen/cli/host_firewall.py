# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`univention-xen host firewall …`: the ports that guests' screens and relocation need, opened on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from univention_xen.cli.verbs import Report

if TYPE_CHECKING:
    from argparse import Namespace

    from univention_xen.cli.verbs import Noun
    from univention_xen.plan import Machine, Plan

PLAN = """\
Show which ports have to be open for what is configured, and what apply would do
in the firewall of this host. Nothing is changed."""
APPLY = """\
Open exactly the ports that are configured, and close those that an earlier
apply has opened and that nobody wants any more:

  screens     5900 and the display of each guest with VNC that can be seen from
              elsewhere; a guest that takes a free display (vncunused) may get a
              later one for every other screen
  relocation  the ports of xend. xl moves guests over ssh, which is not touched

xen/vnc/sources and xen/relocation/sources limit who may come. On UCS, variables
below security/packetfilter/package/univention-xen are set; elsewhere nftables
get a table of their own. Rules of others stay as they are."""
REMOVE = """\
Take away everything that `apply` has opened."""
SHOW = """\
Show what is configured and what is in the firewall."""
LOAD = """\
Load what `apply` has written into the kernel, as is done at boot."""


def add_to(host: Noun) -> None:
    """Declare the verbs."""
    firewall = host.noun("firewall", help="open the ports of screens and relocation, and close them again")
    firewall.reading_verb("plan", show_plan, help="show what apply would do", description=PLAN)
    firewall.reading_verb("show", show, help="show what is configured and what is open", description=SHOW)
    firewall.verb("apply", plan_apply, help="open what is configured", description=APPLY, locks="firewall")
    firewall.verb("remove", plan_remove, help="take it all away again", description=REMOVE, locks="firewall")
    firewall.verb("load", plan_load, help="load what apply has written", description=LOAD, locks="firewall")


def show_plan(_args: Namespace, on: Machine) -> Report:
    """Report what has to be open, and each step."""
    from univention_xen.host.firewall import decide, show

    facts = decide.look_at(on)
    return Report(*show.plan(facts, decide.plan(on, facts)))


def show(_args: Namespace, on: Machine) -> Report:
    """Report how the firewall is."""
    from univention_xen.host.firewall import decide, show

    return Report(*show.state(decide.look_at(on)))


def plan_apply(args: Namespace, on: Machine) -> Plan:
    """Plan to open what is configured. Raises XenError."""
    from univention_xen.host.firewall import decide

    facts = decide.look_at(on)
    must_be_here(args, facts.manager)
    return decide.plan(on, facts)


def plan_remove(args: Namespace, on: Machine) -> Plan:
    """Plan the way back. Raises XenError."""
    from univention_xen.host import services
    from univention_xen.host.firewall import decide

    facts = decide.look_at(on)
    must_be_here(args, facts.manager)
    return decide.plan_remove(facts, live=services.is_live(str(on.root)))


def plan_load(_args: Namespace, on: Machine) -> Plan:
    """Plan what is done at boot."""
    from univention_xen.host import services
    from univention_xen.host.firewall import decide
    from univention_xen.plan import Plan

    if not on.read(decide.FILE):
        return Plan.nothing(f"there is no {decide.FILE}, so nothing has been opened")
    if not services.is_live(str(on.root)):
        return Plan.nothing("this is not the running system, so the rules are not loaded")
    return Plan.of(decide.Load())


def must_be_here(args: Namespace, manager: str) -> None:
    """Refuse to change the registry of a UCS that is not this host."""
    from univention_xen.errors import XenError
    from univention_xen.host.firewall import decide

    if manager == decide.UCS and args.root != "/" and not args.dry_run:
        raise XenError("the firewall of UCS is this host's", hint="leave out --root")

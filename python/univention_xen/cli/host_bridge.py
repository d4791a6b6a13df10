# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`univention-xen host bridge …`: the network card becomes a port of the bridge that guests are connected to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from univention_xen.cli.verbs import Report

if TYPE_CHECKING:
    from argparse import Namespace

    from univention_xen.cli.verbs import Noun
    from univention_xen.plan import Machine, Plan

PLAN = """\
Show how the network card becomes a port of the bridge, or how this host begins
to forward for its guests, and what each file of the configuration looks like
afterwards. Nothing is changed."""
APPLY = """\
Make the network card that xen/bridge/interface names, or that of the default
route, a port of the bridge xen/bridge/name. Addresses, routes, name servers and
VLANs move to the bridge.

Where xen/network/mode is route or nat, there is no bridge: this host begins to
forward IPv4 for its guests instead, as a router that answers for their addresses
(route) or behind its own address (nat).

Before anything is changed, a process is started that takes everything back
unless somebody confirms in time: files byte for byte, addresses and routes. It
does not depend on this terminal. On a terminal you are asked; from another
login, confirm with `univention-xen host bridge confirm`. A reboot without a
confirmation takes everything back as well.

Exit status: 0 it is done, 1 it is not and everything is as it was."""
CONFIRM = """\
Keep what `apply` has made."""
REVERT = """\
Take back what `apply` has made: at once while it waits for its confirmation,
and at any time later, unless its files have been edited since."""
DEFAULT, SHORTEST, LONGEST = 60, 5, 3600


def add_to(host: Noun) -> None:
    """Declare the verbs."""
    bridge = host.noun("bridge", help="connect guests to the network of this host")
    bridge.reading_verb("plan", show, help="show what apply would do", description=PLAN)
    apply = bridge.verb(
        "apply", plan_apply, help="do it, and take it back unless confirmed", description=APPLY,
        locks="bridge", report=wait,
    )  # fmt: skip
    apply.argument("--confirm-within", metavar="S", default=str(DEFAULT), help=f"seconds; default: {DEFAULT}")
    bridge.verb("confirm", plan_confirm, help="keep what apply has made", description=CONFIRM, locks="bridge decision")
    bridge.verb(
        "revert", plan_revert, help="take back what apply has made", description=REVERT, locks="bridge decision"
    )


def show(_args: Namespace, on: Machine) -> Report:
    """Report what would be done: steps, and each file as a difference."""
    from univention_xen.host.bridge import decide, show

    return Report(*show.report(decide.plan(on, DEFAULT)))


def plan_apply(args: Namespace, on: Machine) -> Plan:
    """Plan the bridge. Raises UsageError for a time that is no time."""
    from univention_xen import units
    from univention_xen.errors import UsageError
    from univention_xen.host.bridge import decide

    if args.root != "/" and not args.dry_run:
        raise UsageError("the network is this host's: --root goes with --dry-run only")
    try:
        seconds = units.whole(args.confirm_within, SHORTEST, LONGEST)
    except ValueError as why:
        raise UsageError(f"--confirm-within: {args.confirm_within} {why}") from None
    return decide.plan(on, seconds)


def plan_confirm(_args: Namespace, on: Machine) -> Plan:
    """Plan to keep the bridge."""
    from univention_xen.host.bridge import apply

    return apply.plan_confirm(on)


def plan_revert(_args: Namespace, on: Machine) -> Plan:
    """Plan the way back."""
    from univention_xen.host.bridge import apply

    return apply.plan_revert(on)


def wait(args: Namespace, on: Machine, plan: Plan) -> Report:
    """Ask on the terminal and wait until somebody or the time has decided."""
    from univention_xen.host.bridge import apply, ask

    if not plan.steps:
        return Report("", {"bridge": "unchanged", "why": plan.reason})
    arm = next(step for step in plan.steps if isinstance(step, apply.Arm))
    outcome = ask.wait(on, arm.token)
    text = {"kept": f"The {arm.change.thing} is kept.", "undone": "Not confirmed: everything is as it was."}[outcome]
    return Report(text, {"bridge": outcome}, int(outcome != "kept"))

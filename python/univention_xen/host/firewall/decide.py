# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What has to be done in the firewall of this host, and whether that has been done."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from univention_xen import registry
from univention_xen.errors import ToolMissing, XenError
from univention_xen.host import services
from univention_xen.host.firewall import nft, openings, ucs
from univention_xen.host.firewall.openings import Wanted
from univention_xen.plan import Plan, Remove, Write
from univention_xen.settings.firewall import Firewall
from univention_xen.settings.host import Toolstack
from univention_xen.settings.relocation import Relocation
from univention_xen.settings.vnc import Vnc
from univention_xen.toolstack import detect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from univention_xen.host.firewall.openings import Opening
    from univention_xen.plan import Machine

FILE = "/etc/xen/firewall.nft"
UCS, NFTABLES = "univention-firewall", "nftables"
UFW = "/etc/ufw/ufw.conf"


class Facts(NamedTuple):
    """The firewall as it is: who makes it, what is wanted, what we have written, and nft's ruleset ('' unknown)."""

    manager: str
    wanted: Wanted
    registry: Mapping[str, str]
    text: str
    ruleset: str


@dataclass(frozen=True)
class Load:
    """Make the kernel do what the file says, in one go with taking back what we had told it before."""

    def __str__(self) -> str:
        return f"load {FILE} into the kernel, with its rules repeated where another table would refuse the connections"

    def apply(self, on: Machine) -> None:
        """Raise CommandFailed when it does not work; then everything is as it was."""
        if text := on.read(FILE):
            on.run("nft", "-f", "-", stdin=nft.loading(list_ruleset(on), text))


@dataclass(frozen=True)
class Unload:
    """Take what is ours out of the kernel."""

    def __str__(self) -> str:
        return "take these rules out of the kernel"

    def apply(self, on: Machine) -> None:
        """Raise CommandFailed when it does not work."""
        if script := nft.unloading(list_ruleset(on)):
            on.run("nft", "-f", "-", stdin=script)


def list_ruleset(on: Machine) -> str:
    """Return all of nftables. Raises ToolMissing and CommandFailed."""
    try:
        return on.run("nft", "-j", "list", "ruleset").out
    except ToolMissing:
        raise ToolMissing("nft is not installed", hint="apt install nftables") from None


def look_at(on: Machine, values: Mapping[str, str] | None = None, *, kernel: bool = True) -> Facts:
    """Read the registry, the guests' files and the firewall. In a tree or chroot the kernel's rules are not ours."""
    values = registry.read(str(on.root)) if values is None else values
    vnc, relocation = Vnc.read(values)[0], Relocation.read(values)[0]
    toolstack = detect.choose(Toolstack.read(values)[0].toolstack, detect.look_at(on)).name
    wanted = openings.wanted(vnc, relocation, Firewall.read(values)[0], openings.look_at(on, vnc, toolstack), toolstack)
    if services.is_installed(str(on.root), ucs.SERVICE):
        return Facts(UCS, wanted, values, on.read(ucs.SCRIPT), "")
    text = on.read(FILE)
    ruleset = ""
    if kernel and (text or wanted.openings) and services.is_live(str(on.root)):
        try:
            ruleset = list_ruleset(on)
        except XenError:
            ruleset = ""
    return Facts(manager(on, ruleset), wanted, values, text, ruleset)


def manager(on: Machine, ruleset: str) -> str:
    """Return whose rules are in force: others would lose ours when they are reloaded, and are left alone."""
    if re.search(r"^\s*ENABLED\s*=\s*[\"']?yes", on.read(UFW), re.MULTILINE | re.IGNORECASE):
        return "ufw"
    if ruleset and any(table["name"] == "firewalld" for table in nft.objects(ruleset, "table")):
        return "firewalld"
    if ruleset and any(chain.name == "INPUT" and chain.table == "filter" for chain in nft.refusing(ruleset)):
        return "iptables"
    return NFTABLES


def plan(on: Machine, facts: Facts) -> Plan:
    """Plan what plan_apply() does. Raises XenError, also when nft is needed and missing."""
    live = services.is_live(str(on.root))
    if live and facts.manager == NFTABLES and facts.wanted.openings and not facts.ruleset:
        list_ruleset(on)
    return plan_apply(facts, live=live)


def plan_apply(facts: Facts, *, live: bool = True) -> Plan:
    """Plan to open what is wanted and to close what we have opened and nobody wants any more.

    Raises XenError where somebody else makes the rules, with the commands that he understands.
    """
    wanted = facts.wanted.openings
    if facts.manager == UCS:
        steps = ucs.steps(wanted, facts.registry, facts.text)
        return Plan.of(*steps) if steps else Plan.nothing(reason(facts))
    if not wanted:
        return plan_remove(facts, live=live) if is_ours(facts) else Plan.nothing(reason(facts))
    if facts.manager != NFTABLES:
        raise XenError(
            f"the rules of this host are made by {facts.manager}, which has to know them",
            hint="; ".join(line for opening in wanted for line in commands(facts.manager, opening)),
        )
    text = nft.file_text(wanted)
    if facts.text == text and (not live or is_loaded(facts)):
        return Plan.nothing(reason(facts))
    write = [Write(FILE, text, 0o644)] if facts.text != text else []
    return Plan.of(*write, *([Load()] if live else []))


def plan_remove(facts: Facts, *, live: bool = True) -> Plan:
    """Plan to take away everything that we have opened."""
    if facts.manager == UCS:
        steps = ucs.steps((), facts.registry, facts.text)
        return Plan.of(*steps) if steps else Plan.nothing("no rule of univention-xen is in this host's firewall")
    if not is_ours(facts):
        return Plan.nothing("no rule of univention-xen is in this host's firewall")
    # First the kernel: whoever is killed in between finds the file, and does it again.
    return Plan.of(*([Unload()] if live else []), Remove(FILE))


def reason(facts: Facts) -> str:
    """Return why there is nothing to do."""
    if facts.wanted.openings:
        return "the firewall lets through what is configured"
    return "; ".join(["nothing has to be opened", *facts.wanted.notes])


def is_ours(facts: Facts) -> bool:
    """Say whether anything of ours is in nftables or its file."""
    return bool(facts.text or (facts.ruleset and nft.unloading(facts.ruleset)))


def is_loaded(facts: Facts) -> bool:
    """Say whether the kernel does what the file says."""
    return bool(facts.ruleset) and nft.is_loaded(facts.ruleset, facts.text)


def commands(manager: str, opening: Opening) -> list[str]:
    """Return what the administrator has to tell the maker of his rules."""
    colon = f"{opening.first}:{opening.last}" if opening.last > opening.first else str(opening.first)
    to = opening.address or "any"
    if manager == "ufw":
        return [f"ufw allow proto tcp from {each} to {to} port {colon}" for each in opening.sources or ("any",)]
    if manager == "firewalld":
        if not opening.sources:
            return [f"firewall-cmd --permanent --add-port={opening.ports}/tcp && firewall-cmd --reload"]
        rule = "rule family={} source address={} port port={} protocol=tcp accept"
        return [
            f"firewall-cmd --permanent --add-rich-rule='"
            f"{rule.format('ipv6' if ':' in each else 'ipv4', each, opening.ports)}' && firewall-cmd --reload"
            for each in opening.sources
        ]
    families = [(each, "ip6tables" if ":" in each else "iptables") for each in opening.sources]
    everybody = [("", "iptables"), ("", "ip6tables")]
    return [
        f"{program} -I INPUT -p tcp{f' -s {source}' if source else ''}"
        f"{f' -d {opening.address}' if opening.address else ''} --dport {colon} -j ACCEPT"
        for source, program in families or everybody
        if not opening.address or (":" in opening.address) == (program == "ip6tables")
    ]

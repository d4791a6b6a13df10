# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The firewall of UCS: variables below security/packetfilter/package/, from which univention-firewall makes rules.

The last word of such a name is `all` or the address of this host that is meant; there is no word for who may come.
Where sources are named, a script beside those of univention-firewall has the rules instead.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from univention_xen.host.bridge.ucs import UPDATE
from univention_xen.host.firewall.nft import by_family, family
from univention_xen.plan import Remove, Run, Write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from univention_xen.host.firewall.openings import Opening
    from univention_xen.plan import Machine, Step

SERVICE = "univention-firewall"
BELOW = "security/packetfilter/package/univention-xen/"
SCRIPT = "/etc/security/packetfilter.d/30_univention-xen.sh"
"""Between the rules that are always there (10) and the refusal of everything else (80)."""

RESTART = Run(("invoke-rc.d", SERVICE, "restart"))
GERMAN = {
    "screen of": "Bildschirm von", "screens of": "Bildschirme von", "relocation of guests": "Verschieben von Gästen",
    "relocation of guests over SSL": "Verschieben von Gästen über SSL",
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """Set and unset variables in one change; none of them is a secret."""

    values: Mapping[str, str | None]

    def __str__(self) -> str:
        rows = [f"ucr unset '{name}'" if value is None else f"ucr set '{name}={value}'" for name, value in self.rows()]
        return "\n".join(rows)

    def rows(self) -> list[tuple[str, str | None]]:
        """Return names and values in order."""
        return sorted(self.values.items())

    def apply(self, on: Machine) -> None:
        """Raise CommandFailed when it does not work."""
        on.run("/usr/bin/python3", "-c", UPDATE, stdin=json.dumps(dict(self.values)))


def variables(openings: Sequence[Opening]) -> dict[str, str]:
    """Return the variables that let everybody in."""
    found: dict[str, str] = {}
    for opening in openings:
        if opening.sources:
            continue
        ports = f"{opening.first}:{opening.last}" if opening.last > opening.first else str(opening.first)
        name = f"{BELOW}tcp/{ports}/{opening.address or 'all'}"
        found |= {name: "ACCEPT", f"{name}/en": opening.what, f"{name}/de": german(opening.what)}
    return found


def german(text: str) -> str:
    """Return the description of an opening in German."""
    head, of, names = text.partition(" of ")
    if text in GERMAN:
        return GERMAN[text]
    return f"{GERMAN[head + of.rstrip()]} {names.replace(' and ', ' und ').replace(' more', ' weiteren')}"


def script(openings: Sequence[Opening]) -> str:
    """Return the script that lets in who is among the sources; '' when nobody needs it."""
    lines = [line for opening in openings if opening.sources for line in commands(opening)]
    if not lines:
        return ""
    head = (
        "#!/bin/sh",
        "# Made by `univention-xen host firewall apply`, and taken away by `univention-xen host firewall remove`.",
    )
    return "\n".join([*head, *lines, ""])


def commands(opening: Opening) -> Iterator[str]:
    """Yield a command for each source."""
    ports = f"{opening.first}:{opening.last}"
    for name, members in by_family(opening.sources):
        if opening.address and family(opening.address) != name:
            continue
        to = f" -d {opening.address}" if opening.address else ""
        program = "iptables" if name == "ip" else "ip6tables"
        for member in members:
            yield f"{program} --wait -A INPUT -p tcp -s {member}{to} --dport {ports} -j ACCEPT"


def steps(openings: Sequence[Opening], registry: Mapping[str, str], present: str) -> list[Step]:
    """Return what has to be done so that exactly *openings* are there; *present* is the text of the script."""
    new = variables(openings)
    old = {name for name in registry if name.startswith(BELOW)}
    values: dict[str, str | None] = {name: value for name, value in new.items() if registry.get(name) != value}
    values |= dict.fromkeys(old - new.keys())
    wanted = script(openings)
    found: list[Step] = [Change(values)] if values else []
    if wanted and wanted != present:
        found.append(Write(SCRIPT, wanted, 0o755))
    elif present and not wanted:
        found.append(Remove(SCRIPT))
    return [*found, RESTART] if found else []

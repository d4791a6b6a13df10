# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The bridge on UCS: its interfaces/* variables move from the card to the bridge, and UCR writes the files.

interfaces/NAME/options/N are printed verbatim into the stanza of NAME, ordered by N as text; ``_`` in NAME stands for
the ``:`` of an alias (univention-base-files of UCS 5.2).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from univention_xen.errors import XenError
from univention_xen.host.bridge import ifupdown, interfaces
from univention_xen.host.bridge.change import Change, File, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from univention_xen.host.bridge.network import Network
    from univention_xen.plan import Machine

RESTART = "interfaces/restart/auto"
"""Unless this is false, every change of interfaces/* runs ifdown and ifup at once."""
UPDATE = """\
import json, sys
from univention.config_registry import ConfigRegistry
from univention.config_registry.frontend import ucr_update
registry = ConfigRegistry()
registry.load()
ucr_update(registry, json.load(sys.stdin))
"""
"""UCR's command line cannot set and unset in one change; its library can."""


def change(
    on: Machine, network: Network, variables: Mapping[str, str], interface: str, bridge: str
) -> Change:  # fmt: skip
    """Return how variables and what runs get from *interface* to *bridge*. Raises XenError."""
    if not on.path(ifupdown.HOOK).exists():
        raise XenError("a bridge needs the package bridge-utils", hint="univention-install bridge-utils")
    refuse(variables, interface, bridge)
    names = new_names(variables, interface, bridge)
    kernel_names = {old.replace("_", ":"): new.replace("_", ":") for old, new in names.items()}
    ifupdown.refuse_long(kernel_names)
    new, notes = moved(variables, names, interface, bridge, network.links[interface].mac)
    values = [Value(name, variables.get(name), value) for name, value in sorted(new.items())]
    running = ifupdown.parse_state(on.run("ifquery", "--state", ok=(0, 1)).out)
    files = tuple(
        File(path, text, text, on.path(path).stat().st_mode & 0o7777) for path, text in ifupdown.read(on).items()
    )
    commands = ifupdown.commands(network, kernel_names, interface, running)
    return Change("UCS", interface, bridge, files, values=tuple(values), notes=tuple(notes), **commands)


def refuse(variables: Mapping[str, str], interface: str, bridge: str) -> None:
    """Raise XenError when the variables speak against a bridge. Pure."""
    for name, value in sorted(variables.items()):
        if name.startswith(f"interfaces/{bridge}/"):
            raise XenError(
                f"{name} is set, so {bridge} is configured already", hint=f"ifup {bridge}, or unset its variables"
            )
        words = value.split()
        lists_ports = re.match(r"interfaces/[^/]+/options/", name) and words[:1] in (["bridge_ports"], ["bridge-ports"])
        if lists_ports and interface in words[1:]:
            owner = name.split("/")[1]
            raise XenError(f"{interface} is a port of {owner} already", hint=f"ucr set xen/bridge/name={owner}")


def new_names(variables: Iterable[str], interface: str, bridge: str) -> dict[str, str]:
    """Return the new names of the card, its VLANs (eth0.5) and aliases (eth0_1), as the variables spell them."""
    found = {name.split("/")[1] for name in variables if name.startswith("interfaces/") and name.count("/") > 1}
    ours = re.compile(rf"{re.escape(interface)}(?:\.\d+)?(?:_\w+)?")
    return {name: bridge + name[len(interface) :] for name in sorted({interface, *found}) if ours.fullmatch(name)}


def moved(
    variables: Mapping[str, str], names: Mapping[str, str], interface: str, bridge: str, mac: str
) -> tuple[dict[str, str | None], list[str]]:
    """Return the new value of every variable that changes, None for unset, and what to look at. Pure."""
    new: dict[str, str | None] = {RESTART: "false"}
    notes: list[str] = []
    for name, value in variables.items():
        _, owner, key = (*name.split("/", 2), "", "")[:3]
        if not name.startswith("interfaces/") or not key or name == RESTART:
            continue
        option = key.startswith("options/")
        text = follow(value, names, notes, name) if option else value
        if owner not in names:
            if text != value:
                new[name] = text
        elif owner != interface or not stays(key, value):
            new[name] = None
            new[f"interfaces/{names[owner]}/{key}"] = text
    card, port = f"interfaces/{interface}", f"interfaces/{bridge}"
    new[f"{card}/type"] = "manual"
    new[f"{card}/start"] = variables.get(f"{card}/start", "true")
    if f"{card}/mtu" in variables:
        new[f"{card}/mtu"] = variables[f"{card}/mtu"]
    if (order := variables.get(f"{card}/order", "")).isdigit():
        new[f"{card}/order"], new[f"{port}/order"] = order, str(int(order) + 1)
    free = (f"{port}/options/{number}" for number in range(1000))
    options = iter([name for name in free if new.get(name) is None][:3])
    for text in (f"bridge_ports {interface}", "bridge_fd 0", f"bridge_hw {mac}"):
        new[next(options)] = text
    if variables.get("interfaces/primary") == interface:
        new["interfaces/primary"] = bridge
    return {name: value for name, value in new.items() if variables.get(name) != value or name == RESTART}, notes


def stays(key: str, value: str) -> bool:
    """Say whether an option is about the card."""
    words = value.split()
    if not key.startswith("options/") or not words:
        return False
    if words[0] in interfaces.COMMANDS:
        return bool(ifupdown.ABOUT_CARD.search(value))
    return bool(ifupdown.STAYING.match(words[0]))


def follow(value: str, names: Mapping[str, str], notes: list[str], at: str) -> str:
    """Return an option in which routes and VLANs use the new names."""
    words = value.split()
    command = bool(words) and words[0] in interfaces.COMMANDS
    renamed = value
    for old, new in names.items():
        renamed = interfaces.renamed(renamed, old.replace("_", ":"), new.replace("_", ":"))
    if renamed == value or not words:
        return value
    if words[0] in ("vlan-raw-device", "vlan_raw_device") or (command and ifupdown.ADDRESSING.search(value)):
        return renamed
    if command and not ifupdown.ABOUT_CARD.search(value):
        notes.append(f"{at}: this command names the card and is left as it is: {value}")
    return value


def update(on: Machine, values: dict[str, str | None], restart: str | None) -> None:
    """Make one change of *values* while UCR leaves interfaces alone, then give that switch its value again."""
    one = json.dumps({**values, RESTART: "false"})
    on.run("/usr/bin/python3", "-c", UPDATE, stdin=one)
    if restart != "false":
        on.run("/usr/bin/python3", "-c", UPDATE, stdin=json.dumps({RESTART: restart}))

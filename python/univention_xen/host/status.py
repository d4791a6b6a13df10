# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""How this host stands: hypervisor, next boot, toolstack, services, bridges, room for images, guests."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from univention_xen import registry
from univention_xen.guest import look
from univention_xen.host import check_firewall, hypervisor, reboot, services
from univention_xen.host.bridge import state
from univention_xen.host.firewall import decide
from univention_xen.settings.host import Toolstack
from univention_xen.settings.network import Network
from univention_xen.toolstack import detect
from univention_xen.toolstack.domain import OFF, Domain
from univention_xen.toolstack.xl import Xl, Xm

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from univention_xen.host.hypervisor import Hypervisor
    from univention_xen.host.reboot import NextBoot
    from univention_xen.plan import Machine
    from univention_xen.toolstack.detect import Choice

SERVICES = ("xen", "xencommons", "xendomains", "xend")
IMAGES = "/var/lib/xen"
NETWORK = "/sys/class/net"
PENDING = {
    state.PENDING: "a bridge waits to be confirmed: univention-xen host bridge confirm",
    state.UNDOING: "a bridge is being rolled back",
}
PORT = re.compile(r"(?:vif|tap)([0-9]+)\.[0-9]+(?:-emu)?")
NAME = re.compile(r"""^\s*name\s*=\s*(['"])(.*?)\1""", re.MULTILINE)
TOOLS = {"xl": Xl, "xend": Xm}


class Service(NamedTuple):
    """A service that is installed; ``state`` is systemd's word for it, or running, or stopped."""

    name: str
    state: str


class Bridge(NamedTuple):
    """A bridge with the ports that belong to this host and the names of the guests behind the others.

    ``there`` is False for the one that the registry names and the host does not have.
    """

    name: str
    ports: tuple[str, ...]
    guests: tuple[str, ...]
    there: bool = True


class Room(NamedTuple):
    """The file system below a directory, in bytes."""

    path: str
    size: int
    free: int


class Guest(NamedTuple):
    """A guest with a file, or a running one without; memory in MiB, number None when it does not run."""

    name: str
    file: str
    number: int | None
    state: str
    memory: int
    processors: int
    at_boot: bool


class Status(NamedTuple):
    """Everything on the page."""

    hypervisor: Hypervisor
    boot: NextBoot
    toolstack: Choice
    services: list[Service]
    bridges: list[Bridge]
    room: Room
    dom0: Domain | None
    guests: list[Guest]
    pending: tuple[str, ...] = ()


def look_at(on: Machine) -> Status:
    """Ask the machine; nothing is changed, and what cannot be asked is left out."""
    values = registry.read(str(on.root))
    choice = detect.choose(Toolstack.read(values)[0].toolstack, detect.look_at(on))
    xen, domains = hypervisor.look_at(on, TOOLS[choice.name]())
    names = {domain.id: domain.name for domain in domains if domain.id is not None}
    return Status(
        xen, reboot.look_at(on, values, xen), choice, list(look_at_services(on)),
        list(look_at_bridges(on, Network.read(values)[0], names)),
        look_at_room(on), next((each for each in domains if each.id == 0), None),
        look_at_guests(on, domains),
        tuple(pending(on, values)),
    )  # fmt: skip


def pending(on: Machine, values: Mapping[str, str]) -> Iterator[str]:
    """Yield what waits for somebody: a bridge to be confirmed, a firewall to follow what is configured."""
    yield from (words for name, words in PENDING.items() if os.path.exists(on.path(state.path(name))))
    for level, _, problem, _ in check_firewall.judge(decide.look_at(on, values)):
        if level == check_firewall.WARNING:
            yield f"{problem}: univention-xen host firewall plan"


def look_at_services(on: Machine) -> Iterator[Service]:
    """Yield the services of Xen that are installed."""
    root = str(on.root)
    for name in SERVICES:
        if not services.is_installed(root, name):
            continue
        if services.has_systemd(root):
            state = on.run("systemctl", "is-active", f"{name}.service", ok=range(-64, 256)).out.strip()
            yield Service(name, state or "unknown")
        elif name == "xend" and services.is_live(root):  # of these scripts only that of xend can tell
            yield Service(name, "running" if services.is_running(root, name, on.run) else "stopped")
        else:
            yield Service(name, "running" if services.process(root, name) else "unknown")


def look_at_bridges(on: Machine, network: Network, names: dict[int, str]) -> Iterator[Bridge]:
    """Yield the bridges of the host, and the one that is missing; *names* are those of running domains."""
    found = sorted(name for name in entries(on, NETWORK) if on.path(f"{NETWORK}/{name}/bridge").is_dir())
    for name in found:
        ports = sorted(entries(on, f"{NETWORK}/{name}/brif"))
        numbers = {int(match[1]) for match in map(PORT.fullmatch, ports) if match}
        own = tuple(port for port in ports if not PORT.fullmatch(port))
        yield Bridge(name, own, tuple(names.get(number, f"domain {number}") for number in sorted(numbers)))
    if network.mode == "bridge" and network.bridge_name not in found:
        yield Bridge(network.bridge_name, (), (), there=False)


def entries(on: Machine, path: str) -> list[str]:
    """Return the names in a directory, none when there is no such directory."""
    try:
        return os.listdir(on.path(path))
    except OSError:
        return []


def look_at_room(on: Machine) -> Room:
    """Return the file system that images lie on, or will."""
    path = on.path(IMAGES)
    while not path.exists():
        path = path.parent
    found = os.statvfs(path)
    return Room(IMAGES, found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)


def look_at_files(on: Machine) -> dict[str, str]:
    """Return the file of each guest by its name; the last name in a file counts, and without one the file's own."""
    found = {}
    for path in look.all_files(on):
        names = NAME.findall(on.read(path))
        found[names[-1][1] if names else os.path.basename(path).removesuffix(".cfg")] = path
    return found


def look_at_guests(on: Machine, domains: Sequence[Domain]) -> list[Guest]:
    """Return the guests that are defined or run."""
    files = look_at_files(on)
    links = {os.path.realpath(on.path(f"{look.AUTO}/{name}")) for name in entries(on, look.AUTO)}
    at_boot = {name for name, path in files.items() if os.path.realpath(on.path(path)) in links}
    return list(join(files, at_boot, [domain for domain in domains if domain.id]))


def join(files: dict[str, str], at_boot: set[str], domains: Sequence[Domain]) -> Iterator[Guest]:
    """Yield every guest, by name: those with a file, and domains that run without one."""
    running = {domain.name: domain for domain in domains}
    for name in sorted(files.keys() | running.keys()):
        domain = running.get(name)
        domain = domain or Domain(name, None, OFF)
        memory, processors = domain.memory or 0, domain.vcpus or 0
        yield Guest(name, files.get(name, ""), domain.id, domain.state, memory, processors, name in at_boot)

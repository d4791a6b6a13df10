# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What is odd about the host as it runs: Xen, the next boot, modules, services, bridges, room for images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from univention_xen.host import grub, modules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from univention_xen.host.status import Status
    from univention_xen.plan import Machine

    Row = tuple[str, str, str, str]

WARNING, NOTE = "warning", "note"
ANSWERS = "systemctl status xen; journalctl -b -u xen"
FULL = 0.05
"""The part of a file system that should stay free: less is used up by saving one guest."""
EXPECTED = ("xen", "xencommons")
"""Services without which nothing can be done with guests; xendomains is at rest between boot and shutdown."""


def missing_modules(on: Machine) -> tuple[str, ...]:
    """Return the modules of our list that are neither loaded nor built into the kernel."""
    loaded = {line.split(" ", 1)[0] for line in on.read("/proc/modules").splitlines()}
    wanted = {module: modules.plain(module) for module in modules.needed(on.read(modules.LIST))}
    return tuple(
        module for module, name in wanted.items() if name not in loaded and not on.path(f"/sys/module/{name}").exists()
    )


def judge(status: Status, missing: tuple[str, ...]) -> Iterator[Row]:
    """Yield level, subject, sentence and hint. What only a Dom0 has is looked for in a Dom0 only."""
    yield from boot(status)
    yield from room(status)
    if status.hypervisor.role != "dom0":
        return
    if status.hypervisor.why:
        yield WARNING, "hypervisor", f"Xen is running, but does not answer: {status.hypervisor.why}", ANSWERS
    for module in missing:
        yield WARNING, module, f"the kernel module {module} is not loaded", f"modprobe {module}"
    for service in status.services:
        if service.state == "failed" or (service.name in EXPECTED and service.state == "inactive"):
            hint = f"systemctl status {service.name} shows why; systemctl start {service.name}"
            yield WARNING, service.name, f"the service {service.name} is {service.state}", hint
    for bridge in status.bridges:
        if not bridge.there:
            hint = "univention-xen host bridge plan shows how it is made"
            yield WARNING, bridge.name, f"there is no bridge {bridge.name}, which guests shall be connected to", hint


def boot(status: Status) -> Iterator[Row]:
    """Yield what is odd about this boot and the next, where GRUB's menu can be read at all."""
    found = status.boot
    if found.starts_xen is None:
        return
    if status.hypervisor.role != "dom0":
        hint = found.hint or "reboot"
        yield WARNING, "hypervisor", f"this host has not been started with Xen, and {found.why}", hint
    elif not found.starts_xen:
        yield WARNING, grub.FILE, found.why, found.hint
    elif found.needed:
        yield NOTE, "hypervisor", f"a reboot is needed: {found.why}", found.hint
    elif found.hint:
        yield WARNING, grub.FILE, found.why, found.hint


def room(status: Status) -> Iterator[Row]:
    """Yield that images have no room to grow."""
    path, size, free = status.room
    if size and free < size * FULL:
        hint = "univention-xen image sparsify gives back what guests no longer use"
        yield WARNING, path, f"the file system of {path} is nearly full, and sparse images need room to grow", hint

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What the next boot brings, and whether the host waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from univention_xen.host import grub, grub_menu, grub_update

if TYPE_CHECKING:
    from collections.abc import Mapping

    from univention_xen.host.grub_menu import Entry
    from univention_xen.host.hypervisor import Hypervisor
    from univention_xen.plan import Machine

ENVIRONMENT = "/boot/grub/grubenv"
UPGRADED = "/run/reboot-required.pkgs"
SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
SWITCH_OFF = "Secure Boot is on, with which Xen does not start: switch it off in the firmware, then update-grub"
NOT_OURS = {"placeholder", "no-real-mode", "edd=off", "${xen_rm_opts}"}
"""Words that GRUB's scripts add."""


class NextBoot(NamedTuple):
    """The entry that starts next ('' unknown), whether Xen does, whether that would change something, and why."""

    entry: str
    starts_xen: bool | None
    needed: bool
    why: str
    hint: str = ""


def look_at(on: Machine, registry: Mapping[str, str], hypervisor: Hypervisor) -> NextBoot:
    """Read GRUB's menu and decide."""
    text = on.read(grub_update.MENU)
    entry = grub_menu.default(text, on.read(ENVIRONMENT)) if text else None
    settings = grub.Start.read(registry)[0]
    upgraded = "xen-hypervisor" in on.read(UPGRADED)
    found = decide(hypervisor, entry, grub.hypervisor_line(settings), settings.grub_default, upgraded=upgraded)
    secure = on.read(SECURE_BOOT)[4:5] == "\1"  # four bytes of attributes, then the value
    return found._replace(hint=SWITCH_OFF) if secure and found.starts_xen is False and found.hint else found


def words(line: str) -> list[str]:
    """Return what Xen itself is told, without its file and what GRUB adds."""
    return [word for word in line.split() if word not in NOT_OURS and not word.startswith("/")]


def decide(hypervisor: Hypervisor, entry: Entry | None, wanted: str, choice: str, *, upgraded: bool) -> NextBoot:
    """Return what the next boot brings; *wanted* is what the registry tells Xen, *choice* what it wants to start."""
    running = hypervisor.role == "dom0"
    if hypervisor.role == "guest":
        return NextBoot("", None, False, "this system is itself a guest of Xen")
    if entry is None:
        return NextBoot("", None, False, f"there is no {grub_update.MENU}, so nobody knows what the next boot starts")
    if not entry.starts_xen:
        hint = "" if choice == "linux" else advice(choice)
        return NextBoot(entry.title, False, False, "the next boot starts Linux without Xen", hint)
    if missing := [word for word in words(wanted) if word not in words(entry.hypervisor)]:
        why = f"GRUB's menu does not tell Xen {' '.join(missing)}, as the registry says"
        return NextBoot(entry.title, True, not running, why, "update-grub; see what other files in grub.d say")
    if not running:
        return NextBoot(entry.title, True, True, "Xen starts with the next boot")
    if upgraded:
        return NextBoot(entry.title, True, True, "the hypervisor has been upgraded; a reboot starts the new one")
    if hypervisor.version and sorted(words(entry.hypervisor)) != sorted(words(hypervisor.command_line)):
        why = f"the next boot tells Xen: {' '.join(words(entry.hypervisor)) or 'nothing'}"
        return NextBoot(entry.title, True, True, why, f"now it is: {' '.join(words(hypervisor.command_line))}")
    return NextBoot(entry.title, True, False, "Xen runs as the next boot would start it")


def advice(choice: str) -> str:
    """Return what to do when Xen does not start although it is there."""
    if choice == "keep":
        return f"ucr set {grub.Start.grub_default.name}=xen starts Xen"
    return "is the hypervisor installed, and a kernel that can be Dom0? Then update-grub"

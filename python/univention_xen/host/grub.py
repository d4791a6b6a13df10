# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The computed lines of /etc/default/grub.d/univention-xen.cfg, which grub-mkconfig reads as root's shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from univention_xen.host import conffile
from univention_xen.settings.boot import Boot, Elsewhere

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE = "/etc/default/grub.d/univention-xen.cfg"
"""Sorts before Debian's xen.cfg, which chooses the entry itself unless it has been told before."""


class Start(Boot, Elsewhere):
    """The variables behind the file."""


def text(registry: Mapping[str, str], template: str) -> str:
    """Return the template's text with the computed lines in it; what is wrong goes to stderr."""
    return conffile.fill(template, blocks(conffile.settings(registry, Start)))


def blocks(settings: Start) -> dict[str, Iterator[str]]:
    """Return the lines of each block of the template."""
    return {
        "default": iter([assignment("univention_xen_default", settings.grub_default)]),
        "timeout": timeout(settings),
        "hypervisor": added("GRUB_CMDLINE_XEN", hypervisor_line(settings)),
        "kernel": added("GRUB_CMDLINE_LINUX_XEN_REPLACE", kernel_line(settings), instead_of="GRUB_CMDLINE_LINUX"),
        "desktop": iter([assignment("univention_xen_desktop", "yes" if settings.gdm_autostart == "yes" else "no")]),
    }


def timeout(settings: Boot) -> Iterator[str]:
    """Yield how long GRUB shows its menu."""
    if settings.grub_timeout is not None:
        yield assignment("GRUB_TIMEOUT", str(settings.grub_timeout))


def hypervisor_line(settings: Start) -> str:
    """Return what Xen is told. Of a parameter that comes twice Xen takes the last, so the most special comes last."""
    return " ".join(filter(None, (settings.xenhopt, *own_parameters(settings), settings.hypervisor_cmdline)))


def own_parameters(settings: Boot) -> Iterator[str]:
    """Yield the parameters of Xen that have variables of their own.

    A mere size is the maximum too: else Xen makes room in Dom0's memory map for all that the host has.
    """
    wanted = settings.dom0_memory
    if any(wanted):
        fixed = wanted.size and not wanted.min and not wanted.max
        yield f"dom0_mem={wanted._replace(max=wanted.size) if fixed else wanted}"
    if settings.dom0_vcpus:
        yield f"dom0_max_vcpus={settings.dom0_vcpus}"
    if settings.serial_console:
        port, speed = settings.serial_console.split(",")
        yield f"{port}={speed},8n1"
        yield f"console={port},vga"


def kernel_line(settings: Boot) -> str:
    """Return what Dom0's kernel is told; the serial port belongs to Xen, which lends it as hvc0."""
    console = "console=tty0 console=hvc0" if settings.serial_console else ""
    return " ".join(filter(None, (console, settings.dom0_cmdline)))


def added(name: str, words: str, *, instead_of: str = "") -> Iterator[str]:
    """Yield a line of shell that adds words to a variable, or nothing.

    A variable that takes the place of another one when it is set begins with what that one holds.
    """
    if words:
        value = f"${{{name}:-${instead_of}}}" if instead_of else f"${name}"
        yield f'{name}="{value} "{quoted(words)}'


def assignment(name: str, value: str) -> str:
    """Return a line of shell in which *value* is nothing but text."""
    return f"{name}={quoted(value)}"


def quoted(value: str) -> str:
    """Return a word of shell that is just this text."""
    return "'" + value.replace("'", "'\\''") + "'"

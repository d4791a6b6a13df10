# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Variables about the host: its toolstack, services, memory and guests at boot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from univention_xen.settings.kinds import FLAG, PATH, PATH_OR_NONE, Kind, matching, number, one_of
from univention_xen.settings.variable import Group, Problem, Variable

if TYPE_CHECKING:
    from collections.abc import Iterator

BOTH = "xend xl"
AUTOSTART = one_of("yes", "no", "manually")
SCSI = r"(?:[0-9]{1,5}|\*)(?::(?:[0-9]{1,5}|\*)){0,3}"
WORD: Kind[str] = matching(r"[!-~][ -~]*", "is not a line of printable ASCII")


class Toolstack(Group):
    """Which tools run the guests."""

    toolstack = Variable("xen/toolstack", one_of("auto", "xl", "xend"), "auto", acts=BOTH)


class Autostart(Group):
    """Which services start with the host."""

    xend_autostart = Variable("xen/xend/autostart", AUTOSTART, "yes")
    xendomains_autostart = Variable("xen/xendomains/autostart", AUTOSTART, "yes", acts=BOTH)
    xencommons_autostart = Variable("xen/xencommons/autostart", AUTOSTART, "yes", acts=BOTH)


class Ballooning(Group):
    """Whether Dom0 may give memory to guests."""

    ballooning = Variable("xen/dom0/ballooning", FLAG, True, acts=BOTH)


class Dom0(Ballooning):
    """What Dom0 keeps for itself."""

    memory_min = Variable("xen/dom0/memory_min", number(0, 16777216), 196)
    memory_available = Variable("xen/memory/available", number(0, 16384), 0)
    cpus = Variable("xen/dom0/cpus", number(0, 4095), 0)

    def own_risks(self) -> Iterator[Problem]:
        """Yield a minimum that contradicts ballooning."""
        if self.ballooning and self.memory_min == 0:
            why = "leaves Dom0 without a minimum, so that it gives no memory at all although xen/dom0/ballooning is on"
            yield Dom0.memory_min.risk(self, why, "set a minimum in MiB, or xen/dom0/ballooning=no")


class Devices(Group):
    """How xend treats consoles, crashes and devices."""

    console_limit = Variable("xen/console/limit", number(0, 1048576), 1024)
    dump = Variable("xen/dump", FLAG, False)
    create_timeout = Variable("xen/device/create_timeout", number(1, 86400), 100)
    destroy_timeout = Variable("xen/device/destroy_timeout", number(1, 86400), 100)
    pci_strict_check = Variable("xen/pci/strict_check", FLAG, True)
    pscsi_device_mask = Variable(
        "xen/pscsi/device_mask",
        matching(rf"{SCSI}(?: +{SCSI})*", "is not a row of SCSI addresses such as 0:0:0:0 and 1:*"),
        "*",
    )
    qemu_logrotate_count = Variable("xen/qemu/logrotate_count", number(0, 1000), 10)


class Xendomains(Group):
    """Which guests start and stop with the host, and how."""

    auto = Variable("xen/xendomains/auto", PATH_OR_NONE, "/etc/xen/auto", acts=BOTH)
    save = Variable("xen/xendomains/save", PATH_OR_NONE, "/var/lib/xen/save", acts=BOTH)
    restore = Variable("xen/xendomains/restore", FLAG, True, acts=BOTH)
    stop_timeout = Variable("xen/xendomains/stop_timeout", number(0, 604800), 300, acts=BOTH)
    migrate = Variable(
        "xen/xendomains/migrate",
        matching(
            r"(?:--live )?(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9][A-Za-z0-9.:-]*",
            "is not a host, optionally with --live before it",
        ),
        "",
        acts=BOTH,
    )


class Obsolete(Group):
    """Variables of older versions that nothing reads any more."""

    repository = Variable("xen/repository", WORD, "", acts="")
    repository_aptsource = Variable("xen/repository/aptsource", WORD, "", acts="")

    def own_risks(self) -> Iterator[Problem]:
        """Yield those that are still set."""
        for variable in (Obsolete.repository, Obsolete.repository_aptsource):
            if not self.is_default(variable):
                yield variable.risk(self, "has no effect any more", f"ucr unset {variable.name}")


class Paths(Group):
    """Where xend keeps its log and its records."""

    log_file = Variable("xen/log/file", PATH, "/var/log/xen/xend.log")
    log_level = Variable(
        "xen/log/level", one_of("TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), "DEBUG"
    )  # fmt: skip
    domains_path = Variable("xen/path/domains", PATH, "/var/lib/xend/domains")
    state_path = Variable("xen/path/state", PATH, "/var/lib/xend/state")
    storage_path = Variable("xen/path/storage", PATH, "/var/lib/xend/storage")

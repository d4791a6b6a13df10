# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A Dom0 into which apt has just installed the package: Xen runs, its services are up, nothing has failed."""

from __future__ import annotations

from dom0 import Dom0
from evidence import Evidence


def collect(dom0: Dom0) -> None:
    dom0.see("info", "xl info")
    dom0.see("list", "xl list")
    dom0.see("failed", "systemctl --failed --no-legend --plain")
    dom0.see("services", "systemctl is-active xen xendomains")
    dom0.see("packages", "dpkg-query -W -f '${Package} ${db:Status-Status}\n' 'univention-xen*' python3-univention-xen")


def test_the_hypervisor_answers(seen: Evidence) -> None:
    assert seen["info"].field("xen_version").startswith("4.17")


def test_the_dom0_has_the_memory_it_was_given(seen: Evidence) -> None:
    assert "dom0_mem=1024M" in seen["info"].field("xen_commandline")
    assert seen["list"].out.splitlines()[1].split()[:3] == ["Domain-0", "0", "1024"]


def test_no_unit_has_failed(seen: Evidence) -> None:
    assert seen["failed"].out.strip() == ""


def test_xen_services_are_up(seen: Evidence) -> None:
    assert seen["services"].out.split() == ["active", "active"]


def test_our_packages_are_installed(seen: Evidence) -> None:
    installed = seen["packages"].out.split("\n")
    for name in ("univention-xen", "univention-xen-registry", "python3-univention-xen"):
        assert f"{name} installed" in installed

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Upgrade, removal, purge and return of the package while a guest runs: the guest stays, Debian's files come back."""

from __future__ import annotations

import re

import pytest
from dom0 import Dom0
from evidence import Evidence
from network import FORWARD_AND_OPEN, IN_FORCE, must_be_gone, must_be_in_force
from qemu import minutes

VERSION = "99.0+upgrade"
#: The packages that are installed, with another version number.
NEWER = f"""
mkdir -p /srv/newer
for deb in /srv/debs/*.deb; do
    rm -rf /srv/tree
    dpkg-deb -R "$deb" /srv/tree
    old=$(dpkg-deb -f "$deb" Version)
    sed -i "s/^Version: .*/Version: {VERSION}/; s/(= $old)/(= {VERSION})/g" /srv/tree/DEBIAN/control
    dpkg-deb -Zgzip -z1 -b /srv/tree /srv/newer
done
"""
FILES = ("/etc/xen/xl.conf", "/etc/default/xendomains")
GUEST = "for n in $(seq 120); do nc -w 5 192.168.77.11 7 </dev/null | grep . && break; sleep 1; done; xl domid pv"
APT = "DEBIAN_FRONTEND=noninteractive apt-get --yes -o DPkg::Options::=--force-confold"
#: What dpkg says of these files: in their packages' lists of conffiles, with the sum that was shipped.
SHIPPED = r"dpkg-query -W -f '${Conffiles}\n' xen-utils-common"
LEFT = (
    "find / -xdev '(' -path /proc -o -path /sys -o -path /srv -o -path /var/log -o -path /var/cache/apt ')' -prune -o"
    " '(' -iname '*univention*' -o -name '*xen*.debian' -o -name 'xendomains.debian' -o -name 'xend-config*' ')' -print"
)


def collect(dom0: Dom0) -> None:
    long = minutes(15)
    dom0.must("xl create /srv/guest/pv.cfg", within=long)
    dom0.must("ucr set xen/bridge/name=mine0 xen/xendomains/stop_timeout=123")
    dom0.see("network", FORWARD_AND_OPEN, within=long)
    dom0.see("rules-before", IN_FORCE)
    dom0.see("guest-before", GUEST, within=long)
    dom0.see("shipped", SHIPPED)
    dom0.must(NEWER)
    names = "/srv/newer/*.deb"
    dom0.see("upgrade", f"{APT} install {names}", within=long)
    dom0.see("versions", "dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n' '*univention*'")
    look(dom0, "upgraded")
    dom0.see("set-after-upgrade", "ucr set xen/bridge/name=other0; cat /etc/xen/xl.conf")
    dom0.see("remove", f"{APT} remove univention-xen", within=long)
    look(dom0, "removed")
    dom0.see("install-again", f"{APT} install {names}", within=long)
    look(dom0, "back")
    dom0.see("purge", f"{APT} purge univention-xen univention-xen-registry python3-univention-xen", within=long)
    look(dom0, "purged")
    dom0.see("left", LEFT)
    dom0.see("xl-after", "xl -N create /srv/guest/pv.cfg; xl list")
    dom0.see(
        "install-anew", f"{APT} install {names} && ucr set xen/bridge/name=new0 && cat /etc/xen/xl.conf", within=long
    )
    dom0.see("failed", "systemctl --failed --no-legend --plain")


def look(dom0: Dom0, when: str) -> None:
    dom0.see(f"guest-{when}", GUEST, within=minutes(10))
    dom0.see(f"sums-{when}", f"md5sum {' '.join(FILES)}; cat {' '.join(FILES)}")
    dom0.see(f"services-{when}", "systemctl is-active xen xendomains")
    dom0.see(f"rules-{when}", IN_FORCE)


def shipped(seen: Evidence, file: str) -> str:
    """The sum of the file as Debian's package has it."""
    found = re.search(rf"^ {re.escape(file)} (\w+)", seen["shipped"].out, re.MULTILINE)
    assert found, seen["shipped"].out
    return found[1]


def sums(seen: Evidence, when: str) -> dict[str, str]:
    return {path: digest for digest, path in (line.split() for line in seen[f"sums-{when}"].out.splitlines()[:2])}


def test_apt_upgrades_the_packages(seen: Evidence) -> None:
    assert seen["upgrade"].code == 0, seen["upgrade"].err
    assert seen["versions"].out.count(f" {VERSION} installed") == 3


@pytest.mark.parametrize("when", ["upgraded", "removed", "back", "purged"])
def test_the_guest_is_not_touched(seen: Evidence, when: str) -> None:
    before, after = seen["guest-before"].out.split(), seen[f"guest-{when}"].out.split()
    assert after[0] == "pv"
    assert after[-2:] == before[-2:]  # memory, domain number
    assert int(after[2]) > int(before[2])  # it has been up all the time


@pytest.mark.parametrize("when", ["upgraded", "removed", "back", "purged"])
def test_the_services_stay_up(seen: Evidence, when: str) -> None:
    assert seen[f"services-{when}"].out.split() == ["active", "active"]


def test_an_upgrade_keeps_the_values(seen: Evidence) -> None:
    assert "mine0" in seen["sums-upgraded"].out
    assert "123" in seen["sums-upgraded"].out
    assert "other0" in seen["set-after-upgrade"].out


def test_an_upgrade_keeps_forwarding_and_open_ports(seen: Evidence) -> None:
    assert "The forwarding is kept." in seen["network"].out, seen["network"].err
    must_be_in_force(seen["rules-before"].out)
    assert seen["rules-upgraded"].out == seen["rules-before"].out


def test_a_removal_takes_them_back_and_says_so(seen: Evidence) -> None:
    assert "forwards no longer for its guests (nat)" in seen["remove"].out + seen["remove"].err
    must_be_gone(seen["rules-removed"].out)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("when", ["removed", "purged"])
def test_debians_files_are_back(seen: Evidence, when: str, file: str) -> None:
    assert sums(seen, when)[file] == shipped(seen, file)


def test_the_package_comes_back_with_the_values(seen: Evidence) -> None:
    assert seen["install-again"].code == 0, seen["install-again"].err
    assert "other0" in seen["sums-back"].out


def test_a_purge_leaves_nothing(seen: Evidence) -> None:
    assert seen["purge"].code == 0, seen["purge"].err
    assert seen["left"].out.strip() == ""


def test_xl_works_without_the_package(seen: Evidence) -> None:
    assert seen["xl-after"].code == 0, seen["xl-after"].err
    assert "other0" not in seen["xl-after"].out
    assert "\npv " in seen["xl-after"].out


def test_it_can_be_installed_anew(seen: Evidence) -> None:
    assert "new0" in seen["install-anew"].out
    assert seen["failed"].out.strip() == ""

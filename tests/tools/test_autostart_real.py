# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Services at boot, with the real systemctl and update-rc.d."""

from __future__ import annotations

from pathlib import Path

import pytest

import layers
from layers import Sandbox

pytestmark = pytest.mark.tools

SCRIPT = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides:          NAME
# Required-Start:    $remote_fs
# Required-Stop:     $remote_fs
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: stand-in
### END INIT INFO
echo "$@" >>/run/started
"""
UNIT = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
SET_UP = """
rm -f /etc/rc?.d/[SK][0-9][0-9]xen /etc/rc?.d/[SK][0-9][0-9]xendomains /etc/init.d/xen /etc/init.d/xendomains
script() { echo "$SCRIPT" | sed "s/NAME/$1/" >/etc/init.d/$1; chmod 755 /etc/init.d/$1; update-rc.d $1 defaults; }
unit() { printf "$UNIT" >/etc/systemd/system/$1.service; systemctl --quiet enable $1.service; }
follow() { python3 -c "$HANDLER" "$@"; }
links() { ls /etc/rc2.d | grep "$1\\$" || echo no link; }
mask() { readlink /etc/systemd/system/$1.service || echo no mask; }
wanted() { ls /etc/systemd/system/multi-user.target.wants | grep "$1" || echo not wanted; }
"""
HANDLER = """
import xen_autostart
from univention_xen.run import Runner
call = Runner.__call__
def noted(self, *words, **options):
    print("+", *words)
    return call(self, *words, **options)
Runner.__call__ = noted
xen_autostart.handler(dict(word.split("=") for word in sys.argv[1:]), {})
"""


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    """Run shell lines on a host whose /etc and /run are layers that vanish; returns what they print."""
    after = "\n! cat /run/started 2>/dev/null"
    return layers.sandbox(
        tmp_path, "etc usr/bin", SET_UP, after, SCRIPT=SCRIPT, UNIT=UNIT, HANDLER=layers.OURS + HANDLER
    )


def test_a_sysv_script_is_masked_and_comes_back(sandbox: Sandbox) -> None:
    out = sandbox("""
    script xen; links xen
    follow xen/xencommons/autostart=no; links xen; mask xen
    follow xen/xencommons/autostart=no
    follow xen/xencommons/autostart=manually; links xen; mask xen
    follow xen/xencommons/autostart=manually
    follow xen/xencommons/autostart=yes; links xen; mask xen
    follow xen/xencommons/autostart=yes
    """)
    assert out == [
        "S01xen",
        "+ systemctl --quiet disable xen.service", "+ systemctl --quiet mask xen.service", "K01xen", "/dev/null",
        "+ systemctl --quiet unmask xen.service", "K01xen", "no mask",
        "+ systemctl --quiet enable xen.service", "S01xen", "no mask",
    ]  # fmt: skip


def test_a_unit_of_its_own_is_disabled_and_enabled(sandbox: Sandbox) -> None:
    out = sandbox("""
    unit xend; wanted xend
    follow xen/xend/autostart=manually; wanted xend
    follow xen/xend/autostart=manually
    follow xen/xend/autostart=; wanted xend
    """)
    assert out == [
        "xend.service",
        "+ systemctl --quiet disable xend.service", "not wanted",
        "+ systemctl --quiet enable xend.service", "xend.service",
    ]  # fmt: skip


def test_the_administrators_own_unit_is_disabled_where_a_mask_would_be(sandbox: Sandbox) -> None:
    out = sandbox("""
    unit xend
    follow xen/xend/autostart=no; wanted xend
    follow xen/xend/autostart=no
    """)
    assert out == ["+ systemctl --quiet disable xend.service", "not wanted"]


def test_without_systemd_the_links_are_changed(sandbox: Sandbox) -> None:
    out = sandbox("""
    script xen
    chmod 644 /usr/bin/systemctl
    follow xen/xencommons/autostart=no; links xen
    follow xen/xencommons/autostart=no
    follow xen/xencommons/autostart=yes; links xen
    """)
    assert out == ["+ update-rc.d xen disable", "K01xen", "+ update-rc.d xen enable", "S01xen"]


def test_hosts_without_any_of_the_services_are_left_alone(sandbox: Sandbox) -> None:
    assert sandbox("follow xen/xend/autostart=no xen/xendomains/autostart=no xen/xencommons/autostart=no") == []

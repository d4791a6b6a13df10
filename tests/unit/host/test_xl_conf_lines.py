# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""xl.conf says only what differs from xl's own defaults, and what has to do with the network."""

from __future__ import annotations

import pytest

from conftest import Check
from rendering import XL, Recording, options, render, rendered

EVERYTHING = {
    "xen/bridge/name": "br0",
    "xen/dom0/ballooning": "no",
    "xen/xl/blkdev_start": "xvdx",
    "xen/xl/claim_mode": "no",
    "xen/xl/cpumask": "2-7",
    "xen/xl/cpumask_hvm": "2-7,^3",
    "xen/xl/cpumask_pv": "all",
    "xen/xl/domid_policy": "random",
    "xen/xl/lockfile": "/run/lock/xl",
    "xen/xl/max_grant_frames": "64",
    "xen/xl/max_grant_version": "1",
    "xen/xl/max_maptrack_frames": "1024",
    "xen/xl/output_format": "sxp",
    "xen/xl/run_hotplug_scripts": "no",
    "xen/xl/vif_backend": "net-domain",
}
CASES: dict[str, dict[str, str]] = {
    "default": {},
    "everything": EVERYTHING,
    "route": {"xen/network/mode": "route", "xen/bridge/interface": "eth0"},
    "nat": {"xen/network/mode": "nat", "xen/bridge/interface": "none"},
    "none": {"xen/network/mode": "none"},
    "odd": {"xen/xl/cpumask": 'all"\nx="', "xen/bridge/name": '"', "xen/xl/max_grant_frames": "many", "xen/dump": "?"},
}


@pytest.mark.parametrize("case", CASES)
def test_the_file_as_a_whole(case: str, golden: Check) -> None:
    text, warnings = render(XL, Recording(CASES[case]))
    golden(f"xl/{case}.conf", text)
    golden(f"xl/{case}.stderr", "\n".join([*warnings, ""]))


@pytest.mark.parametrize("case", CASES)
def test_the_last_line_has_its_end(case: str) -> None:
    """xl takes a comment without a line end for an error."""
    assert rendered(XL, CASES[case]).endswith("\n")


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        ({}, ['vif.default.script="vif-bridge"', 'vif.default.bridge="xenbr0"']),
        ({"xen/bridge/interface": "eth1"}, ['vif.default.script="vif-bridge"', 'vif.default.bridge="xenbr0"']),
        ({"xen/bridge/interface": "none"}, ['vif.default.script="vif-bridge"', 'vif.default.bridge="xenbr0"']),
        ({"xen/network/mode": "none"}, []),
        ({"xen/network/mode": "nat"}, ['vif.default.script="vif-nat"']),
        (
            {"xen/network/mode": "route", "xen/bridge/interface": "eth1"},
            ['vif.default.script="vif-route"', 'vif.default.gatewaydev="eth1"'],
        ),
    ],
)
def test_network(values: dict[str, str], lines: list[str]) -> None:
    assert [line for line in options(rendered(XL, values)) if line.startswith("vif.")] == lines


def test_what_is_at_its_default_is_left_to_xl() -> None:
    assert [line.split("=")[0] for line in options(rendered(XL))] == [
        "vif.default.script",
        "vif.default.bridge",
        "autoballoon",
    ]


def test_numbers_and_yes_and_no_are_numbers_and_the_rest_is_quoted() -> None:
    lines = options(rendered(XL, EVERYTHING))
    assert {"claim_mode=0", "max_grant_frames=64", 'output_format="sxp"', 'autoballoon="off"'} <= set(lines)

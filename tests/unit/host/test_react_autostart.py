# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Services start at boot, by hand or never; what is already so is not done again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conftest import FakeRunner
from univention_xen.host import autostart
from univention_xen.host.autostart import Unit, commands, look_at

INSTALL = "[Service]\n[Install]\nWantedBy=multi-user.target\n"


def make(root: Path, *, script: bool = False, unit: str = "", enabled: bool = False, masked: bool = False) -> None:
    for directory in ("etc/init.d", "etc/rc2.d", "lib/systemd/system", "etc/systemd/system/multi-user.target.wants"):
        (root / directory).mkdir(parents=True)
    if script:
        (root / "usr/sbin").mkdir(parents=True)
        (root / "usr/sbin/update-rc.d").write_text("")
        (root / "etc/init.d/xen").write_text("#!/bin/sh\n")
        (root / "etc/init.d/xen").chmod(0o755)
        (root / f"etc/rc2.d/{'S' if enabled else 'K'}01xen").symlink_to("../init.d/xen")
    if unit:
        (root / "lib/systemd/system/xen.service").write_text(unit)
        if enabled:
            link = root / "etc/systemd/system/multi-user.target.wants/xen.service"
            link.symlink_to("/lib/systemd/system/xen.service")
    if masked:
        (root / "etc/systemd/system/xen.service").symlink_to("/dev/null")


def test_what_is_not_installed_is_nothing(tmp_path: Path) -> None:
    make(tmp_path)
    assert look_at(str(tmp_path), "xen") is None
    assert autostart.apply(str(tmp_path), "xen", "no", FakeRunner({})) == []  # type: ignore[arg-type]


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("masked", [True, False])
def test_a_script_is_looked_at_by_its_links(tmp_path: Path, *, enabled: bool, masked: bool) -> None:
    make(tmp_path, script=True, enabled=enabled, masked=masked)
    assert look_at(str(tmp_path), "xen") == Unit("xen", masked=masked, enabled=enabled, linked=True)


@pytest.mark.parametrize("enabled", [True, False])
def test_a_unit_is_looked_at_by_who_wants_it(tmp_path: Path, *, enabled: bool) -> None:
    make(tmp_path, unit=INSTALL, enabled=enabled)
    assert look_at(str(tmp_path), "xen") == Unit("xen", enabled=enabled)


def test_a_unit_that_nothing_can_want_is_neither_enabled_nor_disabled(tmp_path: Path) -> None:
    make(tmp_path, unit="[Service]\n")
    unit = look_at(str(tmp_path), "xen")
    assert unit == Unit("xen", enabled=None)
    for wanted in ("yes", "manually"):
        assert unit
        assert commands(unit, wanted, "/", has_systemctl=True) == []


def test_a_tree_without_update_rc_d_keeps_its_scripts_as_they_are(tmp_path: Path) -> None:
    make(tmp_path, script=True)
    (tmp_path / "usr/sbin/update-rc.d").unlink()
    run: Any = FakeRunner({})
    assert autostart.apply(str(tmp_path), "xen", "yes", run) == []
    assert autostart.apply(str(tmp_path), "xen", "manually", run) == []


CASES = [  # masked, enabled, wanted, verbs
    (False, True, "yes", []),
    (False, False, "yes", ["enable"]),
    (True, True, "yes", ["unmask"]),
    (True, False, "yes", ["unmask", "enable"]),
    (False, True, "manually", ["disable"]),
    (False, False, "manually", []),
    (True, True, "manually", ["unmask", "disable"]),
    (True, False, "manually", ["unmask"]),
    (False, True, "no", ["disable", "mask"]),
    (False, False, "no", ["mask"]),
    (True, True, "no", []),
    (True, False, "no", []),
]


@pytest.mark.parametrize(("masked", "enabled", "wanted", "verbs"), CASES)
def test_only_what_is_missing_is_done(*, masked: bool, enabled: bool, wanted: str, verbs: list[str]) -> None:
    found = commands(Unit("xen", masked=masked, enabled=enabled), wanted, "/", has_systemctl=True)
    assert [words[2] for words in found] == verbs
    assert not {"start", "stop", "restart"} & {word for words in found for word in words}


def test_another_tree_is_named() -> None:
    assert commands(Unit("xen", enabled=True), "manually", "/image", has_systemctl=True) == [
        ("systemctl", "--root=/image", "--quiet", "disable", "xen.service")
    ]


@pytest.mark.parametrize(
    ("enabled", "linked", "wanted", "verb"),
    [
        (True, True, "yes", ""),
        (False, True, "yes", "enable"),
        (False, False, "yes", "defaults"),
        (True, True, "no", "disable"),
        (True, True, "manually", "disable"),
        (False, False, "no", ""),
    ],
)
def test_without_systemd_the_links_are_changed(*, enabled: bool, linked: bool, wanted: str, verb: str) -> None:
    found = commands(Unit("xen", enabled=enabled, linked=linked), wanted, "/", has_systemctl=False)
    assert found == ([("update-rc.d", "xen", verb)] if verb else [])


class Registry(dict[str, str]):
    """What a handler is given."""

    root = ""


def test_ucss_own_module_is_left_to_do_it(tmp_path: Path) -> None:
    make(tmp_path, script=True, enabled=True)
    registry = Registry({"xen/xencommons/autostart": "manually"})
    registry.root = str(tmp_path)
    run: Any = FakeRunner({f"systemctl --root={tmp_path} --quiet disable xen.service": ""})
    assert autostart.follow(registry, run) == []
    assert len(run.asked) == 1
    other = tmp_path / "etc/univention/templates/modules/autostart.py"
    other.parent.mkdir(parents=True)
    other.write_text("")
    assert autostart.follow(registry, run) == []
    assert len(run.asked) == 1


def test_a_value_that_makes_no_sense_counts_as_the_default(tmp_path: Path) -> None:
    make(tmp_path, script=True, enabled=True)
    registry = Registry({"xen/xencommons/autostart": "$(reboot)"})
    registry.root = str(tmp_path)
    assert autostart.follow(registry, FakeRunner({})) == []  # type: ignore[arg-type]


def test_a_refusal_is_one_sentence(tmp_path: Path) -> None:
    make(tmp_path, script=True, enabled=True)
    run: Any = FakeRunner({})
    assert autostart.apply(str(tmp_path), "xen", "manually", run) == [
        "xen could not be set to start by hand only: "
        + ("systemctl is not installed" if "systemctl" in run.asked[0] else "chroot is not installed")
    ]

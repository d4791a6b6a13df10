# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Killed at any time, an installation has both of its files or is no guest yet, and a second try completes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from killing import do, kill_when
from univention_xen.guest import load_xl
from univention_xen.guest.model import Guest

pytestmark = pytest.mark.tools

CREATE = (
    "create", "web", "--type", "pv-install", "--kernel", "/boot/k", "--initrd", "/boot/i", "--disk", "64M",
    "--disk", "32M", "--nic",
)  # fmt: skip
FINISH = ("finish-install", "web")
NOW, LATER, IMAGE = "etc/xen/web.cfg", "etc/xen/web.cfg.after-install", "var/lib/xen/web/disk2.img"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for directory in ("etc/xen", "boot", "var/lib/xen"):
        (tmp_path / directory).mkdir(parents=True)
    for name in ("k", "i"):
        (tmp_path / "boot" / name).touch()
    return tmp_path


def guest(root: Path, path: str) -> Guest:
    return load_xl.load((root / path).read_text(), path).guest


def fill(root: Path) -> None:
    """Do what the installer does."""
    with (root / "var/lib/xen/web/disk1.img").open("r+b") as image:
        image.write(b"a system")


@pytest.mark.parametrize("moment", ["var/lib/xen/web", "var/lib/xen/web/disk1.img", IMAGE, LATER, NOW])
def test_a_guest_that_is_created(root: Path, moment: str) -> None:
    kill_when(root / moment, root, *CREATE)
    if (root / NOW).exists():
        assert (root / LATER).exists(), "an installer without the guest that it installs"
    else:
        assert do(root, *CREATE) == ""
    assert guest(root, NOW).vifs == guest(root, LATER).vifs
    assert guest(root, NOW).disks == guest(root, LATER).disks
    assert [(root / disk.path[1:]).stat().st_size >> 20 for disk in guest(root, LATER).disks] == [64, 32]
    assert "nothing is overwritten" in do(root, *CREATE)


@pytest.mark.parametrize("moment", [LATER, "run/lock/univention-xen"])
def test_an_installation_that_is_finished(root: Path, moment: str) -> None:
    assert do(root, *CREATE) == ""
    assert "nothing has been installed yet" in do(root, *FINISH)
    fill(root)
    later = (root / LATER).read_text()
    kill_when(root / moment, root, *FINISH)
    if (root / LATER).exists():
        assert guest(root, NOW).on_reboot == "destroy"
    assert do(root, *FINISH) == ""
    assert (root / NOW).read_text() == later
    assert not (root / LATER).exists()

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Killed at any time, a guest has its old name or its new one, its data is whole, and a second try completes it."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from killing import do, kill_when
from univention_xen.guest import load_xl

pytestmark = pytest.mark.tools
MIB = 1 << 20
WEB = """\
name = "web"
type = "hvm"
disk = [ "/var/lib/xen/web/disk1.img,raw,hda,w", "/var/lib/xen/web/disk2.qcow2,qcow2,hdb,w" ]
vif = [ "mac=00:16:3e:00:00:01" ]
"""
SIZE = 64 * MIB


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc/xen/auto").mkdir(parents=True)
    images = tmp_path / "var/lib/xen/web"
    images.mkdir(parents=True)
    (tmp_path / "etc/xen/web.cfg").write_text(WEB)
    (tmp_path / "etc/xen/auto/web.cfg").symlink_to("/etc/xen/web.cfg")
    (images / "disk1.img").write_bytes(random.Random(1).randbytes(MIB) * (SIZE // MIB))
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", images / "disk2.qcow2", "1G"], check=True)
    return tmp_path


def whole(root: Path, name: str) -> None:
    """Fail unless the guest is there with its two images, and nothing unfinished beside them."""
    guest = load_xl.load((root / f"etc/xen/{name}.cfg").read_text(), name).guest
    assert guest.name == name
    first, second = (root / disk.path.lstrip("/") for disk in guest.disks)
    data = first.read_bytes()
    assert len(data) == SIZE
    assert data == random.Random(1).randbytes(MIB) * (SIZE // MIB)
    subprocess.run(["qemu-img", "check", "-q", second], check=True)
    assert sorted(os.listdir(first.parent)) == ["disk1.img", "disk2.qcow2"]
    assert first.parent == root / "var/lib/xen" / name


COPYING = ("var/lib/xen/.shop.clone", "var/lib/xen/.shop.clone/disk1.img", "var/lib/xen/shop", "etc/xen/shop.cfg")
MOVING = (
    "var/lib/xen/web/.renaming",
    "etc/xen/auto/shop.cfg",
    "etc/xen/web.cfg",
    "etc/xen/auto/web.cfg",
    "var/lib/xen/shop",
)
REMOVING = ("etc/xen/auto/web.cfg", "var/lib/xen/web/disk1.img", "var/lib/xen/web")


@pytest.mark.parametrize("seen", COPYING)
def test_a_killed_clone(root: Path, seen: str) -> None:
    kill_when(root / seen, root, "clone", "web", "shop")
    complete = (root / "etc/xen/shop.cfg").exists()
    refusal = do(root, "clone", "web", "shop")
    assert not refusal or complete, refusal
    whole(root, "web")
    whole(root, "shop")
    assert sorted(os.listdir(root / "var/lib/xen")) == ["shop", "web"]
    assert sorted(os.listdir(root / "etc/xen")) == ["auto", "shop.cfg", "web.cfg"]


@pytest.mark.parametrize("seen", MOVING)
def test_a_killed_rename(root: Path, seen: str) -> None:
    kill_when(root / seen, root, "rename", "web", "shop")
    refusal = do(root, "rename", "web", "shop")
    assert not refusal or "there is no guest web" in refusal, refusal
    whole(root, "shop")
    assert os.listdir(root / "var/lib/xen") == ["shop"]
    assert sorted(os.listdir(root / "etc/xen")) == ["auto", "shop.cfg"]
    assert os.listdir(root / "etc/xen/auto") == ["shop.cfg"]


@pytest.mark.parametrize("seen", REMOVING)
def test_a_killed_removal(root: Path, seen: str) -> None:
    kill_when(root / seen, root, "remove", "web", "--with-images", "--yes")
    refusal = do(root, "remove", "web", "--with-images", "--yes")
    assert not refusal or "there is no guest web" in refusal, refusal
    assert os.listdir(root / "var/lib/xen") == []
    assert os.listdir(root / "etc/xen/auto") == []
    assert os.listdir(root / "etc/xen") == ["auto"]


def test_the_base_of_an_image_is_not_removed_with_another_guest(root: Path) -> None:
    base, top = "var/lib/xen/web/disk1.img", root / "var/lib/xen/top.qcow2"
    for name in (str(root / base), "web/disk1.img"):
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", name, top], check=True)
        (root / "etc/xen/b.cfg").write_text('name="b"\ntype="hvm"\ndisk=["/var/lib/xen/top.qcow2,qcow2,hda,w"]\n')
        (root / "etc/xen/web.cfg").write_text(WEB)
        assert do(root, "remove", "web", "--with-images", "--yes") == ""
        assert (root / base).exists()
        assert not (root / "etc/xen/web.cfg").exists()

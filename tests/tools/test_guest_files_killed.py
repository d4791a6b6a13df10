# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Killed at any time, a guest has its old name or its new one, its data is whole, and a second try completes it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import PROJECT
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


def command(root: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "univention_xen", "--root", str(root), "guest", *words]


ENVIRONMENT = {"PYTHONPATH": str(PROJECT / "python"), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}


def again(root: Path, *words: str) -> str:
    """Do it; return what was refused, '' when it was done."""
    deadline = time.monotonic() + 60
    while True:
        run = subprocess.run(command(root, *words), env=ENVIRONMENT, capture_output=True, text=True, check=False)
        if run.returncode != 75 or time.monotonic() > deadline:  # what was killed may be on its way out
            assert "Traceback" not in run.stderr
            return run.stderr if run.returncode else ""
        time.sleep(0.05)


def kill_when(seen: Path, root: Path, *words: str) -> None:
    """Begin it, and kill it as soon as something is there, or gone that was there; it may have ended before."""
    there = os.path.lexists(seen)
    with subprocess.Popen(
        command(root, *words), env=ENVIRONMENT, start_new_session=True, stderr=subprocess.DEVNULL
    ) as run:
        while os.path.lexists(seen) == there and run.poll() is None:
            pass
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)


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
    refusal = again(root, "clone", "web", "shop")
    assert not refusal or complete, refusal
    whole(root, "web")
    whole(root, "shop")
    assert sorted(os.listdir(root / "var/lib/xen")) == ["shop", "web"]
    assert sorted(os.listdir(root / "etc/xen")) == ["auto", "shop.cfg", "web.cfg"]


@pytest.mark.parametrize("seen", MOVING)
def test_a_killed_rename(root: Path, seen: str) -> None:
    kill_when(root / seen, root, "rename", "web", "shop")
    refusal = again(root, "rename", "web", "shop")
    assert not refusal or "there is no guest web" in refusal, refusal
    whole(root, "shop")
    assert os.listdir(root / "var/lib/xen") == ["shop"]
    assert sorted(os.listdir(root / "etc/xen")) == ["auto", "shop.cfg"]
    assert os.listdir(root / "etc/xen/auto") == ["shop.cfg"]


@pytest.mark.parametrize("seen", REMOVING)
def test_a_killed_removal(root: Path, seen: str) -> None:
    kill_when(root / seen, root, "remove", "web", "--with-images", "--yes")
    refusal = again(root, "remove", "web", "--with-images", "--yes")
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
        assert again(root, "remove", "web", "--with-images", "--yes") == ""
        assert (root / base).exists()
        assert not (root / "etc/xen/web.cfg").exists()

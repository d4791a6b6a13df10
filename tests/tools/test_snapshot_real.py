# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Disks are kept and put back by the real qemu-img, and by copies that leave holes alone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from univention_xen.errors import Busy, XenError
from univention_xen.guest.model import Disk
from univention_xen.plan import Machine
from univention_xen.toolstack import migration
from univention_xen.toolstack import snapshot_disks as disks
from univention_xen.toolstack.snapshot import OFF, Kept, Snapshot

pytestmark = pytest.mark.tools


def qemu_io(image: Path, command: str) -> str:
    words = ["qemu-io", "-f", image.suffix[1:], "-c", command, str(image)]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def image(tmp_path: Path, form: str) -> Path:
    path = tmp_path / f"disk.{form}"
    subprocess.run(["qemu-img", "create", "-q", "-f", form, path, "64M"], check=True)
    qemu_io(path, "write -P 1 1M 1M")
    return path


def kept(path: Path, tmp_path: Path) -> tuple[Kept, Snapshot, Machine]:
    on = Machine(tmp_path)
    found = disks.keeping(Disk(f"/{path.name}", "xvda", format=path.suffix[1:]), "good", str(tmp_path), on)
    snapshot = Snapshot("web", "good", "", OFF, "xl", 0, (found,))
    on.path(snapshot.place).mkdir(parents=True, exist_ok=True)
    return found, snapshot, on


@pytest.mark.parametrize("form", ["raw", "qcow2"])
def test_a_disk_is_kept_and_put_back_as_often_as_wanted(form: str, tmp_path: Path) -> None:
    path = image(tmp_path, form)
    disk, snapshot, on = kept(path, tmp_path)
    disks.keep(disk, snapshot, on)
    for _ in range(2):
        qemu_io(path, "write -P 2 1M 2M")
        disks.refuse_lost([disk], snapshot, on)
        disks.put_back(disk, snapshot, on)
        assert "Pattern verification failed" not in qemu_io(path, "read -P 1 1M 1M")
        assert "Pattern verification failed" not in qemu_io(path, "read -P 0 2M 1M")
    disks.forget(disk, snapshot, on)
    disks.forget(disk, snapshot, on)
    with pytest.raises(XenError, match="not whole"):
        disks.refuse_lost([disk], snapshot, on)
    assert "Pattern verification failed" not in qemu_io(path, "read -P 1 1M 1M")


def test_a_copy_keeps_the_holes(tmp_path: Path) -> None:
    path = image(tmp_path, "raw")
    disk, snapshot, on = kept(path, tmp_path)
    assert disk.used < 4 << 20
    disks.keep(disk, snapshot, on)
    copy = os.stat(on.path(snapshot.at(disk.under)))
    assert copy.st_size == 64 << 20
    assert copy.st_blocks * 512 < 4 << 20


def test_what_an_interrupted_run_has_left_inside_an_image_goes_too(tmp_path: Path) -> None:
    path = image(tmp_path, "qcow2")
    disk, snapshot, on = kept(path, tmp_path)
    for _ in range(2):
        disks.keep(disk, snapshot, on)
    assert disks.tags(str(path), on) == ["univention-xen:good"] * 2
    disks.forget(disk, snapshot, on)
    assert disks.tags(str(path), on) == []


def test_an_image_that_is_open_is_left_alone(tmp_path: Path) -> None:
    path = image(tmp_path, "qcow2")
    disk, snapshot, _ = kept(path, tmp_path)
    held = Kept(str(path), disk.vdev, disk.format, disk.how, disk.under)
    with open(path, "rb") as opened, subprocess.Popen(["sleep", "3600"], stdin=opened) as reader:
        opened.close()
        try:
            with pytest.raises(Busy, match="in use by sleep"):
                disks.keep(held, snapshot, Machine())
        finally:
            reader.kill()


def test_the_shell_of_the_other_host_understands_what_it_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "an image"
    path.write_text("12345")
    words = migration.script((str(path), "/none"), ("no-br",), "/etc/xen/none.cfg")
    asked = "\n".join(line for line in words.splitlines() if not line.startswith("xl "))
    said = subprocess.run(["sh", "-c", asked], check=True, capture_output=True, text=True)
    lines = [f"image 5 {path.stat().st_ino} {path}", "missing /none", "bridge no-br", "nofile", "domains"]
    assert (said.stdout.splitlines(), said.stderr) == (lines, "")
    found = migration.parse(said.stdout.replace("domains\n", "free 7\ndomains\nName\n"), "xen2")
    assert found.missing == ("/none",)
    assert found.images == ((str(path), migration.Image(5, path.stat().st_ino)),)
    assert not found.described

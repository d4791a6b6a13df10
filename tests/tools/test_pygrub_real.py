# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What the real pygrub finds in an image that `image create --partition` has made, and a system was put into."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from univention_xen.cli.main import main

pytestmark = pytest.mark.tools

PYGRUB = "/usr/lib/xen-4.17/bin/pygrub"
MENU = """\
set default=0
menuentry "a system" {
    linux /boot/vmlinuz root=/dev/xvda1 ro console=hvc0
    initrd /boot/initrd.img
}
"""


@pytest.mark.parametrize(("layout", "start"), [("root", 1), ("root+swap", 65)])
def test_pygrub_boots_from_a_new_image(tmp_path: Path, layout: str, start: int) -> None:
    image, tree, out = tmp_path / "disk.img", tmp_path / "tree", tmp_path / "out"
    assert main(["image", "create", str(image), "--size", "256M", "--partition", layout]) == 0
    (tree / "boot/grub").mkdir(parents=True)
    out.mkdir()
    files = {"kernel": b"kernel" * 9999, "ramdisk": b"initrd" * 7777}
    (tree / "boot/vmlinuz").write_bytes(files["kernel"])
    (tree / "boot/initrd.img").write_bytes(files["ramdisk"])
    (tree / "boot/grub/grub.cfg").write_text(MENU)
    make = ("mke2fs", "-q", "-F", "-t", "ext4", "-E", f"offset={start << 20}", "-d", tree, image, f"{256 - start}M")
    subprocess.run(make, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, check=True)
    command = (PYGRUB, "--quiet", f"--output-directory={out}", "--output-format=simple", image)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = dict(line.split(" ", 1) for line in done.stdout.splitlines() if line)
    assert found.pop("args").split() == ["root=/dev/xvda1", "ro", "console=hvc0"]
    assert {name: Path(path).read_bytes() for name, path in found.items()} == files

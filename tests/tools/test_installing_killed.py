# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Killed at any time, an installation has both of its files or is no guest yet, and a second try completes it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import PROJECT
from univention_xen.guest import load_xl
from univention_xen.guest.model import Guest

pytestmark = pytest.mark.tools

CREATE = (
    "create", "web", "--type", "pv-install", "--kernel", "/boot/k", "--initrd", "/boot/i", "--disk", "64M",
    "--disk", "32M", "--nic",
)  # fmt: skip
FINISH = ("finish-install", "web")
NOW, LATER, IMAGE = "etc/xen/web.cfg", "etc/xen/web.cfg.after-install", "var/lib/xen/web/disk2.img"
ENVIRONMENT = {"PYTHONPATH": str(PROJECT / "python"), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for directory in ("etc/xen", "boot", "var/lib/xen"):
        (tmp_path / directory).mkdir(parents=True)
    for name in ("k", "i"):
        (tmp_path / "boot" / name).touch()
    return tmp_path


def command(root: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "univention_xen", "--root", str(root), "guest", *words]


def do(root: Path, *words: str) -> str:
    """Do it; return what was refused, '' when it was done."""
    end = time.monotonic() + 60
    while True:
        done = subprocess.run(command(root, *words), env=ENVIRONMENT, capture_output=True, text=True, check=False)
        if done.returncode != 75 or time.monotonic() > end:  # what was killed may be on its way out
            assert "Traceback" not in done.stderr
            return done.stderr if done.returncode else ""
        time.sleep(0.05)


def kill_when(changed: Path, root: Path, *words: str) -> None:
    """Begin it, and kill it as soon as a file has come or gone; it may have ended before."""
    before = os.path.lexists(changed)
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command(root, *words), env=ENVIRONMENT, start_new_session=True, stderr=quiet) as run:
        while os.path.lexists(changed) == before and run.poll() is None:
            pass
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)


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

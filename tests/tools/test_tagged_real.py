# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Guest files follow the real registry command: what `ucr set`, `register` and `commit` make of tagged lines."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import PROJECT
from univention_xen.registry import install

pytestmark = pytest.mark.tools

PACKAGE = "univention-xen"
GUEST = 'name = "{}"\ntype = "pv"\nkernel = "/k"\nvfb = [ "vnc=1,vnclisten={}" ]  # ucr: xen/vnc/listen\n# end\n'


class Tree:
    """A tree with our package in it and some guests."""

    def __init__(self, root: Path, guests: int) -> None:
        self.root = root
        self.guests = [root / f"etc/xen/g{number:03}.cfg" for number in range(guests)]
        install.into_tree(str(PROJECT), PACKAGE, str(root))
        (root / "etc/xen").mkdir(parents=True, exist_ok=True)
        self.put("127.0.0.1")

    def put(self, address: str) -> None:
        for path in self.guests:
            path.write_text(GUEST.format(path.stem, address))

    def start(self, *words: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "univention_xen.registry", "--root", str(self.root), *words]
        environment = {"PYTHONPATH": str(PROJECT / "python"), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
        return subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
        )

    def ucr(self, *words: str) -> tuple[int, str, str]:
        with self.start(*words) as program:
            out, err = program.communicate()
        return program.returncode, out, err

    def addresses(self) -> list[str]:
        """Where each guest listens; every other byte must be as it was."""
        found = [path.read_text().split("vnclisten=")[1].split('"')[0] for path in self.guests]
        for path, address in zip(self.guests, found, strict=True):
            assert path.read_text() == GUEST.format(path.stem, address)
        return found


def test_files_follow_each_change_and_are_left_alone_otherwise(tmp_path: Path) -> None:
    tree = Tree(tmp_path, 3)
    assert tree.ucr("register", PACKAGE)[0] == 0
    before = [path.stat() for path in tree.guests]
    tree.ucr("commit")
    assert [path.stat() for path in tree.guests] == before
    assert not (tmp_path / "run/lock").exists()
    tree.guests[0].chmod(0o600)
    code, out, err = tree.ucr("set", "xen/vnc/listen=192.0.2.1", "xen/dump=yes")
    assert (code, tree.addresses()) == (0, ["192.0.2.1"] * 3), err
    assert "following the registry: /etc/xen/g000.cfg, /etc/xen/g001.cfg, /etc/xen/g002.cfg" in out
    assert stat.S_IMODE(tree.guests[0].stat().st_mode) == 0o600
    assert tree.ucr("set", "--ignore-check", "xen/vnc/listen=nowhere")[0] == 0
    assert tree.addresses() == ["192.0.2.1"] * 3
    tree.ucr("unset", "xen/vnc/listen")
    assert tree.addresses() == ["127.0.0.1"] * 3
    tree.put("192.0.2.9")
    tree.ucr("commit")
    assert tree.addresses() == ["127.0.0.1"] * 3


def test_killed_at_any_point_each_file_is_old_or_new_and_the_next_try_makes_up_for_it(tmp_path: Path) -> None:
    tree = Tree(tmp_path, 150)
    tree.ucr("register", PACKAGE)
    killed = set()
    for number in range(1, 13):
        address = f"192.0.2.{number}"
        with tree.start("set", f"xen/vnc/listen={address}") as program:
            wait_for_work(tmp_path, program, number % 4)
            os.killpg(program.pid, signal.SIGKILL)
        killed.add(len(set(tree.addresses())))
    assert tree.ucr("set", "xen/vnc/listen=192.0.2.100")[0] == 0
    assert set(tree.addresses()) == {"192.0.2.100"}
    assert not [name for name in os.listdir(tmp_path / "etc/xen") if name.startswith(".g")]


def wait_for_work(root: Path, program: subprocess.Popen[str], more: int) -> None:
    """Wait until unfinished files are there, and for some more of them."""
    end = time.monotonic() + 60
    while program.poll() is None and time.monotonic() < end:
        if len([name for name in os.listdir(root / "etc/xen") if name.startswith(".g")]) > more * 30:
            return


def test_of_several_who_set_the_variable_the_last_one_is_followed_everywhere(tmp_path: Path) -> None:
    tree = Tree(tmp_path, 100)
    tree.ucr("register", PACKAGE)
    programs = [tree.start("set", f"xen/vnc/listen=192.0.2.{number}") for number in range(4)]
    for program in programs:
        _, err = program.communicate()
        assert program.returncode == 0, err
    assert set(tree.addresses()) == {tree.ucr("get", "xen/vnc/listen")[1].strip()}

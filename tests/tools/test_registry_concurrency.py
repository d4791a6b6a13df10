# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Many at once, killed at any moment, no room left: the store stays whole."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import univention_xen.registry
from conftest import PROJECT
from univention_xen.registry import store

pytestmark = pytest.mark.tools

BASE = "etc/univention/base.conf"


def command(root: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "univention_xen.registry", "--root", str(root), *words]


def start(root: Path, *words: str, **more: object) -> subprocess.Popen[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT / "python")}
    options = {"env": environment, "text": True, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
    return subprocess.Popen(command(root, *words), **options)  # type: ignore[call-overload, no-any-return]


def run(root: Path, *words: str, **more: object) -> tuple[int, str, str]:
    process = start(root, *words, **more)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")


def test_thirty_at_once_lose_nothing(tmp_path: Path) -> None:
    processes = [start(tmp_path, "set", f"xs/k{number}={number}") for number in range(30)]
    for process in processes:
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
    values = univention_xen.registry.read(str(tmp_path))
    assert values == {f"xs/k{number}": str(number) for number in range(30)}


def test_thirty_at_once_in_several_layers_lose_nothing(tmp_path: Path) -> None:
    options = ((), ("--force",), ("--schedule",))
    processes = [start(tmp_path, "set", *options[n % 3], f"xs/k{n}={n}") for n in range(30)]
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert len(univention_xen.registry.read(str(tmp_path))) == 30


def test_a_file_that_many_write_at_once_ends_with_all_values(tmp_path: Path) -> None:
    names = [f"xs/k{number}" for number in range(20)]
    write(tmp_path, "etc/univention/templates/info/p.info", "Type: file\nFile: etc/xs\n")
    slow = "@!@\nimport time, random\ntime.sleep(random.random() / 10)\n@!@\n"
    write(tmp_path, "etc/univention/templates/files/etc/xs", "".join(f"@%@{name}@%@\n" for name in names) + slow)
    processes = [start(tmp_path, "set", f"{name}={number}") for number, name in enumerate(names)]
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert (tmp_path / "etc/xs").read_text(encoding="utf-8").split() == [str(number) for number in range(20)]


def test_a_kill_at_any_moment_leaves_the_old_or_the_new_store(tmp_path: Path) -> None:
    old = {f"xs/{number}": "o" * 500 for number in range(200)}
    new = old | {"xs/new": "n" * 5000}
    dice = random.Random(20)
    run(tmp_path, "set", *(f"{key}={value}" for key, value in old.items()))
    outcomes = {"old": 0, "new": 0}
    for _ in range(40):
        process = start(tmp_path, "set", f"xs/new={new['xs/new']}")
        time.sleep(dice.uniform(0.012, 0.035))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        for name in (BASE, BASE + ".bak"):
            found = store.parse((tmp_path / name).read_text(encoding="utf-8"))
            assert found in (old, new), name
        values = univention_xen.registry.read(str(tmp_path))
        assert values in (old, new)
        outcomes["new" if values == new else "old"] += 1
        assert run(tmp_path, "unset", "xs/new")[0] == 0  # nothing is locked, nothing is in the way
    assert not list(tmp_path.glob("etc/univention/*.temp"))
    print(outcomes)


def test_a_kill_between_any_two_system_calls_leaves_the_old_or_the_new_store(tmp_path: Path) -> None:
    """The same without luck: the process kills itself at its n-th step of writing."""
    program = """
import os, sys, signal
from univention_xen.registry import cli
left = int(sys.argv.pop(1))
def counted(call):
    def stop(*a, **k):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*a, **k)
    return stop
for name in ("open", "write", "fsync", "rename", "unlink", "fchmod", "close"):
    setattr(os, name, counted(getattr(os, name)))
cli.run()
"""
    run(tmp_path, "set", "xs/a=old")
    killed = 0
    for step in range(1, 80):
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT / "python")}
        words = [sys.executable, "-c", program, str(step), "--root", str(tmp_path), "set", "xs/a=new"]
        done = subprocess.run(words, env=environment, check=False, capture_output=True)
        assert univention_xen.registry.read(str(tmp_path))["xs/a"] in ("old", "new")
        killed += done.returncode == -signal.SIGKILL
        assert run(tmp_path, "set", "xs/a=old")[0] == 0
        if done.returncode == 0:
            break
    assert killed > 10
    assert done.returncode == 0, "the loop ended before the command did"


def test_a_store_cut_short_is_read_from_its_copy(tmp_path: Path) -> None:
    run(tmp_path, "set", "xs/a=1")
    (tmp_path / BASE).write_bytes(b"")
    assert run(tmp_path, "get", "xs/a") == (0, "1\n", "")
    assert (tmp_path / BASE).read_text(encoding="utf-8").endswith("xs/a: 1")


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path: Path) -> None:
    run(tmp_path, "set", "xs/a=1")

    def little_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    code, out, err = run(tmp_path, "set", "xs/a=" + "x" * 5000, preexec_fn=little_room)
    assert (code, out) == (1, "Setting xs/a\n")
    assert err == f"E: {tmp_path}/{BASE}.bak: File too large\n"
    assert univention_xen.registry.read(str(tmp_path)) == {"xs/a": "1"}


def test_a_full_disk_leaves_the_generated_file(tmp_path: Path) -> None:
    write(tmp_path, "etc/univention/templates/info/p.info", "Type: file\nFile: etc/xs\nVariables: ^xs/b$\n")
    write(tmp_path, "etc/univention/templates/files/etc/xs", "a=@%@xs/a@%@\n@!@\nprint('x' * 9000)\n@!@\n")
    write(tmp_path, "etc/xs", "before\n")

    def little_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))

    code, _, err = run(tmp_path, "set", "xs/b=1", preexec_fn=little_room)
    assert code == 1
    assert err.startswith("E: /etc/xs stays as it was: ")
    assert err.count("\n") == 1
    assert (tmp_path / "etc/xs").read_text(encoding="utf-8") == "before\n"
    assert sorted(os.listdir(tmp_path / "etc")) == ["univention", "xs"]


def test_a_store_that_must_not_be_written_is_one_sentence() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        run(root, "set", "xs/a=1")
        (root / "etc/univention").chmod(0o555)
        library = root / "python"  # the checkout may lie where only its owner may look
        shutil.copytree(PROJECT / "python", library, ignore=shutil.ignore_patterns("__pycache__"))
        somebody: dict[str, object] = {"env": {"PATH": os.environ["PATH"], "PYTHONPATH": str(library)}, "cwd": "/"}
        if os.geteuid() == 0:
            somebody["user"] = 65534
        code, _, err = run(root, "set", "xs/a=2", **somebody)
        assert run(root, "get", "xs/a", **somebody) == (0, "1\n", "")
        (root / "etc/univention").chmod(0o755)
    assert code == 1
    assert err.startswith("E: ")
    assert err.endswith(": Permission denied\n")
    assert err.count("\n") == 1


def test_a_handler_may_call_the_command_itself(tmp_path: Path) -> None:
    write(tmp_path, "etc/univention/templates/info/p.info", "Type: script\nScript: s\nVariables: ^xs/a$\n")
    script = tmp_path / "etc/univention/templates/scripts/s"
    script.parent.mkdir(parents=True)
    script.write_text(f"#!/bin/sh\nexec {sys.executable} -m univention_xen.registry set xs/b=2\n", encoding="utf-8")
    script.chmod(0o755)
    code, out, err = run(tmp_path, "set", "xs/a=1")
    assert (code, err) == (0, "")
    assert out == "Create xs/a\nScript: /etc/univention/templates/scripts/s\nCreate xs/b\n"
    assert univention_xen.registry.read(str(tmp_path)) == {"xs/a": "1", "xs/b": "2"}

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`make demo` works on any Debian with Python, for anybody, and touches nothing but build/."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import PROJECT

pytestmark = pytest.mark.tools

# What a Debian with nothing but Python cannot import.
ABSENT = ("jinja2", "debian", "argcomplete", "rich", "hivex", "libvirt", "pytest")


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A checkout that belongs to a user without rights, if we are root."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        os.chmod(name, 0o755)
        place = Path(name) / "checkout"
        skipped = shutil.ignore_patterns("build", ".*", "__pycache__", "recorded", "e2e")
        shutil.copytree(PROJECT, place, ignore=skipped)
        for module in ABSENT:
            (Path(name) / "absent" / module).mkdir(parents=True)
            (Path(name) / "absent" / module / "__init__.py").write_text(f"raise ImportError('{module} is not there')\n")
        if os.geteuid() == 0:
            for file in [place, *place.rglob("*")]:
                os.lchown(file, 65534, 65534)
        yield place


@pytest.fixture(scope="module")
def other_python(place: Path) -> Path:
    """A directory whose python3 is not Debian's."""
    directory = place.parent / "bin"
    directory.mkdir()
    (directory / "python3").write_text("#!/bin/sh\necho 'the wrong Python was asked' >&2\nexit 9\n")
    (directory / "python3").chmod(0o755)
    return directory


def demo(place: Path, path: str, *prefix: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": path, "HOME": "/nonexistent", "LANG": "C"}
    return subprocess.run(
        [*prefix, place / "scripts/demo"], cwd="/", env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def told(place: Path, other_python: Path) -> str:
    """What the demo says to a user without rights and without a network."""
    prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    if subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0:
        prefix = ["unshare", "--net", *prefix]
    done = demo(place, f"{other_python}:/usr/bin:/bin", *prefix)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def test_it_shows_each_file_that_changed(told: str) -> None:
    for line in ("+(vnc-listen '0.0.0.0')", "+(xend-relocation-server yes)", "netdev=eth1"):
        assert line in told
    assert "Traceback" not in told


def test_it_shows_the_refusal_and_ends_with_what_to_try_next(told: str) -> None:
    assert "'xen/relocation/port'" in told
    assert "What to try next" in told.split("no file has changed", 1)[1]


def test_every_command_it_shows_can_be_typed(told: str, place: Path) -> None:
    shown = re.findall(r"^  \$ (.*)$", told, re.MULTILINE)
    assert len(shown) >= 6
    for command in shown:
        done = subprocess.run(["sh", "-c", command], cwd=place, capture_output=True, text=True, check=False)
        expected = 2 if "port=http" in command else 1 if "host check" in command else 0
        assert done.returncode == expected, command + done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_it_needs_nothing_but_python(place: Path) -> None:
    code = (place / "scripts/demo.py").read_text().replace('"PYTHONPATH": "python"', '"PYTHONPATH": "../absent:python"')
    assert "../absent" in code
    altered = place / "scripts/altered.py"
    altered.write_text(code)
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(place.parent / "absent")}
    done = subprocess.run(["/usr/bin/python3", altered], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_host_stays_as_it_is(place: Path) -> None:
    def diverted() -> str:
        return subprocess.run(["dpkg-divert", "--list"], capture_output=True, text=True, check=True).stdout

    def ours() -> list[Path]:
        there = [Path("/etc/univention"), Path("/run/univention-xen"), Path("/var/lib/univention-xen-registry")]
        return [path for path in there if path.exists()]

    before = diverted(), ours()
    assert demo(place, "/usr/bin:/bin").returncode == 0
    assert (diverted(), ours()) == before


def test_python_that_is_too_old_is_told_of_in_one_line(place: Path, other_python: Path) -> None:
    script = place / "scripts/too-old"
    script.write_text((place / "scripts/demo").read_text().replace("(3, 11)", "(99, 0)"))
    script.chmod(0o755)
    environment = {"PATH": f"{other_python}:/usr/bin:/bin"}
    done = subprocess.run([script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "apt-get install python3" in done.stderr.splitlines()[-1]

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The packages come out the same wherever and by whomever they are built, with the right files in them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from conftest import PROJECT
from univention_xen.toolstack import examples

pytestmark = pytest.mark.tools

HOOK = "/etc/xen/scripts/vif-post.d/univention-xen.hook"
"""A program that Xen's own look for there."""
RESULTS = ("*.deb", "*.dsc", "*.tar.xz")


def said_by(*argv: str) -> str:
    """Return what a program prints; '' when it fails."""
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


def checkout(place: Path) -> Path:
    """Copy what git knows, or everything when there is no git, with times of today and without the .git."""
    listed = subprocess.run(
        ["git", "-C", PROJECT, "ls-files", "-z"], capture_output=True, text=True, check=False
    ).stdout
    skipped = shutil.ignore_patterns("build", ".*", "__pycache__")
    if not listed:
        shutil.copytree(PROJECT, place, ignore=skipped)
    for name in filter(None, listed.split("\0")):
        if (PROJECT / name).exists() and not name.startswith(("tests/recorded", "tests/golden")):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, place / name)
    return place


def built(place: Path, *prefix: str, **environment: str) -> dict[str, str]:
    """Build in a checkout; return the digest of each result."""
    command = [*prefix, "scripts/deb"]
    done = subprocess.run(
        command, cwd=place, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    files = [file for pattern in RESULTS for file in (place / "build").glob(pattern)]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A directory that every user can reach; pytest's own is closed to others."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        os.chmod(name, 0o755)
        yield Path(name)


def test_two_builds_give_the_same_bytes(tmp_path: Path) -> None:
    place = checkout(tmp_path / "one")
    other = shutil.copytree(place, tmp_path / "a longer path" / "with blanks")
    one = built(place, LC_ALL="C", TZ="UTC")
    for file in other.rglob("*"):
        os.utime(file, (86400, 86400))
    odd = ("sh", "-c", 'umask 0077; exec "$@"', "sh")
    two = built(other, *odd, LC_ALL="de_DE.UTF-8", TZ="Pacific/Kiritimati", HOME="/nonexistent", USER="somebody")
    assert len(one) == 6
    assert one == two


def test_a_normal_user_can_build(open_place: Path) -> None:
    place = checkout(open_place / "source")
    prefix: tuple[str, ...] = ()
    if os.geteuid() == 0:
        for file in [place, *place.rglob("*")]:
            os.chown(file, 65534, 65534)
        prefix = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    assert len(built(place, *prefix, HOME="/nonexistent")) == 6


def test_a_second_build_without_a_change_is_a_look_only(tmp_path: Path) -> None:
    place = checkout(tmp_path / "source")
    built(place)
    again = subprocess.run(["scripts/deb"], cwd=place, capture_output=True, text=True, check=True)
    assert again.stdout == "build: up to date\n"
    with open(place / "conffiles/xen_xend.py", "a", encoding="utf-8") as file:
        file.write("# changed\n")
    again = subprocess.run(["scripts/deb"], cwd=place, capture_output=True, text=True, check=True)
    assert "univention-xen_" in again.stdout


def test_a_build_that_fails_says_where_and_leaves_no_package(tmp_path: Path) -> None:
    place = checkout(tmp_path / "source")
    (place / "conffiles/xen_xend.py").unlink()
    done = subprocess.run(["scripts/deb"], cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "conffiles/xen_xend.py" in done.stderr
    assert not list((place / "build").glob("*.deb"))


class Deb:
    """What a package holds."""

    def __init__(self, file: Path) -> None:
        self.data = subprocess.run(["dpkg-deb", "--fsys-tarfile", file], capture_output=True, check=True).stdout
        with tarfile.open(fileobj=BytesIO(self.data)) as archive:
            self.members = {member.name.removeprefix("."): member for member in archive}
        listed = subprocess.run(
            ["dpkg-deb", "-I", file, "conffiles"], capture_output=True, text=True, check=False
        ).stdout
        self.conffiles = set(listed.split())

    def files(self) -> set[str]:
        return {name for name, member in self.members.items() if not member.isdir()}

    def read(self, name: str) -> bytes:
        with tarfile.open(fileobj=BytesIO(self.data)) as archive:
            file = archive.extractfile(self.members[name])
            assert file
            return file.read()


@pytest.fixture(scope="module")
def packages(debs: list[Path]) -> dict[str, Deb]:
    return {file.name.split("_")[0]: Deb(file) for file in debs}


def test_everything_below_etc_is_a_conffile(packages: dict[str, Deb]) -> None:
    for deb in packages.values():
        assert deb.conffiles == {name for name in deb.files() if name.startswith("/etc/")}
    templates = {
        name.removeprefix("/etc/univention/templates/files")
        for name in packages["univention-xen"].conffiles
        if name.startswith("/etc/univention/templates/files/")
    }
    assert {"/etc/xen/xend-config.sxp", "/etc/xen/xl.conf", "/etc/default/xendomains"} <= templates
    assert "/etc/univention/templates/info/univention-xen.info" in packages["univention-xen"].conffiles


def test_generated_files_are_not_in_a_package(packages: dict[str, Deb]) -> None:
    for deb in packages.values():
        assert {name for name in deb.files() if name.startswith(("/etc/xen/", "/etc/default/"))} <= {HOOK}


def test_the_examples_are_what_the_templates_make_of_them(packages: dict[str, Deb]) -> None:
    place = "/usr/share/doc/univention-xen/examples/"
    shipped = {name.removeprefix(place) for name in packages["univention-xen"].files() if name.startswith(place)}
    assert shipped == {f"{name}.cfg" for name in examples.EXAMPLES} >= {"basis-vmx.cfg"}
    for name in examples.EXAMPLES:
        assert packages["univention-xen"].read(f"{place}{name}.cfg").decode() == examples.text(name)


def test_the_files_belong_to_root_and_are_readable(packages: dict[str, Deb]) -> None:
    for deb in packages.values():
        for name, member in deb.members.items():
            assert (member.uid, member.gid) == (0, 0), name
            if not member.issym():
                assert member.mode in (0o644, 0o755), name


def test_only_the_registry_brings_the_names_that_ucs_has_too(packages: dict[str, Deb]) -> None:
    of_ucs = ("/usr/sbin/ucr", "/usr/sbin/univention-config-registry", "/usr/lib/python3/dist-packages/univention/")
    for package, deb in packages.items():
        found = {name for name in deb.files() if name.startswith(of_ucs)}
        assert bool(found) == (package == "univention-xen-registry"), package


def test_no_compiled_python_and_no_junk_gets_in(packages: dict[str, Deb]) -> None:
    for deb in packages.values():
        assert not {name for name in deb.members if "__pycache__" in name or name.endswith((".pyc", "~", ".orig"))}


def test_every_command_has_a_manual_and_completion(packages: dict[str, Deb]) -> None:
    for deb in packages.values():
        for command in {Path(name).name for name in deb.files() if name.startswith(("/usr/sbin/", "/usr/bin/"))}:
            assert f"/usr/share/man/man8/{command}.8.gz" in deb.files()
            assert f"/usr/share/bash-completion/completions/{command}" in deb.files()

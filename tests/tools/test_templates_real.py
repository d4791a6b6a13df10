# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Our templates through the real registry command, and the files through their real readers: a shell and xl."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import PROJECT
from rendering import HOSTILE, TEMPLATES, XEND, XENDOMAINS, options, rendered
from univention_xen.registry import install
from univention_xen.settings.everything import Settings

pytestmark = pytest.mark.tools

PACKAGE = "univention-xen"
XL_PROGRAM = Path("/usr/lib/xen-4.17/bin/xl")
TEXTS = [variable for variable in Settings.variables() if variable.kind.type == "str"]


class Tree:
    """A tree with our package registered in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        install.into_tree(str(PROJECT), PACKAGE, str(root))
        self.ucr("register", PACKAGE)

    def ucr(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the registry's command."""
        argv = [sys.executable, "-m", "univention_xen.registry", "--root", str(self.root), *words]
        environment = {"PYTHONPATH": str(PROJECT / "python"), "PATH": "/usr/bin:/bin", "LC_ALL": "C"}
        return subprocess.run(argv, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree(tmp_path_factory.mktemp("tree"))


def body(template: str, values: dict[str, str], root: Path) -> list[str]:
    """The lines of a file that say something, rendered in this process."""
    return options(rendered(template, values, root))


def test_registration_writes_the_files_from_the_defaults(tree: Tree) -> None:
    for template in TEMPLATES:
        path = tree.root / template
        assert options(path.read_text()) == options(rendered(template))
        assert stat.S_IMODE(path.stat().st_mode) == (0o600 if template == XEND else 0o644)


@pytest.mark.parametrize(
    "hostile", [text for text in HOSTILE.values() if "\0" not in text and text.isascii()], ids=repr
)
def test_hostile_values_come_out_of_the_registry_as_harmless_as_out_of_our_code(tree: Tree, hostile: str) -> None:
    done = tree.ucr("set", "--ignore-check", *(f"{variable.name}={hostile}" for variable in TEXTS))
    assert done.returncode == 0, done.stderr
    kept = hostile.replace("\n", "").replace("\r", "").strip()  # what the store makes of it, for the next command
    committed = tree.ucr("commit", *(f"/{template}" for template in TEMPLATES))
    assert committed.returncode == 0
    assert "Traceback" not in done.stderr + committed.stderr
    for template in TEMPLATES:
        wanted = body(template, {variable.name: kept for variable in TEXTS}, tree.root)
        assert options((tree.root / template).read_text()) == wanted, template
    assert not [line for line in committed.stderr.splitlines() if not line.startswith(("W: xen/", "xend is"))]


def test_a_store_edited_by_hand_is_no_way_in(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    store = tmp_path / "etc/univention/base.conf"
    lines = ["# univention_ base.conf", "", "xen/bridge/name: @!@print('(xend-http-server yes)')@!@", "xen/dump: yes"]
    store.write_text("\n".join(lines))
    done = tree.ucr("commit", f"/{XEND}")
    text = (tmp_path / XEND).read_text()
    assert "(xend-http-server no)" in text
    assert "(enable-dump yes)" in text
    assert "xen/bridge/name" in done.stderr


def test_the_registry_itself_refuses_what_makes_no_sense(tree: Tree) -> None:
    for value in ("xen/bridge/interface=eth0;reboot", "xen/relocation/port=http", "xen/server/api=(unix"):
        assert tree.ucr("set", value).returncode == 2, value


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_a_real_shell_reads_five_words_and_runs_nothing(hostile: str, tmp_path: Path) -> None:
    names = ("auto", "save", "migrate", "restore", "stop_timeout")
    (tmp_path / "file").write_text(rendered(XENDOMAINS, {f"xen/xendomains/{name}": hostile for name in names}))
    script = 'set -eu; PATH=; . "$1"; set -x; : "$XENDOMAINS_AUTO" "$XENDOMAINS_SAVE" "$XENDOMAINS_STOP_MAXWAIT"'
    argv = ["/bin/bash", "-c", script, "bash", str(tmp_path / "file")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert len(done.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


STAGE = """
set -e
mount -t tmpfs none "$1"
mkdir "$1/xen"
for device in privcmd hypercall xenbus; do truncate -s 4M "$1/xen/$device"; done
touch "$1/null"
mount --bind /dev/null "$1/null"
mount --bind "$1" /dev
mount --bind "$2" /etc/xen/xl.conf
exec "$3" create -n "$4"
"""
"""xl opens the devices of a hypervisor before it reads its configuration; plain files will do until then."""


def xl_says(conf: str, where: Path) -> list[str]:
    """What the real xl has to say about its configuration, before it misses the hypervisor."""
    if not XL_PROGRAM.exists() or not Path("/etc/xen/xl.conf").exists():
        pytest.skip("the real xl reads our xl.conf: needs the package xen-utils-4.17")
    if not shutil.which("unshare") or subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("the real xl reads our xl.conf: needs mount namespaces")
    (where / "stage").mkdir()
    (where / "xl.conf").write_text(conf)
    (where / "probe.cfg").write_text('name = "probe"\ntype = "pv"\nkernel = "/boot/k"\nvif = [ "" ]\n')
    words = [where / "stage", where / "xl.conf", XL_PROGRAM, where / "probe.cfg"]
    argv = ["unshare", "-rm", "sh", "-c", STAGE, "sh", *map(str, words)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    assert "Parsing config from" in done.stdout + done.stderr or "Failed to parse" in done.stderr, done.stderr
    return [line for line in done.stderr.splitlines() if "xl.conf" in line or "invalid" in line or "deprecated" in line]


@pytest.mark.parametrize("conf", sorted((PROJECT / "tests/golden/xl").glob("*.conf")), ids=lambda path: path.stem)
def test_the_real_xl_has_nothing_to_say_about_our_file(conf: Path, tmp_path: Path) -> None:
    assert xl_says(conf.read_text(), tmp_path) == []


@pytest.mark.parametrize("conf", ["autoballoon=off\n", 'autoballoon="maybe"\n', 'claim_mode="yes"\n'])
def test_the_real_xl_would_say_so(conf: str, tmp_path: Path) -> None:
    assert xl_says(conf, tmp_path)

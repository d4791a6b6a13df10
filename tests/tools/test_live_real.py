# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Whether a tree is the running system, asked in real chroots, containers and mount namespaces like those of services.

Each case is a shell that sets the stage in a mount namespace of its own; TREE is an empty directory. The question is
asked behind a chroot to the directory that the case names.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import PROJECT

pytestmark = [
    pytest.mark.tools,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make mounts and enter chroots"),
]

ASK = """
import os, sys
sys.path.insert(0, sys.argv[1])
from univention_xen.host import services
os.chroot(sys.argv[2])
os.chdir("/")
print(services.is_live("/"))
"""
PROC = "mkdir $TREE/proc; mount -t proc proc $TREE/proc"
READ_ONLY = "for each in /usr /etc; do mount --bind $each $each; mount -o remount,bind,ro $each; done"
LIVE = {
    "the host": ("true", "/"),
    "PrivateTmp": ("mount -t tmpfs tmp /tmp", "/"),
    "ProtectSystem": (READ_ONLY, "/"),
    "a root that systemd has bound elsewhere": ("mount --rbind / $TREE", "$TREE"),
}
NOT_LIVE = {
    "a chroot": (PROC, "$TREE"),
    "a chroot without /proc": ("true", "$TREE"),
    "a chroot with the host's /run": (f"{PROC}; mkdir -p $TREE/run; mount --rbind /run $TREE/run", "$TREE"),
    "a chroot on a mount of its own": (f"mount -t tmpfs tree $TREE; {PROC}", "$TREE"),
}


def ask(tmp_path: Path, stage: str, place: str, *namespaces: str) -> str:
    """Return what is printed when the question is asked at *place* after *stage*."""
    shell = f'set -e; TREE=$1; {stage}; exec {sys.executable} -c "$2" {PROJECT}/python {place}'
    done = subprocess.run(
        ["unshare", "-m", "--propagation", "private", *namespaces, "sh", "-c", shell, "sh", tmp_path, ASK],
        check=False, capture_output=True, text=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize("case", LIVE)
def test_mounts_of_ones_own_make_no_other_system(tmp_path: Path, case: str) -> None:
    assert ask(tmp_path, *LIVE[case]) == "True"


@pytest.mark.parametrize("case", NOT_LIVE)
def test_a_chroot_is_not_the_running_system(tmp_path: Path, case: str) -> None:
    assert ask(tmp_path, *NOT_LIVE[case]) == "False"


def test_a_container_is_a_running_system_of_its_own(tmp_path: Path) -> None:
    assert ask(tmp_path, f"mount -t tmpfs tree $TREE; {PROC}", "$TREE", "--pid", "--fork") == "True"

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Private mounts end without a trace: same root, same directory, same mounts as before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import PROJECT

pytestmark = pytest.mark.tools

PROGRAM = """
import os, sys
sys.path.insert(0, sys.argv[1])
from univention_xen.image.namespace import private_mounts
from univention_xen.run import Runner
run = Runner()
os.chroot(sys.argv[2])
os.chdir("/usr")
before = os.path.exists("/mnt/inside"), os.getcwd(), os.readlink("/proc/self/ns/mnt")
with private_mounts(run):
    assert os.readlink("/proc/self/ns/mnt") != before[2]
print((os.path.exists("/mnt/inside"), os.getcwd(), os.readlink("/proc/self/ns/mnt")) == before)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make private mounts")
def test_a_process_in_a_chroot_stays_in_it(tmp_path: Path) -> None:
    shell = f"""
    mount --bind / {tmp_path} && mount --rbind /proc {tmp_path}/proc
    mount -t tmpfs only-in-the-chroot {tmp_path}/mnt && mkdir {tmp_path}/mnt/inside
    exec {sys.executable} -c "$1" {PROJECT}/python {tmp_path}
    """
    done = subprocess.run(
        ["unshare", "-m", "--propagation", "private", "sh", "-c", shell, "sh", PROGRAM],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("True\n", "")

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""An old xend-config.sxp carried over through the real registry command into the file that the registry generates."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import PROJECT
from univention_xen.host import xend_import, xend_options
from univention_xen.plan import Machine
from univention_xen.registry import install, read

pytestmark = pytest.mark.tools

OLD = """\
(xen-api-server ((unix none) (9363 pam '^localhost$ x')))
(xend-http-server yes)
(xend-address localhost)
(xend-relocation-server yes)
(xend-relocation-hosts-allow '^localhost$ ^host[0-9]+\\\\.example\\\\.com$')
(network-script 'network-bridge netdev=eth1 bridge=xenbr1')
(vif-script 'vif-bridge bridge=xenbr1')
(dom0-min-mem 256)
(enable-dom0-ballooning no)
(device-create-timeout 30)
(pscsi-device-mask (0:0:0:0 1:*))
(vnc-listen '192.0.2.1')
(vncpasswd 'it\\'s "x"')
(keymap 'de')
(xend-domains-path /srv/domains)
"""


def test_the_generated_file_means_what_the_old_one_meant(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    ucr = tmp_path / "bin/ucr"
    ucr.write_text(f'#!/bin/sh\nexec {sys.executable} -m univention_xen.registry "$@"\n')
    ucr.chmod(0o755)
    root = tmp_path / "root"
    install.into_tree(str(PROJECT), "univention-xen", str(root))

    def run(*argv: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{ucr.parent}:/usr/bin:/bin",
            "PYTHONPATH": str(PROJECT / "python"),
            "LC_ALL": "C.UTF-8",
        }
        return subprocess.run(argv, capture_output=True, text=True, check=True, env=environment)

    run("ucr", "--root", str(root), "register", "univention-xen")
    imported = xend_import.read(OLD, "old.sxp", "4.4")
    assert imported.left == []
    write, command = xend_import.plan_import(imported, read(str(root)), Machine(root)).steps
    write.apply(Machine(root))
    said = run(*getattr(command, "argv", ()))
    assert 'it\'s "x"' not in said.stdout + said.stderr + (root / "etc/univention/base.conf").read_text()
    before, after = (xend_options.judge(text, "4.4") for text in (OLD, (root / "etc/xen/xend-config.sxp").read_text()))
    assert after.verdict == "good"
    assert after.options == before.options
    assert oct(os.stat(root / "etc/xen/vncpasswd").st_mode & 0o777) == "0o600"
    assert xend_import.plan_import(imported, read(str(root)), Machine(root)).steps == ()

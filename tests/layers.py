# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""This host in a mount namespace, with layers over its directories that vanish: services can be broken there.

Needs root, as namespaces do.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import PROJECT

OURS = f"""
import sys
sys.path[:0] = {[str(PROJECT / "python"), str(PROJECT / "conffiles")]!r}
"""
"""What a program begins with that uses the modules of this checkout."""
Sandbox = Callable[[str], list[str]]
LAYERS = """
set -eu
mount -t tmpfs none "$LAYERS"
for directory in $DIRECTORIES; do
    layer=$LAYERS/$directory
    mkdir -p "$layer/upper" "$layer/work"
    mount -t overlay -o "lowerdir=/$directory,upperdir=$layer/upper,workdir=$layer/work" none /$directory
done
mount -t tmpfs none /run
"""


def sandbox(
    where: Path, directories: str, before: str, after: str = "", *, processes: bool = False, **environment: str
) -> Sandbox:
    """Return what runs shell lines there, between those *before* and *after*, and returns the lines of both outputs.

    *directories* and /run are layers; with *processes* there is a namespace for them too.
    """
    if os.geteuid() or subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs root and mount namespaces")
    variables = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LAYERS": str(where), "DIRECTORIES": directories,
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    words = ["unshare", "-m", *(["-p", "-f", "--mount-proc", "--kill-child"] if processes else []), "sh", "-c"]

    def run(script: str) -> list[str]:
        done = subprocess.run(
            [*words, LAYERS + before + script + after], env=variables | environment, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
        )  # fmt: skip
        assert not done.returncode, done.stdout
        return done.stdout.splitlines()

    return run

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`univention-xen guest …` below another root, as processes of their own that can be killed and tried again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from conftest import PROJECT

ENVIRONMENT = {"PYTHONPATH": str(PROJECT / "python"), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}


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
    """Begin it, and kill it as soon as something has come, or gone that was there; it may have ended before."""
    before = os.path.lexists(changed)
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command(root, *words), env=ENVIRONMENT, start_new_session=True, stderr=quiet) as run:
        while os.path.lexists(changed) == before and run.poll() is None:
            pass
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)

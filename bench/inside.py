# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Runs in the Dom0, on its own: measures `xl` and our commands in turn and prints all times as JSON.

Both do the same to the same guest, one after the other, so that whatever else keeps the machine busy hits both.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time

GUEST, ADDRESS = "pv", ("192.168.77.11", 7)
FILE = f"/etc/xen/{GUEST}.cfg"
PATIENCE = 300  # seconds until a started guest has to answer
PYTHON = ("/usr/bin/python3", "-c", "pass")
OURS = ("univention-xen", "guest")


def timed(*argv: str) -> float:
    """Return the seconds that a program takes; raises CalledProcessError with its words on stderr."""
    begin = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def wait_until_it_answers() -> None:
    """Return when the guest answers on its network: only then can it be saved."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            with socket.create_connection(ADDRESS, timeout=5) as line:
                if line.recv(1):
                    return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"{GUEST} does not answer")


def life(verbs: dict[str, tuple[str, ...]], file: str) -> dict[str, float]:
    """Return how long each verb takes in the life of a guest that is saved in *file*."""
    found = {}
    for verb, argv in verbs.items():
        found[verb] = timed(*argv)
        if verb in ("start", "restore"):
            wait_until_it_answers()
    os.unlink(file)
    return found


def main(runs: int) -> None:
    """Print {"xl": [{verb: seconds}, …], "ours": […], "python": [seconds, …]}."""
    file = "/var/lib/xen/bench"
    xl = {
        "start": ("xl", "create", FILE), "save": ("xl", "save", GUEST, file), "restore": ("xl", "restore", file),
        "list": ("xl", "list"), "pause": ("xl", "pause", GUEST), "destroy": ("xl", "destroy", GUEST),
    }  # fmt: skip
    ours = {
        "start": (*OURS, "start", GUEST), "save": (*OURS, "save", GUEST, file), "restore": (*OURS, "restore", file),
        "list": (*OURS, "list"), "pause": (*OURS, "pause", GUEST), "destroy": (*OURS, "destroy", GUEST),
    }  # fmt: skip
    for argv in (xl["list"], ours["list"], PYTHON):
        timed(*argv)  # warms the caches
    lives: dict[str, list[dict[str, float]]] = {"xl": [], "ours": []}
    python = []
    for _ in range(runs):
        lives["xl"].append(life(xl, file))
        lives["ours"].append(life(ours, file))
        python.append(timed(*PYTHON))
    print(json.dumps(lives | {"python": python}))


if __name__ == "__main__":
    main(int(sys.argv[1]))

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The process that takes an unconfirmed bridge back: detached from terminal and session, or started at boot.

Run as a program: watchdog.py ROOT TOKEN WORKER [--detach], or watchdog.py ROOT --boot. WORKER is the process that is
about to keep the change TOKEN and to make it.
"""

from __future__ import annotations

import os
import signal
import sys
import time

READY = b"ready"
POLL = 0.5
"""Seconds between two looks at the state."""


def main(argv: list[str]) -> int:
    """Watch until somebody has decided or the time is over; return the exit code."""
    root, word, *rest = argv
    if word == "--boot":
        return boot(root)
    worker, *detached = rest
    return detach(root, word, int(worker)) if detached else watch(root, word, int(worker), None)


def detach(root: str, token: str, worker: int) -> int:
    """Leave a process behind that no terminal, session or parent can end; return when it watches."""
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        with open(reading, "rb") as pipe:
            return 0 if pipe.read() == READY else 1
    os.setsid()
    if os.fork():
        os._exit(0)
    os.close(reading)
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(nothing, fd)
    code = 1
    try:
        code = watch(root, token, worker, writing)
    finally:
        os._exit(code)


def watch(root: str, token: str, worker: int, ready: int | None) -> int:
    """Sleep until the deadline of the change *token*, then take it back unless somebody has decided before.

    There is nothing to watch when the process *worker* ends before it has kept the change.
    """
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    from univention_xen.errors import XenError
    from univention_xen.host.bridge import state, undo
    from univention_xen.plan import Machine

    on = machine(root, Machine)
    if ready is not None:
        os.write(ready, READY)
        os.close(ready)
    seen = False
    while True:
        alive = os.path.exists(f"/proc/{worker}")  # asked first: what it has kept before its end is seen then
        kept = state.read(on, state.PENDING) or state.read(on, state.UNDOING)
        if kept is not None and kept.token == token:
            seen = True
            if (kept.worker and not alive) or state.now() >= kept.deadline:
                break
        elif seen or not alive:
            return 0
        time.sleep(POLL)
    try:
        undo.take_back(on)
    except XenError as why:
        print(f"univention-xen: {why}", file=sys.stderr)
        return 1
    return 0


def boot(root: str) -> int:
    """Put the files back before the network starts, if a change of an earlier boot was never confirmed."""
    from univention_xen.host.bridge import state, undo
    from univention_xen.plan import Machine

    on = machine(root, Machine)
    kept = state.read(on, state.PENDING) or state.read(on, state.UNDOING)
    if kept is None:
        undo.disarm_boot(on)  # a change was killed before it had begun
    elif kept.boot != state.boot_id():
        undo.take_back(on, boot=True)
    return 0


def machine(root: str, kind: type[Machine]) -> Machine:
    """Return the machine below *root*."""
    from pathlib import Path

    return kind(Path(root))


TYPE_CHECKING = False
if TYPE_CHECKING:
    from univention_xen.plan import Machine

if __name__ == "__main__":
    sys.path.insert(0, os.path.abspath(os.path.join(os.path.dirname(__file__), "../../..")))
    sys.exit(main(sys.argv[1:]))

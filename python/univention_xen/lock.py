# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Short locks, named after the thing they protect."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager

from univention_xen.errors import Busy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

DIRECTORY = "/run/lock/univention-xen"
PAUSE = 0.05  # seconds between two tries


def directory(root: str | os.PathLike[str]) -> str:
    """Return where the locks of the machine below *root* lie; the directory is private to its user."""
    return os.path.join(os.fspath(root), DIRECTORY.lstrip("/")) + (f".{os.geteuid()}" if os.geteuid() else "")


@contextmanager
def holding(what: str, *, under: str = DIRECTORY, until: float = 0) -> Iterator[None]:
    """Keep others away from *what* ("guest web", "host") for the length of one plan.

    Raises Busy when somebody else holds it: at once, or when time.monotonic() has come to *until*.
    The kernel drops the lock with its process.
    """
    os.makedirs(under, mode=0o700, exist_ok=True)
    path = os.path.join(under, what.replace("/", "_"))
    with open(path, "a", encoding="ascii") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    hint = f"fuser {path} shows by whom"
                    raise Busy(f"{what} is in use by another univention-xen", hint=hint) from None
                time.sleep(PAUSE)
        yield

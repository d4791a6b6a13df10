# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Short locks, named after the thing they protect."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager

from univention_xen.errors import Busy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

DIRECTORY = "/run/lock/univention-xen"


@contextmanager
def holding(what: str, *, under: str = DIRECTORY) -> Iterator[None]:
    """Keep others away from *what* ("guest web", "host") for the length of one plan.

    Raises Busy at once when somebody else holds it. The kernel drops the lock with its process.
    """
    os.makedirs(under, mode=0o700, exist_ok=True)
    path = os.path.join(under, what.replace("/", "_"))
    with open(path, "a", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"{what} is in use by another univention-xen", hint=f"fuser {path} shows by whom") from None
        yield

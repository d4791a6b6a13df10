# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Mounts that nobody else sees and that cannot outlive us."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from univention_xen.errors import XenError
from univention_xen.run import Runner

CLONE_NEWNS = 0x20000  # linux/sched.h; os.unshare() came with Python 3.12


@contextmanager
def private_mounts(run: Runner) -> Iterator[None]:
    """Keep what we and the programs we start mount meanwhile to ourselves.

    However this process ends, the kernel unmounts it all with the last of them.

    Raises XenError where that is not allowed.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    with ExitStack() as stack:
        here, root = os.open(".", os.O_PATH), os.open("/", os.O_PATH)
        stack.callback(os.close, here)
        stack.callback(os.close, root)
        usual = os.open("/proc/self/ns/mnt", os.O_RDONLY)
        stack.callback(os.close, usual)
        if libc.unshare(CLONE_NEWNS):
            raise XenError(f"there can be no private mounts: {os.strerror(ctypes.get_errno())}")
        stack.callback(os.fchdir, here)
        stack.callback(enter_root, root)  # setns() leads to the root of the namespace, out of a chroot
        stack.callback(libc.setns, usual, CLONE_NEWNS)
        run("mount", "--make-rprivate", "/")
        yield


def enter_root(directory: int) -> None:
    """Make the open *directory* the root of this process again."""
    os.fchdir(directory)
    os.chroot(".")

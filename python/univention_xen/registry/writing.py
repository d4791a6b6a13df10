# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Replacing a file completely or not at all, in the way that UCR does it: known names of temporary files."""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def replace(path: str, data: bytes, temporary: str, permit: Callable[[int], None]) -> None:
    """Make *path* hold *data*, by way of the file *temporary* in the same directory.

    *permit* gets the open temporary file, private and still empty, and gives it owner and mode. What was written is
    on the disk before the name changes; a kill at any point leaves the old or the new file. A mount point, which
    cannot be renamed over, is rewritten in place. Raises OSError; then the temporary file is gone.
    """
    _discard(temporary)  # of an earlier process that was killed
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            permit(fd)
            _write(fd, data)
        finally:
            os.close(fd)
        try:
            os.rename(temporary, path)
        except OSError as why:
            if why.errno != errno.EBUSY:
                raise
            _rewrite(path, data)
            os.unlink(temporary)
    except OSError as why:
        _discard(temporary)
        why.filename = path  # what the administrator knows; write() does not even name the temporary file
        raise


def _discard(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
    os.fsync(fd)


def _rewrite(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        _write(fd, data)
        os.ftruncate(fd, len(data))
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_directory(path: str) -> None:
    """Make a rename in the directory *path* survive a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

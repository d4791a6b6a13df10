# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Starting scripts and dpkg-divert: without the subprocess module, whose import alone takes 10 ms."""

from __future__ import annotations

import errno
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def run(argv: Sequence[str], stdin: str = "") -> int:
    """Run a program that writes where we write; return its exit status, or minus the signal that ended it.

    A script without an interpreter line is given to the shell, as a shell itself does. Raises OSError when
    there is no such program or it must not be run.
    """
    return _run(argv, stdin, [])


def capture(argv: Sequence[str]) -> tuple[int, str]:
    """Run a program; return its exit status and all that it wrote."""
    output = os.memfd_create("output")
    try:
        code = _run(argv, "", [(os.POSIX_SPAWN_DUP2, output, 1), (os.POSIX_SPAWN_DUP2, output, 2)])
        size = os.lseek(output, 0, os.SEEK_END)
        return code, os.pread(output, size, 0).decode("utf-8", "replace")
    finally:
        os.close(output)


def _run(argv: Sequence[str], stdin: str, actions: list[tuple[int, int, int]]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    given = os.memfd_create("stdin")
    try:
        os.write(given, stdin.encode("utf-8", "surrogateescape"))
        os.lseek(given, 0, os.SEEK_SET)
        actions = [(os.POSIX_SPAWN_DUP2, given, 0), *actions]
        try:
            child = os.posix_spawnp(argv[0], list(argv), os.environ, file_actions=actions)
        except OSError as why:
            if why.errno != errno.ENOEXEC:
                raise
            child = os.posix_spawnp("sh", ["sh", *argv], os.environ, file_actions=actions)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        os.close(given)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The only way to start another program."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, NamedTuple

from univention_xen.errors import CommandFailed, ToolMissing
from univention_xen.log import log

if TYPE_CHECKING:
    from collections.abc import Collection

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
}
PASSED_ON = ("TERM", "DISPLAY", "SSH_AUTH_SOCK", "DEBIAN_FRONTEND", "DPKG_ROOT")


class Done(NamedTuple):
    """A program that has ended: its words, exit code and text on both streams."""

    argv: tuple[str, ...]
    code: int
    out: str
    err: str


class Runner:
    """Starts programs from words, never from a shell line, in a small fixed environment.

    Large data goes through files, not through ``out``.
    """

    def __call__(self, *argv: str | os.PathLike[str], stdin: str = "", ok: Collection[int] = (0,)) -> Done:
        """Run to the end and return what came out.

        Raises ToolMissing when there is no such program, CommandFailed when its exit code is not in *ok*;
        a program killed by signal N has the exit code -N.
        """
        import shlex
        import subprocess  # takes 10 ms that commands without programs should not pay

        words = tuple(os.fspath(word) for word in argv)
        log.debug("+ %s", shlex.join(words))
        environment = ENVIRONMENT | {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        try:
            p = subprocess.run(
                words, input=stdin, capture_output=True, env=environment, check=False,
                encoding="utf-8", errors="surrogateescape",
            )  # fmt: skip
        except (FileNotFoundError, PermissionError):
            raise ToolMissing(
                f"{words[0]} is not installed", hint=f"apt install the package that ships {words[0]}"
            ) from None
        done = Done(words, p.returncode, p.stdout, p.stderr)
        if done.code not in ok:
            raise CommandFailed(describe(done), code=done.code, out=done.out, err=done.err)
        return done


def describe(done: Done) -> str:
    """One sentence about a program that failed: which, how, and the last thing it said."""
    how = (
        f"was killed by {signal.Signals(-done.code).name}" if done.code < 0 else f"failed with exit status {done.code}"
    )
    said = (done.err.strip() or done.out.strip()).splitlines()
    return f"{' '.join(done.argv[:2])} {how}" + (f": {said[-1].strip()}" if said else "")

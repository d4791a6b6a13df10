# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The only way to start another program."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, NamedTuple, cast

from univention_xen.errors import CommandFailed, ToolMissing
from univention_xen.log import log

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Collection, Iterator
    from types import FrameType

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


class Captured:
    """A place in memory that takes what a program prints.

    Not a pipe: its end would only come when every daemon that the program left behind has ended too.
    """

    def __enter__(self) -> Captured:
        self.fd = os.memfd_create("output")
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def text(self) -> str:
        """Return what has been printed so far."""
        return os.pread(self.fd, os.fstat(self.fd).st_size, 0).decode("utf-8", "surrogateescape")


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
        with Captured() as out, Captured() as err:
            try:
                p = subprocess.run(
                    words, input=stdin, stdout=out.fd, stderr=err.fd, env=environment(), check=False,
                    encoding="utf-8", errors="surrogateescape",
                )  # fmt: skip
            except (FileNotFoundError, PermissionError):
                raise missing(words[0]) from None
            done = Done(words, p.returncode, out.text(), err.text())
        if done.code not in ok:
            raise CommandFailed(describe(done), code=done.code, out=done.out, err=done.err)
        return done

    def foreground(self, *argv: str | os.PathLike[str], advice: str = "") -> None:
        """Hand the terminal to a program until it ends: it reads the keys, Ctrl+C included, and sees our environment.

        *advice* is told on stderr right before. Raises ToolMissing, and CommandFailed for a bad end.
        """
        import shlex
        import subprocess

        words = tuple(os.fspath(word) for word in argv)
        log.debug("+ %s", shlex.join(words))
        if advice:
            log.say(advice)
        # before it starts, so that none is missed; a handler ends with exec, so that the program can be interrupted
        before = signal.signal(signal.SIGINT, _not_for_us)
        try:
            code = subprocess.Popen(words, env=os.environ | {"PATH": ENVIRONMENT["PATH"]}).wait()
        except (FileNotFoundError, PermissionError):
            raise missing(words[0]) from None
        finally:
            signal.signal(signal.SIGINT, before)
        if code not in (0, -signal.SIGINT):
            raise CommandFailed(describe(Done(words, code, "", "")), code=code)

    @contextmanager
    def reading(self, *argv: str | os.PathLike[str], source: int | None = None) -> Iterator[IO[bytes]]:
        """Yield the output of a program as it comes; its input is the file descriptor *source*.

        Leaving before the end of the output ends the program, which is then no failure.
        Raises ToolMissing and CommandFailed.
        """
        with _started(argv, source, None) as program:
            out = cast(IO[bytes], program.stdout)
            yield out
            if out.read(1):
                program.kill()
                program.wait()
                program.returncode = 0

    @contextmanager
    def writing(self, *argv: str | os.PathLike[str], target: int) -> Iterator[IO[bytes]]:
        """Yield the input of a program; its output goes to the file descriptor *target*.

        Raises ToolMissing and CommandFailed, the latter also when the program ends before it has read everything.
        """
        import subprocess

        with _started(argv, subprocess.PIPE, target) as program:
            into = cast(IO[bytes], program.stdin)
            try:
                yield into
                into.close()
            except BrokenPipeError:
                program.returncode = program.wait() or 1

    def through(self, *argv: str | os.PathLike[str], source: int | None = None, target: int) -> None:
        """Run a program from the file descriptor *source* to the file descriptor *target*.

        Raises ToolMissing and CommandFailed.
        """
        with _started(argv, source, target):
            pass


def _not_for_us(_number: int, _frame: FrameType | None) -> None:
    """Take a signal that is meant for the program in the foreground."""


@contextmanager
def _started(
    argv: tuple[str | os.PathLike[str], ...], source: int | None, target: int | None
) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a running program and wait for its good end; None is no input, or a pipe for its output."""
    import shlex
    import subprocess

    words = tuple(os.fspath(word) for word in argv)
    log.debug("+ %s", shlex.join(words))
    with Captured() as err:
        try:
            program = subprocess.Popen(
                words, env=environment(), stderr=err.fd,
                stdin=subprocess.DEVNULL if source is None else source,
                stdout=subprocess.PIPE if target is None else target,
            )  # fmt: skip
        except (FileNotFoundError, PermissionError):
            raise missing(words[0]) from None
        try:
            yield program
            program.wait()
        except BaseException:
            program.kill()
            program.wait()
            raise
        finally:
            for stream in filter(None, (program.stdin, program.stdout)):
                with suppress(OSError):  # what could not be flushed to a dead program
                    stream.close()
        done = Done(words, program.returncode, "", err.text())
        if done.code:
            raise CommandFailed(describe(done), code=done.code, err=done.err)


def environment() -> dict[str, str]:
    """Return what a program sees of our environment."""
    return ENVIRONMENT | {name: os.environ[name] for name in PASSED_ON if name in os.environ}


def missing(program: str) -> ToolMissing:
    """Return the error for a program that is not there."""
    return ToolMissing(f"{program} is not installed", hint=f"apt install the package that ships {program}")


def describe(done: Done) -> str:
    """One sentence about a program that failed: which, how, and the last thing it said."""
    how = (
        f"was killed by {signal.Signals(-done.code).name}" if done.code < 0 else f"failed with exit status {done.code}"
    )
    said = (done.err.strip() or done.out.strip()).splitlines()
    return f"{' '.join(done.argv[:2])} {how}" + (f": {said[-1].strip()}" if said else "")

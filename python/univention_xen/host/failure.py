# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A restart that did not work: what is said about it, without secrets, and the exit status that tells of it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from univention_xen import files
from univention_xen.errors import XenError
from univention_xen.host import memory, services
from univention_xen.log import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from univention_xen.run import Done, Runner


class Failure(XenError):
    """A restart did not work; ``read`` is what the service works with now, ``lines`` what it said about it."""

    def __init__(self, message: str, read: str, lines: list[str]) -> None:
        super().__init__(message)
        self.read, self.lines = read, lines


def describe(root: str, name: str, file: str, read: str, done: Done, log_size: int, run: Runner) -> Failure:
    """Return the failure of a restart with the last lines that the service wrote."""
    what = f"{name}.service" if services.has_systemd(root) else f"/etc/init.d/{name}"
    if done.code == 0 and services.is_masked(root, name):
        return Failure(f"{what} could not be restarted: it is masked, so systemd does not start it", read, [])
    how = f"exit status {done.code}" if done.code else "exit status 0, yet the old process is still there"
    stopped = services.is_running(root, name, run) is False
    message = f"{what} could not be restarted: invoke-rc.d {name} restart ended with {how}"
    if stopped:
        message += f"; {name} is stopped now"
    return Failure(message, memory.OWED if stopped else read, last_words(root, name, file, done, log_size, run))


def last_words(root: str, name: str, file: str, done: Done, log_size: int, run: Runner, count: int = 6) -> list[str]:
    """Return the last lines that the service and its script have written since the restart, without secrets."""
    found: list[str] = []
    if services.has_systemd(root):
        with suppress(XenError):
            found = run(
                "journalctl", "-u", f"{name}.service", "-n", f"{count}", "-o", "cat", "--no-pager"
            ).out.splitlines()
    if not found:
        found = (done.out + done.err).splitlines()[-count:] + tail(root, log_file(name), log_size)[-count:]
    hidden = secrets(files.below(root, file))
    return [masked(line, hidden) for line in found if line.strip()]


def log_file(name: str) -> str:
    """Return where the service writes its log."""
    return f"/var/log/xen/{name}.log"


def size(root: str, path: str) -> int:
    """Return the size of a file, 0 when there is none."""
    try:
        return os.path.getsize(files.below(root, path))
    except OSError:
        return 0


def tail(root: str, path: str, start: int, limit: int = 8192) -> list[str]:
    """Return the lines of a file from *start*, a size it once had; only the last *limit* bytes of it."""
    now = size(root, path)
    try:
        with open(files.below(root, path), "rb") as file:
            file.seek(max(start if start <= now else 0, now - limit))
            return file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []


def secrets(path: str) -> set[str]:
    """Return the passwords in xend's configuration, as written there and as meant."""
    import re

    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except OSError:
        return set()
    quoted = [match[1] for match in re.findall(r"""\(\s*vncpasswd\s+(['"])((?:\\.|(?!\1).)+)\1""", text)]
    bare = re.findall(r"""\(\s*vncpasswd\s+([^\s'")]+)""", text)
    return {form for word in quoted + bare for form in (word, re.sub(r"\\(.)", r"\1", word))}


def masked(line: str, hidden: set[str]) -> str:
    """Return the line without control characters and passwords: *hidden* ones, and what stands behind such a word."""
    import re

    for secret in sorted(hidden, key=len, reverse=True):
        line = line.replace(secret, "***")
    line = "".join(char if char.isprintable() else " " for char in line)
    return re.sub(r"""(?i)(passw\w*['"]?[\s=:,]+)('[^']*'|"[^"]*"|[^\s)]+)""", r"\1***", line)


def report(file: str, why: Failure, registry: Mapping[str, str]) -> None:
    """Report a restart that did not work, and make the registry's command end with exit status 1.

    Ours notes the status of a handler that exits, and goes on with the next one: raises SystemExit. UCS's own would
    skip the other handlers then, so there the status is changed at the end of the process.
    """
    log.error("%s", why)
    for line in why.lines:
        log.say(f"   | {line}")
    log.say("   The registry keeps the new values. When the cause is removed, this tries again:")
    log.say(f"   ucr commit {file}")
    if hasattr(registry, "root"):
        raise SystemExit(1)
    if os.path.basename(sys.argv[0]) in ("ucr", "univention-config-registry"):
        import atexit

        atexit.register(end_with_failure)


def end_with_failure() -> None:
    """End this process with exit status 1, whatever it thinks of itself: UCR ignores what handlers return."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(1)

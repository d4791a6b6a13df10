# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""One layer of the registry: a file of `key: value` lines, the copy beside it, and its lock."""

from __future__ import annotations

import fcntl
import os
import stat

from univention_xen.registry import writing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER = "# univention_ base.conf\n\n"
MISSING = "missing"
NO_LINE_ENDS = {ord("\r"): None, ord("\n"): None}


def parse(text: str) -> dict[str, str]:
    """Read stored lines; the last of equal keys wins.

    A line counts when it has a colon followed by a blank and no `#` before its first colon. Values are stripped.
    """
    values: dict[str, str] = {}
    for line in text.split("\n"):
        key, separator, value = line.partition(": ")
        if separator and "#" not in line.partition(":")[0]:
            values[key] = value.strip()
    return values


def dump(values: Mapping[str, str]) -> str:
    """Return the text of a layer file: sorted by key, without a line end after the last line, as UCR writes it."""
    return HEADER + "\n".join(f"{key}: {values[key].translate(NO_LINE_ENDS)}" for key in sorted(values))


def as_stored(value: str) -> str:
    """Return what *value* reads back as after it was stored: without line ends and outer blanks."""
    return value.translate(NO_LINE_ENDS).strip()


def read_text(path: str) -> str:
    """Return the text of a file with plain line ends; bytes that are not UTF-8 become lone surrogates."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def is_whole(text: str) -> bool:
    """Tell whether a layer file has at least the two lines of its head; less is left by a crash."""
    return text.count("\n") + (text[-1:] not in ("", "\n")) >= 2


class Layer:
    """The values of one layer file; nothing is read before load()."""

    __slots__ = ("_lock", "_stamp", "path", "values")

    def __init__(self, path: str) -> None:
        self.path = path
        self.values: dict[str, str] = {}
        self._stamp: object = None
        self._lock = -1

    def load(self) -> None:
        """Read the file again when it has changed. A file cut short is repaired from its copy."""
        stamp = self._now()
        if stamp != self._stamp:
            self.values = parse(self._text(stamp != MISSING))
            self._stamp = stamp

    def is_stale(self) -> bool:
        """Tell whether somebody else has written the file since it was read or saved here."""
        return self._stamp != self._now()

    def _now(self) -> object:
        """Return what changes whenever the file is replaced."""
        try:
            now = os.stat(self.path)
        except FileNotFoundError:
            return MISSING
        return now.st_mtime_ns, now.st_ino, now.st_size

    def forget(self) -> None:
        """Make the next load() read the file, whatever was changed here since."""
        self._stamp = None

    def _text(self, exists: bool) -> str:
        text = read_text(self.path) if exists else ""
        if is_whole(text):
            return text
        try:
            copy = read_text(self.path + ".bak")
        except OSError:
            return text
        if not is_whole(copy):
            return text
        self._repair(copy)
        return copy

    def _repair(self, text: str) -> None:
        """Put the text of the copy back, unless somebody is writing anyway or we may not."""
        try:
            if self._lock >= 0 or not self.lock(wait=False):
                return
            try:
                self._replace(self.path, text.encode("utf-8", "surrogateescape"))
            finally:
                self.unlock()
        except OSError:
            return

    def make(self) -> None:
        """Make sure that there is a file, if only an empty one."""
        os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))

    def lock(self, wait: bool = True) -> bool:
        """Keep other writers away; return False when one is there and *wait* is not wanted."""
        if self._lock >= 0:
            raise RuntimeError(f"{self.path} is locked by this process already")
        fd = os.open(self.path + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        except BaseException:
            os.close(fd)
            raise
        self._lock = fd
        return True

    def unlock(self) -> None:
        """Let other writers in; harmless when nothing is locked."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def save(self) -> None:
        """Write the values: first the copy, then the file itself. Nothing happens when /dev/null is the file.

        Raises OSError; then the file holds what it held before.
        """
        data = dump(self.values).encode("utf-8", "surrogateescape")
        path = os.path.realpath(self.path)
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):
                return
        except FileNotFoundError:
            pass
        self._replace(path + ".bak", data)
        self._replace(path, data)
        writing.sync_directory(os.path.dirname(path))
        self._stamp = self._now()

    def _replace(self, path: str, data: bytes) -> None:
        # the copy gets the permissions of the file, or it would show what the file hides
        try:
            old: os.stat_result | None = os.stat(self.path)
        except FileNotFoundError:
            old = None

        def permit(fd: int) -> None:
            if old and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()) and os.geteuid() == 0:
                os.fchown(fd, old.st_uid, old.st_gid)
            os.fchmod(fd, stat.S_IMODE(old.st_mode) if old else 0o644)

        writing.replace(path, data, path + ".temp", permit)

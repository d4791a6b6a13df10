# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Which text of a file a service last read: what is remembered, and what follows from it.

Nothing here touches the machine. Texts are known by their digests. A service is known by its *process*, a word that
is another one after each start (see services.process), or '' where nothing tells starts apart.
"""

from __future__ import annotations

UNKNOWN = "unknown"
"""Nobody knows; differs from every digest."""
OWED = "owed"
"""The service was running until a restart of ours failed and left it stopped."""
ABSENT = "absent"
"""There is no such file."""


class Memory:
    """What is known between two rewritings of a file.

    ``read`` is the text that the service works with, ``written`` the one that we put there last (UNKNOWN while it
    is being rewritten), ``process`` the service at that time.
    """

    __slots__ = ("process", "read", "written")

    def __init__(self, read: str, written: str, process: str) -> None:
        self.read, self.written, self.process = read, written, process

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Memory) and self.dump() == other.dump()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Memory(read={self.read!r}, written={self.written!r}, process={self.process!r})"

    def dump(self) -> str:
        """Return the text that parse() understands."""
        return f"read {self.read}\nwritten {self.written}\nprocess {self.process}\n"


def parse(text: str) -> Memory | None:
    """Return what dump() wrote; None for anything else, such as a missing or damaged file."""
    values = dict(line.partition(" ")[::2] for line in text.splitlines())
    if not values.get("read") or not values.get("written") or "process" not in values:
        return None
    return Memory(values["read"], values["written"], values["process"])


def before_writing(old: Memory | None, now: str, process: str) -> Memory:
    """Return what is known when the file, which holds the text *now*, is about to be rewritten."""
    return Memory(last_read(old, now, process), UNKNOWN, process)


def last_read(old: Memory | None, now: str, process: str) -> str:
    """Return which text the service works with, when the file holds *now* and nobody is writing it."""
    if old is None:
        return now  # nothing has been rewritten since the host was booted
    if old.read == OWED and not process:
        return OWED
    if process and process != old.process:  # somebody has started it since, and it read what was there then
        return now if now == old.written else UNKNOWN
    if old.written == UNKNOWN or now == old.written:
        return old.read
    # The file was edited. The same process has not read that; where processes cannot be told apart, it may have.
    return old.read if process else UNKNOWN

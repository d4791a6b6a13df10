# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Small changes to text files in an initrd, in sed's language."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from univention_xen.errors import CommandFailed, UsageError, XenError
from univention_xen.log import log

if TYPE_CHECKING:
    from univention_xen.run import Runner

SIMPLE_BEFORE, SIMPLE_AFTER = b'params=""', b'params="--simple "'
LARGEST_SCRIPT = 1 << 20  # bytes; what starts an installer is a shell script, not a program


class Edit(NamedTuple):
    """A sed script for one file; *path* has no leading slash."""

    path: str
    script: str


def parse_edit(text: str) -> Edit:
    """Read FILE:SED, such as etc/default.cfg:s/old/new/. Raises UsageError."""
    path, colon, script = text.partition(":")
    if not (colon and path.strip("/") and script):
        raise UsageError(f"{text!r} is no edit", hint="write FILE:SED, such as etc/rc:s/old/new/")
    return Edit(path.lstrip("/"), script)


def sed(edit: Edit, data: bytes, run: Runner) -> bytes:
    """Return what the script makes of *data*; it can neither start programs nor touch files.

    Raises XenError when sed does not understand it, or when it changes nothing.
    """
    text = data.decode("utf-8", "surrogateescape")
    try:
        out = run("sed", "--sandbox", "-e", edit.script, stdin=text).out
    except CommandFailed as why:
        raise XenError(f"sed cannot edit {edit.path}: {why}") from None
    changed = out.encode("utf-8", "surrogateescape")
    if changed == data:
        raise XenError(f"the edit of {edit.path} hits nothing: {edit.script}", hint="look at the file first")
    if (count := changed_lines(data, changed)) > 1:
        log.warning("the edit of %s changed %d lines", edit.path, count)
    return changed


def changed_lines(old: bytes, new: bytes) -> int:
    """Return how many lines differ; lines that came or went count as well."""
    before, after = old.split(b"\n"), new.split(b"\n")
    if len(before) == len(after):
        return sum(a != b for a, b in zip(before, after, strict=True))
    gone = set(before) ^ set(after)
    return max(len(gone), abs(len(before) - len(after)))


class SimpleInstaller:
    """Looks for the one place that decides which installer starts; shown one file after another."""

    def __init__(self) -> None:
        self.found: dict[str, bytes] = {}

    def see(self, path: str, data: bytes) -> None:
        """Look at a file, which takes the place of one seen before."""
        self.found.pop(path, None)
        if len(data) <= LARGEST_SCRIPT and SIMPLE_BEFORE in data:
            self.found[path] = data

    def result(self) -> tuple[str, bytes]:
        """Return the path of that file and what it has to hold. Raises XenError unless there is exactly one place."""
        places = [path for path, data in self.found.items() for _ in range(data.count(SIMPLE_BEFORE))]
        if len(places) != 1:
            where = f"{len(places)} times ({', '.join(dict.fromkeys(places))})" if places else "nowhere"
            raise XenError(
                f"{SIMPLE_BEFORE.decode()} stands {where} in the initrd, so the simple installer cannot be chosen",
                hint="change the file that starts the installer with --edit FILE:SED",
            )
        path = places[0]
        return path, self.found[path].replace(SIMPLE_BEFORE, SIMPLE_AFTER)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Small files in an NTFS file system, through the programs of ntfs-3g. Paths begin with no slash."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from univention_xen.errors import CommandFailed, ToolMissing, XenError
from univention_xen.image.inside import holding_bytes
from univention_xen.image.namespace import private_mounts
from univention_xen.image.partition_file import wait_for_mount
from univention_xen.log import log
from univention_xen.run import Runner

MOUNT_POINT = "/mnt"  # any directory would do: only we see what is mounted there
ATTRIBUTES = "system.ntfs_attrib_be"
LARGEST = 64 << 20  # bytes; what is read here are boot menus

UNSAFE = {
    "hibernated": ("Windows is hibernated (fast start-up counts as well)", "start it, then: shutdown /s /t 0"),
    "scheduled for check": ("the NTFS file system is dirty", "start Windows and shut it down, or chkdsk /f there"),
    "unclean": ("Windows was not shut down", "start it, and shut it down"),
    "inconsistent": ("the NTFS file system is damaged", "chkdsk /f in Windows"),
}
"""What the programs say about a file system that must not be changed: the reason and what to do in ours."""


@dataclass(frozen=True)
class Ntfs:
    """The file system in the raw file *path*."""

    path: str
    run: Runner
    name: str = "NTFS"

    def find(self, path: str) -> str:
        """Return the *path* as the file system spells it, '' if there is no such file.

        The programs look names up with case, Windows does so without.
        """
        found = ""
        for wanted in path.split("/"):
            names = self.names(found or "/")
            exact = next((name for name in names if name == wanted), None)
            same = exact or next((name for name in names if name.lower() == wanted.lower()), None)
            if same is None:
                return ""
            found = f"{found}/{same}".lstrip("/")
        return found

    def names(self, directory: str) -> list[str]:
        """Return the names in a directory; none if it is no directory."""
        with explained():
            done = self.run("ntfsls", "--force", "--all", "--path", directory, self.path, ok=(0, 3))
        return done.out.splitlines() if done.code == 0 else []

    def check(self) -> None:
        """Raise XenError when it must not be changed: dirty, damaged or hibernated."""
        with explained():
            self.run("ntfsls", self.path)
        self.check_awake()

    def check_awake(self) -> None:
        """Raise XenError when a Windows sleeps here, which will go on as if nothing had changed on any partition."""
        if (name := self.find("hiberfil.sys")) and self.head(name, 4).lower() == b"hibr":
            reason, hint = UNSAFE["hibernated"]
            raise XenError(reason, hint=hint)

    def head(self, path: str, length: int) -> bytes:
        """Return the first bytes of a file."""
        with explained(), self.run.reading("ntfscat", "--force", self.path, path) as out:
            return out.read(length)

    def get(self, path: str) -> bytes:
        """Return the bytes of a file, the first 64 MiB of a large one."""
        return self.head(path, LARGEST)

    def put(self, path: str, data: bytes) -> None:
        """Give an existing file other bytes; its attributes, its owner and its access rights stay."""
        with holding_bytes(data) as name, explained():
            self.run("ntfscp", self.path, name, path)

    def add(self, path: str, data: bytes, like: str) -> None:
        """Make a new file with the attributes of *like*: hidden, system, read-only."""
        self.put(path, data)
        try:
            with self.opened() as top:
                os.setxattr(f"{top}/{path}", ATTRIBUTES, os.getxattr(f"{top}/{like}", ATTRIBUTES))
        except (OSError, XenError) as why:
            log.warning("%s will be visible in Windows: its attributes cannot be set without FUSE (%s)", path, why)

    @contextmanager
    def opened(self) -> Iterator[str]:
        """Yield a directory that shows the file system, for what the other programs cannot do.

        The mount is private, and taken out of the tree at once: only our open descriptor keeps it, so that it goes
        with us whatever happens.
        """
        with (
            private_mounts(self.run),
            self.run.reading(
                "setpriv", "--pdeathsig", "KILL", "ntfs-3g", "-o", "no_detach", self.path, MOUNT_POINT
            ) as out,
        ):  # fmt: skip
            wait_for_mount(MOUNT_POINT, out)
            directory = os.open(MOUNT_POINT, os.O_RDONLY | os.O_DIRECTORY)
            try:
                self.run("umount", "--lazy", MOUNT_POINT)
                yield f"/proc/self/fd/{directory}"
            finally:
                os.close(directory)


class explained:  # noqa: N801 - a context manager
    """Turn what the programs say into one sentence."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _type: object, why: BaseException | None, _trace: object) -> None:
        if isinstance(why, ToolMissing):
            raise ToolMissing(str(why), hint="apt install ntfs-3g") from None
        if isinstance(why, CommandFailed):
            for words, (reason, hint) in UNSAFE.items():
                if words in why.err:
                    raise XenError(reason, hint=hint) from None
            said = [line for line in why.err.splitlines() if line.strip()][-1:] or [str(why)]
            raise XenError(f"the NTFS file system cannot be read or written: {said[0].strip()}") from None

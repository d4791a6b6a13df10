# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Small files in a FAT file system, through mtools. Names are found without case; paths begin with no slash."""

from __future__ import annotations

from dataclasses import dataclass

from univention_xen.errors import CommandFailed, ToolMissing, XenError
from univention_xen.image.inside import holding_bytes
from univention_xen.run import Done, Runner


@dataclass(frozen=True)
class Fat:
    """The file system in the raw file *path*."""

    path: str
    run: Runner
    name: str = "FAT"

    def mtools(self, program: str, *words: str, ok: tuple[int, ...] = ()) -> Done:
        """Run one of the mtools, which would else refuse disks whose geometry a BIOS never saw."""
        try:
            done = self.run("env", "MTOOLS_SKIP_CHECK=1", program, "-i", self.path, *words, ok=(0, 127, *ok))
        except CommandFailed as why:
            said = (why.err.strip() or str(why)).splitlines()[-1]
            raise XenError(f"the FAT file system cannot be read or written: {said}") from None
        if done.code == 127:
            raise ToolMissing(f"{program} is not installed", hint="apt install mtools")
        return done

    def find(self, path: str) -> str:
        """Return the *path* as the file system spells it, '' if there is no such file."""
        found = ""
        for wanted in path.split("/"):
            names = self.names(found)
            exact = next((name for name in names if name.lower() == wanted.lower()), None)
            if exact is None:
                return ""
            found = f"{found}/{exact}".lstrip("/")
        return found

    def names(self, directory: str) -> list[str]:
        """Return the names in a directory; none if it is no directory."""
        done = self.mtools("mdir", "-a", "-b", f"::/{directory}", ok=(1,))
        if done.code and "not found" not in done.err.lower():
            raise XenError(
                f"the FAT file system cannot be read: {(done.err.strip() or 'mdir failed').splitlines()[-1]}"
            )
        return [line.rstrip("/").rpartition("/")[2] for line in done.out.splitlines()] if not done.code else []

    def check(self) -> None:
        """Raise XenError when it must not be changed."""

    def get(self, path: str) -> bytes:
        """Return the bytes of a file."""
        with holding_bytes() as name:
            self.mtools("mcopy", "-n", "-o", f"::/{path}", name)
            with open(name, "rb") as file:
                return file.read()

    def put(self, path: str, data: bytes) -> None:
        """Give an existing file other bytes; its attributes stay."""
        attributes = self.attributes(path)
        self.write(path, data, attributes)

    def add(self, path: str, data: bytes, like: str) -> None:
        """Make a new file with the attributes of *like*."""
        self.write(path, data, self.attributes(like))

    def write(self, path: str, data: bytes, attributes: str) -> None:
        """Write a file, read-only or not, and set its attributes."""
        if self.find(path):
            self.mtools("mattrib", "-r", "-h", "-s", f"::/{path}")
        with holding_bytes(data) as name:
            self.mtools("mcopy", "-o", name, f"::/{path}")
        wanted = [("+" if flag in attributes else "-") + flag.lower() for flag in "RSHA"]
        self.mtools("mattrib", *wanted, f"::/{path}")

    def attributes(self, path: str) -> str:
        """Return the attributes of a file: some of the letters A, S, H and R."""
        return self.mtools("mattrib", f"::/{path}").out[:10].replace(" ", "")

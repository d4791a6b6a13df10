# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Diversions: a distribution's file makes room for the generated one, and comes back.

`dpkg-divert` is only started when something must change; what is diverted is read from dpkg's own list.
"""

from __future__ import annotations

import os
import stat

from univention_xen.registry import children, places, writing
from univention_xen.registry.store import read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

SUFFIX = ".debian"


class Diversions:
    """The diversions of the machine below *root*.

    Which of them are ours is remembered in /var/lib/univention-xen-registry/diverted, so that those which the
    administrator made in the same form are left alone. (UCR removes them, and the file in front of them.)
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.all = self._read()
        try:
            remembered = read_text(places.below(root, places.DIVERTED))
        except FileNotFoundError:
            remembered = ""
        self.ours = set(remembered.split("\n")) - {""}

    def _read(self) -> dict[str, tuple[str, str]]:
        """Return what dpkg knows: path → (where it is diverted to, package or ':')."""
        try:
            lines = read_text(places.below(self.root, places.DPKG + "/diversions")).split("\n")
        except FileNotFoundError:
            return {}
        return {lines[n]: (lines[n + 1], lines[n + 2]) for n in range(0, len(lines) - 2, 3)}

    def add(self, targets: Collection[str]) -> dict[str, str]:
        """Divert those targets that are not; return target → reason for those where that was impossible.

        What was at the target stays there as a copy until the generated file takes its place.
        """
        failed: dict[str, str] = {}
        for target in sorted(targets):
            if target in self.all:
                continue  # by us before, or by a package that knows what it does
            if reason := self._divert("--add", target):
                failed[target] = reason
                continue
            self.ours.add(target)
            self._remember()
            self._copy_back(target)
        return failed

    def remove(self, targets: Collection[str]) -> dict[str, str]:
        """Delete the generated targets and bring back what was there; return those where that was impossible."""
        failed: dict[str, str] = {}
        for target in sorted(targets):
            if self.all.get(target) != (target + SUFFIX, ":"):
                continue
            path = places.below(self.root, target)
            if os.path.lexists(path) and not os.path.isdir(path):
                os.unlink(path)
            if reason := self._divert("--remove", target):
                failed[target] = reason
                continue
            self.ours.discard(target)
            self._remember()
        return failed

    def _divert(self, action: str, target: str) -> str:
        """Call dpkg-divert; return '' or why it did not work."""
        words = ["dpkg-divert", "--quiet", "--local", "--rename", "--divert", target + SUFFIX, action, target]
        if self.root != "/":
            dpkg = places.below(self.root, places.DPKG)
            os.makedirs(dpkg, exist_ok=True)
            words[1:1] = ["--root", self.root, "--admindir", dpkg]
        try:
            code, said = children.capture(words)
        except FileNotFoundError:
            return "dpkg-divert is not installed"
        if code:
            sentence = " ".join(said.strip().partition("\n\n")[0].split()).removeprefix("dpkg-divert: error: ")
            return sentence or f"dpkg-divert ended with status {code}"
        if action == "--add":
            self.all[target] = (target + SUFFIX, ":")
        else:
            self.all.pop(target, None)
        return ""

    def _copy_back(self, target: str) -> None:
        path = places.below(self.root, target)
        try:
            old = os.stat(path + SUFFIX)
            with open(path + SUFFIX, "rb") as file:
                data = file.read()
        except OSError:
            return  # nothing was there, or a link to nothing

        def permit(fd: int) -> None:
            if os.geteuid() == 0:
                os.fchown(fd, old.st_uid, old.st_gid)
            os.fchmod(fd, stat.S_IMODE(old.st_mode))

        writing.replace(path, data, path + ".temp", permit)

    def _remember(self) -> None:
        path = places.below(self.root, places.DIVERTED)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        data = "".join(f"{target}\n" for target in sorted(self.ours)).encode("utf-8", "surrogateescape")
        writing.replace(path, data, path + ".temp", lambda fd: os.fchmod(fd, 0o644))

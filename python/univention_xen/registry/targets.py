# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Writing a generated file: owner and mode as UCR decides them, the old file until the new one is complete."""

from __future__ import annotations

import os
import stat

from univention_xen.registry import writing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Permissions:
    """What a registration asks for: User, Group, Mode. Zero means "not asked for", as in UCR.

    So `User: root` never takes a file away from its present owner.
    """

    __slots__ = ("gid", "mode", "uid")

    def __init__(self, uid: int = 0, gid: int = 0, mode: int = 0) -> None:
        self.uid, self.gid, self.mode = uid, gid, mode

    def __bool__(self) -> bool:
        return bool(self.uid or self.gid or self.mode)


def write(target: str, data: bytes, asked: Permissions, template: str) -> bool:
    """Make *target* a regular file holding *data*; return whether anything changed.

    With nothing asked for, the mode is that of *template* (when it exists), and the owner stays. A link in the place
    of the target is replaced, not followed. Missing directories are made. Raises OSError; then the old file stays.
    """
    directory, name = os.path.split(target)
    try:
        os.makedirs(directory, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise NotADirectoryError(20, "something else is where its directory should be", directory) from None
    old = _stat(target)
    if old and stat.S_ISDIR(old.st_mode):
        raise IsADirectoryError(21, "there is a directory in its place", target)
    mode, owner = _mode(old, asked, template), _owner(old, asked)
    if _is_settled(target, data, mode, owner):
        return False
    temporary = os.path.join(directory, f".{name}__ucr__commit__{os.urandom(4).hex()}")
    writing.replace(target, data, temporary, _permit(mode, owner))
    writing.sync_directory(directory)
    return True


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _mode(old: os.stat_result | None, asked: Permissions, template: str) -> int:
    if asked.mode:
        return asked.mode
    model = None if asked else _stat(template)
    if model := model or old:
        return stat.S_IMODE(model.st_mode)
    mask = os.umask(0o022)
    os.umask(mask)
    return 0o666 & ~mask


def _owner(old: os.stat_result | None, asked: Permissions) -> tuple[int, int]:
    if asked.uid or asked.gid:
        return asked.uid, asked.gid
    return (old.st_uid, old.st_gid) if old else (os.geteuid(), os.getegid())


def _is_settled(target: str, data: bytes, mode: int, owner: tuple[int, int]) -> bool:
    try:
        now = os.lstat(target)
        if not stat.S_ISREG(now.st_mode) or stat.S_IMODE(now.st_mode) != mode or now.st_size != len(data):
            return False
        if (now.st_uid, now.st_gid) != owner and os.geteuid() == 0:
            return False
        with open(target, "rb") as file:
            return file.read() == data
    except FileNotFoundError:
        return False


def _permit(mode: int, owner: tuple[int, int]) -> Callable[[int], None]:
    def permit(fd: int) -> None:
        os.fchmod(fd, mode)
        if owner != (os.geteuid(), os.getegid()) and os.geteuid() == 0:
            os.fchown(fd, *owner)  # after the mode, as UCR does: takes set-user-ID bits away

    return permit


def user_id(root: str, name: str) -> int | None:
    """Return the number of a user of the machine below *root*, None when there is no such user."""
    return _number(root, "/etc/passwd", name)


def group_id(root: str, name: str) -> int | None:
    """Return the number of a group of the machine below *root*, None when there is no such group."""
    return _number(root, "/etc/group", name)


def _number(root: str, path: str, name: str) -> int | None:
    if root != "/" and os.path.exists(root + path):
        with open(root + path, encoding="utf-8", errors="surrogateescape") as file:
            lines = [line.split(":") for line in file]
        return next((int(fields[2]) for fields in lines if len(fields) > 2 and fields[0] == name), None)
    try:
        if path == "/etc/group":
            import grp

            return grp.getgrnam(name).gr_gid
        import pwd

        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The only way to write a file: complete, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


LINKS = 40
"""Links that are followed for one path, as many as Linux does."""


def below(root: str | os.PathLike[str], path: str | os.PathLike[str]) -> str:
    """Return where the absolute *path* of a machine lies when its tree hangs under *root*."""
    return os.path.join(os.fspath(root), os.fspath(path).lstrip("/"))


def real(root: str | os.PathLike[str], path: str | os.PathLike[str]) -> str:
    """Return where the absolute *path* of a machine really lies: its links lead where they lead on that machine.

    Never outside of *root*. Raises OSError for links that lead nowhere in the end.
    """
    top = os.path.realpath(root)
    if top == "/":
        return os.path.realpath(path)
    place, rest, followed = top, os.fspath(path).split("/"), 0
    while rest:
        word = rest.pop(0)
        if word in ("", "."):
            continue
        if word == "..":
            place = os.path.dirname(place) if place != top else top
            continue
        step = os.path.join(place, word)
        if not os.path.islink(step):
            place = step
            continue
        followed += 1
        if followed > LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), step)
        target = os.readlink(step)
        place = top if target.startswith("/") else place
        rest = target.split("/") + rest
    return place


def replace(
    path: str | os.PathLike[str], data: str | bytes, *, mode: int | None = None, owner: tuple[int, int] | None = None
) -> bool:
    """Make *path* contain *data*; return whether its bytes changed.

    Temporary file in the same directory, fsync, rename, fsync of the directory: a kill or power cut at any
    point leaves the old or the new file. Mode and owner of an existing file are kept unless given; a new one
    gets *mode* or 0644. A symbolic link is followed, so that the link itself survives. A file that cannot be
    renamed over (a bind mount) is rewritten in place.

    Raises OSError.
    """
    target = os.path.realpath(path)
    content = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    old: os.stat_result | None = None
    with contextlib.suppress(FileNotFoundError):
        old = os.stat(target)
        with open(target, "rb") as file:
            same = file.read() == content
        if (
            same
            and (mode is None or stat.S_IMODE(old.st_mode) == mode)
            and (owner is None or (old.st_uid, old.st_gid) == owner)
        ):
            return False
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with temporary(target) as name:
        fill(name, content, old, mode, owner, durable=True)
        try:
            os.rename(name, target)
        except OSError as why:
            if why.errno != errno.EBUSY:
                raise
            with open(target, "r+b") as mounted:  # a mount point: nothing atomic exists
                mounted.write(content)
                mounted.truncate()
                mounted.flush()
                os.fsync(mounted.fileno())
        sync_directory(os.path.dirname(target))
    return True


def fill(
    name: str, content: bytes, old: os.stat_result | None, mode: int | None = None,
    owner: tuple[int, int] | None = None, *, durable: bool,
) -> None:  # fmt: skip
    """Write the new file *name*, with mode and owner of *old* unless others are given; never open to more than that."""
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(fd, "wb") as new:
        if owner is not None:
            os.fchown(fd, *owner)
        elif old is not None and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(fd, old.st_uid, old.st_gid)
        os.fchmod(fd, mode if mode is not None else stat.S_IMODE(old.st_mode) if old else 0o644)
        new.write(content)
        if durable:
            new.flush()
            os.fsync(fd)


def replace_together(contents: Mapping[str, str]) -> None:
    """Give many files that are there other contents, each as replace() does, but waiting for the disk only twice.

    Raises OSError; some files may be new then and others old, but each is whole.
    """
    with contextlib.ExitStack() as held:
        ready = {}
        for path, text in contents.items():
            target = os.path.realpath(path)
            name = held.enter_context(temporary(target))
            fill(name, text.encode("utf-8", "surrogateescape"), os.stat(target), durable=False)
            ready[name] = target
        directories = {os.path.dirname(target) for target in ready.values()}
        for directory in directories:
            sync_file_system(directory)
        for name, target in ready.items():
            os.rename(name, target)
        for directory in directories:
            sync_directory(directory)


def sync_file_system(path: str) -> None:
    """Make everything on the file system of the directory *path* survive a power cut. Raises OSError."""
    import ctypes

    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(fd):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(fd)


@contextlib.contextmanager
def temporary(target: str) -> Iterator[str]:
    """Yield a name next to *target* that nobody uses; whatever lies there afterwards is removed."""
    directory, name = os.path.split(target)
    path = os.path.join(directory, f".{name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        yield path
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


@contextlib.contextmanager
def appearing(
    path: str | os.PathLike[str], *, mode: int = 0o644, instead: bool = False, durable: bool = True
) -> Iterator[str]:
    """Yield the name of a new, empty file that becomes *path* when the block ends well and vanishes otherwise.

    For files too large for replace(), which are filled here or by programs. What a killed process left behind of
    the same target is removed first. An existing *path* is replaced only *instead*. A power cut right afterwards
    may take bytes away from a file that is not *durable*.

    Raises FileExistsError, at once or at the end, and OSError.
    """
    target = os.path.realpath(path) if instead else os.path.abspath(path)
    if not instead and os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
    sweep(target)
    with temporary(target) as name:
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        yield name
        with open(name, "rb") as new:
            os.fchmod(new.fileno(), mode)
            if durable:
                os.fsync(new.fileno())
        if instead:
            os.rename(name, target)
        else:
            claim(name, target)
        if durable:
            sync_directory(os.path.dirname(target))


def claim(name: str, target: str) -> None:
    """Rename *name* to *target*; raise FileExistsError rather than replace anything."""
    try:
        os.link(name, target)
    except OSError as why:
        if why.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS):
            raise
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # a file system without links
        os.rename(name, target)


def link(path: str | os.PathLike[str], target: str) -> None:
    """Make *path* a symbolic link to *target*, complete or not at all. Raises FileExistsError and OSError."""
    name = os.fspath(path)
    os.symlink(target, name)
    sync_directory(os.path.dirname(name))


def relink(path: str | os.PathLike[str], target: str) -> None:
    """Make *path* a symbolic link to *target*; a file or link of that name is replaced at once. Raises OSError."""
    name = os.fspath(path)
    with temporary(name) as new:
        os.symlink(target, new)
        os.rename(new, name)
    sync_directory(os.path.dirname(name))


def rename(path: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Let a file or directory be called *target*, on the same file system; a file of that name is gone then.

    Raises OSError.
    """
    os.rename(path, target)
    for directory in dict.fromkeys(os.path.dirname(os.fspath(each)) for each in (target, path)):
        sync_directory(directory)


def sweep(target: str, pattern: str = "") -> None:
    """Remove the temporary files of *target*, and theirs, whose processes have been killed.

    With a regular expression those of all names in the same directory that match it.
    """
    import re

    directory, name = os.path.split(target)
    ours = re.compile(rf"\.+(?:{pattern or re.escape(name)})(?:\.([0-9]+)\.[0-9a-f]{{8}})+")
    for found in filter(None, map(ours.fullmatch, os.listdir(directory))):
        if not os.path.exists(f"/proc/{found[1]}"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(directory, found[0]))


def sync_directory(path: str | os.PathLike[str]) -> None:
    """Make a rename or removal in the directory *path* survive a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def set_mode(path: str | os.PathLike[str], mode: int) -> None:
    """Give a file another mode. Raises OSError."""
    os.chmod(path, mode)


def remove(path: str | os.PathLike[str]) -> bool:
    """Remove the file or link *path*; return whether it was there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    sync_directory(os.path.dirname(os.fspath(path)) or ".")
    return True


def remove_directory(path: str | os.PathLike[str]) -> None:
    """Remove an empty directory. Raises OSError."""
    os.rmdir(path)
    sync_directory(os.path.dirname(os.fspath(path)))


def digest(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of the file's bytes in hexadecimal, or '' when there is no such file."""
    import hashlib

    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except FileNotFoundError:
        return ""

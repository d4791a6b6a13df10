# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The init system of the host: is a service there, does it run, start it anew."""

from __future__ import annotations

import os

from univention_xen import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from univention_xen.run import Done, Runner

UNIT_DIRECTORIES = (
    "/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system", "/lib/systemd/system",
)  # fmt: skip
POLICY = "/usr/sbin/policy-rc.d"
DENIED = 101  # exit status of invoke-rc.d --disclose-deny when policy or runlevel say no


def script(root: str, name: str) -> bool:
    """Return whether the service has a SysV script."""
    return os.access(files.below(root, f"/etc/init.d/{name}"), os.X_OK)


def unit(root: str, name: str) -> str:
    """Return the directory of the service's own systemd unit file, '' when it has none or only a mask."""
    for directory in UNIT_DIRECTORIES:
        path = files.below(root, f"{directory}/{name}.service")
        if os.path.isfile(path) and os.path.getsize(path):
            return directory
    return ""


def is_installed(root: str, name: str) -> bool:
    """Return whether there is anything that could be started."""
    return script(root, name) or bool(unit(root, name))


def is_masked(root: str, name: str) -> bool:
    """Return whether systemd is kept from starting the service."""
    path = files.below(root, f"/etc/systemd/system/{name}.service")
    return os.path.lexists(path) and (not os.path.exists(path) or os.path.realpath(path) == os.devnull)


def has_systemd(root: str) -> bool:
    """Return whether systemd is running the host."""
    return os.path.isdir(files.below(root, "/run/systemd/system"))


def process(root: str, name: str) -> str:
    """Return a word that is another one after each start of the service; '' when it is stopped or cannot be told.

    systemd numbers each start and keeps the number of a running unit as the target of a link. xend itself writes
    /var/run/xend.pid; a process number together with its start time is never used twice until the next boot.
    """
    try:
        return os.readlink(files.below(root, f"/run/systemd/units/invocation:{name}.service"))
    except OSError:
        pass
    try:
        with open(files.below(root, f"/run/{name}.pid"), encoding="ascii") as file:
            pid = int(file.read())
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            if name.encode() not in file.read():
                return ""  # left behind, and the number has been given to something else
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return f"{pid}:{file.read().rpartition(')')[2].split()[19]}"
    except (OSError, ValueError, IndexError):
        return ""


def is_live(root: str) -> bool:
    """Return whether the tree below *root* is the running system, not an image, a chroot or dpkg's --root.

    It is the one that init lives in. ischroot compares all mounts, and so says no to a service with private ones, as
    PrivateTmp and ProtectSystem make them. In a chroot the root directory is another mount, or none.
    """
    if os.path.realpath(root) != "/" or os.environ.get("DPKG_ROOT"):
        return False
    own = root_mount("/proc/self/mountinfo")
    return own is not None and own == root_mount("/proc/1/mountinfo")


def root_mount(mountinfo: str) -> list[str] | None:
    """Return device and directory of what is mounted at /, None when nothing is or that cannot be read."""
    try:
        with open(mountinfo, encoding="utf-8", errors="surrogateescape") as file:
            rows = [line.split() for line in file]
    except OSError:
        return None
    return next((row[2:4] for row in reversed(rows) if row[4] == "/"), None)


def is_running(root: str, name: str, run: Runner) -> bool | None:
    """Return whether the service runs; None when policy-rc.d does not even let us ask.

    The script of xend is the witness; old scripts know no `status`, then the process is.
    """
    code = ask(run, name, "status").code
    if code == DENIED:
        return None
    return code == 0 or bool(process(root, name))


def restart(root: str, name: str, run: Runner) -> Done:
    """Restart the service as policy-rc.d allows; the exit code DENIED says that it does not.

    Old SysV scripts have no try-restart, so the caller has made sure that the service runs.
    """
    done = ask(run, name, "restart")
    if done.code == DENIED and not has_policy(root) and not has_runlevel(root, run):
        # A container that no init has booted: invoke-rc.d knows no runlevel and therefore refuses everything.
        done = ask(run, "--force", name, "restart")
    return done


def ask(run: Runner, *words: str) -> Done:
    """Call invoke-rc.d, which speaks to systemd and to SysV scripts and honours policy-rc.d.

    A host without it has nothing that could decide, which counts as a no.
    """
    from univention_xen.errors import ToolMissing
    from univention_xen.run import Done

    try:
        return run("invoke-rc.d", "--disclose-deny", *words, ok=range(-64, 256))
    except ToolMissing as why:
        return Done(("invoke-rc.d", *words), DENIED, "", str(why))


def has_policy(root: str) -> bool:
    """Return whether the administrator or an image builder decides what may be started."""
    return os.access(files.below(root, POLICY), os.X_OK)


def has_runlevel(root: str, run: Runner) -> bool:
    """Return whether an init system has booted this host."""
    from univention_xen.errors import ToolMissing

    if has_systemd(root):
        return True
    try:
        return run("runlevel", ok=range(-64, 256)).code == 0
    except ToolMissing:
        return False

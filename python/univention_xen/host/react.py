# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What happens after the registry has rewritten a file that a service reads.

The service is restarted if it runs and works with another text; never started, and never restarted for nothing.
UCR calls the functions before() and after() around each rewriting, also when the text comes out the same.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager

from univention_xen import files
from univention_xen.host import failure, memory, services
from univention_xen.host.memory import Memory
from univention_xen.log import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from univention_xen.run import Runner

READS = {"xend": "/etc/xen/xend-config.sxp"}
"""The file that each service reads when it starts. xl reads its file with each command, and xendomains must never be
restarted: that would stop the guests."""

PATIENCE = 60
"""Seconds to wait for another restart of the same service, which should never take that long."""

LEFT_BEHIND: dict[tuple[str, str], str] = {}
"""The texts that were there before, in trees where nothing is remembered as nothing runs."""


def before(name: str, registry: Mapping[str, str]) -> None:
    """Remember which text the service *name* works with, as its file is about to be rewritten."""
    root = root_of(registry)
    if is_left_alone(root, name, registry):
        return
    if not services.is_live(root):
        LEFT_BEHIND[root, name] = text_of(root, name)
        return
    with one_at_a_time(root, name):
        now = memory.before_writing(recall(root, name), text_of(root, name), services.process(root, name))
        remember(root, name, now)


def after(name: str, registry: Mapping[str, str], run: Runner | None = None) -> str:
    """Restart the service *name* if it works with another text than its file now holds; return what was done.

    Returns '' when there was nothing to do. A restart that fails is reported on stderr, and makes the command that
    has set the variable end with exit status 1; the other handlers still run. May raise SystemExit (see report()).
    """
    root, run = root_of(registry), run or runner()
    if is_left_alone(root, name, registry):
        return ""
    if not services.is_live(root):
        return "" if LEFT_BEHIND.pop((root, name), None) == text_of(root, name) else not_live(root, name)
    with one_at_a_time(root, name):
        known = recall(root, name) or Memory(memory.UNKNOWN, memory.UNKNOWN, "")
        new = text_of(root, name)
        try:
            read, said = settle(root, name, known.read, new, run)
            broken = None
        except failure.Failure as why:
            read, said, broken = why.read, "", why
        if read == new != text_of(root, name):
            read = memory.UNKNOWN  # somebody has written the next text while the service was starting
        remember(root, name, Memory(read, new, services.process(root, name)))
    if broken:
        failure.report(READS[name], broken, registry)
    return said


@contextmanager
def one_at_a_time(root: str, name: str) -> Iterator[None]:
    """Let others who have written the same file wait, so that a service is not restarted twice at the same time."""
    import time

    from univention_xen.errors import Busy
    from univention_xen.lock import DIRECTORY, holding

    with ExitStack() as held:
        for _ in range(10 * PATIENCE):
            try:
                held.enter_context(holding(f"service {name}", under=files.below(root, DIRECTORY)))
                break
            except Busy:
                time.sleep(0.1)
            except OSError as why:
                log.warning("cannot lock the service %s: %s", name, why)
                break
        yield


def settle(root: str, name: str, read: str, new: str, run: Runner) -> tuple[str, str]:
    """Make the service work with the text *new*; return which text it works with now, and a sentence about it.

    Raises Failure.
    """
    if read == new:
        return new, ""
    file = READS[name]
    running = read == memory.OWED or services.is_running(root, name, run)
    if running is False:
        return new, f"{name} is not running; it will read the new {file} when it is started"
    if running is None:
        return read, denied(name)
    witness, log_size = services.process(root, name), failure.size(root, failure.log_file(name))
    done = services.restart(root, name, run)
    if done.code == services.DENIED:
        return read, denied(name)
    if done.code or (witness and witness == services.process(root, name)):
        raise failure.describe(root, name, file, read, done, log_size, run)
    return new, f"{name} has been restarted and works with the new {file}"


def not_live(root: str, name: str) -> str:
    """Say why nothing is started in an image, a chroot or a tree that is being built."""
    tree = "this" if os.path.realpath(root) == "/" else os.path.abspath(root)
    return f"{name} is not restarted: {tree} is not the running system"


def denied(name: str) -> str:
    """Warn that somebody else decides what is started here."""
    log.warning(
        "%s is not restarted, as policy-rc.d or the runlevel does not allow it; it may still work with the older %s",
        name, READS[name],
    )  # fmt: skip
    return ""


def is_left_alone(root: str, name: str, registry: Mapping[str, str]) -> bool:
    """Return whether there is no such service, or the registry says that another toolstack is in use."""
    return not services.is_installed(root, name) or wanted_toolstack(registry) == "xl"


def wanted_toolstack(registry: Mapping[str, str]) -> str:
    """Return what the registry says about the toolstack."""
    from univention_xen.settings.host import Toolstack

    return Toolstack.read(registry)[0].toolstack


def root_of(registry: Mapping[str, str]) -> str:
    """Return the tree that the registry belongs to; UCS's own knows only the running system."""
    return os.fspath(getattr(registry, "root", "/"))


def runner() -> Runner:
    """Return what starts programs; its import takes time that most rewritings need not pay."""
    from univention_xen.run import Runner

    return Runner()


def text_of(root: str, name: str) -> str:
    """Return the digest of the file that the service reads."""
    try:
        return files.digest(files.below(root, READS[name])) or memory.ABSENT
    except OSError:
        return memory.UNKNOWN


def memory_file(root: str, name: str) -> str:
    """Return where the memory lies: /run, as after booting every service has read what is there."""
    return files.below(root, f"/run/univention-xen/{name}")


def recall(root: str, name: str) -> Memory | None:
    """Return what is remembered about the service."""
    try:
        with open(memory_file(root, name), encoding="ascii", errors="replace") as file:
            return memory.parse(file.read())
    except OSError:
        return None


def remember(root: str, name: str, now: Memory) -> None:
    """Keep a memory if that is possible; the worst that comes of losing it is a restart too many.

    Only root may read it, as the digest of a file with a short password could be guessed.
    """
    try:
        files.replace(memory_file(root, name), now.dump(), mode=0o600)
    except OSError as why:
        log.warning("cannot note what %s has read: %s", name, why)

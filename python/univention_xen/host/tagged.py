# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Guest files follow the registry: lines that a comment ties to a variable are rewritten, and nothing else.

No guest is started, stopped or told anything; those that run and do not yet see a change are named.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from univention_xen import files, lock
from univention_xen.errors import CommandFailed, ToolMissing, XenError
from univention_xen.guest import look, tags
from univention_xen.guest.cfg import Cfg
from univention_xen.guest.words import BadSyntax
from univention_xen.host import react, services
from univention_xen.log import log
from univention_xen.plan import Machine, Plan
from univention_xen.toolstack import choose, followed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from univention_xen.guest.check import GuestFile
    from univention_xen.run import Runner
    from univention_xen.toolstack.followed import Wishes

PATIENCE = 5
"""Seconds to wait for others who are editing guest files; after that the lines stay as they are, which is told."""

TOGETHER = 100
"""Files that are written at once; so many unfinished ones may a power cut leave behind."""

NAMED = 10
"""Files that are named one by one."""

AGAIN = "univention-xen guest follow makes up for it"


@dataclass(frozen=True)
class Edit:
    """Tagged lines of a guest file that have to follow the registry, and how the file reads then."""

    path: str
    name: str
    lines: tuple[str, ...]
    old: str = field(repr=False)
    new: str = field(repr=False)
    wishes: Wishes = field(repr=False)

    def __str__(self) -> str:
        return "\n".join([f"edit {self.path}", *(f"  line {line}" for line in self.lines)])

    def held(self, on: Machine, until: float, locks: ExitStack) -> str:
        """Keep others away from the guest; return how its file shall read, with what was written into it meanwhile.

        Raises Busy, XenError and OSError.
        """
        for word in sorted({self.name.replace("/", "_"), Path(self.path).name.removesuffix(".cfg")}):
            locks.enter_context(lock.holding(f"guest {word}", under=lock.directory(on.root), until=until))
        now = look.read(self.path, on).text
        return self.new if now == self.old else str(tags.follow_all(understood(now, self.path), self.wishes.lines))


@dataclass(frozen=True)
class Follow:
    """Make the edits, each file on its own: one that fails is told and does not stop the others."""

    edits: tuple[Edit, ...]
    done: list[Edit] = field(default_factory=list, repr=False, compare=False)
    until: float = 0

    def __str__(self) -> str:
        return "\n".join(map(str, self.edits))

    def apply(self, on: Machine) -> None:
        """Raise XenError when some files stay as they are."""
        for directory in {os.path.dirname(each.path) for each in self.edits}:
            with suppress(OSError):
                files.sweep(f"{on.real(directory)}/", r"[^.].*\.cfg")
        for first in range(0, len(self.edits), TOGETHER):
            self.done.extend(together(self.edits[first : first + TOGETHER], on, self.until))
        if missing := len(self.edits) - len(self.done):
            raise XenError(
                f"{missing} guest file{'s' * (missing != 1)} could not follow the registry", hint=f"later: {AGAIN}"
            )


def together(edits: tuple[Edit, ...], on: Machine, until: float) -> list[Edit]:
    """Make some edits at once; return those that worked."""
    done = []
    with ExitStack() as locks:
        ready: dict[str, tuple[Edit, str]] = {}
        for each in edits:
            with warning(each.path):
                ready[on.real(each.path)] = each, each.held(on, until, locks)
        try:
            files.replace_together({path: text for path, (_, text) in ready.items()})
            return [each for each, _ in ready.values()]
        except OSError as why:
            log.debug("one by one instead: %s", why)
        for path, (each, text) in ready.items():
            with warning(each.path):
                files.replace(path, text)
                done.append(each)
    return done


@contextmanager
def warning(path: str) -> Iterator[None]:
    """Tell why a file does not follow, and go on."""
    try:
        yield
    except XenError as why:
        log.warning("%s does not follow the registry: %s", path, why)
    except OSError as why:
        log.warning("%s does not follow the registry: %s", path, why.strerror)


class Found(NamedTuple):
    """What is to be edited, what cannot be read or understood, and what to know about the variables."""

    edits: tuple[Edit, ...]
    problems: tuple[tuple[str, str], ...] = ()
    remarks: tuple[tuple[str, str], ...] = ()
    at_home: str = ""

    def tell(self) -> None:
        """Say on stderr what is wrong."""
        for _, sentence in (*self.remarks, *self.problems):
            log.warning("%s", sentence)


def look_at(registry: Mapping[str, str], on: Machine) -> Found:
    """Return which guest files are out of step with the registry. A file without such a tag is not even understood."""
    wishes = followed.look_at(registry, on)
    variables = {each.variable for each in wishes.lines}
    edits, problems, seen = [], [], set()
    for path in look.all_files(on):
        try:
            file = look.read(path, on)
            if used := variables & tags.mentioned(file.text):
                seen |= used
                if edit := edit_of(file, wishes):
                    edits.append(edit)
        except XenError as why:
            problems.append((path, str(why)))
    return Found(tuple(edits), tuple(problems), wishes.remarks(seen), wishes.at_home)


def edit_of(file: GuestFile, wishes: Wishes) -> Edit | None:
    """Return what is to be done with a file, None if it is in step. Raises XenError."""
    cfg = understood(file.text, file.path)
    astray = tags.astray(cfg.text, cfg.assignments, wishes.lines)
    if not astray:
        return None
    lines = tuple(f"{each.assignment.place.line}: {each.sentence}" for each in astray)
    name = cfg.get("name")
    name = name if isinstance(name, str) else Path(file.path).name.removesuffix(".cfg")
    return Edit(file.path, name, lines, file.text, tags.rewritten(cfg.text, astray), wishes)


def understood(text: str, path: str) -> Cfg:
    """Return a file that can be edited, read as one for xl first, since nearly all are. Raises XenError."""
    try:
        return Cfg(text, path)
    except BadSyntax as why:
        try:
            return Cfg(text, path, "xm")
        except BadSyntax:
            raise XenError(f"{why}; the lines that follow the registry stay as they are") from None


def plan(registry: Mapping[str, str], on: Machine) -> Plan:
    """Return the plan to bring all guest files into step; what cannot be brought is told."""
    found = look_at(registry, on)
    found.tell()
    if not found.edits:
        return Plan.nothing("all lines that follow the registry are in step")
    return Plan.of(Follow(found.edits))


def follow(registry: Mapping[str, str], run: Runner | None = None) -> list[str]:
    """Bring all guest files into step; return what was done, in sentences. What went wrong is told on stderr.

    Nothing is written, and nothing locked, when nothing is out of step. Works offline, in chroots and images.
    """
    on = Machine(Path(react.root_of(registry) or "/"), run or react.runner())
    found = look_at(registry, on)
    found.tell()
    if not found.edits:
        return []
    step = Follow(found.edits, until=time.monotonic() + PATIENCE)
    try:
        with lock.holding("guest files", under=lock.directory(on.root), until=step.until):
            now = latest(registry, on)
            if followed.look_at(now, on) != followed.look_at(registry, on):
                step = Follow(look_at(now, on).edits, until=step.until)
            step.apply(on)
    except XenError as why:
        log.warning("%s; afterwards: %s", why, AGAIN)
    except OSError as why:
        log.warning("guest files do not follow the registry: %s", why)
    return report(step.done, on)


def latest(registry: Mapping[str, str], on: Machine) -> Mapping[str, str]:
    """Return what the registry says by now: who sets a variable at the same time may have waited less for the lock."""
    if not hasattr(registry, "load"):
        return registry  # mere values
    from univention_xen.registry import read

    try:
        return read(str(on.root))
    except OSError:
        return registry


def report(done: list[Edit], on: Machine) -> list[str]:
    """Return which files were edited, and which guests have to be started again, in sentences."""
    return [told([each.path for each in done]), *to_restart(done, on)] if done else []


def told(paths: list[str]) -> str:
    """Return the sentence that names the files."""
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return f"following the registry: {', '.join(paths[:NAMED])}{more}"


def to_restart(done: list[Edit], on: Machine) -> list[str]:
    """Return a sentence for each guest that runs and does not see the change yet."""
    if not services.is_live(str(on.root)) or on.read("/sys/hypervisor/type").strip() != "xen":
        return []
    try:
        there = {domain.name for domain in choose.toolstack(on).domains(on.run) if domain.exists}
    except (CommandFailed, ToolMissing) as why:
        log.warning("which guests have to be restarted cannot be seen: %s", why)
        return []
    return [
        f"{name} is running and sees the change when it has been shut down and started again"
        for name in sorted({each.name for each in done} & there)
    ]

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Snapshots of guests: memory and disks of one moment. Where they lie, what they hold, and what state they are in.

A snapshot is a directory. ``snapshot.json`` is written last and makes it one; ``begun.json`` lies there until its guest
runs on, ``deleting.json`` while it is removed, ``reverting.json`` while a guest is set back to it. These four tell what
a killed process has left behind.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from univention_xen import files
from univention_xen.errors import UsageError, XenError
from univention_xen.toolstack.domain import guest_name

if TYPE_CHECKING:
    from univention_xen.plan import Machine

DIRECTORY = "/var/lib/xen/snapshots"
MANIFEST, BEGUN, DELETING, REVERTING = "snapshot.json", "begun.json", "deleting.json", "reverting.json"
MEMORY, GUEST_FILE = "memory", "guest.cfg"
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
OFF, ENDED = "off", "ended"
"""How a guest is kept from its disks meanwhile: it did not run, or it was ended and is restored.

`xl save -p` could leave it paused, but the xl that looks after a guest goes when it is suspended (seen with 4.17), so
that the guest would never start again by itself; and its device model may hold back what belongs into the images.
"""
REFLINK, COPY, QCOW2 = "reflink", "copy", "qcow2"
"""How a disk is kept: by sharing its blocks, as a sparse copy, as a snapshot inside the image."""
COMPLETE, HALF_MADE, NOT_LET_ON, HALF_BACK, NOT_RESTORED = (
    "complete", "half made", "complete, guest not let run on", "guest half set back", "set back, memory not restored",
)  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """A disk of a snapshot: the image, how it is kept, and *under* which name; *used* bytes it takes at most."""

    path: str
    vdev: str
    format: str
    how: str
    under: str
    used: int = 0


@dataclass(frozen=True)
class Snapshot:
    """What the manifest says. *memory* is bytes, 0 for a guest that did not run; *boot* is which boot of the host."""

    guest: str
    label: str
    time: str
    way: str
    toolstack: str
    memory: int
    disks: tuple[Kept, ...]
    file: str = ""
    boot: str = ""
    readonly: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """The directory."""
        return f"{DIRECTORY}/{self.guest}/{self.label}"

    def at(self, name: str) -> str:
        """Return the path of something in it."""
        return f"{self.place}/{name}"

    def as_json(self) -> str:
        """Return the text of the manifest."""
        return json.dumps({"version": 1} | asdict(self), indent=2, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class Found:
    """A snapshot on the host, or what there is of one, and what is to be done about it ('' for nothing)."""

    snapshot: Snapshot
    state: str
    size: int = 0

    def as_data(self) -> dict[str, Any]:
        """Return this for JSON; sizes are bytes."""
        data = asdict(self.snapshot)
        return data | {"directory": self.snapshot.place, "state": self.state, "size": self.size, "todo": self.todo}

    @property
    def todo(self) -> str:
        """What an administrator should do about it; '' for nothing."""
        guest, label = self.snapshot.guest, self.snapshot.label
        again = f"univention-xen guest snapshot revert {guest} {label}"
        delete = f"univention-xen guest snapshot delete {guest} {label}"
        if self.state == HALF_BACK:
            return f"some disks of {guest} may be those of {label} and some not: finish with {again}"
        if self.state == NOT_RESTORED:
            return f"the disks of {guest} are those of {label}, its memory has not been restored: {again}"
        if self.state == NOT_LET_ON:
            return f"{guest} may not have been let run on: {delete}, or the next snapshot create, sees to that"
        if self.state == HALF_MADE:
            ended = f" lets {guest} run on if it has ended, and" if self.snapshot.way == ENDED else ""
            return f"{label} of {guest} was interrupted: {delete}, or the next snapshot create,{ended} cleans up"
        return ""


def label_of(text: str) -> str:
    """Return a label that is a file name and no option. Raises UsageError."""
    if not LABEL.fullmatch(text):
        raise UsageError(
            f"{text!r} cannot be the label of a snapshot", hint="letters, digits, dots, hyphens and underscores"
        )
    return text


def now() -> str:
    """Return the present time, UTC, as ISO 8601."""
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def all_of(guest: str, on: Machine) -> list[Found]:
    """Return what there is of a guest, the oldest first; of all guests when it is ''."""
    guests = (guest_name(guest),) if guest else names(on.path(DIRECTORY))
    places = [(name, label) for name in guests for label in names(on.path(f"{DIRECTORY}/{name}"))]
    found = [each for name, label in places if LABEL.fullmatch(label) and (each := look_at(name, label, on))]
    return sorted(found, key=lambda each: (each.snapshot.guest, each.snapshot.time, each.snapshot.label))


def names(directory: os.PathLike[str]) -> list[str]:
    """Return what is in a directory, nothing when there is none."""
    try:
        return os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []


def look_at(guest: str, label: str, on: Machine) -> Found | None:
    """Return what there is of a snapshot. Raises XenError when its description is damaged."""
    place = f"{DIRECTORY}/{guest}/{label}"
    manifest, begun, reverting = (on.read(f"{place}/{name}") for name in (MANIFEST, BEGUN, REVERTING))
    if deleting := on.read(f"{place}/{DELETING}"):
        manifest, begun = "", deleting
    if not manifest and not begun:
        return None  # a directory that was made, and nothing else
    snapshot = parse(manifest or begun, place)
    size = sum(os.lstat(each).st_blocks * 512 for each in on.path(place).iterdir())
    if not manifest:
        return Found(snapshot, HALF_MADE, size)
    if reverting:
        return Found(snapshot, NOT_RESTORED if '"memory"' in reverting else HALF_BACK, size)
    return Found(snapshot, NOT_LET_ON if begun else COMPLETE, size)


def parse(text: str, place: str) -> Snapshot:
    """Read the description that lies in the directory *place*. Raises XenError."""
    try:
        told = json.loads(text)
        version = told.pop("version")
        told["disks"] = tuple(Kept(**disk) for disk in told["disks"])
        told["readonly"] = tuple(told["readonly"])
        snapshot = Snapshot(**told)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise XenError(f"{place} is damaged: what describes the snapshot cannot be read") from None
    if version != 1 or snapshot.place != place:
        raise XenError(f"{place} is no snapshot of this version, or has been moved", hint="move it back")
    return snapshot


def named(guest: str, label: str, on: Machine) -> Found:
    """Return the snapshot *label* of a guest, the newest whole one when it is ''. Raises XenError."""
    if label:
        if found := look_at(guest_name(guest), label_of(label), on):
            return found
        raise XenError(
            f"there is no snapshot {label} of {guest}", hint=f"univention-xen guest snapshot list {guest} shows all"
        )
    for found in reversed(all_of(guest, on)):
        if found.state != HALF_MADE:
            return found
    raise XenError(f"there is no snapshot of {guest}", hint=f"univention-xen guest snapshot create {guest}")


def interrupted(guest: str, on: Machine) -> Found | None:
    """Return the snapshot to which a guest is half set back, or for which it was ended, if there is one."""
    for found in all_of(guest, on):
        waits = found.state in (HALF_MADE, NOT_LET_ON) and found.snapshot.way == ENDED and has_memory(found, on)
        if found.state == HALF_BACK or waits:
            return found
    return None


def has_memory(found: Found, on: Machine) -> bool:
    """Say whether the memory has been written, or is being written."""
    try:
        return os.path.getsize(on.path(found.snapshot.at(MEMORY))) > 0
    except OSError:
        return False


def refuse_start(guest: str, on: Machine) -> None:
    """Raise XenError when starting a guest that does not run would lose its memory or damage its disks."""
    found = interrupted(guest, on)
    if not found:
        return
    label, place = found.snapshot.label, found.snapshot.at(MEMORY)
    if found.state == HALF_BACK:
        raise XenError(f"{guest} must not start: it is half set back to its snapshot {label}", hint=found.todo)
    raise XenError(
        f"{guest} was ended for its snapshot {label}, and its memory is in {place}",
        hint=f"univention-xen guest snapshot delete {guest} {label} lets it run on from there",
    )


def write(path: str, text: str, on: Machine) -> None:
    """Write one of the files that tell the state. Raises OSError."""
    files.replace(on.path(path), text, mode=0o600)

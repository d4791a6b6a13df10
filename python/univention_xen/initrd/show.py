# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What is in an initrd, for people and for programs."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

from univention_xen.errors import XenError
from univention_xen.initrd import parts, ramdisk
from univention_xen.initrd.contents import Contents, read_contents

if TYPE_CHECKING:
    from univention_xen.initrd.cpio import Entry
    from univention_xen.run import Runner


def look_at(path: str, beside: str, run: Runner) -> Contents:
    """Return the contents of any initrd; a file system is unpacked beside *beside* meanwhile. Raises XenError."""
    try:
        contents = read_contents(path, run)
    except OSError as why:
        raise XenError(f"{path}: {why.strerror}") from None
    if contents.kind != parts.EXT:
        return contents
    with ramdisk.unpacked(path, beside, run) as ext:
        return ramdisk.look_into(ext, contents)


def as_data(contents: Contents, *, files: bool) -> dict[str, Any]:
    """Return what JSON tells; with all *files* if wanted."""
    told: dict[str, Any] = {
        "kind": contents.kind,
        "unpacked": contents.unpacked,
        "parts": [part._asdict() for part in contents.parts],
        "modules": {version: sorted(names) for version, names in sorted(contents.modules().items())},
    }
    if files:
        told["files"] = [
            as_row(path, entry, contents.links) for path, entry in sorted(contents.entries.items()) if path
        ]
    return told


def as_row(path: str, entry: Entry, links: dict[str, str]) -> dict[str, Any]:
    """Return one file of the list."""
    row: dict[str, Any] = {
        "path": printable(path), "mode": stat.filemode(entry.mode), "uid": entry.uid, "gid": entry.gid,
        "size": entry.size,
    }  # fmt: skip
    if path in links:
        row["link"] = printable(links[path])
    if stat.S_ISBLK(entry.mode) or stat.S_ISCHR(entry.mode):
        row["number"] = list(entry.number)
    return row


def as_text(contents: Contents, *, files: bool) -> str:
    """Return what people read; with all *files* if wanted."""
    lines = []
    for part in contents.parts:
        kind = "an ext file system" if part.kind == parts.EXT else "cpio"
        packing = f"{kind}, {part.compression}" if part.compression != "none" else f"{kind}, not compressed"
        lines.append(f"offset {part.start}: {packing}, {part.files} files, {part.size} bytes unpacked")
    for version, names in sorted(contents.modules().items()):
        xen = sorted(name for name in names if name.startswith("xen"))
        lines.append(f"modules of {version}: {len(names)}, for Xen: {' '.join(xen) or 'none'}")
    if not contents.modules():
        lines.append("no kernel modules")
    for row in as_data(contents, files=True)["files"] if files else ():
        what = ",".join(map(str, row["number"])) if "number" in row else row["size"]
        link = f" -> {row['link']}" if "link" in row else ""
        lines.append(f"{row['mode']} {row['uid']}:{row['gid']} {what:>10} {row['path']}{link}")
    return "\n".join(lines)


def printable(path: str) -> str:
    """Return a path whose odd bytes can be printed and put into JSON."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")

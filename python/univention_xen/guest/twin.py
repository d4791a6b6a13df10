# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The file of a guest under another name: as a second guest that differs where it must, or as the same one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from univention_xen.guest.change import with_items
from univention_xen.guest.tags import with_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from univention_xen.guest.cfg import Cfg

MAC = re.compile(r"(^|,)([ \t]*mac=)[^,]*")
VIFNAME = re.compile(r"(^|,)[ \t]*vifname=[^,]*")


@dataclass(frozen=True)
class Twin:
    """What the second guest has of its own; *display* None leaves its VNC display as it is."""

    name: str
    mac: Callable[[], str] = field(repr=False)
    uuid: str = ""
    paths: Mapping[str, str] = field(default_factory=dict)
    display: int | None = None


def cloned(cfg: Cfg, twin: Twin) -> Cfg:
    """Return the file of the second guest; whatever need not differ stays byte for byte."""
    for old, new in twin.paths.items():
        cfg = with_items(cfg, "disk", path_changer(old, new))
    cfg = with_items(cfg, "vif", lambda text: MAC.sub(lambda found: found[1] + found[2] + twin.mac(), text))
    cfg = with_items(cfg, "vif", lambda text: VIFNAME.sub("", text).removeprefix(","))
    if twin.display is not None:
        display = str(twin.display)
        cfg = with_items(cfg, "vfb", lambda text: str(with_key(text, "vncdisplay", display)))
        if cfg.places("vncdisplay"):
            cfg = cfg.with_value("vncdisplay", twin.display)
    if cfg.places("uuid"):
        cfg = cfg.with_value("uuid", twin.uuid)
    return cfg.with_value("name", twin.name)


def renamed(cfg: Cfg, name: str, old: str, new: str) -> Cfg:
    """Return the file of the same guest as *name*; what lay in the directory *old* lies in *new* now ('' for neither).

    No path of the file is left out: disks, kernel and initrd, a console's log.
    """
    cfg = cfg.with_value("name", name)
    inside = re.compile(rf"(?<![^,:=|\s]){re.escape(old)}/")
    if old:
        for each in dict.fromkeys(assignment.name for assignment in cfg.assignments):
            if each != "name":
                cfg = with_items(cfg, each, lambda text: inside.sub(lambda _: f"{new}/", text))
    return cfg


def path_changer(old: str, new: str) -> Callable[[str], str]:
    """Return what changes the path in the description of a disk, wherever it stands in there."""
    whole = re.compile(rf"(?<![^,:=\s]){re.escape(old)}(?=,|\s*$)")
    return lambda text: whole.sub(lambda _: new, text, count=1)

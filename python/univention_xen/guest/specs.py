# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The one-line descriptions of disks, network cards and screens that xm reads."""

from __future__ import annotations

import re

from univention_xen.errors import XenError
from univention_xen.guest.model import Disk, Vif

TAP_FORMATS = {
    "aio": "raw", "sync": "raw", "ram": "raw", "ioemu": "raw",
    "qcow": "qcow", "qcow2": "qcow2", "vhd": "vhd", "vmdk": "vmdk",
}  # fmt: skip
VDEV = re.compile(
    r"(?:sd[a-z]|sd[a-i][a-z])(?:[1-9]|1[0-5])?|hd[a-t](?:[1-9]|[1-5][0-9]|6[0-3])?|xvd[a-z]{1,2}(?:[1-9][0-9]{0,2})?"
    r"|vd[a-z](?:[1-9][0-9]?)?|d[0-9]+(?:p[0-9]+)?|0x[0-9a-fA-F]+|[0-9]+"
)
VIF_KEYS = {"backend", "bridge", "ip", "mac", "script", "type", "vifname", "rate", "model", "accel", "policy", "label"}
VFB_KEYS = {
    "vnclisten", "vncunused", "vncdisplay", "display", "videoram", "xauthority", "sdl", "vnc", "vncpasswd", "opengl",
    "keymap", "serial", "monitor", "type",
}  # fmt: skip


class Refused(XenError):
    """xm or xend would not take this; the message is the reason as a piece of a sentence."""


def xm_disk(text: str) -> tuple[Disk, str]:
    """Read what stands in xm's ``disk`` list; return the disk and its block protocol, which is '' nearly always.

    Raises Refused.
    """
    fields = text.split(",")
    if not 3 <= len(fields) <= 5:
        raise Refused(f"the disk “{text}” does not consist of source, device and mode")
    source, device, mode, backend, protocol = (*fields, "", "")[:5]
    if "ioemu:" in device:
        device = device.partition(":")[2]
    device, _, device_type = device.partition(":")  # xend knows cdrom and takes anything else for a disk
    if mode not in ("r", "w", "w!"):
        raise Refused(f"the disk “{text}” has the mode “{mode}”, and only r, w and w! exist")
    device = device.removeprefix("/dev/")
    if not VDEV.fullmatch(device):
        raise Refused(f"the disk “{text}” is to appear as “{device}”, which is no name of a disk")
    path, form, script = xm_source(source, text)
    cdrom = device_type == "cdrom"
    if not path and not cdrom:
        raise Refused(f"the disk “{text}” has no source")
    return Disk(path, device, mode[0], cdrom, form, script, backend), protocol


def xm_source(source: str, text: str) -> tuple[str, str, str]:
    """Return path, format and block script of the first field of a disk. Raises Refused."""
    prefix, colon, rest = source.partition(":")
    if not source:
        return "", "raw", ""
    if not colon:
        raise Refused(f"the disk “{text}” does not say file:, phy: or tap: in front of its source")
    if prefix == "file":
        return rest, "raw", ""
    if prefix == "phy":
        return f"/dev/{rest}" if rest and not rest.startswith("/") else rest, "raw", ""
    if prefix in ("tap", "tap2"):
        driver, colon, path = rest.removeprefix("tapdisk:").partition(":")
        if not colon or driver not in TAP_FORMATS:
            raise Refused(f"the disk “{text}” names no driver that xend knows behind {prefix}:")
        return path, TAP_FORMATS[driver], ""
    return rest, "raw", f"block-{prefix}"


def pairs(text: str) -> dict[str, str]:
    """Read ``key=value,key=value``; the last of two equal keys wins. Raises Refused."""
    found: dict[str, str] = {}
    for part in text.strip().split(",") if text.strip() else []:
        key, sign, value = part.partition("=")
        if not sign:
            raise Refused(f"“{part}” in “{hidden(text)}” is not a key with a value")
        found[key.strip()] = value.strip()
    return found


def hidden(text: str) -> str:
    """Return *text* without the password that may stand in it."""
    return re.sub(r"(vncpasswd\s*=\s*)[^,]*", r"\1***", text)


def xm_vif(text: str, kind: str) -> Vif:
    """Read what stands in xm's ``vif`` list. Raises Refused."""
    found = pairs(text)
    for key in found:
        if key not in VIF_KEYS:
            raise Refused(f"the network card “{text}” has the key “{key}”, which xm does not know")
    options = tuple((key, value) for key, value in found.items() if key not in ("mac", "bridge", "model", "type"))
    if kind != "hvm":
        return Vif(found.get("mac", ""), found.get("bridge", ""), options=options)
    emulated = found.get("type", "ioemu") == "ioemu"
    return Vif(found.get("mac", ""), found.get("bridge", ""), found.get("model", ""), emulated, options)


def xm_vfb(text: str) -> dict[str, str]:
    """Read what stands in xm's ``vfb`` list; ``type=vnc`` is given back as ``vnc=1``. Raises Refused."""
    found = pairs(text)
    for key in found:
        if key not in VFB_KEYS:
            raise Refused(f"the screen “{hidden(text)}” has the key “{key}”, which xm does not know")
    if kind := found.pop("type", ""):
        found[kind] = "1"
    return found

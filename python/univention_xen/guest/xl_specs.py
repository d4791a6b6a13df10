# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The one-line descriptions of disks, network cards and screens as xl 4.17 reads and as we write them."""

from __future__ import annotations

import re

from univention_xen.errors import XenError
from univention_xen.guest.model import Disk, Vif, spelt_mac
from univention_xen.guest.specs import Refused
from univention_xen.guest.words import names_in

FORMATS = ("raw", "qcow", "qcow2", "vhd", "qed", "empty")
ACCESS = {"": "w", "r": "r", "ro": "r", "w": "w", "rw": "w"}
BACKENDS = ("phy", "tap", "qdisk", "standalone")
SETTING = re.compile(r"(format|access|backend|backendtype|vdev|script|devtype|specification)=([^,]*),?")
FLAG = re.compile(r"(cdrom|direct-io-safe|discard|no-discard|colo)(?:,|$)")
UNKNOWN = re.compile(r"[a-z][-a-z0-9]*=[^,]+,?")
PREFIX = re.compile(r"(raw|qcow2?|vhd|iscsi|e?nbd|drbd|tapdisk|tap2?|aio|ioemu|file|phy):")
BAD_PREFIX = re.compile(r"([a-z][a-z0-9]*):(?![a-z0-9])")
WORD = re.compile(r"[^=,]*,|[^=,]+")
RATE = re.compile(r"([0-9]+)([GMK]?)([Bb])/s(?:@([0-9]+)([mu]?)s)?")
NIC_KEYS = names_in("mac bridge model type ip script backend vifname rate accel netdev gatewaydev forwarddev mtu devid")


class DiskReader:
    """Reads one disk: settings by name, old prefixes, and words whose place says what they are."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: dict[str, str] = {}
        self.options: list[str] = []
        self.cdrom = self.prefixed = self.mode_read = False

    def refuse(self, why: str) -> Refused:
        return Refused(f"the disk “{self.text}” {why}")

    def set(self, key: str, value: str) -> None:
        """Keep a setting. Raises Refused when it is there already; only the format may be repeated."""
        if self.found.get(key) and not (key == "format" and self.found[key] == value):
            raise self.refuse(f"says twice what its {key} is")
        self.found[key] = value

    def read(self) -> Disk:
        """Return the disk. Raises Refused."""
        rest = self.text.lstrip(" \t\n")
        while rest:
            if rest.startswith("target="):
                self.set("target", rest.removeprefix("target="))
                break
            rest = self.step(rest).lstrip(" \t\n")
        return self.disk()

    def step(self, rest: str) -> str:
        """Take what stands in front; return what is left. Raises Refused."""
        if found := SETTING.match(rest):
            self.setting(found[1], found[2])
        elif found := FLAG.match(rest):
            if found[1] == "cdrom":
                self.cdrom = True
            else:
                self.options.append(found[1])
        elif found := UNKNOWN.match(rest):
            raise self.refuse(f"has “{found[0].rstrip(',')}”, which xl does not know")
        elif found := PREFIX.match(rest):
            self.prefix(found[1])
        elif found := BAD_PREFIX.match(rest):
            raise self.refuse(f"has the prefix “{found[1]}:”, which xl does not know")
        elif found := WORD.match(rest):
            self.word(found[0].removesuffix(","))
            return rest[found.end() :]
        elif rest == "=":  # xl overlooks a last character that it does not understand
            return ""
        else:
            raise self.refuse("has an equals sign where none can stand: write the path last, behind target=")
        return rest[found.end() :]

    def setting(self, key: str, value: str) -> None:
        if key == "devtype":
            if value not in ("cdrom", "disk"):
                raise self.refuse(f"is neither disk nor cdrom but “{value}”")
            self.cdrom = value == "cdrom"
        elif key == "backendtype":
            if value not in BACKENDS:
                raise self.refuse(f"has the backendtype “{value}”, which xl does not know")
            self.options.append(f"backendtype={value}")
        elif key == "specification":
            self.options.append(f"specification={value}")
        else:
            self.checked(key, value)

    def checked(self, key: str, value: str) -> None:
        """Keep a setting that only some values make sense for. Raises Refused."""
        if key == "format":
            if value not in ("", *FORMATS):
                raise self.refuse(f"has the format “{value}”, which xl does not know")
            value = value or "raw"
        if key == "access":
            if value not in ACCESS:
                raise self.refuse(f"has the mode “{value}”, and xl knows only r, ro, w and rw")
            value = ACCESS[value]
            self.found.pop("access", None)
        self.set(key, value)

    def prefix(self, word: str) -> None:
        self.prefixed = True
        if word in FORMATS:
            self.set("format", word)
        elif word in ("iscsi", "nbd", "enbd", "drbd"):
            self.set("script", f"block-{word}")

    def word(self, word: str) -> None:
        """Keep a word by its place: target, format, vdev, mode."""
        if self.found.get("target") == "" and not self.prefixed and "format" not in self.found and ":" in word:
            self.prefixed, self.found["format"] = True, "empty"  # an empty drive in xm's spelling, without a prefix
        if "target" not in self.found:
            self.found["target"] = word
        elif not self.prefixed and "format" not in self.found:
            self.checked("format", word)
        elif "vdev" not in self.found:
            vdev, colon, kind = word.rpartition(":")
            if colon and kind not in ("cdrom", "disk"):
                raise self.refuse(f"is neither disk nor cdrom but “{kind}”")
            self.cdrom = self.cdrom or kind == "cdrom"
            self.found["vdev"] = vdev if colon else word
        elif not self.mode_read:  # an earlier access= does not count
            self.mode_read = True
            self.checked("access", word)
        else:
            raise self.refuse(f"has “{word}” where nothing more is expected")

    def disk(self) -> Disk:
        """Return what has been read as a disk. Raises Refused."""
        if "vdev" not in self.found:
            raise self.refuse("does not say under which name the guest sees it (vdev)")
        path = self.found.get("target")
        if path is None and not self.cdrom:
            raise self.refuse("has no target")
        form = self.found.get("format", "raw")
        if self.cdrom and not path:
            form = "empty"
        return Disk(
            path or "", self.found["vdev"], "r" if self.cdrom else self.found.get("access", "w"), self.cdrom, form,
            self.found.get("script", ""), self.found.get("backend", ""), tuple(self.options),
        )  # fmt: skip


def xl_disk(text: str) -> Disk:
    """Read what stands in xl's ``disk`` list. Raises Refused."""
    return DiskReader(text).read()


def written_disk(disk: Disk) -> str:
    """Return *disk* as xl reads it: the path comes last, so that anything may stand in it.

    Raises XenError for what cannot be said.
    """
    for value in (disk.vdev, disk.format, disk.script, disk.backend):
        if "," in value or "\n" in value:
            raise XenError(f"a comma or newline cannot stand in {value!r}")
    if "\n" in disk.path:
        raise XenError(f"a newline cannot stand in the path {disk.path!r}")
    words = [f"vdev={disk.vdev}"]
    if disk.cdrom:
        words.append("devtype=cdrom")
    if disk.format == "empty" or (disk.cdrom and not disk.path):
        return ",".join([*words, "access=ro", "format=empty", *disk.options])
    words.insert(0, f"format={disk.format}")
    words.append("access=rw" if disk.writable else "access=ro")
    words += [f"{key}={value}" for key, value in (("script", disk.script), ("backend", disk.backend)) if value]
    return ",".join([*words, *disk.options, f"target={disk.path}"])


def xl_vif(text: str) -> tuple[Vif, list[str]]:
    """Read what stands in xl's ``vif`` list, and what xl only warns about. Raises Refused."""
    found: dict[str, str] = {}
    remarks = []
    for part in text.split(","):
        key, sign, value = part.lstrip(" \t").partition("=")
        if not part:
            continue
        if not sign or key not in NIC_KEYS:
            remarks.append(f"xl ignores “{part.strip()}” of the network card “{text}”")
        elif key == "rate" and not usable_rate(value):
            raise Refused(f"the network card “{text}” has a rate that xl cannot read: it wants something like 10Mb/s")
        elif key in ("mtu", "devid") and not re.fullmatch(r"\s*[-+]?(0x[0-9a-fA-F]+|[0-9]+)", value):
            raise Refused(f"the network card “{text}” has “{value}” where a number must stand")
        elif key == "mac" and not spelt_mac(value.strip()):
            remarks.append(f"xl ignores the MAC address “{value}”, which is none")
        elif key == "type" and value not in ("ioemu", "vif"):
            remarks.append(f"xl ignores the type “{value}” of a network card; it knows ioemu and vif")
        elif key == "accel":
            remarks.append(f"xl ignores “{part.strip()}” of the network card “{text}”")
        else:
            found[key] = value
    options = tuple((key, value) for key, value in found.items() if key not in ("mac", "bridge", "model", "type"))
    emulated = found.get("type", "ioemu") == "ioemu"
    mac = spelt_mac(found.get("mac", "").strip())
    return Vif(mac, found.get("bridge", ""), found.get("model", ""), emulated, options), remarks


def usable_rate(text: str) -> bool:
    """Whether xl can use *text* as the rate of a network card."""
    found = RATE.fullmatch(text)
    return bool(found and int(found[1]) and (found[4] is None or int(found[4])))


def written_vif(vif: Vif, kind: str) -> str:
    """Return *vif* as xl reads it. Raises XenError for what cannot be said."""
    words = {"mac": spelt_mac(vif.mac), "bridge": vif.bridge}
    if kind == "hvm":
        words |= {"model": vif.model, "type": "" if vif.emulated else "vif"}
    words |= dict(vif.options)
    for value in words.values():
        if "," in value or "\n" in value:
            raise XenError(f"a comma or newline cannot stand in {value!r}")
    return ",".join(f"{key}={value}" for key, value in words.items() if value)


def xl_vfb(text: str) -> dict[str, str]:
    """Read what stands in xl's ``vfb`` list; unknown words are ignored, as xl does."""
    found = {}
    for part in text.split(","):
        key, sign, value = part.lstrip(" \t").partition("=")
        if sign:
            found[key] = value
    return found

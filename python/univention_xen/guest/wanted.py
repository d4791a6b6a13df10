# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Which xl settings mean the same as the guest of an old file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from univention_xen.guest.model import Disk, Guest, Vif, spelt_mac
from univention_xen.guest.specs import xm_disk, xm_vfb
from univention_xen.guest.words import CannotRun, Trouble, Value
from univention_xen.guest.xl_specs import FORMATS, usable_rate, written_disk, written_vif
from univention_xen.guest.xm_names import COMMANDLINE, SCREEN

if TYPE_CHECKING:
    from univention_xen.guest.program import Program

VFB_KEYS = (
    "vnc",
    "vnclisten",
    "vncdisplay",
    "vncunused",
    "vncpasswd",
    "sdl",
    "opengl",
    "display",
    "xauthority",
    "keymap",
)
XL_VIF_KEYS = ("ip", "script", "vifname", "rate", "backend")


class Wanted:
    """The settings of the new file that follow from the meaning of the old one; None means that a name must go.

    Names that are not in *values* stay as they are. *losses* is what xl cannot do.
    """

    def __init__(self, guest: Guest, program: Program) -> None:
        self.guest, self.program = guest, program
        self.values: dict[str, Value | None] = {}
        self.losses: list[Trouble] = []
        self.refusals: list[Trouble] = []
        self.basics()
        self.disks()
        self.values["vif"] = [self.vif(vif) for vif in guest.vifs] or None
        self.values["nics"] = None
        self.screen()
        if guest.kind == "hvm":
            self.firmware()
        else:
            self.kernel()
        self.rarities()
        if self.refusals:
            raise CannotRun(self.refusals)

    def old(self, name: str) -> Any:
        """Return the value of the old file; None when xm did not see one."""
        value = self.program.values.get(name)
        return value if type(value) in (str, int, float, list) else None

    def lose(self, name: str, sentence: str) -> None:
        self.losses.append(Trouble(name, sentence))

    def basics(self) -> None:
        """Kind, name, memory, processors, what happens at the end."""
        guest, values = self.guest, self.values
        values |= {"type": guest.kind, "builder": None, "name": guest.name, "memory": guest.memory}
        values["maxmem"] = guest.maxmem if guest.maxmem != guest.memory else None
        if self.old("maxmem") == guest.memory:
            values["maxmem"] = guest.memory
        values["vcpus"] = guest.vcpus if self.old("vcpus") is not None else None
        values["maxvcpus"] = None
        if self.old("maxvcpus"):
            values["maxvcpus"] = guest.vcpus
            now = self.old("vcpus")
            values["vcpus"] = min(int(now), guest.vcpus) if now is not None else guest.vcpus
        old_restart = self.old("restart") in ("onreboot", "always")
        for name in ("on_poweroff", "on_reboot", "on_crash"):
            if self.old(name) or name == "on_crash" or old_restart:
                values[name] = getattr(guest, name)
            else:
                values[name] = None
        values["restart"] = None
        values["uuid"] = hyphenated(guest.uuid) if guest.uuid else None

    def disks(self) -> None:
        """Disks in xl's spelling; refuses what xl 4.17 has no driver for."""
        found: list[Value] = []
        for text in self.old("disk") or []:
            disk, protocol = xm_disk(str(text))
            self.disk_losses(str(text), disk, protocol)
            found.append(written_disk(disk))
        self.values["disk"] = found or None

    def disk_losses(self, text: str, disk: Disk, protocol: str) -> None:
        """Say what a disk loses, or that it cannot be carried over."""
        if disk.format not in FORMATS:
            self.refusals.append(
                Trouble("disk", f"xl has no driver for {disk.format} (“{text}”): qemu-img convert makes qcow2 of it")
            )
        if "," in disk.backend + disk.script:
            self.refusals.append(Trouble("disk", f"the disk “{text}” has a comma where xl cannot have one"))
        if ",w!" in text and not disk.cdrom:
            self.lose(
                "disk", f"“{text}”: w! allowed another guest to write at the same time; xl does not ask, so take care"
            )
        if disk.cdrom and disk.mode == "w":
            self.lose("disk", f"“{text}”: the CD is read-only, as it always was")
        if protocol:
            self.lose("disk", f"“{text}”: the protocol {protocol} is chosen by xl itself")
        if re.match(r"tap2?:(tapdisk:)?ram:", text):
            self.lose("disk", f"“{text}”: the copy in memory does not exist any more, changes go to the image")
        elif re.match(r"tap2?:(tapdisk:)?sync:", text):
            self.lose("disk", f"“{text}”: xl has no synchronous driver, the image is opened like any other")
        if disk.script not in ("", "block-iscsi", "block-nbd", "block-enbd", "block-drbd"):
            self.lose("disk", f"“{text}” needs /etc/xen/scripts/{disk.script}")
        if disk.vdev.isdigit():
            self.lose(
                "disk", f"“{text}”: xend took the device number for a hexadecimal one, xl takes it as it is written"
            )
        if disk.path and not disk.script and not disk.path.startswith("/"):
            self.lose("disk", f"“{text}”: the path is relative, so it depends on where xl is started")

    def vif(self, vif: Vif) -> str:
        """Return a network card in xl's spelling, without what xl has no word for."""
        options = []
        for key, value in vif.options:
            if key == "rate" and not usable_rate(value):
                self.lose("vif", f"the rate “{value}” is none that xl can read, so the card has no limit")
            elif key in XL_VIF_KEYS:
                options.append((key, value))
            elif value:
                self.lose("vif", f"{key}={value}: xl does not have this for network cards")
        if vif.mac and not spelt_mac(vif.mac):
            self.lose("vif", f"“{vif.mac}” is no MAC address, so xl chooses one")
        return written_vif(
            Vif(spelt_mac(vif.mac), vif.bridge, vif.model, vif.emulated, tuple(options)), self.guest.kind
        )

    def screen(self) -> None:
        """VNC and SDL: settings of their own for hvm, a vfb for pv."""
        guest, values = self.guest, self.values
        if guest.kind == "hvm":
            values["vfb"] = None
            values["vnc"] = int(guest.vnc.on)
            if not self.old("vfb"):
                return
            values |= {"vnclisten": guest.vnc.listen, "vncunused": int(guest.vnc.unused)}
            values["vncdisplay"] = guest.vnc.display
            values["vncpasswd"] = guest.vnc.password or None
            return
        values |= dict.fromkeys(SCREEN)
        found: list[Value] = []
        for text in self.old("vfb") or []:
            keys = xm_vfb(str(text))
            keys.setdefault("vnc", "0")
            if keys.get("vnc") != "0" and self.old("keymap"):
                keys.setdefault("keymap", str(self.old("keymap")))
            for key in sorted(set(keys) - set(VFB_KEYS)):
                self.lose("vfb", f"{key}={keys[key]}: xl does not have this for a screen")
            found.append(",".join(f"{key}={keys[key]}" for key in VFB_KEYS if keys.get(key)))
        if len(found) > 1:
            self.lose("vfb", "there are several screens, and the first one is what one sees")
        values["vfb"] = found or None

    def firmware(self) -> None:
        """What starts an hvm guest: the order of its drives."""
        self.values["boot"] = self.guest.boot
        self.values |= dict.fromkeys(("kernel", "ramdisk", "bootloader", "bootargs", *COMMANDLINE))

    def kernel(self) -> None:
        """What starts a pv guest: kernel or boot loader, and the command line."""
        guest, values = self.guest, self.values
        values |= {"kernel": guest.kernel or None, "ramdisk": guest.ramdisk or None, "boot": None}
        if guest.ramdisk and not guest.ramdisk.startswith("/"):
            self.lose("ramdisk", f"the path {guest.ramdisk} is relative, so it depends on where xl is started")
        values |= {"bootloader": None, "bootargs": None}
        if guest.bootloader:
            is_pygrub = guest.bootloader.rpartition("/")[2] == "pygrub"
            values["bootloader"] = "pygrub" if is_pygrub else guest.bootloader
        values["bootloader_args"] = list(guest.bootloader_args) or None
        plain = {"root", "extra"}.issuperset(name for name in COMMANDLINE if self.old(name))
        root, extra = str(self.old("root") or ""), str(self.old("extra") or "")
        line = guest.cmdline.split()
        if plain and (f"root={root} {extra}".split() == line if root else extra.split() == line):
            values |= {"root": root or None, "extra": extra or None}
            values |= dict.fromkeys(COMMANDLINE[2:])
            return
        values |= dict.fromkeys(COMMANDLINE)
        values["cmdline"] = " ".join(guest.cmdline.split("\n")) or None
        if "\n" in guest.cmdline:
            self.lose("extra", "the newline in the kernel's command line became a blank")

    def rarities(self) -> None:
        """Settings that xl knows by another name."""
        cpu = self.old("cpu")
        if isinstance(cpu, int) and cpu >= 0 and not self.old("cpus"):
            self.values |= {"cpus": str(cpu), "cpu": None}
        if self.old("extid") == 1 and self.guest.kind == "hvm":
            self.values |= {"viridian": 1, "extid": None}


def hyphenated(uuid: str) -> str:
    """Return a UUID as xl wants it."""
    digits = uuid.replace("-", "").lower()
    if uuid.count("-") == 4 and len(uuid) == 36:
        return uuid
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

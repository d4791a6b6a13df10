# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What a guest file of the xm years means: Xen 4.1's reading; where that refuses, what older versions made of it."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from univention_xen.guest.model import ACTIONS, Disk, Guest, Vif, Vnc, same_action, spelt_mac
from univention_xen.guest.program import Program
from univention_xen.guest.python2_values import Unclear, type_name
from univention_xen.guest.specs import Refused, hidden, xm_disk, xm_vfb, xm_vif
from univention_xen.guest.words import CannotRun, Trouble

NAME = re.compile(r"[A-Za-z0-9_./:+-]+")
UUID = re.compile(r"-*(?:[0-9a-fA-F]{2}-*){16}")
DUMMY_NFS_SERVER = "127.0.255.255"
"""What xm 3.3 … 4.1 put where the kernel's ip= wants an NFS server and there is none."""


class Old(NamedTuple):
    """A guest of the xm years, and what should be said about how it was read."""

    guest: Guest
    remarks: list[Trouble]


def load(program: Program, name: str) -> Old:
    """Return the guest that *program* describes; *name* is what it is called when the file does not say.

    Raises CannotRun with every reason why there is none.
    """
    loader = Loader(program)
    guest = loader.guest(name)
    if loader.refusals:
        raise CannotRun(loader.refusals)
    return Old(guest, loader.remarks)


class Loader:
    """Reads one setting after the other, collecting what is wrong."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.refusals: list[Trouble] = []
        self.remarks: list[Trouble] = []

    def refuse(self, name: str, sentence: str) -> None:
        self.refusals.append(Trouble(name, sentence))

    def value(self, name: str) -> Any:
        """Return a setting; None when it is not set, or set to something of a type that xm drops."""
        value = self.program.values.get(name)
        if isinstance(value, Unclear):
            self.refuse(name, f"{name} {value.why}")
            return None
        return value if type(value) in (str, int, float, list) else None

    def text(self, name: str, default: str = "") -> str:
        """Return a text setting; a number is taken as its digits."""
        value = self.value(name)
        if isinstance(value, list):
            self.refuse(name, f"{name} is a list, and only a text makes sense")
            return default
        return default if value is None else str(value)

    def number(self, name: str, default: int | None = None) -> int | None:
        """Return a number, also one written as text."""
        value = self.value(name)
        if value is None:
            return default
        try:
            return int(value)
        except (TypeError, ValueError, OverflowError):
            self.refuse(name, f"{name} is {plainly(value)}, which is no number")
            return default

    def texts(self, name: str) -> list[str]:
        """Return a list of texts."""
        value = self.value(name)
        if value in (None, "", []):
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.refuse(name, f"{name} is {type_name(value)}, and only a list of texts makes sense")
            return []
        return [str(item) for item in value]

    def guest(self, default_name: str) -> Guest:
        """Put the guest together; it is worth nothing when there are refusals."""
        name = self.text("name") or default_name
        if not NAME.fullmatch(name):
            self.refuse(
                "name", f"“{name}” cannot be the name of a guest: letters, digits and _ - . : + can stand in it"
            )
        if "/" in name:
            self.remarks.append(Trouble("name", "the slash in the name was allowed up to Xen 3.4 only"))
        builder = self.text("builder", "linux")
        if builder not in ("linux", "hvm"):
            self.refuse("builder", f"the builder “{builder}” does not exist, only linux and hvm")
        kind = "hvm" if builder == "hvm" else "pv"
        self.other_refusals(kind)
        memory = self.number("memory", 128) or 0
        maxmem = self.number("maxmem") or memory
        if memory <= 0:
            self.refuse("memory", f"memory is {memory}, and a guest needs some")
        if maxmem < memory:
            self.refuse("maxmem", f"maxmem ({maxmem}) is less than memory ({memory})")
        disks = self.disks()
        bootloader, arguments = self.bootloader(kind, bool(disks))
        return Guest(
            name, kind, memory, maxmem, self.vcpus(), disks, self.vifs(kind),
            boot=self.text("boot", "c") if kind == "hvm" else "",
            bootloader=bootloader, bootloader_args=arguments,
            kernel=self.kernel() if kind == "pv" else "",
            ramdisk=self.text("ramdisk") if kind == "pv" else "",
            cmdline=self.cmdline() if kind == "pv" else "",
            vnc=self.vnc(kind), sdl=kind == "hvm" and bool(self.number("sdl", 0)),
            uuid=self.text("uuid"), **self.actions(),
        )  # fmt: skip

    def other_refusals(self, kind: str) -> None:
        """Look at settings that make no difference to the guest but that xend stumbles over."""
        if type(self.value("cpus")) in (int, float):
            self.refuse("cpus", "cpus is a number, and xend wants a text or a list")
        uuid = self.text("uuid")
        if uuid and not UUID.fullmatch(uuid):
            self.refuse("uuid", f"“{uuid}” is no UUID")
        if kind == "hvm" and isinstance(self.value("boot"), list):
            self.refuse("boot", "boot is a list, and only a text such as “cd” makes sense")

    def vcpus(self) -> int:
        """Return how many processors the guest has at most; xend before 3.4 took nonsense for 1."""
        value = self.value("vcpus")
        try:
            count = 1 if value is None else int(value)
        except (TypeError, ValueError, OverflowError):
            count = 0
        if count <= 0:
            self.remarks.append(
                Trouble("vcpus", f"vcpus is {plainly(value)}: Xen 3.2 took that for 1, later ones refuse it")
            )
            count = 1
        return self.number("maxvcpus") or count

    def disks(self) -> tuple[Disk, ...]:
        """Read the disk list."""
        found = []
        for text in self.texts("disk"):
            try:
                found.append(xm_disk(text)[0])
            except Refused as why:
                self.refuse("disk", str(why))
        return tuple(found)

    def vifs(self, kind: str) -> tuple[Vif, ...]:
        """Read the list of network cards; the old ``nics`` fills it up with cards that the host chooses."""
        found = []
        for text in self.texts("vif"):
            try:
                found.append(xm_vif(text, kind))
            except Refused as why:
                self.refuse("vif", str(why))
        macs = [spelt_mac(vif.mac) or vif.mac for vif in found if vif.mac]
        for mac in sorted({mac for mac in macs if macs.count(mac) > 1}):
            self.refuse("vif", f"two network cards have the MAC address {mac}")
        missing = min(self.number("nics") or 0, 64) - len(found)
        return (*found, *[Vif()] * missing)

    def bootloader(self, kind: str, has_disks: bool) -> tuple[str, tuple[str, ...]]:
        """Return the boot loader and what it is told; xend falls back to pygrub when there is no kernel either."""
        program = self.text("bootloader")
        if kind == "hvm":
            return "", ()
        if not program:
            if self.text("kernel"):
                return "", ()
            if not has_disks:
                self.refuse("kernel", "there is neither kernel nor boot loader nor disk, so nothing could start")
            return "pygrub", ()
        arguments = self.text("bootargs") or "-q"  # what xm passes unless its -c is given
        return program, tuple(arguments.split())

    def kernel(self) -> str:
        """Return the path of the kernel; a bare name lies in the directory in which xm ran."""
        kernel = self.text("kernel")
        if kernel and "/" not in kernel and not self.text("bootloader"):
            self.remarks.append(
                Trouble("kernel", f"the kernel {kernel} was looked for where xm was started; / is assumed")
            )
            return f"/{kernel}"
        return kernel

    def cmdline(self) -> str:
        """Return the kernel's command line as xm and xend put it together."""
        line = self.text("extra")
        if path := self.text("nfs_root"):
            if not (server := self.text("nfs_server")):
                self.refuse("nfs_root", "nfs_root is set but nfs_server is not")
            line = f"nfsroot={server}:{path} {line}"
        network = self.ip()
        if network and not re.search("ip=[^ ]+", line):
            line = f"ip={network} {line}"
        root = self.text("root").removeprefix("root=")
        if root and "root=" not in line:  # also finds nfsroot=, as xend does
            line = f"root={root} {line}"
        return line.strip(" ")

    def ip(self) -> str:
        """Return what the kernel is told about its network; '' when nothing."""
        address, dhcp = self.text("ip"), self.text("dhcp", "off")
        if not address and dhcp == "off":
            return ""
        server = self.text("nfs_server") or DUMMY_NFS_SERVER
        middle = [self.text(name) for name in ("gateway", "netmask", "hostname")]
        return ":".join([address, server, *middle, self.text("interface", "eth0"), dhcp]).removeprefix("ip=")

    def vnc(self, kind: str) -> Vnc:
        """Return the screen: a PV guest's is its vfb, an HVM guest's the settings of the file or its vfb."""
        screens = []
        for text in self.texts("vfb"):
            try:
                screens.append(xm_vfb(text))
            except Refused as why:
                self.refuse("vfb", str(why))
        found = dict(screens[0]) if screens else {}
        if kind == "hvm":
            for name in ("vnc", "vnclisten", "vncdisplay", "vncunused", "vncpasswd"):
                if name not in found and self.value(name) is not None:
                    found[name] = self.text(name)
        numbers = {}
        for name in ("vnc", "vncunused", "vncdisplay"):
            try:
                numbers[name] = int(found[name]) if name in found else None
            except ValueError:
                self.refuse("vfb" if screens else name, f"{name} is “{hidden(found[name])}”, which is no number")
        if not numbers.get("vnc"):
            return Vnc()
        unused = numbers.get("vncunused")
        return Vnc(
            True, found.get("vnclisten") or "127.0.0.1", numbers.get("vncdisplay"), unused is None or bool(unused),
            found.get("vncpasswd", ""),
        )  # fmt: skip

    def actions(self) -> dict[str, str]:
        """Return what happens when the guest ends; the old ``restart`` sets all three."""
        words = {"on_poweroff": "destroy", "on_reboot": "restart", "on_crash": "restart"}
        for name, default in words.items():
            words[name] = same_action(self.text(name) or default)
        restart = self.text("restart")
        if restart == "onreboot":
            words = {"on_poweroff": "destroy", "on_reboot": "restart", "on_crash": "destroy"}
        elif restart == "always":
            words = dict.fromkeys(words, "restart")
        elif restart == "never":
            self.refuse("restart", "restart is “never”, which no xend understands")
        for name, word in words.items():
            if word not in ACTIONS[:-1]:
                self.refuse(name, f"{name} is “{word}”, which xend does not know")
        return words


def plainly(value: object) -> str:
    """Return a value as it can stand in a sentence."""
    return f"“{value}”" if isinstance(value, str) else "a list" if isinstance(value, list) else str(value)

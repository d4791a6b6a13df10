# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Guests as the recorded xm and the real xl describe them, as values of our model."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from univention_xen.guest.model import Disk, Guest, Vif, Vnc

VIF_NAMES = {
    "ifname": "vifname", "ip": "ip", "script": "script", "backend_domname": "backend",
    "gatewaydev": "gatewaydev", "mtu": "mtu",
}  # fmt: skip


def from_meaning(meaning: dict[str, Any]) -> Guest:
    """Return the guest that a record's ``meaning`` describes."""
    texts = ("boot", "kernel", "ramdisk", "cmdline", "bootloader")
    vnc = meaning["vnc"]
    known = ("mac", "bridge", "model", "emulated")
    return Guest(
        meaning["name"], meaning["kind"], meaning["memory"], meaning["maxmem"], meaning["vcpus"],
        tuple(Disk(each["path"], each["vdev"], each["mode"], each["cdrom"], each["format"], each.get("script", ""))
              for each in meaning["disks"]),
        tuple(Vif(each["mac"] or "", each["bridge"] or "", each.get("model", ""), each.get("emulated", True),
                  tuple((key, value) for key, value in each.items() if key not in known))
              for each in meaning["vifs"]),
        **{name: meaning[name] or "" for name in texts},
        bootloader_args=tuple((meaning["bootloader_args"] or "").split()),
        vnc=Vnc(True, vnc["listen"], None, vnc["unused"], "secret" * vnc["password"]) if vnc["on"] else Vnc(),
        sdl=meaning.get("sdl", False),
        **{name: meaning[name] for name in ("on_poweroff", "on_reboot", "on_crash")},
    )  # fmt: skip


def from_xl(config: dict[str, Any]) -> Guest:
    """Return the guest that xl's JSON describes; values at their default are not in it."""
    build, kind = config["b_info"], config["c_info"]["type"]
    special = build.get(f"type.{kind}", {})
    memory = build.get("target_memkb", 32 * 1024) // 1024
    disks = (
        Disk(each.get("pdev_path", ""), each["vdev"], "w" if each.get("readwrite") else "r", bool(each.get("is_cdrom")),
             each["format"], each.get("script", ""), each.get("backend_domname", ""))
        for each in config.get("disks", [])
    )  # fmt: skip
    vifs = (
        Vif(each.get("mac", "").replace("<mac>", ""), each.get("bridge", ""), each.get("model", ""),
            each.get("nictype", "vif_ioemu") == "vif_ioemu",
            tuple(sorted((VIF_NAMES[name], str(value)) for name, value in each.items() if name in VIF_NAMES)))
        for each in config.get("nics", [])
    )  # fmt: skip
    return Guest(
        config["c_info"]["name"], kind,
        memory, build.get("max_memkb", memory * 1024) // 1024, build.get("max_vcpus", 1),
        tuple(disks), tuple(vifs),
        boot=(special.get("boot") or "cda") if kind == "hvm" else "",
        bootloader=build.get("bootloader", ""), bootloader_args=tuple(build.get("bootloader_args", ())),
        kernel=build.get("kernel", "") if kind != "hvm" else "", ramdisk=build.get("ramdisk", ""),
        cmdline=build.get("cmdline", "").strip(" "), vnc=screen(config, kind, special),
        sdl=kind == "hvm" and special["sdl"].get("enable") == "True",
        on_poweroff=action(config, "on_poweroff", "destroy"), on_reboot=action(config, "on_reboot", "destroy"),
        on_crash=action(config, "on_crash", "destroy"),
    )  # fmt: skip


def screen(config: dict[str, Any], kind: str, special: dict[str, Any]) -> Vnc:
    screens = [special["vnc"]] if kind == "hvm" else [each["vnc"] for each in config.get("vfbs", [])[:1]]
    default = "False" if special.get("nographic") == "True" else "True"
    if not screens or screens[0].get("enable", default) != "True":
        return Vnc()
    found = screens[0]
    unused = found.get("findunused", "True") == "True"
    return Vnc(True, found.get("listen") or "127.0.0.1", found.get("display"), unused, found.get("passwd") or "")


def action(config: dict[str, Any], name: str, default: str) -> str:
    word = str(config.get(name, default)).replace("_", "-")
    return "rename-restart" if word == "restart-rename" else word


def comparable(guest: Guest) -> Guest:
    """Leave out what xl's JSON spells beyond recognition: the UUID, rates, device numbers, options of disks."""
    vifs = (
        replace(vif, options=tuple(sorted(each for each in vif.options if each[0] not in ("rate", "devid"))))
        for vif in guest.vifs
    )
    return replace(
        guest, uuid="", vifs=tuple(vifs), disks=tuple(replace(disk, options=()) for disk in guest.disks)
    )  # fmt: skip


OLD_LINES = re.split(
    r"[|\n]",
    """\
memory = 64|memory = '64'|memory = 2 * 64|n = 64;memory = n|memory = True|vcpus = 2|vcpus = 0|maxvcpus = 4|maxmem = 512
name = 'x' + 'y'|name = 'z'; vcpus = 3|x = y = 'b'|(memory, vcpus) = (96, 2)|Name = 1|type = 'pvh'|import os|print 'x'
builder = 'linux'|builder = 'hvm'|bootloader = 'pygrub'|boot = 'cd'|root = '/dev/a'|extra = 'ro' * 2|if 0: pass
disk = ['file:/a,xvda,w']|disk = []|disk += ['phy:b,xvdb,r']|disk.append(',hdc:cdrom,r')|pci = ['01:00.0']|# comment
vif = ['']|vif = ['mac=00:16:3e:00:00:01, bridge = b']|vnc = 1|vnclisten = '192.0.2.1'|vfb = ['type=vnc,vncdisplay=3']
vfb = ['sdl=1']|on_crash = 'preserve'|restart = 'always'|localtime = 1|keymap = 'de'|usb = 1 ; usbdevice = 'tablet'
uuid = '6a1f4c1e-55aa-4f0e-9a11-0c0ffee0c0de'
timer_mode = 2|tsc_mode = 1|tsc_mode = 7|pci = ['x']|irq = [5, 6]|ioports = ['2f8-2ff']|ioports = ['zz']
cpus = '0-'|cpus = ['1']|vtpm = ['instance=1,backend=0']|vif2 = ['x']|cpu = 2|boot = 1|name = 7|keymap = 1|nics = 3
stdvga = 1|videoram = 8|serial = 'pty'|soundhw = 'all'|rtc_timeoffset = -5|bootargs = '-q --entry=2'|cpu_cap = 50
localtime = 'yes'|device_model = '/x'|extid = 1|extra = 'a=b, c'|root='/dev/x'|vncpasswd = ''
usbdevice = ['tablet', 'x']|vcpus = '3'|kernel = '/k2'|ramdisk = '/r'""",
)
"""Lines of old guest files, for tests that put them together at random."""

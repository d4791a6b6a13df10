# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A new guest: its file and its images, from what the administrator says and what the registry says otherwise."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from univention_xen import registry, units
from univention_xen.errors import CommandFailed, ToolMissing, UsageError, XenError
from univention_xen.guest import check, look, render
from univention_xen.guest.model import Disk, Guest, Vif, Vnc, spelt_mac
from univention_xen.image import create, sizes
from univention_xen.image.look import look_at
from univention_xen.log import log
from univention_xen.plan import MakeDirectory, Plan
from univention_xen.settings.network import Network
from univention_xen.settings.vnc import Vnc as VncSettings
from univention_xen.toolstack import autostart, followed, linux, listing, starting
from univention_xen.toolstack.domain import one
from univention_xen.toolstack.file_steps import NewFile
from univention_xen.toolstack.guests import DETACH
from univention_xen.toolstack.steps import Foreground, Link, Start

if TYPE_CHECKING:
    from univention_xen.plan import Machine, Step
    from univention_xen.toolstack.domain import Domain, Toolstack

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")
TAKEN = frozenset(("auto", "xl", "Domain-0", "saved", "save", "dump", "snapshots"))
"""Names that mean something else below /etc/xen and /var/lib/xen."""
IMAGES = "/var/lib/xen"
FORMATS = {"raw": "raw", "qcow2": "qcow2", "vpc": "vhd", "vhd": "vhd"}
PVGRUB = {"pv": "/usr/lib/grub-xen/grub-x86_64-xen.bin", "pvh": "/usr/lib/grub-xen/grub-i386-xen_pvh.bin"}
NIC_KEYS = ("mac", "bridge", "model", "ip", "script", "vifname", "rate", "backend")
IDE = ("hda", "hdb", "hdd")  # hdc is the CD


@dataclass(frozen=True)
class Wish:
    """What the command line says; None and '' leave it to us."""

    name: str
    kind: str = ""
    memory: str = "1G"
    vcpus: int = 1
    disks: tuple[str, ...] = ()
    cdrom: str = ""
    nics: tuple[str, ...] = ()
    kernel: str = ""
    initrd: str = ""
    cmdline: str = ""
    bootloader: str = ""
    boot: str = ""
    vnc: str | None = None
    sdl: bool = False
    graphics: bool = True
    autostart: bool = False
    start: bool = False
    console: bool = False
    installed_kernel: str = ""
    installed_initrd: str = ""
    installed_cmdline: str = ""


class New(NamedTuple):
    """A guest as it is to be: its images to be made, and the registry variables that its lines follow."""

    guest: Guest
    images: tuple[create.Create, ...]
    tags: dict[str, str]


def plan(wish: Wish, stack: Toolstack, on: Machine) -> Plan:
    """Return the plan for a new guest. Raises XenError when anything of it is there already or makes no sense."""
    path = refuse_taken(wish.name, stack, on)
    if os.path.lexists(on.path(path + look.AFTER_INSTALL)):
        raise XenError(
            f"{path}{look.AFTER_INSTALL} is there already, of an installation that was not finished",
            hint="choose another name, or remove it",
        )
    new = decide(wish, on)
    text = render.render(new.guest, tags=new.tags)
    warn([check.GuestFile(path, text)], new.images, on, fatal=wish.start)
    steps = [*making(new.images, wish.name), NewFile(path, text)]
    if wish.autostart:
        auto = autostart.directory(on)
        steps += [MakeDirectory(auto)] if not on.path(auto).is_dir() else []
        steps.append(Link(f"{auto}/{wish.name}.cfg", path))
    return Plan((*steps, *starts(wish, new.guest, path, stack, on)))


def making(images: tuple[create.Create, ...], name: str) -> list[Step]:
    """Return the steps that make the images of a guest, of which an interrupted try may have made some."""
    steps: list[Step] = []
    for image in images:
        directory = os.path.dirname(image.path)
        if not os.path.isdir(directory) and not any(isinstance(each, MakeDirectory) for each in steps):
            steps.append(MakeDirectory(f"{IMAGES}/{name}"))
        if not untouched(image):
            steps.append(image)
    return steps


def starts(wish: Wish, guest: Guest, path: str, stack: Toolstack, on: Machine) -> list[Step]:
    """Return the steps that start the new guest, if that is wished for.

    Raises XenError when it would write to an image that is in use.
    """
    if not wish.start:
        return []
    names = [each.name for each in running(stack, on) if each.exists]
    starting.refuse_shared(wish.name, starting.writes(guest), starting.written_by(names, listing.described(on), on), on)
    start = Start(wish.name, stack.start(wish.name, path, paused=False))
    return [start, *([Foreground(stack.console(wish.name), DETACH)] if wish.console else [])]


def refuse_taken(name: str, stack: Toolstack, on: Machine) -> str:
    """Return the path of the new guest's file. Raises UsageError and XenError for a name that cannot be used."""
    if not NAME.fullmatch(name) or name.isdigit() or name in TAKEN:
        raise UsageError(f"{name!r} cannot be the name of a new guest", hint="letters, digits and _ . + - between them")
    path = f"{look.DIRECTORY}/{name}.cfg"
    if os.path.lexists(on.path(path)):
        raise XenError(f"{path} is there already; nothing is overwritten", hint="choose another name")
    for each in listing.described(on):
        if each.name == name:
            raise XenError(f"{each.file.path} describes a guest {name} already", hint="choose another name")
    if one(running(stack, on), name):
        raise XenError(f"a guest {name} is running, though no file describes it", hint="choose another name")
    return path


def running(stack: Toolstack, on: Machine) -> list[Domain]:
    """Return what runs on this host; nothing where that cannot be known."""
    if str(on.root) == "/":
        try:
            return stack.domains(on.run)
        except (CommandFailed, ToolMissing) as why:
            log.debug("what runs cannot be seen: %s", why)
    return []


def decide(wish: Wish, on: Machine) -> New:
    """Return the guest that is wished for. Raises UsageError and XenError."""
    kind = wish.kind or (
        best_for_linux(on, wish.kernel) if (wish.kernel or wish.bootloader) and not wish.cdrom else "hvm"
    )
    if kind != "hvm" and not (wish.kernel or wish.bootloader):
        raise UsageError(f"a {kind} guest needs --kernel or --bootloader", hint="or --type hvm")
    if kind == "hvm" and (wish.kernel or wish.initrd or wish.cmdline or wish.bootloader):
        raise UsageError(
            "an hvm guest boots from its disk or CD", hint="leave out --kernel, or choose --type pvh or pv"
        )
    if not 1 <= wish.vcpus <= 512:
        raise UsageError("--vcpus takes a number from 1 to 512")
    memory = sizes.parse_size(wish.memory) >> 20
    if memory < 4:
        raise UsageError(f"{wish.memory} is too little memory for any guest", hint="such as 512M or 2G")
    disks, images = wished_disks(wish, kind, on)
    vifs, follows = network_cards(wish, on)
    vnc, vnc_follows = screen(wish, kind, on)
    if wish.boot and not re.fullmatch("[acdn]{1,4}", wish.boot):
        raise UsageError(f"--boot {wish.boot}: c is the disk, d the CD, n the network, a the floppy disk")
    guest = Guest(
        name=wish.name, kind=kind, memory=memory, maxmem=memory, vcpus=wish.vcpus, disks=disks, vifs=vifs,
        boot=(wish.boot or ("cd" if wish.cdrom else "c")) if kind == "hvm" else "",
        bootloader="pygrub" if wish.bootloader == "pygrub" else "",
        kernel=existing(wish.kernel, on) if wish.kernel else PVGRUB[kind] if wish.bootloader == "pvgrub" else "",
        ramdisk=existing(wish.initrd, on) if wish.initrd else "", cmdline=wish.cmdline, vnc=vnc,
        sdl=wish.sdl and kind == "hvm", on_crash="restart",
    )  # fmt: skip
    return New(guest, images, follows | vnc_follows)


def best_for_linux(on: Machine, kernel: str = "") -> str:
    """Return pvh, which Xen's developers advise for Linux, or pv where the processor or the kernel cannot do it."""
    if kernel and not linux.can_pvh(str(on.path(os.path.abspath(kernel)))):
        return "pv"
    if str(on.root) != "/":
        return "pvh"
    try:
        return "pvh" if can_pvh(on.run("xl", "info").out) else "pv"
    except (CommandFailed, ToolMissing):
        return "pvh"


def can_pvh(info: str) -> bool:
    """Say whether a host can run pvh guests, as `xl info` says: they need what hvm guests need."""
    return re.search(r"^virt_caps *:.*\bhvm\b", info, re.MULTILINE) is not None


def existing(path: str, on: Machine) -> str:
    """Return the absolute path of a file that must be there. Raises XenError."""
    found = os.path.abspath(path)
    if not on.path(found).exists():
        raise XenError(f"{found} does not exist")
    return found


def wished_disks(wish: Wish, kind: str, on: Machine) -> tuple[tuple[Disk, ...], tuple[create.Create, ...]]:
    """Return the disks of the guest, and the images that have to be made for them."""
    disks, images = [], []
    for number, word in enumerate(wish.disks):
        vdev = IDE[number] if kind == "hvm" and number < len(IDE) else f"xvd{chr(ord('a') + number + (kind == 'hvm'))}"
        if "/" in word:
            path = existing(word, on)
            disks.append(Disk(path, vdev, format=FORMATS[look_at(str(on.path(path)), on.run).format]))
            continue
        path = f"{IMAGES}/{wish.name}/disk{number + 1}.img"
        image = create.Create(str(on.path(path)), sizes.parse_size(word))
        if os.path.lexists(image.path) and not untouched(image):
            raise create.exists(image.path)
        disks.append(Disk(path, vdev))
        images.append(image)
    if wish.cdrom:
        disks.append(Disk(existing(wish.cdrom, on), "hdc" if kind == "hvm" else "xvdz", "r", cdrom=True))
    return tuple(disks), tuple(images)


def untouched(image: create.Create) -> bool:
    """Whether the image is there already, as an interrupted try has left it: of this size, and nothing ever written."""
    if os.path.islink(image.path) or not os.path.isfile(image.path) or os.path.getsize(image.path) != image.size:
        return False
    return create.is_blank(image.path)


def network_cards(wish: Wish, on: Machine) -> tuple[tuple[Vif, ...], dict[str, str]]:
    """Return the network cards, each with an address that nobody else has, and the variable that they follow."""
    network = Network.read(registry.read(str(on.root)))[0]
    bridge = network.bridge_name if network.mode == "bridge" else ""
    used = {vif.mac for each in listing.described(on) if each.guest for vif in each.guest.vifs}
    cards = []
    for words in wish.nics:
        options = dict(word.partition("=")[::2] for word in words.split(",") if word)
        if odd := [key for key in options if key not in NIC_KEYS or not options[key]]:
            raise UsageError(f"--nic {odd[0]}: a card has {', '.join(f'{key}=…' for key in NIC_KEYS)}")
        mac = spelt_mac(options.pop("mac", "")) or ("" if "mac=" in words else fresh_mac(used))
        if not mac or mac in used:
            raise UsageError(f"--nic {words}: " + ("another guest has this address" if mac else "this is no address"))
        used.add(mac)
        place, model = options.pop("bridge", bridge), options.pop("model", "")
        if place and not re.fullmatch(units.INTERFACE, place):
            raise UsageError(f"{place!r} cannot be the name of a bridge")
        cards.append(Vif(mac, place, model, options=tuple(options.items())))
    own = any("bridge=" in words for words in wish.nics)
    return tuple(cards), {"vif": Network.bridge_name.name} if cards and bridge and not own else {}


def fresh_mac(used: set[str]) -> str:
    """Return an address of Xen's own range that is not in *used*."""
    while True:
        number = secrets.randbits(23)
        mac = f"00:16:3e:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
        if mac not in used:
            return mac


def screen(wish: Wish, kind: str, on: Machine) -> tuple[Vnc, dict[str, str]]:
    """Return the screen and the variable that it follows; hvm guests have one unless they are not to have it."""
    if not wish.graphics or wish.sdl or (wish.vnc is None and kind != "hvm"):
        return Vnc(), {}
    if wish.vnc:
        try:
            return Vnc(on=True, listen=units.ip_address(wish.vnc)), {}
        except ValueError as why:
            raise UsageError(f"--vnc {wish.vnc} {why}") from None
    settings = followed.Guests.read(registry.read(str(on.root)))[0]
    listen = followed.address(settings, on)
    if listen != settings.vnc_listen:
        log.warning("%s, so %s listens on %s: reach it through ssh -L", followed.CANNOT_ASK, wish.name, listen)
    return Vnc(on=True, listen=listen), {"vnclisten": VncSettings.vnc_listen.name}


def warn(files: list[check.GuestFile], images: tuple[create.Create, ...], on: Machine, *, fatal: bool) -> None:
    """Say what is wrong with the new files, of which the first is *fatal* if it is to start. Raises XenError."""
    made = {each.path for each in images}
    said = set()
    for file in files:
        facts = starting.facts([file], on)
        facts = replace(facts, missing=frozenset(path for path in facts.missing if str(on.path(path)) not in made))
        for finding in check.check([file], facts):
            if fatal and file is files[0] and finding.severity == "error":
                raise XenError(f"the guest would not start: {finding.sentence}", hint=finding.hint)
            if finding.sentence not in said:
                log.warning("%s", finding.sentence)
                said.add(finding.sentence)

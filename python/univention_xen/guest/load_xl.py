# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What a guest file means to xl 4.17."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from univention_xen.guest import xl_syntax
from univention_xen.guest.model import ACTIONS, Disk, Guest, Vif, Vnc
from univention_xen.guest.specs import Refused
from univention_xen.guest.words import Assignment, CannotRun, Trouble, Value
from univention_xen.guest.xl_choices import problem
from univention_xen.guest.xl_names import HVM_NUMBERS, HVM_TEXTS, KNOWN, LISTS, NUMBERS, TEXTS
from univention_xen.guest.xl_specs import xl_disk, xl_vfb, xl_vif

MEMORY = 32
"""MiB that a guest gets when the file names none."""

NUMBER = re.compile(r"\s*([-+]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class New(NamedTuple):
    """A guest as xl sees it, what xl would warn about or ignore, and where each name stands."""

    guest: Guest
    remarks: list[Trouble]
    ignored: list[str]
    repeated: list[str]
    assignments: list[Assignment]


@lru_cache(maxsize=2048)
def load(text: str, source: str) -> New:
    """Return the guest that *text* describes; nobody changes it, as the same text gives the same one again.

    Raises BadSyntax, or CannotRun with every reason why xl refuses the file.
    """
    return understand(xl_syntax.parse(text, source))


def understand(assignments: list[Assignment]) -> New:
    """Return the guest that *assignments* describe. Raises CannotRun."""
    loader = Loader(xl_syntax.total(assignments))
    guest = loader.guest()
    if loader.refusals:
        raise CannotRun(loader.refusals)
    names = [each.name for each in assignments]
    ignored = sorted(set(names) - KNOWN[guest.kind])
    repeated = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    return New(guest, loader.remarks, ignored, repeated, assignments)


def worth(text: str) -> int | None:
    """Return what xl takes *text* for where it wants a number: decimal, 0x…, or octal with a leading zero."""
    found = NUMBER.fullmatch(text)
    if not found or len(text) > 40:
        return None
    digits = found[2]
    value = int(digits, 8 if re.fullmatch("0[0-7]+", digits) else 0)
    return None if value >= 2**63 else -value if found[1] == "-" else value


class Loader:
    """Reads one setting after the other, collecting what is wrong."""

    def __init__(self, values: dict[str, Value]) -> None:
        self.values = values
        self.refusals: list[Trouble] = []
        self.remarks: list[Trouble] = []
        for name, value in values.items():
            self.look_at_kind(name, value)

    def refuse(self, name: str, sentence: str) -> None:
        self.refusals.append(Trouble(name, sentence))

    def remark(self, name: str, sentence: str) -> None:
        self.remarks.append(Trouble(name, sentence))

    def look_at_kind(self, name: str, value: Value) -> None:
        """Note a list for a text, a text for a number, …: xl warns and goes on without the setting."""
        if name in LISTS:
            if not isinstance(value, list):
                self.remark(name, f"{name} must be a list in [ ], so xl ignores it")
        elif isinstance(value, list) and name in TEXTS | NUMBERS | HVM_TEXTS | HVM_NUMBERS:
            self.remark(name, f"{name} is a list and must not be one, so xl ignores it")
        elif name in NUMBERS | HVM_NUMBERS and worth(str(value)) is None:
            self.remark(name, f"{name} is “{value}”, which is no number, so xl ignores it")

    def text(self, name: str) -> str | None:
        """Return a text setting, or None."""
        value = self.values.get(name)
        return None if value is None or isinstance(value, list) else str(value)

    def number(self, name: str) -> int | None:
        """Return a number, or None."""
        text = self.text(name)
        return None if text is None else worth(text)

    def texts(self, name: str) -> list[str]:
        """Return the texts of a list; xl stops reading at the first element that is a list itself."""
        value = self.values.get(name)
        found: list[str] = []
        for item in value if isinstance(value, list) else []:
            if isinstance(item, list):
                self.remark(name, f"{name} has a list in it: xl ignores it and everything behind it")
                break
            found.append(str(item))
        return found

    def guest(self) -> Guest:
        """Put the guest together; only valid when there are no refusals."""
        name = self.text("name")
        if name is None:
            self.refuse("name", "the guest has no name")
        kind = self.kind()
        memory = self.number("memory")
        maxmem = self.number("maxmem")
        uuid = self.text("uuid")
        if uuid is not None and not UUID.fullmatch(uuid):
            self.refuse("uuid", f"“{uuid}” is no UUID")
        for each, value in self.values.items():
            if refusal := problem(each, value, kind):
                self.refuse(each, refusal)
        if "vif2" in self.values:
            self.remark("vif2", "xl ignores vif2: cards of that kind do not exist any more")
        if kind == "hvm" and "kernel" in self.values:
            self.remark("kernel", "xl ignores the kernel of a fully virtualised guest")
        if "device_model" in self.values:
            self.remark("device_model", "xl ignores device_model; device_model_override is what it reads")
        memory = MEMORY if memory is None else memory
        return Guest(
            name or "", kind, memory, memory if maxmem is None else maxmem, self.vcpus(), self.disks(), self.vifs(),
            boot=(self.text("boot") or "cda") if kind == "hvm" else "",
            **self.start(kind), vnc=self.vnc(kind), sdl=self.sdl(kind),
            uuid=uuid or "", **self.actions(),
        )  # fmt: skip

    def kind(self) -> str:
        """Return pv, pvh or hvm: xl compares type and builder with the beginning of the words it knows."""
        kinds = []
        for name, words in (("builder", ("hvm", "generic")), ("type", ("hvm", "pvh", "pv"))):
            if (text := self.text(name)) is None:
                continue
            if name == "type" and text in ("p", "pv"):
                kinds.append("pv")
            elif match := next((word for word in words if word.startswith(text)), ""):
                kinds.append({"generic": "pv"}.get(match, match))
            else:
                self.refuse(name, f"the {name} “{text}” does not exist: pv, pvh and hvm do")
        if len(set(kinds)) > 1:
            self.refuse("builder", "builder and type contradict each other")
        return kinds[0] if kinds else "pv"

    def vcpus(self) -> int:
        """Return how many processors the guest has at most."""
        now, most = self.number("vcpus") or 0, self.number("maxvcpus") or 0
        if most and now > most:
            self.refuse("maxvcpus", f"maxvcpus ({most}) is less than vcpus ({now})")
        if now < 0 or most < 0:
            self.refuse("vcpus", "the number of processors is negative")
        return max(now, most) or 1

    def disks(self) -> tuple[Disk, ...]:
        found = []
        for text in self.texts("disk"):
            try:
                found.append(xl_disk(text))
            except Refused as why:
                self.refuse("disk", str(why))
        return tuple(found)

    def vifs(self) -> tuple[Vif, ...]:
        found = []
        for text in self.texts("vif"):
            try:
                vif, remarks = xl_vif(text)
            except Refused as why:
                self.refuse("vif", str(why))
                continue
            found.append(vif)
            self.remarks += [Trouble("vif", remark) for remark in remarks]
        return tuple(found)

    def start(self, kind: str) -> dict[str, Any]:
        """Return how the guest starts: kernel, initrd, command line, boot loader."""
        kernel, bootloader = self.text("kernel") or "", self.text("bootloader") or ""
        if kind != "hvm" and not kernel and not bootloader:
            self.refuse("kernel", "there is neither kernel nor boot loader")
        cmdline = self.text("cmdline")
        root, extra = self.text("root"), self.text("extra")
        if cmdline is None:
            cmdline = f"root={root} {extra or ''}" if root is not None else extra or ""
        elif root is not None or extra is not None:
            self.remark("cmdline", "xl ignores root and extra because there is cmdline")
        arguments = self.values.get("bootloader_args")
        words = self.texts("bootloader_args") if isinstance(arguments, list) else str(arguments or "").split()
        if kind == "hvm":
            kernel = ""
        return {
            "kernel": kernel, "ramdisk": self.text("ramdisk") or "", "cmdline": cmdline.strip(" "),
            "bootloader": bootloader, "bootloader_args": tuple(words),
        }  # fmt: skip

    def vnc(self, kind: str) -> Vnc:
        """Return the screen: xl switches VNC on for hvm and for every vfb that does not say otherwise."""
        if kind == "hvm":
            texts = {name: self.text(name) for name in ("vnclisten", "vncpasswd")}
            on, unused, display = self.number("vnc"), self.number("vncunused"), self.number("vncdisplay")
            if on is None:
                on = not self.number("nographic")
            if display and ":" in (texts["vnclisten"] or ""):
                self.refuse("vnclisten", "vnclisten has a colon, behind which xl looks for the display of vncdisplay")
        else:
            screens = self.texts("vfb")
            found = xl_vfb(screens[0]) if screens else {}
            if not screens and kind == "pv" and self.number("vnc"):
                found = {name: str(self.values[name]) for name in VNC_NAMES if self.text(name) is not None}
            elif not screens:
                return Vnc()
            texts = {name: found.get(name) for name in ("vnclisten", "vncpasswd")}
            on, unused, display = (leading(found.get(name)) for name in ("vnc", "vncunused", "vncdisplay"))
        if on is not None and not on:
            return Vnc()
        return Vnc(
            True, texts["vnclisten"] or "127.0.0.1", display, unused is None or bool(unused), texts["vncpasswd"] or ""
        )  # fmt: skip

    def sdl(self, kind: str) -> bool:
        return kind == "hvm" and bool(self.number("sdl"))

    def actions(self) -> dict[str, Any]:
        """Return what happens when the guest ends."""
        words = {"on_poweroff": "destroy", "on_reboot": "restart", "on_crash": "destroy"}
        for name in (*words, "on_watchdog", "on_soft_reset"):
            if (text := self.text(name)) is None:
                continue
            if text not in ACTIONS:
                self.refuse(name, f"{name} is “{text}”; xl knows {', '.join(ACTIONS)}")
            elif name in words:
                words[name] = text
        return words


VNC_NAMES = ("vnc", "vnclisten", "vncdisplay", "vncunused", "vncpasswd")


def leading(text: str | None) -> int | None:
    """Return the number at the beginning of *text* as xl reads it in a vfb; 0 when there is none."""
    if text is None:
        return None
    found = re.match(r"\s*[-+]?(0[xX][0-9a-fA-F]+|[0-9]+)", text)
    return (worth(found[0]) or 0) if found else 0

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The boot menu of Windows Vista and later: what the BCD lists, and an entry with other load options.

The element numbers are those of Microsoft's BcdElementType pages, checked on hives of real machines.
"""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass

from univention_xen.bootini.hive import BINARY, Tree, Value, text, texts
from univention_xen.errors import XenError

BOOT_MANAGER = "{9dea862c-5cdd-4e70-acc1-f32b344d4795}"
LOADER = 0x10200003  # a Windows boot loader application

DEFAULT, DISPLAY_ORDER, TIMEOUT = "23000003", "24000001", "25000004"
PATH, DESCRIPTION, OPTIONS, DEVICE, TEST_SIGNING = "12000002", "12000004", "12000030", "21000001", "16000049"

ON = Value(BINARY, b"\1")
TITLES = {"GPLPV": " (with GPLPV drivers)", "NOGPLPV": " (without GPLPV drivers)"}
OURS = uuid.UUID("6ff9a3a4-3b53-4d14-9cf1-6ed2bb36bd4e")
"""Our entries' GUIDs are made from this one and their original's, so that they are known again."""
FORMER_DEFAULT = "FormerDefault"  # a value beside our entry's Type; Windows reads only that one there

Objects = dict[tuple[str, ...], dict[str, Value]]


@dataclass(frozen=True)
class Loader:
    """One Windows in the menu; *listed* when the menu shows it."""

    guid: str
    title: str
    device: str
    path: str
    options: str
    test_signing: bool
    default: bool
    listed: bool

    def has(self, word: str) -> bool:
        """Say whether *word* is among the load options; nothing upper-cases them here."""
        return word in self.options.split()


@dataclass(frozen=True)
class Menu:
    """The Windows loaders in the order of the menu, then those it does not show; *timeout* in seconds."""

    loaders: tuple[Loader, ...]
    timeout: int | None


class Bcd:
    """The objects of a BCD; ``tree`` is the whole hive."""

    def __init__(self, tree: Tree, source: str = "BCD") -> None:
        self.tree: Objects = {key: dict(values) for key, values in tree.items()}
        self.source = source
        self.top = next((key for key in self.tree if len(key) == 1 and key[0].lower() == "objects"), None)
        if self.top is None or not self.key(BOOT_MANAGER):
            raise XenError(f"{source} is a registry hive, but no BCD: it has no boot manager")

    def key(self, *names: str) -> tuple[str, ...]:
        """Return the path of a key below Objects as the hive spells it, () when there is none."""
        wanted = tuple(name.lower() for name in names)
        for key in self.tree:
            if key[:1] == self.top and len(key) == 1 + len(names) and tuple(n.lower() for n in key[1:]) == wanted:
                return key
        return ()

    def element(self, guid: str, number: str) -> Value | None:
        """Return an element of an object, None when it has no such."""
        return self.tree.get(self.key(guid, "Elements", number), {}).get("Element")

    def set_element(self, guid: str, number: str, value: Value) -> None:
        """Give an object an element, in place of one it may have."""
        key = self.key(guid, "Elements", number) or (*self.key(guid, "Elements"), number)
        self.tree[key] = {"Element": value}

    def put_element(self, guid: str, number: str, value: Value) -> None:
        """Like set_element(), but an empty text or list means that there was no such element."""
        if value.texts():
            self.set_element(guid, number, value)
        else:
            self.remove(guid, "Elements", number)

    def remove(self, *names: str) -> None:
        """Remove a key and all below it."""
        if gone := self.key(*names):
            self.tree = {key: values for key, values in self.tree.items() if key[: len(gone)] != gone}

    def default(self) -> str:
        """Return the GUID of what is started without a choice, '' when that is not said."""
        value = self.element(BOOT_MANAGER, DEFAULT)
        return value.text().lower() if value else ""

    def order(self) -> tuple[str, ...]:
        """Return the GUIDs of what the menu shows."""
        value = self.element(BOOT_MANAGER, DISPLAY_ORDER)
        return value.texts() if value else ()

    def guids(self) -> list[str]:
        """Return the GUIDs of all Windows loaders, those of the menu first and in its order."""
        found = [
            key[1]
            for key, values in self.tree.items()
            if key[:1] == self.top and len(key) == 3 and key[2].lower() == "description"
            and (kind := values.get("Type")) is not None and kind.number() == LOADER
        ]  # fmt: skip
        order = [guid.lower() for guid in self.order()]
        last = len(order)
        return sorted(found, key=lambda g: (order.index(g.lower()) if g.lower() in order else last, g.lower()))

    def menu(self) -> Menu:
        """Return what there is to choose from."""
        timeout = self.element(BOOT_MANAGER, TIMEOUT)
        return Menu(tuple(self.loader(guid) for guid in self.guids()), timeout.number() if timeout else None)

    def loader(self, guid: str) -> Loader:
        """Return one Windows loader."""

        def said(number: str) -> str:
            value = self.element(guid, number)
            return value.text() if value else ""

        device, signing = self.element(guid, DEVICE), self.element(guid, TEST_SIGNING)
        return Loader(
            guid, said(DESCRIPTION), describe_device(device.data) if device else "", said(PATH), said(OPTIONS),
            signing is not None and signing.number() != 0, guid.lower() == self.default(),
            guid.lower() in {shown.lower() for shown in self.order()},
        )  # fmt: skip


def describe_device(data: bytes) -> str:
    """Return a device element in words: kind at 16, then, of a partition, which one (32), table (52), disk (56)."""
    kind = struct.unpack_from("<I", data, 16)[0] if len(data) >= 20 else 0
    if kind == 5:
        return "the partition booted from"
    if kind == 0:
        return "a RAM disk"
    if kind != 6 or len(data) < 72:
        return f"a device of kind {kind}"
    if struct.unpack_from("<I", data, 52)[0] == 1:
        at, disk = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<I", data, 56)[0]
        return f"partition at byte {at} of the disk with signature {disk:08x}"
    return f"partition {uuid.UUID(bytes_le=data[32:48])}"


def choose(bcd: Bcd, number: int | None) -> Loader:
    """Return the loader that is meant, by its place in the menu or as the default; never one of our own."""
    loaders = bcd.menu().loaders
    hint = "say which with --entry: " + ", ".join(f"{n} ({loader.title})" for n, loader in enumerate(loaders, 1))
    if not loaders:
        raise XenError(f"{bcd.source} has no entry that starts Windows")
    if number is None:
        chosen = next((loader for loader in loaders if loader.default), loaders[0] if len(loaders) == 1 else None)
        if chosen is None:
            raise XenError(f"{bcd.source}: no Windows is the default", hint=hint)
    elif 1 <= number <= len(loaders):
        chosen = loaders[number - 1]
    else:
        raise XenError(f"{bcd.source} has no entry {number}", hint=hint)
    original = originals(bcd).get(chosen.guid.lower())
    return bcd.loader(original) if original else chosen


def our_guid(original: str, word: str) -> str:
    """Return the GUID that a copy of *original* with *word* gets."""
    return "{" + str(uuid.uuid5(OURS, f"{original.lower()} {word}")) + "}"


def originals(bcd: Bcd) -> dict[str, str]:
    """Return the GUIDs of our own entries, each with that of the entry it is a copy of."""
    guids = bcd.guids()
    present = {guid.lower() for guid in guids}
    return {ours: guid for guid in guids for word in TITLES if (ours := our_guid(guid, word)) in present}


def add(bcd: Bcd, word: str, *, number: int | None = None, make_default: bool = False) -> None:
    """Add a copy of a loader that also has the load option *word*, unless there is one. Raises XenError."""
    chosen = choose(bcd, number)
    guid = our_guid(chosen.guid, word)
    if chosen.has(word):
        guid = chosen.guid
    elif not bcd.key(guid):
        copy(bcd, chosen, guid, word)
    if make_default and bcd.default() != guid.lower():
        former = bcd.element(BOOT_MANAGER, DEFAULT) or text("")
        if guid != chosen.guid and former != text(chosen.guid):
            bcd.tree[bcd.key(guid, "Description")][FORMER_DEFAULT] = former
        bcd.set_element(BOOT_MANAGER, DEFAULT, text(guid))


def copy(bcd: Bcd, chosen: Loader, guid: str, word: str) -> None:
    """Make the object *guid* like *chosen*, with another title and the load option, and show it behind it."""
    source = bcd.key(chosen.guid)
    for key, values in list(bcd.tree.items()):
        if key[: len(source)] == source:
            bcd.tree[(*source[:-1], guid, *key[len(source) :])] = dict(values)
    bcd.set_element(guid, DESCRIPTION, text(chosen.title + TITLES[word]))
    bcd.set_element(guid, OPTIONS, text(f"{chosen.options} {word}".strip()))
    order = list(bcd.order())
    at = next((n for n, shown in enumerate(order, 1) if shown.lower() == chosen.guid.lower()), len(order))
    bcd.set_element(BOOT_MANAGER, DISPLAY_ORDER, texts((*order[:at], guid, *order[at:])))


def undo(bcd: Bcd) -> None:
    """Take away every entry that ``add()`` has made."""
    ours = originals(bcd)
    for guid, original in ours.items():
        former = bcd.tree[bcd.key(guid, "Description")].get(FORMER_DEFAULT)
        if bcd.default() == guid:
            bcd.put_element(BOOT_MANAGER, DEFAULT, former or text(original))
        bcd.remove(guid)
    order = tuple(guid for guid in bcd.order() if guid.lower() not in ours)
    if order != bcd.order():
        bcd.put_element(BOOT_MANAGER, DISPLAY_ORDER, texts(order))


def sign_tests(bcd: Bcd, *, number: int | None = None, on: bool = True) -> None:
    """Let a loader accept drivers that are signed for tests, or no longer. Raises XenError."""
    chosen = choose(bcd, number)
    if chosen.test_signing == on:
        return
    if on:
        bcd.set_element(chosen.guid, TEST_SIGNING, ON)
    else:
        bcd.remove(chosen.guid, "Elements", TEST_SIGNING)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Boot menus for tests: a plain boot.ini, and BCD hives made from nothing."""

from __future__ import annotations

import struct
import uuid
from pathlib import Path
from typing import Any

XP = b"multi(0)disk(0)rdisk(0)partition(1)\\WINDOWS"
BOOT_INI = (
    b"[boot loader]\r\n"
    b"timeout=30\r\n"
    b"default=" + XP + b"\r\n"
    b"[operating systems]\r\n" + XP + b'="Microsoft Windows XP Professional" /fastdetect /NoExecute=OptIn\r\n'
)

BOOT_MANAGER = "{9dea862c-5cdd-4e70-acc1-f32b344d4795}"
WINDOWS_7 = "{1F8B5C6A-0d5e-11e0-9e3c-806e6f6e6963}"
RECOVERY = "{1f8b5c6c-0d5e-11e0-9e3c-806e6f6e6963}"
MEMORY_TEST = "{b2721d73-1db4-4c62-bf78-c548a880142d}"
SZ, BINARY, DWORD, MULTI_SZ = 1, 3, 4, 7

# A self-relative security descriptor that grants Everyone everything; each key refers to one.
SECURITY = bytes.fromhex("010004803000000040000000000000001400000002001c0001000000000014003f000f0001010000000000010000"
                         "0000010100000000000512000000010100000000000512000000")  # fmt: skip


def cell(content: bytes) -> bytes:
    """Return an allocated cell, padded to eight bytes."""
    size = -(-(4 + len(content)) // 8) * 8
    return struct.pack("<i", -size) + content.ljust(size - 4, b"\0")


def empty_hive() -> bytes:
    """Return a hive with nothing but a root key: base block, one bin with root, security and a free cell."""
    name, none = b"BCD00000000", 0xFFFFFFFF
    root_size = len(cell(b"\0" * (76 + len(name))))
    numbers = (0, 0, 0, 0, none, none, 0, none, 0x20 + root_size, none, 0, 0, 0, 0, 0)
    key = struct.pack("<2sHQ15IHH", b"nk", 0x2C, 0, *numbers, len(name), 0) + name
    at_security = 0x20 + root_size
    security = struct.pack("<2sHIIII", b"sk", 0, at_security, at_security, 1, len(SECURITY)) + SECURITY
    cells = cell(key) + cell(security)
    free = 4096 - 0x20 - len(cells)
    cells += struct.pack("<i", free).ljust(free, b"\0")
    page = struct.pack("<4sIIQQI", b"hbin", 0, 4096, 0, 0, 0) + cells
    head = struct.pack("<4sIIQIIIIIII", b"regf", 1, 1, 0, 1, 3, 0, 1, 0x20, 4096, 1)
    head += "BCD".encode("utf-16-le").ljust(64, b"\0")
    return with_checksum(head.ljust(4096, b"\0")) + page


def with_checksum(head: bytes) -> bytes:
    """Return a hive's base block with the right checksum."""
    checksum = 0
    for word in struct.unpack("<127I", head[:508]):
        checksum ^= word
    return head[:508] + struct.pack("<I", checksum) + head[512:]


def sz(text: str) -> tuple[int, bytes]:
    return SZ, (text + "\0").encode("utf-16-le")


def multi_sz(*words: str) -> tuple[int, bytes]:
    return MULTI_SZ, "".join(word + "\0" for word in (*words, "")).encode("utf-16-le")


def device(start: int = 105906176, signature: int = 0x3C1F4EB6) -> tuple[int, bytes]:
    """Return a device element: a partition of an MBR disk."""
    head = struct.pack("<16xIIIIQ8xIIII", 6, 0, 0x48, 0, start, 0, 1, signature, 0)
    return BINARY, head.ljust(88, b"\0")


def windows_7() -> dict[str, tuple[int, dict[str, tuple[int, bytes]]]]:
    """Return the objects of a Windows 7's BCD: type and elements by GUID."""
    loader = {
        "11000001": device(), "12000002": sz("\\Windows\\system32\\winload.exe"), "12000004": sz("Windows 7"),
        "12000005": sz("de-DE"), "14000006": multi_sz("{6efb52bf-1766-41db-a6b3-0ee5eff72bd7}"),
        "21000001": device(), "22000002": sz("\\Windows"), "25000020": (BINARY, bytes(8)),
    }  # fmt: skip
    manager = {
        "12000004": sz("Windows Boot Manager"), "23000003": sz(WINDOWS_7), "24000001": multi_sz(WINDOWS_7),
        "24000010": multi_sz(MEMORY_TEST), "25000004": (BINARY, struct.pack("<Q", 30)),
    }  # fmt: skip
    return {
        BOOT_MANAGER: (0x10100002, manager),
        WINDOWS_7: (0x10200003, loader),
        RECOVERY: (0x10200003, loader | {"12000004": sz("Windows Recovery Environment"), "26000022": (BINARY, b"\1")}),
        MEMORY_TEST: (0x10200005, {"12000004": sz("Windows Memory Diagnostic")}),
    }


def bcd(path: Path, objects: Any = None) -> bytes:
    """Return the bytes of a BCD with these objects, made with hivex in the file *path*."""
    import hivex

    path.write_bytes(empty_hive())
    hive = hivex.Hivex(str(path), write=True)
    description = hive.node_add_child(hive.root(), "Description")
    hive.node_set_value(description, {"key": "KeyName", "t": SZ, "value": sz("BCD00000000")[1]})
    top = hive.node_add_child(hive.root(), "Objects")
    for guid, (kind, elements) in (objects or windows_7()).items():
        thing = hive.node_add_child(top, guid)
        description = hive.node_add_child(thing, "Description")
        hive.node_set_value(description, {"key": "Type", "t": DWORD, "value": struct.pack("<I", kind)})
        holder = hive.node_add_child(thing, "Elements")
        for number, (value_type, value) in elements.items():
            element = hive.node_add_child(holder, number)
            hive.node_set_value(element, {"key": "Element", "t": value_type, "value": value})
    hive.commit(None)
    del hive
    return path.read_bytes()


def guid() -> str:
    """Return a new GUID in a BCD's spelling."""
    return "{" + str(uuid.uuid4()) + "}"

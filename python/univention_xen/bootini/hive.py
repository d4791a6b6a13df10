# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A registry hive as a plain value: bytes in, keys with values out, and back."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

from univention_xen.errors import ToolMissing, XenError
from univention_xen.image.inside import holding_bytes

SZ, BINARY, DWORD, MULTI_SZ = 1, 3, 4, 7
LARGEST = 16 << 20  # bytes; a BCD has some 30 KiB
DEEPEST = 32
HEADER = 4096
DAMAGE = (RuntimeError, OSError, ValueError, OverflowError)  # what hivex raises about it


class Value(NamedTuple):
    """A registry value: its type and its bytes."""

    type: int
    data: bytes

    def text(self) -> str:
        """Return the text of an SZ value."""
        return self.data[: len(self.data) // 2 * 2].decode("utf-16-le", "replace").partition("\0")[0]

    def texts(self) -> tuple[str, ...]:
        """Return the texts of a MULTI_SZ value."""
        whole = self.data[: len(self.data) // 2 * 2].decode("utf-16-le", "replace")
        return tuple(text for text in whole.split("\0") if text)

    def number(self) -> int:
        """Return a number of any width; hives from set-up media have some of 1 and 3 bytes."""
        return int.from_bytes(self.data[:8], "little")


def text(content: str) -> Value:
    """Return an SZ value."""
    return Value(SZ, (content + "\0").encode("utf-16-le"))


def texts(contents: tuple[str, ...]) -> Value:
    """Return a MULTI_SZ value."""
    return Value(MULTI_SZ, "".join(content + "\0" for content in (*contents, "")).encode("utf-16-le"))


Tree = Mapping[tuple[str, ...], Mapping[str, Value]]
"""All keys of a hive by their path from the root, (), with their values by name."""


def check(data: bytes, source: str, log: bytes = b"") -> None:
    """Raise XenError when *data* is no hive, or one that Windows has not finished writing."""
    if len(data) > LARGEST:
        raise XenError(f"{source} is larger than any BCD")
    if len(data) < HEADER or data[:4] != b"regf":
        raise XenError(f"{source} is no registry hive")
    words = struct.unpack("<127I", data[:508])
    checksum = 0
    for word in words:
        checksum ^= word
    checksum = {0xFFFFFFFF: 0xFFFFFFFE, 0: 1}.get(checksum, checksum)
    if checksum != struct.unpack_from("<I", data, 508)[0]:
        raise XenError(f"{source} is a damaged registry hive: its header's checksum is wrong")
    if len(data) < HEADER + words[10]:
        raise XenError(f"{source} is a damaged registry hive: its end is missing")
    newer = log[:4] == b"regf" and len(log) >= 12 and struct.unpack_from("<I", log, 4)[0] > words[2]
    if words[1] != words[2] or newer:
        raise XenError(
            f"{source} was being written when Windows stopped", hint="start Windows and shut it down properly"
        )


def read(data: bytes, source: str) -> Tree:
    """Return the keys and values of a hive. Raises XenError."""
    check(data, source)
    with holding_bytes(data) as path:
        return read_file(path, source)


def write(data: bytes, wanted: Tree, source: str) -> bytes:
    """Return the hive *data* changed so that it holds *wanted*, having read that back.

    Raises XenError.
    """
    present = read(data, source)
    with holding_bytes(data) as path:
        try:
            hive = opened(path, write=True)
            for key in sorted(present.keys() - wanted.keys(), key=len):
                if key[:-1] in wanted:
                    hive.node_delete_child(node(hive, key))
            for key in sorted(wanted.keys() - present.keys(), key=len):
                hive.node_add_child(node(hive, key[:-1]), key[-1])
            for key, values in wanted.items():
                if values != present.get(key, {}):
                    rows = [{"key": name, "t": value.type, "value": value.data} for name, value in values.items()]
                    hive.node_set_values(node(hive, key), rows)
            hive.commit(None)
            del hive
        except DAMAGE as why:
            raise XenError(f"{source} cannot be changed: {why}") from None
        with open(path, "rb") as file:
            changed = file.read()
    if read(changed, source) != wanted:
        raise XenError(f"{source} does not hold what was written to a copy of it; it stays as it is")
    return changed


def opened(path: str, *, write: bool = False) -> Any:
    """Return an open hive. Raises ToolMissing and RuntimeError."""
    try:
        import hivex  # a few milliseconds that nobody else should pay
    except ImportError:
        raise ToolMissing("the BCD cannot be read without python3-hivex", hint="apt install python3-hivex") from None

    def close(self: Any) -> None:
        if "_o" in vars(self):  # hivex 1.3.23 prints a traceback about a hive that could not be opened
            hivex.Hivex.__del__(self)

    return type("Hive", (hivex.Hivex,), {"__del__": close})(path, write=write)


def read_file(path: str, source: str) -> Tree:
    """Return the keys and values of the hive in a file."""
    tree: dict[tuple[str, ...], dict[str, Value]] = {}
    try:
        hive = opened(path)
        waiting: list[tuple[tuple[str, ...], Any]] = [((), hive.root())]
        while waiting:
            key, here = waiting.pop()
            if key in tree or len(key) > DEEPEST:
                raise XenError(f"{source} is a damaged registry hive: its keys make no tree")
            tree[key] = {hive.value_key(value): Value(*hive.value_value(value)) for value in hive.node_values(here)}
            waiting += [((*key, hive.node_name(child)), child) for child in hive.node_children(here)]
    except DAMAGE as why:
        raise XenError(f"{source} is a damaged registry hive: {why}") from None
    return tree


def node(hive: Any, key: tuple[str, ...]) -> Any:
    """Return hivex's handle of a key."""
    here = hive.root()
    for name in key:
        here = hive.node_get_child(here, name)
        if here is None:
            raise RuntimeError(f"there is no key {name}")
    return here

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Kernels for tests: a tree with modules that depmod believes, made without a compiler."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

VERSION = "5.10.0-9-test"
CONFIG = "CONFIG_XEN=y\nCONFIG_XEN_PV=y\nCONFIG_RD_GZIP=y\n"
MODULES = {
    "kernel/drivers/block/xen-blkfront.ko": ((), ("xenbus_probe",)),
    "kernel/drivers/net/xen-netfront.ko": ((), ("xenbus_probe",)),
    "kernel/drivers/xen/xenbus-core.ko": (("xenbus_probe",), ()),
    "kernel/fs/ext4/ext4.ko": ((), ("jbd2_start",)),
    "kernel/fs/jbd2/jbd2.ko": (("jbd2_start",), ("mb_cache",)),
    "kernel/fs/mbcache.ko": (("mb_cache",), ()),
    "kernel/drivers/net/e1000.ko": ((), ("mii_check",)),
    "kernel/drivers/net/mii.ko": (("mii_check",), ()),
    "kernel/sound/soundcore.ko": ((), ()),
}
"""Paths of modules, the symbols that they export and those that they need."""


def module(
    name: str, exports: Iterable[str] = (), needs: Iterable[str] = (), *, extra: str = "", size: int = 0
) -> bytes:
    """Return a relocatable ELF file with as much of a kernel module as depmod looks at, and *size* bytes of code."""
    info = f"license=GPL\0name={name.replace('-', '_')}\0{extra}".encode()
    strings = b"\0".join(symbol.encode() for symbol in exports) + b"\0"
    names, symbols = b"\0", bytes(24)
    for symbol in needs:
        symbols += struct.pack("<IBBHQQ", len(names), 0x10, 0, 0, 0, 0)  # global, undefined
        names += symbol.encode() + b"\0"
    code = bytes(range(256)) * (size // 256)
    sections = [
        ("", 0, b"", 0, 0), (".modinfo", 1, info, 0, 0), ("__ksymtab_strings", 1, strings, 0, 0),
        (".symtab", 2, symbols, 4, 24), (".strtab", 3, names, 0, 0), (".text", 1, code, 0, 0),
    ]  # fmt: skip
    titles = b"".join(title.encode() + b"\0" for title, *_ in sections) + b".shstrtab\0"
    sections.append((".shstrtab", 3, titles, 0, 0))
    body, headers, offset = b"", b"", 64
    at = 0
    for title, kind, data, link, entry in sections:
        headers += struct.pack("<IIQQQQIIQQ", at, kind, 0, 0, offset, len(data), link, 1, 1, entry)
        at += len(title) + 1
        body += data
        offset += len(data)
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, offset, 0, 64, 0, 0, 64, len(sections), len(sections) - 1
    )
    return header + body + headers


def kernel_tree(root: Path, version: str = VERSION, *, config: str = CONFIG, size: int = 4096) -> Path:
    """Make a kernel of *version* below *root*, as a package that was only unpacked; return its modules' directory."""
    directory = root / "lib/modules" / version
    for path, (exports, needs) in MODULES.items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(module(file.stem, exports, needs, size=size))
    (directory / "modules.order").write_text("".join(f"{path}\n" for path in MODULES))
    (directory / "modules.builtin").write_text("kernel/fs/ext2/ext2.ko\n")
    (root / "boot").mkdir(exist_ok=True)
    (root / f"boot/vmlinuz-{version}").write_bytes(b"kernel " + version.encode())
    if config:
        (root / f"boot/config-{version}").write_text("#\n" + config)
    return directory

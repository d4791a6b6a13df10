# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""An initrd of several parts, in the compressions that need no program."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from univention_xen.errors import XenError
from univention_xen.initrd import cpio, frames, parts
from univention_xen.initrd.contents import Contents, data_of, read_contents
from univention_xen.initrd.cpio import Entry
from univention_xen.run import Runner

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lambda data: lzma.compress(data, check=lzma.CHECK_CRC32),
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
}
RUN = Runner()


def archive(**files: str) -> bytes:
    """Return an archive with these files; __ in a name is a slash, and data that begins with > makes a link."""
    packed = []
    for name, text in files.items():
        mode = stat.S_IFLNK | 0o777 if text.startswith(">") else stat.S_IFREG | 0o644
        data = text.lstrip(">").encode()
        packed.append(cpio.dump(Entry(name.replace("__", "/").encode(), mode, len(data))))
        packed.append(data + bytes(cpio.padding(len(data))))
    return b"".join(packed) + cpio.trailer()


def contents(path: Path, data: bytes) -> Contents:
    path.write_bytes(data)
    return read_contents(str(path), RUN)


@pytest.mark.parametrize("second", COMPRESS)
@pytest.mark.parametrize("first", COMPRESS)
@pytest.mark.parametrize("between", [0, 4, 511])
def test_parts_follow_each_other_in_any_compression(tmp_path: Path, first: str, second: str, between: int) -> None:
    one, two = COMPRESS[first](archive(a="1", b="1")), COMPRESS[second](archive(b="2", c="2"))
    found = contents(tmp_path / "initrd", one + bytes(between) + two)
    assert [(part.start, part.compression, part.files) for part in found.parts] == [
        (0, first, 2),
        (len(one) + between, second, 2),
    ]
    assert sorted(found.entries) == ["a", "b", "c"]
    assert [data_of(str(tmp_path / "initrd"), name, RUN) for name in "abc"] == [b"1", b"2", b"2"]


def test_several_archives_in_one_part(tmp_path: Path) -> None:
    packed = gzip.compress(archive(a="1") + bytes(100) + archive(b="2") + bytes(7))
    found = contents(tmp_path / "initrd", packed)
    assert (found.parts[0].files, sorted(found.entries)) == (2, ["a", "b"])


@pytest.mark.parametrize("how", COMPRESS)
def test_a_part_that_is_cut_off_is_noticed_wherever_it_is_cut(tmp_path: Path, how: str) -> None:
    data = COMPRESS[how](archive(a="some text " * 50))
    for cut in range(0, len(data) - 8, 7):
        with pytest.raises(XenError):
            contents(tmp_path / "initrd", data[:cut])


@pytest.mark.parametrize("how", ["gzip", "xz"])
def test_damaged_compressed_data_is_noticed(tmp_path: Path, how: str) -> None:
    data = bytearray(COMPRESS[how](archive(a="some text " * 50)))
    data[len(data) // 2] ^= 0x55
    with pytest.raises(XenError):
        contents(tmp_path / "initrd", bytes(data))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([b"", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"\x5d\0\0", b"070701"]),
    st.binary(max_size=100),
)
def test_noise_is_an_error_of_the_file_and_not_ours(tmp_path: Path, magic: bytes, data: bytes) -> None:
    with pytest.raises(XenError):
        contents(tmp_path / "initrd", magic + data)


def test_what_is_compressed_must_be_an_initrd(tmp_path: Path) -> None:
    with pytest.raises(XenError, match="neither a cpio archive nor an ext2"):
        contents(tmp_path / "initrd", gzip.compress(b"a kernel" * 1000))
    with pytest.raises(XenError, match="neither a cpio archive nor a file system in a known compression"):
        contents(tmp_path / "initrd", b"a kernel" * 1000)
    with pytest.raises(XenError, match="is empty"):
        contents(tmp_path / "initrd", b"")


def test_a_file_system_is_recognised_compressed_or_not(tmp_path: Path) -> None:
    image = bytes(1080) + b"\x53\xef" + bytes(5000)
    for data in (image, gzip.compress(image)):
        assert contents(tmp_path / "initrd", data).kind == parts.EXT


def test_a_microcode_part_is_told_from_others(tmp_path: Path) -> None:
    (tmp_path / "initrd").write_bytes(archive(kernel__x86__microcode__a="1") + gzip.compress(archive(b="2")))
    assert [part.early for part in parts.parts(str(tmp_path / "initrd"), RUN)] == [True, False]


def test_the_end_of_zstd_and_lz4_streams_is_found_without_unpacking() -> None:
    # one raw block of 3 bytes without check sum; then one repeated byte with check sum
    plain = bytes.fromhex("28b52ffd2003190000") + b"abc"
    repeated = bytes.fromhex("28b52ffd2403230000") + b"a" + b"sums"
    for data in (plain, repeated):
        assert frames.zstd_end(io.BytesIO(b"xy" + data + b"more"), 2) == 2 + len(data)
        with pytest.raises(XenError, match="in the middle"):
            frames.zstd_end(io.BytesIO(data[:-1]), 0)
    legacy = bytes.fromhex("02214c18") + (5).to_bytes(4, "little") + b"12345"
    for following in (b"", bytes(8), b"\x28\xb5\x2f\xfd"):
        assert frames.lz4_end(io.BytesIO(legacy + legacy + following), 0) == 2 * len(legacy)
    with pytest.raises(XenError, match="in the middle"):
        frames.lz4_end(io.BytesIO(legacy[:-1]), 0)


def test_paths_lead_through_the_links_of_the_initrd(tmp_path: Path) -> None:
    found = contents(
        tmp_path / "initrd",
        archive(lib=">usr/lib", usr__lib__modules="", here=">/lib/../etc", loop=">loop", two__up=">../lib"),
    )
    assert found.resolve("lib/modules/5") == "usr/lib/modules/5"
    assert found.resolve("/here/rc") == "usr/etc/rc"
    assert found.resolve("two/up/x") == "usr/lib/x"
    assert found.resolve("../../etc") == "etc"
    with pytest.raises(XenError, match="in a circle"):
        found.resolve("loop/x")


def test_a_link_that_a_later_file_replaces_leads_nowhere(tmp_path: Path) -> None:
    found = contents(tmp_path / "initrd", archive(lib=">usr/lib") + archive(lib="file"))
    assert found.resolve("lib/x") == "lib/x"


def test_modules_are_found_by_version_and_name(tmp_path: Path) -> None:
    data = archive(
        lib__modules__5__kernel__fs__ext4="no module", lib__modules__6__kernel__a="x", usr__lib__modules__5__b="x"
    )
    data += archive(**{"lib__modules__5__kernel__xen-blkfront.ko": "x", "usr__lib__modules__6__nls_a.ko.xz": "x"})
    found = contents(tmp_path / "initrd", data)
    assert found.modules() == {"5": {"xen_blkfront"}, "6": {"nls_a"}}
    assert found.packed_modules() == {"", "xz"}
    assert not any("modules" in path for path in found.without_modules().entries)

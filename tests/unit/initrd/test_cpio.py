# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The cpio format: what is written is what is read, and nothing else is taken for an archive."""

from __future__ import annotations

import contextlib
import io
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from univention_xen.errors import XenError
from univention_xen.initrd import cpio
from univention_xen.initrd.cpio import Entry

NUMBER = st.integers(0, 0xFFFFFFFF)
NAME = (
    st.binary(min_size=1, max_size=50).map(lambda name: name.replace(b"\0", b"x")).filter(lambda n: n != cpio.TRAILER)
)
ENTRY = st.builds(
    Entry, NAME, NUMBER, st.just(0), NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, st.tuples(NUMBER, NUMBER),
    st.tuples(NUMBER, NUMBER), NUMBER,
)  # fmt: skip
FILES = st.lists(st.tuples(ENTRY, st.binary(max_size=30)), max_size=5)


def archive(files: list[tuple[Entry, bytes]]) -> bytes:
    """Write an archive the plain way."""
    parts = []
    for entry, data in files:
        parts += [cpio.dump(entry._replace(size=len(data))), data, bytes(cpio.padding(len(data)))]
    return b"".join(parts) + cpio.trailer()


@given(FILES)
def test_what_is_written_is_what_is_read(files: list[tuple[Entry, bytes]]) -> None:
    stream = io.BytesIO(archive(files) + b"what follows")
    read = [(member.entry, member.read()) for member in cpio.members(stream)]
    assert read == [(entry._replace(size=len(data)), data) for entry, data in files]
    assert stream.read() == b"what follows"


@given(FILES)
def test_a_copy_is_the_same_bytes(files: list[tuple[Entry, bytes]]) -> None:
    data, target = archive(files), io.BytesIO()
    for member in cpio.members(io.BytesIO(data)):
        cpio.copy(member, target)
    target.write(cpio.trailer())
    assert target.getvalue() == data


@given(FILES)
def test_data_that_nobody_wants_is_skipped(files: list[tuple[Entry, bytes]]) -> None:
    names = [member.entry.name for member in cpio.members(io.BytesIO(archive(files)))]
    assert names == [entry.name for entry, _ in files]


@given(FILES, st.data())
def test_an_archive_that_is_cut_off_is_noticed(files: list[tuple[Entry, bytes]], draw: st.DataObject) -> None:
    data = archive(files)
    cut = data[: draw.draw(st.integers(0, len(data) - 1))]
    with pytest.raises(XenError, match="the cpio archive ends"):
        list(cpio.members(io.BytesIO(cut)))


@given(st.binary(max_size=400))
def test_noise_is_no_archive_and_no_mistake_of_ours(data: bytes) -> None:
    for start in (b"", cpio.MAGIC, cpio.MAGIC_SUMS):
        with pytest.raises(XenError):
            list(cpio.members(io.BytesIO(start + data)))


@given(FILES, st.data())
def test_a_damaged_byte_is_an_error_or_another_archive(files: list[tuple[Entry, bytes]], draw: st.DataObject) -> None:
    data = bytearray(archive(files))
    at = draw.draw(st.integers(0, len(data) - 1))
    data[at] ^= draw.draw(st.integers(1, 255))
    with contextlib.suppress(XenError):
        list(cpio.members(io.BytesIO(bytes(data))))


@pytest.mark.parametrize(
    ("name", "path"),
    [(b"etc/rc", "etc/rc"), (b"./etc/rc", "etc/rc"), (b"/etc/rc", "etc/rc"), (b".", ""), (b"./", ""), (b"././a/", "a")],
)
def test_one_file_has_one_path_however_it_is_written(name: bytes, path: str) -> None:
    assert Entry(name, stat.S_IFREG).path == path


def test_a_length_that_no_memory_could_hold_is_no_reason_to_try() -> None:
    data = cpio.dump(Entry(b"large", stat.S_IFREG, 0xFFFFFFFF)) + b"little"
    with pytest.raises(XenError, match="ends in large"):
        list(cpio.members(io.BytesIO(data)))


@pytest.mark.parametrize(
    "digits", [b"+0000001", b"0x000001", b" 0000001", b"00_00001", b"-0000001", b"\xb2\xb2\xb2\xb2\xb2\xb2\xb2\xb2"]
)
def test_numbers_are_eight_hexadecimal_digits_and_nothing_else(digits: bytes) -> None:
    header = bytearray(cpio.dump(Entry(b"a", stat.S_IFREG)) + cpio.trailer())
    header[6:14] = digits
    with pytest.raises(XenError, match="damaged"):
        list(cpio.members(io.BytesIO(bytes(header))))

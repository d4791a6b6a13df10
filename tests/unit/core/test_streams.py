# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Programs whose input or output is a stream."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from univention_xen.errors import CommandFailed, ToolMissing
from univention_xen.run import Runner

pytestmark = pytest.mark.tools


def opened(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    return os.open(path, flags, 0o600)


def test_bytes_flow_in_out_and_through(tmp_path: Path) -> None:
    packed, again = opened(tmp_path / "packed"), opened(tmp_path / "again")
    with Runner().writing("gzip", "-c", target=packed) as into:
        into.write(b"\0\xff" * 100_000)
    os.lseek(packed, 0, os.SEEK_SET)
    with Runner().reading("gzip", "-dc", source=packed) as out:
        assert out.read() == b"\0\xff" * 100_000
    os.lseek(packed, 0, os.SEEK_SET)
    Runner().through("gzip", "-dc", source=packed, target=again)
    assert os.fstat(again).st_size == 200_000
    os.close(packed)
    os.close(again)


def test_leaving_an_endless_output_is_no_failure() -> None:
    with Runner().reading("yes") as out:
        assert out.read(2) == b"y\n"


def test_a_program_that_stops_reading_is_a_failure(tmp_path: Path) -> None:
    def write_much() -> None:
        with open(tmp_path / "target", "wb") as target, Runner().writing(*argv, target=target.fileno()) as into:
            for _ in range(1000):
                into.write(bytes(1 << 16))

    argv = ("sh", "-c", "exec <&-; echo enough >&2; exit 3")
    with pytest.raises(CommandFailed, match="failed with exit status 3: enough"):
        write_much()


def test_a_failing_producer_is_told_by_its_last_words() -> None:
    with (
        pytest.raises(CommandFailed, match="exit status 2: no"),
        Runner().reading("sh", "-c", "echo no >&2; exit 2") as out,
    ):
        out.read()


def test_an_error_of_ours_ends_the_program_and_stays_the_error(tmp_path: Path) -> None:
    def stumble() -> None:
        with open(tmp_path / "target", "wb") as target, Runner().writing("cat", target=target.fileno()) as into:
            into.write(b"x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stumble()


def test_a_missing_program_is_named() -> None:
    with pytest.raises(ToolMissing, match="no-such-program"), Runner().reading("no-such-program"):
        pass

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Images change their size, and what is in them stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import PROJECT
from univention_xen.errors import Busy, XenError
from univention_xen.image import growing
from univention_xen.image.look import look_at
from univention_xen.image.partitions import Partition
from univention_xen.image.report import inside
from univention_xen.image.resize import plan_resize
from univention_xen.image.sizes import human
from univention_xen.image.users import users
from univention_xen.plan import Machine
from univention_xen.run import Runner

pytestmark = pytest.mark.tools
MIB = 1 << 20
RUN = Runner()
ON = Machine()
TABLES = {
    "mbr": "label: dos\nlabel-id: 0x12345678\nstart=1MiB, type=83, bootable\n",
    "gpt": "label: gpt\nstart=1MiB\n",
}


def disk(path: Path, kind: str, system: str, size: int = 64 * MIB) -> Path:
    """Make a raw image with boot code, a partition table ("" for none) and a file system that holds a known file."""
    with open(path, "wb") as image:
        image.truncate(size)
        image.write(b"\xebBOOT CODE" if kind else b"")
    if kind:
        RUN("sfdisk", "-q", "--no-reread", path, stdin=TABLES[kind])
    start = MIB if kind else 0
    length = size - start - (MIB if kind == "gpt" else 0)
    (path.parent / "known").mkdir(exist_ok=True)
    (path.parent / "known/file").write_bytes(b"known " * 100_000)
    part = path.parent / "part"
    with open(part, "wb") as file:
        file.truncate(length)
    if system == "ntfs":
        RUN("mkntfs", "-q", "-F", "-f", part)
        RUN("ntfscp", part, path.parent / "known/file", "file")
    elif system:
        RUN("mke2fs", "-q", "-t", system, "-d", path.parent / "known", part)
    growing.put_back(str(part), str(path), start)
    part.unlink()
    return path


def known_file(path: Path, partition: Partition, system: str) -> bytes:
    """Read the known file out of a raw image, after its file system has been found sound."""
    part = path.parent / "part"
    with growing.partition_file(str(path), partition) as copy:
        if system == "ntfs":
            RUN("ntfsfix", "-n", copy)
            with open(part, "wb") as target:
                RUN.through("ntfscat", "--force", copy, "file", target=target.fileno())
        else:
            RUN("e2fsck", "-fn", copy)
            RUN("debugfs", "-R", f"dump /file {part}", copy)
    return part.read_bytes()


def carry_out(path: Path, size: int, *, partition: bool = False, shrink: bool = False) -> None:
    plan_resize(look_at(str(path), RUN), size, partition=partition, shrink=shrink, on=ON).carry_out(ON)


@pytest.mark.parametrize("system", ["ext2", "ext4", "ntfs"])
@pytest.mark.parametrize("kind", ["mbr", "gpt", ""])
def test_the_last_partition_and_its_file_system_grow_and_shrink(tmp_path: Path, kind: str, system: str) -> None:
    path = disk(tmp_path / "disk", kind, system)
    os.chmod(path, 0o640)
    boot = path.read_bytes()[:440]
    for size in (160 * MIB, 48 * MIB):
        carry_out(path, size, partition=True, shrink=size < 64 * MIB)
        assert path.stat().st_size == size
        found = inside(look_at(str(path), RUN), RUN)
        assert found.table == (kind or "none")
        [(partition, filesystem)] = found.partitions
        assert filesystem is not None
        assert filesystem.kind == system
        assert size - 2 * MIB <= partition.start + partition.size <= size
        assert filesystem.size > partition.size - 2 * MIB
        assert known_file(path, partition, system) == b"known " * 100_000
    if kind:
        RUN("sfdisk", "--verify", path)
        assert path.read_bytes()[:440] == boot
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ["disk", "known", "part"]


def test_identifiers_of_disk_and_partitions_stay(tmp_path: Path) -> None:
    def identifiers(path: Path) -> list[str]:
        table = json.loads(RUN("sfdisk", "--json", path).out)["partitiontable"]
        return [table["id"], *(each.get("uuid", "") for each in table["partitions"])]

    for kind in TABLES:
        path = disk(tmp_path / kind, kind, "ext2")
        before = identifiers(path)
        carry_out(path, 128 * MIB, partition=True)
        assert identifiers(path) == before


@pytest.mark.parametrize("kind", ["qcow2", "vpc"])
def test_other_formats_keep_their_format(tmp_path: Path, kind: str) -> None:
    raw = disk(tmp_path / "raw", "mbr", "ext4")
    path = tmp_path / "disk"
    RUN("qemu-img", "convert", "-O", kind, *(("-o", "force_size=on") if kind == "vpc" else ()), raw, path)
    carry_out(path, 96 * MIB, partition=True)
    image = look_at(str(path), RUN)
    assert (image.driver, image.size) == (kind, 96 * MIB)
    RUN("qemu-img", "convert", "-f", kind, "-O", "raw", path, raw)
    [(partition, _)] = inside(look_at(str(raw), RUN), RUN).partitions
    assert partition.size == 95 * MIB
    assert known_file(raw, partition, "ext4") == b"known " * 100_000


@pytest.mark.parametrize("kind", ["raw", "qcow2", "vpc"])
def test_the_plain_size_grows_and_the_disk_stays_as_it_is(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "disk"
    RUN("qemu-img", "convert", "-O", kind, disk(tmp_path / "raw", "gpt", "ext4"), path)
    carry_out(path, 128 * MIB)
    image = look_at(str(path), RUN)
    assert (image.driver, image.size // MIB) == (kind, 128)
    assert inside(image, RUN).partitions[0][0].size == 62 * MIB
    if kind == "raw":
        RUN("sfdisk", "--verify", path)  # the second copy of the GPT moved to the end


def test_it_shrinks_only_when_asked_and_only_if_all_fits(tmp_path: Path) -> None:
    path = disk(tmp_path / "disk", "mbr", "ext4")
    before = path.read_bytes()
    with pytest.raises(XenError, match="48M is less than the 64M") as why:
        carry_out(path, 48 * MIB)
    assert "--shrink" in why.value.hint
    with pytest.raises(XenError, match=r"partition 1 \(ext4, 63M\) ends beyond 48M"):
        carry_out(path, 48 * MIB, shrink=True)
    with pytest.raises(XenError, match=r"the ext4 on partition 1 needs .*M, and 1M are left for it") as why:
        carry_out(path, 2 * MIB, shrink=True, partition=True)
    assert path.read_bytes() == before
    fits = int(why.value.hint.split("M or larger")[0].split()[-1])
    carry_out(path, fits * MIB, shrink=True, partition=True)
    assert human(path.stat().st_size) == f"{fits}M"


def test_an_unused_end_can_be_cut_off(tmp_path: Path) -> None:
    for kind in TABLES:
        path = disk(tmp_path / kind, kind, "ext2")
        carry_out(path, 128 * MIB)
        carry_out(path, 66 * MIB, shrink=True)
        assert path.stat().st_size == 66 * MIB
        [(partition, _)] = inside(look_at(str(path), RUN), RUN).partitions
        assert known_file(path, partition, "ext2") == b"known " * 100_000
        RUN("sfdisk", "--verify", path)


def test_what_is_unknown_neither_shrinks_nor_is_destroyed(tmp_path: Path) -> None:
    path = disk(tmp_path / "disk", "mbr", "")
    with pytest.raises(XenError, match="cannot be made smaller"):
        carry_out(path, 32 * MIB, shrink=True, partition=True)
    empty = tmp_path / "empty"
    with open(empty, "wb") as file:
        file.truncate(MIB)
    with pytest.raises(XenError, match="no partitions"):
        carry_out(empty, MIB // 2, shrink=True)


def test_logical_partitions_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    with open(path, "wb") as image:
        image.truncate(64 * MIB)
    RUN("sfdisk", "-q", path, stdin="label: dos\nsize=20MiB, type=83\ntype=5\nsize=20MiB, type=83\n,\n")
    RUN("sfdisk", "-q", "--append", path, stdin="type=83\n", ok=(0, 1))
    with pytest.raises(XenError, match="logical"):
        carry_out(path, 128 * MIB, partition=True)


def test_nothing_to_do_is_said(tmp_path: Path) -> None:
    path = disk(tmp_path / "disk", "mbr", "ext2")
    image = look_at(str(path), RUN)
    assert str(plan_resize(image, 64 * MIB, partition=False, shrink=False, on=ON)).endswith("is 64M large already")
    assert "fills the disk" in str(plan_resize(image, 64 * MIB, partition=True, shrink=False, on=ON))


def test_an_image_that_is_open_is_left_alone(tmp_path: Path) -> None:
    path = disk(tmp_path / "disk", "mbr", "ext2")
    with open(path, "rb") as file, subprocess.Popen(["sleep", "60"], pass_fds=[file.fileno()]) as holder:
        try:
            with pytest.raises(Busy, match=r"is in use by sleep \(process"):
                carry_out(path, 128 * MIB)
        finally:
            holder.kill()


def test_snapshots_and_backing_files_are_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    RUN("qemu-img", "create", "-q", "-f", "qcow2", path, "64M")
    RUN("qemu-img", "snapshot", "-c", "before", path)
    with pytest.raises(XenError, match="has snapshots, which would be lost"):
        carry_out(path, 32 * MIB, shrink=True)
    RUN("qemu-img", "create", "-q", "-f", "qcow2", "-b", path, "-F", "qcow2", tmp_path / "over")
    with pytest.raises(XenError, match="holds only the difference"):
        carry_out(tmp_path / "over", 128 * MIB)


@pytest.fixture
def killed() -> Callable[[list[str], float], None]:
    """Start a univention-xen and kill it with all its programs after some seconds."""

    def start(words: list[str], after: float) -> None:
        command = [sys.executable, "-m", "univention_xen", *words]
        environment = {"PYTHONPATH": str(PROJECT / "python"), "PATH": os.environ["PATH"]}
        with subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.DEVNULL) as process:
            time.sleep(after)
            os.killpg(process.pid, signal.SIGKILL)

    return start


def wait_for_nobody(path: Path) -> None:
    """Let programs of a killed command end, which may still have the image in their hands."""
    deadline = time.monotonic() + 60
    while users(str(path)) and time.monotonic() < deadline:
        time.sleep(0.05)


@pytest.mark.parametrize("after", [0.12, 0.2, 0.3, 0.4, 0.6])
def test_killed_while_it_resizes_the_image_is_the_old_or_the_new(
    tmp_path: Path, killed: Callable[[list[str], float], None], after: float
) -> None:
    path = disk(tmp_path / "disk", "mbr", "ext4")
    killed(["image", "resize", str(path), "160M", "--partition"], after)
    assert path.stat().st_size in (64 * MIB, 160 * MIB)
    wait_for_nobody(path)
    [(partition, _)] = inside(look_at(str(path), RUN), RUN).partitions
    assert known_file(path, partition, "ext4") == b"known " * 100_000
    carry_out(path, 200 * MIB, partition=True)
    assert sorted(os.listdir(tmp_path)) == ["disk", "known", "part"]  # what the kill left behind is gone

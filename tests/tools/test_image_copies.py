# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Images are made, cloned, converted, checked and made sparse with the real programs."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import mmap
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import PROJECT
from univention_xen.cli.main import main
from univention_xen.errors import XenError
from univention_xen.image import check, copies, create, growing, layouts, sparsify
from univention_xen.image.look import look_at
from univention_xen.image.report import facts, inside
from univention_xen.plan import Machine
from univention_xen.run import Runner

pytestmark = pytest.mark.tools
MIB = 1 << 20
RUN = Runner()
ON = Machine()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def used(path: Path) -> int:
    return path.stat().st_blocks * 512


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    """Return a raw image of 64 MiB that holds 3 MiB in three places, one of them at the very end."""
    path = tmp_path / "sparse"
    data = random.Random(1).randbytes(MIB)
    with open(path, "wb") as file:
        file.truncate(64 * MIB)
        for at in (0, 20 * MIB, 63 * MIB):
            os.pwrite(file.fileno(), data, at)
    return path


@pytest.mark.parametrize("preallocate", [False, True])
@pytest.mark.parametrize("kind", ["raw", "qcow2", "vhd"])
def test_an_image_is_made_as_asked(tmp_path: Path, kind: str, preallocate: bool) -> None:
    path = tmp_path / "disk"
    script = layouts.script("root+swap", 512 * MIB)
    plan = create.plan_create(str(path), 512 * MIB, format=kind, preallocate=preallocate, script=script)
    plan.carry_out(ON)
    image = look_at(str(path), RUN)
    assert (image.format, image.size) == (kind, 512 * MIB)
    assert (used(path) > 500 * MIB) == preallocate
    root, swap = (partition for partition, _ in inside(image, RUN).partitions)
    assert (root.type, root.active, swap.type, swap.active) == ("83", True, "82", False)
    assert (swap.start, swap.size) == (MIB, 64 * MIB)
    assert root.start + root.size == 512 * MIB
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["disk"]


@pytest.mark.parametrize("size", [128 * MIB, 1 << 30, 12 << 30])
@pytest.mark.parametrize("layout", layouts.LAYOUTS)
def test_every_layout_is_one_that_sfdisk_finds_right(tmp_path: Path, layout: str, size: int) -> None:
    path = tmp_path / "disk"
    create.plan_create(str(path), size, script=layouts.script(layout, size)).carry_out(ON)
    assert "No errors detected" in RUN("sfdisk", "--verify", path).out
    table = json.loads(RUN("sfdisk", "--json", path).out)["partitiontable"]
    assert all(each["start"] % 2048 == 0 for each in table["partitions"])
    assert sum(each.get("bootable", False) for each in table["partitions"]) == 1


def test_a_script_of_ones_own_and_a_bad_one(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("label: gpt\nsize=10MiB, name=first\nname=second\n")
    script = layouts.script(str(tmp_path / "script"), 64 * MIB)
    create.plan_create(str(tmp_path / "disk"), 64 * MIB, script=script).carry_out(ON)
    assert inside(look_at(str(tmp_path / "disk"), RUN), RUN).table == "gpt"
    with pytest.raises(XenError, match="sfdisk"):
        create.plan_create(str(tmp_path / "bad"), 64 * MIB, script="what is this\n").carry_out(ON)
    assert sorted(os.listdir(tmp_path)) == ["disk", "script"]


@pytest.mark.parametrize("what", ["file", "directory", "link"])
def test_nothing_is_overwritten(tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str], sparse: Path) -> None:
    path = tmp_path / "there"
    {"file": path.touch, "directory": path.mkdir, "link": lambda: path.symlink_to("nowhere")}[what]()
    before = os.lstat(path)
    assert main(["image", "create", str(path), "--size", "1G"]) == 1
    assert main(["image", "clone", str(sparse), str(path)]) == 1
    assert main(["image", "convert", str(sparse), str(path), "--to", "qcow2"]) == 1
    assert capsys.readouterr().err.count("there already; nothing is overwritten\n  hint:") == 3
    assert os.lstat(path) == before


def test_a_clone_is_the_same_and_as_sparse(tmp_path: Path, sparse: Path) -> None:
    os.chmod(sparse, 0o640)
    copies.plan_clone(look_at(str(sparse), RUN), str(tmp_path / "clone")).carry_out(ON)
    assert digest(tmp_path / "clone") == digest(sparse)
    assert used(tmp_path / "clone") <= used(sparse)
    assert (tmp_path / "clone").stat().st_mode & 0o777 == 0o640


def test_a_clone_needs_no_file_system_that_can_map_files(
    tmp_path: Path, sparse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError(errno.ENODEV, "this file system maps nothing")

    monkeypatch.setattr(mmap, "mmap", refuse)
    copies.clone(str(sparse), str(empty(tmp_path / "clone")))
    assert digest(tmp_path / "clone") == digest(sparse)
    assert used(tmp_path / "clone") <= used(sparse)


def test_a_clone_needs_no_file_system_that_shares_or_reserves_blocks(
    tmp_path: Path, sparse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EOPNOTSUPP, "this file system does neither")

    monkeypatch.setattr(fcntl, "ioctl", refuse)
    copies.clone(str(sparse), str(empty(tmp_path / "clone")))
    assert digest(tmp_path / "clone") == digest(sparse)
    assert used(tmp_path / "clone") <= used(sparse)


def test_what_is_no_whole_block_is_cloned(tmp_path: Path) -> None:
    source = tmp_path / "source"
    with open(source, "wb") as file:
        file.seek(5 * MIB + 123)
        file.write(b"data")
    copies.clone(str(source), str(empty(tmp_path / "clone")))
    assert digest(tmp_path / "clone") == digest(source)
    assert used(tmp_path / "clone") <= used(source)


def empty(path: Path) -> Path:
    path.touch()
    return path


def test_a_hole_at_the_end_and_nothing_but_a_hole_are_cloned(tmp_path: Path) -> None:
    for number, data in enumerate((b"", b"x" * 5000)):
        source = tmp_path / f"source{number}"
        source.write_bytes(data)
        os.truncate(source, 10 * MIB + 17)
        copies.clone(str(source), str(empty(tmp_path / f"clone{number}")))
        assert digest(tmp_path / f"clone{number}") == digest(source)
        assert used(tmp_path / f"clone{number}") <= used(source)


@pytest.mark.parametrize("kind", ["qcow2", "vhd", "raw"])
def test_a_conversion_there_and_back_is_the_same(tmp_path: Path, sparse: Path, kind: str) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    assert main(["image", "convert", str(sparse), str(there), "--to", kind]) == 0
    assert look_at(str(there), RUN).format == kind
    assert look_at(str(there), RUN).size == 64 * MIB
    assert main(["image", "convert", str(there), str(back), "--to", "raw"]) == 0
    assert digest(back) == digest(sparse)
    assert used(back) <= 4 * MIB


def test_the_header_of_another_format_inside_a_raw_disk_is_not_believed_when_told(tmp_path: Path) -> None:
    secret, disk = tmp_path / "secret", tmp_path / "disk"
    secret.write_bytes(b"root:secret" + bytes(MIB))
    RUN("qemu-img", "create", "-q", "-f", "qcow2", "-b", secret, "-F", "raw", disk, "1M")
    with pytest.raises(XenError, match="holds only the difference"):
        copies.plan_convert(look_at(str(disk), RUN), str(tmp_path / "out"), "raw")
    copies.plan_convert(look_at(str(disk), RUN, format="raw"), str(tmp_path / "out"), "raw").carry_out(ON)
    assert b"secret\0" not in (tmp_path / "out").read_bytes().replace(os.fsencode(secret), b"")


def test_a_fixed_vhd_is_not_taken_for_a_raw_image(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    RUN("qemu-img", "create", "-q", "-f", "vpc", "-o", "subformat=fixed,force_size=on", path, "8M")
    image = look_at(str(path), RUN)
    assert (image.format, image.size) == ("vhd", 8 * MIB)


def with_ext4(path: Path, known: Path) -> Path:
    """Make a raw image with a partition whose ext4 once was full of other things."""
    create.plan_create(str(path), 256 * MIB, script=layouts.script("root", 256 * MIB)).carry_out(ON)
    part = path.parent / "part"
    with open(part, "wb") as file:
        file.write(b"old " * (64 * MIB))
        file.truncate(255 * MIB)
    RUN("mke2fs", "-q", "-F", "-t", "ext4", "-E", "nodiscard", "-d", known, part)
    growing.put_back(str(part), str(path), MIB)
    part.unlink()
    return path


def test_free_space_and_zeros_are_given_back(tmp_path: Path) -> None:
    (tmp_path / "known").mkdir()
    (tmp_path / "known/file").write_bytes(b"known " * 500_000)
    path = with_ext4(tmp_path / "disk", tmp_path / "known")
    before = used(path)
    assert before > 200 * MIB
    sparsify.plan_sparsify(look_at(str(path), RUN), free_space=True, on=ON).carry_out(ON)
    assert used(path) < before - 150 * MIB
    assert not any(each.wrong for each in check.check(look_at(str(path), RUN), RUN))
    RUN("debugfs", "-R", f"dump /file {tmp_path}/again", f"{path}?offset={MIB}")
    assert (tmp_path / "again").read_bytes() == b"known " * 500_000


@pytest.mark.parametrize("kind", ["raw", "qcow2", "vpc"])
def test_zeros_take_up_no_room(tmp_path: Path, sparse: Path, kind: str) -> None:
    path = tmp_path / "disk"
    RUN("qemu-img", "convert", "-S", "0", "-O", kind, sparse, path)
    before, content = used(path), tmp_path / "content"
    RUN("qemu-img", "convert", "-O", "raw", path, content)
    assert before > 60 * MIB
    assert main(["image", "sparsify", str(path)]) == 0
    assert used(path) < 10 * MIB
    RUN("qemu-img", "convert", "-O", "raw", path, tmp_path / "again")
    assert digest(tmp_path / "again") == digest(content)


def test_damage_is_found_and_not_repaired(tmp_path: Path) -> None:
    (tmp_path / "known").mkdir()
    path = with_ext4(tmp_path / "disk", tmp_path / "known")
    assert [each.wrong for each in check.check(look_at(str(path), RUN), RUN)] == [False, False, False]
    RUN("debugfs", "-w", "-R", "sif <2> links_count 77", f"{path}?offset={MIB}")
    before = digest(path)
    assert [each.wrong for each in check.check(look_at(str(path), RUN), RUN)] == [False, False, True]
    assert main(["image", "check", str(path)]) == 1
    assert digest(path) == before
    RUN("qemu-img", "convert", "-O", "qcow2", path, tmp_path / "qcow2")
    with open(tmp_path / "qcow2", "r+b") as file:
        file.seek(65536 * 2)
        file.write(b"\x80" * 4096)
    assert check.check(look_at(str(tmp_path / "qcow2"), RUN), RUN)[0].wrong


def test_everything_about_an_image(tmp_path: Path) -> None:
    (tmp_path / "known").mkdir()
    path = with_ext4(tmp_path / "disk", tmp_path / "known")
    (tmp_path / "etc/xen").mkdir(parents=True)
    (tmp_path / "etc/xen/web.cfg").write_text(f"disk = [ 'file:{path},xvda,w' ]\n")
    (tmp_path / "etc/xen/other.cfg").write_text(f"# disk = ['file:{path},xvda,w']\ndisk = ['file:{path}2,xvda,w']\n")
    found = facts(str(path), Machine(tmp_path))
    assert found.guests == ("web",)
    assert found.users == ()
    data = found.as_data()
    assert data["partitions"][0]["filesystem"] == "ext4"
    assert data["partitions"][0]["filesystem_size"] == 255 * MIB
    assert json.loads(json.dumps(data)) == data
    assert "partition 1: 255M at 1M, ext4, active" in found.as_text()
    with open(path, "rb") as disk, subprocess.Popen(["sleep", "60"], stdin=disk) as holder:
        try:
            assert [user.pid for user in facts(str(path), ON).users] == [holder.pid]
        finally:
            holder.kill()


def again(words: list[str]) -> None:
    """Do it; programs of the killed command may still be on their way out with the image in their hands."""
    deadline = time.monotonic() + 60
    while (code := main(words)) == 75 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert code == 0


@pytest.mark.parametrize("after", [0.1, 0.15, 0.2, 0.3])
@pytest.mark.parametrize(
    "words", [("create", "--size", "300M", "--preallocate"), ("clone",), ("convert", "--to", "qcow2")]
)
def test_killed_at_any_time_the_target_is_complete_or_not_there(
    tmp_path: Path, words: tuple[str, ...], after: float
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    with open(source, "wb") as file:
        for number in range(200):
            file.write(random.Random(number).randbytes(MIB))
    places = [str(target)] if words[0] == "create" else [str(source), str(target)]
    command = [sys.executable, "-m", "univention_xen", "image", words[0], *places, *words[1:]]
    environment = {"PYTHONPATH": str(PROJECT / "python"), "PATH": os.environ["PATH"]}
    with subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.DEVNULL) as process:
        time.sleep(after)
        os.killpg(process.pid, signal.SIGKILL)
    complete = target.exists()
    if not complete:
        again(command[3:])
    expected = {"create": 300 * MIB, "clone": 200 * MIB, "convert": 200 * MIB}[words[0]]
    assert look_at(str(target), RUN).size == expected
    if words[0] != "create":
        RUN("qemu-img", "compare", source, target)
    if not complete:
        assert sorted(os.listdir(tmp_path)) == ["source", "target"]  # what the kill left behind is gone


def test_remains_of_a_file_system_before_the_first_partition_are_no_file_system(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    with open(path, "wb") as file:
        file.truncate(64 * MIB)
    RUN("mke2fs", "-q", "-F", path)
    RUN("sfdisk", "-q", "--wipe", "never", path, stdin="label: dos\nstart=1MiB, type=83\n")
    found = inside(look_at(str(path), RUN), RUN)
    assert (found.table, [partition.number for partition, _ in found.partitions]) == ("mbr", [1])


def test_what_is_no_disk_is_said_but_not_damaged(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"no disk at all\n" * 1000)
    (tmp_path / "empty").write_bytes(bytes(MIB))
    remarks = [inside(look_at(str(tmp_path / name), RUN), RUN).remark for name in ("text", "empty")]
    assert remarks == ["no partitions, and nothing known", "no partitions"]
    assert not any(each.wrong for each in check.check(look_at(str(tmp_path / "text"), RUN), RUN))

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Boot menus in real disk images: found, changed in place, consistent afterwards, refused when that is not safe."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

import bootini_samples as samples
from bootini_samples import BOOT_INI, XP
from conftest import PROJECT
from univention_xen.bootini import look
from univention_xen.cli.main import main
from univention_xen.errors import XenError
from univention_xen.image import inside
from univention_xen.image.fat import Fat
from univention_xen.image.inside import Disk
from univention_xen.image.look import look_at
from univention_xen.image.ntfs import ATTRIBUTES, Ntfs
from univention_xen.image.partition_file import partition_file
from univention_xen.image.users import users
from univention_xen.run import ENVIRONMENT, Runner

pytestmark = pytest.mark.tools

MIB = 1 << 20
START, SIZE = MIB, 48 * MIB
HIDDEN = 0x27  # read-only, hidden, system, archive
TODAY = time.strftime("%Y%m%d")
GERMAN = BOOT_INI.replace(b"Professional", "für Büros".encode("cp850"))
RESCUE = GERMAN + XP + "=\"Microsoft Windows XP für Büros (without GPLPV drivers)\" ".encode("cp850") + (
    b"/fastdetect /NoExecute=OptIn /nogplpv\r\n"
)  # fmt: skip


@pytest.fixture(autouse=True)
def own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks lie where everybody may make them."""
    monkeypatch.setattr("univention_xen.lock.DIRECTORY", str(tmp_path / "locks"))


def call(*words: str | Path, stdin: str = "") -> str:
    """Run a program that must succeed."""
    done = subprocess.run([str(word) for word in words], input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def file_system(path: Path, kind: str, contents: dict[str, bytes]) -> None:
    """Make a file system image with files in it, those of the root directory hidden as Windows does it."""
    with open(path, "wb") as file:
        file.truncate(SIZE)
    run = Runner()
    inside: Fat | Ntfs
    if kind == "ntfs":
        call("mkntfs", "--force", "--fast", "--quiet", path)
        inside = Ntfs(str(path), run)
    else:
        call("mkfs.fat", "-F", kind[3:], "-s", {"fat16": "2", "fat32": "1"}[kind], path)
        inside = Fat(str(path), run)
    for directory in sorted({name.rpartition("/")[0] for name in contents} - {""}, key=len):
        make_directories(inside, directory)
    for name, data in contents.items():
        if isinstance(inside, Ntfs):
            inside.put(name, data)
            with suppress(XenError), inside.opened() as top:  # where FUSE may not be used, it stays visible
                os.setxattr(f"{top}/{name}", ATTRIBUTES, HIDDEN.to_bytes(4, "big"))
        else:
            inside.write(name, data, "RSHA")


def make_directories(inside: Fat | Ntfs, path: str) -> None:
    """Make a directory and those above it."""
    parts = path.split("/")
    if isinstance(inside, Ntfs):
        try:
            with inside.opened() as top:
                os.makedirs(f"{top}/{path}", exist_ok=True)
        except XenError as why:
            pytest.skip(f"no directory can be made in an NTFS image without FUSE: {why}")
        return
    for end in range(1, len(parts) + 1):
        if not inside.find(name := "/".join(parts[:end])):
            inside.mtools("mmd", f"::/{name}")


@dataclass
class Layout:
    """How an image is made: sfdisk's label and the type of the partition that Windows starts from."""

    label: str = "dos"
    type: str = "7,bootable"
    format: str = "raw"


def disk_image(path: Path, system: Path, layout: Layout) -> Path:
    """Make a disk image in which the file system image *system* is the second partition on the disk."""
    raw = path.with_suffix(".raw-disk")
    with open(raw, "wb") as file:
        file.truncate(START + SIZE + 8 * MIB)
    last = (START + SIZE) // 512
    script = (
        f"label: {layout.label}\nstart={last},size=8192\nstart={START // 512},size={SIZE // 512},type={layout.type}\n"
    )
    call("sfdisk", "--quiet", raw, stdin=script)
    call("dd", f"if={system}", f"of={raw}", "bs=1M", "seek=1", "conv=notrunc,sparse", "status=none")
    call("qemu-img", "convert", "-f", "raw", "-O", {"vhd": "vpc"}.get(layout.format, layout.format), raw, path)
    raw.unlink()
    return path


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """File systems of each kind with a boot.ini, one with another case, and what else lies there."""
    directory = tmp_path_factory.mktemp("systems")
    names = {"ntfs": "BOOT.ini", "fat16": "boot.ini", "fat32": "BOOT.INI"}
    for kind, name in names.items():
        file_system(directory / kind, kind, {name: GERMAN, "NTLDR": b"\xeb" * 5000})
    return {kind: directory / kind for kind in names}


@pytest.fixture
def image(request: pytest.FixtureRequest, tmp_path: Path, systems: dict[str, Path]) -> Path:
    """An image of the format and with the file system that the test names."""
    layout, kind = getattr(request, "param", ("raw", "ntfs"))
    return disk_image(tmp_path / "disk image,1.img", systems[kind], Layout(format=layout))


def content(path: Path) -> tuple[dict[str, bytes], dict[str, int | str]]:
    """Return files and attributes of the boot menu and its backups; fails when the file system is inconsistent."""
    run = Runner()
    disk = Disk(look_at(str(path), run), run)
    partition = look.system_partition(disk, disk.table())
    kind = disk.filesystem(partition)
    with partition_file(disk, partition) as file:
        copy = file.path
        if kind == "ntfs":
            call("ntfsfix", "-n", copy)
            ntfs = Ntfs(copy, run)
            names = [name for name in ntfs.names("/") if name.lower().startswith("boot.ini")]
            flags: dict[str, int | str] = dict.fromkeys(names, HIDDEN)
            with suppress(XenError), ntfs.opened() as top:
                flags = {n: int.from_bytes(os.getxattr(f"{top}/{n}", ATTRIBUTES), "big") for n in names}
            return {name: ntfs.get(name) for name in names}, flags
        call("fsck.fat", "-n", copy)
        fat = Fat(copy, run)
        names = [
            name
            for name in call("mdir", "-a", "-b", "-i", copy, "::/").replace("::/", "").split()
            if "boot.ini" in name.lower()
        ]
        return {name: fat.get(name) for name in names}, {name: "".join(sorted(fat.attributes(name))) for name in names}


def no_leftovers(directory: Path) -> None:
    """Fail when something that was not there before lies beside an image."""
    assert [name for name in os.listdir(directory) if name.startswith(".")] == []
    mounts = Path("/proc/self/mountinfo").read_text()
    assert "univention-xen-" not in mounts


KINDS = [
    ("raw", "ntfs"),
    ("raw", "fat16"),
    ("raw", "fat32"),
    ("qcow2", "ntfs"),
    ("qcow2", "fat32"),
    ("vhd", "ntfs"),
    ("vhd", "fat16"),
]


@pytest.mark.parametrize("image", KINDS, indirect=True, ids="-".join)
def test_an_entry_is_added_in_place_and_taken_away_again(image: Path) -> None:
    before, flags = content(image)
    (name,) = before
    (hidden,) = flags.values()
    assert hidden in (HIDDEN, "AHRS")

    assert main(["bootini", "gplpv", str(image)]) == 0
    after, flags = content(image)
    assert after == {name: RESCUE, f"{name}.bak-{TODAY}": GERMAN}
    assert set(flags.values()) == {hidden}, "attributes are kept, the backup's too"

    stand = image.read_bytes()
    assert main(["bootini", "gplpv", str(image)]) == 0, "twice is once"
    assert image.read_bytes() == stand

    assert main(["bootini", "gplpv", "--undo", str(image)]) == 0
    after, _ = content(image)
    assert after == {name: GERMAN, f"{name}.bak-{TODAY}": GERMAN, f"{name}.bak-{TODAY}-2": RESCUE}
    no_leftovers(image.parent)


@pytest.mark.parametrize("image", [("raw", "ntfs"), ("qcow2", "fat16")], indirect=True, ids="-".join)
def test_looking_and_trying_change_nothing(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stand = image.read_bytes()
    assert main(["bootini", "show", str(image), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["partition"] == 2
    assert told["entries"][0]["title"] == "Microsoft Windows XP für Büros"
    assert main(["bootini", "gplpv", str(image), "--dry-run", "--driver-version", "0.9.11"]) == 0
    out = capsys.readouterr().out
    assert "+" + XP.decode() + '="Microsoft Windows XP für Büros (with GPLPV drivers)" /fastdetect' in out
    assert image.read_bytes() == stand
    no_leftovers(image.parent)


def test_a_file_system_without_partition_table(tmp_path: Path, systems: dict[str, Path]) -> None:
    path = tmp_path / "c.img"
    call("cp", systems["ntfs"], path)
    assert main(["bootini", "gplpv", str(path)]) == 0
    assert content(path)[0]["BOOT.ini"] == RESCUE


@pytest.mark.parametrize(
    ("label", "kind", "place"), [("gpt", "fat32", "EFI/Microsoft/Boot/BCD"), ("dos", "ntfs", "boot/bcd")]
)
def test_a_bcd_is_changed_in_its_partition(
    tmp_path: Path, label: str, kind: str, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("hivex")
    data = samples.bcd(tmp_path / "hive")
    file_system(tmp_path / "system", kind, {place: data, "boot.ini": BOOT_INI})
    path = disk_image(
        tmp_path / "w7.qcow2", tmp_path / "system", Layout(label, "U" if label == "gpt" else "7,bootable", "qcow2")
    )

    assert main(["bootini", "gplpv", str(path)]) == 0
    capsys.readouterr()
    assert main(["bootini", "show", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(e["title"], e["options"]) for e in told["entries"] if e["listed"]] == [
        ("Windows 7", ""), ("Windows 7 (without GPLPV drivers)", "NOGPLPV"),
    ]  # fmt: skip
    assert told["notes"] == ["there is a boot.ini as well: --kind boot.ini shows it"]

    assert main(["bootini", "gplpv", "--testsigning", str(path)]) == 0
    assert main(["bootini", "gplpv", "--undo", str(path)]) == 0
    assert main(["bootini", "gplpv", "--undo", "--testsigning", str(path)]) == 0
    assert main(["bootini", "gplpv", "--kind", "boot.ini", str(path)]) == 0
    assert content(path)[0]["boot.ini"].endswith(b"/nogplpv\r\n")
    no_leftovers(tmp_path)


def refused(path: Path, *words: str, capsys: pytest.CaptureFixture[str], code: int = 1) -> str:
    """Return what is said about an image that must not be changed, having checked that it was not."""
    stand = path.read_bytes()
    assert main(["bootini", "gplpv", str(path), *words]) == code
    assert path.read_bytes() == stand
    no_leftovers(path.parent)
    return capsys.readouterr().err


@pytest.fixture
def opened(image: Path) -> Iterator[int]:
    """Another process has the image open."""
    with open(image, "rb") as file, subprocess.Popen(["sleep", "60"], stdin=file) as process:
        yield process.pid
        process.kill()


def test_an_image_in_use_is_refused(image: Path, opened: int, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(image, capsys=capsys, code=75)
    assert f"is in use by sleep (process {opened})\n  hint: shut the guest down first" in said


@pytest.mark.parametrize("image", [("qcow2", "ntfs")], indirect=True)
def test_an_image_that_qemu_has_locked_is_refused(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with subprocess.Popen(
        ["qemu-io", "-f", "qcow2", str(image)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as qemu:
        assert qemu.stdin
        assert qemu.stdout
        assert "qemu-io>" in qemu.stdout.read(8)
        assert "is in use by" in refused(image, capsys=capsys, code=75)
        qemu.kill()


def changed_system(tmp_path: Path, system: Path) -> Path:
    call("cp", system, tmp_path / "system")
    return tmp_path / "system"


def test_a_dirty_file_system_is_refused(
    tmp_path: Path, systems: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    system = changed_system(tmp_path, systems["ntfs"])
    call("ntfsfix", system)  # which asks Windows to check it
    path = disk_image(tmp_path / "c.img", system, Layout())
    assert "the NTFS file system is dirty" in refused(path, capsys=capsys)
    assert main(["bootini", "show", str(path)]) == 0, "looking is safe"


@pytest.mark.parametrize("mark", [b"hibr", b"HIBR"])
def test_a_hibernated_windows_is_refused(
    tmp_path: Path, systems: dict[str, Path], mark: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    system = changed_system(tmp_path, systems["ntfs"])
    Ntfs(str(system), Runner()).put("hiberfil.sys", mark.ljust(8192, b"\0"))
    path = disk_image(tmp_path / "c.img", system, Layout())
    assert "Windows is hibernated" in refused(path, capsys=capsys)


def test_a_bitlocker_disk_is_refused(
    tmp_path: Path, systems: dict[str, Path], image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open(image, "r+b") as file:
        file.seek(START + SIZE + 3)
        file.write(b"-FVE-FS-")
    assert "is encrypted with BitLocker" in refused(image, capsys=capsys)


def test_other_images_are_refused_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty.img"
    with open(empty, "wb") as file:
        file.truncate(20 * MIB)
    assert "neither a partition table nor a file system" in refused(empty, capsys=capsys)
    call("sfdisk", "--quiet", empty, stdin="label: dos\ntype=7\n")
    assert "has no active partition" in refused(empty, capsys=capsys)
    call("sfdisk", "--quiet", empty, stdin="label: dos\ntype=7,bootable\n")
    assert "holds neither NTFS nor FAT" in refused(empty, capsys=capsys)
    file_system(tmp_path / "system", "fat16", {"other": b""})
    other = disk_image(tmp_path / "other.img", tmp_path / "system", Layout())
    assert "from which it starts, has no boot.ini and no BCD" in refused(other, capsys=capsys)


def test_a_cut_image_is_refused(tmp_path: Path, systems: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    path = disk_image(tmp_path / "c.img", systems["ntfs"], Layout())
    for size in (20 * MIB, MIB + 512, 17 * MIB, 512 * 129):
        os.truncate(path, size)
        assert refused(path, capsys=capsys).startswith(f"univention-xen: {path}")


def test_a_header_that_names_another_image_is_not_followed(
    tmp_path: Path, systems: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    base = disk_image(tmp_path / "base.img", systems["ntfs"], Layout())
    path = tmp_path / "overlay.qcow2"
    call("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", base, path)
    stand = base.read_bytes()
    assert "lies on another image" in refused(path, capsys=capsys)
    assert main(["bootini", "gplpv", "--format", "qcow2", str(path)]) == 0
    assert content(path)[0]["BOOT.ini"] == RESCUE
    assert base.read_bytes() == stand


@pytest.mark.parametrize(
    ("image", "program", "package"),
    [
        (("raw", "ntfs"), "ntfsls", "ntfs-3g"),
        (("raw", "fat16"), "mdir", "mtools"),
        (("qcow2", "ntfs"), "qemu-img", "qemu-utils"),
    ],
    indirect=["image"],
)
def test_a_missing_program_is_named_with_its_package(
    image: Path, program: str, package: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "bin").mkdir()
    for name in {"env", "qemu-img", "ntfsls", "ntfscat", "mdir", "mcopy"} - {program}:
        os.symlink(shutil.which(name) or "", tmp_path / "bin" / name)
    monkeypatch.setitem(ENVIRONMENT, "PATH", str(tmp_path / "bin"))
    assert main(["bootini", "show", str(image)]) == 1
    assert f"hint: apt install {package}" in capsys.readouterr().err


@pytest.mark.parametrize("image", [("raw", "ntfs"), ("qcow2", "fat32")], indirect=True, ids="-".join)
def test_without_fuse_the_partition_is_copied(
    image: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise XenError("there can be no private mounts")

    (name,) = content(image)[0]
    monkeypatch.setattr("univention_xen.image.partition_file.private_mounts", refuse)
    assert main(["--verbose", "bootini", "gplpv", str(image)]) == 0
    assert "copying the partition: there can be no private mounts" in capsys.readouterr().err
    monkeypatch.undo()
    assert content(image)[0] == {name: RESCUE, f"{name}.bak-{TODAY}": GERMAN}
    no_leftovers(image.parent)


def test_a_windows_that_sleeps_on_another_partition_is_refused(
    tmp_path: Path, systems: dict[str, Path], image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open(tmp_path / "other", "wb") as file:
        file.truncate(4 * MIB)
    call("mkntfs", "--force", "--fast", "--quiet", tmp_path / "other")
    Ntfs(str(tmp_path / "other"), Runner()).put("hiberfil.sys", b"hibr".ljust(4096, b"\0"))
    call("dd", f"if={tmp_path / 'other'}", f"of={image}", "bs=1M", "seek=49", "conv=notrunc", "status=none")
    assert "Windows is hibernated" in refused(image, capsys=capsys)


@pytest.mark.skipif(os.geteuid() != 0, reason="the command takes its locks as root")
@pytest.mark.parametrize("image", [("qcow2", "ntfs"), ("raw", "fat16")], indirect=True, ids="-".join)
def test_a_kill_leaves_the_old_or_the_new_menu_and_nothing_else(image: Path) -> None:
    (name,) = content(image)[0]
    words = [sys.executable, "-m", "univention_xen", "bootini", "gplpv", str(image)]
    before = [name for name in os.listdir("/tmp") if name.startswith("univention-xen-")]
    environment = os.environ | {"PYTHONPATH": str(PROJECT / "python")}
    for delay in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5):
        process = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        time.sleep(delay)
        process.kill()
        process.wait()
        wait_until_unused(image)
        assert content(image)[0][name] in (GERMAN, RESCUE)
    assert main(["bootini", "gplpv", str(image)]) == 0
    assert content(image)[0][name] == RESCUE
    no_leftovers(image.parent)
    left = [name for name in os.listdir("/var/tmp") if name.startswith(".univention-xen.")]
    assert [name for name in os.listdir("/tmp") if name.startswith("univention-xen-")] == before
    assert [name for name in left if not os.path.exists(f"/proc/{name.split('.')[-2]}")] == []


def wait_until_unused(image: Path) -> None:
    """Return when what a killed command has started is gone as well."""
    for _ in range(200):
        if not users(str(image)):
            return
        time.sleep(0.05)
    pytest.fail(f"something still has the image open: {users(str(image))}")


@pytest.mark.parametrize("image", [("raw", "ntfs"), ("raw", "fat32"), ("qcow2", "fat16")], indirect=True, ids="-".join)
def test_damaged_images_give_a_result_or_one_sentence(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = image.read_bytes()
    chance = random.Random(7)
    for _ in range(8):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 5, 40))):
            at = chance.choice(
                (chance.randrange(0, 4096), START + chance.randrange(0, 65536), chance.randrange(len(whole)))
            )
            damaged[at : at + 4] = chance.randbytes(4)
        image.write_bytes(damaged)
        for words in (["show", str(image)], ["gplpv", str(image)]):
            code = main(["bootini", *words])
            said = capsys.readouterr().err
            assert code in (0, 1)
            assert "Traceback" not in said
            assert (code == 0) or len([line for line in said.splitlines() if line.startswith("univention-xen: ")]) == 1
        no_leftovers(image.parent)


@pytest.fixture
def device(image: Path) -> Iterator[Path]:
    """A block device with the contents of the image."""
    done = subprocess.run(["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this machine has no loop devices: {done.stderr.strip()}")
    path = Path(done.stdout.strip())
    yield path
    call("losetup", "--detach", path)


def test_a_block_device_is_changed_like_a_file(device: Path) -> None:
    assert main(["bootini", "gplpv", str(device)]) == 0
    assert content(device)[0]["BOOT.ini"] == RESCUE


def test_a_device_that_somebody_claims_is_refused(device: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stand = device.read_bytes()
    claim = os.open(device, os.O_RDONLY | os.O_EXCL)  # what the kernel does for a mount
    try:
        assert main(["bootini", "gplpv", str(device)]) == 75
        assert "is mounted or part of another device" in capsys.readouterr().err
    finally:
        os.close(claim)
    assert device.read_bytes() == stand


@pytest.mark.parametrize("image", [("raw", "fat16"), ("qcow2", "fat16")], indirect=True, ids="-".join)
def test_what_cannot_be_written_whole_is_put_back(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand = image.read_bytes()
    whole = inside.write
    before = content(image)
    with monkeypatch.context() as broken:
        calls: list[int] = []

        def first_incomplete(disk: Disk, pieces: list[tuple[int, bytes]]) -> None:
            calls.append(len(pieces))
            whole(disk, pieces[:1] if len(calls) == 1 else pieces)

        broken.setattr(inside, "write", first_incomplete)
        assert main(["bootini", "gplpv", str(image)]) == 1
    assert len(calls) == 2
    assert calls[0] > 1
    assert content(image) == before
    if image.read_bytes()[:3] != b"QFI":
        assert image.read_bytes() == stand

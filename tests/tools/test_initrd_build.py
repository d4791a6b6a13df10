# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Initrds get other modules, and everything else in them stays: judged by cpio, gzip, e2fsck and debugfs."""

from __future__ import annotations

import io
import json
import os
import random
import re
import shlex
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import PROJECT
from kernel_tree import CONFIG, MODULES, VERSION, kernel_tree, module
from univention_xen.cli.main import main
from univention_xen.initrd import compression, cpio, frames
from univention_xen.initrd.additions import Archive
from univention_xen.initrd.contents import data_of, read_contents
from univention_xen.initrd.cpio import Entry
from univention_xen.run import Runner

pytestmark = pytest.mark.tools
RUN = Runner()
OLD = "lib/modules/5.9.0-old"
START = b'#!/bin/sh\nparams=""\nexec installer $params\n'
DIRECTORY, FILE, LINK = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777
INSTALLER: list[tuple[Entry, bytes]] = [
    (Entry(b".", DIRECTORY, nlink=5), b""),
    *((Entry(name, DIRECTORY, nlink=2), b"") for name in (b"bin", b"dev", b"etc", b"lib", b"lib/modules")),
    (Entry(b"bin/busybox", stat.S_IFREG | 0o4755, 5000, 1_000_000_000, 0, 0), b"\x7fELF" + b"\1" * 4996),
    (Entry(b"bin/sh", LINK, 7, 1_000_000_001), b"busybox"),
    (Entry(b"dev/console", stat.S_IFCHR | 0o600, 0, 1, 0, 5, number=(5, 1)), b""),
    (Entry(b"dev/sda", stat.S_IFBLK | 0o660, 0, 1, 0, 6, number=(8, 0)), b""),
    (Entry(b"etc/start", stat.S_IFREG | 0o4750, len(START), 1_234_567_890, 7, 8), START),
    (Entry(b"etc/one", FILE, 0, 5, nlink=2, ino=77), b""),
    (Entry(b"etc/two", FILE, 6, 5, nlink=2, ino=77), b"linked"),
    (Entry(OLD.encode(), DIRECTORY, nlink=2), b""),
    (Entry(OLD.encode() + b"/e1000.ko", FILE, 3000), b"old module ".ljust(3000)),
]


def archive(files: list[tuple[Entry, bytes]]) -> bytes:
    """Return an archive with these files, each with the size of its data."""
    parts = [cpio.dump(entry._replace(size=len(data))) + data + bytes(cpio.padding(len(data))) for entry, data in files]
    return b"".join(parts) + cpio.trailer()


def pack(data: bytes, how: str, tmp_path: Path) -> bytes:
    """Compress with the real program, as builders of initrds do."""
    programs = {
        "none": "cat", "gzip": "gzip -9n", "bzip2": "bzip2", "xz": "xz --check=crc32", "lzma": "xz --format=lzma",
        "zstd": "zstd -q -19", "lz4": "lz4 -q -l",
    }  # fmt: skip
    return subprocess.run(
        [*programs[how].split(), "-c"][: 1 if how == "none" else None], input=data, capture_output=True, check=True
    ).stdout


@pytest.fixture(autouse=True)
def kernel(tmp_path: Path) -> Path:
    """Return the tree of a kernel that runs under Xen."""
    kernel_tree(tmp_path / "host")
    return tmp_path / "host"


def write(tmp_path: Path, how: str = "gzip", files: list[tuple[Entry, bytes]] | None = None) -> Path:
    path = tmp_path / "initrd"
    path.write_bytes(pack(archive(files or INSTALLER), how, tmp_path))
    return path


def build(path: Path, *words: str) -> int:
    return main(
        [
            "--root",
            str(path.parent / "host"),
            "initrd",
            "build",
            "--initrd",
            str(path),
            "-o",
            str(path.parent / "out"),
            *words,
        ]
    )


def listing(path: Path, start: int = 0) -> dict[str, str]:
    """Let cpio list the archives of an initrd that lie one after the other; a later file wins."""
    found: dict[str, str] = {}
    contents = read_contents(str(path), RUN)
    data = path.read_bytes()
    for part, following in zip(contents.parts, [*(part.start for part in contents.parts[1:]), len(data)], strict=True):
        if part.start < start:
            continue
        program = {"none": ["cat"], "xz": ["xz", "-dc"], "lzma": ["xz", "-dc", "--format=lzma"]}
        words = program.get(part.compression, [part.compression, "-q", "-dc"])
        packed = data[part.start : following]
        if end := {"zstd": frames.zstd_end, "lz4": frames.lz4_end}.get(part.compression):
            packed = data[part.start : end(io.BytesIO(data), part.start)]
        raw = subprocess.run(words, input=packed, capture_output=True, check=False).stdout
        while cpio.MAGIC in raw:
            listed = subprocess.run(["cpio", "-itvn", "--quiet"], input=raw, capture_output=True, check=True).stdout
            for line in listed.decode().splitlines():
                row = re.match(r"(\S+) +(\d+) +(\d+) +(\d+) +(\d+, *\d+|\d+) (\w+ +\d+ +[\d:]+) (.*)", line)
                assert row, line
                name, _, link = row[7].partition(" -> ")
                found[name] = " ".join((row[1], row[3], row[4], row[5].replace(" ", ""), row[6], link))
            at = raw.index(cpio.TRAILER)
            raw = raw[at + len(cpio.TRAILER) :].lstrip(b"\0")
    return found


MEASURED = """
import re, resource, sys
from univention_xen.cli.main import main
code = main(sys.argv[1:])
ours = re.search(r"VmHWM:\\s+([0-9]+)", open("/proc/self/status").read())[1]
print(ours, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""
COMPRESSIONS = ["none", "gzip", "bzip2", "xz", "lzma", "zstd", "lz4"]


@pytest.mark.parametrize("repack", [False, True])
@pytest.mark.parametrize("how", COMPRESSIONS)
def test_everything_stays_but_the_modules(
    tmp_path: Path, how: str, repack: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, how)
    before = listing(path)
    assert build(path, *["--repack"] * repack) == 0
    after = listing(tmp_path / "out")
    kept = {name: line for name, line in after.items() if not name.startswith("lib/modules/")}
    assert kept == {name: line for name, line in before.items() if not name.startswith("lib/modules/")}
    assert (f"{OLD}/e1000.ko" in after) == (not repack)
    base = f"lib/modules/{VERSION}"
    for name in ("kernel/drivers/block/xen-blkfront.ko", "kernel/drivers/xen/xenbus-core.ko", "modules.dep.bin"):
        assert after[f"{base}/{name}"].startswith("-rw-r--r-- 0 0 ")
    assert f"{base}/kernel/drivers/net/mii.ko" in after  # the initrd had e1000, which needs it
    assert f"{base}/kernel/sound/soundcore.ko" not in after
    told = capsys.readouterr().out
    assert f'kernel = "{tmp_path}/host/boot/vmlinuz-{VERSION}"' in told
    assert f'ramdisk = "{tmp_path}/out"' in told
    assert int(told.split("ramdisk_size=")[1].split()[0]) * 1024 > read_contents(str(tmp_path / "out"), RUN).unpacked
    if repack:
        assert {part.compression for part in read_contents(str(tmp_path / "out"), RUN).parts} == {how}


@pytest.mark.parametrize("installed", [True, False])
def test_what_is_appended_is_packed_by_what_is_installed(
    tmp_path: Path, installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for program in ("gzip", *["zstd"] * installed):
        (few / program).symlink_to(f"/usr/bin/{program}")
    monkeypatch.setattr(compression, "PATH", str(few))
    (tmp_path / f"host/boot/config-{VERSION}").write_text(f"{CONFIG}CONFIG_RD_ZSTD=y\n")
    assert build(write(tmp_path)) == 0
    parts = read_contents(str(tmp_path / "out"), RUN).parts
    assert parts[-1].compression == ("zstd" if installed else "gzip")


def test_the_command_that_is_printed_makes_a_guest_of_the_new_initrd(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build(write(tmp_path)) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    program, *words = shlex.split(line.removeprefix("# or: "))
    assert program == "univention-xen"
    assert main([word.replace("NAME", "fresh-from-the-installer") for word in words] + ["--dry-run"]) == 0
    planned = capsys.readouterr().out
    assert f'ramdisk = "{tmp_path}/out"' in planned
    assert "ramdisk_size=" in planned
    assert 'on_reboot = "destroy"' in planned


def test_the_indexes_are_for_exactly_these_modules(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert build(path, "--only-xen") == 0
    dep = data_of(str(tmp_path / "out"), f"lib/modules/{VERSION}/modules.dep", RUN).decode()
    paths = {line.split(":")[0] for line in dep.splitlines()}
    found = read_contents(str(tmp_path / "out"), RUN).entries
    assert paths == {
        name.removeprefix(f"lib/modules/{VERSION}/") for name in found if VERSION in name and name.endswith(".ko")
    }
    assert paths == {name for name in MODULES if "net/e1000" not in name and "mii" not in name and "sound" not in name}
    assert "xen-blkfront.ko: kernel/drivers/xen/xenbus-core.ko" in dep
    tree = tmp_path / "unpacked"
    for name in (
        *paths,
        "modules.dep.bin",
        "modules.alias.bin",
        "modules.softdep",
        "modules.builtin.bin",
        "modules.symbols.bin",
    ):
        file = tree / "lib/modules" / VERSION / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data_of(str(tmp_path / "out"), f"lib/modules/{VERSION}/{name}", RUN))
    order = RUN("modprobe", "-d", tree, "-S", VERSION, "--show-depends", "ext4").out
    assert [Path(line.split()[1]).name for line in order.splitlines()] == ["mbcache.ko", "jbd2.ko", "ext4.ko"]


def test_compressed_modules_are_unpacked_for_an_installer_that_had_none(tmp_path: Path) -> None:
    directory = tmp_path / "host/lib/modules" / VERSION
    plain = (directory / "kernel/fs/ext4/ext4.ko").read_bytes()
    for name, program in (
        ("fs/ext4/ext4.ko", "xz"),
        ("fs/mbcache.ko", "zstd"),
    ):
        RUN(program, "-q", directory / "kernel" / name)
        (directory / "kernel" / name).unlink(missing_ok=True)
    path = write(tmp_path)
    assert build(path, "--only-xen") == 0
    base = f"lib/modules/{VERSION}"
    assert data_of(str(tmp_path / "out"), f"{base}/kernel/fs/ext4/ext4.ko", RUN) == plain
    dep = data_of(str(tmp_path / "out"), f"{base}/modules.dep", RUN).decode()
    assert "kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko kernel/fs/mbcache.ko" in dep
    assert not read_contents(str(tmp_path / "out"), RUN).packed_modules() - {""}
    (tmp_path / "out").unlink()
    files = [*INSTALLER, (Entry(b"lib/modules/5/new.ko.xz", FILE), b"packed")]
    assert build(write(tmp_path, files=files), "--only-xen") == 0
    assert f"{base}/kernel/fs/ext4/ext4.ko.xz" in read_contents(str(tmp_path / "out"), RUN).entries


def test_all_modules_when_asked(tmp_path: Path) -> None:
    assert build(write(tmp_path), "--all-modules") == 0
    assert read_contents(str(tmp_path / "out"), RUN).modules()[VERSION] >= {"soundcore", "e1000"}


def test_a_merged_usr_initrd_keeps_its_link(tmp_path: Path) -> None:
    files = [
        (Entry(b"usr/lib/modules", DIRECTORY), b""), (Entry(b"lib", LINK, 7), b"usr/lib"),
        (Entry(b"usr/lib/modules/5.9/old.ko", FILE), b"old"),
    ]  # fmt: skip
    for mode in ("", "--repack"):
        path = write(tmp_path, files=files)
        assert build(path, *filter(None, [mode])) == 0
        after = read_contents(str(tmp_path / "out"), RUN)
        assert after.links["lib"] == "usr/lib"
        assert f"usr/lib/modules/{VERSION}/modules.dep" in after.entries
        assert not any(name.startswith("lib/") for name in after.entries)
        (tmp_path / "out").unlink()


def test_the_toolstack_never_unpacks_the_first_part_alone(tmp_path: Path) -> None:
    assert build(write(tmp_path, "gzip")) == 0
    assert (tmp_path / "out").read_bytes()[:6] == cpio.MAGIC


@pytest.mark.parametrize("repack", [False, True])
def test_microcode_stays_in_front_and_uncompressed(tmp_path: Path, repack: bool) -> None:
    early = archive([(Entry(b"kernel/x86/microcode/GenuineIntel.bin", FILE, 6), b"update")])
    path = tmp_path / "initrd"
    path.write_bytes(early + bytes(512 - len(early) % 512) + pack(archive(INSTALLER), "xz", tmp_path))
    assert build(path, *["--repack"] * repack) == 0
    assert (tmp_path / "out").read_bytes().startswith(early)
    after = listing(tmp_path / "out")
    assert "kernel/x86/microcode/GenuineIntel.bin" in after
    assert "bin/busybox" in after


def test_hard_links_of_different_archives_are_not_mixed_up(tmp_path: Path) -> None:
    path = tmp_path / "initrd"
    pair = [(Entry(b"c", FILE, nlink=2, ino=77), b""), (Entry(b"d", FILE, nlink=2, ino=77), b"other")]
    path.write_bytes(pack(archive(INSTALLER), "gzip", tmp_path) + pack(archive(pair), "xz", tmp_path))
    assert build(path, "--repack") == 0
    for name, data in (("etc/two", b"linked"), ("d", b"other")):
        assert data_of(str(tmp_path / "out"), name, RUN) == data
    raw = subprocess.run(["xz", "-dc"], input=(tmp_path / "out").read_bytes(), capture_output=True, check=True).stdout
    assert raw.count(cpio.TRAILER) == 3


def test_files_are_edited_and_keep_owner_mode_and_time(tmp_path: Path) -> None:
    for mode in ([], ["--repack"], ["--keep-modules"]):
        path = write(tmp_path)
        assert build(path, "--edit", "etc/start:s/exec/exec nice/", "--simple-installer", *mode) == 0
        out = str(tmp_path / "out")
        assert data_of(out, "etc/start", RUN) == b'#!/bin/sh\nparams="--simple "\nexec nice installer $params\n'
        entry = read_contents(out, RUN).entries["etc/start"]
        assert (entry.mode, entry.uid, entry.gid, entry.mtime) == (stat.S_IFREG | 0o4750, 7, 8, 1_234_567_890)
        os.unlink(out)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--edit", "etc/none:s/a/b/"), "the initrd has no file etc/none"),
        (("--edit", "etc/start:s/nowhere/b/"), "hits nothing"),
        (("--edit", "etc/start:s/exec/b"), "sed cannot edit etc/start"),
        (("--edit", "etc/start:s/exec/id/e"), "e/r/w commands disabled"),
        (("--edit", "dev/console:s/a/b/"), "the initrd has no file dev/console"),
        (("--kernel-version", "7"), "there are no modules of a kernel 7"),
        (("--keep-modules",), "nothing is to be changed"),
        (("--only-xen", "--all-modules"), "contradict"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(
    tmp_path: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path)
    assert build(path, *words) in (1, 2)
    assert said in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path)) == ["host", "initrd"]


def test_a_dry_run_does_nothing_and_an_existing_file_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path)
    assert build(path, "--dry-run") == 0
    assert f"modules of {VERSION}" in capsys.readouterr().out
    (tmp_path / "out").write_text("mine")
    assert build(path) == 1
    assert (tmp_path / "out").read_text() == "mine"


def test_a_kernel_that_is_not_at_hand_is_no_made_up_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build(write(tmp_path), "--keep-modules", "--simple-installer") == 0
    assert capsys.readouterr().out.startswith("# kernel = the image that goes with the modules\n")


def test_a_kernel_that_cannot_be_a_guest_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path)
    (tmp_path / f"host/lib/modules/{VERSION}/kernel/drivers/net/xen-netfront.ko").unlink()
    assert build(path) == 1
    assert "has no xen_netfront" in capsys.readouterr().err


def test_a_faster_compression_is_taken_when_the_kernel_is_known_to_understand_it(tmp_path: Path) -> None:
    kernel_tree(tmp_path / "host", config=CONFIG + "CONFIG_RD_ZSTD=y\n")
    assert build(write(tmp_path)) == 0
    assert read_contents(str(tmp_path / "out"), RUN).parts[-1].compression == "zstd"


def ramdisk(tmp_path: Path, how: str = "gzip", *, blocks: int = 600, kind: str = "ext2") -> Path:
    """Make an initrd as UCS 2.x had: a nearly full ext2 with few inodes."""
    tree = tmp_path / "tree"
    for entry, data in INSTALLER:
        place = tree / entry.path
        if stat.S_ISDIR(entry.mode):
            place.mkdir(parents=True, exist_ok=True)
        elif stat.S_ISLNK(entry.mode):
            place.symlink_to(data.decode())
        elif entry.is_file:
            place.write_bytes(data)
            place.chmod(stat.S_IMODE(entry.mode))
    image = tmp_path / "image"
    RUN(
        "mke2fs",
        "-q",
        "-t",
        kind,
        "-b",
        "1024",
        "-m",
        "0",
        "-N",
        "40",
        "-d",
        tree,
        image,
        f"{blocks}K" if kind == "ext2" else "3M",
    )
    commands = "cd /dev\nmknod console c 5 1\nmknod sda b 8 0\nsif /etc/start uid 7\nsif /etc/start gid 8\n"
    RUN("debugfs", "-w", "-f", "/dev/stdin", image, stdin=commands)
    RUN("e2fsck", "-fn", image)
    path = tmp_path / "linux-2.6.bin"
    path.write_bytes(pack(image.read_bytes(), how, tmp_path))
    subprocess.run(["rm", "-r", tree, image], check=True)
    return path


@pytest.mark.parametrize(("how", "kind"), [("gzip", "ext2"), ("none", "ext2"), ("xz", "ext3"), ("zstd", "ext4")])
def test_a_file_system_grows_and_is_consistent(
    tmp_path: Path, how: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel_tree(tmp_path / "host", size=300_000)
    path = ramdisk(tmp_path, how, kind=kind)
    before = path.read_bytes()
    assert build(path, "--edit", "etc/start:s/exec/exec nice/", "--simple-installer") == 0
    told = capsys.readouterr().out
    assert path.read_bytes() == before
    image = tmp_path / "image"
    unpack = {"none": ["cat"]}.get(how, [how, "-dc"])
    image.write_bytes(
        subprocess.run(unpack, input=(tmp_path / "out").read_bytes(), capture_output=True, check=True).stdout
    )
    RUN("e2fsck", "-fn", image)
    assert int(told.split("ramdisk_size=")[1].split()[0]) * 1024 >= image.stat().st_size
    assert "root=/dev/ram0" in told
    assert "--type pv-install" in told, "the system to be installed has a kernel as old as its installer's"
    assert main(["initrd", "show", str(tmp_path / "out"), "--files", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    files = {row["path"]: row for row in shown["files"]}
    assert set(shown["modules"]) == {VERSION}
    assert files["bin/sh"]["link"] == "busybox"
    assert (files["etc/start"]["mode"], files["etc/start"]["uid"], files["etc/start"]["gid"]) == ("-rwsr-x---", 7, 8)
    assert files["dev/console"]["mode"].startswith("c")
    for name in (f"lib/modules/{VERSION}/kernel/fs/ext4/ext4.ko", "etc/start"):
        RUN("debugfs", "-R", f"dump /{name} {tmp_path}/got", image)
        want = tmp_path / "host" / name
        expected = (
            want.read_bytes() if want.exists() else START.replace(b'""', b'"--simple "').replace(b"exec", b"exec nice")
        )
        assert (tmp_path / "got").read_bytes() == expected
    assert sorted(os.listdir(tmp_path)) == ["got", "host", "image", "linux-2.6.bin", "out"]


def test_many_small_modules_need_more_inodes(tmp_path: Path) -> None:
    directory = tmp_path / "host/lib/modules" / VERSION / "kernel/extra"
    directory.mkdir()
    for number in range(500):
        (directory / f"extra{number}.ko").write_bytes(module(f"extra{number}"))
    assert build(ramdisk(tmp_path), "--all-modules") == 0
    contents = subprocess.run(
        ["gzip", "-dc"], input=(tmp_path / "out").read_bytes(), capture_output=True, check=True
    ).stdout
    (tmp_path / "image").write_bytes(contents)
    RUN("e2fsck", "-fn", tmp_path / "image")
    assert len(contents) < (520 // 40 + 3) * 8 << 20  # each group of 8 MiB brings the 40 inodes that the first has


def test_a_file_system_left_dirty_is_put_right_first(tmp_path: Path) -> None:
    path = ramdisk(tmp_path)
    image = tmp_path / "image"
    image.write_bytes(subprocess.run(["gzip", "-dc"], input=path.read_bytes(), capture_output=True, check=True).stdout)
    RUN("debugfs", "-w", "-R", "ssv state 0", image)
    path.write_bytes(pack(image.read_bytes(), "gzip", tmp_path))
    assert build(path, "--only-xen") == 0


@pytest.mark.parametrize("joliet", [False, True])
def test_initrd_and_kernel_come_out_of_an_iso_image(
    tmp_path: Path, joliet: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    disc = tmp_path / "disc/install.amd"
    disc.mkdir(parents=True)
    (disc / "initrd.gz").write_bytes(pack(archive(INSTALLER), "gzip", tmp_path))
    (disc / "vmlinuz").write_bytes(b"the disc's kernel")
    (tmp_path / "disc/vmlinuz-again").hardlink_to(disc / "vmlinuz")
    iso = tmp_path / "disc.iso"
    RUN("genisoimage", "-quiet", "-J" if joliet else "-R", "-o", iso, tmp_path / "disc")
    for source in (iso, tmp_path / "disc"):
        out = tmp_path / f"out-{source.suffix}"
        assert main(["--root", str(tmp_path / "host"), "initrd", "build", "--iso", str(source), "-o", str(out)]) == 0
        assert f"vmlinuz-{VERSION}" in capsys.readouterr().out
        assert VERSION in read_contents(str(out), RUN).modules()
        out.unlink()
        words = ["--keep-modules", "--simple-installer"]
        assert main(["initrd", "build", "--iso", str(source), "-o", str(out), *words]) == 0
        assert f'kernel = "{out}.vmlinuz"' in capsys.readouterr().out
        assert Path(f"{out}.vmlinuz").read_bytes() == b"the disc's kernel"
    assert main(["initrd", "build", "--iso", str(disc / "vmlinuz"), "--keep-modules", "-o", str(tmp_path / "x")]) == 1
    assert "cannot be read as an ISO image" in capsys.readouterr().err


@pytest.mark.parametrize("after", [0.1, 0.2, 0.3])
@pytest.mark.parametrize("words", [(), ("--repack",)])
def test_killed_at_any_time_the_initrd_is_complete_or_not_there(
    tmp_path: Path, words: tuple[str, ...], after: float
) -> None:
    files = [*INSTALLER, (Entry(b"large", FILE), random.Random(1).randbytes(20 << 20))]
    path = write(tmp_path, "lz4", files)
    command = [
        sys.executable,
        "-m",
        "univention_xen",
        "--root",
        str(tmp_path / "host"),
        "initrd",
        "build",
        "--initrd",
        str(path),
        "-o",
        str(tmp_path / "out"),
        *words,
    ]
    environment = {"PYTHONPATH": str(PROJECT / "python"), "PATH": os.environ["PATH"]}
    with subprocess.Popen(command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL) as process:
        time.sleep(after)
        os.killpg(process.pid, signal.SIGKILL)
    if not (tmp_path / "out").exists():
        assert build(path, *words) == 0
        assert sorted(os.listdir(tmp_path)) == ["host", "initrd", "out"]
    assert VERSION in read_contents(str(tmp_path / "out"), RUN).modules()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an initrd of more than 100 MiB."""
    path = tmp_path_factory.mktemp("large") / "initrd"
    with open(path, "wb") as target, RUN.writing("gzip", "-1", target=target.fileno()) as into:
        large = Archive(into)
        for number in range(25):
            large.add(Entry(f"file{number}".encode(), FILE), random.Random(number).randbytes(4 << 20))
        large.finish()
    assert path.stat().st_size > 100 << 20
    return path


@pytest.mark.parametrize("words", [(), ("--repack", "--compress", "zstd")])
def test_a_large_initrd_needs_little_memory(tmp_path: Path, large: Path, words: tuple[str, ...]) -> None:
    command = [
        sys.executable,
        "-c",
        MEASURED,
        "--root",
        str(tmp_path / "host"),
        "initrd",
        "build",
        "--initrd",
        str(large),
        "-o",
        str(tmp_path / "out"),
        *words,
    ]
    done = subprocess.run(
        command,
        env={"PYTHONPATH": str(PROJECT / "python"), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    ours, programs = map(int, done.stderr.split()[-2:])
    assert ours < 100 << 10
    assert ours + programs < 300 << 10

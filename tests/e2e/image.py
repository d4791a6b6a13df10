# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The Dom0's disk, made from Debian packages and ours: no loop device, no root where user namespaces allow it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import throwaway

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
BUILD = PROJECT / "build"
TREE = HERE / "tree"
CODENAME = "bookworm"
OWN = ("python3-univention-xen", "univention-xen-registry", "univention-xen")
#: What a plain Debian server has, and what the harness needs inside; nothing of Xen: our packages pull that in.
PLAIN = (
    "linux-image-amd64", "initramfs-tools", "systemd-sysv", "udev", "kmod", "grub-pc", "ifupdown", "iproute2", "less",
    "bridge-utils", "iputils-ping", "netcat-openbsd", "openssh-server", "busybox-static", "cpio", "python3", "procps",
    "psmisc", "ifenslave", "vlan", "python3-pytest",
    "fdisk", "mtools", "net-tools", "nftables", "qemu-utils",  # what our packages recommend and the groups use
    "dbus",  # systemd-networkd of the group `kernel`
)  # fmt: skip
NEEDED = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "ssh": "openssh-client",
    "sfdisk": "fdisk",
    **({} if os.geteuid() == 0 else {"newuidmap": "uidmap"}),
}
SBIN = "/usr/sbin:/usr/bin:/sbin:/bin"  # where sfdisk and mke2fs are, also for ordinary users
DISK_MIB = 6 * 1024


class CannotBuild(Exception):
    """The image cannot be made on this machine; the message says what to do about it."""


def install_tools() -> None:
    """Make sure that the programs are there: root installs them, everybody else is told what to install."""
    if missing := sorted({package for tool, package in NEEDED.items() if not shutil.which(tool, path=SBIN)}):
        need = subprocess.run([PROJECT / "scripts" / "need", *missing], stderr=subprocess.PIPE, text=True, check=False)
        if need.returncode:
            raise CannotBuild(need.stderr.strip())


def debs() -> list[Path]:
    """Our packages: freshly built, or those in the directory that DOM0_PACKAGES names (an empty one: none)."""
    where = os.environ.get("DOM0_PACKAGES")
    if not where:
        subprocess.run([PROJECT / "scripts" / "deb"], check=True, stdout=subprocess.DEVNULL)
    return [deb for name in OWN for deb in sorted(Path(where or BUILD).glob(f"{name}_*.deb"))[-1:]]


def deb_field(deb: Path, field: str) -> str:
    return subprocess.run(["dpkg-deb", "-f", deb, field], check=True, capture_output=True, text=True).stdout.strip()


def packages_key(packages: list[Path]) -> str:
    """Changes when any byte of a package does."""
    return digest(*(package.read_bytes() for package in packages))


def base_key(packages: list[Path], *more: str) -> str:
    """Changes with the tree, its packages' names and what ours depend on; not with the content of ours."""
    files = sorted(path for path in TREE.rglob("*") if path.is_file())
    relations = [deb_field(package, field) for package in packages for field in ("Depends", "Pre-Depends")]
    return digest(
        *(bytes(str(path.relative_to(TREE)), "utf-8") + path.read_bytes() for path in files),
        *(word.encode() for word in (*PLAIN, *relations, *more, str(DISK_MIB))),
    )


def digest(*parts: bytes) -> str:
    together = hashlib.sha256()
    for part in parts:
        together.update(hashlib.sha256(part).digest())
    return together.hexdigest()[:16]


def apt_sources() -> str:
    """What this machine's own apt uses for Debian 12, as one-line entries."""
    try:
        lines = [line for line in throwaway.sources() if f" {CODENAME}" in line]
    except throwaway.Cannot as why:
        raise CannotBuild(str(why)) from None
    if not lines:
        raise CannotBuild(
            f"apt of this machine knows no archive of Debian 12 ({CODENAME}); add one, run apt-get update"
        )
    return "\n".join(lines) + "\n"


def file_of(package: str, path: str) -> Path:
    """A file out of a Debian package, fetched with this machine's apt; it is kept in build/dom0/files."""
    kept = BUILD / "dom0" / "files" / package / Path(path).name
    if kept.exists():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="package-") as scratch:
        for words in (["download", package], ["update", "-qq"], ["download", package]):  # lists may be missing or old
            done = subprocess.run(["apt-get", *words], cwd=scratch, capture_output=True, text=True, check=False)
            if found := list(Path(scratch).glob("*.deb")):
                break
        else:
            raise CannotBuild(f"apt-get download {package} failed:\n{done.stderr}")
        new = kept.with_name(f"{kept.name}.{os.getpid()}-{threading.get_ident()}")
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", found[0]], stdout=subprocess.PIPE) as packed:
            assert packed.stdout
            with tarfile.open(fileobj=packed.stdout, mode="r|") as tar:
                for member in tar:
                    if member.name == f".{path}" and (inside := tar.extractfile(member)):
                        new.write_bytes(inside.read())
    if not new.exists():
        raise CannotBuild(f"{package} has no file {path}")
    new.rename(kept)
    return kept


def overlay_tar(where: Path, packages: list[Path], public_key: str) -> Path:
    """Everything the harness adds to the tree, as a tar file with root as the owner."""
    path = where / "overlay.tar"
    with tarfile.open(path, "w") as tar:

        def add(name: str, content: bytes, mode: int) -> None:
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))

        for file in sorted(TREE.rglob("*")):
            if file.is_file():
                executable = os.access(file, os.X_OK) or file.read_bytes().startswith(b"#!")
                add(str(file.relative_to(TREE)), file.read_bytes(), 0o755 if executable else 0o644)
        for package in packages:
            add(f"srv/debs/{package.name}", package.read_bytes(), 0o644)
        add("root/.ssh/authorized_keys", public_key.encode(), 0o600)
    return path


def build(where: Path, packages: list[Path]) -> None:
    """Put disk.qcow2, xen, vmlinuz, initrd, an ssh key and the Dom0's host key into the directory *where*.

    The packages are installed by apt into a plain Debian tree. What apt downloads is kept in build/dom0/archives.
    """
    where.mkdir(parents=True)
    archives = where.parent / "archives"
    archives.mkdir(exist_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "dom0", "-f", where / "key"], check=True)
    with tempfile.TemporaryDirectory(prefix="dom0-") as scratch:
        tar = overlay_tar(Path(scratch), packages, (where / "key.pub").read_text())
        command = [
            "mmdebstrap", "--variant=minbase", "--quiet", "--format=null", f"--include={','.join(PLAIN)}",
            "--skip=download/empty,essential/unlink,cleanup/apt,chroot/policy-rc.d,chroot/start-stop-daemon",
            *(f"--aptopt={option}" for option in throwaway.apt_options()),
            "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
            "--dpkgopt=path-exclude=/usr/share/locale/*", "--dpkgopt=force-unsafe-io",
            '--setup-hook=mkdir -p "$1/var/cache/apt/archives"',
            f"--setup-hook=sync-in {shlex.quote(str(archives))} /var/cache/apt/archives",
            f"--essential-hook=tar-in {shlex.quote(str(tar))} /",
            '--customize-hook=chroot "$1" sh /srv/setup.sh',
            f"--customize-hook=sync-out /srv/archives {shlex.quote(str(archives))}",
            '--customize-hook=rm -rf "$1/srv/archives"',
            f'--customize-hook=sh "$1/srv/make-disk.sh" "$1" {DISK_MIB}',
            *(f"--customize-hook=download {inside} {shlex.quote(str(where / name))}" for inside, name in (
                ("/vmlinuz", "vmlinuz"), ("/initrd.img", "initrd"), ("/srv/xen", "xen"),
                ("/etc/ssh/ssh_host_ed25519_key.pub", "hostkey"), ("/media/disk.qcow2", "disk.qcow2"),
            )),
            CODENAME, "-", "-",
        ]  # fmt: skip
        with (where / "mmdebstrap.log").open("wb") as log:
            done = subprocess.run(
                command, input=apt_sources().encode(), stdout=log, stderr=subprocess.STDOUT, cwd=scratch, check=False
            )
        if done.returncode:
            end = "".join((where / "mmdebstrap.log").read_text(errors="replace").splitlines(keepends=True)[-20:])
            raise CannotBuild(f"mmdebstrap failed, {where}/mmdebstrap.log ends with:\n{end}")
    _, kind, data, *_ = ["", *(where / "hostkey").read_text().split()]
    (where / "known_hosts").write_text(f"dom0 {kind} {data}\n")
    (where / "built.json").write_text(json.dumps({"packages": [package.name for package in packages]}) + "\n")

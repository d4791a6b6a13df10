# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Throwaway Debian roots: made once by mmdebstrap, unpacked for each use, entered in namespaces of their own.

Works as root and, where user namespaces are allowed, as anybody else. Mirrors, keys and proxies are those of this
machine's apt. The network is used only when a base is made: the base holds the package lists and every .deb that the
packages of this project want, so that apt works in it without.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
CACHE = PROJECT / "build" / "throwaway"
OWN = re.compile(r"(python3-)?univention-")
TRIED = ["locales", "netplan.io", "network-manager", "tasksel"]
"""What tests install beside our packages."""
TOOLS = ["mmdebstrap", *([] if os.geteuid() == 0 else ["uidmap"])]

# Entering: fresh mounts over the tree, so that nothing of the host but a few devices is seen. The tree is word 1.
ENTER = """
set -eu
tree=$1; shift
mount --make-rprivate /
mount -t proc proc "$tree/proc"
mount -t tmpfs -o mode=755 dev "$tree/dev"
for device in null zero full random urandom tty; do
    : >"$tree/dev/$device"; mount --bind "/dev/$device" "$tree/dev/$device"
done
mkdir "$tree/dev/pts" "$tree/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$tree/dev/pts"
ln -s pts/ptmx "$tree/dev/ptmx"; ln -s /proc/self/fd "$tree/dev/fd"
ln -s fd/0 "$tree/dev/stdin"; ln -s fd/1 "$tree/dev/stdout"; ln -s fd/2 "$tree/dev/stderr"
exec chroot "$tree" "$@"
"""
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "TERM": "dumb",
    "DEBIAN_FRONTEND": "noninteractive",
}
APT_GET = ("apt-get", "-y", "-q", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0")


class Cannot(Exception):
    """This machine cannot make or enter a throwaway root; the message says why, and what would help."""


class Failed(Exception):
    """A program in the root ended with an exit status that was not expected."""


def namespaces() -> list[str]:
    """Return the words that start a program as root of its own mounts and processes. Raises Cannot."""
    words = ["unshare", "--mount", "--pid", "--ipc", "--net", "--fork", "--kill-child"]
    if os.geteuid() != 0:
        words += ["--user", "--map-root-user", "--map-auto"]
    probe = [*words, "sh", "-c", "mount --make-rprivate / && mount -t proc proc /proc"]
    if (done := subprocess.run(probe, capture_output=True, text=True, check=False)).returncode:
        raise Cannot(f"no namespaces here ({(done.stderr.strip().splitlines() or ['unshare failed'])[-1]})")
    return words


def said_by(*argv: str) -> list[str]:
    """Return the lines that a program of this machine prints."""
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()


def sources() -> list[str]:
    """Return Debian's part of this machine's apt sources, one line each. Raises Cannot when there is none."""
    form = "$(CREATED_BY)|$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(SOURCESENTRY)"
    rows = [
        row.split("|") for row in said_by("apt-get", "indextargets", "--format", form) if row.startswith("Packages|")
    ]
    debian = [row for row in rows if row[1] == "Debian"] or rows
    if not debian:
        raise Cannot("apt knows no package source here (apt-get update?)")
    found: dict[str, None] = {}
    for _, _, uri, release, component, entry in debian:
        keyring = signed_by(entry)
        option = f" [signed-by={keyring}]" if keyring else ""
        found[f"deb{option} {uri} {release} {component}"] = None
    return list(found)


def signed_by(entry: str) -> str:
    """Return the keyring that a source names in either format; *entry* is FILE:LINE, or FILE:PARAGRAPH in deb822."""
    name, _, number = entry.rpartition(":")
    with contextlib.suppress(OSError, ValueError, IndexError):
        text = Path(name).read_text(encoding="utf-8")
        if name.endswith(".sources"):
            pattern, place = r"(?im)^Signed-By:[ \t]*(/\S+)", text
        else:
            pattern, place = r"signed-by=([^]\s,]+)", text.splitlines()[int(number) - 1]
        if match := re.search(pattern, place):
            return match[1]
    return ""


def apt_options() -> list[str]:
    """Return what this machine's apt was told about reaching its mirrors, as lines of apt.conf."""
    dump = said_by("apt-config", "dump", "--no-empty", "--format", '%F "%v";%n', "Acquire")
    wanted = re.compile(r"Acquire::(https?|Check-|Retries|ForceIPv|Proxy|AllowInsecure|Languages)", re.IGNORECASE)
    return [line for line in dump if wanted.match(line)]


def wanted() -> list[str]:
    """Return the packages of Debian that ours depend on, each as its first alternative that is not ours."""
    names = {"python3"}
    control = (PROJECT / "debian" / "control").read_text(encoding="utf-8")
    for field in re.findall(r"^Depends:((?:\n? .*)+)", control, re.MULTILINE):
        for relation in field.replace("\n", " ").split(","):
            name = relation.split("|")[0].split("(")[0].strip()
            if name and not name.startswith("${") and not OWN.match(name):
                names.add(name)
    return sorted(names)


def base(kind: str = "bare") -> Path:
    """Return the archive of a root: "bare" is Debian's essential packages and apt, "ready" has our dependencies too.

    Raises Cannot.
    """
    if missing := [tool for tool in TOOLS if not shutil.which(tool if tool != "uidmap" else "newuidmap")]:
        raise Cannot(f"not installed: {', '.join(missing)}")
    what = [Path(__file__).read_text(encoding="utf-8"), *sources(), *apt_options(), *wanted()]
    key = hashlib.sha256("\n".join(what).encode()).hexdigest()[:12]
    archive = CACHE / f"{kind}-{key}.tar"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            make_base(kind, archive)
    return archive


def make_base(kind: str, archive: Path) -> None:
    """Make *archive*, and forget the older ones of its kind. Raises Cannot."""
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=f"{os.getpid()}-") as scratch:
        new = Path(scratch) / "new.tar"
        if kind == "bare":
            bootstrap(new)
        else:
            with Throwaway(Path(scratch) / "tree", "bare") as root:
                root(*APT_GET, "install", *wanted())
                root("sh", "-c", "apt-get clean && rm -rf /var/lib/apt/lists/*")  # half of its size
                root.pack(new)
        for old in CACHE.glob(f"{kind}-*.tar"):
            old.unlink()
        new.rename(archive)


def bootstrap(archive: Path) -> None:
    """Make the bare root, with the package lists and the .debs of everything wanted. Raises Cannot."""
    download = " ".join(["apt-get -y --no-install-recommends --download-only install", *wanted(), *TRIED])
    words = [
        "mmdebstrap", "--quiet", "--variant=apt", "--format=tar", "--skip=cleanup/apt",
        "--dpkgopt=force-unsafe-io", "--aptopt=Acquire::Languages none",
        "--aptopt=Binary::apt-get::APT::Keep-Downloaded-Packages true",
        f'--customize-hook=APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" {download}',
        *(f"--aptopt={option}" for option in apt_options()),
        "", str(archive), "-",
    ]  # fmt: skip
    done = subprocess.run(words, input="\n".join(sources()) + "\n", capture_output=True, text=True, check=False)
    if done.returncode:
        raise Cannot("mmdebstrap failed: " + "\n".join(done.stderr.strip().splitlines()[-5:]))


class Throwaway:
    """A root that one may do anything to; calling it runs a program in it."""

    def __init__(self, tree: Path, kind: str = "bare") -> None:
        self.tree, self.enter = tree, namespaces()
        archive = base(kind)
        tree.mkdir(parents=True)
        self.outside("tar", "-C", str(tree), "--exclude=./dev/*", "-xf", str(archive))

    def outside(self, *argv: str) -> None:
        """Run a program of this machine that sees the files' true owners."""
        done = subprocess.run([*self.enter, *argv], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"{argv[0]}: {done.stderr.strip()}")

    def __call__(self, *argv: str, ok: Sequence[int] | None = (0,), env: dict[str, str] | None = None) -> str:
        """Run a program in the root; return what it says. Raises Failed unless *ok* holds its exit status."""
        code, said = self.run(*argv, env=env)
        if ok is not None and code not in ok:
            raise Failed(f"{' '.join(argv)} ended with {code}:\n{said}")
        return said

    def run(self, *argv: str, env: dict[str, str] | None = None) -> tuple[int, str]:
        """Run a program in the root; return its exit status and what it says on both streams."""
        done = subprocess.run(
            [*self.enter, "sh", "-c", ENTER, "enter", str(self.tree), *argv],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="surrogateescape", check=False, env=ENVIRONMENT | (env or {}),
        )  # fmt: skip
        return done.returncode, done.stdout

    def apt_get(self, *argv: str, ok: Sequence[int] | None = (0,)) -> str:
        """Run apt-get, without questions and recommended packages."""
        return self(*APT_GET, *argv, ok=ok)

    def bring(self, *files: Path, to: str = "/srv") -> list[str]:
        """Copy files of this machine into the root; return their paths there."""
        (self.tree / to.lstrip("/")).mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copyfile(file, self.path(f"{to}/{file.name}"))
        return [f"{to}/{file.name}" for file in files]

    def path(self, path: str) -> Path:
        """Return where an absolute path of the root lies on this machine."""
        return self.tree / path.lstrip("/")

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Make a file in the root."""
        self.path(path).parent.mkdir(parents=True, exist_ok=True)
        self.path(path).write_text(text, encoding="utf-8")
        self.path(path).chmod(mode)

    def read(self, path: str) -> str:
        """Return the text of a file in the root."""
        return self.path(path).read_text(encoding="utf-8", errors="surrogateescape")

    def pack(self, archive: Path) -> None:
        """Keep the root as it is now."""
        self.outside("tar", "-C", str(self.tree), "-cf", str(archive), ".")

    def __enter__(self) -> Throwaway:
        return self

    def __exit__(self, *_: object) -> None:
        self.outside("rm", "-rf", str(self.tree))


@contextlib.contextmanager
def throwaway(kind: str = "ready") -> Iterator[Throwaway]:
    """Yield a root below build/ that is gone afterwards. Raises Cannot."""
    CACHE.mkdir(parents=True, exist_ok=True)
    clear_away()
    with (
        tempfile.TemporaryDirectory(dir=CACHE, prefix=f"{os.getpid()}-") as scratch,
        Throwaway(Path(scratch) / "tree", kind) as root,
    ):
        yield root


def clear_away() -> None:
    """Remove the roots of processes that were killed before they could."""
    for scratch in CACHE.glob("*-*/"):
        pid = scratch.name.partition("-")[0]
        if pid.isdecimal() and not Path("/proc", pid).exists():
            subprocess.run([*namespaces(), "rm", "-rf", str(scratch)], check=False)

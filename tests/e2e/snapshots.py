# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The Dom0 with our packages, ready to be resumed; made when something that goes in has changed, kept in build/dom0.

``base-KEY`` is a disk made from packages and booted once. ``packages-KEY`` is a layer over it in which apt has
installed newer packages of ours. KEY is a hash of what goes in.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import image
import qemu
from dom0 import Dom0, Snapshot

STORE = image.BUILD / "dom0"


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


@contextmanager
def step(words: str) -> Iterator[None]:
    """Say what is being done, and afterwards how long it took."""
    say(f"{words} …")
    begin = time.monotonic()
    yield
    say(f"{words}: {time.monotonic() - begin:.0f} s")


@contextmanager
def holding(name: str) -> Iterator[None]:
    """Only one at a time; the next one waits."""
    STORE.mkdir(parents=True, exist_ok=True)
    with (STORE / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"somebody else is using {lock.name}; waiting")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run_dir(name: str) -> Path:
    return STORE / "run" / name


def ready() -> Snapshot:
    """The snapshot of a Dom0 with the packages as they are now. Raises image.CannotBuild, qemu.Died, qemu.TooLate."""
    image.install_tools()
    with holding("build"):
        packages = image.debs()
        accel = qemu.accelerator()
        machine = (accel, qemu.XEN_ARGS, qemu.DOM0_ARGS, str(qemu.MEMORY_MIB), str(qemu.PROCESSORS))
        base = STORE / f"base-{image.base_key(packages, *machine)}"
        layer = STORE / f"packages-{base.name[-8:]}-{image.packages_key(packages)}"
        if not (base / "memory").exists():
            accel = make_base(base, packages, accel)
        snapshot = Snapshot(base, base, read(base)["accel"])
        if read(base)["packages"] != image.packages_key(packages):
            if not (layer / "memory").exists():
                make_layer(layer, snapshot, packages)
            snapshot = snapshot._replace(where=layer)
        forget_all_but(base, layer)
    return snapshot


def read(base: Path) -> dict[str, str]:
    made: dict[str, str] = json.loads((base / "made.json").read_text())
    return made


def make_base(base: Path, packages: list[Path], wanted: str) -> str:
    """Build the disk, boot it, keep it as it is when everything is up; return the accelerator that could do it."""
    new = STORE / f"new-{os.getpid()}"
    with step("Debian with Xen" + (" and our packages, installed by apt" if packages else "")):
        image.build(new, packages)
    (new / "disk.qcow2").rename(new / "root.qcow2")
    for accel in dict.fromkeys((wanted, "tcg")):
        machine = Dom0(run_dir("build"), Snapshot(new, new, accel), bottom=new / "root.qcow2")
        try:
            with step(f"first boot of the Dom0 ({accel})"):
                machine.boot()
            with step("saving it"):
                machine.save(new)
            break
        except (qemu.Died, qemu.TooLate) as why:
            if accel == "tcg":
                raise
            say(f"not usable with {accel}: {why}")
        finally:
            machine.stop()
    made = {"accel": accel, "packages": image.packages_key(packages)}
    (new / "made.json").write_text(json.dumps(made) + "\n")
    new.rename(base)
    return accel


def make_layer(layer: Path, base: Snapshot, packages: list[Path]) -> None:
    """In the running Dom0, let apt install the packages as they are now."""
    machine = Dom0(run_dir("build"), base)
    new = STORE / f"new-{os.getpid()}"
    try:
        with step("the changed packages, installed by apt in the Dom0"):
            machine.restore()
            install(machine, packages)
            machine.save(new)
    finally:
        machine.stop()
    new.rename(layer)


def install(machine: Dom0, packages: list[Path], options: str = "--reinstall --allow-downgrades") -> None:
    """Have apt in the Dom0 install these files. Raises qemu.Died with apt's words when it fails."""
    machine.must("rm -rf /srv/debs && mkdir -p /srv/debs")
    for package in packages:
        machine.put(package, f"/srv/debs/{package.name}")
    names = shlex.join(f"/srv/debs/{package.name}" for package in packages)
    machine.must(f"DEBIAN_FRONTEND=noninteractive apt-get install --yes {options} {names}", within=qemu.minutes(15))


def forget_all_but(*keep: Path) -> None:
    """Remove snapshots that nothing runs from any more, and what was never finished."""
    used = {Path(file.read_text().strip()) for file in STORE.glob("run/*/snapshot") if qemu.Qemu(file.parent).pid()}
    for old in (*STORE.glob("base-*"), *STORE.glob("packages-*"), *STORE.glob("new-*")):
        if (
            old not in keep
            and old not in used
            and not any(over.name.startswith(f"packages-{old.name[-8:]}-") for over in used)
        ):
            shutil.rmtree(old)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A Dom0 that can be talked to: booted or resumed, asked over ssh, saved as a snapshot."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import NamedTuple

from evidence import DEATHS, Evidence, Said
from qemu import Died, Kernel, Qemu, minutes, overlay, until

STUCK = minutes(4)
"""Seconds without a word on the console: on two emulated processors Linux was seen to spin for ever early in a boot."""


class Snapshot(NamedTuple):
    """A disk and, when it has been running, the memory that goes with it; neither is ever changed again.

    *base* is the directory of the image: kernel, ssh key, the disk at the bottom.
    """

    where: Path
    base: Path
    accel: str = "tcg"

    @property
    def disk(self) -> Path:
        return self.where / "disk.qcow2"

    @property
    def memory(self) -> Path:
        return self.where / "memory"

    @property
    def kernel(self) -> Kernel:
        return Kernel(self.base / "xen", self.base / "vmlinuz", self.base / "initrd")


class Dom0:
    """A machine in the directory *where* that began as *snapshot*."""

    def __init__(
        self, where: Path, snapshot: Snapshot, evidence: Evidence | None = None, *, bottom: Path | None = None
    ) -> None:
        self.qemu = Qemu(where)
        self.bottom = bottom or snapshot.disk
        self.where = where
        self.snapshot = snapshot
        self.evidence = evidence
        self._known = (0, 1)

    # -- its life -----------------------------------------------------------------------------------------------------

    def restore(self, lan: str = "hubport,hubid=0") -> Dom0:
        """A fresh layer over the snapshot, running on from where it was saved; what was here before is gone."""
        self._fresh_disk()
        begin = time.monotonic()
        self.qemu.start(kernel=self.snapshot.kernel, accel=self.snapshot.accel, resume=self.snapshot.memory, lan=lan)
        self.wait_for_ssh(minutes(5))
        if self.evidence:
            self.evidence.keep("resume", Said("", "", 0), time.monotonic() - begin)
        self.do(f"date --set=@{time.time():.0f}; systemctl restart systemd-journald", within=minutes(5))
        return self

    def become(self, name: str, number: int) -> None:
        """Take the name dom0-NAME and the address 192.168.77.NUMBER, so that another copy can live beside it."""
        self.must(
            f"hostname dom0-{name}; echo dom0-{name} > /etc/hostname\n"
            f"ip link set eth1 down; ip link set eth1 address 52:54:00:77:00:{number:02x}; ip link set eth1 up\n"
            f"ip link set xenbr0 address 52:54:00:77:01:{number:02x}\n"
            f"ip address flush dev xenbr0; ip address add 192.168.77.{number}/24 dev xenbr0; ip neighbour flush all"
        )

    def boot(self) -> Dom0:
        """A fresh layer over the snapshot, started from nothing: one to five minutes."""
        self._fresh_disk()
        return self.start(self.snapshot.kernel)

    def start(self, kernel: Kernel | None) -> Dom0:
        """Switch on what is in the directory; without *kernel* through its own boot loader."""
        self.qemu.start(kernel=kernel, accel=self.snapshot.accel)
        return self.wait_until_up()

    def reset(self) -> Dom0:
        """The reset button, and up again."""
        before = self.boot_id()
        self.qemu.reset()
        self._until_booted(lambda: self._is_another_boot(before), "the Dom0 is up again")
        return self.wait_until_up()

    def save(self, where: Path) -> Snapshot:
        """Stop, and keep disk and memory in the directory *where*."""
        self.must("sync; echo 3 > /proc/sys/vm/drop_caches")
        self._close_ssh()
        where.mkdir(parents=True, exist_ok=True)
        self.qemu.save(where / "memory")
        overlay_disk = where / "disk.qcow2"
        self.qemu.disk.rename(overlay_disk)
        # the backing file is named relative to the layer, which has just moved
        backing = os.path.relpath(self.bottom, where)
        subprocess.run(["qemu-img", "rebase", "-u", "-F", "qcow2", "-b", backing, overlay_disk], check=True)
        return Snapshot(where, self.snapshot.base, self.snapshot.accel)

    def stop(self) -> None:
        """Pull the plug. The directory, with its console.log, stays."""
        self._close_ssh()
        self.qemu.stop()

    def _fresh_disk(self) -> None:
        self.qemu.stop()
        shutil.rmtree(self.where, ignore_errors=True)
        self.where.mkdir(parents=True)
        overlay(self.qemu.disk, self.bottom)
        (self.where / "snapshot").write_text(f"{self.snapshot.where}\n")

    def _close_ssh(self) -> None:
        if (self.where / "ssh").exists():
            subprocess.run(self.ssh_command("-O", "exit"), cwd=self.where, capture_output=True, check=False)

    # -- waiting ------------------------------------------------------------------------------------------------------

    def wait_for_ssh(self, within: float) -> None:
        """Try again and again, looking in between whether the machine still lives."""
        until(self._patiently(), "the Dom0 answers to ssh", within, pause=1)

    def wait_until_up(self) -> Dom0:
        """ssh answers and all services have been started, whether or not they failed."""
        self._until_booted(self._patiently(), "the Dom0 answers to ssh")
        until(self._services_are_started, "all services of the Dom0 have been started", minutes(20), pause=1)
        return self

    def _until_booted(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for the end of a boot. One that has come to a halt gets the reset button, and that is said."""
        said, since = "", time.monotonic()

        def booted() -> bool:
            nonlocal said, since
            if condition():
                return True
            if (now := self.qemu.console()) != said:
                said, since = now, time.monotonic()
            elif time.monotonic() - since > STUCK:
                print(f"RESETTING a Dom0 that has stopped booting after: {said.splitlines()[-1:]}", file=sys.stderr)
                self.qemu.reset()
                since = time.monotonic()
            return False

        until(booted, what, minutes(20), pause=1)

    def _services_are_started(self) -> bool:
        """Asked again and again: `--wait` was seen to sleep on after the last job had ended."""
        self.must_live()
        try:
            return self.do("systemctl is-system-running", within=60).out.strip() in ("running", "degraded")
        except subprocess.TimeoutExpired:
            return False

    def _patiently(self) -> Callable[[], bool]:
        """Return the question whether ssh answers, which waits longer each time that it is asked."""
        patience = count(10, 10)
        return lambda: self._ssh_answers(next(patience))

    def _ssh_answers(self, within: float = 60) -> bool:
        self.must_live()
        try:
            return self.do("true", within=within).ok
        except subprocess.TimeoutExpired:
            return False

    def must_live(self) -> None:
        """Raises Died as soon as the console shows a known death: no need to wait for the end."""
        self.qemu.must_be_running()
        if death := DEATHS.search(self.qemu.console()):
            raise Died(f"{self.qemu.console_log} says {death[0]!r}")

    def boot_id(self) -> str:
        return self.do("cat /proc/sys/kernel/random/boot_id").out.strip()

    def _is_another_boot(self, before: str) -> bool:
        self._close_ssh()
        return self._ssh_answers() and self.boot_id() not in ("", before)

    # -- talking ------------------------------------------------------------------------------------------------------

    def ssh_command(self, *words: str) -> list[str]:
        """The ssh command line, to be run in the directory of the machine."""
        base = self.snapshot.base
        options = {
            "IdentitiesOnly": "yes", "BatchMode": "yes", "HostKeyAlias": "dom0", "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": base / "known_hosts", "ConnectTimeout": 60, "LogLevel": "ERROR",
            "ControlMaster": "auto", "ControlPath": "ssh", "ControlPersist": 600,
        }  # fmt: skip
        said = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["ssh", "-F", "none", "-p", str(self._port()), "-i", str(base / "key"), *said, *words, "root@127.0.0.1"]

    def _port(self) -> int:
        """Where its ssh is; QEMU takes another port with each start. When it is off: 1, where nobody listens."""
        pid = self.qemu.pid()
        if pid and self._known[0] != pid:
            with contextlib.suppress(OSError, Died):
                self._known = pid, self.qemu.port()
        return self._known[1] if self._known[0] == pid else 1

    def do(self, script: str, *, within: float = 300, stdin: bytes = b"") -> Said:
        """Run a shell script in the Dom0. Raises subprocess.TimeoutExpired after *within* seconds."""
        done = subprocess.run(
            [*self.ssh_command(), script], input=stdin, capture_output=True, cwd=self.where, timeout=within, check=False
        )
        return Said(done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"), done.returncode)

    def must(self, script: str, *, within: float = 300, stdin: bytes = b"") -> Said:
        """The same for preparations: raises Died when it fails."""
        said = self.do(script, within=within, stdin=stdin)
        if said.code:
            raise Died(f"in the Dom0, exit status {said.code}: {script}\n{said.out}{said.err}")
        return said

    def see(self, name: str, script: str, *, within: float = 300) -> Said:
        """Run a shell script in the Dom0 and keep what it says as evidence *name*."""
        begin = time.monotonic()
        try:
            said = self.do(script, within=within)
        except subprocess.TimeoutExpired:
            said = Said("", f"no answer within {within:.0f} s", -1)
            self._close_ssh()
        return self.evidence.keep(name, said, time.monotonic() - begin) if self.evidence else said

    def put(self, file: Path, to: str) -> None:
        """Copy a file of the host into the Dom0."""
        self.must(f"cat > {to}", stdin=file.read_bytes())

    def raw(self, script: str, *, within: float = 300) -> bytes:
        """The bytes that a shell script in the Dom0 writes to its standard output."""
        command = [*self.ssh_command(), script]
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, cwd=self.where, timeout=within, check=True
        ).stdout

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""One emulated machine: a disk, two network cards, a serial log and a monitor. Nothing listens beyond loopback."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

MEMORY_MIB = 3072
#: Emulated ones wait for each other's locks; two machines with one each get more done on two cores than one with two.
PROCESSORS = 1
XEN_ARGS = "com1=115200,8n1 console=com1 dom0_mem=1024M,max:1024M noreboot"
DOM0_ARGS = "root=/dev/sda1 rw console=hvc0 net.ifnames=0"
#: "max" would crash the Dom0's kernel early; without npt there would be no HAP (seen with QEMU 7.2 and Xen 4.17).
MACHINE = {
    "tcg": ["-accel", "tcg,thread=multi", "-cpu", "qemu64,+svm,+npt"],
    "kvm": ["-accel", "kvm", "-cpu", "host,migratable=on"],
}

#: Machines outlive the object that started them; a forgotten Popen would complain about that.
STARTED: list[subprocess.Popen[bytes]] = []


class Died(Exception):
    """The machine is gone, or said that it is going."""


class TooLate(Exception):
    """A condition did not come true in time."""


def minutes(number: float) -> float:
    """Seconds in *number* minutes; limits are generous because emulation on a busy machine is slow."""
    return number * 60


def until(condition: Callable[[], T], what: str, within: float, pause: float = 0.3) -> T:
    """Ask again and again; return the first true answer. Raises TooLate after *within* seconds."""
    end = time.monotonic() + within
    while not (answer := condition()):
        if time.monotonic() > end:
            raise TooLate(f"{what}: not within {within:.0f} s")
        time.sleep(pause)
    return answer


class Kernel(NamedTuple):
    """What QEMU starts directly: Xen as a multiboot image, and as its modules the Dom0's kernel and initrd."""

    xen: Path
    linux: Path
    initrd: Path

    def options(self) -> list[str]:
        modules = f"{self.linux} {DOM0_ARGS},{self.initrd}"
        return ["-kernel", str(self.xen), "-append", XEN_ARGS, "-initrd", modules]


class Qemu:
    """A machine whose files (disk, console.log, pid, monitor socket) lie in one directory.

    Every object with the same directory is the same machine, so another process can stop what this one started.
    """

    def __init__(self, where: Path) -> None:
        self.where = where
        self.disk = where / "disk.qcow2"
        self.console_log = where / "console.log"

    def start(
        self, *, kernel: Kernel | None, accel: str = "tcg", resume: Path | None = None, lan: str = "hubport,hubid=0"
    ) -> None:
        """Start from the disk: its own boot loader when *kernel* is None, where *resume* was saved if that is given.

        *lan* is what the second card is plugged into. A cold start returns at once, a resume when it is running.
        """
        (self.where / "monitor").unlink(missing_ok=True)
        command = [
            "qemu-system-x86_64", *MACHINE[accel], "-smp", str(PROCESSORS), "-m", str(MEMORY_MIB),
            "-display", "none", "-nodefaults", "-vga", "std",
            "-drive", "if=ide,format=qcow2,cache=unsafe,file=disk.qcow2",
            "-netdev", "user,id=way_in,restrict=on,ipv6=off,hostfwd=tcp:127.0.0.1:0-:22",
            "-device", "e1000,netdev=way_in",
            "-netdev", f"{lan},id=lan", "-device", "e1000,netdev=lan",
            "-chardev", "file,id=console,path=console.log,append=on", "-serial", "chardev:console",
            "-qmp", "unix:monitor,server=on,wait=off",
            *(kernel.options() if kernel else []),
            *(["-incoming", f"exec:cat {shlex.quote(str(resume))}"] if resume else []),
        ]  # fmt: skip
        with (self.where / "qemu.log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=self.where, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        STARTED.append(process)
        (self.where / "pid").write_text(f"{process.pid}\n")
        until(self._monitor_answers, "QEMU's monitor answers", within=60, pause=0.05)
        if resume:
            until(lambda: not self._is_loading(), "the memory is loaded", minutes(5))
            self.ask("cont")

    def _monitor_answers(self) -> bool:
        self.must_be_running()
        try:
            self.ask("query-status")
        except OSError:
            return False
        return True

    def _is_loading(self) -> bool:
        return str(self.ask("query-status")["status"]) == "inmigrate"

    def pid(self) -> int:
        """The process id, 0 when it is not running."""
        for process in STARTED:
            process.poll()
        try:
            pid = int((self.where / "pid").read_text())
            _, name, state = re.split(r" \(|\) ", Path(f"/proc/{pid}/stat").read_text(), maxsplit=2)
        except FileNotFoundError:
            return 0
        return pid if name.startswith("qemu-system") and not state.startswith("Z") else 0

    def must_be_running(self) -> None:
        """Raises Died with QEMU's last words. An "internal error" is how KVM gives up: QEMU then stands still."""
        broken = "" if self.pid() else "has ended"
        with contextlib.suppress(OSError):
            if not broken and self.ask("query-status")["status"] == "internal-error":
                broken = "stands still"
        if broken:
            words = (self.where / "qemu.log").read_text(errors="replace").strip().splitlines()
            raise Died(f"QEMU {broken}: {' / '.join(words[:3]) or 'without a word'}")

    def ask(self, command: str, **arguments: Any) -> Any:
        """Send one command to the monitor, return its answer. Raises OSError when nobody listens, Died when refused."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(60)
            where = os.open(self.where, os.O_RDONLY)  # the path of a socket may not be longer than 107 bytes
            try:
                line.connect(f"/proc/self/fd/{where}/monitor")
            finally:
                os.close(where)
            with line.makefile("rw", encoding="utf-8") as talk:
                for question in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                    talk.write(json.dumps(question) + "\n")
                    talk.flush()
                    while True:
                        answer = json.loads(talk.readline() or '{"error": {"desc": "the monitor hung up"}}')
                        if "return" in answer or "error" in answer:
                            break
        if "error" in answer:
            raise Died(f"QEMU refused {command}: {answer['error']['desc']}")
        return answer["return"]

    def port(self) -> int:
        """The port on 127.0.0.1 that leads to the Dom0's ssh."""
        told = self.ask("human-monitor-command", **{"command-line": "info usernet"})
        found = re.search(r"HOST_FORWARD\S*\s+\d+\s+127\.0\.0\.1\s+(\d+)", told)
        if not found:
            raise Died(f"QEMU forwards no port:\n{told}")
        return int(found[1])

    def save(self, memory: Path) -> None:
        """Stop for good; disk and *memory* are then a pair that can be resumed from as often as wanted."""
        self.ask("stop")
        self.ask("migrate-set-parameters", **{"max-bandwidth": 2**40})
        self.ask("migrate", uri=f"exec:cat > {shlex.quote(str(memory))}")

        def saved() -> bool:
            status = self.ask("query-migrate").get("status")
            if status == "failed":
                raise Died("QEMU could not save the memory")
            return bool(status == "completed")

        until(saved, "the memory is saved", minutes(10))
        self.stop()

    def reset(self) -> None:
        """The reset button: nothing is written back."""
        self.ask("system_reset")

    def stop(self) -> None:
        """Pull the plug."""
        if not self.pid():
            return
        with contextlib.suppress(OSError, Died, ValueError):
            self.ask("quit")
        try:
            until(lambda: not self.pid(), "QEMU ends", within=30, pause=0.05)
        except TooLate:
            if pid := self.pid():
                os.kill(pid, signal.SIGKILL)

    def console(self) -> str:
        """Everything the hypervisor and the Dom0's kernel have said."""
        return self.console_log.read_text(errors="replace") if self.console_log.exists() else ""


def overlay(disk: Path, over: Path) -> None:
    """Make *disk* an empty layer over *over*, which is never written to again."""
    backing = os.path.relpath(over, disk.parent)
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", backing, disk.name]
    subprocess.run(command, cwd=disk.parent, check=True)


def accelerator() -> str:
    """kvm when a machine really starts and speaks under it, else tcg. The variable DOM0_ACCEL decides instead.

    /dev/kvm may exist and QEMU still abort on it: hence a boot sector that writes to its serial port.
    """
    if wanted := os.environ.get("DOM0_ACCEL"):
        return wanted
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    code = bytes.fromhex("ba f8 03 b0 4b ee f4 eb fd")  # mov dx,0x3f8; mov al,'K'; out dx,al; hlt: hlt; jmp hlt
    with tempfile.TemporaryDirectory(prefix="kvm-") as where:
        disk, said = Path(where, "disk"), Path(where, "said")
        disk.write_bytes(code.ljust(510, b"\0") + b"\x55\xaa")
        command = [
            "qemu-system-x86_64", *MACHINE["kvm"], "-m", "64", "-display", "none", "-nodefaults",
            "-drive", f"if=ide,format=raw,file={disk}", "-serial", f"file:{said}",
        ]  # fmt: skip
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)
        try:
            until(lambda: process.poll() is not None or b"K" in (said.read_bytes() if said.exists() else b""), "", 15)
        except TooLate:
            return "tcg"
        finally:
            alive = process.poll() is None
            process.kill()
            process.wait()
        return "kvm" if alive else "tcg"

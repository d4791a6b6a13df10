# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`guest view` starts the real viewers, and they arrive at the screen: at QEMU's for VNC, at a listener for RDP.

The display is an Xvfb, the screen that of a QEMU without a guest, and the toolstack libvirt's test driver, whose guest
is said to show its screen there.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from conftest import PROJECT
from univention_xen.plan import Machine
from univention_xen.toolstack import view
from univention_xen.toolstack.libvirt import Libvirt

pytestmark = pytest.mark.tools
PATIENCE = 120
"""Seconds in which a program on a busy machine is sure to have come as far as it will."""
HOST = """\
<node>
  <domain type="test">
    <name>web</name><memory>65536</memory><os><type>hvm</type></os>
    <devices><graphics type="vnc" port="{port}" autoport="no" listen="{address}"/></devices>
  </domain>
</node>
"""
FAMILIES = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}
everywhere = pytest.mark.parametrize("address", FAMILIES, indirect=True)


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """Yield the name of an X display that nobody sees."""
    came, said = os.pipe()
    words = ["Xvfb", "-displayfd", str(said), "-nolisten", "tcp"]
    with subprocess.Popen(words, pass_fds=[said], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        os.close(said)
        with os.fdopen(came) as answer:
            number = answer.readline().strip()
        try:
            assert number, "there is no Xvfb"
            yield f":{number}"
        finally:
            server.terminate()


@pytest.fixture
def address(request: pytest.FixtureRequest) -> str:
    """Return an address of this machine."""
    found: str = request.param
    try:
        socket.create_server((found, 0), family=FAMILIES[found]).close()
    except OSError as why:
        pytest.skip(f"this machine has no {found}: {why}")
    return found


class Screen:
    """The screen of a QEMU that runs no guest."""

    def __init__(self, qemu: subprocess.Popen[str]) -> None:
        self.qemu = qemu
        self.events: set[str] = set()
        self.ask("qmp_capabilities")
        self.port = int(self.ask("query-vnc")["service"])

    def ask(self, question: str) -> Any:
        """Return the answer of QEMU's monitor."""
        assert self.qemu.stdin
        assert self.qemu.stdout
        print(json.dumps({"execute": question}), file=self.qemu.stdin, flush=True)
        for line in self.qemu.stdout:
            said = json.loads(line)
            self.events.add(said.get("event", ""))
            if "return" in said:
                return said["return"]
        raise AssertionError(f"QEMU has ended with {self.qemu.wait()}")

    def watched(self) -> bool:
        """Tell whether a viewer is there and has come as far as to be shown the screen."""
        return bool(self.ask("query-vnc")["clients"]) and "VNC_INITIALIZED" in self.events


@pytest.fixture
def screen(address: str) -> Iterator[Screen]:
    """Yield a screen that is shown at a free port of the address."""
    at = f"{bracketed(address)}:0,to=99"
    words = ["qemu-system-x86_64", "-M", "none", "-S", "-nodefaults", "-qmp", "stdio", "-vnc", at]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as qemu:
        try:
            yield Screen(qemu)
        finally:
            qemu.terminate()


@contextmanager
def viewing(display: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Yield the running `guest view`; it and the viewer are ended."""
    environment = {
        "PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "DISPLAY": display, "PYTHONPATH": str(PROJECT / "python"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", "univention_xen", "guest", "view", *words]
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True) as shown:
        try:
            yield shown
        finally:
            os.killpg(shown.pid, signal.SIGKILL)


def wait_until(holds: Callable[[], bool], shown: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert shown.poll() is None, f"the viewer has ended with {shown.returncode}"
        assert time.monotonic() < end, "the viewer has not come"
        time.sleep(0.1)


def bracketed(address: str) -> str:
    """Return an address as it is written before a port."""
    return f"[{address}]" if ":" in address else address


@contextmanager
def listening(address: str) -> Iterator[tuple[socket.socket, str]]:
    """Yield a listener, and ADDRESS:PORT that leads to it."""
    with socket.create_server((address, 0), family=FAMILIES[address]) as listener:
        yield listener, f"{bracketed(address)}:{listener.getsockname()[1]}"


def arrived(listener: socket.socket) -> bytes:
    """Return the first packet of who comes to a listener, and turn it away."""
    listener.settimeout(PATIENCE)
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(PATIENCE)
        head = connection.recv(4, socket.MSG_WAITALL)
        return head + connection.recv(int.from_bytes(head[2:4], "big") - 4, socket.MSG_WAITALL)


@everywhere
def test_the_viewer_for_vnc_shows_the_screen_of_the_guest(
    address: str, screen: Screen, display: str, tmp_path: Path
) -> None:
    host = tmp_path / "host.xml"
    host.write_text(HOST.format(port=screen.port, address=address))
    assert not screen.watched()
    with viewing(display, "web", "--connect", f"test://{host}") as shown:
        wait_until(screen.watched, shown)


@everywhere
def test_the_viewer_for_rdp_asks_the_guest_for_a_connection(address: str, display: str) -> None:
    with listening(address) as (listener, rdp), viewing(display, "web", "--rdp", rdp, "--connect", "test:///default"):
        assert_connection_request(arrived(listener))


@everywhere
def test_rdesktop_is_taken_where_there_is_no_other(
    address: str, display: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", display)
    only = tmp_path / "usr/bin/rdesktop"
    only.parent.mkdir(parents=True)
    only.touch()
    with listening(address) as (listener, rdp):
        (step,) = view.plan("web", Libvirt("test:///default"), Machine(tmp_path), rdp=rdp).steps
        assert shlex.split(str(step)) == ["rdesktop", rdp]
        with subprocess.Popen(shlex.split(str(step)), stdin=subprocess.DEVNULL) as shown:
            try:
                assert_connection_request(arrived(listener))
            finally:
                shown.kill()


def assert_connection_request(packet: bytes) -> None:
    """A TPKT of version 3 (RFC 1006) that holds a connection request of X.224: E0 after its length."""
    assert (packet[0], int.from_bytes(packet[2:4], "big")) == (3, len(packet)), packet
    assert (packet[4], packet[5] & 0xF0) == (len(packet) - 5, 0xE0), packet

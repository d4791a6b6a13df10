# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A host and its peer in two network namespaces, for tests with real programs and the real kernel.

The host has its own /etc/network (or /etc/systemd/network with a systemd-networkd of its own), /run,
/var/lib/univention-xen, /var/lib/dhcp and /etc/systemd/system, so that nothing of this machine is seen or changed.
Needs root, as namespaces do.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from conftest import PROJECT

COMMAND = [sys.executable, str(PROJECT / "scripts" / "univention-xen")]
LOOPBACK = "auto lo\niface lo inet loopback\n\n"
NETWORKD = """\
mount -o remount,ro,bind /sys  # systemd-networkd does not wait for a udev then
mkdir -p /run/dbus /run/systemd/netif /run/systemd/network; chown systemd-network: /run/systemd/netif
ip link set lo up
dbus-daemon --system --fork --nopidfile
setsid /lib/systemd/systemd-networkd 2>"$1" &
"""


class Lab:
    """The host has the cards eth0, eth1, …, the peer their other ends p0, p1, …"""

    def __init__(self, where: Path, cards: int = 1, networkd: dict[str, str] | None = None) -> None:
        """With *networkd*, files of /etc/systemd/network by name, that is who sets up the network."""
        self.where = where
        self.networkd = networkd is not None
        tag = f"{os.getpid():x}"
        self.host, self.peer = f"xh{tag}", f"xp{tag}"
        self.programs: list[subprocess.Popen[bytes]] = []
        for name in (self.host, self.peer):
            run("ip", "netns", "add", name)
        for n in range(cards):
            run(
                "ip", "-n", self.host, "link", "add", f"eth{n}", "address", f"52:54:00:00:01:0{n}",
                "type", "veth", "peer", "name", f"p{n}", "netns", self.peer,
            )  # fmt: skip
            run("ip", "-n", self.peer, "link", "set", f"p{n}", "up")
        for name in ("etc-network", "etc-networkd", "systemd", "registry"):
            (where / name).mkdir()
        for name, text in (networkd or {}).items():
            (where / "etc-networkd" / name).parent.mkdir(exist_ok=True)
            (where / "etc-networkd" / name).write_text(text)
        shutil.copytree("/etc/network", where / "etc-network", dirs_exist_ok=True, symlinks=True)
        for old in (where / "etc-network" / "interfaces.d").glob("*"):
            old.unlink()
        self.interfaces(LOOPBACK)
        (where / "enter").write_text(
            "set -e\n"
            f"mount --bind {where}/etc-network /etc/network\n"
            "mount -t tmpfs run /run; mkdir -p /run/network /run/lock /var/lib/dhcp\n"
            f"mkdir -p /var/lib/univention-xen /etc/systemd/system\nmount --bind {where}/systemd /etc/systemd/system\n"
            "mount -t tmpfs state /var/lib/univention-xen; mount -t tmpfs leases /var/lib/dhcp\n"
            f"mkdir -p /etc/univention; mount --bind {where}/registry /etc/univention\n"
            "mkdir -p /etc/xen; mount -t tmpfs xen /etc/xen; mount -t tmpfs sysctl /etc/sysctl.d\n"
            "cp /etc/resolv.conf /run/resolv.conf; mount --bind /run/resolv.conf /etc/resolv.conf\n"
            f"mount --bind {where}/etc-networkd /etc/systemd/network\n"
            + (NETWORKD if self.networkd else "")
            + "echo ready; exec sleep infinity\n"
        )
        enter = ("sh", str(where / "enter"), str(where / "networkd.log"))
        self.holder = self.start("ip", "netns", "exec", self.host, *enter, stdout=subprocess.PIPE)
        assert self.holder.stdout is not None
        assert self.holder.stdout.readline() == b"ready\n"
        self.enter = ("nsenter", "-t", str(self.holder.pid), "-m", "-n")

    def start(self, *argv: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start a program that ends with the lab at the latest."""
        self.programs.append(subprocess.Popen(argv, **options))
        return self.programs[-1]

    def close(self) -> None:
        """End what was started, in the namespaces too, and remove them."""
        for name in (self.host, self.peer):
            for pid in run("ip", "netns", "pids", name).split():
                subprocess.run(["kill", "-9", pid], check=False, capture_output=True)
        for program in self.programs:
            program.kill()
            program.wait()
            if program.stdout:
                program.stdout.close()
        for name in (self.host, self.peer):
            run("ip", "netns", "delete", name)

    def interfaces(self, text: str, name: str = "interfaces") -> None:
        """Write a file below /etc/network of the host."""
        (self.where / "etc-network" / name).write_text(text)

    def registry(self, **variables: str) -> None:
        """Set xen/… variables of the host: bridge_name="guests" is xen/bridge/name."""
        lines = [f"xen/{name.replace('_', '/')}: {value}\n" for name, value in variables.items()]
        (self.where / "registry" / "base.conf").write_text("".join(lines))

    def on_host(self, *argv: str) -> str:
        """Run a program on the host and return what it printed."""
        return run(*self.enter, *argv)

    def on_peer(self, *argv: str) -> str:
        """Run a program on the peer and return what it printed."""
        return run("ip", "netns", "exec", self.peer, *argv)

    def xen(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `univention-xen host bridge …` on the host to its end."""
        argv = [*self.enter, *COMMAND, "host", "bridge", *words]
        return subprocess.run(argv, text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=120, check=False)

    def apply(self, seconds: int = 5) -> subprocess.Popen[bytes]:
        """Start `apply` in the background, in a session of its own, as a login has one."""
        argv = [*self.enter, *COMMAND, "host", "bridge", "apply", "--confirm-within", str(seconds)]
        out = (self.where / "apply.log").open("wb")
        with out:
            return self.start(*argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)

    def said(self) -> str:
        """Return what `apply` has said so far."""
        return (self.where / "apply.log").read_text()

    def until(self, what: str, seconds: float = 60) -> None:
        """Wait until `apply` says something."""
        wait_for(lambda: what in self.said(), seconds, self.said)

    def until_settled(self, seconds: float = 60) -> None:
        """Wait until no change of the bridge is pending."""
        wait_for(lambda: not self.on_host("ls", "/var/lib/univention-xen/bridge").strip(), seconds, self.said)

    def state(self) -> dict[str, Any]:
        """Return everything that has to be the same after the way back: files byte for byte, addresses, routes."""
        top = self.where / ("etc-networkd" if self.networkd else "etc-network")
        found = {str(p.relative_to(top)): p.read_bytes() for p in sorted(top.rglob("*")) if p.is_file()}
        modes = {str(p.relative_to(top)): p.stat().st_mode for p in sorted(top.rglob("*"))}
        return {"files": found, "modes": modes, "links": self.links(), "routes": self.routes(), "up": self.up()}

    def up(self) -> list[str]:
        """Return what ifupdown believes to be up."""
        return [] if self.networkd else sorted(self.on_host("ifquery", "--state").split())

    def links(self) -> dict[str, list[str]]:
        """Return the lasting addresses of each link, with the bridge that it belongs to."""
        found = {}
        for link in json.loads(self.on_host("ip", "-j", "address", "show")):
            lasting = [f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if a["scope"] == "global"]
            found[link["ifname"]] = [link.get("master", ""), *sorted(lasting)]
        return found

    def routes(self) -> list[str]:
        """Return the routes of both families."""
        both = self.on_host("ip", "-4", "route", "show") + self.on_host("ip", "-6", "route", "show")
        kept = (" ".join(w for w in line.split()) for line in both.splitlines() if not line.startswith("fe80::"))
        return sorted(line.split(" expires ")[0] for line in kept)

    def ping(self, address: str) -> Ping:
        """Keep pinging the host from the peer."""
        return Ping(self, address)

    def reaches(self, address: str, seconds: float = 10) -> bool:
        """Say whether the peer reaches an address of the host."""
        argv = ["ip", "netns", "exec", self.peer, "ping", "-c", "1", "-i", "0.2", "-w", str(int(seconds)), address]
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0


class Ping:
    """A ping five times a second; stop() tells how many answers came and the longest silence in seconds."""

    def __init__(self, lab: Lab, address: str) -> None:
        argv = ("ip", "netns", "exec", lab.peer, "ping", "-D", "-n", "-i", "0.2", address)
        self.program = lab.start(*argv, stdout=subprocess.PIPE)
        self.began = time.time()

    def stop(self) -> tuple[int, float]:
        """End it."""
        self.program.send_signal(2)
        text = self.program.communicate()[0].decode()
        times = [float(line[1 : line.index("]")]) for line in text.splitlines() if line.startswith("[")]
        ends = [self.began, *times, time.time()]
        return len(times), max(b - a for a, b in itertools.pairwise(ends))


def run(*argv: str) -> str:
    """Run a program and return what it printed; a failure fails the test with its words."""
    done = subprocess.run(argv, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr or done.stdout}"
    return done.stdout


def wait_for(true: Any, seconds: float, explain: Any) -> None:
    """Wait until *true* is."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, explain()
        time.sleep(0.1)

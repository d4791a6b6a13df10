# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`univention-xen host status`: one page, or JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import cast

import pytest

from conftest import Check, FakeRunner, recorded
from univention_xen.cli import host_status, status_page
from univention_xen.cli.main import main
from univention_xen.host import status
from univention_xen.host.status import Room, Status
from univention_xen.plan import Machine
from univention_xen.run import Runner

MENU = """\
set default="xen-gnulinux-simple-1"
menuentry 'Debian GNU/Linux' $menuentry_id_option 'gnulinux-simple-1' {
	linux	/boot/vmlinuz-6.1 ro
}
menuentry 'Debian GNU/Linux, with Xen hypervisor' $menuentry_id_option 'xen-gnulinux-simple-1' {
	multiboot2	/boot/xen-4.17.gz placeholder com1=115200,8n1 console=com1 dom0_mem=1024M,max:1024M noreboot
	module2	/boot/vmlinuz-6.1 placeholder ro
}
"""
FILES = {
    "etc/univention/base.conf": "# univention_ base.conf\n\nxen/bridge/name: xenbr1\n",
    "usr/sbin/xl": "",
    "sys/hypervisor/type": "xen\n",
    "proc/xen/capabilities": "control_d\n",
    "boot/grub/grub.cfg": MENU,
    "etc/xen/web.cfg": 'name = "pvh"\nmemory = 128\n',
    "etc/xen/mail.cfg": "memory = 512\n",
    "lib/systemd/system/xendomains.service": "[Service]\n",
    "etc/init.d/xen": "",
}
ANSWERS = {
    "xl info": recorded("xl-info-4.17.txt"),
    "xl list": recorded("xl-list-4.17-guests.txt"),
    "systemctl is-active xen.service": "active\n",
    "systemctl is-active xendomains.service": (3, "inactive\n", ""),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A Dom0 with two guests that run and one that does not."""
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "etc/init.d/xen").chmod(0o755)
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    (tmp_path / "etc/xen/auto").mkdir()
    (tmp_path / "etc/xen/auto/web.cfg").symlink_to("../web.cfg")
    for port in ("eth0", "vif2.0", "vif3.0-emu", "vif3.0", "vif9.1"):
        (tmp_path / "sys/class/net/br0/brif" / port).mkdir(parents=True)
    (tmp_path / "sys/class/net/br0/bridge").mkdir()
    (tmp_path / "sys/class/net/eth0").mkdir()
    return tmp_path


@pytest.fixture
def found(root: Path) -> Status:
    look = status.look_at(Machine(root, cast(Runner, FakeRunner(dict(ANSWERS)))))
    return look._replace(room=Room("/var/lib/xen", 40 << 30, 10 << 30))


def test_the_page_in_a_pipe(found: Status, golden: Check) -> None:
    golden("cli/status", status_page.page(found, status_page.PLAIN) + "\n")


def test_the_page_on_a_terminal(found: Status, golden: Check) -> None:
    golden("cli/status-terminal", status_page.page(found, status_page.terminal("UTF-8", 100, colours=True)) + "\n")
    plain = status_page.page(found, status_page.terminal("ascii", 80, colours=False))
    assert plain.isascii()
    assert "[##################......] 30 GiB of 40 GiB used (75 %)" in plain


@pytest.mark.parametrize("width", [60, 80])
def test_no_line_is_wider_than_the_terminal_and_no_word_is_lost(found: Status, width: int) -> None:
    many = found.bridges[0]._replace(guests=tuple(f"guest-number-{number}" for number in range(12)))
    long = found._replace(
        hypervisor=found.hypervisor._replace(command_line="word " * 30), bridges=[many, *found.bridges[1:]]
    )
    narrow = status_page.page(long, status_page.terminal("ascii", width, colours=False))
    assert max(map(len, narrow.splitlines())) <= width
    assert narrow.split() == status_page.page(long, status_page.terminal("ascii", 10_000, colours=False)).split()
    column = narrow.splitlines()[[line[:7] for line in narrow.splitlines()].index("Bridges")].index("GUESTS")
    rows = [line for line in narrow.splitlines() if "guest-number" in line]
    assert len(rows) > 2
    assert {line.index("guest-number") for line in rows} == {column}


def test_the_page_for_programs(found: Status) -> None:
    data = json.loads(json.dumps(host_status.data(found)))
    assert data["hypervisor"]["running"] is True
    assert data["hypervisor"]["can"] == ["pv", "pvh", "hvm"]
    assert data["next_boot"]["needed"] is False
    assert data["toolstack"]["name"] == "xl"
    assert data["services"] == {"xen": "active", "xendomains": "inactive"}
    assert data["bridges"] == [
        {"name": "br0", "ports": ["eth0"], "guests": ["pvh", "hvm", "domain 9"], "there": True},
        {"name": "xenbr1", "ports": [], "guests": [], "there": False},
    ]
    guests = {guest["name"]: guest for guest in data["guests"]}
    assert (guests["pvh"]["file"], guests["pvh"]["number"], guests["pvh"]["at_boot"]) == ("/etc/xen/web.cfg", 2, True)
    assert (guests["mail"]["state"], guests["mail"]["number"], guests["mail"]["at_boot"]) == ("off", None, False)
    assert guests["hvm"]["file"] == ""
    assert data["dom0"]["memory"] == 1024
    assert data["images"] == {"path": "/var/lib/xen", "size": 40 << 30, "free": 10 << 30}


def test_a_host_that_has_not_been_rebooted(root: Path, golden: Check) -> None:
    for path in ("sys/hypervisor/type", "proc/xen/capabilities"):
        os.unlink(root / path)
    (root / "proc/cpuinfo").write_text("flags : svm\n")
    run = FakeRunner(dict(ANSWERS))
    look = status.look_at(Machine(root, cast(Runner, run)))
    golden("cli/status-before-reboot", status_page.page(look._replace(room=Room("/", 0, 0)), status_page.PLAIN) + "\n")
    assert "xl info" not in run.asked


def test_a_change_of_the_network_that_nobody_has_confirmed_is_shown(root: Path, found: Status) -> None:
    assert found.pending == ()
    (root / "var/lib/univention-xen/bridge").mkdir(parents=True)
    (root / "var/lib/univention-xen/bridge/pending.json").write_text("{}")
    look = status.look_at(Machine(root, cast(Runner, FakeRunner(dict(ANSWERS)))))
    (line,) = look.pending
    assert "host bridge confirm" in line
    assert status_page.page(look, status_page.PLAIN).endswith(f"Pending     {line}")
    assert host_status.data(look)["pending"] == [line]


def test_a_firewall_that_is_to_follow_is_shown(root: Path) -> None:
    (root / "etc/xen/firewall.nft").write_text("table inet univention_xen {\n}\n")
    (line,) = status.look_at(Machine(root, cast(Runner, FakeRunner(dict(ANSWERS))))).pending
    assert "host firewall plan" in line


def test_names_cannot_steer_the_terminal(found: Status) -> None:
    hostile = found.guests[0]._replace(name="\x1b[2J\x07x")
    assert "\x1b" not in status_page.page(found._replace(guests=[hostile]), status_page.PLAIN)


def test_room_is_that_of_the_nearest_directory(root: Path) -> None:
    assert status.look_at_room(Machine(root)).size > 0


def test_the_command_on_an_empty_tree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "etc/univention").mkdir(parents=True)
    assert main(["--root", str(tmp_path), "host", "status"]) == 0
    text = capsys.readouterr().out
    assert "not running" in text
    assert "\x1b" not in text
    assert main(["--root", str(tmp_path), "host", "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["guests"] == []


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536 << 20, "1.5 GiB"), (5 << 40, "5 TiB")]
)
def test_sizes(size: int, text: str) -> None:
    assert status_page.human(size) == text

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A guest that is installed: of its two files only one is a guest at any time, and nothing gets lost in between."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import Check, FakeRunner
from univention_xen.cli.main import main
from univention_xen.errors import UsageError, XenError
from univention_xen.guest import load_xl, look
from univention_xen.guest.imports import plan_import
from univention_xen.guest.model import Guest
from univention_xen.plan import Machine, Plan
from univention_xen.toolstack import autostart, installing, linux, listing, new_guest
from univention_xen.toolstack.file_steps import NewFile
from univention_xen.toolstack.new_guest import Wish
from univention_xen.toolstack.xl import Xl

NOW, LATER = "/etc/xen/web.cfg", "/etc/xen/web.cfg.after-install"
WEB = Wish("web", "pv-install", kernel="/boot/k", initrd="/boot/i", disks=("8G",), nics=("",), cdrom="/cd/debian.iso")


@pytest.fixture
def on(tmp_path: Path) -> Machine:
    for path in ("etc/xen", "boot", "cd", "var/lib/xen", "usr/lib/grub-xen"):
        (tmp_path / path).mkdir(parents=True)
    for path in ("boot/k", "boot/i", "boot/vmlinuz", "cd/debian.iso"):
        (tmp_path / path).touch()
    return Machine(tmp_path, FakeRunner())  # type: ignore[arg-type]


def planned(wish: Wish, on: Machine) -> Plan:
    return installing.plan_create(wish, Xl(), on)


def files(plan: Plan) -> dict[str, Guest]:
    return {step.path: load_xl.load(step.text, step.path).guest for step in plan.steps if isinstance(step, NewFile)}


def write(plan: Plan, on: Machine, count: int = 99) -> None:
    """Carry out what a plan does to files, up to that many of them."""
    for step in [each for each in plan.steps if isinstance(each, NewFile)][:count]:
        step.apply(on)


def finish(on: Machine) -> Plan:
    return installing.plan_finish("web", Xl(), on)


def filled(on: Machine) -> None:
    """Do what the installer does."""
    place = on.path("/var/lib/xen/web/disk1.img")
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(b"a system" * 1000)


def test_both_files_are_as_agreed(on: Machine, golden: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_guest.secrets, "randbits", lambda bits: 7)
    golden("toolstack/create-web-pv-install", str(planned(WEB, on)).replace(str(on.root), "") + "\n")


@pytest.mark.parametrize(("kind", "wanted"), [("pv-install", "pv"), ("pvh-install", "pvh")])
def test_the_installer_has_the_devices_of_the_guest_and_ends_with_the_installation(
    on: Machine, kind: str, wanted: str
) -> None:
    guests = files(planned(replace(WEB, kind=kind), on))
    now, later = guests[NOW], guests[LATER]
    assert (now.kind, later.kind, now.name, later.name) == (wanted, wanted, "web", "web")
    assert (now.kernel, now.ramdisk, now.cmdline) == ("/boot/k", "/boot/i", "console=hvc0")
    assert (now.on_reboot, now.on_poweroff, later.on_reboot) == ("destroy", "destroy", "restart")
    assert (later.bootloader, later.kernel, later.ramdisk, later.cmdline) == ("pygrub", "", "", "")
    assert now.vifs == later.vifs
    assert now.disks[: len(later.disks)] == later.disks
    assert [disk.path for disk in now.disks[1:]] == ["/cd/debian.iso"], "the installer's CD is only the installer's"


def test_the_installed_guest_boots_as_one_likes(on: Machine) -> None:
    words = replace(
        WEB, installed_kernel="/boot/vmlinuz", installed_initrd="/boot/i", installed_cmdline="root=/dev/xvda1"
    )
    later = files(planned(words, on))[LATER]
    assert (later.bootloader, later.kernel, later.ramdisk, later.cmdline) == (
        "", "/boot/vmlinuz", "/boot/i", "root=/dev/xvda1",
    )  # fmt: skip
    assert files(planned(replace(WEB, bootloader="pvgrub"), on))[LATER].kernel == new_guest.PVGRUB["pv"]


@pytest.mark.parametrize(
    "wish",
    [replace(WEB, kernel=""), replace(WEB, initrd=""), replace(WEB, disks=()), replace(WEB, autostart=True),
     replace(WEB, installed_kernel="/boot/vmlinuz", bootloader="pygrub"), replace(WEB, installed_cmdline="quiet"),
     replace(WEB, boot="cd"), replace(WEB, name="7")],
)  # fmt: skip
def test_nonsense_is_refused(on: Machine, wish: Wish) -> None:
    with pytest.raises(UsageError):
        planned(wish, on)
    assert os.listdir(on.path("/etc/xen")) == []


def test_what_waits_is_taken_for_a_guest_by_nobody(on: Machine) -> None:
    write(planned(WEB, on), on)
    assert sorted(os.listdir(on.path("/etc/xen"))) == ["web.cfg", "web.cfg.after-install"]
    assert look.all_files(on) == [NOW]
    assert [each.file.path for each in listing.described(on)] == [NOW]
    assert [result.source for result in plan_import([str(on.path("/etc/xen"))], "/etc/xen", Machine()).results] == [
        str(on.path(NOW))
    ]


def test_an_installer_does_not_start_with_the_host(on: Machine) -> None:
    write(planned(WEB, on), on)
    with pytest.raises(XenError, match="is being installed"):
        autostart.plan("web", True, on)
    filled(on)
    finish(on).carry_out(on)
    assert "ln -s" in str(autostart.plan("web", True, on))


def test_finishing_is_one_rename_and_can_be_said_twice(on: Machine) -> None:
    write(planned(WEB, on), on)
    later = on.path(LATER).read_text()
    filled(on)
    plan = finish(on)
    assert len(plan.steps) == 1
    plan.carry_out(on)
    assert os.listdir(on.path("/etc/xen")) == ["web.cfg"]
    assert on.path(NOW).read_text() == later
    assert not finish(on).steps
    assert "not being installed" in finish(on).reason


def test_tagged_lines_are_as_the_registry_has_them_now(on: Machine) -> None:
    write(planned(replace(WEB, vnc=""), on), on)
    filled(on)
    on.path("/etc/univention").mkdir()
    on.path("/etc/univention/base.conf").write_text("xen/vnc/listen: 192.0.2.1\nxen/bridge/name: br7\n")
    finish(on).carry_out(on)
    guest = load_xl.load(on.path(NOW).read_text(), NOW).guest
    assert (guest.vnc.listen, guest.vifs[0].bridge) == ("192.0.2.1", "br7")


def test_nothing_is_finished_before_anything_was_installed(on: Machine) -> None:
    write(planned(WEB, on), on)
    image = on.path("/var/lib/xen/web/disk1.img")
    image.parent.mkdir()
    image.touch()
    os.truncate(image, 8 << 30)
    with pytest.raises(XenError, match="nothing has been installed yet"):
        finish(on)
    filled(on)
    assert finish(on).steps


def test_nobody_finishes_an_unknown_guest_or_one_that_is_none(on: Machine) -> None:
    with pytest.raises(XenError, match="there is no guest web"):
        finish(on)
    with pytest.raises(UsageError):
        installing.plan_finish("../web", Xl(), on)


@pytest.mark.parametrize("state", ["r-----", "-b----", "--p---", "---s--", "----c-", "------"])
def test_a_running_installer_is_not_overtaken(on: Machine, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(planned(WEB, on), on)
    filled(on)
    head = "Name                                        ID   Mem VCPUs\tState\tTime(s)\n"
    text = f"{head}Domain-0                                     0  1024     2     r-----      10.0\n"
    here = Machine(Path("/"), FakeRunner({"xl list": f"{text}web    3   512     1     {state}      1.0\n"}))  # type: ignore[arg-type]
    monkeypatch.setattr(Machine, "path", lambda self, path: on.root / path.lstrip("/"))
    with pytest.raises(XenError, match="its installer has not ended"):
        finish(here)
    assert finish(replace(here, run=FakeRunner({"xl list": text}))).steps  # type: ignore[arg-type]


def test_a_second_try_goes_on_after_an_interruption(on: Machine) -> None:
    first = planned(WEB, on)
    write(first, on, 1)
    assert os.listdir(on.path("/etc/xen")) == ["web.cfg.after-install"], "what makes it a guest comes last"
    assert look.all_files(on) == []
    address = files(first)[LATER].vifs[0].mac
    second = planned(WEB, on)
    assert list(files(second)) == [NOW]
    assert files(second)[NOW].vifs[0].mac == address
    with pytest.raises(XenError, match="wished for in other words"):
        planned(replace(WEB, vcpus=3), on)
    with pytest.raises(XenError, match="installation that was not finished"):
        new_guest.plan(Wish("web", disks=("1G",)), Xl(), on)
    write(second, on)
    with pytest.raises(XenError, match="nothing is overwritten"):
        planned(WEB, on)


def test_the_command_line_says_how_to_go_on(on: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    root = ["--root", str(on.root), "guest"]
    for path in ("k", "i"):
        assert on.path(f"/boot/{path}").exists()
    create = [
        *root,
        "create",
        "web",
        "--type",
        "pv-install",
        "--kernel",
        "/boot/k",
        "--initrd",
        "/boot/i",
        "--disk",
        "4M",
    ]
    assert main([*create, "--dry-run"]) == 0
    assert "guest finish-install web" in capsys.readouterr().err
    assert main([*root, "create", "dos", "--type", "hvm", "--installed-kernel", "/boot/k"]) == 2
    assert main([*root, "finish-install", "web"]) == 1
    assert "there is no guest web" in capsys.readouterr().err


def kernel(where: Path, version: bytes) -> str:
    """Write a file that begins like a Linux kernel."""
    head = bytearray(0x1000)
    head[0x202:0x206], head[0x20E:0x210] = b"HdrS", (0x500).to_bytes(2, "little")
    head[0x700 : 0x700 + len(version)] = version
    where.write_bytes(head)
    return str(where)


def test_a_kernel_says_whether_it_can_be_pvh(tmp_path: Path, on: Machine) -> None:
    place = tmp_path / "vmlinuz-x"
    assert linux.can_pvh(kernel(place, b"6.1.0-50-amd64 (debian)"))
    assert not linux.can_pvh(kernel(place, b"2.6.32-ucs9-xen-amd64"))
    assert linux.can_pvh(kernel(place, b"strange")), "nobody can tell"
    assert linux.can_pvh(str(tmp_path / "none"))
    kernel(place, b"6.1.0-50-amd64")
    (tmp_path / "config-x").write_text("CONFIG_XEN=y\n# CONFIG_PVH is not set\n")
    assert not linux.can_pvh(str(place))
    for line in ("CONFIG_PVH=y", "CONFIG_XEN_PVH=y"):
        (tmp_path / "config-x").write_text(f"CONFIG_XEN=y\n{line}\n")
        assert linux.can_pvh(str(place))
    kernel(on.path("/boot/k"), b"3.16.0-ucs")
    assert new_guest.decide(Wish("web", kernel="/boot/k", disks=("1G",)), on).guest.kind == "pv"

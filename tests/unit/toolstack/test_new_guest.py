# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A new guest is complete or refused, and nothing that exists is ever touched."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import Check, FakeRunner, recorded
from univention_xen.errors import UsageError, XenError
from univention_xen.guest import load_xl
from univention_xen.guest.model import Disk, Guest
from univention_xen.image import create
from univention_xen.plan import Machine, Plan
from univention_xen.toolstack import new_guest
from univention_xen.toolstack.domain import Domain
from univention_xen.toolstack.file_steps import NewFile
from univention_xen.toolstack.new_guest import Wish
from univention_xen.toolstack.xl import Xl


@pytest.fixture
def on(tmp_path: Path) -> Machine:
    for path in ("etc/xen", "boot", "cd", "var/lib/xen", "usr/lib/grub-xen"):
        (tmp_path / path).mkdir(parents=True)
    for path in ("boot/k", "boot/i", "cd/winxp.iso"):
        (tmp_path / path).touch()
    return Machine(tmp_path, FakeRunner())  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def the_same_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter([0x7FFFFF, *range(100)])
    monkeypatch.setattr(new_guest.secrets, "randbits", lambda bits: next(numbers))


def registry(on: Machine, **values: str) -> None:
    on.path("/etc/univention").mkdir(exist_ok=True)
    lines = [f"{name.replace('__', '/')}: {value}\n" for name, value in values.items()]
    on.path("/etc/univention/base.conf").write_text("".join(lines))


def planned(wish: Wish, on: Machine) -> Plan:
    return new_guest.plan(wish, Xl(), on)


def made(wish: Wish, on: Machine) -> Guest:
    (step,) = (each for each in planned(wish, on).steps if isinstance(each, NewFile))
    return load_xl.load(step.text, step.path).guest


def changed(wish: Wish, nic: str) -> Wish:
    return replace(wish, nics=(nic,))


WINXP = Wish("winxp", "hvm", disks=("8G",), cdrom="/cd/winxp.iso", vnc="", nics=("",))
LINUX = Wish("web", kernel="/boot/k", initrd="/boot/i", cmdline="root=/dev/xvda ro", disks=("2G", "1G"))


def test_the_windows_of_the_guide(on: Machine, golden: Check) -> None:
    golden("toolstack/create-winxp", str(planned(WINXP, on)).replace(str(on.root), "") + "\n")


def test_a_linux_is_pvh(on: Machine, golden: Check) -> None:
    golden("toolstack/create-web", str(planned(LINUX, on)).replace(str(on.root), "") + "\n")
    assert made(LINUX, on).kind == "pvh"
    assert made(Wish("web", bootloader="pygrub", disks=("1G",)), on).bootloader == "pygrub"
    assert made(Wish("dos", disks=("1G",)), on).kind == "hvm"


def test_the_registry_says_what_is_not_said(on: Machine) -> None:
    registry(on, xen__bridge__name="br7", xen__vnc__listen="192.0.2.1")
    guest = made(WINXP, on)
    assert guest.vifs[0].bridge == "br7"
    assert guest.vnc.listen == "192.0.2.1"
    assert made(changed(WINXP, "bridge=br9"), on).vifs[0].bridge == "br9"


def test_a_password_of_the_registry_keeps_the_screen_at_home(on: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    registry(on, xen__vnc__listen="192.0.2.1", xen__vnc__password="geheim")
    assert made(WINXP, on).vnc.listen == "127.0.0.1"
    said = capsys.readouterr().err
    assert "cannot ask for the VNC password" in said
    assert "ssh -L" in said
    assert "geheim" not in said


def test_addresses_differ_from_those_of_all_guests(on: Machine) -> None:
    text = 'name = "old"\ntype = "pvh"\nkernel = "/boot/k"\nvif = [ "mac=00:16:3E:7f:ff:ff" ]\n'
    on.path("/etc/xen/old.cfg").write_text(text)
    assert [vif.mac for vif in made(changed(WINXP, ""), on).vifs] == ["00:16:3e:00:00:00"]
    with pytest.raises(UsageError, match="another guest has this address"):
        made(changed(WINXP, "mac=00:16:3e:7f:ff:ff"), on)


@pytest.mark.parametrize("nic", ["mac=nonsense", "bridge=a;b", "color=red", "bridge=", "bridge=-x"])
def test_an_odd_card_is_refused(on: Machine, nic: str) -> None:
    with pytest.raises(UsageError):
        made(changed(WINXP, nic), on)


@pytest.mark.parametrize("name", ["", "-x", "a/b", "..", "7", "auto", "xl", "a b", "ä", "a" * 65, "Domain-0"])
def test_an_odd_name_is_refused(on: Machine, name: str) -> None:
    with pytest.raises(UsageError):
        planned(Wish(name, disks=("1G",)), on)


@pytest.mark.parametrize(
    "wish",
    [Wish("a", "pv"), Wish("a", "hvm", kernel="/boot/k"), Wish("a", memory="2M"), Wish("a", vcpus=0),
     Wish("a", boot="xyz"), Wish("a", vnc="nowhere"), Wish("a", disks=("many",))],
)  # fmt: skip
def test_nonsense_is_refused(on: Machine, wish: Wish) -> None:
    with pytest.raises(UsageError):
        planned(wish, on)


def test_what_exists_is_not_touched(on: Machine) -> None:
    image = on.path("/var/lib/xen/winxp/disk1.img")
    image.parent.mkdir()
    image.write_text("precious")
    with pytest.raises(XenError, match="nothing is overwritten"):
        planned(WINXP, on)
    image.unlink()
    on.path("/etc/xen/winxp.cfg").write_text("precious")
    with pytest.raises(XenError, match="nothing is overwritten"):
        planned(WINXP, on)
    assert on.path("/etc/xen/winxp.cfg").read_text() == "precious"


def test_a_name_in_another_file_is_taken(on: Machine) -> None:
    on.path("/etc/xen/old.cfg").write_text('name = "winxp"\ntype = "pvh"\nkernel = "/boot/k"\n')
    with pytest.raises(XenError, match=r"/etc/xen/old.cfg describes a guest winxp already"):
        planned(WINXP, on)


def test_a_second_try_goes_on_after_an_interruption(on: Machine) -> None:
    image = on.path("/var/lib/xen/winxp/disk1.img")
    image.parent.mkdir()
    image.touch()
    os.truncate(image, 8 << 30)
    plan = planned(WINXP, on)
    assert not any(isinstance(each, create.Create) for each in plan.steps)
    assert any(isinstance(each, NewFile) for each in plan.steps)


def test_a_file_that_appears_meanwhile_is_not_replaced(on: Machine) -> None:
    on.path("/etc/xen/x.cfg").write_text("precious")
    with pytest.raises(XenError, match="nothing is overwritten"):
        NewFile("/etc/xen/x.cfg", "new").apply(on)
    NewFile("/etc/xen/y.cfg", "new").apply(on)
    assert on.path("/etc/xen/y.cfg").read_text() == "new"
    assert sorted(os.listdir(on.path("/etc/xen"))) == ["x.cfg", "y.cfg"]


def test_everything_in_one_go(on: Machine) -> None:
    wish = Wish("web", kernel="/boot/k", autostart=True, start=True, console=True, graphics=False)
    assert str(planned(wish, on)).splitlines()[-4:] == [
        "make directory /etc/xen/auto",
        "ln -s /etc/xen/web.cfg /etc/xen/auto/web.cfg",
        "xl create /etc/xen/web.cfg",
        "xl console web",
    ]


def test_what_would_not_start_is_not_made(on: Machine) -> None:
    wish = Wish("web", "pvh", bootloader="pvgrub", disks=("1G",), start=True)
    with pytest.raises(XenError, match=r"would not start: the kernel .*grub-i386-xen_pvh.bin does not exist"):
        planned(wish, on)


def test_a_guest_that_writes_to_an_image_of_another_is_not_started(
    on: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = on.path("/srv/shared.img")
    image.parent.mkdir()
    image.touch()
    disk = 'disk = [ "format=raw,vdev=xvda,access=rw,target=/srv/shared.img" ]'
    on.path("/etc/xen/old.cfg").write_text(f'name = "old"\ntype = "pvh"\nkernel = "/boot/k"\n{disk}\n')
    guest = Guest("new", "pvh", 64, 64, disks=(Disk("/srv/shared.img", "xvda"),), kernel="/boot/k")
    wish = Wish("new", kernel="/boot/k", start=True)
    assert new_guest.starts(wish, guest, "/etc/xen/new.cfg", Xl(), on)
    monkeypatch.setattr(new_guest, "running", lambda stack, on: [Domain("old", 1, "running")])
    with pytest.raises(XenError, match="in use by the running guest old"):
        new_guest.starts(wish, guest, "/etc/xen/new.cfg", Xl(), on)


def test_a_processor_that_cannot_do_hvm_cannot_do_pvh() -> None:
    info = recorded("xl-info-4.17.txt")
    assert new_guest.can_pvh(info)
    assert not new_guest.can_pvh(info.replace(" hvm", " "))


@pytest.mark.parametrize(
    ("offset", "data", "blank"),
    [(0, b"", True), (0, bytes(4096), True), (0, b"\1", False), (5 << 20, b"\1", False), (0, bytes(1 << 20), False)],
)
def test_an_image_is_blank_as_long_as_nothing_was_written(
    tmp_path: Path, offset: int, data: bytes, blank: bool
) -> None:
    with (tmp_path / "disk").open("wb") as image:
        image.truncate(8 << 20)
        image.seek(offset)
        image.write(data)
    assert create.is_blank(tmp_path / "disk") == blank

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Old guest files become new ones that mean the same; what does not is told with its place."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Check
from guest_meanings import OLD_LINES
from univention_xen.guest import load_xl, load_xm
from univention_xen.guest.convert import Imported, NotImported, convert, modern_lines
from univention_xen.guest.model import differences
from univention_xen.guest.program import understand
from univention_xen.guest.words import BadSyntax

PV = "name = 'g'\nkernel = '/boot/k'\n"
HVM = "name = 'g'\nbuilder = 'hvm'\n"

WINDOWS = """\
#  -*- mode: python; -*-
# The old file server. Ask Eva before touching it.
import os, re
arch = os.uname()[4]
if re.search('64', arch):
    arch_libdir = 'lib64'
else:
    arch_libdir = 'lib'

kernel = "/usr/lib/xen/boot/hvmloader"
builder='hvm'
memory = 4 * 256   # was 512
name = "fs" + "01"
#vcpus=1
vif = [ 'type=ioemu, bridge=xenbr0', # office
        'mac=00:16:3E:00:00:01,type=netfront' ]
disk = [
    'phy:vg0/fs01-c,ioemu:hda,w!',
    # backups
    'tap:aio:/srv/a=b,ioemu:hdb,w', 'file:/iso/cd.iso,hdc:cdrom,r' ]
device_model = '/usr/' + arch_libdir + '/xen/bin/qemu-dm'
sdl=0; vnc=1; vncpasswd='geheim'; vncconsole=1
keymap='de'
on_xend_stop = 'shutdown'
usb = True
"""
LINUX = """\
# mail server
name = 'mail'
memory = '512'
vcpus = 2
maxvcpus = 4
bootloader = '/usr/bin/pygrub'
bootargs = '--entry=1'
root = 'root=/dev/xvda1 ro'
extra = 'console=hvc0'
dhcp = 'dhcp'
disks = ['xvda', 'xvdb']
disk = []
disk.append('tap:qcow2:/img/%s.qcow2,xvda,w' % disks[0])
disk += ['drbd:data,xvdb,w,2']
vif = ['mac=zz,accel=1,rate=fast']
vfb = ['type=vnc,vncunused=1,keymap=de,videoram=8', 'sdl=1']
vnc = 1
restart = 'onreboot'
uuid = '6A1F4C1E55AA4F0E9A110C0FFEE0C0DE'
cpu = 1
irq = [7]
Name = 'x'
type = 'hvm'
note = u'f\xfcr Eva'
rtc_timeoffset = -3600
"""


def report(imported: Imported) -> str:
    return imported.text + "\n=== report\n" + "".join(f"{remark}\n" for remark in imported.remarks)


@pytest.mark.parametrize(("name", "text"), [("windows", WINDOWS), ("linux", LINUX)])
def test_two_files_of_the_years_of_xm(name: str, text: str, golden: Check) -> None:
    golden(f"guest/import-{name}", report(convert(text, f"{name}.cfg", f"{name}.cfg")))


@pytest.mark.parametrize(
    ("text", "setting", "expected"),
    [
        (PV, "memory", "128"),
        (PV + "memory = 512L\n", "memory", "128"),
        (PV + "memory = None\n", "memory", "128"),
        (PV + "memory = 0x200\n", "memory", "0x200"),
        (PV + "memory = 0400\n", "memory", "0400"),
        (PV + "memory = 512.0\n", "memory", "512"),
        (HVM, "boot", "c"),
        (HVM, "vnc", "0"),
        (HVM + "vnc = True\n", "vnc", "0"),
        (HVM + "vnc = 1\n", "vnc", "1"),
        (PV, "on_crash", "restart"),
        (PV + "on_crash = 'rename_restart'\n", "on_crash", "rename-restart"),
        (PV + "restart = 'always'\n", "on_poweroff", "restart"),
        (PV, "type", "pv"),
        ("kernel = '/k'\n", "name", "old.cfg"),
        (PV + "root = 'root=/dev/a'\n", "cmdline", "root=/dev/a"),
        (PV + "root = '/dev/a'\nextra = 'ro'\n", "root", "/dev/a"),
        (PV + "ip = '192.0.2.1'\n", "cmdline", "ip=192.0.2.1:127.0.255.255::::eth0:off"),
        (PV + "vfb = ['type=sdl']\n", "vfb", ["vnc=0,sdl=1"]),
        (HVM + "vfb = ['type=vnc,vncpasswd=x']\n", "vncpasswd", "x"),
        (PV + "irq = [7]\n", "irqs", ["7"]),
        (PV + "cpu = 3\n", "cpus", "3"),
        (PV + "rtc_timeoffset = -60\n", "rtc_timeoffset", "-60"),
        ("name='g'\nbootloader='pygrub'\n", "bootloader_args", ["-q"]),
        ("name='g'\ndisk=['file:/a,xvda,w']\n", "bootloader", "pygrub"),
        (PV + "nics = 2\nvif = ['bridge=a']\n", "vif", ["bridge=a", ""]),
    ],
)
def test_what_a_setting_becomes(text: str, setting: str, expected: object) -> None:
    new = load_xl.load(convert(text, "f", "old.cfg").text, "f")
    assert {each.name: each.value for each in new.assignments}[setting] == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("phy:vg/a,xvda,w", "format=raw,vdev=xvda,access=rw,target=/dev/vg/a"),
        ("file:/a=b c,sda1,r", "format=raw,vdev=sda1,access=ro,target=/a=b c"),
        ("tap2:vhd:/a,xvda,w!", "format=vhd,vdev=xvda,access=rw,target=/a"),
        ("tap:tapdisk:aio:/a,xvda,w", "format=raw,vdev=xvda,access=rw,target=/a"),
        ("iscsi:iqn.a:b,xvda,w", "format=raw,vdev=xvda,access=rw,script=block-iscsi,target=iqn.a:b"),
        ("phy:/dev/a,xvda,w,dom", "format=raw,vdev=xvda,access=rw,backend=dom,target=/dev/a"),
        ("phy:cdrom,hdc:cdrom,w", "format=raw,vdev=hdc,devtype=cdrom,access=ro,target=/dev/cdrom"),
        (",hdc:cdrom,r", "vdev=hdc,devtype=cdrom,access=ro,format=empty"),
        ("file:/a,/dev/hda,w", "format=raw,vdev=hda,access=rw,target=/a"),
    ],
)
def test_what_a_disk_becomes(old: str, new: str) -> None:
    assert f'"{new}"' in convert(PV + f"disk = ['{old}']\n", "f", "f").text


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("disk = ['tap:vmdk:/a,xvda,w']\n", 3, "no driver for vmdk"),
        ("disk = ['/a,xvda,w']\n", 3, "does not say file:"),
        ("disk = ['file:/a,xvda,rw']\n", 3, "only r, w and w! exist"),
        ("disk = ['file:/a, xvda, w']\n", 3, "mode"),
        ("disk = 'file:/a,xvda,w'\n", 3, "only a list of texts"),
        ("vif = ['bridge=a,']\n", 3, "not a key with a value"),
        ("vif = ['mac=00:16:3e:00:00:01', 'mac=0:16:3e:0:0:1']\n", 3, "two network cards"),
        ("memory = 0\n", 3, "a guest needs some"),
        ("x = 1\nmemory = 'much'\n", 4, "which is no number"),
        ("maxmem = 64\n", 3, "less than memory"),
        ("restart = 'never'\n", 3, "no xend understands"),
        ("on_reboot = 'dance'\n", 3, "which xend does not know"),
        ("for i in (1, 2):\n  memory = i\n", 3, "is set by code in line 3"),
        ("import socket\nname = socket.gethostname()\n", 4, "name depends on socket"),
        ("builder = 'plan9'\n", 3, "does not exist"),
        ("name = 'a b'\n", 3, "cannot be the name"),
        ("uuid = 'x'\n", 3, "no UUID"),
        ("extra = 'a\\0b'\n", 1, "NUL"),
        ("disk = ['file:/a\\nb,xvda,w']\n", 1, "newline"),
    ],
)
def test_what_cannot_be_carried_over_is_refused_with_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(NotImported) as refusal:
        convert(PV + text, "old.cfg", "old.cfg")
    remark = next(each for each in refusal.value.remarks if reason in each.sentence)
    assert remark.kind == "refused"
    assert remark.place.line == line
    assert str(remark).startswith(f"old.cfg:{line}:")


def test_every_reason_is_told_at_once() -> None:
    with pytest.raises(NotImported) as refusal:
        convert("name = 'a b'\nmemory = 0\ndisk = ['x', 'y']\n", "f", "f")
    assert len(refusal.value.remarks) == 5


LOSSES = [
    *(
        "vcpu_avail = 1",
        "on_xend_start = 'start'",
        "fda = '/a'",
        "vif = ['mac=zz']",
        "vif = ['policy=a']",
        "vncviewer = 1",
    ),
    *("vif = ['rate=fast']", "disk = ['file:/a,xvda,w!']", "disk = ['tap:ram:/a,xvda,w']", "disk = ['file:a,xvda,w']"),
    *("disk = ['http:/a,xvda,w']", "ramdisk = 'i'", "localtime = 'yes'", "vfb = ['type=vnc,monitor=x']"),
]


@pytest.mark.parametrize("line", LOSSES)
def test_what_is_lost_is_told(line: str) -> None:
    imported = convert(PV + line + "\n", "f", "f")
    assert [each.place.line for each in imported.remarks if each.kind == "lost"] == [3]


def test_what_means_the_same_stays_to_the_byte() -> None:
    text = "# head\n\nname='g'   # tail\nkernel  =  \"/k\"\nmemory=64;vcpus=2\ncpus='0-3,^1'\nvif=['bridge=a']  \n"
    imported = convert(text, "f", "f")
    assert imported.text.startswith(text)


def test_marks_of_other_systems_disappear() -> None:
    imported = convert("\ufeffname = 'g'\r\nkernel = '/k'\r\n# b\udcfcro", "f", "f")
    assert imported.text.startswith("name = 'g'\nkernel = '/k'\n# b\udcfcro\n")
    assert len([each for each in imported.remarks if each.place.line == 1 and "is new" not in each.sentence]) == 2
    assert any("not UTF-8" in each.sentence for each in imported.remarks)


def test_letters_without_a_coding_line_are_told() -> None:
    for head, told in (("", True), ("# -*- coding: utf-8 -*-\n", False), ("\ufeff", False)):
        remarks = convert(f"{head}{PV}# Büro\n", "f", "f").remarks
        assert any("coding line" in each.sentence for each in remarks) is told


def test_what_cannot_be_mended_is_written_anew() -> None:
    imported = convert("name = 'g'\n\f\nkernel = '/k' \\\n\n", "f", "f")
    assert imported.text.startswith("# name = 'g'\n")
    assert load_xl.load(imported.text, "f").guest.kernel == "/k"
    assert any("layout" in each.sentence for each in imported.remarks)


def test_secrets_are_kept_and_not_told() -> None:
    for text in (HVM + "vnc=1\nvncpasswd = 'geh' + 'eim'\n", PV + "vfb = ['type=vnc,vncpasswd=geheim']\n"):
        imported = convert(text, "f", "f")
        assert imported.secret
        assert imported.guest.vnc.password == "geheim"
        assert not re.search("geheim|'geh'", "".join(map(str, imported.remarks)))
        assert "geheim" not in repr(imported.guest)
    assert not convert(PV, "f", "f").secret


SETTINGS = st.sampled_from([*OLD_LINES, "extra = 'a' \\\n 'b'", "if 0:\n  pass", "note = '''a\nb'''"])


@settings(max_examples=400)
@given(st.lists(SETTINGS, max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_whatever_is_imported_means_the_same_or_the_difference_is_told(lines: list[str], end: str) -> None:
    text = "kernel = '/k'\n" + "\n".join(lines) + "\n"
    try:
        imported = convert(text.replace("\n", end), "f", "f")
    except (BadSyntax, NotImported):
        return
    old = load_xm.load(understand(modern_lines(text, "f", []), "f"), "f").guest
    new = load_xl.load(imported.text, "f")
    told = [each.sentence for each in imported.remarks if each.kind == "lost"]
    assert differences(old, new.guest) == [] or told
    assert not [each for each in new.remarks if "list" in each.sentence or "number" in each.sentence]
    again = load_xl.load(imported.text, "f").guest
    assert again == imported.guest


@settings(max_examples=200)
@given(st.text(max_size=60) | st.lists(SETTINGS, max_size=4).map("\n".join), st.integers(0, 60))
def test_no_input_makes_an_import_crash(text: str, cut: int) -> None:
    with contextlib.suppress(BadSyntax, NotImported):
        load_xl.load(convert(text[:cut], "f", "f").text, "f")

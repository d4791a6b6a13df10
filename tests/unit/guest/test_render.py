# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""New guests come out of templates as they should, whatever their values and whoever wrote the template."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import PROJECT, Check
from univention_xen.errors import XenError
from univention_xen.guest import load_xl
from univention_xen.guest.cfg import Cfg
from univention_xen.guest.model import Disk, Guest, Vif, Vnc, differences
from univention_xen.guest.render import render
from univention_xen.guest.tags import follow

SHIPPED = (str(PROJECT / "ucr-templates" / "guest"),)
TAGS = {"vnclisten": "xen/vnc/listen", "vif": "xen/bridge/name"}
DISKS = (Disk("/var/lib/xen/web/disk.img", "xvda"),)
CARDS = (Vif("00:16:3e:12:34:56", "xenbr0"),)
XP = (Disk("/var/lib/xen/winxp/disk.img", "hda"), Disk("/iso/xp.iso", "hdc", "r", True))
GUESTS = {
    "hvm": Guest("winxp", "hvm", 1024, 1024, 2, XP, CARDS, boot="dc", vnc=Vnc(True)),
    "pv": Guest("web", "pv", 512, 512, 1, DISKS, CARDS, bootloader="pygrub", on_crash="restart"),
    "pvh": Guest(
        "web", "pvh", 512, 1024, 2, DISKS, CARDS, kernel="/boot/vmlinuz", ramdisk="/boot/initrd.img",
        cmdline="root=/dev/xvda1 ro console=hvc0", vnc=Vnc(True, display=4),
    ),
    "pv-installer": Guest(
        "web", "pv", 512, 512, 1, DISKS, CARDS, kernel="/var/lib/xen/web/linux", ramdisk="/var/lib/xen/web/initrd.gz",
        cmdline="console=hvc0", on_reboot="destroy",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", GUESTS)
def test_each_kind_of_guest(kind: str, golden: Check) -> None:
    golden(f"guest/new-{kind}.cfg", render(GUESTS[kind], template=f"{kind}.cfg.j2", tags=TAGS, directories=SHIPPED))


def test_tagged_lines_follow_their_variable() -> None:
    for kind in ("hvm", "pvh"):
        cfg = Cfg(render(GUESTS[kind], tags=TAGS, directories=SHIPPED))
        changed = follow(follow(cfg, "xen/vnc/listen", "vnclisten", "192.0.2.1"), "xen/bridge/name", "bridge", "br9")
        guest = load_xl.load(str(changed), "x").guest
        assert (guest.vnc.listen, guest.vifs[0].bridge) == ("192.0.2.1", "br9")
        assert len(str(changed).splitlines()) == len(str(cfg).splitlines())


MINE = "# mine\nname = {{ guest.name }}\nkernel = {{ guest.kernel }}\nmemory = {{ guest.memory }}\n"


def test_the_administrators_template_wins_and_cannot_break_the_quotes(tmp_path: Path) -> None:
    (tmp_path / "pv.cfg.j2").write_text(
        "# mine\nname = {{ guest.name }}\nkernel = {{ guest.kernel }}\nmemory = {{ guest.memory }}\n"
    )
    evil = Guest('x"\n]\nkernel = "/evil', "pv", 64, 64, kernel="/k")
    text = render(evil, directories=(str(tmp_path), *SHIPPED))
    assert text.startswith("# mine\n")
    assert load_xl.load(text, "x").guest == evil


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ nothing }}", "does not work"),
        ("{% if %}", "pv.cfg.j2:1 does not work"),
        ("name = {{ guest }}", "cannot write a Guest"),
        ("name = 'a", "pv.cfg.j2:1:8"),
        ("name = 'a'\n", "xl would refuse"),
        ("name = {{ guest.name }}\nkernel = '/k'\n", "of memory, which should be 64"),
        ("{{ 1 // 0 }}", "does not work"),
        ("{{ guest.nothing }}", "does not work"),
        ("{% include 'none' %}", "there is no template none"),
    ],
)
def test_a_template_that_does_not_work_is_one_sentence(template: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "pv.cfg.j2").write_text(template)
    with pytest.raises(XenError, match=reason):
        render(Guest("x", "pv", 64, 64, kernel="/k"), directories=(str(tmp_path),))


@pytest.mark.parametrize("more", [{"a\nb": 1}, {"": 1}, {"A": 1}])
def test_further_settings_have_names_that_xl_reads(more: dict[str, int]) -> None:
    with pytest.raises(XenError, match="cannot be the name"):
        render(GUESTS["pv"], directories=SHIPPED, more=dict(more))


@pytest.mark.parametrize("value", ["a,b", "a\nb"])
def test_what_cannot_be_written_is_refused(value: str) -> None:
    with pytest.raises(XenError, match="cannot stand in"):
        render(replace(GUESTS["pv"], vifs=(Vif(bridge=value),)), directories=SHIPPED)


TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=20)


@settings(max_examples=100, deadline=None)
@given(
    TEXT,
    TEXT,
    TEXT,
    st.sampled_from(["pv", "pvh"]),
    st.dictionaries(st.sampled_from(["pci", "localtime"]), TEXT, max_size=1),
)
def test_no_value_breaks_out(name: str, path: str, cmdline: str, kind: str, more: dict[str, str]) -> None:
    guest = Guest(name, kind, 64, 64, disks=(Disk("/" + path, "xvda"),), kernel="/" + path, cmdline=cmdline.strip(" "))
    made = load_xl.load(render(guest, directories=SHIPPED, more=dict(more)), "x")
    assert differences(guest, made.guest) == []
    assert {each.name for each in made.assignments} - set(more) <= {
        "name", "type", "kernel", "cmdline", "memory", "vcpus", "disk", "on_poweroff", "on_reboot", "on_crash",
    }  # fmt: skip

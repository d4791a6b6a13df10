# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The real xl 4.17 reads imported and rendered guest files, and finds in any file what our reader finds.

Needs xen-utils-4.17 and a C compiler: xl asks a hypervisor before it reads, and a small library answers instead.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from conftest import PROJECT, recorded
from guest_meanings import OLD_LINES, comparable, from_xl
from univention_xen.errors import UsageError
from univention_xen.guest import change, load_xl, twin
from univention_xen.guest.cfg import Cfg
from univention_xen.guest.convert import NotImported, convert
from univention_xen.guest.model import Disk, Guest, Vif, Vnc, differences
from univention_xen.guest.render import render
from univention_xen.guest.words import BadSyntax, CannotRun
from univention_xen.toolstack import examples

pytestmark = pytest.mark.tools

XL = "/usr/lib/xen-4.17/bin/xl"
SHIPPED = (str(PROJECT / "ucr-templates" / "guest"),)


class Answer(NamedTuple):
    """What xl made of a file; *guest* is None when it refused."""

    guest: Guest | None
    messages: str


Ask = Callable[[str], Answer]


@pytest.fixture(scope="module")
def xl(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Ask the real xl what it makes of the text of a guest file."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not (compiler and Path(XL).exists()):
        pytest.skip("needs xen-utils-4.17 and a C compiler")
    directory = tmp_path_factory.mktemp("xl")
    library = directory / "xl_without_xen.so"
    source = Path(__file__).with_name("xl_without_xen.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, source], check=True)

    def ask(text: str) -> Answer:
        file = directory / "guest"
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
        run = subprocess.run(
            [XL, "create", "-n", file], env={"LD_PRELOAD": str(library)}, capture_output=True, check=False
        )
        messages = run.stderr.decode("utf-8", "replace").replace(f"Parsing config from {file}\n", "")
        if run.returncode:
            return Answer(None, messages)
        return Answer(from_xl(json.loads(run.stdout.decode("utf-8", "surrogateescape"))), messages)

    return ask


def test_the_stand_in_for_xen_is_good_enough(xl: Ask) -> None:
    for record in recorded("xl-guest.json")["records"]:
        answer = xl(record["text"])
        assert (answer.guest is not None) == record["xl"]["accepted"], record["id"]
        if answer.guest:
            assert answer.guest == from_xl(record["xl"]["config"]) or "<mac>" in str(record["xl"]["config"])


def test_every_imported_file_is_read_by_xl_as_by_us_and_without_a_warning(xl: Ask) -> None:
    imported = 0
    for record in recorded("xm-guest.json")["records"]:
        try:
            new = convert(record["text"], record["id"], record["id"])
        except (BadSyntax, NotImported):
            continue
        answer = xl(new.text)
        assert answer.guest, answer.messages + new.text
        assert answer.guest == comparable(new.guest), new.text
        assert not answer.messages.strip() or "timer_mode" in answer.messages, answer.messages
        imported += 1
    assert imported > 140


def test_random_old_files_become_what_xl_reads_without_a_warning(xl: Ask) -> None:
    dice = random.Random(324)
    imported = 0
    for _ in range(300):
        text = "kernel = '/k'\n" + "\n".join(dice.choices(OLD_LINES, k=dice.randrange(1, 12))) + "\n"
        try:
            new = convert(text, "old", "old")
        except (BadSyntax, NotImported):
            continue
        answer = xl(new.text)
        assert answer.guest == comparable(new.guest), answer.messages + new.text
        assert not re.sub(r"WARNING: specifying \"t(imer|sc)_mode\" as an integer.*\n", "", answer.messages), new.text
        imported += 1
    assert imported > 150


ODD = """
timer_mode=1|timer_mode=9|timer_mode="x"|timer_mode="no_delay_for_missed_ticks"|tsc_mode=9|tsc_mode="native"|vga="x"|vga="qxl"|bios="x"
bios="ovmf"|device_model_version="x"|device_model_version="qemu-xen"|on_watchdog="x"|cpus="9-"|cpus="0-3,^1"|cpus="all"|cpus="nodes:0"
cpus=["a"]|ioports=["zz"]|ioports=["2f8"]|irqs=["x"]|irqs=[7]|pci=["x"]|pci=["01:00.0"]|pci=["0000:01:00.1@5,msitranslate=1"]|hdtype="x"
vtpm=["x"]|vtpm=["backend=b"]|ms_vm_genid="x"|ms_vm_genid="generate"|vif2=["x"]|uuid="x"|vcpus=4;maxvcpus=2|name=5|boot=""|vnc="x"
"""


@pytest.mark.parametrize("kind", ["hvm", "pv", "pvh"])
def test_odd_settings_are_refused_or_taken_as_xl_does(xl: Ask, kind: str) -> None:
    for setting in re.split(r"[|\n]", ODD.strip()):
        compare(xl, f'name = "x"\nkernel = "/k"\ntype = "{kind}"\n{setting}\n')


NASTY = [
    *('"', "'", "\\", "a\\", "#", "]", '"]\nname = "evil"', "$(id)", "`id`", "ü"),
    *("{{ 7*7 }}", "{% x %}", "a=b,c", " ", "%s"),
]


@pytest.mark.parametrize("kind", ["hvm", "pv", "pvh"])
def test_rendered_guests_mean_to_xl_what_they_should(xl: Ask, kind: str) -> None:
    for nasty in ("plain", *NASTY):
        path = "/images/" + nasty.replace("\n", " ")
        guest = Guest(
            nasty, kind, 512, 1024, 2,
            (Disk(path, "xvda"), Disk("/b.qcow2", "xvdb", "r", format="qcow2"), Disk("", "xvdc", "r", True, "empty")),
            (Vif("00:16:3e:00:00:01", "br0"), Vif()),
            boot="dc" if kind == "hvm" else "",
            kernel="" if kind == "hvm" else "/boot/" + nasty,
            cmdline="" if kind == "hvm" else f"root=/dev/xvda {nasty}".strip(),
            vnc=Vnc(True, "127.0.0.1", 3, False), on_crash="restart",
        )  # fmt: skip
        answer = xl(render(guest, tags={"vnclisten": "xen/vnc/listen"}, directories=SHIPPED))
        assert answer.guest, answer.messages
        assert differences(guest, answer.guest) == []


@pytest.mark.parametrize("name", examples.EXAMPLES)
def test_shipped_examples_mean_to_xl_what_they_should(xl: Ask, name: str) -> None:
    answer = xl(examples.text(name, SHIPPED))
    assert answer.guest, answer.messages
    assert not answer.messages
    assert differences(examples.EXAMPLES[name].guest, answer.guest) == []


PIECES = [
    *(
        'name = "x"',
        'type = "pv"',
        'type = "hvm"',
        'kernel = "/k"',
        "memory = 64",
        "memory = 010",
        "vcpus = 2",
        "vnc = 1",
    ),
    *("\n", "\n", "\n", ";", " ", "\t", "# c\n", "[", "]", "[ ", ",", '"a"', "'b'", "x = ", "extra", " += ", "= ", "5"),
    *(
        "0x1f",
        '"\\n"',
        '"\\101x"',
        '"\\q"',
        '"unclosed',
        "disk = ",
        "vif = ",
        '"/a,raw,xvda,w"',
        '"bridge=b"',
        "é",
        "\r",
    ),
    *("Big = 1", "-1", "'''"),
]


def test_random_files_are_refused_or_understood_as_xl_does(xl: Ask) -> None:
    dice = random.Random(417)
    for _ in range(400):
        text = 'name = "x"\nkernel = "/k"\n' + "".join(dice.choice(PIECES) for _ in range(dice.randrange(1, 12)))
        compare(xl, text)


WORDS = [
    *(
        "/a",
        "raw",
        "qcow2",
        "xvda",
        "w",
        "r",
        "rw",
        "",
        "hdc:cdrom",
        "ioemu:",
        "file:",
        "phy:",
        "tap:aio:",
        "nbd:",
        "foo:",
    ),
    *("target=", "vdev=", "format=", "access=", "cdrom", "devtype=cdrom", "backend=d", "script=s", "a=b", "discard"),
    *("empty", ":", "x", " ", "xvdb"),
]


def test_random_disks_are_refused_or_understood_as_xl_does(xl: Ask) -> None:
    dice = random.Random(1747)
    for _ in range(400):
        fields = ["".join(dice.choices(WORDS, k=dice.choice((1, 1, 1, 2)))) for _ in range(dice.randrange(1, 6))]
        compare(xl, f'name = "x"\nkernel = "/k"\ndisk = [ "{",".join(fields)}" ]\n')


KEYS = [
    *("mac=00:16:3e:00:00:01", "bridge=b", "bridge=", "model=e1000", "type=ioemu", "type=vif", "type=x", "ip=1 2"),
    *("rate=1Mb/s", "rate=x", " ", "", "foo", "script=s", "vifname=v", "backend=d", "mtu=9", "accel=1", " bridge=c"),
]


def test_random_network_cards_are_refused_or_understood_as_xl_does(xl: Ask) -> None:
    dice = random.Random(99)
    for _ in range(200):
        card = ",".join(dice.choice(KEYS) for _ in range(dice.randrange(4)))
        compare(xl, f'name = "x"\nkernel = "/k"\nvif = [ "{card}" ]\n')


HAND_WRITTEN = """\
# the web server
name = 'web' ; type = "hvm"
memory = 512
disk = [ "/var/lib/xen/web/a.img,raw,hda,w",  # system
         'format=qcow2, vdev=hdb, access=rw, target=/var/lib/xen/web/b c.qcow2' ]
disk += [ "file:/var/lib/xen/web/c.img,hdc:cdrom,r" ]
vif = [ "mac=00:16:3e:00:00:01, bridge=br0,vifname=w0", "bridge=br1" ]
vnc = 1
vnclisten = "127.0.0.1"  # ucr: xen/vnc/listen
vncdisplay = 3; vncunused = 0
uuid = "11111111-1111-1111-1111-111111111111"
"""


def test_what_is_set_by_hand_is_what_xl_reads(xl: Ask) -> None:
    words = ["memory=1024", "vcpus=2", "on_crash=preserve", "vnclisten=::1", "vif=bridge=x", "vif=", "boot=d"]
    text = str(change.changed(Cfg(HAND_WRITTEN), change.parse(words), ["uuid", "vncdisplay"]))
    answer = xl(text)
    assert answer.guest, answer.messages
    assert answer.guest == comparable(load_xl.load(text, "web").guest)
    guest = answer.guest
    assert (guest.memory, guest.vcpus, guest.on_crash, guest.boot) == (1024, 2, "preserve", "d")
    assert guest.vnc.listen == "::1"


ODD_WORDS = [*ODD.replace('"', "").strip().replace("\n", "|").split("|"), "vnc=1", "boot=c", "acpi=0", "vnclisten=::1"]


@pytest.mark.parametrize("word", ODD_WORDS)
def test_what_xl_refuses_cannot_be_set(xl: Ask, word: str) -> None:
    try:
        values = change.parse(word.split(";"))
    except UsageError:
        return
    text = str(change.changed(Cfg(HAND_WRITTEN), values))
    refused = change.refusals(HAND_WRITTEN, text, "web", values)
    assert refused or xl(text).guest is not None, text


def test_clones_and_renamed_guests_are_what_xl_reads(xl: Ask) -> None:
    paths = {"/var/lib/xen/web/a.img": "/new/a.img", "/var/lib/xen/web/b c.qcow2": "/new/b c.qcow2"}
    other = twin.Twin("shop", lambda: "00:16:3e:00:00:02", "22222222-2222-2222-2222-222222222222", paths, 4)
    copy = xl(str(twin.cloned(Cfg(HAND_WRITTEN), other))).guest
    assert copy
    assert (copy.name, copy.vnc.display) == ("shop", 4)
    assert sorted(disk.path for disk in copy.disks) == ["/new/a.img", "/new/b c.qcow2", "/var/lib/xen/web/c.img"]
    assert copy.vifs[0].mac == "00:16:3e:00:00:02"
    moved = xl(str(twin.renamed(Cfg(HAND_WRITTEN), "shop", "/var/lib/xen/web", "/var/lib/xen/shop"))).guest
    assert moved
    assert {disk.path.rpartition("/")[0] for disk in moved.disks} == {"/var/lib/xen/shop"}
    assert moved.name == "shop"


def compare(xl: Ask, text: str) -> None:
    """Fail unless xl and we refuse *text* alike or understand it alike."""
    answer = xl(text)
    if answer.guest is None:
        with pytest.raises((BadSyntax, CannotRun)):
            load_xl.load(text, answer.messages)
    else:
        assert comparable(load_xl.load(text, "guest").guest) == answer.guest, repr(text)

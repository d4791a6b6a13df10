# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Settings are changed, guests cloned, renamed and removed: completely, or not at all, or by the second try."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from conftest import Check, FakeRunner
from univention_xen.errors import CommandFailed, ToolMissing, UsageError, XenError
from univention_xen.guest import load_xl
from univention_xen.guest.model import Guest
from univention_xen.image.look import Image
from univention_xen.image.users import User
from univention_xen.plan import Machine, Plan
from univention_xen.run import Done
from univention_xen.toolstack import (
    belongings,
    clone_guest,
    edit_guest,
    listing,
    new_guest,
    remove_guest,
    rename_guest,
    set_guest,
    snapshot,
)
from univention_xen.toolstack.domain import Domain
from univention_xen.toolstack.xl import Xl, Xm

Output = pytest.CaptureFixture[str]
WEB = """\
# the web server
name   = "web"   # as in DNS
type = "hvm"
memory = 512 ; vcpus = 2
disk = [
    "format=raw,vdev=hda,access=rw,target=/var/lib/xen/web/web.img",   # system
    '/srv/extra.img,raw,hdb,w',
    '/srv/cd.iso,raw,hdc,r',
]
vif = [ "mac=00:16:3e:00:00:01,bridge=xenbr0,vifname=web0", "" ]  # ucr: xen/bridge/name
vnc = 1
vnclisten = "127.0.0.1"  # ucr: xen/vnc/listen
vncunused = 0
vncdisplay = 3
serial = "file:/var/lib/xen/web/serial.log"
uuid = "11111111-1111-1111-1111-111111111111"
note_of_mine = "web"
"""


class Runner(FakeRunner):
    """Answers what qemu-img says of raw images."""

    def __call__(self, *argv: str | os.PathLike[str], stdin: str = "", ok: object = (0,)) -> Done:
        words = [os.fspath(word) for word in argv]
        if words[:2] == ["qemu-img", "info"] and words[-1] not in self.answers:
            told = {"format": "raw", "virtual-size": os.stat(words[-1]).st_size}
            return Done(tuple(words), 0, json.dumps(told), "")
        if words[-1] in self.answers:
            return Done(tuple(words), 0, str(self.answers[words[-1]]), "")
        return super().__call__(*argv, stdin=stdin)  # type: ignore[no-any-return]


def make(root: Path) -> Machine:
    """Return a machine with the guest web: two images, a CD, a log, and a link for autostart."""
    for path in ("etc/xen/auto", "srv", "var/lib/xen/web"):
        (root / path).mkdir(parents=True)
    for path in ("var/lib/xen/web/web.img", "srv/extra.img"):
        (root / path).write_text(f"data of {path}")
        os.truncate(root / path, 1 << 20)
    (root / "srv/cd.iso").touch()
    (root / "etc/xen/web.cfg").write_text(WEB)
    (root / "etc/xen/auto/web.cfg").symlink_to("/etc/xen/web.cfg")
    return Machine(root, Runner())  # type: ignore[arg-type]


@pytest.fixture
def on(tmp_path: Path) -> Machine:
    return make(tmp_path)


@pytest.fixture(autouse=True)
def nobody_has_images_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("univention_xen.image.users.users", lambda *_: [])


@pytest.fixture(autouse=True)
def copies_of_editors(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("copies")))


def runs(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(belongings, "domain", lambda name, *_: Domain(name, 1, "running") if name in names else None)


def guest(on: Machine, name: str) -> Guest:
    return load_xl.load(on.read(f"/etc/xen/{name}.cfg"), name).guest


def tree(on: Machine) -> dict[str, str]:
    """Return everything below the root: text of files, targets of links; addresses and UUIDs are no matter."""
    found = {}
    for path in sorted(on.root.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(on.root))] = "-> " + os.readlink(path)
        elif path.is_file():
            text = path.read_text().rstrip("\0")
            found[str(path.relative_to(on.root))] = "\n".join(
                line for line in text.split("\n") if not line.startswith(("uuid", "vif"))
            )
        elif not os.listdir(path):
            found[str(path.relative_to(on.root))] = "empty"
    return found


# --- set


def setting(on: Machine, *words: str, unset: tuple[str, ...] = ()) -> Plan:
    return set_guest.plan("web", words, unset, Xl(), on)


def test_one_setting_changes_and_nothing_else(on: Machine) -> None:
    setting(on, "memory=2G").carry_out(on)
    assert on.read("/etc/xen/web.cfg") == WEB.replace("512", "2048")
    assert setting(on, "memory=2048").reason == "/etc/xen/web.cfg says so already"
    setting(on, "memory=512", unset=("vcpus",)).carry_out(on)
    assert on.read("/etc/xen/web.cfg") == WEB.replace("vcpus = 2", "")


@pytest.mark.parametrize(
    "word", ["memmory=1", "vga=odd", "kernel=/k", "on_crash=x", "disk=nothing", "uuid=5", "vnclisten=::1"]
)
def test_what_xl_refuses_or_ignores_is_refused(on: Machine, word: str) -> None:
    with pytest.raises(XenError, match=r"web\.cfg stays as it is"):
        setting(on, word)


@pytest.mark.parametrize("words", [[], ["name=x"], ["memory=1.5K"], ["memory"]])
def test_what_makes_no_sense_is_wrong_usage(on: Machine, words: list[str]) -> None:
    with pytest.raises(UsageError):
        setting(on, *words)


def test_a_broken_file_can_be_mended(on: Machine) -> None:
    on.path("/etc/xen/web.cfg").write_text(WEB.replace('"hvm"', '"pv"'))
    setting(on, "kernel=/k").carry_out(on)
    assert guest(on, "web").kernel == "/k"


def test_what_the_check_finds_is_told(on: Machine, capsys: Output) -> None:
    setting(on, "disk=/srv/none.img,raw,hda,w").carry_out(on)
    said = capsys.readouterr().err
    assert "W: the image /srv/none.img does not exist" in said
    assert "vncpasswd" not in said


def test_a_password_is_never_shown_and_makes_the_file_private(on: Machine, capsys: Output) -> None:
    plan = setting(on, "vncpasswd=ge,heim")
    assert "heim" not in str(plan)
    plan.carry_out(on)
    assert stat.S_IMODE(on.path("/etc/xen/web.cfg").stat().st_mode) == 0o600
    said = capsys.readouterr().err
    assert "cannot ask for a VNC password" in said
    assert "heim" not in said
    assert "heim" not in str(setting(on, "vncpasswd=other"))


def test_a_tag_goes_and_a_running_guest_is_named(on: Machine, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    runs(monkeypatch, "web")
    setting(on, "vnclisten=192.0.2.1").carry_out(on)
    said = capsys.readouterr().err
    assert "it does not follow xen/vnc/listen any more" in said
    assert "web runs, and sees the change after its next start" in said
    assert 'vnclisten = "192.0.2.1"\n' in on.read("/etc/xen/web.cfg")


def test_a_file_that_changed_meanwhile_is_left_alone(on: Machine) -> None:
    plan = setting(on, "memory=1G")
    on.path("/etc/xen/web.cfg").write_text(WEB + "# mine\n")
    with pytest.raises(XenError, match="somebody else has changed"):
        plan.carry_out(on)
    assert on.read("/etc/xen/web.cfg") == WEB + "# mine\n"


def test_a_file_for_xm_is_edited_too(on: Machine) -> None:
    on.path("/etc/xen/old.cfg").write_text("name = 'old'\nkernel = '/k'\nn = 2\nmemory = 64\nvcpus = n\n")
    set_guest.plan("old", ["memory=128"], (), Xm(), on).carry_out(on)
    assert on.read("/etc/xen/old.cfg") == "name = 'old'\nkernel = '/k'\nn = 2\nmemory = 128\nvcpus = n\n"
    with pytest.raises(XenError, match="computed"):
        set_guest.plan("old", ["vcpus=1"], (), Xm(), on)
    with pytest.raises(XenError, match="xm does not know cmdline"):
        set_guest.plan("old", ["cmdline=x"], (), Xm(), on)


# --- clone


def test_a_clone_differs_where_it_must(on: Machine, capsys: Output) -> None:
    clone_guest.plan("web", "shop", Xl(), on).carry_out(on)
    web, shop = guest(on, "web"), guest(on, "shop")
    assert [disk.path for disk in shop.disks] == [
        "/var/lib/xen/shop/shop.img", "/var/lib/xen/shop/extra.img", "/srv/cd.iso",
    ]  # fmt: skip
    assert on.path("/var/lib/xen/shop/shop.img").read_bytes() == on.path("/var/lib/xen/web/web.img").read_bytes()
    assert on.path("/var/lib/xen/shop/extra.img").read_bytes() == on.path("/srv/extra.img").read_bytes()
    assert sorted(os.listdir(on.path("/var/lib/xen/shop"))) == ["extra.img", "shop.img"]
    assert sorted(os.listdir(on.path("/var/lib/xen"))) == ["shop", "web"]
    assert shop.vifs[0].mac.startswith("00:16:3e:")
    assert shop.vifs[0].mac != web.vifs[0].mac
    assert shop.vifs[0].options == ()  # the name of a card on the host cannot be there twice
    assert shop.vifs[1].mac == ""
    assert shop.uuid not in ("", web.uuid)
    assert (shop.vnc.display, shop.memory) == (4, 512)
    assert 'note_of_mine = "web"' in on.read("/etc/xen/shop.cfg")
    assert "inside, shop is still web" in capsys.readouterr().err
    clone_guest.plan("web", "third", Xl(), on).carry_out(on)
    assert guest(on, "third").vnc.display == 5


def test_the_dry_run_of_a_clone(on: Machine, golden: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_guest.secrets, "randbits", lambda _bits: 5)
    monkeypatch.setattr(clone_guest.uuid, "uuid4", lambda: "22222222-2222-2222-2222-222222222222")
    monkeypatch.setattr(clone_guest, "look_at", lambda *_, **__: Image("/image", "raw", 1 << 20, 512))
    golden("toolstack/clone", str(clone_guest.plan("web", "shop", Xl(), on)).replace(str(on.root), "") + "\n")


def test_a_private_file_stays_private(on: Machine) -> None:
    on.path("/etc/xen/web.cfg").write_text(WEB + 'vncpasswd = "geheim"\n')
    plan = clone_guest.plan("web", "shop", Xl(), on)
    assert "geheim" not in str(plan)
    plan.carry_out(on)
    assert stat.S_IMODE(on.path("/etc/xen/shop.cfg").stat().st_mode) == 0o600


def test_a_clone_of_what_runs_or_is_taken_is_refused(on: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tree(on)
    on.path("/var/lib/xen/full").mkdir()
    on.path("/var/lib/xen/full/disk1.img").write_text("precious")
    for name, why in (("web", "there already"), ("full", "not empty"), ("a/b", "cannot be the name")):
        with pytest.raises(XenError, match=why):
            clone_guest.plan("web", name, Xl(), on)
    runs(monkeypatch, "web")
    with pytest.raises(XenError, match="web is running, so it cannot be cloned"):
        clone_guest.plan("web", "shop", Xl(), on)
    assert tree(on) == before | {"var/lib/xen/full/disk1.img": "precious"}


def test_a_running_guest_that_only_reads_can_be_cloned(on: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(monkeypatch, "live")
    on.path("/etc/xen/live.cfg").write_text('name="live"\ntype="hvm"\ndisk=["/srv/cd.iso,raw,hda,r"]\n')
    clone_guest.plan("live", "live2", Xl(), on).carry_out(on)
    assert guest(on, "live2").disks == guest(on, "live").disks
    assert not on.path("/var/lib/xen/live2").exists()


@pytest.mark.parametrize("disk", ["/dev/null,raw,xvda,w", "vdev=xvda,script=block-nbd,target=x"])
def test_devices_are_not_copied(on: Machine, disk: str) -> None:
    on.path("/dev").mkdir()
    on.path("/dev/null").symlink_to("/dev/null")
    on.path("/etc/xen/dev.cfg").write_text(f'name="dev"\ntype="hvm"\ndisk=["{disk}"]\n')
    with pytest.raises(XenError, match="only image files are copied"):
        clone_guest.plan("dev", "dev2", Xl(), on)


def done(on: Machine, whole: Machine) -> bool:
    return tree(on) == tree(whole)


def killed_after(root: Path, plan: Callable[[Machine], Plan]) -> None:
    """Fail unless a second try completes what any number of steps has begun."""
    whole = make(root / "whole")
    steps = plan(whole).steps
    plan(whole).carry_out(whole)
    assert len(steps) > 4
    for number in range(len(steps)):
        on = make(root / f"after{number}")
        for step in plan(on).steps[:number]:
            step.apply(on)
        last = number == len(steps) - 1  # all may have been done then, and only be told
        with pytest.raises(XenError) if last and done(on, whole) else nullcontext():
            plan(on).carry_out(on)
        assert tree(on) == tree(whole), f"after {number} steps"


def test_a_clone_that_was_killed_is_completed_by_a_second_try(tmp_path: Path) -> None:
    killed_after(tmp_path, lambda on: clone_guest.plan("web", "shop", Xl(), on))


def test_a_clone_that_fails_leaves_nothing(on: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tree(on)
    room = iter([1 << 30, 0])
    monkeypatch.setattr("univention_xen.image.copies.room", lambda _directory: next(room))
    os.truncate(on.path("/srv/extra.img"), 0)
    on.path("/srv/extra.img").write_text("data of srv/extra.img")
    with pytest.raises(XenError, match="the copy needs"):
        clone_guest.plan("web", "shop", Xl(), on).carry_out(on)
    assert tree(on) == before


def test_what_a_killed_copy_has_left_goes(on: Machine) -> None:
    workshop = on.path("/var/lib/xen/.shop.clone")
    workshop.mkdir()
    (workshop / ".shop.img.99999999.01234567").write_text("half")
    clone_guest.plan("web", "shop", Xl(), on).carry_out(on)
    assert not workshop.exists()


# --- rename


def test_a_renamed_guest_is_the_same(on: Machine) -> None:
    before = guest(on, "web")
    rename_guest.plan("web", "shop", Xl(), on).carry_out(on)
    after = guest(on, "shop")
    assert (after.name, after.uuid, after.vifs, after.vnc) == ("shop", before.uuid, before.vifs, before.vnc)
    assert [disk.path for disk in after.disks] == ["/var/lib/xen/shop/web.img", "/srv/extra.img", "/srv/cd.iso"]
    text = on.read("/etc/xen/shop.cfg")
    assert text == WEB.replace('"web"   #', '"shop"   #').replace("/var/lib/xen/web/", "/var/lib/xen/shop/")
    assert tree(on).keys() == {
        "etc/xen/shop.cfg", "etc/xen/auto/shop.cfg", "var/lib/xen/shop/web.img", "srv/extra.img", "srv/cd.iso",
    }  # fmt: skip
    assert os.readlink(on.path("/etc/xen/auto/shop.cfg")) == "/etc/xen/shop.cfg"
    with pytest.raises(XenError, match="there is no guest web"):
        rename_guest.plan("web", "shop", Xl(), on)
    assert rename_guest.plan("shop", "shop", Xl(), on).reason == "the guest is called shop already"


def test_the_dry_run_of_a_rename(on: Machine, golden: Check) -> None:
    golden("toolstack/rename", str(rename_guest.plan("web", "shop", Xl(), on)) + "\n")


def test_a_rename_that_was_killed_is_completed_by_a_second_try(tmp_path: Path) -> None:
    killed_after(tmp_path, lambda on: rename_guest.plan("web", "shop", Xl(), on))


def test_a_link_with_a_number_keeps_its_name(on: Machine) -> None:
    on.path("/etc/xen/auto/web.cfg").rename(on.path("/etc/xen/auto/10-first"))
    rename_guest.plan("web", "shop", Xl(), on).carry_out(on)
    assert os.listdir(on.path("/etc/xen/auto")) == ["10-first"]
    assert os.readlink(on.path("/etc/xen/auto/10-first")) == "/etc/xen/shop.cfg"


def test_mode_and_guests_without_a_directory(on: Machine) -> None:
    on.path("/etc/xen/dev.cfg").write_text('name="dev"\ntype="hvm"\nmemory=64\n')
    on.path("/etc/xen/dev.cfg").chmod(0o640)
    rename_guest.plan("dev", "dev2", Xl(), on).carry_out(on)
    assert stat.S_IMODE(on.path("/etc/xen/dev2.cfg").stat().st_mode) == 0o640
    assert on.read("/etc/xen/dev2.cfg") == 'name="dev2"\ntype="hvm"\nmemory=64\n'


def test_a_rename_that_would_harm_is_refused(on: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(name: str, why: str) -> None:
        before = tree(on)
        with pytest.raises(XenError, match=why):
            rename_guest.plan("web", name, Xl(), on)
        assert tree(on) == before

    refused("a/b", "cannot be the name")
    on.path("/srv/extra.img").unlink()
    on.path("/srv/extra.img").symlink_to("/var/lib/xen/web/web.img")
    refused("new", "/srv/extra.img leads into /var/lib/xen/web")
    on.path("/srv/extra.img").unlink()
    on.path("/etc/xen/shop.cfg").write_text('name="other"\ntype="hvm"\n')
    refused("shop", "there already")
    refused("other", "describes a guest other already")
    on.path("/var/lib/xen/full").mkdir()
    on.path("/var/lib/xen/full/x").touch()
    refused("full", "not empty")
    on.path("/etc/xen/shop.cfg").write_text('name="other"\ntype="hvm"\ndisk=["/var/lib/xen/web/web.img,raw,hda,r"]\n')
    refused("new", "other uses .*web.img too")
    on.path("/etc/xen/shop.cfg").unlink()
    on.path("/var/lib/xen/saved").mkdir()
    on.path("/var/lib/xen/saved/web").touch()
    refused("new", "memory of web is saved")
    on.path("/var/lib/xen/saved/web").unlink()
    runs(monkeypatch, "web")
    refused("new", "web is running, so it cannot be renamed")
    runs(monkeypatch, "new")
    refused("new", "a guest new is running")


@pytest.mark.parametrize(("base", "moves"), [("/var/lib/xen/q/base", False), ("base", True), ("/srv/extra.img", True)])
def test_an_image_finds_what_it_is_based_on(on: Machine, base: str, moves: bool) -> None:
    top = on.path("/var/lib/xen/q/top.qcow2")
    top.parent.mkdir()
    top.touch()
    on.path("/etc/xen/q.cfg").write_text('name="q"\ntype="hvm"\ndisk=["/var/lib/xen/q/top.qcow2,qcow2,hda,w"]\n')
    chain = json.dumps([{"filename": str(top), "backing-filename": base}, {"filename": "/var/lib/xen/q/base"}])
    machine = Machine(on.root, Runner({str(top): chain}))  # type: ignore[arg-type]
    with nullcontext() if moves else pytest.raises(XenError, match="based on"):
        rename_guest.plan("q", "new", Xl(), machine)


def test_what_xl_refuses_is_neither_cloned_nor_renamed(on: Machine) -> None:
    on.path("/var/lib/xen/old").mkdir()
    on.path("/etc/xen/old.cfg").write_text("name='old'\nkernel='/k'\ndisk=['file:/var/lib/xen/old/a,xvda,w!']\n")
    on.path("/var/lib/xen/old/a").touch()
    for plan in (clone_guest.plan, rename_guest.plan):
        with pytest.raises(XenError, match="xl refuses /etc/xen/old") as why:
            plan("old", "new", Xl(), on)
        assert "guest import" in why.value.hint


# --- remove


def removing(on: Machine, *, images: bool = True) -> Plan:
    return remove_guest.plan("web", images, Xl(), on)


def test_a_guest_goes_with_its_own_images(on: Machine, capsys: Output) -> None:
    removing(on).carry_out(on)
    assert tree(on) == {"etc/xen/auto": "empty", "srv/cd.iso": "", "var/lib/xen": "empty"}
    assert "/srv/cd.iso stays: it is only read" in capsys.readouterr().err


def test_images_stay_unless_said_otherwise(on: Machine, capsys: Output) -> None:
    removing(on, images=False).carry_out(on)
    assert tree(on).keys() == {"etc/xen/auto", "srv/cd.iso", "srv/extra.img", "var/lib/xen/web/web.img"}
    said = capsys.readouterr().err
    assert "/var/lib/xen/web/web.img stays" in said
    assert "/srv/extra.img stays" in said


@pytest.mark.parametrize(
    "text",
    ['name="b"\ntype="hvm"\ndisk=["/srv/extra.img,raw,hda,r"]\n', 'name="b"\ntype="pvh"\nkernel="/srv/extra.img"\n',
     'broken /srv/extra.img\n', 'name="b"\ntype="hvm"\ndisk=["/srv/link,raw,hda,w"]\n'],
)  # fmt: skip
def test_an_image_that_somebody_else_has_stays(on: Machine, text: str, capsys: Output) -> None:
    on.path("/srv/link").symlink_to("extra.img")
    on.path("/etc/xen/b.cfg").write_text(text)
    removing(on).carry_out(on)
    assert on.path("/srv/extra.img").exists()
    assert not on.path("/var/lib/xen/web").exists()
    assert "/srv/extra.img stays: " in capsys.readouterr().err


def test_an_image_below_somebody_elses_stays(on: Machine) -> None:
    top = on.path("/srv/top.qcow2")
    top.touch()
    on.path("/etc/xen/b.cfg").write_text('name="b"\ntype="hvm"\ndisk=["/srv/top.qcow2,qcow2,hda,w"]\n')
    chain = json.dumps([{"filename": str(top)}, {"filename": "/srv/extra.img"}])
    removing(Machine(on.root, Runner({str(top): chain}))).carry_out(on)  # type: ignore[arg-type]
    assert on.path("/srv/extra.img").exists()


def test_what_else_is_in_the_directory_stays(on: Machine, capsys: Output) -> None:
    on.path("/var/lib/xen/web/notes").write_text("mine")
    on.path("/etc/xen/web.cfg").write_text(WEB.replace("    '/srv/cd.iso,raw,hdc,r',\n", ""))
    removing(on).carry_out(on)
    assert on.path("/var/lib/xen/web/notes").read_text() == "mine"
    assert "/var/lib/xen/web stays" in capsys.readouterr().err


def test_a_removal_that_was_killed_is_completed_by_a_second_try(tmp_path: Path) -> None:
    killed_after(tmp_path, removing)


def test_neither_running_guests_nor_open_images_are_removed(on: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tree(on)
    with monkeypatch.context() as patch:
        runs(patch, "web")
        with pytest.raises(XenError, match="web is running, so it cannot be removed"):
            removing(on)
    monkeypatch.setattr("univention_xen.image.users.users", lambda *_: [User("qemu (process 5)")])
    with pytest.raises(XenError, match="in use by qemu"):
        removing(on)
    assert tree(on) == before


def test_a_toolstack_that_does_not_answer_under_xen_is_no_permission(tmp_path: Path) -> None:
    class Host(Machine):
        def read(self, path: str) -> str:
            return "xen\n" if path == "/sys/hypervisor/type" else ""

    class Broken(Xl):
        def domains(self, run: object) -> list[Domain]:
            raise CommandFailed("xl list failed", code=1)

    class Missing(Xl):
        def domains(self, run: object) -> list[Domain]:
            raise ToolMissing("no xl")

    with pytest.raises(XenError, match="whether web runs cannot be seen"):
        belongings.domain("web", Broken(), Host())
    assert belongings.domain("web", Missing(), Machine(tmp_path)) is None


def test_snapshots_keep_their_guest(on: Machine, capsys: Output) -> None:
    kept = snapshot.Snapshot("web", "monday", "2026-11-24T00:00:00Z", "off", "xl", 0, ())
    on.path(kept.place).mkdir(parents=True)
    on.path(kept.at("snapshot.json")).write_text(kept.as_json())
    with pytest.raises(XenError, match="snapshots of web, which know it by its name"):
        rename_guest.plan("web", "shop", Xl(), on)
    with pytest.raises(XenError, match="snapshots of web, which need its images"):
        removing(on)
    clone_guest.plan("web", "shop", Xl(), on).carry_out(on)
    removing(on, images=False).carry_out(on)
    assert "/var/lib/xen/snapshots/web stays" in capsys.readouterr().err
    for plan in (clone_guest.plan, rename_guest.plan):
        with pytest.raises(XenError, match="snapshots of web, which are not those of"):
            plan("shop", "web", Xl(), on)


def test_a_guest_that_is_being_installed(on: Machine, capsys: Output) -> None:
    on.path("/etc/xen/web.cfg.after-install").write_text(WEB)
    for plan in (clone_guest.plan, rename_guest.plan):
        with pytest.raises(XenError, match="web is being installed") as why:
            plan("web", "shop", Xl(), on)
        assert "finish-install" in why.value.hint
    setting(on, "memory=1G").carry_out(on)
    assert "web.cfg.after-install stays as it is" in capsys.readouterr().err
    removing(on).carry_out(on)
    assert os.listdir(on.path("/etc/xen")) == ["auto"]


# --- edit


class Editor(Runner):
    """Writes the texts, one after the other, and sees what was there."""

    def __init__(self, *texts: str) -> None:
        super().__init__()
        self.texts, self.seen, self.copy = list(texts), [], ""  # type: ignore[var-annotated]

    def foreground(self, *argv: str, advice: str = "") -> None:
        self.copy = argv[-1]
        assert stat.S_IMODE(os.stat(self.copy).st_mode) == 0o600
        self.seen.append(Path(self.copy).read_text())
        Path(self.copy).write_text(self.texts.pop(0))
        Path(self.copy + "~").touch()


def edit(on: Machine, *texts: str, answers: str | None = None, monkeypatch: pytest.MonkeyPatch) -> Editor:
    class Terminal:
        lines = (answers or "").splitlines(keepends=True)

        def isatty(self) -> bool:
            return answers is not None

        def readline(self) -> str:
            return self.lines.pop(0) if self.lines else ""

    monkeypatch.setattr("sys.stdin", Terminal())
    editor = Editor(*texts)
    machine = Machine(on.root, editor)  # type: ignore[arg-type]
    edit_guest.plan(listing.named("web", machine), Xl(), machine).carry_out(machine)
    return editor


def test_what_was_edited_is_saved(on: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    on.path("/etc/xen/web.cfg").chmod(0o640)
    editor = edit(on, WEB.replace("512", "513"), monkeypatch=monkeypatch)
    assert editor.seen == [WEB]
    assert on.read("/etc/xen/web.cfg") == WEB.replace("512", "513")
    assert stat.S_IMODE(on.path("/etc/xen/web.cfg").stat().st_mode) == 0o640
    assert not os.path.exists(os.path.dirname(editor.copy))
    edit(on, WEB + 'vncpasswd = "x"\n', answers="s\n", monkeypatch=monkeypatch)
    assert stat.S_IMODE(on.path("/etc/xen/web.cfg").stat().st_mode) == 0o600


def test_a_file_with_errors_is_edited_again_or_discarded(
    on: Machine, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    broken = WEB + "memory 5\n"
    editor = edit(on, broken, WEB + "maxmem = 600\n", answers="s\nwhat\ne\n", monkeypatch=monkeypatch)
    assert editor.seen == [WEB, broken]
    assert on.read("/etc/xen/web.cfg") == WEB + "maxmem = 600\n"
    said = capsys.readouterr().err
    assert "web.cfg:18: here should be an equals sign" in said
    assert "(s)ave" not in said  # xl could not read it
    editor = edit(on, broken, answers="d\n", monkeypatch=monkeypatch)
    assert on.read("/etc/xen/web.cfg") == WEB + "maxmem = 600\n"
    assert not os.path.exists(editor.copy)


def test_where_nobody_can_be_asked_the_copy_is_kept(on: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(XenError, match="stays as it is") as why:
        edit(on, WEB + "memory 5\n", monkeypatch=monkeypatch)
    copy = why.value.hint.split()[-1]
    assert Path(copy).read_text() == WEB + "memory 5\n"
    assert on.read("/etc/xen/web.cfg") == WEB


def test_nobody_is_overruled(on: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(Editor):
        def foreground(self, *argv: str, advice: str = "") -> None:
            super().foreground(*argv)
            on.path("/etc/xen/web.cfg").write_text(WEB + "# theirs\n")

    machine = Machine(on.root, Other(WEB + "# mine\n"))  # type: ignore[arg-type]
    with pytest.raises(XenError, match="somebody else has changed") as why:
        edit_guest.plan(listing.named("web", machine), Xl(), machine).carry_out(machine)
    assert Path(why.value.hint.split()[-1]).read_text() == WEB + "# mine\n"
    assert on.read("/etc/xen/web.cfg") == WEB + "# theirs\n"


def test_the_editor_is_the_administrators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    assert edit_guest.editor() == ("/usr/bin/sensible-editor",)
    monkeypatch.setenv("EDITOR", "vim -n")
    assert edit_guest.editor() == ("vim", "-n")
    monkeypatch.setenv("VISUAL", "'")
    with pytest.raises(XenError, match=r"\$VISUAL is no command"):
        edit_guest.editor()

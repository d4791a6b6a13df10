# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Memory and disks are of one moment, and a kill at any point loses neither; a second try makes it good."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from conftest import FakeRunner
from univention_xen import files
from univention_xen.errors import Busy, UsageError, XenError
from univention_xen.image import copies
from univention_xen.plan import Machine, Plan
from univention_xen.toolstack import guests, saved, snapshot, snapshot_create, snapshot_disks, snapshot_recover
from univention_xen.toolstack.libvirt import Libvirt
from univention_xen.toolstack.snapshot_create import plan_create
from univention_xen.toolstack.snapshot_recover import plan_delete
from univention_xen.toolstack.snapshot_revert import plan_revert
from univention_xen.toolstack.xl import Xl, Xm

HEADING = "Name                                        ID   Mem VCPUs\tState\tTime(s)\n"
DOM0 = "Domain-0                                     0  1024     2     r-----     168.0\n"
CFG = """\
name = "web"
type = "pvh"
kernel = "/boot/k"
memory = 256
disk = [ {disks} ]
"""
RAW = '"format=raw,vdev=xvda,target=/img/a", "format=raw,vdev=xvdb,target=/img/b", "vdev=hdc,cdrom,target=/cd.iso"'
QCOW2 = '"format=raw,vdev=xvda,target=/img/a", "format=qcow2,vdev=xvdb,target=/img/b"'
Event = Callable[[], None]
either = pytest.mark.parametrize("disks", [RAW, QCOW2], ids=["raw", "qcow2"])


class Xen(FakeRunner):
    """One guest, its memory and its qcow2 snapshots, as a host would keep them: in files that outlive a process."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root, self.event, self.refuses, self.lingers = root, (lambda: None), "", False

    def get(self, name: str) -> str:
        path = self.root / f"xen-{name}"
        return path.read_bytes().decode() if path.exists() else ""

    def set(self, name: str, text: str) -> None:
        (self.root / f"xen-{name}").write_bytes(text.encode())

    def __call__(self, *argv: str | os.PathLike[str], stdin: str = "", ok: Any = (0,)) -> Any:
        words = [os.fspath(word) for word in argv if word not in ("setsid", "--wait")]
        self.event()
        line = " ".join(map(os.fspath, argv))
        self.answers[line] = (1, "", self.complaint(words)) if self.fails(words) else self.do(words)
        return super().__call__(*argv, ok=ok)

    def place(self, path: str) -> Path:
        return Path(path) if path.startswith(str(self.root)) else Path(files.below(self.root, path))

    def complaint(self, words: list[str]) -> str:
        """What a program says when it fails; xl says the reason first, and in the end only that it failed."""
        return f"{words[1]}: No space left on device" + "\nFailed to save domain" * (words[1] == "save")

    def fails(self, words: list[str]) -> bool:
        return bool(self.refuses) and " ".join(words).startswith(self.refuses)

    def do(self, words: list[str]) -> str:
        match words:
            case ["xl" | "xm", "list"]:
                state = self.get("state")
                if state == "-----d":
                    self.set("state", "")  # when one looks again
                line = f"web                                          7   256     1     {state}      10.9\n"
                return HEADING + DOM0 + (line if state else "")
            case ["xl" | "xm", "save", "web", path]:
                assert self.get("state") == "-b----", "a guest that does not run cannot be saved"
                self.place(path).write_bytes(self.get("memory").encode())
                self.set("state", "-----d" if self.lingers else "")
            case ["xl" | "xm", "restore", path]:
                assert not self.get("state"), "a guest exists only once"
                self.set("memory", self.place(path).read_bytes().decode())
                self.set("disks", self.disks())
                self.set("state", "-b----")
            case ["xl" | "xm", "destroy", "web"]:
                self.set("state", "")
            case ["qemu-img", "snapshot", option, tag, image]:
                assert self.get("state") == "", "the device model has the image open"
                tags = json.loads(self.get("tags") or "{}")
                if option == "-c":
                    tags[tag] = Path(image).read_text()
                elif option == "-a":
                    Path(image).write_text(tags[tag])
                else:
                    del tags[tag]
                self.set("tags", json.dumps(tags))
            case ["qemu-img", "info", *_]:
                return json.dumps({"snapshots": [{"name": tag} for tag in json.loads(self.get("tags") or "{}")]})
            case _:
                raise AssertionError(words)
        return ""

    def disks(self) -> str:
        return "".join((self.root / f"img/{name}").read_text() for name in "ab")


@pytest.fixture
def on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A host with a guest that runs, of whose disks one moment is "A1B1" and its memory "M1"."""
    monkeypatch.setattr(os, "fsync", lambda _file: None)  # nobody pulls the plug here
    for path in ("etc/xen/auto", "boot", "img", "proc/sys/kernel/random"):
        (tmp_path / path).mkdir(parents=True)
    for path, text in (("img/a", "A1"), ("img/b", "B1"), ("cd.iso", ""), ("boot/k", "")):
        (tmp_path / path).write_text(text)
    (tmp_path / "proc/sys/kernel/random/boot_id").write_text("first\n")
    xen = Xen(tmp_path)
    xen.set("state", "-b----")
    xen.set("memory", "M1")
    describe(tmp_path, RAW)
    return Machine(tmp_path, xen)  # type: ignore[arg-type]


def describe(root: Path, disks: str) -> None:
    (root / "etc/xen/web.cfg").write_text(CFG.format(disks=disks))


def xen(on: Machine) -> Xen:
    assert isinstance(on.run, Xen)
    return on.run


def live_on(on: Machine) -> None:
    """The guest goes on: all that it is becomes something else."""
    xen(on).set("memory", "M2")
    on.path("/img/a").write_text("A2")
    on.path("/img/b").write_text("B2, and longer")


def states(on: Machine) -> list[str]:
    return [each.state for each in snapshot.all_of("web", on)]


@either
def test_back_to_one_moment(on: Machine, disks: str) -> None:
    describe(on.root, disks)
    plan_create("web", "good", Xl(), on).carry_out(on)
    assert xen(on).get("state") == "-b----"
    live_on(on)
    plan_revert("web", "", Xl(), on, destroy_running=True).carry_out(on)
    assert (xen(on).get("memory"), xen(on).get("disks"), xen(on).get("state")) == ("M1", "A1B1", "-b----")
    assert states(on) == ["complete"]
    place = on.path("/var/lib/xen/snapshots/web/good")
    assert place.stat().st_mode & 0o777 == 0o700
    assert {each.stat().st_mode & 0o777 for each in place.iterdir()} == {0o600}
    assert not (place / "disk-hdc").exists()


def test_the_guest_is_off_while_its_disks_are_kept(on: Machine) -> None:
    describe(on.root, QCOW2)
    shown = str(plan_create("web", "good", Xl(), on)).splitlines()
    place = "/var/lib/xen/snapshots/web/good"
    assert shown[:2] == [f"make directory {place}", f"xl save web {place}/memory"]
    assert shown[2].startswith(f"copy /img/a to {place}/disk-xvda (")
    assert shown[3] == "qemu-img snapshot -c univention-xen:good /img/b"
    assert shown[4:] == [f"write {place}/snapshot.json", f"xl restore {place}/memory"]
    assert not on.path("/var/lib/xen/snapshots").exists(), "a plan changes nothing"
    assert "xm save web" in str(plan_create("web", "good", Xm(), on))


def test_what_a_killed_restore_has_left_is_no_guest(on: Machine) -> None:
    killed_at(on, lambda: plan_create("web", "x", Xl(), on), 3)
    xen(on).set("state", "--p---")
    plan_create("web", "y", Xl(), on).carry_out(on)
    assert (xen(on).get("state"), xen(on).get("memory")) == ("-b----", "M1")
    live_on(on)
    xen(on).set("state", "--p---")
    plan_revert("web", "y", Xl(), on).carry_out(on)
    assert (xen(on).get("state"), xen(on).get("memory")) == ("-b----", "M1")


def test_of_a_guest_that_is_off_the_disks_are_kept(on: Machine) -> None:
    xen(on).set("state", "")
    plan_create("web", "off", Xl(), on).carry_out(on)
    live_on(on)
    plan_revert("web", "off", Xl(), on).carry_out(on)
    assert xen(on).disks() == "A1B1"
    assert xen(on).get("state") == ""


def test_mode_and_owner_of_an_image_stay(on: Machine) -> None:
    on.path("/img/a").chmod(0o640)
    plan_create("web", "good", Xl(), on).carry_out(on)
    plan_revert("web", "good", Xl(), on, destroy_running=True).carry_out(on)
    assert on.path("/img/a").stat().st_mode & 0o777 == 0o640


def test_an_image_that_was_removed_comes_back(on: Machine) -> None:
    plan_create("web", "good", Xl(), on).carry_out(on)
    on.path("/img/a").unlink()
    plan_revert("web", "good", Xl(), on, destroy_running=True).carry_out(on)
    assert xen(on).disks() == "A1B1"


@pytest.mark.parametrize(
    ("disk", "why"),
    [
        ("vdev=xvda,script=block-drbd,target=r0", "script block-drbd"),
        ("vdev=xvda,backend=storage,target=/img/a", "the domain storage"),
        ("vdev=xvda,target=/img/none", "/img/none: No such file"),
    ],
)
def test_a_disk_out_of_reach_is_refused(on: Machine, disk: str, why: str) -> None:
    describe(on.root, f'"{disk}"')
    with pytest.raises(XenError, match=why):
        plan_create("web", "x", Xl(), on)


def test_what_cannot_be_is_refused(on: Machine) -> None:
    with pytest.raises(UsageError, match="cannot be the label"):
        plan_create("web", "../x", Xl(), on)
    with pytest.raises(XenError, match="there is no guest mail"):
        plan_create("mail", "x", Xl(), on)
    with pytest.raises(UsageError, match="is this host"):
        plan_create("Domain-0", "x", Xl(), on)
    with pytest.raises(XenError, match="libvirt cannot"):
        plan_create("web", "x", Libvirt(), on)
    plan_create("web", "x", Xl(), on).carry_out(on)
    with pytest.raises(XenError, match="nothing is overwritten"):
        plan_create("web", "x", Xl(), on)
    xen(on).set("state", "--p---")
    with pytest.raises(XenError, match="web is paused"):
        plan_create("web", "y", Xl(), on)
    xen(on).set("state", "-b----")
    with pytest.raises(XenError, match="would be lost"):
        plan_revert("web", "x", Xl(), on)
    with pytest.raises(XenError, match="there is no snapshot z of web"):
        plan_revert("web", "z", Xl(), on)


def test_room_is_looked_for_before(on: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_disks, "room", lambda _directory: 300 << 20)
    with pytest.raises(XenError, match="300M left, and the snapshot may need 320M: memory 256M, disks 8K"):
        plan_create("web", "x", Xl(), on)


@pytest.mark.parametrize(("disks", "step"), [(RAW, "xl save"), (QCOW2, "xl save"), (QCOW2, "qemu-img snapshot -c")])
def test_a_full_disk_leaves_the_guest_running_and_nothing_else(on: Machine, disks: str, step: str) -> None:
    describe(on.root, disks)
    xen(on).refuses = step
    with pytest.raises(XenError, match="No space left") as error:
        plan_create("web", "x", Xl(), on).carry_out(on)
    assert "the guest runs on" in error.value.hint
    assert (xen(on).get("state"), xen(on).get("memory"), xen(on).disks()) == ("-b----", "M1", "A1B1")
    assert snapshot.all_of("web", on) == []
    assert not on.path("/var/lib/xen/snapshots/web").exists()


def test_a_copy_that_fails_too(on: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_source: str, target: str) -> NoReturn:
        raise OSError(28, "No space left on device", target)

    monkeypatch.setattr(copies, "clone", full)
    with pytest.raises(XenError, match=r"disk-xvda.*No space left"):
        plan_create("web", "x", Xl(), on).carry_out(on)
    assert xen(on).get("state") == "-b----"
    assert not on.path("/var/lib/xen/snapshots/web").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("during", ["xl save", "copy", "xl restore"])
def test_who_interrupts_it_leaves_a_guest_that_runs(
    on: Machine, during: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = signal.getsignal(number)
    function, clone = Xen.do, copies.clone

    def do(self: Xen, words: list[str]) -> str:
        if " ".join(words).startswith(during):
            os.kill(os.getpid(), number)
        return function(self, words)

    def copy(source: str, target: str) -> None:
        if during == "copy":
            os.kill(os.getpid(), number)
        clone(source, target)

    monkeypatch.setattr(Xen, "do", do)
    monkeypatch.setattr(copies, "clone", copy)
    with pytest.raises(KeyboardInterrupt):
        plan_create("web", "x", Xl(), on).carry_out(on)
    assert (xen(on).get("state"), xen(on).get("memory")) == ("-b----", "M1")
    assert signal.getsignal(number) is handler
    assert states(on) == (["complete, guest not let run on"] if during == "xl restore" else [])


@pytest.mark.parametrize("fails", [False, True])
def test_a_guest_that_is_just_ending_is_not_taken_for_one_that_runs(
    on: Machine, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_recover, "PAUSE", 0)
    describe(on.root, QCOW2)
    xen(on).lingers = True
    xen(on).refuses = "qemu-img snapshot -c" if fails else ""
    plan = plan_create("web", "x", Xl(), on)
    if fails:
        with pytest.raises(XenError, match="No space left"):
            plan.carry_out(on)
    else:
        plan.carry_out(on)
    assert (xen(on).get("state"), xen(on).get("memory")) == ("-b----", "M1")


def test_a_disk_that_only_the_running_guest_knows_is_no_moment(on: Machine) -> None:
    config = json.dumps({"c_info": {"name": "web"}, "disks": [{"pdev_path": "/img/c", "readwrite": 1}]})
    length = len(config) + 4
    header = saved.MAGIC + saved.HEADER.pack(saved.BYTE_ORDER, saved.AS_JSON, 0, length)
    memory = (header + saved.LENGTH.pack(len(config))).decode("ascii") + config
    xen(on).set("memory", memory)
    with pytest.raises(XenError, match=r"web runs with the disk /img/c, which /etc/xen/web\.cfg does not name"):
        plan_create("web", "x", Xl(), on).carry_out(on)
    assert (xen(on).get("state"), xen(on).get("memory")) == ("-b----", memory)
    assert snapshot.all_of("web", on) == []


def test_a_guest_that_does_not_run_on_keeps_its_memory(on: Machine) -> None:
    describe(on.root, QCOW2)
    xen(on).refuses = "xl restore"
    with pytest.raises(XenError, match="web does not run on") as error:
        plan_create("web", "x", Xl(), on).carry_out(on)
    memory = on.path("/var/lib/xen/snapshots/web/x/memory")
    assert str(memory) in error.value.hint
    assert memory.read_text() == "M1"
    with pytest.raises(XenError, match="web was ended for its snapshot x") as error:
        guests.plan_start("web", Xl(), on)
    assert "guest snapshot delete web x" in error.value.hint
    on.path("/proc/sys/kernel/random/boot_id").write_text("second\n")
    with pytest.raises(XenError, match="started anew since"):
        plan_delete("web", "x", Xl(), on)
    on.path("/proc/sys/kernel/random/boot_id").write_text("first\n")
    xen(on).refuses = ""
    plan_delete("web", "x", Xl(), on).carry_out(on)
    assert (xen(on).get("state"), xen(on).get("memory")) == ("-b----", "M1")


def test_xl_that_still_saves_is_waited_for(on: Machine) -> None:
    killed_at(on, lambda: plan_create("web", "x", Xl(), on), 2)
    (on.root / "proc/4711/fd").mkdir(parents=True)
    (on.root / "proc/4711/comm").write_text("xl\n")
    os.link(on.path("/var/lib/xen/snapshots/web/x/memory"), on.root / "proc/4711/fd/3")
    for plan in (lambda: plan_create("web", "y", Xl(), on), lambda: plan_delete("web", "x", Xl(), on)):
        with pytest.raises(Busy, match=r"memory is in use by xl \(process 4711\)"):
            plan()


def killed_at(on: Machine, plan: Callable[[], Plan], number: int) -> bool:
    """Carry a plan out in a process of its own that is gone at its event *number*; say whether it got that far."""
    pid = os.fork()
    if not pid:
        try:
            count = 0

            def event() -> None:
                nonlocal count
                count += 1
                if count == number:
                    os._exit(9)

            steps = plan()
            xen(on).event = event
            for module, name in ((files, "replace"), (files, "remove"), (copies, "clone")):
                around(module, name, event)
            steps.carry_out(on)
            event()
            os._exit(0)
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (0, 9)
    return code == 9


def around(module: Any, name: str, event: Event) -> None:
    """Have a function tell before it does something. Only in a process that ends soon."""
    function = getattr(module, name)

    def told(*words: Any, **options: Any) -> Any:
        event()
        return function(*words, **options)

    setattr(module, name, told)


@pytest.mark.parametrize("number", range(1, 20))
@either
def test_create_killed_at_any_point(on: Machine, disks: str, number: int) -> None:
    describe(on.root, disks)
    killed = killed_at(on, lambda: plan_create("web", "x", Xl(), on), number)
    before = snapshot.all_of("web", on)
    if xen(on).get("state") != "-b----":
        assert "delete web x, or the next snapshot create" in before[0].todo
        assert before[0].state != snapshot.HALF_MADE or "lets web run on" in before[0].todo
        if not xen(on).get("state"):
            with pytest.raises(XenError, match="was ended for its snapshot"):
                guests.plan_start("web", Xl(), on)
    assert killed or number > 10
    if killed:
        plan_create("web", "y", Xl(), on).carry_out(on)
    assert (xen(on).get("state"), xen(on).get("memory"), xen(on).disks()) == ("-b----", "M1", "A1B1")
    found = snapshot.all_of("web", on)
    assert {each.state for each in found} == {"complete"}
    live_on(on)
    for each in found:
        plan_revert("web", each.snapshot.label, Xl(), on, destroy_running=True).carry_out(on)
        assert (xen(on).get("memory"), xen(on).get("disks")) == ("M1", "A1B1")
        xen(on).set("state", "")
        plan_delete("web", each.snapshot.label, Xl(), on).carry_out(on)
    if on.path("/var/lib/xen/snapshots/web/x").exists():  # killed before there was anything to tell
        plan_delete("web", "x", Xl(), on).carry_out(on)
    assert not on.path("/var/lib/xen/snapshots/web").exists()
    assert json.loads(xen(on).get("tags") or "{}") == {}


@pytest.mark.parametrize("number", range(1, 18))
@either
def test_revert_killed_at_any_point(on: Machine, disks: str, number: int) -> None:
    describe(on.root, disks)
    plan_create("web", "x", Xl(), on).carry_out(on)
    live_on(on)
    killed = killed_at(on, lambda: plan_revert("web", "x", Xl(), on, destroy_running=True), number)
    assert xen(on).disks() in ("A2B2, and longer", "A1B1") or states(on) == ["guest half set back"]
    if states(on) == ["guest half set back"]:
        with pytest.raises(XenError, match="must not start"):
            guests.plan_start("web", Xl(), on)
        with pytest.raises(XenError, match="half set back"):
            plan_delete("web", "x", Xl(), on)
        with pytest.raises(XenError, match="half set back"):
            plan_create("web", "y", Xl(), on)
    if killed:
        plan_revert("web", "x", Xl(), on, destroy_running=True).carry_out(on)
    assert (xen(on).get("state"), xen(on).get("memory"), xen(on).get("disks")) == ("-b----", "M1", "A1B1")
    assert states(on) == ["complete"]


@pytest.mark.parametrize("number", range(1, 16))
@either
def test_delete_killed_at_any_point(on: Machine, disks: str, number: int) -> None:
    describe(on.root, disks)
    plan_create("web", "x", Xl(), on).carry_out(on)
    xen(on).set("state", "")
    killed = killed_at(on, lambda: plan_delete("web", "x", Xl(), on), number)
    if killed and snapshot.all_of("web", on):
        plan_delete("web", "x", Xl(), on).carry_out(on)
    assert snapshot.all_of("web", on) == []
    assert json.loads(xen(on).get("tags") or "{}") == {}
    assert xen(on).disks() == "A1B1"
    assert xen(on).get("state") == "", "deleting a snapshot starts nothing"


def test_what_is_missing_is_told_before_anything_changes(on: Machine) -> None:
    plan_create("web", "x", Xl(), on).carry_out(on)
    place = on.path("/var/lib/xen/snapshots/web/x")
    for name in ("disk-xvdb", "memory"):
        (place / name).rename(place / "away")
        with pytest.raises(XenError, match=f"not whole: .*{name} is gone"):
            plan_revert("web", "x", Xl(), on, destroy_running=True)
        (place / "away").rename(place / name)
    (place / "snapshot.json").write_text("{}")
    with pytest.raises(XenError, match="damaged"):
        plan_revert("web", "x", Xl(), on)


def test_a_guest_that_has_changed_since_is_told(on: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    plan_create("web", "x", Xl(), on).carry_out(on)
    on.path("/etc/xen/web.cfg").write_text(CFG.format(disks=RAW).replace("memory = 256", "memory = 512"))
    capsys.readouterr()
    plan_revert("web", "x", Xl(), on, destroy_running=True)
    assert "memory of web is 512 now and was 256" in capsys.readouterr().err


def test_memory_that_is_not_restored_can_be_tried_again(on: Machine) -> None:
    plan_create("web", "x", Xl(), on).carry_out(on)
    live_on(on)
    xen(on).refuses = "xl restore"
    with pytest.raises(XenError, match="disks of web are set back, but its memory is not"):
        plan_revert("web", "x", Xl(), on, destroy_running=True).carry_out(on)
    assert states(on) == ["set back, memory not restored"]
    assert guests.plan_start("web", Xl(), on).steps, "its disks are whole"
    xen(on).refuses = ""
    plan_revert("web", "x", Xl(), on).carry_out(on)
    assert xen(on).get("memory") == "M1"


def test_snapshots_are_listed_by_time(on: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    for label, when in (("z", "2026-01-01T00:00:00Z"), ("a", "2026-01-02T00:00:00Z")):
        monkeypatch.setattr(snapshot_create, "now", lambda when=when: when)
        plan_create("web", label, Xl(), on).carry_out(on)
    assert [each.snapshot.label for each in snapshot.all_of("", on)] == ["z", "a"]
    assert snapshot.named("web", "", on).snapshot.label == "a"


def test_deleting_twice_does_it_once(on: Machine) -> None:
    plan_create("web", "x", Xl(), on).carry_out(on)
    plan_create("web", "y", Xl(), on).carry_out(on)
    plan_delete("web", "x", Xl(), on).carry_out(on)
    assert plan_delete("web", "x", Xl(), on) == Plan.nothing("web has no snapshot x")
    assert snapshot_recover.boot_id(on) == "first"

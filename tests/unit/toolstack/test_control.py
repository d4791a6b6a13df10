# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Guests are started, saved, moved and marked only where that goes well; otherwise a sentence says why not."""

from __future__ import annotations

import base64
import json
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import FakeRunner, recorded
from univention_xen.errors import Busy, CommandFailed, UsageError, XenError
from univention_xen.plan import Machine, Plan
from univention_xen.toolstack import autostart, guests, listing, migration, reasons, saved, starting, steps, view
from univention_xen.toolstack.domain import Domain
from univention_xen.toolstack.xl import Xl, Xm

HEADING = "Name                                        ID   Mem VCPUs\tState\tTime(s)\n"
DOM0 = "Domain-0                                     0  1024     2     r-----     168.0\n"
WEB = "web                                          7   256     1     -b----      10.9\n"
CFG = 'name = "{name}"\ntype = "pvh"\nkernel = "/boot/k"\nmemory = 256\ndisk = [ "vdev=xvda,target={image}" ]\n'


class Terminal(FakeRunner):
    """A Runner that remembers to what the terminal was handed."""

    def foreground(self, *argv: str, advice: str = "") -> None:
        self.asked.append(f"[{advice}] {' '.join(argv)}")


@pytest.fixture
def on(tmp_path: Path) -> Machine:
    """A host with a guest and its image; nothing runs but the host itself."""
    for path in ("etc/xen/auto", "boot", "img", "var/log/xen"):
        (tmp_path / path).mkdir(parents=True)
    for path in ("boot/k", "img/web", "img/db"):
        (tmp_path / path).touch()
    for name in ("web", "db"):
        (tmp_path / f"etc/xen/{name}.cfg").write_text(CFG.format(name=name, image=f"/img/{name}"))
    return Machine(tmp_path, Terminal({"xl list": HEADING + DOM0}))  # type: ignore[arg-type]


def running(on: Machine, *lines: str) -> Machine:
    on.run.answers["xl list"] = HEADING + DOM0 + "".join(lines)  # type: ignore[attr-defined]
    return on


def test_a_start_is_one_command(on: Machine) -> None:
    assert str(guests.plan_start("web", Xl(), on)) == "xl create /etc/xen/web.cfg"


def test_the_name_in_the_file_counts_too(on: Machine) -> None:
    on.path("/etc/xen/other.cfg").write_text(CFG.format(name="mail", image="/img/web"))
    assert str(guests.plan_start("mail", Xl(), on)) == "xl create /etc/xen/other.cfg"


def test_a_start_with_the_console(on: Machine) -> None:
    plan = guests.plan_start("web", Xl(), on, paused=True, console=True)
    assert str(plan) == "xl create -p /etc/xen/web.cfg\nxl console web"
    on.run.answers["xl create -p /etc/xen/web.cfg"] = ""  # type: ignore[attr-defined]
    plan.carry_out(on)
    assert on.run.asked[-1].startswith("[Ctrl+] leaves the console")  # type: ignore[attr-defined]


def test_a_guest_that_runs_is_left_alone(on: Machine) -> None:
    assert guests.plan_start("web", Xl(), running(on, WEB)) == Plan.nothing("web is already running")
    paused = guests.plan_start("web", Xl(), running(on, WEB.replace("-b----", "--p---")))
    assert not paused.steps
    assert "guest unpause" in paused.reason
    with pytest.raises(XenError, match="just ending"):
        guests.plan_start("web", Xl(), running(on, WEB.replace("-b----", "--ps-d")))


@pytest.mark.parametrize(
    ("letters", "told", "hint"),
    [("---ss-", "is suspended", "guest save web"), ("---s--", "has ended", "guest destroy web"),
     ("---sc-", "has crashed", "guest destroy web")],
)  # fmt: skip
def test_a_guest_that_neither_runs_nor_is_gone(on: Machine, letters: str, told: str, hint: str) -> None:
    with pytest.raises(XenError, match=f"web {told}") as error:
        guests.plan_start("web", Xl(), running(on, WEB.replace("-b----", letters)))
    assert hint in error.value.hint


def half_built(on: Machine) -> Machine:
    on.path("/var/lib/xen").mkdir(parents=True)
    return running(on, WEB.replace("-b----", "--p---"))


def process(on: Machine, number: int, output: str) -> None:
    (on.root / f"proc/{number}/fd").mkdir(parents=True)
    (on.root / f"proc/{number}/cmdline").write_bytes(b"/usr/lib/xen-4.17/bin/xl\0create\0/etc/xen/web.cfg\0")
    os.symlink(output, on.root / f"proc/{number}/fd/1")


def test_what_an_interrupted_start_has_left_is_cleared_away(on: Machine, tmp_path: Path) -> None:
    plan = guests.plan_start("web", Xl(), half_built(on))
    assert str(plan) == "xl destroy web\nxl create /etc/xen/web.cfg"
    file = tmp_path / "saved"
    file.write_bytes(header(CONFIG))
    assert str(guests.plan_restore(str(file), Xl(), on)) == f"xl destroy web\nxl restore {file}"
    process(on, 12, "/var/log/xen/xl-db.log")  # looks after another guest
    assert guests.plan_start("web", Xl(), on).steps
    on.path("/var/lib/xen/userdata-d.7.26fb9bf6-855f-4315-bf2f-9b096313d256.libxl-json").touch()
    assert not guests.plan_start("web", Xl(), on).steps


def test_what_is_just_being_created_is_left_alone(on: Machine) -> None:
    process(on, 12, "/dev/pts/1")
    with pytest.raises(Busy, match="just being created"):
        guests.plan_start("web", Xl(), half_built(on))


def test_what_is_missing_is_told_before(on: Machine) -> None:
    on.path("/img/web").unlink()
    on.path("/boot/k").unlink()
    with pytest.raises(XenError, match=r"web would not start: .*the kernel /boot/k does not exist") as error:
        guests.plan_start("web", Xl(), on)
    assert "the image /img/web does not exist" in error.value.hint


def test_a_vnc_password_is_explained_and_not_shown(on: Machine) -> None:
    text = 'name="win"\ntype="hvm"\nvnc=1\nvnclisten="0.0.0.0"\nvncpasswd="geheim"\n'
    on.path("/etc/xen/win.cfg").write_text(text)
    with pytest.raises(XenError, match="cannot ask for a VNC password") as error:
        guests.plan_start("win", Xl(), on)
    assert "127.0.0.1" in error.value.hint
    assert "geheim" not in f"{error.value}{error.value.hint}"


@pytest.mark.parametrize("image", ["/img/web", "/img/../img/web", "/link"])
def test_two_writers_are_refused(on: Machine, image: str) -> None:
    on.path("/link").symlink_to(on.path("/img/web"))
    on.path("/etc/xen/copy.cfg").write_text(CFG.format(name="copy", image=image))
    with pytest.raises(XenError, match="in use by the running guest web"):
        guests.plan_start("copy", Xl(), running(on, WEB))
    assert guests.plan_start("db", Xl(), on).steps


def test_an_image_that_a_program_has_open_is_refused(on: Machine) -> None:
    (on.root / "proc/4711/fd").mkdir(parents=True)
    (on.root / "proc/4711/comm").write_text("qemu-img\n")
    os.link(on.path("/img/web"), on.root / "proc/4711/fd/3")
    with pytest.raises(XenError, match=r"in use by qemu-img \(process 4711\)"):
        guests.plan_start("web", Xl(), on)


@pytest.mark.parametrize(
    ("text", "bridge"),
    [
        ("", "xenbr0"),
        ('vif.default.bridge="br7"\n', "br7"),
        ("# vif.default.bridge='no'\ndefaultbridge = 'old'", "old"),
    ],
)
def test_the_default_bridge_is_that_of_xl(on: Machine, text: str, bridge: str) -> None:
    on.path("/etc/xen/xl.conf").write_text(text)
    assert starting.default_bridge(on) == bridge


def network(on: Machine, conf: str, *bridges: str) -> None:
    on.path("/etc/xen/xl.conf").write_text(conf)
    on.path("/etc/xen/web.cfg").write_text(CFG.format(name="web", image="/img/web") + 'vif = [ "" ]\n')
    on.path("/sys/class/net/lo").mkdir(parents=True)
    for bridge in bridges:
        on.path(f"/sys/class/net/{bridge}/bridge").mkdir(parents=True)


def test_a_missing_bridge_is_told_before(on: Machine) -> None:
    network(on, 'vif.default.bridge="br7"\n', "br1")
    with pytest.raises(XenError, match="the bridge br7 does not exist"):
        guests.plan_start("web", Xl(), on)


@pytest.mark.parametrize(
    ("conf", "bridge"),
    [('vif.default.bridge="br7"\n', "br7"), ('vif.default.script="vif-route"\n', "other"), ("", "eth0")],
)
def test_a_card_that_finds_its_network_is_no_obstacle(on: Machine, conf: str, bridge: str) -> None:
    network(on, conf, bridge)
    assert guests.plan_start("web", Xl(), on).steps


def test_xm_looks_for_what_is_missing_too(on: Machine) -> None:
    on.run.answers["xm list"] = HEADING + DOM0  # type: ignore[attr-defined]
    text = "name = 'old'\nkernel = '/boot/k'\ndisk = [ 'file:/img/none,xvda,w' ]\n"
    on.path("/etc/xen/old.cfg").write_text(text)
    with pytest.raises(XenError, match="/img/none does not exist"):
        guests.plan_start("old", Xm(), on)
    on.path("/img/none").touch()
    assert str(guests.plan_start("old", Xm(), on)) == "xm create /etc/xen/old.cfg"


DES = (
    "VNC server running on 127.0.0.1:5900\n"
    "qemu-system-i386: -vnc 0.0.0.0:0,password=on,to=99: Cipher backend does not support DES algorithm\n"
)
XL_SAYS = (
    "Parsing config from /etc/xen/web.cfg\n"
    "libxl: error: libxl_qmp.c:1399:qmp_ev_fd_callback: Domain 5:error on QMP socket: Connection reset by peer\n"
    "libxl: error: libxl_create.c:1862:domcreate_devmodel_started: Domain 5:device model did not start: -26\n"
)


def test_the_reason_comes_from_the_log_of_the_device_model(on: Machine) -> None:
    log = on.path("/var/log/xen/qemu-dm-web.log")
    log.write_text("qemu-system-i386: an older story\n")
    before = reasons.sizes(on, "web")
    log.rename(log.with_suffix(".log.1"))
    log.write_text(DES)
    why = CommandFailed("xl create failed", code=3, err=XL_SAYS)
    found = reasons.explain("web", why, reasons.since(before, on, "web"))
    assert str(found) == (
        "web does not start: -vnc 0.0.0.0:0,password=***,to=99: Cipher backend does not support DES algorithm"
        " (/var/log/xen/qemu-dm-web.log)"
    )
    assert "remove vncpasswd" in found.hint
    assert "older story" not in found.hint
    assert "device model did not start" in found.hint


def test_only_what_is_new_in_a_log_counts(on: Machine) -> None:
    log = on.path("/var/log/xen/xen-hotplug.log")
    log.write_text("Could not find bridge old\n")
    before = reasons.sizes(on, "web")
    with log.open("a") as file:
        file.write("Could not find bridge new\n")
    step = steps.Start("web", ("xl", "create", "/etc/xen/web.cfg"))
    found = reasons.since(before, on, "web")
    assert [each.line for each in found] == ["Could not find bridge new"]
    on.run.answers["xl create /etc/xen/web.cfg"] = (3, "", XL_SAYS)  # type: ignore[attr-defined]
    with pytest.raises(CommandFailed, match="error on QMP socket"):
        step.apply(on)


def test_an_end_of_the_device_model_without_a_word_in_its_log_is_explained_too() -> None:
    why = CommandFailed("xl create failed", code=3, err=XL_SAYS)
    assert "as Debian 12's does when a guest has a VNC password" in reasons.explain("web", why, []).hint


def test_a_failure_without_words_stays_as_it_is() -> None:
    why = CommandFailed("xl create failed with exit status 1", code=1)
    assert reasons.explain("web", why, []) is why


def test_passwords_in_logs_are_not_repeated() -> None:
    assert reasons.plain("qemu: vncpasswd=geheim, x\x1b[1m") == "qemu: vncpasswd=***, x [1m"


def test_a_shutdown_waits_and_gives_up(on: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "PAUSE", 0)
    plan = guests.plan_shutdown("web", Xl(), running(on, WEB), wait=True, timeout=1)
    assert str(plan) == "xl shutdown -F web\nwait until web has ended, 1 seconds at most"
    clock = iter(range(10))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with pytest.raises(XenError, match="web is still running after 1 seconds"):
        plan.steps[1].apply(on)
    with pytest.raises(XenError, match="has ended") as error:
        plan.steps[1].apply(running(on, WEB.replace("-b----", "---s--")))
    assert "guest destroy web" in error.value.hint
    plan.steps[1].apply(running(on))
    assert guests.plan_shutdown("web", Xl(), on) == Plan.nothing("web is not running")
    with pytest.raises(UsageError):
        guests.plan_shutdown("web", Xl(), on, timeout=0)


@pytest.mark.parametrize("plan", [guests.plan_shutdown, guests.plan_destroy])
def test_a_guest_that_ends_by_itself_just_then_has_ended(on: Machine, plan: Callable[..., Plan]) -> None:
    (step,) = plan("web", Xl(), running(on, WEB)).steps
    gone = (1, "", "web is an invalid domain identifier (rc=-6)")
    on.run.answers.update({"xl shutdown -F web": gone, "xl destroy web": gone})  # type: ignore[attr-defined]
    with pytest.raises(CommandFailed, match="failed with exit status 1"):
        step.apply(on)
    step.apply(running(on))


def header(config: object, order: int = 0x01020304, flags: int = 3) -> bytes:
    text = json.dumps(config).encode() + b"\0"
    return saved.MAGIC + struct.pack("=IIIII", order, flags, 0, len(text) + 4, len(text)) + text + b"LibxlFmt..."


CONFIG = {
    "c_info": {"name": "web"},
    "disks": [{"pdev_path": "/img/web", "readwrite": 1}, {"pdev_path": "/cd.iso", "is_cdrom": 1}, {"readwrite": 1}],
}


def test_a_saved_guest_tells_its_name_and_what_it_writes() -> None:
    assert saved.parse(header(CONFIG), "/s") == saved.Saved("/s", "web", ("/img/web",))
    assert saved.parse(b"LinuxGuestRecord....", "/s") == saved.Saved("/s", "")
    assert saved.parse(header(CONFIG, order=0x04030201), "/s").name == ""


def test_what_the_real_xl_has_saved_is_read() -> None:
    data = base64.b64decode(recorded("xl-save-4.17-header.base64"))
    assert saved.parse(data, "/s") == saved.Saved("/s", "pv")
    with pytest.raises(XenError, match="damaged"):
        saved.parse(data[:700], "/s")


@pytest.mark.parametrize("data", [b"", saved.MAGIC, header(CONFIG)[:70], header([]), header({}), header({"c_info": 1})])
def test_a_damaged_file_is_refused(data: bytes) -> None:
    with pytest.raises(XenError, match=r"empty|damaged"):
        saved.parse(data, "/s")


def test_a_guest_is_restored_once(on: Machine, tmp_path: Path) -> None:
    file = tmp_path / "saved"
    file.write_bytes(header(CONFIG))
    plan = guests.plan_restore(str(file), Xl(), on, paused=True, remove=True)
    assert str(plan) == f"xl restore -p {file}\nremove {file}"
    with pytest.raises(XenError, match="web is already running"):
        guests.plan_restore(str(file), Xl(), running(on, WEB))
    on.path("/etc/xen/copy.cfg").write_text(CFG.format(name="copy", image="/img/web"))
    with pytest.raises(XenError, match="in use by the running guest copy"):
        guests.plan_restore(str(file), Xl(), running(on, WEB.replace("web", "copy")))


def test_saving_overwrites_nothing_and_looks_for_room(on: Machine, tmp_path: Path) -> None:
    running(on, WEB)
    file = tmp_path / "new"
    plan = guests.plan_save("web", Xl(), on, path=str(file), keep_running=True)
    assert str(plan) == f"xl save web {file}\nxl restore {file}", "the xl that looks after it does not survive save -c"
    file.touch()
    with pytest.raises(XenError, match="nothing is overwritten"):
        guests.plan_save("web", Xl(), on, path=str(file))
    with pytest.raises(XenError, match="nothing is overwritten"):
        plan.carry_out(on)
    huge = WEB.replace("256", "999999999")
    with pytest.raises(XenError, match="has room for"):
        guests.plan_save("web", Xl(), running(on, huge), path=str(tmp_path / "other"))


def test_what_an_interrupted_save_has_left_is_written_anew(on: Machine, tmp_path: Path) -> None:
    file = tmp_path / "new"
    plan = guests.plan_save("web", Xl(), running(on, WEB), path=str(file))
    on.run.answers[f"xl save web {file}"] = ""  # type: ignore[attr-defined]
    plan.carry_out(on)
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(saved.WRITING)  # as if it had been killed before the end
    assert str(guests.plan_save("web", Xl(), on, path=str(file))) == f"remove {file}\nxl save web {file}"


def test_what_is_just_being_written_is_left_alone(on: Machine, tmp_path: Path) -> None:
    file = tmp_path / "new"
    file.write_bytes(header(CONFIG))
    file.chmod(saved.WRITING)
    (on.root / "proc/4711/fd").mkdir(parents=True)
    (on.root / "proc/4711/comm").write_text("xl\n")
    os.link(file, on.root / "proc/4711/fd/3")
    with pytest.raises(Busy, match=r"being written by xl \(process 4711\)"):
        guests.plan_save("web", Xl(), running(on, WEB), path=str(file))
    with pytest.raises(Busy, match="being written"):
        guests.plan_restore(str(file), Xl(), running(on))


@pytest.mark.parametrize("watched", [True, False])
def test_a_failed_save_leaves_the_guest_and_no_file(
    on: Machine, tmp_path: Path, watched: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    if watched:
        process(on, 12, "/var/log/xen/xl-web.log")
    file = tmp_path / "new"
    plan = guests.plan_save("web", Xl(), running(on, WEB), path=str(file))
    said = (
        f"Saving to {file} new xl format (info 0x3/0x0/1078)\nxc: info: Saving domain 7, type x86 PV\n"
        "xc: error: Failed to write page data (28 = No space left on device): Internal error\n"
        "Failed to save domain, resuming domain\n"
    )
    on.run.answers[f"xl save web {file}"] = (1, "", said)  # type: ignore[attr-defined]
    with pytest.raises(CommandFailed, match=r"web could not be saved and runs on: .*No space left") as error:
        plan.carry_out(on)
    assert "make room" in error.value.hint
    assert ("does not start again by itself" in capsys.readouterr().err) is not watched
    assert not file.exists()


def test_a_file_with_the_only_memory_is_kept(on: Machine, tmp_path: Path) -> None:
    file = tmp_path / "new"
    plan = guests.plan_save("web", Xl(), running(on, WEB), path=str(file))
    on.run.answers[f"xl save web {file}"] = (1, "", "odd")  # type: ignore[attr-defined]
    running(on)
    with pytest.raises(CommandFailed):
        plan.carry_out(on)
    assert file.stat().st_mode & 0o777 == 0o600


ANSWER = f"free 800\nversion 4.17\ndomains\n{HEADING}{DOM0}"


def asked(on: Machine, answer: str | tuple[int, str, str]) -> None:
    import shlex

    words = [*migration.SSH, "xen2", migration.script(("/img/web",), (), "/etc/xen/web.cfg")]
    on.run.answers[shlex.join(words)] = answer  # type: ignore[attr-defined]
    on.run.answers["xl info"] = recorded("xl-info-4.17.txt")  # type: ignore[attr-defined]


def test_a_guest_moves_where_it_can_live(on: Machine) -> None:
    asked(running(on, WEB), ANSWER)
    assert str(guests.plan_migrate("web", Xl(), on, host="xen2", live=True)) == "xl migrate web xen2"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("missing /img/web\n" + ANSWER, "cannot reach the image /img/web"),
        ("bridge br0\n" + ANSWER, "has no bridge br0"),
        (ANSWER + WEB, "has a guest web already"),
        (ANSWER.replace("800", "80"), "has 80 MiB free"),
        ("hello\n", "does not run Xen"),
        ((255, "", "Permission denied (publickey)."), "through ssh: Permission denied"),
    ],
)  # fmt: skip
def test_a_guest_stays_where_it_is_otherwise(on: Machine, answer: str | tuple[int, str, str], why: str) -> None:
    asked(running(on, WEB), answer)
    with pytest.raises(XenError, match=why.replace("(", r"\(")):
        guests.plan_migrate("web", Xl(), on, host="xen2")
    assert not any(line.startswith("xl migrate") for line in on.run.asked)  # type: ignore[attr-defined]


def test_what_may_be_wrong_on_the_other_host_is_told(on: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    inode = on.path("/img/web").stat().st_ino
    asked(running(on, WEB), f"image 0 {inode} /img/web\n" + ANSWER)
    assert guests.plan_migrate("web", Xl(), on, host="xen2").steps
    assert capsys.readouterr().err == ""
    asked(on, f"image 0 {inode + 1} /img/web\nnofile\n" + ANSWER.replace("4.17", "4.14.6"))
    assert guests.plan_migrate("web", Xl(), on, host="xen2").steps
    told = capsys.readouterr().err
    assert "/img/web on xen2 seems not to be the same storage (another file, as large)" in told
    assert "xen2 runs Xen 4.14.6 and this host 4.17.7" in told
    assert "xen2 has no /etc/xen/web.cfg" in told
    asked(on, f"image 512 {inode} /img/web\n" + ANSWER)
    assert guests.plan_migrate("web", Xl(), on, host="xen2").steps
    assert "512 bytes instead of 0" in capsys.readouterr().err


def test_a_paravirtualised_guest_moves_only_where_xen_can_do_it(
    on: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    on.path("/etc/xen/web.cfg").write_text(CFG.format(name="web", image="/img/web").replace('"pvh"', '"pv"'))
    asked(running(on, WEB), ANSWER)
    with pytest.raises(XenError, match="no shadow paging") as error:
        guests.plan_migrate("web", Xl(), on, host="xen2")
    assert "guest save web FILE" in error.value.hint
    info = recorded("xl-info-4.17.txt")
    on.run.answers["xl info"] = info.replace(" pv hvm hap ", " pv hvm hap shadow ")  # type: ignore[attr-defined]
    assert guests.plan_migrate("web", Xl(), on, host="xen2").steps
    assert capsys.readouterr().err == ""
    on.run.answers["xl info"] = info.replace(" pv hvm hap ", " hvm ")  # type: ignore[attr-defined]
    assert guests.plan_migrate("web", Xl(), on, host="xen2").steps
    assert "it is not known" in capsys.readouterr().err


def test_a_paused_guest_does_not_move(on: Machine) -> None:
    with pytest.raises(XenError, match="web is paused"):
        guests.plan_migrate("web", Xl(), running(on, WEB.replace("-b----", "--p---")), host="xen2")


def test_a_guest_starts_with_the_host(on: Machine) -> None:
    plan = autostart.plan("web", True, on)
    assert str(plan) == "ln -s /etc/xen/web.cfg /etc/xen/auto/web.cfg"
    plan.carry_out(on)
    assert os.readlink(on.path("/etc/xen/auto/web.cfg")) == "/etc/xen/web.cfg"
    assert not autostart.plan("web", True, on).steps
    off = autostart.plan("web", False, on)
    off.carry_out(on)
    assert not os.listdir(on.path("/etc/xen/auto"))
    assert not autostart.plan("web", False, on).steps


def test_a_link_of_another_name_is_found_and_another_guest_is_not_replaced(on: Machine) -> None:
    on.path("/etc/xen/auto/10-web").symlink_to("../web.cfg")
    assert not autostart.plan("web", True, on).steps
    assert str(autostart.plan("web", False, on)) == "remove /etc/xen/auto/10-web"
    on.path("/etc/xen/auto/db.cfg").write_text("another")
    with pytest.raises(XenError, match="means another guest"):
        autostart.plan("/etc/xen/db.cfg", True, on)


def test_the_screen_is_where_the_device_model_says(on: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    place = "xenstore-read /local/domain/7/console/"
    on.run.answers |= {place + "vnc-port": "5901\n", place + "vnc-listen": "127.0.0.1\n"}  # type: ignore[attr-defined]
    plan = view.plan("web", Xl(), running(on, WEB))
    assert "at 127.0.0.1:5901 (VNC)" in plan.reason
    assert "ssh -L 5901:127.0.0.1:5901" in plan.reason
    monkeypatch.setenv("DISPLAY", ":0")
    viewer = on.path("/usr/bin/vncviewer")
    viewer.parent.mkdir(parents=True)
    viewer.touch()
    assert str(view.plan("web", Xl(), on)) == "vncviewer 127.0.0.1::5901"
    assert view.plan("web", Xl(), on, only_tell=True).steps == ()
    on.run.answers[place + "vnc-listen"] = "::1"  # type: ignore[attr-defined]
    assert str(view.plan("web", Xl(), on)) == "vncviewer '[::1]::5901'"
    assert "ssh -L 5901:[::1]:5901" in view.plan("web", Xl(), on, only_tell=True).reason
    on.run.answers[place + "vnc-port"] = (1, "", "couldn't read path")  # type: ignore[attr-defined]
    with pytest.raises(XenError, match="has no screen"):
        view.plan("web", Xl(), on)


def test_a_remote_desktop(on: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    viewer = on.path("/usr/bin/xfreerdp")
    viewer.parent.mkdir(parents=True)
    viewer.touch()
    assert str(view.plan("web", Xl(), on, rdp="192.0.2.7")) == "xfreerdp /v:192.0.2.7 /port:3389"
    assert str(view.plan("web", Xl(), on, rdp="[2001:db8::7]:9")) == "xfreerdp '/v:[2001:db8::7]' /port:9"
    for odd in ("-x", "a b", "a:99999", "a;b", "a:b"):
        with pytest.raises(UsageError):
            view.plan("web", Xl(), on, rdp=odd)


def test_the_display_of_libvirt() -> None:
    assert view.parse_display("vnc://127.0.0.1:1\n", "") == ("127.0.0.1", 5901)
    assert view.parse_display("vnc://xen2:0", "") == ("xen2", 5900)
    assert view.parse_display("vnc://[::1]:1", "") == ("::1", 5901)
    assert view.reachable("") == "127.0.0.1"
    assert view.reachable("::", "xen2") == "xen2"
    with pytest.raises(XenError):
        view.parse_display("spice://x", "")


def test_the_list_holds_what_runs_and_what_could(on: Machine) -> None:
    autostart.plan("db", True, on).carry_out(on)
    found = listing.rows(
        listing.described(on),
        [Domain("Domain-0", 0, "running", 1024, 2, 9.0), Domain("web", 7, "paused", 200, 1, 1.0)],
        autostart.files("/etc/xen/auto", on),
        on,
    )
    assert [(each.name, each.state, each.memory, each.kind, each.autostart) for each in found] == [
        ("Domain-0", "running", 1024, "", False), ("web", "paused", 200, "pvh", False), ("db", "off", 256, "pvh", True),
    ]  # fmt: skip


def test_a_thousand_guests_are_listed_quickly(on: Machine) -> None:
    for number in range(1000):
        on.path(f"/etc/xen/g{number}.cfg").write_text(CFG.format(name=f"g{number}", image=f"/img/{number}"))
    begin = time.process_time()
    found = listing.rows(listing.described(on), [], frozenset(), on)
    assert len(found) == 1002
    assert listing.as_text(found).count("\n") == 1002
    assert time.process_time() - begin < 2

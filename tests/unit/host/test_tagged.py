# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Tagged lines of guest files follow the registry; nothing else is touched, and nothing is lost."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from conftest import PROJECT, FakeRunner
from univention_xen import files, lock
from univention_xen.cli.main import main
from univention_xen.guest import look
from univention_xen.host import services, tagged
from univention_xen.plan import Machine
from univention_xen.toolstack import followed

WEB = """\
# the web server, as the administrator likes it
name = "web";type='hvm'
vnclisten = "127.0.0.1"  # ucr: xen/vnc/listen
vnclisten_note = "127.0.0.1"
keymap = 'de'\t# ucr: xen/vnc/keymap
vif = [ "mac=00:16:3e:00:00:01,bridge=lan",
        "mac=00:16:3e:00:00:02,bridge=xenbr0",  # ucr: xen/bridge/name
]
"""
PV = 'name = "db"\ntype = "pv"\nkernel = "/k"\nvfb = [ "vnc=1,vnclisten=127.0.0.1" ]  # ucr: xen/vnc/listen\n'
MINE = 'name = "mine"\nvnclisten = "127.0.0.1"\n# ucr: xen/vnc/listen\n'


class Registry(dict[str, str]):
    """What a handler is given."""

    root = ""


@pytest.fixture
def on(tmp_path: Path) -> Machine:
    (tmp_path / "etc/xen/auto").mkdir(parents=True)
    return Machine(tmp_path, FakeRunner())  # type: ignore[arg-type]


def put(on: Machine, **texts: str) -> None:
    for name, text in texts.items():
        on.path(f"/etc/xen/{name}.cfg").write_text(text)


def text(on: Machine, name: str) -> str:
    return on.path(f"/etc/xen/{name}.cfg").read_text()


def follow(on: Machine, values: dict[str, str], run: Any = None) -> list[str]:
    registry = Registry(values)
    registry.root = str(on.root)
    return tagged.follow(registry, run or on.run)


def test_exactly_the_tagged_lines_follow(on: Machine) -> None:
    put(on, web=WEB, db=PV, mine=MINE)
    said = follow(on, {"xen/vnc/listen": "192.0.2.1", "xen/vnc/keymap": "fr", "xen/bridge/name": "br7"})
    assert said == ["following the registry: /etc/xen/db.cfg, /etc/xen/web.cfg"]
    changed = WEB.replace('"127.0.0.1"  #', '"192.0.2.1"  #').replace("'de'", '"fr"').replace("xenbr0", "br7")
    assert text(on, "web") == changed
    assert text(on, "db") == PV.replace("127.0.0.1", "192.0.2.1")
    assert text(on, "mine") == MINE


def test_a_second_time_nothing_is_written_or_locked(on: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    put(on, web=WEB)
    values = {"xen/vnc/listen": "::1"}
    assert follow(on, values)
    monkeypatch.setattr(files, "replace_together", None)
    monkeypatch.setattr(lock, "holding", None)
    assert follow(on, values) == []


def test_defaults_are_followed_too_but_an_unset_keymap_is_nothing_to_follow(on: Machine) -> None:
    put(on, web=WEB.replace("127.0.0.1", "192.0.2.9").replace("xenbr0", "old"))
    follow(on, {})
    assert text(on, "web") == WEB.replace('vnclisten_note = "127.0.0.1"', 'vnclisten_note = "192.0.2.9"')


def test_mode_and_links_are_kept(on: Machine, tmp_path: Path) -> None:
    elsewhere = on.path("/srv/guests/db.cfg")
    elsewhere.parent.mkdir(parents=True)
    elsewhere.write_text(PV + 'vncpasswd = "geheim"\n')
    elsewhere.chmod(0o600)
    on.path("/etc/xen/auto/db").symlink_to("/srv/guests/db.cfg")  # absolute: meant below the root
    on.path("/etc/xen/same.cfg").symlink_to("../../srv/guests/db.cfg")
    assert len(follow(on, {"xen/vnc/listen": "192.0.2.1"})) == 1
    assert "vnclisten=192.0.2.1" in elsewhere.read_text()
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o600
    assert on.path("/etc/xen/auto/db").is_symlink()
    assert on.path("/etc/xen/same.cfg").is_symlink()
    assert os.listdir(elsewhere.parent) == ["db.cfg"]


def test_a_link_never_leads_out_of_an_image(tmp_path: Path) -> None:
    host, image = tmp_path / "host.cfg", tmp_path / "image"
    host.write_text(PV)
    (image / "etc/xen").mkdir(parents=True)
    (image / "etc/xen/a.cfg").symlink_to(host)
    (image / "etc/xen/b.cfg").symlink_to("../../../host.cfg")
    (image / "etc/xen/loop.cfg").symlink_to("loop.cfg")
    assert follow(Machine(image, FakeRunner()), {"xen/vnc/listen": "192.0.2.1"}) == []  # type: ignore[arg-type]
    assert host.read_text() == PV


def test_a_file_that_cannot_be_understood_is_one_warning(on: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    broken = 'name = "bad\nvnclisten = "127.0.0.1"  # ucr: xen/vnc/listen\n'
    put(on, bad=broken, db=PV, other='name = "no tag\n')
    on.path("/etc/xen/pipe.cfg").mkdir()
    assert follow(on, {"xen/vnc/listen": "192.0.2.1"}) == ["following the registry: /etc/xen/db.cfg"]
    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == 1
    assert warnings[0].startswith("W: /etc/xen/bad.cfg:1:8: ")
    assert text(on, "bad") == broken


def test_files_for_xm_follow_too(on: Machine) -> None:
    old = "# -*- python -*-\r\nimport os\r\nname = 'xm'\r\nvnclisten = '127.0.0.1' # ucr: xen/vnc/listen\r\n"
    on.path("/etc/xen/xm.cfg").write_bytes(old.encode())
    follow(on, {"xen/vnc/listen": "192.0.2.1"})
    assert on.path("/etc/xen/xm.cfg").read_bytes() == old.replace("'127.0.0.1'", '"192.0.2.1"').encode()


def test_bytes_that_are_no_utf8_survive(on: Machine) -> None:
    on.path("/etc/xen/a.cfg").write_bytes(b"# B\xfcro\n" + PV.encode())
    follow(on, {"xen/vnc/listen": "192.0.2.1"})
    assert on.path("/etc/xen/a.cfg").read_bytes() == b"# B\xfcro\n" + PV.replace("127.0.0.1", "192.0.2.1").encode()


@pytest.mark.parametrize("value", ["nowhere", '0.0.0.0" # ', "@!@print(1)@!@", "0.0.0.0\nvnc=1", "[]", "ü"])
def test_a_value_that_makes_no_sense_changes_nothing(
    on: Machine, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    put(on, db=PV.replace("127.0.0.1", "192.0.2.5"))
    assert follow(on, {"xen/vnc/listen": value}) == []
    assert "vnclisten=192.0.2.5" in text(on, "db")
    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == 1
    assert "xen/vnc/listen" in warnings[0]
    assert "stay as they are" in warnings[0]


def test_without_tagged_lines_a_value_is_nobodys_business(on: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    put(on, mine='name = "mine"\n')
    assert follow(on, {"xen/vnc/listen": "nowhere"}) == []
    assert capsys.readouterr().err == ""


def test_a_password_keeps_screens_at_home_as_for_new_guests(on: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    put(on, db=PV.replace("127.0.0.1", "192.0.2.5"))
    values = {"xen/vnc/listen": "192.0.2.7", "xen/vnc/password": "geheim"}
    follow(on, values)
    assert text(on, "db") == PV
    said = capsys.readouterr().err
    assert "cannot ask for the VNC password" in said
    assert "geheim" not in said
    assert followed.address(followed.Guests.read(values)[0], on) == "127.0.0.1"
    on.path("/etc/init.d").mkdir()
    on.path("/etc/init.d/xend").write_text("")  # xend gives guests the password of the registry
    follow(on, values)
    assert "vnclisten=192.0.2.7" in text(on, "db")


def test_who_edits_a_guest_just_now_is_waited_for_and_then_told(
    on: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(on, web=WEB, db=PV)
    monkeypatch.setattr(tagged, "PATIENCE", 0)
    for what in ("guest web", "guest files"):
        with lock.holding(what, under=lock.directory(on.root)):
            follow(on, {"xen/vnc/listen": "192.0.2.1"})
        assert text(on, "web") == WEB
        assert f"{what} is in use by another univention-xen" in capsys.readouterr().err
    assert text(on, "db") != PV, "others follow all the same"
    assert follow(on, {"xen/vnc/listen": "192.0.2.1"}) == ["following the registry: /etc/xen/web.cfg"]


def test_an_edit_that_is_made_meanwhile_is_not_lost(on: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    put(on, web=WEB)
    own = WEB.replace("# the web server", "# OUR web server") + "memory = 4096\n"
    holding = lock.holding

    def just_too_late(what: str, **options: Any) -> Any:
        if what == "guest web":
            put(on, web=own)
        return holding(what, **options)

    monkeypatch.setattr(lock, "holding", just_too_late)
    follow(on, {"xen/vnc/listen": "192.0.2.1"})
    assert text(on, "web") == own.replace('"127.0.0.1"  #', '"192.0.2.1"  #')


def test_what_a_killed_try_has_left_goes_and_a_full_disk_leaves_the_old_file(
    on: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(on, web=WEB)
    on.path("/etc/xen/.web.cfg.4194305.0a0b0c0d").write_text("half")
    on.path("/etc/xen/.mine").write_text("kept")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "fill", full)
        assert follow(on, {"xen/vnc/listen": "192.0.2.1"}) == []
    said = capsys.readouterr().err
    assert "/etc/xen/web.cfg does not follow the registry: No space left on device" in said
    assert "univention-xen guest follow" in said
    assert text(on, "web") == WEB
    assert sorted(os.listdir(on.path("/etc/xen"))) == [".mine", "auto", "web.cfg"]


def test_guests_that_run_are_named_and_nothing_is_done_to_them(on: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    put(on, web=WEB, db=PV, off=PV.replace('"db"', '"off"'))
    on.path("/sys/hypervisor").mkdir(parents=True)
    on.path("/sys/hypervisor/type").write_text("xen\n")
    table = "Name ID Mem VCPUs State Time(s)\nDomain-0 0 1024 2 r----- 1.0\n"
    run: Any = FakeRunner({"xl list": table + "web 1 64 1 -b---- 1.0\nother 2 64 1 r----- 1.0\n"})
    monkeypatch.setattr(services, "is_live", lambda _root: True)
    assert follow(on, {"xen/vnc/listen": "192.0.2.1"}, run)[1:] == [
        "web is running and sees the change when it has been shut down and started again"
    ]
    assert run.asked == ["xl list"]


def test_a_thousand_files_are_told_in_one_line(on: Machine) -> None:
    put(on, **{f"g{number:04}": PV.replace("db", f"g{number}") for number in range(250)})
    (said,) = follow(on, {"xen/vnc/listen": "192.0.2.1"})
    assert said.endswith("/etc/xen/g0009.cfg and 240 more")
    assert all("192.0.2.1" in text(on, f"g{number:04}") for number in range(250))


def test_the_plan_shows_each_line(on: Machine) -> None:
    put(on, web=WEB)
    registry = Registry({"xen/vnc/listen": "192.0.2.1"})
    plan = tagged.plan(registry, on)
    assert str(plan) == ("edit /etc/xen/web.cfg\n  line 3: vnclisten should be “192.0.2.1”, as xen/vnc/listen says")
    plan.carry_out(on)
    assert str(tagged.plan(registry, on)) == "all lines that follow the registry are in step"


def test_the_command_brings_files_into_step(on: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    put(on, web=WEB.replace("127.0.0.1", "192.0.2.1"))
    words = ["guest", "follow", "--root", str(on.root)]
    assert main([*words, "--dry-run"]) == 0
    assert "line 3: vnclisten should be “127.0.0.1”" in capsys.readouterr().out
    assert main(words) == 0
    assert capsys.readouterr().out == "following the registry: /etc/xen/web.cfg\n"
    assert 'vnclisten = "127.0.0.1"' in text(on, "web")
    assert main(words) == 0
    assert "in step" in capsys.readouterr().out
    put(on, web=WEB.replace("127.0.0.1", "192.0.2.1"))
    with lock.holding("guest web", under=lock.directory(on.root)):
        assert main(words) == 1
    assert "1 guest file could not follow" in capsys.readouterr().err


def test_the_declared_variables_are_those_that_are_read() -> None:
    stanza = (PROJECT / "debian/univention-xen.univention-config-registry").read_text().split("xen_guests.py\n")[1]
    patterns = [line.removeprefix("Variables: ") for line in stanza.split("\n\n")[0].splitlines()]
    needed = {variable.name for variable in followed.Guests.variables() if variable.field not in UNUSED}
    assert patterns == [f"^{name}$" for name in sorted(needed)]


UNUSED = {"mode", "bridge_interface", "vnc_tls", "vnc_x509_cert_dir", "vnc_x509_verify"}


def test_no_file_is_read_that_is_none(on: Machine) -> None:
    put(on, **{".hidden": PV})
    on.path("/etc/xen/xl.conf").write_text(PV)
    assert look.all_files(on) == []
    assert follow(on, {"xen/vnc/listen": "192.0.2.1"}) == []

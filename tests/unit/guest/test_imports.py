# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`univention-xen guest …` on a host that is a directory."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

import pytest

from conftest import Check
from univention_xen.cli.main import main

Output = pytest.CaptureFixture[str]
OLD = "# the web server\nname = 'web'\nkernel = '/boot/k'\nmemory = 2 * 64\ndisk = ['file:/img/web,xvda,w']\n"
NEW = 'name = "mail"\ntype = "pvh"\nkernel = "/boot/k"\nmemory = 64\nvif = [ "mac=00:16:3e:00:00:01" ]\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc/xen/auto").mkdir(parents=True)
    (tmp_path / "old").mkdir()
    return tmp_path


def run(root: Path, *words: str) -> int:
    return main(["--root", str(root), "guest", *words])


def test_a_file_is_imported_and_the_old_one_stays(root: Path, capsys: Output) -> None:
    (root / "old/web").write_text(OLD)
    assert run(root, "import", "/old/web") == 0
    new = root / "etc/xen/web.cfg"
    assert new.read_text().startswith("# the web server\nname = 'web'\n")
    assert (root / "old/web").read_text() == OLD
    assert "/old/web:4:1: changed: memory: 2 * 64 became 128" in capsys.readouterr().out
    assert run(root, "import", "/old/web") == 0
    assert "nothing to do: the files are there already" in capsys.readouterr().out


def test_a_dry_run_writes_nothing_and_tells_the_same(root: Path, capsys: Output) -> None:
    (root / "old/web").write_text(OLD)
    assert run(root, "import", "/old/web", "--dry-run") == 0
    told = capsys.readouterr().out
    assert "write /etc/xen/web.cfg" in told
    assert "memory: 2 * 64 became 128" in told
    assert list((root / "etc/xen").iterdir()) == [root / "etc/xen/auto"]


def test_nothing_is_overwritten(root: Path, capsys: Output) -> None:
    (root / "old/web").write_text(OLD)
    (root / "etc/xen/web.cfg").write_text("mine\n")
    assert run(root, "import", "/old/web") == 1
    assert "/etc/xen/web.cfg exists already" in capsys.readouterr().out
    assert (root / "etc/xen/web.cfg").read_text() == "mine\n"


def test_the_old_file_is_kept_when_the_new_one_takes_its_name(root: Path) -> None:
    old = root / "etc/xen/web.cfg"
    old.write_text(OLD)
    old.chmod(0o640)
    assert run(root, "import", "web") == 0
    kept = root / "etc/xen/web.cfg.before-import"
    assert kept.read_text() == OLD
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640
    assert "format=raw" in old.read_text()
    again = old.read_text()
    assert run(root, "import", "web") == 0
    assert old.read_text() == again
    old.write_text(OLD + "vcpus = 2\n")
    assert run(root, "import", "web") == 1
    assert kept.read_text() == OLD
    assert old.read_text() == OLD + "vcpus = 2\n"


def test_a_link_is_not_replaced(root: Path) -> None:
    (root / "old/web").write_text(OLD)
    (root / "etc/xen/web.cfg").symlink_to("../../old/web")
    assert run(root, "import", "/etc/xen/web.cfg") == 1
    assert (root / "etc/xen/web.cfg").is_symlink()
    assert (root / "old/web").read_text() == OLD


def test_the_good_files_of_a_directory_are_imported_and_the_others_told(root: Path, capsys: Output) -> None:
    for name, text in {
        "web": OLD, "mail.cfg": NEW, "bad": "memory = 'much'\n", "worse": "name = 'x\n", "copy": OLD,
        "xl.conf": "autoballoon='off'\n", "notes~": "x", "xend-config.sxp": "(logfile x)",
    }.items():  # fmt: skip
        (root / "old" / name).write_text(text)
    assert run(root, "import", "/old", "--to", "/new", "--json") == 1
    told = {each["source"]: each for each in json.loads(capsys.readouterr().out)}
    assert sorted(path.name for path in (root / "new").iterdir()) == ["mail.cfg", "web.cfg"]
    assert set(told) == {"/old/web", "/old/mail.cfg", "/old/bad", "/old/worse", "/old/copy"}
    assert told["/old/bad"]["target"] == ""
    assert {(each["kind"], each["line"]) for each in told["/old/bad"]["remarks"]} == {("refused", 1)}
    assert "quoted text is not closed" in told["/old/worse"]["remarks"][0]["sentence"]
    assert "/old/copy describes a guest of the same name" in told["/old/web"]["remarks"][0]["sentence"]
    assert (root / "new/mail.cfg").read_text() == NEW


def test_a_file_for_xl_is_taken_as_it_is_or_refused(root: Path, capsys: Output) -> None:
    (root / "old/mail").write_text(NEW.replace("\n", "\r\n"), newline="")
    (root / "old/bad").write_text('name = "b"\ntype = "pvh"\ncmdline = "x"\n')
    (root / "old/syntax").write_text('name = "b" + "c"\ntype = "pvh"\n')
    assert run(root, "import", "/old/mail") == 0
    assert (root / "etc/xen/mail.cfg").read_bytes() == NEW.encode()
    assert run(root, "import", "/old/bad", "/old/syntax") == 1
    told = capsys.readouterr().out
    assert "neither kernel nor boot loader" in told
    assert "/old/syntax:1:12: refused: xl does not understand “+”" in told


def test_secrets_stay_secret(root: Path, capsys: Output) -> None:
    (root / "old/web").write_text(OLD + "vfb = ['type=vnc,vncpasswd=geheim']\n")
    assert run(root, "import", "/old/web") == 0
    new = root / "etc/xen/web.cfg"
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert "vncpasswd=geheim" in new.read_text()
    told = capsys.readouterr().out
    assert re.search(r"/old/web:\d+: lost: .* cannot ask for a VNC password, .* 127.0.0.1 and .* ssh -L$", told, re.M)
    assert "geheim" not in told
    for words in (["show", "web"], ["show", "web", "--json"], ["check", "web"], ["import", "/old/web", "--dry-run"]):
        run(root, *words)
    shown = capsys.readouterr()
    assert "geheim" not in shown.out + shown.err


def test_a_name_cannot_lead_out_of_the_directory(root: Path) -> None:
    (root / "old/x").write_text(OLD.replace("'web'", "'../../escaped'"))
    assert run(root, "import", "/old/x") == 0
    assert [path.name for path in (root / "etc/xen").iterdir() if path.is_file()] == [".._.._escaped.cfg"]


def test_missing_and_odd_files_are_one_sentence(root: Path, capsys: Output) -> None:
    (root / "old/large").write_bytes(b"#" * (2 << 20))
    (root / "old/binary").write_bytes(bytes(range(256)))
    os.mkfifo(root / "old/pipe")
    assert run(root, "import", "/old/none", "/old/large", "/old/binary", "/old/pipe") == 1
    assert run(root, "show", "nobody") == 1
    assert run(root, "show", "/old/binary") == 1
    assert run(root, "check", "nobody") == 1
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    assert "/old/none: No such file or directory" in told.out
    assert "is no guest file" in told.out
    assert "there is no guest nobody" in told.err


def test_check_finds_all_guests_and_what_they_need(root: Path, capsys: Output) -> None:
    (root / "etc/xen/mail.cfg").write_text(NEW)
    (root / "etc/xen/web.cfg").write_text(NEW.replace("mail", "web"))
    (root / "etc/xen/auto/mail.cfg").symlink_to("../mail.cfg")
    (root / "etc/xen/xl.conf").write_text("autoballoon='off'\n")
    (root / "sys/class/net/xenbr0/bridge").mkdir(parents=True)
    (root / "boot").mkdir()
    assert run(root, "check", "--json") == 1
    rules = [(each["guest"], each["rule"]) for each in json.loads(capsys.readouterr().out)]
    assert rules == [("mail", "missing"), ("web", "missing"), ("web", "mac")]
    (root / "boot/k").write_text("")
    assert run(root, "check", "mail", "/etc/xen/mail.cfg") == 0
    assert capsys.readouterr().out == "Nothing wrong with 1 guest.\n"


def test_show_tells_what_a_guest_is(root: Path, golden: Check, capsys: Output) -> None:
    (root / "etc/xen/win.cfg").write_text(
        'name = "win"\ntype = "hvm"\nmemory = 1024\nmaxmem = 2048\nvcpus = 2\nboot = "dc"\nvncdisplay = 3\n'
        'disk = [ "vdev=hda,format=qcow2,target=/img/a", "vdev=hdc,cdrom" ]\nvif = [ "bridge=br1,model=e1000", "" ]\n'
    )
    (root / "old/web").write_text(OLD + "extra = 'quiet'\nvif = ['mac=00:16:3e:00:00:02,bridge=a']\n")
    assert run(root, "show", "win") == 0
    assert run(root, "show", "/old/web") == 0
    golden("guest/show", capsys.readouterr().out)
    assert run(root, "show", "win", "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["toolstack"], data["kind"], data["disks"][0]["format"]) == ("xl", "hvm", "qcow2")
    assert data["vnc"] == {"on": True, "listen": "127.0.0.1", "display": 3, "unused": True, "password": False}


@pytest.mark.parametrize("verb", ["", "import", "check", "follow", "show"])
def test_the_help_is_as_agreed(verb: str, golden: Check, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main(["guest", *([verb] if verb else []), "--help"])
    golden(f"guest/help{verb and '-'}{verb}", capsys.readouterr().out)

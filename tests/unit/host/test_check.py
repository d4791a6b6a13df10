# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Everything odd is found: in values, the toolstack, the generated files and what xend has read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conftest import PROJECT, FakeRunner
from univention_xen.host import check, generated, memory, react, services
from univention_xen.host.check import NOTE, WARNING, Facts, judge
from univention_xen.host.generated import BROKEN, CURRENT, DIFFERENT, MISSING, Generated
from univention_xen.host.hypervisor import Hypervisor
from univention_xen.host.reboot import NextBoot
from univention_xen.host.status import Room, Status
from univention_xen.plan import Machine
from univention_xen.settings.everything import Settings
from univention_xen.toolstack.detect import Found, choose

XL, XEND, BOTH, NEITHER = Found("xl", ""), Found("", "xend"), Found("xl", "xend"), Found("", "")
FILE = "/etc/xen/xl.conf"


def facts(
    values: dict[str, str] | None = None, found: Found = XL, files: tuple[Generated, ...] = (), *, old: bool = False
) -> Facts:
    settings, problems = Settings.read(values or {})
    files = files or (Generated(FILE, CURRENT),)
    return Facts(settings, problems, found, choose(settings.toolstack, found), files, old)


def told(facts: Facts) -> list[tuple[str, str]]:
    return [(finding.level, finding.about) for finding in judge(facts)]


@pytest.mark.parametrize(
    ("values", "found", "expected"),
    [
        ({}, XL, []),
        ({}, XEND, []),
        ({}, NEITHER, []),
        ({}, BOTH, [(NOTE, "xen/toolstack")]),
        ({"xen/toolstack": "xl"}, BOTH, []),
        ({"xen/toolstack": "xl"}, XEND, [(WARNING, "xen/toolstack")]),
        ({"xen/toolstack": "xend"}, XL, [(WARNING, "xen/toolstack")]),
        ({"xen/toolstack": "qemu"}, XL, [(WARNING, "xen/toolstack")]),
    ],
)
def test_the_toolstack_must_fit(values: dict[str, str], found: Found, expected: list[tuple[str, str]]) -> None:
    assert told(facts(values, found)) == expected


def test_a_value_that_acts_elsewhere_is_a_note_behind_the_warnings() -> None:
    values = {"xen/xl/claim_mode": "no", "xen/dump": "maybe"}
    assert told(facts(values, XEND)) == [(WARNING, "xen/dump"), (NOTE, "xen/xl/claim_mode")]
    assert told(facts({"xen/xl/claim_mode": "no"}, XL)) == []


def test_a_value_that_acts_nowhere_is_told_once() -> None:
    assert told(facts({"xen/repository": "deb http://example.com/ x"})) == [(WARNING, "xen/repository")]


@pytest.mark.parametrize(
    ("values", "role", "forwards", "expected"),
    [
        ({"xen/network/mode": "nat"}, "dom0", False, [(WARNING, "xen/network/mode")]),
        ({"xen/network/mode": "route"}, "dom0", False, [(WARNING, "xen/network/mode")]),
        ({"xen/network/mode": "nat"}, "dom0", True, []),
        ({"xen/network/mode": "nat"}, "", False, []),
        ({"xen/network/mode": "none"}, "dom0", False, []),
        ({}, "dom0", False, []),
    ],
)
def test_guests_without_a_bridge_need_a_host_that_forwards(
    values: dict[str, str], role: str, forwards: bool, expected: list[tuple[str, str]]
) -> None:
    found = facts(values)
    boot = NextBoot("Xen", True, False, "as it runs")
    status = Status(Hypervisor(role, "4.17.7"), boot, found.choice, [], [], Room("/", 100, 50), None, [])
    odd = check.judge_running(found._replace(status=status, forwards=forwards))
    assert [(each.level, each.about) for each in odd if each.about != "hypervisor"] == expected


@pytest.mark.parametrize("state", [DIFFERENT, MISSING, BROKEN])
def test_a_file_out_of_step_is_a_warning(state: str) -> None:
    assert told(facts(files=(Generated(FILE, state, "why"),))) == [(WARNING, FILE)]


def test_a_xend_with_an_older_file_is_a_warning_unless_it_is_left_alone() -> None:
    assert told(facts(found=XEND, old=True)) == [(WARNING, "xend")]
    assert told(facts({"xen/toolstack": "xl"}, XL, old=True)) == []


def test_passwords_are_never_told() -> None:
    found = judge(facts({"xen/vnc/password": "geheim\nx" * 2000}))
    assert found
    assert "geheim" not in repr(found)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host with the templates and no values."""
    for path in generated.FILES:
        target = Path(str(tmp_path) + generated.TEMPLATES + path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((PROJECT / "conffiles" / path[1:]).read_bytes())
        (tmp_path / path[1:]).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "etc/univention/base.conf").write_text("# x\n\n")
    return tmp_path


def machine(root: Path) -> Machine:
    return Machine(root, FakeRunner({}))  # type: ignore[arg-type]


def states(root: Path) -> dict[str, str]:
    return {file.path: file.state for file in generated.look_at(machine(root))}


def generate(root: Path) -> None:
    for path in generated.FILES:
        (root / path[1:]).write_text(generated.render(machine(root), path))


def test_files_are_compared_by_what_acts_in_them(root: Path) -> None:
    assert set(states(root).values()) == {MISSING}
    generate(root)
    assert set(states(root).values()) == {CURRENT}
    with (root / "etc/xen/xl.conf").open("a") as file:
        file.write("\n# a remark\n")
    assert set(states(root).values()) == {CURRENT}
    with (root / "etc/xen/xl.conf").open("a") as file:
        file.write('lockfile="/elsewhere"\n')
    assert states(root) == dict.fromkeys(generated.FILES, CURRENT) | {"/etc/xen/xl.conf": DIFFERENT}


def test_a_value_that_has_not_arrived_in_a_file_is_seen(root: Path) -> None:
    generate(root)
    (root / "etc/univention/base.conf").write_text("# x\n\nxen/console/limit: 4096")
    assert states(root)["/etc/xen/xend-config.sxp"] == DIFFERENT


def test_a_broken_template_is_named(root: Path) -> None:
    generate(root)
    Path(str(root) + generated.TEMPLATES + "/etc/xen/xl.conf").write_text("@!@\nraise ValueError('x')\n@!@\n")
    (broken,) = [file for file in generated.look_at(machine(root)) if file.state == BROKEN]
    assert (broken.path, "ValueError" in broken.why) == ("/etc/xen/xl.conf", True)


def test_generating_in_memory_leaves_stderr_and_files_alone(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (root / "etc/univention/base.conf").write_text("# x\n\nxen/console/limit: many")
    before = sorted(root.rglob("*"))
    generated.look_at(machine(root))
    assert capfd.readouterr() == ("", "")
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize(
    ("read", "running", "expected"),
    [("same", True, False), ("older", True, True), ("older", False, False), (memory.UNKNOWN, True, True)],
)
def test_a_xend_is_outdated_when_it_runs_with_another_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: str, *, running: bool, expected: bool
) -> None:
    root = str(tmp_path)
    monkeypatch.setattr(services, "is_live", lambda _root: True)
    monkeypatch.setattr(services, "is_running", lambda *_: running)
    (tmp_path / "etc/init.d").mkdir(parents=True)
    (tmp_path / "etc/init.d/xend").write_text("")
    (tmp_path / "etc/init.d/xend").chmod(0o755)
    (tmp_path / "etc/xen").mkdir()
    (tmp_path / "etc/xen/xend-config.sxp").write_text("(new)")
    now = react.text_of(root, "xend")
    run: Any = FakeRunner({})
    assert not check.is_outdated(Machine(tmp_path, run), "xend")
    react.remember(root, "xend", memory.Memory(now if read == "same" else read, now, ""))
    assert check.is_outdated(Machine(tmp_path, run), "xend") is expected


def test_a_password_file_that_others_can_read_is_told_without_its_content(root: Path) -> None:
    secret = root / "etc/xen/vnc.secret"
    secret.parent.mkdir(parents=True, exist_ok=True)
    secret.write_text("geheim\n")
    secret.chmod(0o644)
    (root / "etc/univention/base.conf").write_text(
        "# univention_ base.conf\n\nxen/vnc/passwordfile: /etc/xen/vnc.secret"
    )
    findings = judge(check.look_at(machine(root)))
    assert (WARNING, "xen/vnc/passwordfile") in {(finding.level, finding.about) for finding in findings}
    assert "geheim" not in repr(findings)


def test_tagged_lines_out_of_step_are_warnings_and_what_a_value_comes_to_is_a_note(root: Path) -> None:
    line = 'vnclisten = "%s"  # ucr: xen/vnc/listen\n'
    for name, address in (("web", "127.0.0.1"), ("old", "192.0.2.1")):
        text = line % address + f'name = "{name}"\ntype = "hvm"\nmemory = 64\n'
        (root / f"etc/xen/{name}.cfg").write_text(text)
    (root / "etc/xen/bad.cfg").write_text('name = "x\n' + line)
    base = root / "etc/univention/base.conf"
    base.write_text("# x\n\nxen/vnc/listen: 192.0.2.1")
    found = {finding.about: finding for finding in judge(check.look_at(machine(root)))}
    assert found["/etc/xen/web.cfg"].level == found["/etc/xen/bad.cfg"].level == WARNING
    assert "line 1: vnclisten should be “192.0.2.1”" in found["/etc/xen/web.cfg"].problem
    assert "guest follow" in found["/etc/xen/web.cfg"].hint
    assert "follow" not in found["/etc/xen/old.cfg"].problem, "only that everybody sees its screen"
    base.write_text("# x\n\nxen/vnc/listen: 192.0.2.1\nxen/vnc/password: geheim")
    findings = judge(check.look_at(machine(root)))
    assert "/etc/xen/web.cfg" not in {finding.about for finding in findings}
    (note,) = [each.problem for each in findings if "cannot ask for the VNC password" in each.problem]
    assert note.startswith("xen/vnc/listen: the installed device model")
    assert "geheim" not in repr(findings)
    for name in ("old", "web"):
        (root / f"etc/xen/{name}.cfg").unlink()
    assert any("cannot ask for the VNC password" in each.problem for each in judge(check.look_at(machine(root))))


def test_every_finding_has_a_hint(root: Path) -> None:
    (root / "etc/xen/bad.cfg").write_text('name = "x\nvnclisten = "127.0.0.1"  # ucr: xen/vnc/listen\n')
    (root / "etc/xen/secret").write_text("geheim\n")
    (root / "etc/xen/secret").chmod(0o644)
    Path(str(root) + generated.TEMPLATES + "/etc/xen/xl.conf").write_text("@!@\nraise ValueError('x')\n@!@\n")
    values = (
        "xen/vnc/passwordfile: /etc/xen/secret",
        "xen/vnc/listen: 192.0.2.1",
        "xen/dump: maybe",
        "xen/repository: x",
    )
    (root / "etc/univention/base.conf").write_text("# x\n\n" + "\n".join(values))
    findings = judge(check.look_at(machine(root)))
    assert len(findings) >= 6
    assert [finding for finding in findings if not finding.hint] == []

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""All that is wrong with guest files is found in one pass, quickly."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from conftest import FakeRunner
from univention_xen.guest import look
from univention_xen.guest.check import Facts, Finding, GuestFile, check
from univention_xen.guest.tags import Followed
from univention_xen.plan import Machine

GOOD = """\
name = "{name}"
type = "pvh"
kernel = "/boot/k"
memory = 256
disk = [ "vdev=xvda,target=/img/{name}" ]
vif = [ "mac=00:16:3e:00:{high:02x}:{low:02x},bridge=br0" ]
"""


def good(name: str = "web", number: int = 1) -> str:
    return GOOD.format(name=name, high=number // 256, low=number % 256)


def found(*texts: str, facts: Facts | None = None) -> list[Finding]:
    files = [GuestFile(f"/etc/xen/{index}.cfg", text, 0o644) for index, text in enumerate(texts)]
    return check(files, facts or Facts())


def rules(*texts: str, facts: Facts | None = None) -> list[tuple[str, str, int]]:
    return [(each.rule, each.severity, each.line) for each in found(*texts, facts=facts)]


def test_a_good_guest_on_a_good_host_is_left_in_peace() -> None:
    facts = Facts(frozenset(), frozenset(["br0"]), "br0", 1024, frozenset(["web"]))
    assert found(good(), good("mail", 2), facts=facts) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('name = "a', ("syntax", "error", 1)),
        ('name = "a"\nmemory = 1\n', ("refused", "error", 1)),
        (good() + 'builder = "linux"\n', ("refused", "error", 7)),
        (good() + "colour = 1\n", ("ignored", "warning", 7)),
        (good() + 'vcpus = "two"\n', ("ignored", "warning", 7)),
        (good() + "memory = 128\n", ("repeated", "warning", 7)),
        (good("a b").replace("memory = 256", "memory = 256\nmaxmem = 64"), ("memory", "warning", 5)),
        (good("a/b"), ("name", "error", 1)),
        (good().replace("target=/img", "target=img"), ("relative", "warning", 5)),
        (good().replace('" ]\nvif', '", "vdev=xvda,target=/b" ]\nvif'), ("device", "error", 5)),
        (good() + 'vfb = [ "vnclisten=0.0.0.0" ]\n', ("vnc", "warning", 7)),
        (good() + 'vfb = [ "vnclisten=127.0.0.1.example" ]\n', ("vnc", "warning", 7)),
        (good() + 'vfb = [ "vncpasswd=geheim" ]\n', ("mode", "warning", 1)),
    ],
)
def test_each_mistake_is_found_with_its_line(text: str, expected: tuple[str, str, int]) -> None:
    assert rules(text) == [expected]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Facts(missing=frozenset(["/img/web"])), ("missing", "error", 5)),
        (Facts(missing=frozenset(["/boot/k"])), ("missing", "error", 3)),
        (Facts(bridges=frozenset(["xenbr0"])), ("bridge", "error", 6)),
        (Facts(memory=200), ("memory", "error", 4)),
    ],
)
def test_what_the_host_lacks_is_found(facts: Facts, expected: tuple[str, str, int]) -> None:
    assert rules(good(), facts=facts) == [expected]


def test_nothing_is_said_about_what_is_not_known() -> None:
    assert found(good(), facts=Facts(bridges=None, memory=None)) == []


def test_routed_cards_need_no_bridge() -> None:
    text = good().replace("bridge=br0", "script=vif-route")
    assert found(text, facts=Facts(bridges=frozenset())) == []


def test_a_password_that_the_device_model_cannot_ask_for_is_explained() -> None:
    text = good() + 'vfb = [ "vncpasswd=geheim" ]\n'
    findings = found(text, facts=Facts(vnc_passwords=False))
    assert ("vnc-password", "error") in [(each.rule, each.severity) for each in findings]
    assert not any("geheim" in str(each) for each in findings)


def test_what_two_guests_share_is_a_warning_and_worse_when_both_run() -> None:
    first, second = good("a", 1), good("b", 1).replace("/img/b", "/img/a")
    assert rules(first, second) == [("image", "warning", 5), ("mac", "warning", 6)]
    both = Facts(together=frozenset(["a", "b"]))
    assert rules(first, second, facts=both) == [("image", "error", 5), ("mac", "error", 6)]


def test_an_image_that_nobody_writes_may_be_shared() -> None:
    read_only = [good(name, number).replace(f"/img/{name}", "/img/x") for number, name in enumerate("ab")]
    assert rules(*(text.replace("vdev=", "access=ro,vdev=") for text in read_only)) == []
    assert rules(read_only[0], read_only[1].replace("vdev=", "access=ro,vdev=")) == [("image", "warning", 5)]


def test_one_iso_in_many_drives_is_fine() -> None:
    cd = 'type = "hvm"\nmemory = 64\ndisk = [ "vdev=hdc,devtype=cdrom,target=/i.iso" ]\n'
    assert rules('name = "a"\n' + cd, 'name = "b"\n' + cd) == []


def test_names_uuids_and_displays_clash() -> None:
    hvm = 'type = "hvm"\nname = "a"\nmemory = 64\nvncdisplay = 1\nvncunused = 0\nuuid = "{}"\n'
    uuid = "6a1f4c1e-55aa-4f0e-9a11-0c0ffee0c0de"
    assert [rule for rule, _, _ in rules(hvm.format(uuid), hvm.format(uuid.upper()))] == ["name", "display", "uuid"]


def test_an_old_file_is_told_how_to_become_a_new_one() -> None:
    old = "import os\nname = 'a'\nmemory = 2 * 64\n"
    assert "guest import" in found(old)[0].hint
    assert found("no guest at all\n")[0].hint == ""
    assert "guest import" in found("name = 'a'\nbuilder = 'linux'\nkernel = '/k'\n")[0].hint


def test_everything_is_told_at_once_in_the_order_of_the_files() -> None:
    bad = good() + 'colour = 1\nvfb = [ "vnclisten=::" ]\n'
    places = [(each.path.removeprefix("/etc/xen/"), each.line) for each in found(bad, "x\n", bad)]
    shared = [("2.cfg", 1), ("2.cfg", 5), ("2.cfg", 6)]
    assert places == [("0.cfg", 7), ("0.cfg", 8), ("1.cfg", 1), *shared, ("2.cfg", 7), ("2.cfg", 8)]


def test_a_thousand_guests_take_less_than_two_seconds() -> None:
    facts = Facts(bridges=frozenset(["br0"]), together=frozenset(f"g{number}" for number in range(1000)))
    texts = [good(f"g{number}", number) for number in range(1000)]
    shared = [good(f"h{number}", 1).replace(f"/img/h{number}", "/img/x") for number in range(1000)]
    start = time.process_time()
    assert found(*texts, facts=facts) == []
    assert time.process_time() - start < 2
    assert len(found(*shared, facts=facts)) == 1998


def test_a_tagged_line_out_of_step_is_told_with_what_it_should_be() -> None:
    tagged = 'vfb = [ "vnclisten=127.0.0.1" ]  # ucr: xen/vnc/listen\n'
    follows = Facts(followed=(Followed("xen/vnc/listen", "vnclisten", "192.0.2.1"),))
    (finding,) = found(good() + tagged, facts=follows)
    assert (finding.rule, finding.severity, finding.line) == ("tag", "warning", 7)
    assert finding.sentence == "vnclisten should be “192.0.2.1”, as xen/vnc/listen says"
    assert "guest follow" in finding.hint
    assert found(good() + tagged.replace("#", "# no"), facts=follows) == []
    assert found(good() + tagged, facts=Facts(followed=(Followed("xen/vnc/listen", "vnclisten", None),))) == []


def test_a_tag_that_nothing_follows_is_told() -> None:
    tagged = 'vfb = [ "vnclisten=127.0.0.1" ]  # ucr: xen/vnc/lisen\n# ucr: or/not\n'
    (finding,) = found(good() + tagged, facts=Facts(followed=(Followed("xen/vnc/listen", "vnclisten", "::1"),)))
    assert (finding.rule, finding.line) == ("no-tag", 7)
    assert finding.sentence == "no line can follow xen/vnc/lisen"
    assert "xen/vnc/listen" in finding.hint
    assert found(good() + tagged) == []


@pytest.mark.parametrize(
    ("program", "can"),
    [("\0libc.so.6\0", False), ("\0libnettle.so.8\0", True), ("\0libgcrypt.so.20\0", True), ("x libnettle x", False),
     ("", False), (None, False)],
)  # fmt: skip
def test_a_device_model_without_ciphers_cannot_ask_for_a_password(
    tmp_path: Path, program: str | None, *, can: bool
) -> None:
    (tmp_path / "usr/libexec").mkdir(parents=True)
    if program is not None:
        (tmp_path / "usr/libexec/xen-qemu-system-i386").write_bytes(b"\x7fELF" * bool(program) + program.encode())
    on = Machine(tmp_path, FakeRunner())  # type: ignore[arg-type]
    secret = GuestFile("/etc/xen/web.cfg", good() + 'vfb = [ "vncpasswd=geheim" ]\n', 0o600)
    assert look.facts([secret], on).vnc_passwords is can
    findings = [each for each in check([secret], look.facts([secret], on)) if each.rule == "vnc-password"]
    assert len(findings) == (not can)
    assert all("ssh -L" in each.hint for each in findings)

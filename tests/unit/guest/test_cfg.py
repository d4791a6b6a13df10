# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Editing a guest file changes what was asked for and not one byte more."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from univention_xen.errors import XenError
from univention_xen.guest.cfg import Cfg
from univention_xen.guest.tags import Followed, follow, follow_all
from univention_xen.guest.words import BadSyntax, Value, spelt

FILE = """\
# the web server
name   = "web"   # as in DNS
memory = 512 ; vcpus = 2
disk = [
    "file:/a,xvda,w",   # system
    'file:/b,xvdb,w',
]
vnclisten = "127.0.0.1"  # ucr: xen/vnc/listen
extra = "quiet"
extra += " ro"
# end
"""

NAMES = st.from_regex(r"[a-z][_0-9a-z]{0,5}", fullmatch=True)
TEXTS = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=20)
VALUES: st.SearchStrategy[Value] = st.one_of(TEXTS, st.integers(0, 10**9), st.lists(TEXTS, max_size=3))
BLANKS = st.sampled_from(["", " ", "\t", "  "])
ENDS = st.sampled_from(["\n", " # note\n", ";\n", " ; ", "\n\n# a comment\n"])


@st.composite
def files(draw: st.DrawFn) -> str:
    """A guest file that xl reads, with odd layout."""
    text = draw(st.sampled_from(["", "# head\n", "\n"]))
    for _ in range(draw(st.integers(0, 6))):
        text += f"{draw(NAMES)}{draw(BLANKS)}={draw(BLANKS)}{spelt(draw(VALUES))}{draw(ENDS)}"
    return text


def test_one_value_is_changed() -> None:
    changed = Cfg(FILE).with_value("memory", 1024)
    assert str(changed) == FILE.replace("512", "1024")


def test_one_element_of_a_list_is_changed() -> None:
    changed = Cfg(FILE).with_value("disk", ["file:/a,xvda,w", "file:/c,xvdb,w"])
    assert str(changed) == FILE.replace("'file:/b,xvdb,w'", '"file:/c,xvdb,w"')


def test_a_list_of_another_length_is_written_again() -> None:
    changed = Cfg(FILE).with_value("disk", ["file:/a,xvda,w"])
    assert 'disk = [ "file:/a,xvda,w" ]\nvnclisten' in str(changed)


def test_what_was_added_up_is_replaced() -> None:
    changed = Cfg(FILE).with_value("extra", "single")
    assert changed.get("extra") == "single"
    assert 'extra = "quiet"\nextra = "single"\n' in str(changed)


def test_a_new_name_gets_a_line_of_its_own() -> None:
    assert str(Cfg(FILE).with_value("sdl", 0)) == FILE + "sdl = 0\n"
    assert str(Cfg("a = 1").with_value("b", 2)) == "a = 1\nb = 2\n"


def test_a_name_is_removed_with_its_line_or_without_its_neighbours() -> None:
    assert str(Cfg(FILE).without("name")) == FILE.replace('name   = "web"   # as in DNS\n', "")
    assert str(Cfg(FILE).without("vcpus")) == FILE.replace("vcpus = 2", "")
    assert str(Cfg(FILE).without("disk")).count("\n") == FILE.count("\n") - 4
    assert Cfg(FILE).without("extra").get("extra") is None


def test_tagged_lines_follow_and_others_do_not() -> None:
    changed = follow(Cfg(FILE), "xen/vnc/listen", "vnclisten", "192.0.2.1")
    assert str(changed) == FILE.replace("127.0.0.1", "192.0.2.1")
    assert str(follow(Cfg(FILE), "xen/vnc/keymap", "keymap", "de")) == FILE
    untagged = FILE.replace("  # ucr: xen/vnc/listen", "")
    assert str(follow(Cfg(untagged), "xen/vnc/listen", "vnclisten", "192.0.2.1")) == untagged


def test_a_tag_works_inside_a_list() -> None:
    text = 'vfb = [\n  "vnc=1,vnclisten=127.0.0.1",  # ucr: xen/vnc/listen\n]\nname = "# ucr: xen/vnc/listen"\n'
    changed = follow(Cfg(text), "xen/vnc/listen", "vnclisten", "::1")
    assert str(changed) == text.replace("vnclisten=127.0.0.1", "vnclisten=::1")
    card = 'vif = [ "", "mac=1" ] # ucr: xen/bridge/name\n'
    assert '[ "bridge=br0", "mac=1,bridge=br0" ] #' in str(follow(Cfg(card), "xen/bridge/name", "bridge", "br0"))
    assert str(follow(Cfg(card), "xen/bridge/name", "bridge", "a,b")) == card


def test_a_tag_behind_an_element_is_about_its_line_and_one_at_either_end_about_the_list() -> None:
    cards = 'vif = [{head}\n  "mac=1",{first}\n  "mac=2", "mac=3"{second}\n  {own}\n]{end}\n'
    tag, parts = "# ucr: xen/bridge/name", ("head", "first", "second", "own", "end")
    for part, changed in zip(parts, ("123", "1", "23", "", "123"), strict=True):
        text = cards.format(**dict.fromkeys(parts, "") | {part: tag})
        expected = text
        for number in changed:
            expected = expected.replace(f'"mac={number}"', f'"mac={number},bridge=br0"')
        assert str(follow(Cfg(text), "xen/bridge/name", "bridge", "br0")) == expected, part


def test_two_tags_can_be_about_one_list() -> None:
    text = 'vfb = [ "vnc=1" ]  # ucr: xen/vnc/listen # ucr: xen/vnc/keymap\n'
    wishes = Followed("xen/vnc/listen", "vnclisten", "::1"), Followed("xen/vnc/keymap", "keymap", "de")
    changed = follow_all(Cfg(text), wishes)
    assert str(changed) == text.replace("vnc=1", "vnc=1,vnclisten=::1,keymap=de")
    assert str(follow_all(changed, wishes)) == str(changed)


def test_a_tag_needs_to_be_a_comment() -> None:
    text = 'vnclisten = "127.0.0.1"; extra = "x"  # ucr: xen/vnc/listen\n'
    assert [each.name for each, _ in Cfg(text).tags()] == ["extra"]


def test_windows_line_ends_are_kept_in_files_for_xm() -> None:
    changed = Cfg("name = 'a'\r\n", syntax="xm").with_value("memory", 64)
    assert str(changed) == "name = 'a'\r\nmemory = 64\r\n"


def test_bytes_that_are_no_utf8_survive() -> None:
    data = b'# B\xfcro\nname = "a"\nextra = "\xff"\n'
    assert bytes(Cfg.from_bytes(data)) == data
    assert bytes(Cfg.from_bytes(data).with_value("name", "b")) == data.replace(b'"a"', b'"b"')


def test_what_is_computed_is_not_edited() -> None:
    cfg = Cfg("n = 2\nmemory = n * 256\nname = 'a'\n", "old", syntax="xm")
    with pytest.raises(XenError, match="old: memory is computed"):
        cfg.with_value("memory", 1)
    assert str(cfg.with_value("name", "b")) == 'n = 2\nmemory = n * 256\nname = "b"\n'


@pytest.mark.parametrize("name", ["", "A", "a b", "a\nb", "a=1", "ü"])
def test_only_names_that_xl_reads_are_written(name: str) -> None:
    with pytest.raises(XenError, match="cannot be the name"):
        Cfg("").with_value(name, 1)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('name = "a\n', "f:1:8"),
        ("a = 1\nb = [ 1\n", "f:3:1"),
        ("a = 1\n  B = 2\n", "f:2:3"),
        ("a = [ 1 2 ]\n", "f:1:9"),
        ("a = 1 b = 2\n", "f:1:7"),
        ('a = "\\q"\n', "f:1:6"),
        ("a = 1\n# no newline", "f:2:1"),
        ('a = "x\0y"\n', "f:1:5"),
        ("a = 1\r\n", "f:1:6"),
        ("a = [ 'x' ]\na += 'y'\n", "f:2:1"),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, where: str) -> None:
    with pytest.raises(BadSyntax, match=rf"^{where}: "):
        Cfg(text, "f")


@given(files())
def test_reading_and_writing_gives_the_same_text(text: str) -> None:
    assert str(Cfg(text)) == text


@given(files(), NAMES, VALUES)
def test_an_edit_is_there_afterwards_and_nothing_else_has_changed(text: str, name: str, value: Value) -> None:
    before = Cfg(text)
    after = before.with_value(name, value)
    assert after.get(name) == (list(map(str, value)) if isinstance(value, list) else str(value))
    assert [each.value for each in after.assignments if each.name != name] == [
        each.value for each in before.assignments if each.name != name
    ]
    assert str(after.with_value(name, value)) == str(after), "editing twice is editing once"
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert all(line in str(after).splitlines() for line in comments)


@given(files(), files(), st.sampled_from(["192.0.2.1", "", "a b", '"', "\\", "é"]), st.booleans())
def test_following_changes_tagged_lines_and_no_other_byte(head: str, tail: str, address: str, own: bool) -> None:
    begin, end = ("\nvnclisten=", "  # ucr: v\n") if own else ('\nvfb = [ "vnc=1", ', " ]  # ucr: v\n")
    before = Cfg(f'{head}{begin}"old"{end}{tail}')
    after = follow(before, "v", "vnclisten", address)
    value = spelt(address if own else f"old,vnclisten={address}")
    expected = f"{head}{begin}{value}{end}{tail}"
    if not own:
        expected = expected.replace('"vnc=1"', spelt(f"vnc=1,vnclisten={address}"), 1)
    assert str(after) == expected
    assert str(follow(after, "v", "vnclisten", address)) == str(after)


@given(files(), NAMES)
def test_what_is_removed_is_gone(text: str, name: str) -> None:
    after = Cfg(text).without(name)
    assert after.get(name) is None
    assert str(after.without(name)) == str(after)


@settings(max_examples=300)
@given(st.binary(max_size=60) | files().map(str.encode), st.integers(0, 80), st.sampled_from(["xl", "xm"]))
def test_no_input_makes_it_crash_or_lose_a_byte(data: bytes, cut: int, syntax: str) -> None:
    with contextlib.suppress(BadSyntax):
        assert bytes(Cfg.from_bytes(data[:cut], "f", syntax)) == data[:cut]

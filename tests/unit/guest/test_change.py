# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What people write as key=value becomes what xl reads, and only that changes."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from univention_xen.errors import UsageError, XenError
from univention_xen.guest import change, load_xl
from univention_xen.guest.cfg import Cfg
from univention_xen.guest.words import BadSyntax, CannotRun, spelt
from univention_xen.guest.xl_names import KNOWN, LISTS, NUMBERS

PVH = 'name = "web"\ntype = "pvh"\nkernel = "/k"\n'


def test_values_are_of_the_type_that_xl_wants() -> None:
    assert change.parse(["memory=1024", "on_crash=preserve", "extra=", "name=5"]) == {
        "memory": 1024, "on_crash": "preserve", "extra": "", "name": "5",
    }  # fmt: skip
    assert change.parse(["vcpus=010", "rtc_timeoffset=-3600", "videoram=0x10"]) == {
        "vcpus": 10, "rtc_timeoffset": -3600, "videoram": 16,
    }  # fmt: skip


def test_lists_are_written_in_either_way() -> None:
    both = {"vif": ["bridge=a", "bridge=b"]}
    assert change.parse(["vif=bridge=a", "vif=bridge=b"]) == both
    assert change.parse(["vif=[ 'bridge=a', \"bridge=b\" ]"]) == both
    assert change.parse(["vif="]) == change.parse(["vif=[]"]) == {"vif": []}
    assert change.parse(['cpus=["0","1"]']) == {"cpus": ["0", "1"]}
    assert change.parse(["cpus=0-3"]) == {"cpus": "0-3"}


@pytest.mark.parametrize(
    "words",
    [["memory"], ["=1"], ["Memory=1"], ["a b=1"], ["memory=much"], ["memory=0"], ["vcpus=-1"], ["memory=" + "9" * 19],
     ["memory=1", "memory=2"], ["vif=[1"], ['vif=["a"]; name="b"'], ["vif=[\n]\nname='x'"]],
)  # fmt: skip
def test_nonsense_is_wrong_usage(words: list[str]) -> None:
    with pytest.raises(UsageError):
        change.parse(words)


def test_yes_is_explained() -> None:
    with pytest.raises(UsageError) as why:
        change.parse(["vnc=yes"])
    assert why.value.hint == "1 is yes and 0 is no"


def test_a_line_set_by_hand_loses_its_tag_and_no_other_comment() -> None:
    def after(text: str) -> str:
        return str(change.changed(Cfg(text), {"vnclisten": "::1"}))

    assert after('vnclisten = "a"  # ucr: xen/vnc/listen\n') == 'vnclisten = "::1"\n'
    assert after('vnclisten = "a"  # ucr: xen/vnc/listen  as agreed\n') == 'vnclisten = "::1"  #  as agreed\n'
    assert after('vnclisten = "a"  # as agreed # ucr: x/y\n') == 'vnclisten = "::1"  # as agreed\n'
    assert after('vnclisten = "a"; sdl = 1  # ucr: x/y\n') == 'vnclisten = "::1"; sdl = 1  # ucr: x/y\n'


def test_a_tag_inside_a_list_goes_too() -> None:
    text = 'vfb = [\n  "vnc=1",  # ucr: xen/vnc/listen\n]\n'
    assert str(change.changed(Cfg(text), {"vfb": ["vnc=0"]})) == 'vfb = [\n  "vnc=0",\n]\n'


def test_what_xl_would_refuse_or_ignore_is_said() -> None:
    def why(text: str, *names: str) -> list[str]:
        return change.refusals(PVH, text, "web", names)

    assert why(PVH + "memory = 64\n", "memory") == []
    assert why(PVH + 'comment = "x"\n', "memory") == []  # what was in the file already is not our business
    assert "is memory meant?" in why(PVH + "memmory = 64\n", "memmory")[0]
    assert "it is for hvm" in why(PVH + 'bios = "ovmf"\n', "bios")[0]
    assert why(PVH + 'disk = [ "/a,odd,xvda,w" ]\n', "disk")
    assert why(PVH + 'vif = [ "mac=zz" ]\n', "vif")
    assert why(PVH + 'on_crash = "x"\nuuid = "y"\n')[1:]
    assert why(PVH + "x = \n")


def test_passwords_are_not_shown() -> None:
    assert change.shown('a = 1\nvncpasswd = "ge,heim"\nb = 2') == "a = 1\nvncpasswd = ***\nb = 2"
    assert "geheim" not in change.shown('vfb = [ "vnc=1,vncpasswd=geheim,vncunused=1" ]')
    assert change.secret('spicepasswd = "x"')


TEXTS = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=15)
SETTINGS = st.sampled_from(sorted(KNOWN["hvm"])).flatmap(
    lambda name: st.tuples(
        st.just(name),
        st.lists(TEXTS, max_size=3) if name in LISTS else st.integers(1, 9999).map(str).map(lambda text: [text])
        if name in NUMBERS else st.lists(TEXTS.filter(lambda text: "[" not in text), min_size=1, max_size=1),
    )
)  # fmt: skip
LAYOUT = st.lists(
    st.tuples(
        SETTINGS, st.sampled_from(["", " ", "\t"]), st.sampled_from(["\n", "  # note\n", ";\n", " ; ", "\n\n# x\n"])
    ),
    max_size=6,
)  # fmt: skip


@settings(deadline=None)
@given(LAYOUT, SETTINGS)
def test_every_byte_but_the_value_stays(
    layout: list[tuple[tuple[str, list[str]], str, str]], setting: tuple[str, list[str]]
) -> None:
    name, words = setting
    text = "# head\n"
    with contextlib.suppress(UsageError):
        for (key, texts), blank, end in layout:
            text += f"{key}{blank}={blank}{spelt(change.typed(key, texts))}{end}"
        value = change.typed(name, words)
        cfg = Cfg(text)
        new = change.changed(cfg, {name: value})
        assert new.get(name) == ([*map(str, value)] if isinstance(value, list) else str(value))
        places = cfg.places(name)
        if not places:
            assert str(new) == text + ("" if text.endswith("\n") else "\n") + f"{name} = {spelt(value)}\n"
            return
        assert str(new).startswith(text[: places[-1].start])
        assert str(new).endswith(text[places[-1].stop :])
        for each in {each.name for each in cfg.assignments} - {name}:
            assert new.get(each) == cfg.get(each)


@settings(deadline=None)
@given(st.lists(st.text(max_size=20), max_size=3))
def test_no_words_crash_it(words: list[str]) -> None:
    with contextlib.suppress(XenError, BadSyntax):
        text = str(change.changed(Cfg(PVH), change.parse(words)))
        with contextlib.suppress(CannotRun):
            load_xl.load(text, "web")

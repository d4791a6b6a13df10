# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""S-expressions beyond what was recorded."""

from __future__ import annotations

import contextlib
import random

import pytest

from univention_xen.host import sxp

ALPHABET = "ab1 \t\n\r\v\f'\"\\()#;[]{}<>!@xX07\x04\0\x7fäß"


def random_texts(count: int, length: int) -> list[str]:
    """The same texts in every run, made of what has a meaning."""
    rng = random.Random(20260417)
    return ["".join(rng.choices(ALPHABET, k=rng.randrange(length))) for _ in range(count)]


def test_no_text_makes_the_reader_fail_in_another_way() -> None:
    for text in random_texts(5000, 40):
        for version in ("3.2", "4.4"):
            with contextlib.suppress(sxp.SxpError):
                sxp.read(text, version)


def test_whatever_is_written_is_read_back_by_every_version() -> None:
    for text in random_texts(3000, 20):
        written = sxp.sxp("option", text) + "\n(next 1)\n"
        for version in ("3.2", "4.4"):
            assert sxp.read(written, version).options() == {"option": text, "next": "1"}


def test_a_shortened_text_is_an_error_or_a_shorter_one() -> None:
    whole = "(a 'b c')\n(d (e \"f\\\\\") # g\n  h)\n"
    for end in range(len(whole)):
        with contextlib.suppress(sxp.SxpError):
            assert len(sxp.read(whole[:end]).values) <= 2


def test_deep_lists_are_no_problem() -> None:
    deep = "(" * 100000 + ")" * 100000
    assert len(sxp.read(deep).values) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"),
        (False, "no"),
        (8002, "8002"),
        ("a b", "'a b'"),
        ("", "''"),
        (["a", 1], "('a' 1)"),
        ("\\'", r"'\\\''"),
    ],
)
def test_values_are_written_as_xend_wants_them(value: bool | int | str | list[str | int], text: str) -> None:
    assert sxp.sxp("k", value) == f"(k {text})"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("(k (@ (a b)) v)", {"k": "v"}),
        ("(k (@ (a b)))", {"k": None}),
        ("(@ (k v))(k w)", {"@": None, "k": "w"}),
        ("(k)(k v)", {"k": None}),
        ("(k ())", {"k": []}),
        ("((k v))", {}),
    ],
)
def test_what_xend_finds_for_a_name(text: str, found: dict[str, sxp.Value | None]) -> None:
    assert sxp.read(text).options() == found


@pytest.mark.parametrize(
    ("text", "line"),
    [("(a\n(b\n)", 5), ("(a b\n", 3), ("(a 'b'\n", 2), ("(a\n'b", 3), ("a\n)", 3), ("\n\n)", 3), ("(a # b\n\n", 3)],
)
def test_the_line_is_the_one_that_xend_says(text: str, line: int) -> None:
    """A line end that ends a bare word counts twice, because xend looks at it twice."""
    with pytest.raises(sxp.SxpError) as failure:
        sxp.read(text)
    assert failure.value.line == line


@pytest.mark.parametrize(
    ("escape", "value"), [(r"\xff", "U"), (r"\x1f", "\x15"), (r"\x00", "\0"), (r"\377", "\udcff"), (r"\08", "\0" + "8")]
)
def test_numeric_escapes_count_as_in_xend(escape: str, value: str) -> None:
    assert sxp.read(f"('{escape}')").values == [[value]]

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Names, patterns for names, and their shapes for a shell."""

from __future__ import annotations

import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from univention_xen.registry import keys
from univention_xen.registry.patterns import matcher

WORDS = st.text("xs/ab.*^$-_1", max_size=12)


@given(st.text())
def test_values_are_quoted_as_the_standard_library_does(value: str) -> None:
    assert keys.shell_quote(value) == shlex.quote(value)


@given(st.text(min_size=1))
def test_every_name_becomes_a_name_for_a_shell(key: str) -> None:
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", keys.shell_name(key), re.ASCII)


@given(WORDS, WORDS)
def test_patterns_match_as_regular_expressions_do(pattern: str, name: str) -> None:
    try:
        expected = re.match(pattern, name) is not None
    except re.error:
        with pytest.raises(ValueError, match="is not a regular expression"):
            matcher(pattern)
    else:
        assert matcher(pattern)(name) == expected


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("xs/foo", "xs/foobaz", True), ("^xs/foo$", "xs/foobaz", False), ("^xs/.*/x$", "xs/a/b/x", True),
        ("^xs/.*x$", "xs/", False), ("a.*a", "a", False), ("a.*a$", "aa", True), ("(a|b)c", "bcd", True),
        ("", "anything", True), ("xs/.", "xs/a", True), ("UCRWARNING=# ", "UCRWARNING=# ", True),
    ],
)  # fmt: skip
def test_a_pattern_is_anchored_in_front_only(pattern: str, name: str, expected: bool) -> None:
    assert matcher(pattern)(name) is expected
    assert (re.match(pattern, name) is not None) is expected


@pytest.mark.parametrize("key", ["a", "a b", "a@b", "a*", "a.b", "ä", "a:b"])
def test_allowed_names(key: str) -> None:
    assert keys.problem(key) is None


@pytest.mark.parametrize("key", ["", "a: b", "a=b", "a\nb", "a#b", "a§"])
def test_forbidden_names(key: str) -> None:
    assert keys.problem(key) is not None


def test_umlauts_are_only_advised_against() -> None:
    assert keys.advice("größe") == 'Please fix invalid umlaut in config variable key "größe" to groesse.'
    assert keys.advice("é") is None

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Templates: what is replaced, what is code, and that no value can become either."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from univention_xen.registry import filter as template
from univention_xen.registry import sections

TOKENS = st.lists(st.sampled_from(["@%@", "@!@", "@", "x/a", " ", "\n", "text"]), max_size=12).map("".join)
HOSTILE = [
    "@%@x/b@%@", "@!@print(1)@!@", "@!@", "@%@", "$(id)", "`id`", "')\nprint(1)\n('", '"""', "\\", "ucr_value_0_",
    "__import__('os').system('true')", "ä€", "x" * 10_000, "'", "{x}", "1)(", "\u2028",
]  # fmt: skip


def plain(text: str, values: dict[str, str] | None = None) -> str:
    """Fill in values, leave code as it is."""
    return template.without_code(template.split(text, (values or {}).get, (), "t"))


def run(code: str, values: dict[str, str]) -> dict[str, object]:
    """Run the code of a template here and return the names it defines."""
    [section] = [s for s in template.split(f"@!@{code}@!@", values.get, (), "t") if isinstance(s, template.Section)]
    found: dict[str, object] = {}
    exec(sections.compiled(section), found)  # noqa: S102
    return found


@given(TOKENS)
def test_names_are_found_as_ucr_finds_them(text: str) -> None:
    assert template.names(text) == set(re.findall("@%@([^@]+)@%@", text))


@given(TOKENS)
def test_a_template_without_pairs_of_markers_stays_as_it_is(text: str) -> None:
    if text.count("@%@") < 2:
        assert plain(text) == text


@given(st.text(), st.text())
def test_a_value_comes_out_as_it_is(before: str, value: str) -> None:
    before = before.replace("@", "")
    assert plain(f"{before}@%@x/a@%@ end", {"x/a": value}) == f"{before}{value} end"


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:20])
def test_a_hostile_value_is_text(value: str) -> None:
    pieces = template.split("a @%@x/a@%@ b\n@%@x/b@%@\n", {"x/a": value, "x/b": "B"}.get, (), "t")
    assert pieces == [f"a {value} b\nB\n"]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:20])
def test_a_hostile_value_inside_a_string_of_code_is_that_text(value: str) -> None:
    found = run(
        """
a = '@%@x/a@%@'
b = f'{1}<@%@x/a@%@>'
c = b'@%@x/a@%@'
d = ["@%@x/a@%@", {'k': '-@%@x/a@%@'}]
# @%@x/a@%@
""",
        {"x/a": value},
    )
    assert found["a"] == value
    assert found["b"] == f"1<{value}>"
    assert found["c"] == value.encode()
    assert found["d"] == [value, {"k": f"-{value}"}]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:20])
def test_a_hostile_value_in_place_of_a_number_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="the value of x/a would be code"):
        run("a = @%@x/a@%@\n", {"x/a": value})


@pytest.mark.parametrize(
    ("value", "expected"),
    [("7", 7), ("-7", -7), ("1.5", 1.5), ("True", True), ("'text'", "text"), ("[1, 'b']", [1, "b"]), ("None", None)],
)
def test_a_literal_may_stand_for_itself(value: str, expected: object) -> None:
    assert run("a = @%@x/a@%@\n", {"x/a": value})["a"] == expected


@pytest.mark.parametrize("code", ["import @%@x/a@%@", "a.@%@x/a@%@ = 1", "def @%@x/a@%@(): pass", "f(@%@x/a@%@=1)"])
def test_a_value_is_never_a_name(code: str) -> None:
    with pytest.raises(ValueError, match="where Python wants a name"):
        run(code, {"x/a": "os"})


def test_nothing_in_place_of_an_unset_variable() -> None:
    assert run("a = (@%@x/a@%@)\nb = 4@%@x/b@%@\n", {"x/b": "2"})["a"] == ()
    assert run("a = (@%@x/a@%@)\nb = 4@%@x/b@%@\n", {"x/b": "2"})["b"] == 42


def test_code_is_numbered_as_in_the_template() -> None:
    pieces = template.split("1\n@%@x/a@%@ 2\n@!@\n4\n@!@\n6 @!@7@!@", {"x/a": "a\nb"}.get, (), "t")
    assert [piece.line for piece in pieces if isinstance(piece, template.Section)] == [3, 6]


def test_the_warning_names_every_part() -> None:
    text = template.warning("; ", ["/a", "/b"])
    assert text.endswith(":\n; \n; \t/a\n; \t/b\n; ")
    assert all(line.startswith("; ") for line in text.split("\n"))
    assert plain("@%@UCRWARNING_ASCII=#@%@").startswith("#Warning")
    assert plain("@%@BCWARNING=#@%@").startswith("#Warning")
    assert plain("[@%@UCRWARNING=@%@]") == "[]"

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Descriptions and registrations: reading them, and choosing the right one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from univention_xen.registry import descriptions, info

TEXT = """\
# comment
[xs/a]
Description[de] = deutsch
description[en]: english = yes
Type=str
  and more

[xs/.*/port]
Type=portnumber
Default=1

[xs/.*]
Type=bool
[xs/a]
Type=int
"""


def write(root: Path, name: str, text: str) -> None:
    path = root / "etc/univention/registry.info/variables" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_sections_options_and_continued_lines() -> None:
    found = descriptions.parse(TEXT)
    assert list(found) == ["xs/a", "xs/.*/port", "xs/.*"]
    assert found["xs/a"] == {"description[de]": "deutsch", "description[en]": "english = yes", "type": "int"}


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    descriptions.parse(text)
    info.parse(text)


def test_the_longest_pattern_describes() -> None:
    known = descriptions.Descriptions(descriptions.parse(TEXT))
    assert [(known.get(key) or {}).get("type") for key in ("xs/a", "xs/b/port", "xs/b", "ys")] == [
        "int", "portnumber", "bool", None,
    ]  # fmt: skip


def test_defaults_of_patterns_are_for_names_that_exist() -> None:
    known = descriptions.Descriptions(descriptions.parse(TEXT))
    assert known.defaults(["xs/b/port", "xs/a", "ys"]) == {"xs/b/port": "1"}


@pytest.mark.parametrize(
    ("environment", "text"),
    [
        ({"LANG": "de_DE.UTF-8"}, "deutsch"),
        ({"LC_ALL": "C.UTF-8", "LANG": "de_DE"}, "english = yes"),
        ({}, "english = yes"),
        ({"LC_MESSAGES": "fr_FR"}, None),
    ],
)
def test_the_language_of_the_user(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], text: str) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert descriptions.localised(descriptions.parse(TEXT)["xs/a"], "description") == text


def test_only_files_that_name_the_variable_are_taken_apart(tmp_path: Path) -> None:
    write(tmp_path, "a.cfg", "[xs/a]\nType=int\n")
    write(tmp_path, "b.cfg", "[xs/a]\nType=bool\n[xs/b]\nType=uint\n")
    write(tmp_path, "_customized", "[xs/b]\nType=pint\n")
    whole = descriptions.Descriptions.load(str(tmp_path))
    for key in ("xs/a", "xs/b", "xs/c"):
        assert descriptions.describe(str(tmp_path), [key]).get(key) == whole.get(key)
    assert whole.get("xs/a") == {"type": "int"}
    assert whole.get("xs/b") == {"type": "pint"}


def test_registrations_are_stanzas_of_repeatable_keys() -> None:
    text = "\n\nType: file\nFile: etc/a\nVariables: a, b\nVariables: c\nno colon\nx:y\n\n \nType: module\n"
    assert info.parse(text) == [
        {"Type": ["file"], "File": ["etc/a"], "Variables": ["a, b", "c"]},
        {"Type": ["module"]},
    ]

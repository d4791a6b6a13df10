# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Templates hold text, declare what they read, and are registered as what they are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from conftest import PROJECT
from rendering import TEMPLATES, XEND, Recording, render
from univention_xen.settings.everything import Settings

REGISTRATION = PROJECT / "debian" / "univention-xen.univention-config-registry"
FILES = sorted(path for path in (PROJECT / "conffiles" / "etc").rglob("*") if path.is_file())


def stanzas() -> list[dict[str, list[str]]]:
    """The paragraphs of the registration file: key to values."""
    found = []
    for paragraph in REGISTRATION.read_text(encoding="utf-8").strip().split("\n\n"):
        stanza: dict[str, list[str]] = {}
        for line in paragraph.splitlines():
            key, value = line.split(": ", 1)
            stanza.setdefault(key, []).append(value)
        found.append(stanza)
    return found


BY_FILE = {stanza["File"][0]: stanza for stanza in stanzas() if "File" in stanza}


def sections(template: str) -> list[str]:
    """The pieces of Python in a template."""
    return (PROJECT / "conffiles" / template).read_text(encoding="utf-8").split("@!@")[1::2]


def test_every_template_is_registered_and_tested() -> None:
    assert {str(path.relative_to(PROJECT / "conffiles")) for path in FILES} == set(BY_FILE)
    assert set(BY_FILE) >= set(TEMPLATES)


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_declared_variables_are_those_that_the_template_reads(template: str) -> None:
    registry = Recording()
    render(template, registry)
    assert BY_FILE[template]["Variables"] == [f"^{name}$" for name in sorted(registry.asked)]


def test_every_variable_acts_on_something_that_is_rewritten() -> None:
    read = {pattern for stanza in stanzas() for pattern in stanza.get("Variables", [])}
    for variable in Settings.variables():
        if variable.acts and variable.name != Settings.toolstack.name:
            assert any(re.match(pattern, variable.name) for pattern in read), variable.name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_template_is_plain_text_with_the_header_first(path: Path) -> None:
    text = path.read_bytes().decode("ascii")
    assert text.startswith("@%@UCRWARNING=# @%@\n")
    assert "@%@" not in text.removeprefix("@%@UCRWARNING=# @%@"), "values are never pasted into text or code"
    assert text.count("@!@") % 2 == 0
    assert text.endswith("\n")
    assert path.stat().st_mode & 0o111 == 0


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_has_one_section_with_one_call(template: str) -> None:
    """The registry starts an interpreter for each section."""
    (code,) = sections(template)
    first, second = ast.parse(code).body
    assert isinstance(first, ast.ImportFrom)
    assert ast.unparse(second).startswith("print(")


def test_only_the_file_with_secrets_is_closed_to_others() -> None:
    assert BY_FILE[XEND]["Mode"] == ["0600"]
    assert all(
        "Mode" not in stanza for file, stanza in BY_FILE.items() if file.startswith("etc/") and file in TEMPLATES[1:]
    )


@pytest.mark.parametrize("template", TEMPLATES)
def test_comments_name_only_variables_that_exist_and_every_one_that_acts(template: str) -> None:
    text = (PROJECT / "conffiles" / template).read_text(encoding="utf-8")
    named = set(re.findall(r"\b(?:xen|grub|gdm)/[a-z0-9_]+(?:/[a-z0-9_]+)*", re.sub(r"/etc/\S*", "", text)))
    declared = {pattern.strip("^$") for pattern in BY_FILE[template]["Variables"]}
    secret = {variable.name for variable in Settings.variables() if variable.kind.secret}
    assert named == declared - secret


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_hole_is_left_in_a_rendered_file(template: str) -> None:
    text, warnings = render(template, Recording())
    assert not re.search(r"^\{\w+\}$|@", text, re.MULTILINE)
    assert warnings == []
    assert text.startswith("# ")

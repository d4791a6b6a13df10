# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The descriptions that the registry shows say what settings/ declares, in two languages."""

from __future__ import annotations

import configparser
import importlib
import pkgutil
import re

import pytest

from conftest import PROJECT
from univention_xen import settings
from univention_xen.host import autostart
from univention_xen.settings.everything import Settings
from univention_xen.settings.host import Autostart
from univention_xen.settings.variable import Group

BASE = "univention-xen.univention-config-registry"
VARIABLES = {variable.name: variable for variable in Settings.variables()}


def read(suffix: str) -> configparser.RawConfigParser:
    """A description file, strictly: nothing may occur twice."""
    parser = configparser.RawConfigParser(strict=True)
    parser.read_string((PROJECT / "debian" / f"{BASE}-{suffix}").read_text(encoding="utf-8"))
    return parser


DESCRIBED = read("variables")


def test_every_variable_is_described_and_nothing_else() -> None:
    assert set(DESCRIBED.sections()) == set(VARIABLES)


def test_the_variables_are_in_the_order_of_their_declaration() -> None:
    assert DESCRIBED.sections() == list(VARIABLES)


@pytest.mark.parametrize("name", VARIABLES)
def test_a_description_says_what_is_declared(name: str) -> None:
    variable, section = VARIABLES[name], DESCRIBED[name]
    kind = variable.kind
    assert section["type"] == kind.type
    assert section.get("default", "") == variable.show(variable.default)
    assert section.get("min") == (None if kind.minimum is None else str(kind.minimum))
    assert section.get("max") == (None if kind.maximum is None else str(kind.maximum))
    assert section.get("regex", "") == kind.regex
    assert section["categories"] == "service-xen"
    known = {"description[de]", "description[en]", "type", "default", "min", "max", "regex", "categories"}
    assert set(section) <= known


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("name", VARIABLES)
def test_a_description_is_made_of_sentences(name: str, language: str) -> None:
    text = DESCRIBED[name][f"description[{language}]"]
    assert re.fullmatch(r"[A-ZÄÖÜ].*\.", text)
    assert "  " not in text
    default = VARIABLES[name].show(VARIABLES[name].default)
    if default and default not in ("0",):
        assert default in text, "a default that is not named surprises"


@pytest.mark.parametrize("name", VARIABLES)
def test_german_and_english_are_two_texts(name: str) -> None:
    section = DESCRIBED[name]
    assert section["description[de]"] != section["description[en]"]
    other = re.compile(r"\b(the|and|with)\b")
    assert not other.search(section["description[de]"].replace("'", " ").replace("/and", ""))


@pytest.mark.parametrize("name", VARIABLES)
def test_the_registry_itself_accepts_the_default_and_an_empty_value(name: str) -> None:
    section = DESCRIBED[name]
    if regex := section.get("regex"):
        assert regex.startswith("^")
        assert regex.endswith("$")
        assert re.match(regex, "")
        assert re.match(regex, section.get("default", ""))


@pytest.mark.parametrize("name", VARIABLES)
def test_the_registry_refuses_what_settings_refuse(name: str) -> None:
    regex = DESCRIBED[name].get("regex")
    if VARIABLES[name].kind.type != "str" or VARIABLES[name].kind.secret:
        return
    assert regex
    for text in ("x\ny", "ä", "a b\tc"):
        assert not re.match(regex, text)
        with pytest.raises(ValueError, match=r"^(is|contains) "):
            VARIABLES[name].parse(text)


def test_every_group_is_part_of_the_settings() -> None:
    groups = [
        value
        for module in pkgutil.iter_modules(settings.__path__)
        for value in vars(importlib.import_module(f"{settings.__name__}.{module.name}")).values()
        if isinstance(value, type) and issubclass(value, Group) and value is not Group
        and any(variable.name.startswith("xen/") for variable in value.variables())  # others belong to UCS
    ]  # fmt: skip
    assert len(groups) > 10
    assert all(issubclass(Settings, group) for group in groups), groups


def test_the_category_is_described_in_two_languages() -> None:
    (section,) = read("categories").sections()
    assert section == "service-xen"
    assert {"name[de]", "name[en]", "icon"} == set(read("categories")[section])


def test_a_service_names_its_unit_its_variable_and_two_texts() -> None:
    services = configparser.RawConfigParser(strict=True)
    services.read_string((PROJECT / "debian/univention-xen.univention-service").read_text(encoding="utf-8"))
    units = {unit for units in autostart.SERVICES.values() for unit in units}
    for name in services.sections():
        section = services[name]
        assert section["description[de]"] != section["description[en]"]
        assert section["start_type"] in {variable.name for variable in Autostart.variables()}
        assert section["systemd"].removesuffix(".service") in units
        assert section["programs"]

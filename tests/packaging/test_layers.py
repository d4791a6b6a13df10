# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Imports point downward only, and each door to the machine exists once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import PROJECT

PACKAGE = PROJECT / "python" / "univention_xen"
LAYERS = [
    {"errors", "units", "log"},
    {"run", "files", "lock"},
    {"plan"},
    {"settings", "guest", "registry"},
    {"host", "toolstack", "image", "initrd", "bootini", "provision"},
    {"cli", "__main__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
SIDEWAYS = {
    ("bootini", "image"),
    ("provision", "image"),
    ("provision", "toolstack"),
    ("toolstack", "image"),  # a guest is not started on an image that somebody has open
    ("host", "toolstack"),  # what is odd about a host depends on the toolstack in effect
    ("__main__", "cli"),
}
MODULES = sorted(PACKAGE.rglob("*.py"))
DOORS = sorted([*PROJECT.glob("conffiles/*.py"), *PACKAGE.glob("cli/**/*.py")])


def below_project(module: object) -> str:
    """The name of a test case; pytest also asks when there is no module at all."""
    return str(module.relative_to(PROJECT)) if isinstance(module, Path) else "none"


def part(module: Path) -> str:
    """The word of LAYERS that a module belongs to."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(module: Path) -> Iterator[str]:
    """Everything a module imports, at any depth of its code, as absolute dotted names."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_parts(module: Path) -> Iterator[str]:
    for name in imports(module):
        match name.split("."):
            case ["univention_xen", word, *_] if word in LEVEL:
                yield word


@pytest.mark.parametrize("module", MODULES, ids=below_project)
def test_a_module_imports_only_what_lies_below_it(module: Path) -> None:
    here = part(module)
    if here == "__init__":
        return
    assert here in LEVEL, f"{here} has no layer: enter it in LAYERS"
    for other in own_parts(module):
        if other == here or (here, other) in SIDEWAYS:
            continue
        assert LEVEL[other] < LEVEL[here], f"{here} imports {other}, which does not lie below it"
        if here == "registry":
            assert LEVEL[other] <= 1, f"the registry knows nothing of {other}"


@pytest.mark.parametrize("module", MODULES, ids=below_project)
def test_programs_are_started_only_in_one_place(module: Path) -> None:
    if module.name == "run.py":
        return
    assert "subprocess" not in {name.split(".")[0] for name in imports(module)}


@pytest.mark.parametrize("module", DOORS, ids=below_project)
def test_doors_hold_no_know_how(module: Path) -> None:
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 200, "a door parses, calls and prints"


def test_registry_variables_are_named_only_where_they_are_declared() -> None:
    for module in MODULES:
        if "settings" in module.relative_to(PACKAGE).parts:
            continue
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not node.value.startswith("xen/"), f"{module}:{node.lineno} names {node.value}: use settings"

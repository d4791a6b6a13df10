# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What UCS's own linter and Debian's policy say about debian/, as far as lintian does not say it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import univention_xen
from conftest import PROJECT
from univention_xen.registry import install

DEBIAN = PROJECT / "debian"
PACKAGES = install.packages(str(PROJECT))
SCRIPTS = [file for kind in ("preinst", "postinst", "prerm", "postrm") for file in sorted(DEBIAN.glob(f"*.{kind}"))]
ACTIONS = {
    "preinst": {"install", "upgrade", "abort-upgrade"},
    "postinst": {"configure", "abort-upgrade", "abort-remove", "abort-deconfigure", "triggered"},
    "prerm": {"remove", "upgrade", "deconfigure", "failed-upgrade"},
    "postrm": {"remove", "purge", "upgrade", "disappear", "failed-upgrade", "abort-install", "abort-upgrade"},
}
TEMPLATES = sorted(file for file in (PROJECT / "conffiles" / "etc").rglob("*") if file.is_file())


def name(file: object) -> str:
    return file.name if isinstance(file, Path) else "none"


def field(stanza: str, key: str) -> str:
    match = re.search(rf"^{key}:((?: .*|\n .*)*)", stanza, re.MULTILINE)
    return " ".join(match[1].split()) if match else ""


@pytest.fixture(scope="module")
def control() -> list[str]:
    return (DEBIAN / "control").read_text(encoding="utf-8").strip().split("\n\n")


def test_the_names_and_versions_agree(control: list[str]) -> None:
    first = (DEBIAN / "changelog").read_text(encoding="utf-8").splitlines()[0]
    assert re.match(r"univention-xen \(([\d.]+)\) ", first)
    assert field(control[0], "Source") == "univention-xen"
    assert first.split()[1].strip("()") == univention_xen.__version__


def test_the_source_is_of_this_house(control: list[str]) -> None:
    assert field(control[0], "Maintainer") == "Univention GmbH <packages@univention.de>"
    assert field(control[0], "Priority") == "optional"
    assert "debhelper-compat (= 13)" in field(control[0], "Build-Depends")
    assert not (DEBIAN / "compat").exists()


def test_every_package_takes_what_debhelper_finds(control: list[str]) -> None:
    for stanza in control[1:]:
        assert "${misc:Depends}" in field(stanza, "Depends"), field(stanza, "Package")


def test_a_ucs_host_keeps_its_registry_and_a_debian_host_gets_ours(control: list[str]) -> None:
    by_name = {field(stanza, "Package"): stanza for stanza in control[1:]}
    relations = field(by_name["univention-xen"], "Depends").split(",")
    first, second = next(each.strip() for each in relations if "univention-config" in each).split(" | ")
    assert first.startswith("univention-config (>=")
    assert second.startswith("univention-xen-registry")
    ours = by_name["univention-xen-registry"]
    for key in ("Provides", "Conflicts", "Replaces"):
        assert re.search(r"\bunivention-config\b(?!-)", field(ours, key)), key


def test_files_for_debhelper_belong_to_a_package() -> None:
    known = {"changelog", "control", "copyright", "rules", "files", "debhelper-build-stamp"}
    for file in DEBIAN.iterdir():
        if file.is_file() and file.name not in known:
            assert file.name.split(".")[0] in PACKAGES, file.name


@pytest.mark.parametrize("script", SCRIPTS, ids=name)
def test_a_maintainer_script_stops_at_errors_and_ends_well(script: Path) -> None:
    lines = script.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "#!/bin/sh", "an option in this line is lost when the script is called with `sh`"
    assert "#DEBHELPER#" in lines
    # lintian asks for -e, UCS's linter warns of the words "set -e": both are content with this.
    assert "set -ue" in lines
    assert lines[-1] == "exit 0"


@pytest.mark.parametrize("script", SCRIPTS, ids=name)
def test_a_maintainer_script_knows_only_what_it_can_be_called_with(script: Path) -> None:
    kind = script.suffix.removeprefix(".")
    others = set().union(*ACTIONS.values()) - ACTIONS[kind]
    text = script.read_text(encoding="utf-8")
    asked = set(re.findall(r'"\$1" = ([a-z-]+)', text))
    for block in re.findall(r'case "\$1" in(.*?)esac', text, re.DOTALL):
        asked |= {word for line in re.findall(r"^([a-z|-]+)\)", block, re.MULTILINE) for word in line.split("|")}
    assert asked, "the script does not ask what it is called for"
    assert not asked & others


@pytest.mark.parametrize("script", SCRIPTS, ids=name)
def test_a_maintainer_script_starts_and_stops_nothing(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert not re.search(r"systemctl|invoke-rc\.d|service |/etc/init\.d|update-grub|\bx[lm] ", text)


@pytest.mark.parametrize("template", TEMPLATES, ids=name)
def test_a_template_warns_of_editing(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    assert "@%@UCRWARNING=# @%@" in text.splitlines()[:2]
    assert "BCWARNING" not in text
    assert text.count("@%@") % 2 == 0
    assert text.count("@!@") % 2 == 0

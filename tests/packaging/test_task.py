# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The software selection offers "Virtualisierung" to Germans and "Virtualisation" to others, with the real tasksel."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from throwaway import Throwaway

pytestmark = pytest.mark.throwaway
Roots = Callable[[str], "Throwaway"]

TASK = "univention-xen"
GERMAN = {"LC_ALL": "de_DE.UTF-8"}


@pytest.fixture(scope="module")
def root(new_root: Roots, debs: list[Path], task_deb: Path) -> Throwaway:
    """A Debian whose apt knows our packages, with the task's package and German, Austrian and Swiss locales."""
    root = new_root("bare")
    root.bring(*debs, to="/srv/repository")
    index = subprocess.run(
        ["dpkg-scanpackages", "--multiversion", "."], cwd=root.path("/srv/repository"), capture_output=True, text=True,
        check=True,
    ).stdout  # fmt: skip
    root.write("/srv/repository/Packages", index)
    root.write("/etc/apt/ours.list", "deb [trusted=yes] file:/srv/repository ./\n")
    options = {
        "Dir::Etc::sourcelist": "/etc/apt/ours.list",
        "Dir::Etc::sourceparts": "-",
        "APT::Get::List-Cleanup": "0",
    }
    root.apt_get("update", *(f"-o{name}={value}" for name, value in options.items()))
    root.path("/etc/apt/ours.list").rename(root.path("/etc/apt/sources.list.d/ours.list"))
    root.apt_get("install", "tasksel", "locales", *root.bring(task_deb))
    for country in ("DE", "AT", "CH"):
        root("localedef", "-i", f"de_{country}", "-f", "UTF-8", f"de_{country}.UTF-8")
    return root


def title(root: Throwaway, **env: str) -> str:
    lines = [line.split("\t") for line in root("tasksel", "--list-tasks", env=env).splitlines() if "\t" in line]
    return {words[0].split()[1]: words[1] for words in lines}.get(TASK, "")


def test_the_task_is_offered_in_german_and_english(root: Throwaway) -> None:
    assert title(root) == "Virtualisation"
    assert title(root, LC_ALL="de_DE.UTF-8") == "Virtualisierung"
    assert title(root, LC_ALL="de_AT.UTF-8") == title(root, LC_ALL="de_CH.UTF-8") == "Virtualisierung"


def test_its_description_is_a_sentence_in_both(root: Throwaway) -> None:
    assert "makes this host a xen dom0" in root("tasksel", "--task-desc", TASK).lower()
    german = root("tasksel", "--task-desc", TASK, env=GERMAN)
    assert "Dom0 von Xen" in german
    assert "über die Univention" in german


def test_debians_own_tasks_keep_their_german_names(root: Throwaway) -> None:
    assert "grundlegende" in root("tasksel", "--task-desc", "standard", env=GERMAN)


def test_the_installer_of_debian_is_told_to_look_at_debians_tasks_only(root: Throwaway) -> None:
    assert title(root, DEBIAN_TASKS_ONLY="1") == "", "why the manual has a line for the installer"


def test_choosing_it_installs_the_hypervisor_and_the_registry(root: Throwaway) -> None:
    assert root("tasksel", "--task-packages", TASK).split() == [TASK]
    command = root("tasksel", "--test", "install", TASK)
    assert TASK in command
    said = root.apt_get("--simulate", "install", TASK)
    for package in (TASK, "univention-xen-registry", "xen-system-amd64", "qemu-system-xen"):
        assert f"Inst {package} " in said

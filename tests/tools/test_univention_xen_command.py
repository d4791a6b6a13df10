# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The command as it is called: script, module, completion, man page."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import PROJECT
from univention_xen import __version__

pytestmark = pytest.mark.tools
SCRIPT = PROJECT / "scripts" / "univention-xen"
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": str(PROJECT / "python"),
}  # fmt: skip


def run(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, words)), env=ENVIRONMENT | environment, check=False, capture_output=True, text=True, timeout=60,
        cwd="/",
    )  # fmt: skip


@pytest.mark.parametrize("words", [[SCRIPT], [sys.executable, "-m", "univention_xen"]])
def test_script_and_module_are_the_same_command(words: list[str]) -> None:
    assert run(*words, "--version").stdout == f"univention-xen {__version__}\n"
    wrong = run(*words, "no-such-noun")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "Traceback" not in wrong.stderr


def test_the_script_trusts_nobodys_environment(tmp_path: Path) -> None:
    (tmp_path / "argparse.py").write_text("raise SystemExit('somebody else')")
    done = run(SCRIPT, "host", "toolstack", PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_a_reader_that_goes_away_is_no_reason_to_complain() -> None:
    done = run("sh", "-c", f"{SCRIPT} host settings | head -n 0")
    assert done.stderr == ""


FAILING = """
from univention_xen.cli import main
from univention_xen.errors import XenError
def run(words):
    print("the first half is done")
    raise XenError("no room for the second")
main.run = run
main.command()
"""


def test_what_was_said_before_a_failure_is_not_lost() -> None:
    done = run(sys.executable, "-c", FAILING)
    assert (done.returncode, done.stdout) == (1, "the first half is done\n")
    assert done.stderr == "univention-xen: no room for the second\n"


def test_a_terminal_that_knows_only_ascii_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "etc/univention").mkdir(parents=True)
    (tmp_path / "etc/univention/base.conf").write_text("# x\n\nxen/vnc/keymap: dé", encoding="utf-8")
    done = run(SCRIPT, "--root", tmp_path, "host", "check", LC_ALL="C", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert done.returncode == 1, done.stderr
    assert "xen/vnc/keymap" in done.stdout


def test_the_command_starts_fast() -> None:
    def fastest(*words: str | Path) -> float:
        times = []
        for _ in range(7):
            started = time.perf_counter()
            run(*words)
            times.append(time.perf_counter() - started)
        return min(times)

    nothing = fastest(sys.executable, "-I", "-c", "pass")
    assert fastest(SCRIPT, "host", "toolstack") < 12 * nothing
    assert fastest(SCRIPT, "host", "--help") < 8 * nothing
    assert fastest(SCRIPT, "--version") < 3 * nothing


def test_a_verb_imports_no_more_than_it_needs(tmp_path: Path) -> None:
    done = run(sys.executable, "-X", "importtime", SCRIPT, "--root", tmp_path, "guest", "list")
    assert done.returncode == 0, done.stderr
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "univention_xen.toolstack.listing" in imported
    assert not imported & {"shutil", "lzma", "json", "jinja2", "univention_xen.settings.vnc", "univention_xen.cli.host"}


COMPLETE = """
. {completions}
COMP_WORDS=({line}) COMP_LINE="{line}" COMP_POINT=${{#COMP_LINE}} COMP_TYPE=9 COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_univention_xen {script} "" ""
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("univention-xen h", {"host"}),
        ("univention-xen host ch", {"check"}),
        ("univention-xen host check --js", {"--json"}),
    ],
)
def test_words_are_completed(line: str, expected: set[str]) -> None:
    script = COMPLETE.format(completions=PROJECT / "completions" / "univention-xen", line=line, script=SCRIPT)
    done = run("bash", "-c", script)
    assert {word.strip() for word in done.stdout.split()} == expected, done.stderr


def test_nothing_is_imported_without_need() -> None:
    done = run(sys.executable, "-X", "importtime", "-m", "univention_xen", "host", "toolstack")
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "univention_xen.registry.config" in imported
    assert not {"argcomplete", "subprocess", "json"} & imported


def test_the_man_page_is_clean_and_names_every_verb() -> None:
    page = PROJECT / "man" / "univention-xen.8"
    done = run("man", "-l", "--warnings", "-E", "UTF-8", page, MANWIDTH="80")
    assert done.stderr == ""
    for verb in ("check", "settings", "toolstack", "status", "import"):
        assert f"univention-xen host {verb}" in done.stdout
    for code in ("0", "1", "2", "75"):
        assert f"\n       {code} " in done.stdout

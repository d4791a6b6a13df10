# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What the command says about images and initrds when asked, and that the man pages know the same."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from conftest import PROJECT
from univention_xen.cli.main import main

VERBS = {"image": ("create", "info", "resize", "clone", "convert", "check", "sparsify"), "initrd": ("build", "show")}
COMMANDS = [(noun, *verb) for noun, verbs in VERBS.items() for verb in ((), *((each,) for each in verbs))]


def told(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as why:
        main([*words, "--help"])
    assert why.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help(
    words: tuple[str, ...],
    golden: Callable[[str, str], None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    golden(f"cli/help-{'-'.join(words)}", told(words, capsys))


@pytest.mark.parametrize("noun", VERBS)
def test_the_man_page_has_every_verb_and_option(noun: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = (PROJECT / f"man/univention-xen-{noun}.8").read_text().replace("\\-", "-")
    for verb in VERBS[noun]:
        assert re.search(rf"^\.B .*{noun} {verb}$", page, re.M), verb
        for option in re.findall(r"^  (?:-\w, )?(?:-o OUT, )?(--[a-z-]+)", told((noun, verb), capsys), re.M):
            assert option == "--help" or option in page, f"{verb} {option}"

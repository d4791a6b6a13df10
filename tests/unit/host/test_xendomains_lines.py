# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""/etc/default/xendomains is shell, read by root: five lines, each a name and quoted text."""

from __future__ import annotations

import shlex

import pytest

from conftest import Check
from rendering import XENDOMAINS, Recording, options, render, rendered
from univention_xen.host import xendomains

CASES: dict[str, dict[str, str]] = {
    "default": {},
    "everything": {
        "xen/xendomains/auto": "/srv/xen/auto",
        "xen/xendomains/migrate": "--live root@dom0-b.example.com",
        "xen/xendomains/restore": "no",
        "xen/xendomains/save": "/srv/xen/save",
        "xen/xendomains/stop_timeout": "60",
    },
    "none": {"xen/xendomains/auto": "none", "xen/xendomains/save": "none"},
    "odd": {
        "xen/xendomains/auto": "/etc/xen/auto; reboot",
        "xen/xendomains/migrate": "$(reboot)",
        "xen/xendomains/restore": "sometimes",
        "xen/xendomains/save": "'; reboot; '",
        "xen/xendomains/stop_timeout": "forever",
    },
}


@pytest.mark.parametrize("case", CASES)
def test_the_file_as_a_whole(case: str, golden: Check) -> None:
    text, warnings = render(XENDOMAINS, Recording(CASES[case]))
    golden(f"xendomains/{case}", text)
    golden(f"xendomains/{case}.stderr", "\n".join([*warnings, ""]))


def shell(values: dict[str, str]) -> dict[str, str]:
    """The variables that a shell has after reading the file."""
    words = shlex.split(rendered(XENDOMAINS, values), comments=True)
    return dict(word.split("=", 1) for word in words)


def test_by_default_the_file_says_what_debians_own_says() -> None:
    assert shell({}) == {
        "XENDOMAINS_MIGRATE": "",
        "XENDOMAINS_SAVE": "/var/lib/xen/save",
        "XENDOMAINS_RESTORE": "true",
        "XENDOMAINS_AUTO": "/etc/xen/auto",
        "XENDOMAINS_STOP_MAXWAIT": "300",
    }


def test_what_is_off_is_empty() -> None:
    values = {f"xen/xendomains/{name}": word for name, word in (("auto", "none"), ("save", "none"), ("restore", "no"))}
    found = shell(values)
    assert [found[f"XENDOMAINS_{name}"] for name in ("AUTO", "SAVE", "RESTORE")] == ["", "", ""]


def test_any_text_is_nothing_but_text_for_the_shell() -> None:
    for text in ("it's", "$(id)", "`id`", "a\nb", "\\", '"', "';reboot;'"):
        (line,) = xendomains.assignment("X", text)
        assert shlex.split(line) == [f"XENDOMAINS_X={text}"]


def test_a_bad_value_keeps_what_would_hold_without_it() -> None:
    assert options(rendered(XENDOMAINS, CASES["odd"])) == options(rendered(XENDOMAINS))

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Our templates rendered in this process, the way the registry renders them."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Mapping
from pathlib import Path

from conftest import PROJECT

XEND, XL, XENDOMAINS = "etc/xen/xend-config.sxp", "etc/xen/xl.conf", "etc/default/xendomains"
GRUB = "etc/default/grub.d/univention-xen.cfg"
TEMPLATES = (XEND, XL, XENDOMAINS, GRUB)
EVERYWHERE = "0.0.0.0"  # noqa: S104

HOSTILE = {
    "single quote": "'",
    "double quote": '"',
    "backslash": "\\",
    "backslash at the end": "x\\",
    "both quotes and a backslash": "a'b\"c\\'d",
    "closing and opening": "x)(xend-http-server yes)(z ",
    "closing a quoted word": "x')(xend-http-server yes)(z '",
    "closing a doubly quoted word": 'x")(xend-http-server yes)(z "',
    "hash": "x#y",
    "semicolon": "x;y",
    "newline and a form": "x\n(xend-http-server yes)",
    "newline and an assignment": 'x"\nautoballoon="off"\nXENDOMAINS_AUTO=/tmp\n#',
    "carriage return": "x\ry",
    "a variable of the registry": "@%@x@%@",
    "a section of the registry": "@!@print(1)@!@",
    "half a token": "@!@",
    "most of a token": "@!",
    "shell command": "$(id)",
    "backticks": "`id`",
    "shell variable": "${HOME}",
    "redirection": "x>/tmp/y",
    "umlauts": "Büro Köln",
    "lone surrogate": "\udcff",
    "other letters": "\u0660\u2028\u202e",
    "NUL": "a\0b",
    "Ctrl-D": "a\x04b",
    "10 kB": "x" * 10240,
    "10 kB of quotes": "'" * 10240,
    "10 kB of parentheses": "(" * 10240,
    "empty": "",
    "blanks": "   ",
    "tab": "\t",
    "option of a program": "-x",
    "parent directory": "/etc/../tmp",
    "percent": "%s%n",
    "three quotes": '""" + 1/0 + """',
}


class Recording(dict[str, str]):
    """A registry that remembers which variables were asked for; its files hang from ``root``."""

    def __init__(self, values: Mapping[str, str] | None = None, root: Path | str = "/nonexistent") -> None:
        super().__init__(values or {})
        self.root, self.asked = root, set[str]()

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        self.asked.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> str:
        raise AssertionError(f"{name}: only get() means the same in every registry")


def rendered(template: str, values: Mapping[str, str] | None = None, root: Path | str = "/nonexistent") -> str:
    """Return the file that the template makes of *values*."""
    return render(template, Recording(values, root))[0]


def render(template: str, registry: Recording) -> tuple[str, list[str]]:
    """Return the file and the warnings.

    Variables are expanded first, then sections, again and again as long as there are any: that is how a value
    would be executed.
    """
    text = (PROJECT / "conffiles" / template).read_text(encoding="utf-8")
    text = re.sub("@%@UCRWARNING=# @%@", "# Warning: This file is auto-generated", text)
    assert "@%@" not in text
    warnings = io.StringIO()
    while text.count("@!@") >= 2:
        before, code, after = text.split("@!@", 2)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(warnings):
            exec(compile(code, template, "exec"), {"configRegistry": registry})  # noqa: S102
        text = before + printed.getvalue() + after
    return text, warnings.getvalue().splitlines()


def options(text: str) -> list[str]:
    """Return the lines of a file that are neither empty nor comments."""
    return [line for line in text.splitlines() if line and not line.startswith("#")]

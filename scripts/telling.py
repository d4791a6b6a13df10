# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""How the demonstrations speak: what they are about to do, the command, what it said, what it changed."""

from __future__ import annotations

import difflib
import sys

COLOURED = sys.stdout.isatty()
BOLD, DIM, RED, GREEN, CYAN = "1", "2", "31", "32", "36"


def paint(text: str, colour: str) -> str:
    """Colour a line when a person looks at it."""
    return f"\x1b[{colour}m{text}\x1b[0m" if COLOURED else text


def heading(text: str) -> None:
    """Say what comes next."""
    print(f"\n{paint(text, BOLD)}\n")


def command(line: str) -> None:
    """Show a command that one could type."""
    print(paint(f"  $ {line}", CYAN), flush=True)


def output(text: str, limit: int = 0) -> None:
    """Show what a command said; the middle is left out when it is longer than *limit* lines."""
    lines = text.rstrip().splitlines()
    if limit and len(lines) > limit:
        head = limit // 2
        lines = [*lines[:head], f"… {len(lines) - limit} more lines …", *lines[head - limit :]]
    for line in lines:
        print(f"    {line}".rstrip())
    sys.stdout.flush()


def diff(path: str, old: str, new: str) -> None:
    """Show how a file has changed."""
    print(f"\n  {paint(path, BOLD)}")
    for line in [*difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=1)][2:]:
        colour = {"+": GREEN, "-": RED}.get(line[:1], DIM)
        print(f"    {paint(line.rstrip(), colour)}".rstrip())

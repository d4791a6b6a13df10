# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Names and values in the shapes that other places want."""

from __future__ import annotations

import sys

from univention_xen.registry import keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


def validate_key(key: str, out: TextIO | None = None) -> bool:
    """Tell whether *key* can name a variable; write to *out*, or stderr, why not."""
    problem = keys.problem(key)
    if problem:
        print(problem, file=out or sys.stderr)
    return problem is None


def key_shell_escape(line: str) -> str:
    """Return a name for a variable that a shell accepts. Raises ValueError for an empty one."""
    if not line:
        raise ValueError("got an empty line")
    return keys.shell_name(line)


def escape_value(value: str) -> str:
    """Return a value as it stands in the file of a layer."""
    return value.replace("\r", "").replace("\n", "")

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Two voices: what was done goes to stdout, complaints go to stderr, both at once."""

from __future__ import annotations

import sys


def say(line: str) -> None:
    """Print for the administrator, at once, so that what children print comes after it."""
    print(line, flush=True)


def warn(line: str) -> None:
    """Print a complaint."""
    print(line, file=sys.stderr, flush=True)

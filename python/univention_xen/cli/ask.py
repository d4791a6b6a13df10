# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The question before something that cannot be undone."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from univention_xen.errors import UsageError, XenError

if TYPE_CHECKING:
    from univention_xen.plan import Machine


@dataclass(frozen=True)
class Ask:
    """Ask at the terminal whether all this shall be done."""

    what: str

    def __str__(self) -> str:
        return "ask whether that shall be done"

    def apply(self, on: Machine) -> None:
        """Raise UsageError where nobody can be asked, XenError when the answer is no."""
        del on
        if sys.stdin is None or not sys.stdin.isatty():
            raise UsageError("nobody can be asked whether that shall be done", hint="--yes does it without a question")
        print(self.what, "Do it? [y/N] ", sep="\n", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes", "j", "ja"):
            raise XenError("nothing has been done")

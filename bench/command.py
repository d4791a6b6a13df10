# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""How long `univention-xen` takes before it does anything."""

from __future__ import annotations

from pathlib import Path

from bench.harness import PROJECT, PYTHON, Comparison, entry

COMMAND = (PYTHON, str(PROJECT / "scripts" / "univention-xen"))


@entry
def univention_xen_version(_where: Path) -> Comparison:
    """Start-up alone."""
    return Comparison(lambda _run: (*COMMAND, "--version"))


@entry
def univention_xen_host_check(where: Path) -> Comparison:
    """The reading verb that looks at the whole host."""
    (where / "etc/univention").mkdir(parents=True)
    return Comparison(lambda _run: (*COMMAND, "--root", str(where), "host", "settings"))

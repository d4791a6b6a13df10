# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`python3 -m univention_xen.registry` is the `ucr` command."""

from univention_xen.registry.cli import run

if __name__ == "__main__":
    run()

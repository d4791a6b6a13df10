# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`python3 -m univention_xen` is the `univention-xen` command."""

from __future__ import annotations

import sys

from univention_xen.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The `univention-xen` command: one file per noun, argparse and printing only."""

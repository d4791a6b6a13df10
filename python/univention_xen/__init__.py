# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""A Xen Dom0 run through the Univention Configuration Registry."""

__version__ = "6.0.0"

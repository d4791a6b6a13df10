# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Installer initrds: look into them, and give them the modules of a kernel that runs under Xen."""

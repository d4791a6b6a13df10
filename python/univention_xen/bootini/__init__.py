# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Windows' boot menus, boot.ini and BCD, and what the paravirtual drivers want in them."""

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The ports that guests' screens and relocation need, in the firewall of UCS or in nftables; only on request."""

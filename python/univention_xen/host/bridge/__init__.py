# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""How a network card of this host becomes a port of the bridge that guests are connected to."""

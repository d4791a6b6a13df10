# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What the registry's xen/* variables say, as values one can compute with.

Every variable is declared once, in one of the groups; ``everything.Settings`` is all of them. Code that needs only some
reads only their group, ``network.Network.read(registry)``, and imports no other.
"""

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The default layer: what the descriptions of variables say in their `Default=` lines."""

from __future__ import annotations

from univention_xen.registry import descriptions
from univention_xen.registry.config import ConfigRegistry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from univention_xen.registry.config import Changes


def refresh(root: str) -> Changes:
    """Bring the default layer up to date; return name → (old default, visible value) of what changed there.

    A default goes when its description goes; one whose description only lost its `Default=` line stays, as in UCR.
    The old value of a default that was not there before is the new one, as in UCR.
    """
    described = descriptions.Descriptions.load(root)
    registry = ConfigRegistry("", ConfigRegistry.DEFAULTS, root=root).load()
    if registry.custom:
        return {}
    if not described.sections and not registry.layers[registry.DEFAULTS].values:
        return {}
    registry.lock()
    try:
        registry.load()
        present = registry.layers[registry.DEFAULTS].values
        wanted = described.defaults(registry)
        wanted |= {key: value for key, value in present.items() if key not in wanted and described.get(key) is not None}
        changed = {k: present.get(k, wanted.get(k)) for k in present | wanted if present.get(k) != wanted.get(k)}
        if changed:
            present.clear()
            present.update(wanted)
            registry.save()
    finally:
        registry.unlock()
    return {key: (old, registry.get(key)) for key, old in sorted(changed.items())}

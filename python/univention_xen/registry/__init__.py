# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The configuration registry where UCS is not: the `ucr` command, its store, templates and change handlers.

Everything here starts fast: a module on the way of `ucr get` or `ucr set` imports nothing but what every Python has
already loaded (no re, typing, subprocess, argparse, contextlib, dataclasses).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def read(root: str = "/") -> Mapping[str, str]:
    """Return what the registry of the machine below *root* says at this moment, all layers merged.

    The files are those of UCS, so this works there too. Raises OSError when a layer cannot be read.
    """
    from types import MappingProxyType

    from univention_xen.registry.config import ReadOnlyConfigRegistry

    return MappingProxyType(dict(ReadOnlyConfigRegistry(root=root).load().items()))

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""UCR's Python interface, for handlers and programs that were written for UCS.

Only in the package univention-xen-registry: on a UCS host the real one is in its place.
"""

from __future__ import annotations

from univention_xen.registry.config import ConfigRegistry, ReadOnlyConfigRegistry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WHERE = {
    "backend": ("BooleanConfigRegistry", "LiveConfigRegistry", "StrictModeException", "ucr", "ucr_factory", "ucr_live"),
    "frontend": (
        "handler_commit", "handler_dump", "handler_filter", "handler_get", "handler_info", "handler_register",
        "handler_search", "handler_set", "handler_unregister", "handler_unset", "handler_update", "main", "ucr_update",
    ),
    "misc": ("escape_value", "key_shell_escape", "validate_key"),
    "interfaces": ("Interfaces",),
}  # fmt: skip

__all__ = ["ConfigRegistry", "ReadOnlyConfigRegistry", *(name for names in WHERE.values() for name in names)]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """Fetch what is rarely wanted when it is wanted."""
    for module, names in WHERE.items():
        if name in names or name == module:
            from importlib import import_module

            found = import_module(f"{__name__}.{module}")
            return found if name == module else getattr(found, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

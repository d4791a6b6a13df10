# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The views of the registry that every program shares."""

from __future__ import annotations

from univention_xen.registry.config import FALSE, SCOPES, TRUE, ConfigRegistry, ReadOnlyConfigRegistry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SCOPE = list(SCOPES)


class StrictModeException(Exception):
    """Known to programs that catch it; never raised here."""


class BooleanConfigRegistry:
    """What counts as yes and as no."""

    TRUE = TRUE
    FALSE = FALSE


class LiveConfigRegistry(ReadOnlyConfigRegistry):
    """Looks at the files again at every question; frozen within ``with ucr_live as frozen``."""

    def find(self, key: str) -> tuple[int, str] | None:
        """Read what has changed, then answer."""
        self.load()
        return super().find(key)

    def __contains__(self, key: object) -> bool:
        self.load()
        return super().__contains__(key)

    def __iter__(self) -> Any:
        self.load()
        return super().__iter__()

    def __enter__(self) -> ReadOnlyConfigRegistry:
        return ReadOnlyConfigRegistry(root=self.root).load()

    def __exit__(self, *_: object) -> None:
        """Nothing was locked."""


class OnceConfigRegistry(ReadOnlyConfigRegistry):
    """Read at the first question, and then never again unless load() is called."""

    _read = False

    def _first(self) -> None:
        if not self._read:
            self.load()

    def load(self) -> Any:
        """Read the files."""
        self._read = True
        return super().load()

    def find(self, key: str) -> tuple[int, str] | None:
        """Answer, after reading if that was not done before."""
        self._first()
        return super().find(key)

    def __contains__(self, key: object) -> bool:
        self._first()
        return super().__contains__(key)

    def __iter__(self) -> Any:
        self._first()
        return super().__iter__()


ucr = OnceConfigRegistry()
ucr_live = LiveConfigRegistry()


def ucr_factory() -> ConfigRegistry:
    """Return a registry of one's own, loaded."""
    return ConfigRegistry().load()


__all__ = [
    "SCOPE",
    "BooleanConfigRegistry",
    "ConfigRegistry",
    "ReadOnlyConfigRegistry",
    "StrictModeException",
    "ucr",
    "ucr_factory",
    "ucr_live",
]

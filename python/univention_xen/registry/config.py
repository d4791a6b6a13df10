# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""All layers as one mapping: ConfigRegistry, as UCR's own Python programs know it."""

from __future__ import annotations

import os

from univention_xen.registry import places
from univention_xen.registry.store import Layer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping
    from typing import Any, Self

    Changes = dict[str, tuple[str | None, str | None]]
else:
    from _collections_abc import MutableMapping  # collections.abc would load collections: 1 ms

    Any = object

SCOPES = ("default", "normal", "ldap", "schedule", "forced", "custom")
FILES = ("base-defaults.conf", "base.conf", "base-ldap.conf", "base-schedule.conf", "base-forced.conf")
TRUE = frozenset(("yes", "true", "1", "enable", "enabled", "on"))
FALSE = frozenset(("no", "false", "0", "disable", "disabled", "off"))


class ReadOnlyConfigRegistry(MutableMapping[str, Any]):
    """The merged view: custom > forced > schedule > ldap > normal > default.

    Empty before load(). Asking for an unset name gives None. A default may refer to other variables as
    `@%@name@%@`; such references are resolved when it is read, those in other layers are plain text.
    ``root`` is the directory below which the machine lies, "/" for this one.
    """

    DEFAULTS, NORMAL, LDAP, SCHEDULE, FORCED, CUSTOM = range(6)
    PREFIX = places.ETC
    BASES = tuple(FILES)

    def __init__(self, filename: str = "", write_registry: int = NORMAL, *, root: str | None = None) -> None:
        self.root = places.default_root() if root is None else os.path.abspath(root)
        self.custom = filename or os.environ.get("UNIVENTION_BASECONF") or ""
        self.scope = self.CUSTOM if self.custom else write_registry
        base = places.below(self.root, places.ETC) + "/"
        files = ["/dev/null"] * 5 if self.custom else [base + name for name in FILES]
        files.append(places.below(self.root, os.path.abspath(self.custom)) if self.custom else "/dev/null")
        self.layers = tuple(map(Layer, files))

    def load(self) -> Self:
        """Read what has changed on disk; return this object."""
        for layer in self.layers:
            if layer.path != "/dev/null":
                layer.load()
        return self

    def is_stale(self) -> bool:
        """Tell whether another process has written a layer since load()."""
        return any(layer.is_stale() for layer in self.layers if layer.path != "/dev/null")

    def get(self, key: str, default: Any = None, getscope: bool = False) -> Any:
        """Return the visible value of *key*, with its layer's number in front when *getscope*; else *default*."""
        found = self.find(key)
        if found is None:
            return default
        return found if getscope else found[1]

    def find(self, key: str) -> tuple[int, str] | None:
        """Return the number of the highest layer that has *key* and the value there."""
        for scope in (5, 4, 3, 2, 1, 0):
            value = self.layers[scope].values.get(key)
            if value is not None:
                return scope, value if scope else self._resolve(value, (key,))
        return None

    def _resolve(self, value: str, asked: tuple[str, ...]) -> str:
        """Replace references in a default; one that leads back to itself is empty."""
        parts = value.split("@%@")
        if len(parts) % 2 == 0:  # the last marker has no partner
            parts[-2:] = [parts[-2] + "@%@" + parts[-1]]
        for number in range(1, len(parts), 2):
            parts[number] = self._refer(parts[number], asked)
        return "".join(parts)

    def _refer(self, key: str, asked: tuple[str, ...]) -> str:
        for layer in self.layers[:0:-1]:
            if key in layer.values:
                return layer.values[key]
        value = self.layers[0].values.get(key, "")
        return "" if key in asked else self._resolve(value, (*asked, key))

    def __getitem__(self, key: str) -> Any:
        return self.get(key)

    def __contains__(self, key: object) -> bool:
        return any(key in layer.values for layer in self.layers)

    def __iter__(self) -> Iterator[str]:
        names: dict[str, None] = {}
        for layer in self.layers:
            names.update(dict.fromkeys(layer.values))
        return iter(names)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __bool__(self) -> bool:
        return any(layer.values for layer in self.layers)

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def __str__(self) -> str:
        return "\n".join(f"{key}: {self.get(key)}" for key in sorted(self))

    def items(self, getscope: bool = False) -> Any:
        """Return all names with what get() says of them."""
        return {key: self.get(key, getscope=getscope) for key in self}.items()

    def get_int(self, key: str, default: Any = None) -> Any:
        """Return the value as a whole number, *default* when it is unset or something else."""
        try:
            return int(self.get(key))
        except (TypeError, ValueError):
            return default

    def is_true(self, key: str | None = None, default: bool = False, value: str | None = None) -> bool:
        """Tell whether the value is one of yes, true, 1, enable(d), on; *default* only when it is unset."""
        text = self.get(key) if value is None and key is not None else value
        return default if text is None else text.lower() in TRUE

    def is_false(self, key: str | None = None, default: bool = False, value: str | None = None) -> bool:
        """Tell whether the value is one of no, false, 0, disable(d), off; *default* only when it is unset."""
        text = self.get(key) if value is None and key is not None else value
        return default if text is None else text.lower() in FALSE

    def __setitem__(self, key: str, value: Any) -> None:
        raise TypeError("this view of the registry is read-only")

    def __delitem__(self, key: str) -> None:
        raise TypeError("this view of the registry is read-only")


class ConfigRegistry(ReadOnlyConfigRegistry):
    """The registry, with one layer open for writing: ``with ConfigRegistry() as ucr: ucr["a"] = "b"``.

    That locks and reads the layer, and saves and unlocks it at the end; an exception leaves it unsaved.
    """

    def lock(self) -> None:
        """Wait until nobody else writes the layer. Missing layer files are made, empty."""
        for layer in self.layers:
            if layer.path != "/dev/null" and not os.path.lexists(layer.path):
                os.makedirs(os.path.dirname(layer.path), exist_ok=True)
                layer.make()
        self.layers[self.scope].lock()

    def unlock(self) -> None:
        """Let others write."""
        self.layers[self.scope].unlock()

    def save(self) -> None:
        """Write the layer; raise OSError when that does not work."""
        self.layers[self.scope].save()

    def __enter__(self) -> Self:
        self.lock()
        try:
            return self.load()
        except BaseException:
            self.unlock()
            raise

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self.save()
            else:
                self.layers[self.scope].forget()
                self.load()
        finally:
            self.unlock()

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(value, str):
            raise TypeError(f"the value of {key} must be a string, not {type(value).__name__}")
        self.layers[self.scope].values[key] = value

    def __delitem__(self, key: str) -> None:
        del self.layers[self.scope].values[key]

    def clear(self) -> None:
        """Remove all names from the layer that is written."""
        self.layers[self.scope].values.clear()

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return the value of *key*; set it to *default* before, if it is unset."""
        if key not in self:
            self[key] = default
        return self.get(key)

    def old_value(self, key: str) -> str | None:
        """Return what handlers get as old value: that of the written layer, else of the next layer below."""
        for layer in self.layers[self.scope :: -1]:
            if key in layer.values:
                return layer.values[key]
        return None

    def update(self, changes: Mapping[str, str | None]) -> Changes:  # type: ignore[override]
        """Set names, or unset those whose value is None; return old and new value of what differs."""
        changed: Changes = {}
        values = self.layers[self.scope].values
        for key, value in changes.items():
            present, old = values.get(key), self.old_value(key)
            if value is None:
                values.pop(key, None)
            else:
                self[key] = value
            if present != value:
                changed[key] = (old, self.get(key))
        return changed

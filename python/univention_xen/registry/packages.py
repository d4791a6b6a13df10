# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The verbs that packages call: register, unregister, update, and commit."""

from __future__ import annotations

from univention_xen.registry import defaults, places
from univention_xen.registry.change import visible
from univention_xen.registry.config import ConfigRegistry
from univention_xen.registry.diversions import Diversions
from univention_xen.registry.engine import Engine
from univention_xen.registry.handlers import File, Multifile
from univention_xen.registry.talk import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_HIDDEN = 'I: {} will be set in scope "{}"'


def register(arguments: Sequence[str], *, root: str, debug: bool = False) -> int:
    """Divert what a package's files replace, take its defaults over, and run all its handlers once.

    Raises FileNotFoundError when the package has no registration file.
    """
    engine = Engine(root, debug=debug)
    handlers = engine.of_package(arguments[0])
    targets = {handler.name for handler in handlers} & engine.targets()
    engine.blocked = Diversions(root).add(targets)
    registry = _refresh_defaults(engine)
    engine.registered(registry, handlers)
    return engine.status


def unregister(arguments: Sequence[str], *, root: str, debug: bool = False) -> int:
    """Delete what was generated for a package and bring back what was there before.

    A multifile to which other packages contribute is made again, without the part of this one. Raises
    FileNotFoundError when the package has no registration file.
    """
    package = arguments[0]
    before = Engine(root, debug=debug).of_package(package)
    engine = Engine(root, without=package, debug=debug)
    kept = engine.targets()
    gone = {handler.name for handler in before if isinstance(handler, File)} - kept
    _bring_back(engine, Diversions(root), gone)
    registry = _refresh_defaults(engine)
    remaining = [h for h in engine.all() if isinstance(h, Multifile) and h.parts and h.name in {b.name for b in before}]
    engine.commit(registry, remaining)
    return engine.status


def update(arguments: Sequence[str], *, root: str, debug: bool = False) -> int:
    """Read the registrations again: divert what is new, bring back what nobody generates any more, renew defaults."""
    engine = Engine(root, debug=debug)
    diversions = Diversions(root)
    engine.blocked = diversions.add(engine.targets())
    for target, reason in engine.blocked.items():
        engine.failed(f"{target} stays as it was: {reason}")
    _bring_back(engine, diversions, set())
    _refresh_defaults(engine)
    return engine.status


def commit(arguments: Sequence[str], *, root: str, debug: bool = False) -> int:
    """Make the named files again, or run everything."""
    engine = Engine(root, debug=debug)
    handlers = engine.all()
    if arguments:
        wanted = {places.without(root, path) for path in arguments}
        handlers = [handler for handler in handlers if isinstance(handler, File) and handler.name in wanted]
        known = {handler.name for handler in handlers}
        for path in arguments:
            if places.without(root, path) not in known:
                warn(f"Warning: The file '{path}' is not registered as an UCR template.")
    engine.commit(ConfigRegistry(root=root).load(), handlers)
    return engine.status


def _refresh_defaults(engine: Engine) -> ConfigRegistry:
    """Renew the default layer and run the handlers of what changed; return the registry as it is then."""
    changes = defaults.refresh(engine.root)
    registry = ConfigRegistry(root=engine.root).load()
    if changes:
        engine.changed(registry, visible(registry, changes, DEFAULT_HIDDEN))
    return registry


def _bring_back(engine: Engine, diversions: Diversions, gone: set[str]) -> None:
    """Undo the diversions of *gone*, and those of ours that no handler wants."""
    for target, reason in diversions.remove((gone | diversions.ours) - engine.targets()).items():
        engine.failed(f"the original of {target} is not back: {reason}")

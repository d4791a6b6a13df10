# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The verbs of the `ucr` command as functions."""

from __future__ import annotations

import sys

from univention_xen.registry import change, cli, packages, places, query
from univention_xen.registry.config import ConfigRegistry, ReadOnlyConfigRegistry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from univention_xen.registry.config import Changes

    Options = Mapping[str, object] | None


def handler_set(args: Sequence[str], opts: Options = None, quiet: bool = False) -> int:
    """Set `key=value` and `key?value`; run handlers; return the exit status of `ucr set`."""
    return change.set_values(args, dict(opts or {}), root=places.default_root(), quiet=quiet)


def handler_unset(args: Sequence[str], opts: Options = None) -> int:
    """Unset names; run handlers."""
    return change.unset_values(args, dict(opts or {}), root=places.default_root())


def ucr_update(ucr: ConfigRegistry, changes: Mapping[str, str | None]) -> Changes:
    """Set and unset several names at once and run handlers; no type check, no messages about it.

    Raises TypeError for a value that is not a string, before anything is changed.
    """
    for key, value in changes.items():
        if value is not None and not isinstance(value, str):
            raise TypeError(f"the value of {key} must be a string, not {type(value).__name__}")
    with ucr:
        changed = ucr.update(changes)
    change.react(ucr, changed, 'W: {} is overridden by scope "{}"')
    return changed


def handler_commit(args: Sequence[str] = (), opts: Options = None) -> int:
    """Make the named files again, or run everything."""
    return packages.commit(args, root=places.default_root())


def handler_register(args: Sequence[str], opts: Options = None) -> int:
    """Use the templates of a package."""
    return packages.register(args, root=places.default_root())


def handler_unregister(args: Sequence[str], opts: Options = None) -> int:
    """Stop using the templates of a package."""
    return packages.unregister(args, root=places.default_root())


def handler_update(args: Sequence[str] = (), opts: Options = None) -> int:
    """Read the registrations of all packages again."""
    return packages.update(args, root=places.default_root())


def handler_filter(args: Sequence[str] = (), opts: Options = None) -> int:
    """Make a file of the template on standard input."""
    return cli.filter_input(dict(opts or {}), places.default_root())


def _registry() -> ReadOnlyConfigRegistry:
    return ReadOnlyConfigRegistry().load()


def handler_get(args: Sequence[str], opts: Options = None) -> Iterator[str]:
    """Yield the value of a variable."""
    return query.get(args, dict(opts or {}), _registry())


def handler_search(args: Sequence[str] = (), opts: Options = None) -> Iterator[str]:
    """Yield the variables that are found."""
    return query.search(args, dict(opts or {}), _registry())


def handler_dump(args: Sequence[str] = (), opts: Options = None) -> Iterator[str]:
    """Yield all variables that are set."""
    return query.dump(args, dict(opts or {}), _registry())


def handler_info(args: Sequence[str], opts: Options = None) -> Iterator[str]:
    """Yield everything that is known about variables."""
    return query.info(args, dict(opts or {}), _registry())


def main(args: Sequence[str] | None = None) -> int:
    """Do what a command line says; return the exit status."""
    return cli.main(sys.argv[1:] if args is None else args)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The verbs that change values: set and unset."""

from __future__ import annotations

import sys

from univention_xen.registry import keys
from univention_xen.registry.config import SCOPES, ConfigRegistry
from univention_xen.registry.talk import say, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from univention_xen.registry.config import Changes


class Setting:
    """One call of `set`: what was changed so far, and the exit status of the last thing that was wrong."""

    def __init__(self, registry: ConfigRegistry, *, check: bool, quiet: bool = False) -> None:
        self.registry = registry
        self.check = check
        self.quiet = quiet
        self.status = 0
        self.changes: Changes = {}

    def say(self, line: str) -> None:
        """Print what is being done, unless nobody wants to know."""
        if not self.quiet:
            say(line)

    def assign(self, argument: str) -> None:
        """Do what one argument `key=value` or `key?value` asks for."""
        separated = split(argument)
        if separated is None:
            warn(f"W: Missing value for config registry variable '{argument}'")
            return
        key, separator, value = separated
        present = key in self.registry.layers[self.registry.scope].values
        if separator == "?" and present:
            self.say(f"Not updating {key}")
            return
        problem = keys.problem(key)
        if problem is None:
            problem = unstorable(key, value)
        if problem is not None:
            self.say(f"Not setting {key}")
            if problem:
                warn(problem)
            self.status = 1
            return
        if advice := keys.advice(key):
            warn(advice)
        self.say(f"{'Setting' if present else 'Create'} {key}")
        if self.fits(key, value):
            old = self.registry.old_value(key)
            self.registry[key] = value
            self.changes[key] = (old, value)

    def fits(self, key: str, value: str) -> bool:
        """Compare a value with the type of its variable; complain when it does not fit. Tells whether to set it."""
        from univention_xen.registry import descriptions

        options = descriptions.describe(self.registry.root, [key]).get(key)
        if options is None:
            return True
        from univention_xen.registry import types

        try:
            if types.fits(options, value):
                return True
        except types.BrokenDefinition:
            about = f"Invalid UCR type definition for type '{options.get('type')}' of '{key}'"
            if self.check:
                warn(f"E: {about}, value '{value}' not set")
                self.status = 1
            else:
                warn(f"W: {about}, but set anyway")
        else:
            if self.check:
                warn(f"E: Value '{value}' incompatible for '{key}'")
                self.status = 2
            else:
                warn(f"W: Value '{value}' incompatible for '{key}', but setting anyway")
        return not self.check


def split(argument: str) -> tuple[str, str, str] | None:
    """Split at the first `=` or `?`; None without either.

    An argument that begins with one of them and has not the other gets all but its last character as key, as in
    UCR: it is refused in any case.
    """
    found = [at for at in (argument.find("="), argument.find("?")) if at >= 0]
    if not found:
        return None
    at = min(found)
    if at == 0 and len(found) == 1:
        return argument[:-1], argument[0], argument
    return argument[:at], argument[at], argument[at + 1 :]


def unstorable(key: str, value: str) -> str | None:
    """Return a sentence when a value is no text that a file can hold."""
    try:
        (key + value).encode("utf-8")
    except UnicodeEncodeError:
        return f"E: the value of {key!a} is not UTF-8, nothing was set"
    return None


def set_values(arguments: Sequence[str], options: dict[str, object], *, root: str, quiet: bool = False) -> int:
    """Set variables, then run the handlers they concern; return the exit status."""
    registry = ConfigRegistry(write_registry=scope_of(options), root=root)
    with registry:
        check = not options.get("ignore-check") and not registry.is_false("ucr/check/type")
        setting = Setting(registry, check=check, quiet=quiet)
        for argument in arguments:
            setting.assign(argument)
    failed = react(registry, setting.changes, 'W: {} is overridden by scope "{}"', debug=bool(options.get("debug")))
    return setting.status or failed


def unset_values(arguments: Sequence[str], options: dict[str, object], *, root: str, quiet: bool = False) -> int:
    """Remove variables from a layer, then run the handlers they concern; return the exit status."""
    registry = ConfigRegistry(write_registry=scope_of(options), root=root)
    changes: Changes = {}
    with registry:
        values = registry.layers[registry.scope].values
        for key in arguments:
            if key in values:
                if not quiet:
                    say(f"Unsetting {key}")
                old = values.pop(key)
                changes[key] = (old, registry.get(key))
            else:
                warn(f"W: The config registry variable '{key}' does not exist")
    return react(registry, changes, 'W: {} is still set in scope "{}"', debug=bool(options.get("debug")))


def scope_of(options: dict[str, object]) -> int:
    """Return the number of the layer that the options of a verb name."""
    for name, scope in (("force", 4), ("forced", 4), ("schedule", 3), ("ldap-policy", 2)):
        if options.get(name):
            return scope
    return ConfigRegistry.NORMAL


def visible(registry: ConfigRegistry, changes: Changes, sentence: str) -> Changes:
    """Return the changes that no layer above *registry*'s own hides; say *sentence* for the others.

    The sentence has places for the name and for the layer that hides it.
    """
    seen: Changes = {}
    for key, values in changes.items():
        found = registry.find(key)
        if found and found[0] > registry.scope:
            warn(sentence.format(key, SCOPES[found[0]]))
        else:
            seen[key] = values
    return seen


def react(registry: ConfigRegistry, changes: Changes, sentence: str, *, debug: bool = False) -> int:
    """Run the handlers of all visible changes; return 0 or the exit status of what failed."""
    seen = visible(registry, changes, sentence)
    if not seen:
        return 0
    from univention_xen.registry.engine import Engine

    engine = Engine(registry.root, debug=debug)
    engine.changed(registry, seen)
    sys.stdout.flush()
    return engine.status

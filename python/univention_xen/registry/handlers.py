# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The four kinds of handlers that a change of a variable can call: file, multifile, module and script.

A handler written for UCR finds what it expects: `handler`, `preinst` and `postinst` get the registry, an object with
the new values and the attribute ``root`` ("/" or the directory of the machine that is configured), and the changes,
name → (old value, new value) with None for unset.
"""

from __future__ import annotations

import os
import sys

from univention_xen.registry import children, places, sections, targets
from univention_xen.registry.filter import Section, split
from univention_xen.registry.patterns import matcher
from univention_xen.registry.store import as_stored
from univention_xen.registry.talk import say, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from univention_xen.registry.config import Changes, ConfigRegistry

ROUNDS = 20  # of writing a file again while others go on changing the registry
LOADED: dict[str, str] = {}  # handler modules by name: the directory they came from


class HandlerFailed(Exception):
    """A handler could not do its work; the message is one sentence for the administrator."""


class Handler:
    """Something that is run when one of its ``variables``, regular expressions for names, changes."""

    rank = 0

    def __init__(self, name: str, variables: set[str]) -> None:
        self.name = name
        self.variables = variables
        self._matchers: list[Callable[[str], bool]] | None = None

    def matches(self, key: str) -> bool:
        """Tell whether a change of *key* concerns this handler."""
        if self._matchers is None:
            self._matchers = []
            for pattern in sorted(self.variables):
                try:
                    self._matchers.append(matcher(pattern))
                except ValueError as why:
                    warn(f"W: {why}")
        return any(matches(key) for matches in self._matchers)

    def run(self, registry: ConfigRegistry, changes: Changes, *, debug: bool = False) -> None:
        """Do it. Raises HandlerFailed, or whatever a handler of a package raises."""
        raise NotImplementedError


class File(Handler):
    """A file made from one template."""

    rank = 1

    def __init__(self, name: str, variables: set[str], template: str) -> None:
        super().__init__(name, variables)
        self.template = template
        self.permissions = targets.Permissions()
        self.preinst = self.postinst = ""

    def run(self, registry: ConfigRegistry, changes: Changes, *, debug: bool = False) -> None:
        """Preinst, write, Postinst, file hook."""
        call(self.preinst, "preinst", registry, changes)
        say(f"File: {self.name}")
        if not os.path.exists(places.below(registry.root, self.template)):
            warn("The referenced template file does not exist")
            return
        self._make(registry, changes, [self.template], debug)

    def _make(self, registry: ConfigRegistry, changes: Changes, templates: list[str], debug: bool) -> None:
        target, template = (places.below(registry.root, path) for path in (self.name, self.template))
        try:
            targets.write(target, render(registry, templates, debug), self.permissions, template)
            for _ in range(ROUNDS):
                if not registry.is_stale():
                    break
                # somebody else has set something; our text may have replaced a newer one of theirs
                targets.write(target, render(registry.load(), templates, debug), self.permissions, template)
        except sections.SectionFailed as why:
            raise HandlerFailed(f"{self.name} stays as it was: {why}") from None
        except OSError as why:
            raise HandlerFailed(f"{self.name} stays as it was: {why.strerror or why}") from why
        call(self.postinst, "postinst", registry, changes)
        hook = places.below(registry.root, places.SCRIPTS + self.name)
        if os.path.isfile(hook):
            start([hook, "postinst"])


class Multifile(File):
    """A file made from the parts that several packages may contribute; ``parts`` are their templates."""

    rank = 2

    def __init__(self, name: str, variables: set[str], template: str) -> None:
        super().__init__(name, variables, template)
        self.parts: set[str] = set()

    def run(self, registry: ConfigRegistry, changes: Changes, *, debug: bool = False) -> None:
        """Preinst, write, Postinst, file hook; only Preinst as long as there are no parts."""
        say(f"Multifile: {self.name}")
        call(self.preinst, "preinst", registry, changes)
        if self.parts:
            self._make(registry, changes, sorted(self.parts, key=lambda p: (os.path.basename(p), p)), debug)


class Module(Handler):
    """A Python module with a function `handler`."""

    rank = 3

    def run(self, registry: ConfigRegistry, changes: Changes, *, debug: bool = False) -> None:
        """Call its function."""
        say(f"Module: {self.name.removesuffix('.py')}")
        call(self.name, "handler", registry, changes)


class Script(Handler):
    """A program that is called with `generate` and reads `name@%@old@%@new` lines."""

    rank = 4

    def run(self, registry: ConfigRegistry, changes: Changes, *, debug: bool = False) -> None:
        """Start it; its exit status does not matter. Only changes with both an old and a new value are told."""
        say(f"Script: {self.name}")
        lines = [f"{key}@%@{as_stored(old)}@%@{as_stored(new)}\n" for key, (old, new) in changes.items() if old and new]
        start([places.below(registry.root, self.name), "generate"], "".join(lines))


def render(registry: ConfigRegistry, templates: list[str], debug: bool = False) -> bytes:
    """Return what the templates make of the registry's values. Raises SectionFailed or OSError; then nothing."""

    def lookup(key: str) -> str | None:
        value = registry.get(key)
        return value and as_stored(value)  # as the next commit will see it

    pieces: list[str | Section] = []
    for template in templates:
        text = read_template(registry.root, template)
        pieces += split(text, lookup, templates, template)
    code = [piece for piece in pieces if not isinstance(piece, str)]
    printed = iter(sections.run(code, registry.root, debug=debug) if code else ())
    text = "".join(piece if isinstance(piece, str) else next(printed) for piece in pieces)
    return text.encode("utf-8", "surrogateescape")


def read_template(root: str, template: str) -> str:
    """Return the text of a template; SectionFailed says when it is not UTF-8."""
    try:
        with open(places.below(root, template), encoding="utf-8") as file:
            return file.read()
    except UnicodeDecodeError as why:
        raise sections.SectionFailed(f"{template} is not UTF-8 (byte {why.start})") from None


def call(module: str, function: str, registry: ConfigRegistry, changes: Changes) -> None:
    """Call *function* of the handler module with that file name. As in UCR, a lack of either is only told."""
    if not module:
        return
    try:
        getattr(load(registry.root, module), function)(registry, changes)
    except (AttributeError, ImportError) as why:
        warn(str(why))
    finally:
        sys.stdout.flush()


def load(root: str, module: str) -> Any:
    """Import a handler module, once per process. Raises ImportError, or what the module raises."""
    directory = places.below(root, places.MODULES)
    name = module.removesuffix(".py").replace("/", ".")
    if LOADED.get(name, directory) != directory:
        sys.modules.pop(name, None)
    kept = sys.path[:], sys.dont_write_bytecode
    sys.path.insert(0, directory)
    sys.dont_write_bytecode = True  # nothing of ours may stay behind in /etc
    try:
        found = __import__(name)
        LOADED[name] = directory
        return found
    finally:
        sys.path[:], sys.dont_write_bytecode = kept


def start(argv: list[str], stdin: str = "") -> None:
    """Start a program of a package whose exit status does not matter."""
    try:
        children.run(argv, stdin)
    except OSError as why:
        warn(f"W: {argv[0]} was not run: {why.strerror}")

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Knowing all handlers of a machine, and running those that a change concerns, one after the other."""

from __future__ import annotations

import sys

from univention_xen.registry import info, places, targets
from univention_xen.registry.filter import names
from univention_xen.registry.handlers import File, Handler, HandlerFailed, Module, Multifile, Script
from univention_xen.registry.store import read_text
from univention_xen.registry.talk import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from univention_xen.registry.config import Changes, ConfigRegistry
    from univention_xen.registry.info import Stanza

TIMES_SAID = 2  # how often UCR complains about one registration per call; kept, so that logs compare


class Engine:
    """The handlers of the machine below *root*, without those of the package *without*.

    The order of handlers is fixed: files, multifiles, modules, scripts, each by name. (In UCR it is random.)
    """

    def __init__(self, root: str, without: str = "", *, debug: bool = False) -> None:
        self.root = root
        self.debug = debug
        self.status = 0
        self.handlers: dict[tuple[int, str], Handler] = {}
        self.blocked: dict[str, str] = {}  # targets that must not be written, and why
        complaints: list[str] = []
        parts: list[Stanza] = []
        for stanza in info.read_all(root, without):
            if stanza.get("Type", [""])[0] == "subfile":
                parts.append(stanza)
            elif handler := make(root, stanza, complaints):
                self._add(handler)
        for stanza in parts:
            self._add_part(stanza, complaints)
        for complaint in complaints * TIMES_SAID:
            warn(complaint)

    def _add(self, handler: Handler) -> None:
        key = (handler.rank, handler.name)
        if isinstance(handler, (Module, Script)) and key in self.handlers:
            self.handlers[key].variables |= handler.variables
        else:
            self.handlers[key] = handler

    def _add_part(self, stanza: Stanza, complaints: list[str]) -> None:
        whole = self.handlers.get((Multifile.rank, "/" + stanza.get("Multifile", [""])[0].lstrip("/")))
        if not isinstance(whole, Multifile) or "Subfile" not in stanza:
            return
        template = f"{places.FILES}/{stanza['Subfile'][0]}"
        try:
            text = read_text(places.below(self.root, template))
        except OSError:
            complaints.append(f"Failed to process Subfile {template}")
            return
        whole.parts.add(template)
        whole.variables |= names(text) | set(stanza.get("Variables", ()))

    def of_package(self, package: str) -> list[Handler]:
        """Return the handlers of one package, multifiles included to which it contributes a part.

        Raises FileNotFoundError when the package has no registration file.
        """
        found: dict[tuple[int, str], Handler] = {}
        complaints: list[str] = []
        for stanza in info.read(self.root, package):
            key = key_of(stanza)
            if key in self.handlers:
                found[key] = self.handlers[key]
                make(self.root, stanza, complaints)
        for complaint in complaints:
            warn(complaint)
        return [found[key] for key in sorted(found)]

    def all(self) -> list[Handler]:
        """Return all handlers in their order."""
        return [self.handlers[key] for key in sorted(self.handlers)]

    def targets(self) -> set[str]:
        """Return the paths that are generated: a multifile only while it has parts."""
        return {h.name for h in self.all() if isinstance(h, File) and (not isinstance(h, Multifile) or h.parts)}

    def changed(self, registry: ConfigRegistry, changes: Changes) -> None:
        """Run all handlers that these changes concern; each gets those it asked for."""
        for handler in self.all():
            concerned = {key: values for key, values in changes.items() if handler.matches(key)}
            if concerned:
                self.run(handler, registry, concerned)

    def registered(self, registry: ConfigRegistry, handlers: Iterable[Handler]) -> None:
        """Run *handlers* for the first time: for every pattern and every variable that is set and matches."""
        for handler in handlers:
            changes: Changes = {name: (None, registry.get(name)) for name in sorted(handler.variables)}
            changes |= {key: (None, registry.get(key)) for key in sorted(registry) if handler.matches(key)}
            self.run(handler, registry, changes)

    def commit(self, registry: ConfigRegistry, handlers: Iterable[Handler]) -> None:
        """Run *handlers* although nothing has changed: old and new value are equal."""
        for handler in handlers:
            keys: list[str] = []
            for name in sorted(handler.variables):  # UCR tries just these numbers in place of a pattern
                keys += [name.replace(".*", digit) for digit in "0123"] if ".*" in name else [name]
            self.run(handler, registry, {key: (registry.get(key), registry.get(key)) for key in keys})

    def run(self, handler: Handler, registry: ConfigRegistry, changes: Changes) -> None:
        """Run one handler. Whatever goes wrong is reported and remembered in ``status``; the next one can run."""
        try:
            if handler.name in self.blocked:
                raise HandlerFailed(f"{handler.name} stays as it was: {self.blocked[handler.name]}")
            handler.run(registry, changes, debug=self.debug)
        except HandlerFailed as why:
            self.failed(str(why))
        except SystemExit as end:
            if isinstance(end.code, str):
                warn(end.code)
            self.status = self.status or (end.code if isinstance(end.code, int) else int(end.code is not None))
        except OSError as why:
            if self.debug:
                self._trace()
            else:
                self.failed(f"{type(handler).__name__} {handler.name.removesuffix('.py')} failed: {why}")
        except Exception:  # a mistake in the handler: its author needs the place
            self._trace()

    def failed(self, sentence: str) -> None:
        """Report that something could not be done, and remember it for the exit status."""
        warn(f"E: {sentence}")
        self.status = self.status or 1

    def _trace(self) -> None:
        import traceback

        sys.stdout.flush()
        traceback.print_exc()
        self.status = self.status or 1


def key_of(stanza: Stanza) -> tuple[int, str]:
    """Return under which key Engine.handlers has the handler that a stanza is about."""
    kind = stanza.get("Type", [""])[0]
    if kind in ("file", "multifile", "subfile"):
        name = stanza.get("File" if kind == "file" else "Multifile", [""])[0]
        return (File.rank if kind == "file" else Multifile.rank), "/" + name.lstrip("/")
    if kind == "script":
        return Script.rank, f"{places.SCRIPTS}/{stanza.get('Script', [''])[0]}"
    return Module.rank, stanza.get("Module", [""])[0]


def make(root: str, stanza: Stanza, complaints: list[str]) -> Handler | None:
    """Return the handler that a stanza describes; None when it describes none that UCR would know."""
    kind = stanza.get("Type", [""])[0]
    variables = set(stanza.get("Variables", ()))
    if kind == "module" and "Module" in stanza and variables:
        return Module(stanza["Module"][0], variables)
    if kind == "script" and "Script" in stanza and variables:
        return Script(key_of(stanza)[1], variables)
    if kind == "file" and "File" in stanza:
        name = stanza["File"][0]
        # a leading slash makes the target its own template, as it does in UCR
        template = name if name.startswith("/") else f"{places.FILES}/{name}"
        variables |= names_in(root, template)
        return _complete(File(key_of(stanza)[1], variables, template), root, stanza, complaints)
    if kind == "multifile" and "Multifile" in stanza:
        template = f"{places.FILES}/{stanza['Multifile'][0].lstrip('/')}"
        return _complete(Multifile(key_of(stanza)[1], variables, template), root, stanza, complaints)
    return None


def names_in(root: str, template: str) -> set[str]:
    """Return the variables that a template uses; none when there is no such file."""
    try:
        return names(read_text(places.below(root, template)))
    except OSError:
        return set()


def _complete(handler: File, root: str, stanza: Stanza, complaints: list[str]) -> File:
    """Add what a stanza says about the target and about functions to call."""
    handler.preinst = stanza.get("Preinst", [""])[0]
    handler.postinst = stanza.get("Postinst", [""])[0]
    uid = gid = mode = 0
    if (user := stanza.get("User", [""])[0]) and (number := targets.user_id(root, user)) is not None:
        uid = number
    elif user:
        complaints.append(f"W: failed to convert the username {user} to the uid")
    if (group := stanza.get("Group", [""])[0]) and (number := targets.group_id(root, group)) is not None:
        gid = number
    elif group:
        complaints.append(f"W: failed to convert the groupname {group} to the gid")
    if text := stanza.get("Mode", [""])[0]:
        try:
            mode = int(text, 8)
        except ValueError:
            complaints.append(f"W: failed to convert mode {text}")
    handler.permissions = targets.Permissions(uid, gid, mode)
    return handler

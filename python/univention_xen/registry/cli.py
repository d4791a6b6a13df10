# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The command line of `ucr`: options, the verb, its options, and one sentence when something is wrong."""

from __future__ import annotations

import os
import sys

from univention_xen.registry import places
from univention_xen.registry.talk import say, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import NoReturn

    Options = dict[str, object]

HINT = "try `univention-config-registry --help` for more information"
FORMS = {  # what shapes the output: for which verbs
    "keys-only": ("dump", "search"),
    "sort": ("dump", "search", "info"),
    "shell": ("dump", "search", "shell", "get"),
}
LAYERS = ("force", "forced", "schedule", "ldap-policy")
OPTIONS = {
    "set": (*LAYERS, "ignore-check"),
    "unset": LAYERS,
    "search": ("key", "value", "all", "category", "brief", "verbose", "non-empty"),
    "filter": ("encode-utf8", "disallow-execution"),
}
NEEDS = {
    "set": 1, "unset": 1, "get": 1, "info": 1, "register": 1, "unregister": 1,
    "dump": 0, "search": 0, "commit": 0, "update": 0, "filter": 0,
}  # fmt: skip


class Refused(Exception):
    """The command line makes no sense; the message is what to print."""


def run() -> NoReturn:
    """Be the `ucr` command."""
    try:
        status = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # `ucr dump | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        status = 1
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; return the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="surrogateescape" if stream.encoding == "utf-8" else "backslashreplace")
    words = list(arguments)
    options: Options = {}
    try:
        root = _root(words)
        if os.path.exists(places.below(root, places.DISABLED)):
            return 0
        if _global_options(words, options) or not words:
            return 0
        return _act(words, options, root)
    except Refused as why:
        warn(str(why))
        return 1
    except BrokenPipeError:
        raise
    except OSError as why:
        if options.get("debug"):
            raise
        return _failed(why)


def _failed(why: OSError) -> int:
    """Say in one sentence which file could not be used, and why."""
    name = why.filename or why.filename2
    warn(f"E: {os.fsdecode(name)}: {why.strerror}" if name else f"E: {why.strerror or why}")
    return 1


def _root(words: list[str]) -> str:
    """Take `--root DIR` from the words; children get to know it, too."""
    given = ""
    at = 0
    while at < len(words) and words[at].startswith("-"):
        if words[at] == "--root":
            if at + 1 == len(words):
                raise Refused("E: option --root expects an argument")
            given = words.pop(at + 1)
            del words[at]
        elif words[at].startswith("--root="):
            given = words.pop(at).removeprefix("--root=")
        else:
            at += 1
    root = os.path.abspath(given) if given else places.default_root()
    if given:
        os.environ["UCR_ROOT"] = root
    return root


def _global_options(words: list[str], options: Options) -> bool:
    """Take the options in front of the verb; return True when they were all that was asked for."""
    if not words:
        words.append("--help")
    while words and words[0].startswith("-"):
        word = words.pop(0)
        if word in ("-h", "-?", "--help"):
            from univention_xen.registry.usage import TEXT

            say(TEXT.rstrip())
            return True
        if word in ("-v", "--version"):
            from univention_xen import __version__

            say(f"univention-config-registry {__version__}")
            return True
        if word != "--debug" and word[2:] not in FORMS:
            raise Refused(f"E: unknown option {word}")
        options[word[2:]] = True
    return False


def _act(words: list[str], options: Options, root: str) -> int:
    """Check the verb, its options and the number of its parameters; then do it."""
    verb = words.pop(0)
    for name, verbs in FORMS.items():
        if options.get(name) and verb not in verbs:
            raise Refused(f"E: invalid option --{name} for command {verb}")
    if verb == "shell":
        verb = "search"
        options |= {"shell": True, "brief": True}
        words = [word if word.startswith("--") else f"^{word}$" for word in words] or [""]
    if options.get("shell"):
        options["brief"] = True
    _verb_options(verb, words, options)
    if verb not in NEEDS:
        raise Refused(f'E: unknown action "{verb}", see --help')
    if len(words) < NEEDS[verb]:
        raise Refused(f"E: too few arguments for command [{verb}]\n{HINT}")
    if verb in ("get", "dump", "search", "info"):
        return _show(verb, words, options, root)
    if verb in ("set", "unset"):
        from univention_xen.registry import change

        change_values = change.set_values if verb == "set" else change.unset_values
        return change_values(words, options, root=root)
    if verb == "filter":
        return filter_input(options, root)
    from univention_xen.registry import packages

    act: Callable[..., int] = getattr(packages, verb)
    try:
        return act(words, root=root, debug=bool(options.get("debug")))
    except FileNotFoundError as why:
        if verb in ("register", "unregister") and str(why.filename).endswith(".info") and not options.get("debug"):
            # the words of UCR, which tests of packages compare
            raise Refused(f"E: your request could not be fulfilled\n{HINT}") from None
        raise


def _verb_options(verb: str, words: list[str], options: Options) -> None:
    while words and words[0].startswith("--"):
        word = words.pop(0)
        if word[2:] not in OPTIONS.get(verb, ()):
            raise Refused(f"E: invalid option {word} for command {verb}")
        if word == "--category":
            if not words:
                raise Refused(f"E: option {word} for command {verb} expects an argument")
            options["category"] = words.pop(0)
        else:
            options[word[2:]] = True


def _show(verb: str, words: list[str], options: Options, root: str) -> int:
    from univention_xen.registry import query
    from univention_xen.registry.config import ReadOnlyConfigRegistry

    registry = ReadOnlyConfigRegistry(root=root).load()
    ask: Callable[..., Iterable[str]] = getattr(query, verb)
    try:
        lines = ask(words, options, registry)
        if options.get("keys-only"):
            lines = query.keys_only(lines)
        if verb != "get":
            lines = sorted(lines)
    except query.Refused as why:
        raise Refused(str(why)) from None
    if options.get("shell"):
        lines = query.as_shell(lines)
    for line in lines:
        print(line)
    return 0


def filter_input(options: Options, root: str) -> int:
    from univention_xen.registry import sections
    from univention_xen.registry.config import ConfigRegistry
    from univention_xen.registry.filter import split, without_code

    registry = ConfigRegistry(root=root).load()
    text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    pieces = split(text.replace("\r\n", "\n").replace("\r", "\n"), registry.get, (), "<stdin>")
    if options.get("disallow-execution"):
        result = without_code(pieces)
    else:
        code = [piece for piece in pieces if not isinstance(piece, str)]
        try:
            printed = iter(sections.run(code, root, debug=bool(options.get("debug"))) if code else ())
        except sections.SectionFailed as why:
            raise Refused(f"E: {why}") from None
        result = "".join(piece if isinstance(piece, str) else next(printed) for piece in pieces)
    sys.stdout.flush()
    sys.stdout.buffer.write(result.encode("utf-8", "surrogateescape"))
    return 0

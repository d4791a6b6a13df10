# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The verbs that only look: get, dump, search and info. Each yields what is to be printed."""

from __future__ import annotations

from univention_xen.registry import keys
from univention_xen.registry.talk import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from univention_xen.registry.config import ReadOnlyConfigRegistry

    Options = dict[str, object]

EMPTY = "<empty>"


class Refused(Exception):
    """The question makes no sense; the message is a sentence for the administrator."""


def get(arguments: Sequence[str], options: Options, registry: ReadOnlyConfigRegistry) -> Iterator[str]:
    """Yield the value of the first name, if it is set."""
    value = registry.get(arguments[0])
    if value is not None:
        yield f"{arguments[0]}: {value}" if options.get("shell") else value


def dump(arguments: Sequence[str], options: Options, registry: ReadOnlyConfigRegistry) -> Iterator[str]:
    """Yield all variables that are set."""
    for key, value in registry.items():
        yield f"{key}: {value}"


def search(arguments: Sequence[str], options: Options, registry: ReadOnlyConfigRegistry) -> Iterator[str]:
    """Yield the variables, set or described, in which one of the given expressions is found."""
    import re

    from univention_xen.registry.descriptions import Descriptions, categories

    if sum(bool(options.get(name)) for name in ("key", "value", "all")) > 1:
        raise Refused("E: at most one out of [--key|--value|--all] may be set")
    described = Descriptions.load(registry.root)
    if category := options.get("category"):
        if str(category).lower() not in categories(registry.root):
            raise Refused(f'E: unknown category: "{category}"')
        described = described.of_category(str(category))
    try:
        expressions = [re.compile(text) for text in arguments or [""]]
    except (re.error, RecursionError, OverflowError) as why:
        raise Refused(f"E: invalid regular expression: {why}") from None
    brief = options.get("brief") or registry.is_true("ucr/output/brief")
    show = "verbose" if options.get("verbose") else "brief" if brief else ""
    known: dict[str, str | None] = {**dict.fromkeys(described.sections), **dict(registry.items())}
    for key, value in known.items():
        about = described.get(key)
        texts = _searched(key, value, about, options)
        if not any(e.search(text) for e in expressions for text in texts):
            continue
        if not value and options.get("non-empty"):
            yield ""  # UCR prints an empty line in its place
        else:
            yield text_of(key, value, about, show)


def _searched(key: str, value: str | None, about: dict[str, str] | None, options: Options) -> list[str]:
    from univention_xen.registry.descriptions import localised

    values = [value] if value is not None else []
    if options.get("value"):
        return values
    if options.get("all"):
        return [key, *values, localised(about or {}, "description") or ""]
    return [key]


def info(arguments: Sequence[str], options: Options, registry: ReadOnlyConfigRegistry) -> Iterator[str]:
    """Yield everything that is known about the named variables."""
    from univention_xen.registry.descriptions import Descriptions

    described = Descriptions.load(registry.root)
    for key in arguments:
        about, value = described.get(key), registry.get(key)
        if about is None and value is None:
            warn(f'W: Unknown key: "{key}"')
        else:
            yield text_of(key, value, about, "everything")


def text_of(key: str, value: str | None, about: dict[str, str] | None, show: str) -> str:
    """Return one variable as text: `brief` one line, else with description, then categories, then all the rest."""
    lines = [f"{key}: {EMPTY if value is None else value}"]
    if show == "brief":
        return lines[0]
    if about is not None:
        from univention_xen.registry.descriptions import localised

        lines.append(" " + (localised(about, "description") or "no description available"))
        if show and "categories" in about:
            lines.append(f" Categories: {about['categories']}")
        if show == "everything":
            lines.append(f" Default: {about.get('default') or '(not set)'}")
            lines.append(f" Type: {about.get('type', 'str')}")
    return "\n".join([*lines, ""])


def keys_only(lines: Iterable[str]) -> Iterator[str]:
    """Leave of each line only the name in front."""
    for line in lines:
        yield line.partition(": ")[0]


def as_shell(lines: Iterable[str]) -> Iterator[str]:
    """Turn each line into an assignment that a shell can evaluate."""
    for line in lines:
        key, _, value = line.partition(": ")
        yield f"{keys.shell_name(key)}={keys.shell_quote('' if value == EMPTY else value)}"

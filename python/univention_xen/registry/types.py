# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Types of values: does a text fit what the description of its variable asks for?"""

from __future__ import annotations

from univention_xen.registry.config import FALSE, TRUE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Options = Mapping[str, str]

# field by field: lowest, highest, names that may stand alone
CRON_FIELDS: tuple[tuple[int, int, tuple[str, ...]], ...] = (
    (0, 59, ()),
    (0, 23, ()),
    (1, 31, ()),
    (1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    (0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
CRON_WORDS = frozenset(
    "@" + word for word in ["reboot", "yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly"]
)
WHOLE_NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "int": (None, None), "uint": (0, None), "pint": (1, None), "portnumber": (0, 65535),
}  # fmt: skip


class BrokenDefinition(Exception):
    """The description itself is wrong: nothing can be checked against it."""


def fits(options: Options, value: str) -> bool:
    """Tell whether *value* is of the described type; an unknown type takes everything.

    Raises BrokenDefinition when Regex, Separator, Min or Max cannot be understood.
    """
    kind = options.get("type", "str")
    if kind == "list":
        return _list(options, value)
    return _single(kind, options, value)


def _single(kind: str, options: Options, value: str) -> bool:
    if kind in WHOLE_NUMBERS:
        return _whole(kind, options, value)
    check = CHECKS.get(kind)
    if check:
        return check(value)
    if kind == "str" and "regex" in options:
        return bool(_compile(options["regex"]).match(value))
    return True


def _list(options: Options, value: str) -> bool:
    separator = options.get("separator") or ","
    words = value.split(",") if separator == "," else _compile(separator).split(value)
    return all(_single(options.get("elementtype", "str"), {}, (word or "").strip()) for word in words)


def _compile(text: str):  # type: ignore[no-untyped-def]
    import re

    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as why:
        raise BrokenDefinition(str(why)) from None


def _whole(kind: str, options: Options, value: str) -> bool:
    lowest, highest = WHOLE_NUMBERS[kind]
    try:
        lowest = int(options["min"]) if "min" in options else lowest
        highest = int(options["max"]) if "max" in options else highest
    except ValueError as why:
        raise BrokenDefinition(str(why)) from None
    try:
        number = int(value)
    except ValueError:
        return False
    return (lowest is None or number >= lowest) and (highest is None or number <= highest)


def _bool(value: str) -> bool:
    return value.lower() in TRUE or value.lower() in FALSE


def _address(name: str) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        import ipaddress

        try:
            getattr(ipaddress, name)(value)
        except ValueError:
            return False
        return True

    return check


def _url(value: str, *, proxy: bool = False) -> bool:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - raises for what is no port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and not (proxy and (parts.path or parts.query or parts.fragment))


def _proxy(value: str) -> bool:
    return _url(value, proxy=True)


def _json(value: str) -> bool:
    import json

    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True


def _cron(value: str) -> bool:
    if value.startswith("#"):
        return True
    fields = value.split()
    if len(fields) == 1:
        return fields[0] in CRON_WORDS
    return len(fields) == 5 and all(map(_cron_field, fields, CRON_FIELDS))


def _cron_field(field: str, limits: tuple[int, int, tuple[str, ...]]) -> bool:
    lowest, highest, names = limits
    for item in field.split(","):
        if item.lower() in names:
            continue
        span, slash, step = item.partition("/")
        if slash and not (_digits(step) and int(step) > 0):
            return False
        if span == "*":
            continue
        first, dash, last = span.partition("-")
        if not _digits(first) or (dash and not _digits(last)) or (slash and not dash):
            return False
        if not lowest <= int(first) <= int(last or first) <= highest:
            return False
    return True


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


CHECKS: dict[str, Callable[[str], bool]] = {
    "bool": _bool,
    "ipv4address": _address("IPv4Address"),
    "ipv6address": _address("IPv6Address"),
    "ipaddress": _address("ip_address"),
    "url_http": _url,
    "url_proxy": _proxy,
    "json": _json,
    "cron": _cron,
}

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The kinds of value a registry variable can have: how text is read, and what the registry checks itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Generic, TypeVar

from univention_xen import units

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Secret:
    """A password: prints as ***, and is no str, so that nothing writes it by accident."""

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the password, for the one file that needs it."""
        return self._text

    def __str__(self) -> str:
        return "***" if self._text else ""

    __repr__ = __str__

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


class Kind(Generic[T]):
    """How text becomes a value and back, and the check that `ucr set` makes on its own.

    ``type``, ``minimum``, ``maximum`` and ``regex`` are what the description of a variable says with Type, Min,
    Max and Regex. The registry matches an expression at its start only, hence ^…$; an empty value means unset.
    ``nothing`` is the word for an empty default in a sentence.
    """

    def __init__(
        self, type: str, parse: Callable[[str], T], *,  # noqa: A002
        minimum: int | None = None, maximum: int | None = None, regex: str = "",
        show: Callable[[T], str] = str, secret: bool = False, nothing: str = "no value",
    ) -> None:  # fmt: skip
        self.type, self.parse, self.minimum, self.maximum = type, parse, minimum, maximum
        self.regex, self.show, self.secret, self.nothing = regex, show, secret, nothing


def number(minimum: int, maximum: int | None = None) -> Kind[int]:
    """A whole number within bounds, both included."""
    type_ = "pint" if minimum == 1 else "uint" if minimum == 0 else "int"
    bound = minimum if minimum > 1 else None
    return Kind(type_, lambda text: units.whole(text, minimum, maximum), minimum=bound, maximum=maximum)


def one_of(*words: str) -> Kind[str]:
    """One of a few words, in this case."""
    *most, last = words
    return matching("|".join(words), f"is none of {', '.join(most)} and {last}")


def matching(pattern: str, why: str) -> Kind[str]:
    """Text that matches the whole of *pattern*; *why* says what it is not, if it does not."""

    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(why)
        return text

    return Kind("str", parse, regex=f"^(?:{pattern})?$")


MOST_NETWORKS = 64
"""Addresses and networks in one value; every one of them is a comparison for each new connection."""


def networks(text: str) -> tuple[str, ...]:
    """Return the IPv4 and IPv6 addresses and networks in *text*, each once, as usually spelt. Raises ValueError."""
    import ipaddress  # takes 2 ms that settings at their default should not pay

    found: dict[str, None] = {}
    for word in text.split():
        try:
            if "%" in word:
                raise ValueError
            network = ipaddress.ip_network(word)
        except ValueError:
            why = "is neither an address nor a network such as 192.0.2.0/24 or 2001:db8::/32"
            raise ValueError(f"contains {word[:60]}, which {why}") from None
        alone = network.num_addresses == 1
        found[str(network.network_address) if alone else str(network)] = None
    if len(found) > MOST_NETWORKS:
        raise ValueError(f"contains more than {MOST_NETWORKS} addresses and networks")
    return tuple(found)


def show_flag(value: bool) -> str:
    """Return yes or no."""
    return "yes" if value else "no"


def any_secret(text: str) -> Secret:
    """Return any printable text as a secret."""
    return Secret(text)


PATH_PATTERN = r"/(?!.*//)(?!.*/\.\.?(?:/|$))[A-Za-z0-9._+@:=/-]*[A-Za-z0-9._+@:=-]"

FLAG: Kind[bool] = Kind("bool", units.flag, show=show_flag)
PORT: Kind[int] = Kind("portnumber", lambda text: units.whole(text, 1, 65535))
ADDRESS: Kind[str] = Kind("ipaddress", units.ip_address)
HOST = matching(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", "is not a host name or IPv4 address")
PATH = matching(
    PATH_PATTERN, "is not an absolute path of letters, digits and . _ + @ : = - without empty or dotted parts"
)
PATH_OR_NONE = matching(
    f"none|{PATH_PATTERN}",
    "is neither none nor an absolute path of letters, digits and . _ + @ : = - without empty or dotted parts",
)
INTERFACE = matching(units.INTERFACE, "is not the name of a network interface (up to 15 letters, digits and _ . : -)")
SECRET: Kind[Secret] = Kind("str", any_secret, secret=True)
NETWORKS: Kind[tuple[str, ...]] = Kind(
    "str", networks, regex=r"^[0-9A-Fa-f.:/ ]*$", show=" ".join, nothing="no limit to the addresses"
)

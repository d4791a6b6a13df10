# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Values of Python 2: how literals are read, what operators and the few harmless functions make of them.

Text is kept as bytes decoded from UTF-8, odd bytes as lone surrogates.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from univention_xen.guest.words import shown

if TYPE_CHECKING:
    from collections.abc import Callable

LARGE = 65536
"""No guest needs a text or list longer than this; a file that computes one is an attack."""

MAXINT = 2**63 - 1
ESCAPE = re.compile(r"""\\(\n|[\\'"abfnrtv]|x[0-9a-fA-F]{2}|[0-7]{1,3})""")
ESCAPED = {"\\": "\\", "'": "'", '"': '"', "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
FORMAT = re.compile(r"%(?:\((?P<key>[^)]*)\))?(?P<flags>[-+ 0]*)(?P<width>\d{0,3})(?P<kind>[sdixXo%])")


class Unicode(str):
    """A text with u in front: xm drops settings of this type."""

    __slots__ = ()


class Long(int):
    """A number with L behind, or beyond 64 bit: xm drops settings of this type."""

    __slots__ = ()


class Unclear(Exception):
    """What stands here cannot be known without running it; *why* is a piece of a sentence.

    It is raised, and it is also the value of the name that stands in front. *wrong* says that Python refuses it.
    """

    def __init__(self, why: str, *, wrong: bool = False) -> None:
        super().__init__(why)
        self.why, self.wrong = why, wrong


def type_name(value: object) -> str:
    """Return what Python 2 calls the type of *value*."""
    names = {Unicode: "unicode", Long: "long", type(None): "NoneType"}
    return names.get(type(value), type(value).__name__)


def whole(number: int) -> int:
    """Return *number* as Python 2 on a 64 bit host has it."""
    return number if -MAXINT - 1 <= number <= MAXINT else Long(number)


def string(token: str) -> str:
    """Return what a quoted text means. Raises Unclear for unicode escapes."""
    opening = re.match(r"([uUbB]?)([rR]?)('''|\"\"\"|'|\")", token)
    if not opening:
        raise Unclear("is no text", wrong=True)
    inner = token[opening.end() : -len(opening[3])].replace("\r\n", "\n").replace("\r", "\n")
    is_unicode = opening[1] in ("u", "U")
    if not opening[2]:
        if is_unicode and re.search(r"\\[uUN]", inner):
            raise Unclear("has escapes of unicode text")
        inner = ESCAPE.sub(unescaped, inner)
        inner = inner.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    return Unicode(inner) if is_unicode else inner


def unescaped(found: re.Match[str]) -> str:
    """Return the character that an escape stands for; a byte above 127 as a lone surrogate."""
    word = found[1]
    if word == "\n":
        return ""
    if word[0] == "x" or word[0] in "01234567":
        byte = int(word[1:], 16) if word[0] == "x" else int(word, 8) & 0xFF
        return chr(byte if byte < 0x80 else 0xDC00 + byte)
    return ESCAPED[word]


def number(token: str) -> int | float:
    """Return what a number means; a leading zero means octal. Raises Unclear for what is no number at all."""
    word = token.lower()
    if len(word) > 300 or "j" in word:
        raise Unclear("is a number no guest needs")
    if "." in word or ("e" in word and not word.startswith("0x")):
        return float(word)
    digits = word.rstrip("l")
    try:
        if re.fullmatch(r"0[0-9]+", digits):
            value = int(digits, 8)
        else:
            value = int(digits, 0)
    except ValueError:
        raise Unclear(f"“{shown(token)}” is no number: a leading zero means octal", wrong=True) from None
    return Long(value) if word.endswith("l") else whole(value)


class Name(NamedTuple):
    """A name that is followed by a call of one of its methods."""

    owner: object
    method: str


def same_kind(value: int | float, model: object) -> int | float:
    """Return a number that is long if *model* is."""
    if isinstance(value, float):
        return value
    return Long(value) if isinstance(model, Long) else whole(int(value))


def alike(model: object, value: Any) -> Any:
    """Return a text that is unicode if *model* is."""
    return Unicode(value) if isinstance(model, Unicode) and isinstance(value, str) else value


def computed(sign: str, left: object, right: object) -> object:
    """Return what an operator makes of two values. Raises Unclear."""
    if sign == "%" and isinstance(left, str):
        return alike(left, formatted(left, right))
    if isinstance(left, int | float) and isinstance(right, int | float):
        return calculated(sign, left, right)
    if sign == "+" and isinstance(left, str) and isinstance(right, str):
        return checked(Unicode(left + right) if Unicode in (type(left), type(right)) else left + right)
    if sign == "+" and isinstance(left, list | tuple) and type(left) is type(right):
        return checked(left + right)  # type: ignore[operator]  # both are the same kind
    if sign == "*" and isinstance(right, str | list | tuple) and isinstance(left, int):
        left, right = right, left
    if sign == "*" and isinstance(left, str | list | tuple) and isinstance(right, int):
        if len(left) * right > LARGE:
            raise Unclear("would become larger than any guest needs")
        return alike(left, left * right)
    raise Unclear(f"computes with a {type_name(left)} and a {type_name(right)}", wrong=True)


def checked(value: Any) -> Any:
    """Return *value* unless it has grown beyond what a guest needs."""
    if len(value) > LARGE:
        raise Unclear("would become larger than any guest needs")
    return value


def calculated(sign: str, left: int | float, right: int | float) -> int | float:
    """Return what Python 2 calculates: dividing whole numbers gives a whole number."""
    if sign in ("/", "//", "%") and not right:
        raise Unclear("divides by zero", wrong=True)
    exact = isinstance(left, int) and isinstance(right, int)
    if abs(left) > 1 << 200 or abs(right) > 1 << 200:
        raise Unclear("is a number no guest needs")
    value: int | float
    if sign == "+":
        value = left + right
    elif sign == "-":
        value = left - right
    elif sign == "*":
        value = left * right
    elif sign == "%":
        value = left % right
    else:
        value = left // right if exact or sign == "//" else left / right
    return same_kind(value, left if isinstance(left, Long) else right)


def formatted(pattern: str, values: object) -> str:
    """Return what ``pattern % values`` gives; only plain texts and whole numbers. Raises Unclear."""
    queue = list(values) if isinstance(values, tuple) else [values]

    def piece(found: re.Match[str]) -> str:
        if found["kind"] == "%":
            return "%"
        if found["key"] is not None:
            value: object = values.get(found["key"]) if isinstance(values, dict) else None
        else:
            value = queue.pop(0) if queue else None
        wanted = str if found["kind"] == "s" and isinstance(value, str) else int
        if not isinstance(value, wanted) or isinstance(value, bool | Unicode):
            raise Unclear("formats something that is no plain text or whole number")
        kind = "d" if found["kind"] == "i" else "s" if found["kind"] == "s" else found["kind"]
        return ("%" + found["flags"] + found["width"] + kind) % value

    rest = FORMAT.sub("", pattern)
    if "%" in rest or len(queue) > LARGE:
        raise Unclear("formats in a way that would need running it")
    text = FORMAT.sub(piece, pattern)
    if queue and not isinstance(values, dict):
        raise Unclear("formats more values than it has places for", wrong=True)
    return checked(text)  # type: ignore[no-any-return]


def called(what: object, values: list[object]) -> object:
    """Return what a call of a known pure function or method gives. Raises Unclear for any other."""
    try:
        if isinstance(what, Name):
            if isinstance(what.owner, str) and what.owner.isascii() and what.method in METHODS:
                return alike(what.owner, METHODS[what.method](what.owner, *values))
        elif callable(what):
            return what(*values)
    except (TypeError, ValueError, OverflowError):
        raise Unclear("calls a function in a way it cannot be called", wrong=True) from None
    raise Unclear("calls a function, which would need running it")


def to_int(value: object, base: int = 10) -> int:
    if isinstance(value, str) and len(value) < 300 and value.isascii():
        return whole(int(value, base))
    if isinstance(value, int | float) and base == 10:
        return whole(int(value))
    raise TypeError


def to_str(value: object) -> str:
    if isinstance(value, str | int) and not isinstance(value, Unicode):
        return str(value)
    raise Unclear("makes text of something that is no plain text or whole number")


def numbers(first: int, last: int | None = None, step: int = 1) -> list[int]:
    found = range(first) if last is None else range(first, last, step)
    if len(found) > LARGE:
        raise Unclear("would become larger than any guest needs")
    return list(found)


def length(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogateescape"))
    return len(value)


def joined(text: str, parts: Any) -> str:
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise TypeError
    return checked(text.join(parts))  # type: ignore[no-any-return]


def padded(pad: Callable[..., str]) -> Callable[..., str]:
    """Return the method *pad*, which does not make a text wider than any guest needs."""

    def limited(text: str, width: int, *fill: str) -> str:
        if width > LARGE:
            raise Unclear("would become larger than any guest needs")
        return pad(text, width, *fill)

    return limited


def replaced(text: str, old: str, new: str) -> str:
    if (text.count(old) + 1) * (len(new) + 1) > LARGE:
        raise Unclear("would become larger than any guest needs")
    return text.replace(old, new)


FUNCTIONS: dict[str, Callable[..., object]] = {"int": to_int, "str": to_str, "range": numbers, "len": length}
METHODS: dict[str, Callable[..., object]] = {
    "lower": str.lower, "upper": str.upper, "strip": str.strip, "lstrip": str.lstrip, "rstrip": str.rstrip,
    "split": str.split, "replace": replaced, "join": joined,
    "zfill": padded(str.zfill), "ljust": padded(str.ljust), "rjust": padded(str.rjust),
}  # fmt: skip

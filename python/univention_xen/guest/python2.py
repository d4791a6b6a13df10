# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What constant expressions of Python 2 are worth; anything that would need running is Unclear.

Only values are computed, from values: no attribute, no import, no call but of a few pure functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from univention_xen.guest.python2_values import (
    FUNCTIONS,
    Name,
    Unclear,
    Unicode,
    alike,
    called,
    computed,
    number,
    same_kind,
    string,
)
from univention_xen.guest.words import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from univention_xen.guest.xm_syntax import Token

KEYWORDS = {
    "and", "as", "assert", "break", "class", "continue", "def", "del", "elif", "else", "except", "exec", "finally",
    "for", "from", "global", "if", "import", "in", "is", "lambda", "not", "or", "pass", "print", "raise", "return",
    "try", "while", "with", "yield",
}  # fmt: skip


BUILTINS = {
    "sys", "os", "xen", "abs", "all", "any", "bool", "chr", "dict", "dir", "enumerate", "file", "filter", "float",
    "getattr", "hasattr", "hex", "input", "isinstance", "iter", "list", "long", "map", "max", "min", "oct", "open",
    "ord", "raw_input", "reduce", "repr", "reversed", "round", "set", "sorted", "sum", "tuple", "type", "unicode",
    "xrange", "zip", "__file__", "__name__",
}  # fmt: skip
"""Names that a guest file may use although it does not define them; xm itself presets the first three."""


class Evaluator:
    """Computes one expression from its tokens by recursive descent; brackets are known to match."""

    def __init__(self, tokens: Sequence[Token], names: Mapping[str, object]) -> None:
        self.tokens, self.names = tokens, names
        self.at = 0

    @property
    def ahead(self) -> str:
        """The text of the next token, '' at the end."""
        return self.tokens[self.at].text if self.at < len(self.tokens) else ""

    def take(self, *texts: str) -> str:
        """Go past the next token if it is one of *texts*, and return it; else ''."""
        text = self.ahead
        if text and text in texts:
            self.at += 1
            return text
        return ""

    def result(self) -> object:
        """Return what the whole expression is worth, a bare tuple included. Raises Unclear."""
        values = [self.sum()]
        is_tuple = False
        while self.take(","):
            is_tuple = True
            if self.at == len(self.tokens):
                break
            values.append(self.sum())
        if self.at < len(self.tokens):
            raise self.surprise()
        return tuple(values) if is_tuple else values[0]

    def surprise(self) -> Unclear:
        """Say what to think of a token that has no business here."""
        if self.at == len(self.tokens):
            return Unclear("ends too early", wrong=True)
        token = self.tokens[self.at]
        if token.kind in ("number", "string") or (token.kind == "name" and token.text not in KEYWORDS):
            return Unclear(f"has “{shown(token.text)}” where nothing can stand", wrong=True)
        return Unclear("is computed in a way that would need running it")

    def sum(self) -> object:
        value = self.product()
        while sign := self.take("+", "-"):
            value = computed(sign, value, self.product())
        return value

    def product(self) -> object:
        value = self.factor()
        while sign := self.take("*", "/", "//", "%"):
            value = computed(sign, value, self.factor())
        return value

    def factor(self) -> object:
        minus = signs = 0
        while sign := self.take("-", "+"):
            signs += 1
            minus ^= sign == "-"
        value = self.atom()
        while self.ahead in (".", "[", "("):
            value = self.trailer(value)
        if self.ahead == "**":
            raise self.surprise()
        if signs:
            if not isinstance(value, int | float):
                raise Unclear("puts a sign before something that is no number", wrong=True)
            return same_kind(-value if minus else value, value)
        return value

    def trailer(self, value: object) -> object:
        """Look at what is applied to *value*: an index, a slice, a method."""
        if self.take("["):
            return self.index(value)
        if self.take("."):
            name = self.ahead
            self.at += 1
            if not self.take("("):
                raise Unclear("asks for an attribute")
            return called(Name(value, name), self.items(")"))
        self.at += 1
        return called(value, self.items(")"))

    def index(self, value: object) -> object:
        if not isinstance(value, str | list | tuple | dict):
            raise Unclear("takes an element of something that has none")
        if isinstance(value, str) and not value.isascii():
            raise Unclear("cuts a text with letters beyond ASCII")
        parts: list[object] = [None if self.ahead in (":", "]") else self.sum()]
        while self.take(":"):
            parts.append(None if self.ahead in (":", "]") else self.sum())
        if not self.take("]"):
            raise self.surprise()
        key: Any = parts[0] if len(parts) == 1 else slice(*parts[:3])
        try:
            found: object = value[key]
        except (TypeError, ValueError, LookupError):
            raise Unclear("takes an element that is not there", wrong=True) from None
        return alike(value, found) if isinstance(value, str) else found

    def items(self, closer: str) -> list[object]:
        """Read values up to *closer*, which is taken as well."""
        values: list[object] = []
        while not self.take(closer):
            values.append(self.sum())
            if not self.take(",") and self.ahead != closer:
                raise self.surprise()
        return values

    def atom(self) -> object:
        if self.at == len(self.tokens):
            raise self.surprise()
        token = self.tokens[self.at]
        if token.kind == "string":
            return self.strings()
        self.at += 1
        if token.kind == "number":
            return number(token.text)
        if token.kind == "name":
            return self.name(token.text)
        if token.text == "[":
            return self.items("]")
        if token.text == "(":
            return self.parenthesis()
        if token.text == "{":
            return self.dictionary()
        self.at -= 1
        if token.text in (")", "]", "}", ",", ":", "=", ".", "+", "*", "/", "%"):
            raise Unclear(f"has “{token.text}” where a value should be", wrong=True)
        raise self.surprise()

    def strings(self) -> str:
        """Join texts that stand side by side."""
        found: str = ""
        while self.at < len(self.tokens) and self.tokens[self.at].kind == "string":
            part = string(self.tokens[self.at].text)
            found = Unicode(found + part) if isinstance(found, Unicode) or isinstance(part, Unicode) else found + part
            self.at += 1
        return found

    def name(self, word: str) -> object:
        if word in self.names:
            value = self.names[word]
            if isinstance(value, Unclear):
                raise Unclear(f"depends on {word}, which {value.why}")
            return value
        constants: dict[str, object] = {"True": True, "False": False, "None": None}
        if word in constants:
            return constants[word]
        if word in FUNCTIONS:
            return FUNCTIONS[word]
        if word in KEYWORDS:
            raise Unclear("is computed in a way that would need running it")
        if word in BUILTINS:
            raise Unclear(f"needs {word}, which would need running it")
        raise Unclear(f"needs {shown(word)}, which is not defined in this file", wrong=True)

    def parenthesis(self) -> object:
        values = []
        is_tuple = self.ahead == ")"
        while not self.take(")"):
            values.append(self.sum())
            if self.take(","):
                is_tuple = True
            elif self.ahead != ")":
                raise self.surprise()
        return tuple(values) if is_tuple else values[0]

    def dictionary(self) -> dict[object, object]:
        found: dict[object, object] = {}
        while not self.take("}"):
            key = self.sum()
            if not self.take(":") or not isinstance(key, str | int):
                raise Unclear("is computed in a way that would need running it")
            found[key] = self.sum()
            if not self.take(",") and self.ahead != "}":
                raise self.surprise()
        return found

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What the names in a guest file of the xm years are worth, as far as that can be known without running it."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from univention_xen.guest import xm_syntax
from univention_xen.guest.python2 import KEYWORDS, Evaluator
from univention_xen.guest.python2_values import Unclear
from univention_xen.guest.words import BadSyntax, Place, place, shown
from univention_xen.guest.xm_syntax import AUGMENTED, Statement, Token

OMNIPOTENT = {
    "exec",
    "execfile",
    "eval",
    "globals",
    "locals",
    "vars",
    "setattr",
    "__import__",
    "__builtins__",
    "reload",
}
"""With these a program can change any name, so that nothing in the file is certain."""

ENDING = {"raise", "assert", "exit", "quit", "abort"}


class Setting(NamedTuple):
    """What one statement gives to one name."""

    name: str
    statement: Statement
    plain: bool
    """Written as NAME = VALUE, so that the value can be changed in its place."""


class Program(NamedTuple):
    """A guest file that has been understood as far as possible.

    *values* holds for each name its value or Unclear; *givers* all statements that gave the name something, in order;
    *code* the statements that are more than that.
    """

    text: str
    source: str
    values: dict[str, object]
    givers: dict[str, list[Setting]]
    code: list[Statement]

    def where(self, name: str) -> Place:
        """Return where *name* got its value."""
        given = self.givers.get(name)
        return given[-1].statement.place if given else Place(self.source, 1)

    @staticmethod
    def items(statement: Statement) -> tuple[tuple[int, int], ...]:
        """Return where the elements of ``NAME = [ 'a', 'b' ]`` are when each is one quoted text, else ()."""
        tokens = statement.tokens[2:]
        inner = tokens[1:-1]
        if not inner or tokens[0].text != "[" or tokens[-1].text != "]":
            return ()
        if any(token.kind != "string" for token in inner[::2]) or any(token.text != "," for token in inner[1::2]):
            return ()
        return tuple((token.start, token.stop) for token in inner[::2])


def understand(text: str, source: str) -> Program:
    """Read the file whose name is *source*; line ends must be newlines.

    Raises BadSyntax where Python would refuse the file, or where it could change any setting by code.
    """
    reader = Reader(text, source)
    for statement in xm_syntax.parse(text, source):
        reader.read(statement)
    for name, why in reader.global_names.items():
        reader.values[name] = why
    return Program(text, source, reader.values, reader.givers, reader.code)


class Reader:
    """Goes through the statements in order and keeps what is known of each name."""

    def __init__(self, text: str, source: str) -> None:
        self.text, self.source = text, source
        self.values: dict[str, object] = {}
        self.givers: dict[str, list[Setting]] = {}
        self.code: list[Statement] = []
        self.global_names: dict[str, Unclear] = {}
        self.last = Token("newline", "", 0, 0)

    def read(self, statement: Statement) -> None:
        """Take one statement into account. Raises BadSyntax."""
        words = [token.text for token in statement.tokens]
        self.last = statement.tokens[-1]
        for token in statement.tokens:
            if token.kind == "name" and token.text in OMNIPOTENT:
                raise BadSyntax(f"{statement.place}: {token.text} can change any setting, so nothing here is certain")
        if statement.compound:
            self.unknown(statement)
        elif words[0] == "from" and "*" in words:
            raise BadSyntax(f"{statement.place}: an import of everything can change any setting")
        elif words[0] in ENDING or (words[:2] == ["sys", "."] and ENDING.intersection(words)):
            raise BadSyntax(f"{statement.place}: “{shown(' '.join(words))}” ends the program before it is complete")
        elif not (self.assignment(statement) or self.method(statement)):
            if words[0] not in KEYWORDS:
                self.value(statement.tokens)
            self.unknown(statement)

    def assignment(self, statement: Statement) -> bool:
        """Take ``a = …``, ``a = b = …``, ``a, b = …`` and ``a += …`` into account."""
        tokens = statement.tokens
        signs = top_level(tokens, {"="} | AUGMENTED)
        if not signs:
            return False
        if tokens[signs[0]].text != "=":
            return self.augmented(statement, signs[0])
        targets = [target(tokens[start + 1 : stop]) for start, stop in zip([-1, *signs], signs, strict=False)]
        if not all(targets):
            return False
        bare = [stop - start == 2 for start, stop in zip([-1, *signs], signs, strict=False)]
        value = self.value(tokens[signs[-1] + 1 :])
        plain = len(signs) == 1 and bare[0]
        for names, one in zip(targets, bare, strict=True):
            for name, each in zip(names, parts(value, names, bare=one), strict=True):
                self.give(name, each, Setting(name, statement, plain))
        return True

    def augmented(self, statement: Statement, sign: int) -> bool:
        """Take ``a += …`` into account; adding to a list changes the list itself."""
        names = target(statement.tokens[:sign])
        if len(names) != 1 or sign != 1:
            return False
        name = names[0]
        old = self.values.get(name)
        added = self.value(statement.tokens[sign + 1 :])
        operator = statement.tokens[sign].text
        if isinstance(old, list) and operator == "+=" and isinstance(added, list | tuple):
            old += added
            value: object = old
        elif isinstance(added, Unclear):
            value = added
        else:
            tokens = (*statement.tokens[:1], statement.tokens[sign]._replace(text=operator[:-1], kind="sign"))
            bracket = Token("sign", "(", 0, 0), Token("sign", ")", 0, 0)
            value = self.value((*tokens, bracket[0], *statement.tokens[sign + 1 :], bracket[1]))
        self.give(name, value, Setting(name, statement, False))
        return True

    def method(self, statement: Statement) -> bool:
        """Take ``a.append(…)`` and ``a.extend(…)`` into account."""
        tokens = statement.tokens
        words = [token.text for token in tokens]
        if len(words) < 5 or words[1] != "." or words[2] not in ("append", "extend") or words[3] != "(":
            return False
        old = self.values.get(words[0])
        added = self.value(tokens[3:])
        if not isinstance(old, list) or isinstance(added, Unclear) or added is old:
            return False
        if words[2] == "extend" and not isinstance(added, list | tuple):
            return False
        if words[2] == "append":
            old.append(added)
        else:
            old.extend(added)  # type: ignore[arg-type]  # a list or tuple, as was just seen
        self.give(words[0], old, Setting(words[0], statement, False))
        return True

    def value(self, tokens: tuple[Token, ...]) -> object:
        """Return what the tokens are worth; Unclear when that would need running them. Raises BadSyntax."""
        if any(token.kind == "name" and token.text in ("for", "lambda", "if") for token in tokens):
            self.touch(tokens)
            return Unclear("is computed by a loop or a condition")
        try:
            return Evaluator(tokens, self.values).result()
        except Unclear as why:
            if why.wrong:
                offset = (tokens[0] if tokens else self.last).start
                raise BadSyntax(f"{place(self.text, offset, self.source)}: this {why.why}; xm refuses it") from None
            self.touch(tokens)
            return why

    def give(self, name: str, value: object, setting: Setting) -> None:
        self.values[name] = value
        self.givers.setdefault(name, []).append(setting)

    def unknown(self, statement: Statement) -> None:
        """Note that a statement is code: what it may have changed is no longer known."""
        self.code.append(statement)
        tokens = statement.tokens
        for name in names_bound(tokens):
            self.values[name] = Unclear(f"is set by code in line {statement.place.line}")
            self.givers.setdefault(name, []).append(Setting(name, statement, False))
        for before, token in pairwise(tokens):
            if before.text in ("global", "del"):
                self.global_names[token.text] = Unclear(f"is changed by code in line {statement.place.line}")
        if statement.compound or tokens[0].text not in ("import", "from", "print", "pass"):
            self.touch(tokens)

    def touch(self, tokens: tuple[Token, ...]) -> None:
        """Forget the lists that code gets into its hands: it may change them."""
        for token in tokens:
            held = self.values.get(token.text) if token.kind == "name" else None
            if isinstance(held, list | dict):
                why = Unclear("is in the hands of code that would need running")
                for name, value in self.values.items():
                    if value is held:
                        self.values[name] = why


def top_level(tokens: tuple[Token, ...], signs: set[str]) -> list[int]:
    """Return where one of *signs* stands outside all brackets."""
    depth, found = 0, []
    for index, token in enumerate(tokens):
        depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
        if not depth and token.kind == "sign" and token.text in signs:
            found.append(index)
    return found


def target(tokens: tuple[Token, ...]) -> list[str]:
    """Return the names that an assignment gives something to; [] when it does more than that."""
    words = [token.text for token in tokens]
    if words[:1] in (["("], ["["]) and words[-1] in (")", "]"):
        words = words[1:-1]
    names = words[::2]
    if any(word != "," for word in words[1::2]) or not names:
        return []
    kinds = {token.text: token.kind for token in tokens}
    return names if all(kinds[name] == "name" and name not in KEYWORDS for name in names) else []


def parts(value: object, names: list[str], *, bare: bool) -> list[object]:
    """Return what each name gets when *value* is given to all of them; *bare* is a single name without brackets."""
    if len(names) == 1 and bare:
        return [value]
    if isinstance(value, list | tuple) and len(value) == len(names):
        return list(value)
    why = value if isinstance(value, Unclear) else Unclear("is not given as many values as names; xm refuses this")
    return [why] * len(names)


def names_bound(tokens: tuple[Token, ...]) -> list[str]:
    """Return every name that code may give something to, rather one too many than one too few."""
    found, bound = [], False
    importing = tokens[0].text in ("import", "from")
    for index, token in enumerate(tokens):
        before = tokens[index - 1].text if index else ""
        after = tokens[index + 1].text if index + 1 < len(tokens) else ""
        if token.text == "for":
            bound = True
        elif token.text == "in":
            bound = False
        elif token.kind == "name" and token.text not in KEYWORDS:
            assigned = after == "=" or after in AUGMENTED or after == "," or before == ","
            if bound or importing or assigned or before in ("def", "class", "as", "import", "lambda") or after == "[":
                found.append(token.text)
    return found

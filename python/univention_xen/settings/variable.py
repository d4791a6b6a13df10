# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""How a registry variable is declared and read: name, kind and default, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, NoReturn, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from univention_xen.settings.kinds import Kind

T = TypeVar("T")
G = TypeVar("G", bound="Group")

LONGEST = 4096
"""Characters of a value; no option of xend, xl or a script has use for more."""

SHOWN = 60
"""Characters of a value that a message repeats."""


class Problem(NamedTuple):
    """A value that was refused (``used`` names what is used instead), or one that works but is dangerous."""

    variable: str
    value: str
    why: str
    used: str = ""
    hint: str = ""

    @property
    def refused(self) -> bool:
        """Say whether the value has no effect."""
        return bool(self.used)

    def __str__(self) -> str:
        value = printable(short(self.value))
        shown = "" if not value else ": ***" if value == "***" else f': "{value}"'
        used = f", so {self.used} is used" if self.used else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.variable}{shown} {self.why}{used}{hint}"


def short(text: str) -> str:
    """Return no more of *text* than a sentence can take."""
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def printable(text: str) -> str:
    """Return *text* in one line of printable characters."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class Variable(Generic[T]):
    """One registry variable, declared as an attribute of a group.

    ``acts`` names what it has an effect on: "xend", "xl", both, or nothing.
    """

    field: str

    def __init__(self, name: str, kind: Kind[T], default: T, *, acts: str = "xend") -> None:
        self.name, self.kind, self.default, self.acts = name, kind, default, tuple(acts.split())

    def __set_name__(self, owner: type[Group], field: str) -> None:
        self.field = field

    @overload
    def __get__(self, group: None, owner: type[Group]) -> Variable[T]: ...

    @overload
    def __get__(self, group: Group, owner: type[Group]) -> T: ...

    def __get__(self, group: Group | None, owner: type[Group]) -> Variable[T] | T:
        if group is None:
            return self
        value: T = group.values[self.field]
        return value

    def __set__(self, group: Group, value: T) -> NoReturn:
        raise AttributeError(f"{self.field} cannot be changed: make new settings with but()")

    def parse(self, text: str | None) -> T:
        """Return the value of *text*; none and only blanks mean the default.

        Raises ValueError with the rest of a sentence that begins with the text.
        """
        stripped = (text or "").strip()
        if not stripped:
            return self.default
        check_harmless(stripped)
        return self.kind.parse(stripped)

    def show(self, value: T) -> str:
        """Return the text that one would set; secrets are masked."""
        return self.kind.show(value)

    def problem(self, text: str, why: str) -> Problem:
        """Return why *text* is refused, and what is used instead."""
        shown = "***" if self.kind.secret else text.strip()
        default = self.show(self.default)
        used = f"the default {default}" if default else self.kind.nothing
        return Problem(self.name, shown, why, used, f"see: ucr info {self.name}")

    def risk(self, group: Group, why: str, hint: str = "") -> Problem:
        """Return what is dangerous about the value in *group*."""
        return Problem(self.name, self.show(group.values[self.field]), why, hint=hint)


def check_harmless(text: str) -> None:
    """Refuse what could be more than a value in one of the files.

    The registry expands its tokens again in what a template's section prints, and runs sections in it; control
    characters end lines; what is not ASCII depends on the locale under which the registry happens to run.
    Raises ValueError.
    """
    if len(text) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    if "@%@" in text or "@!@" in text:
        raise ValueError("contains a token of the registry's templates")
    if not (text.isascii() and text.isprintable()):
        raise ValueError("contains a character that is not printable ASCII")


class Group:
    """Some variables that belong together, as values one can compute with.

    Fields are given by keyword and never change; what is not given is at its default. Groups are combined by
    inheritance, so that a function says by its parameter's type which variables it needs.
    """

    def __init__(self, **values: Any) -> None:
        known = {variable.field: variable.default for variable in self.variables()}
        if unknown := values.keys() - known.keys():
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        self.values: dict[str, Any] = known | values
        self.refused: frozenset[str] = frozenset()
        """Names of variables that are at their default because what was set makes no sense."""

    def __repr__(self) -> str:
        changed = (f"{v.field}={self.values[v.field]!r}" for v in self.variables() if not self.is_default(v))
        return f"{type(self).__name__}({', '.join(changed)})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Group) and other.values == self.values

    def __hash__(self) -> int:
        return hash((type(self), tuple(self.values.values())))

    def but(self: G, **values: Any) -> G:
        """Return the same settings with some other values."""
        return type(self)(**(self.values | values))

    def is_default(self, variable: Variable[Any]) -> bool:
        """Say whether the variable has the value that an unset one has."""
        return bool(self.values[variable.field] == variable.default)

    @classmethod
    def variables(cls) -> tuple[Variable[Any], ...]:
        """Return every variable of the group, in the order of their declaration."""
        bases = (vars(base).values() for base in reversed(cls.__mro__))
        return tuple(value for base in bases for value in base if isinstance(value, Variable))

    @classmethod
    def read(cls: type[G], registry: Mapping[str, str]) -> tuple[G, list[Problem]]:
        """Read the group's variables, each once; a bad value keeps its default and is reported.

        Never raises: a template must always come out whole.
        """
        values: dict[str, Any] = {}
        problems: list[Problem] = []
        for variable in cls.variables():
            text = registry.get(variable.name)
            try:
                values[variable.field] = variable.parse(text)
            except ValueError as why:
                problems.append(variable.problem(text or "", str(why)))
        settings = cls(**values)
        settings.refused = frozenset(problem.variable for problem in problems)
        problems += [risk for risk in settings.risks() if risk.variable not in settings.refused]
        return settings, problems

    def risks(self) -> Iterator[Problem]:
        """Yield what is dangerous or without effect about valid values, from every group this one is made of."""
        for base in reversed(type(self).__mro__):
            if "own_risks" in vars(base):
                yield from vars(base)["own_risks"](self)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Nouns and verbs: every command is declared the same way, so that it behaves the same way."""

from __future__ import annotations

import argparse
import importlib
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from univention_xen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from univention_xen.plan import Machine, Plan

    Planner = Callable[[argparse.Namespace, Machine], Plan]
    Reader = Callable[[argparse.Namespace, Machine], "Report"]
    Reporter = Callable[[argparse.Namespace, Machine, Plan], "Report"]
    Locks = Callable[[argparse.Namespace, Machine], tuple[str, ...]]
    Choices = argparse._SubParsersAction["Parser"]

NOUNS = {
    "bootini": "prepare the boot menu of a Windows guest for the paravirtual drivers",
    "guest": "list, start, stop, move and check guests, and import old ones",
    "host": "look at what the registry makes of this host",
    "image": "create, look at, resize, copy and convert the disk images of guests",
    "initrd": "give installers the modules of a kernel that runs under Xen",
}
"""Each noun and its help; its module in this package has the same name and a function ``add_to(nouns)``."""


class Report(NamedTuple):
    """What a reading verb found out: for people, for programs, and the exit code that goes with it."""

    text: str
    data: object
    code: int = 0


class Parser(argparse.ArgumentParser):
    """Refuses a command line like every other mistake is refused: one sentence and a hint.

    One that is only *listed* is a word in a list of choices. Making parsers is what takes the time at the start.
    """

    printing = False

    def __init__(self, *words: Any, listed: bool = False, **options: Any) -> None:
        if not listed:
            super().__init__(*words, **options)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self.prog} --help")

    def format_help(self) -> str:
        """Return the help, as wide as the terminal."""
        self.printing = True
        return super().format_help()

    def _get_formatter(self) -> argparse.HelpFormatter:
        # argparse takes one to check each argument, and to ask how wide a terminal is imports all compressors
        return super()._get_formatter() if self.printing else argparse.HelpFormatter(self.prog, width=80)


class Nouns:
    """What can stand behind `univention-xen`."""

    def __init__(self, choices: Choices, words: Collection[str] | None = None) -> None:
        self.choices = choices
        self.words = words

    def add(self, name: str) -> Noun:
        """Return the noun *name*, ready to get its verbs."""
        parser = self.choices.add_parser(
            name, help=NOUNS.get(name), description=sentence(NOUNS.get(name, name)), allow_abbrev=False
        )
        return Noun(parser, self.words)


class Noun:
    """A thing that univention-xen knows about, with the verbs that go with it.

    Those that are not among the *words* of the command line are only listed; None lets all be there.
    """

    def __init__(self, parser: Parser | None, words: Collection[str] | None = None) -> None:
        self.words = words
        self.choices: Choices | None = None
        if parser:  # argparse would format a help to find out the last of these
            self.choices = parser.add_subparsers(
                dest="verb", metavar="VERB", required=True, title="verbs", parser_class=Parser, prog=parser.prog
            )

    def verb(
        self, name: str, plan: Planner, *, help: str, description: str = "",  # noqa: A002
        locks: Locks | str = "host", report: Reporter | None = None,
    ) -> Verb:  # fmt: skip
        """Add a verb that changes something: *plan* decides, and is carried out while *locks* is held.

        A function as *locks* returns the names of all that has to be held.
        *report* says afterwards what came of it, in JSON too when asked.
        """
        verb = self._add(name, help, description, plan=plan, locks=locks, report=report)
        verb.argument("--dry-run", action="store_true", help="show what would be done and do nothing")
        if report:
            verb.argument("--json", action="store_true", help="print the outcome as JSON, for programs")
        return verb

    def reading_verb(self, name: str, read: Reader, *, help: str, description: str = "") -> Verb:  # noqa: A002
        """Add a verb that only looks."""
        verb = self._add(name, help, description, read=read)
        return verb.argument("--json", action="store_true", help="print JSON, for programs")

    def noun(self, name: str, *, help: str) -> Noun:  # noqa: A002
        """Add a thing of this thing, with verbs of its own."""
        return Noun(self._parser(name, help, description=sentence(help)), self.words)

    def _add(self, name: str, help: str, description: str, **defaults: Any) -> Verb:  # noqa: A002
        parser = self._parser(
            name, help, description=description or sentence(help), formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if parser:
            add_global(parser, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
            parser.set_defaults(**defaults)
        return Verb(parser)

    def _parser(self, name: str, help: str, **options: Any) -> Parser | None:  # noqa: A002
        """Return the parser of a word; None when it is only listed."""
        if not self.choices:
            return None
        if self.words is not None and name not in self.words:
            only_list(name, help, self.choices)
            return None
        parser: Parser = self.choices.add_parser(name, help=help, allow_abbrev=False, **options)
        return parser


class Verb:
    """Something that can be done with a noun."""

    def __init__(self, arguments: argparse._ActionsContainer | None) -> None:
        self.arguments = arguments

    def argument(self, *names: str, **options: Any) -> Verb:
        """Add an argument, in argparse's words."""
        if self.arguments:
            self.arguments.add_argument(*names, **options)
        return self

    def one_of(self, *, required: bool = False) -> Verb:
        """Return what takes arguments of which only one can be given."""
        return Verb(self.arguments and self.arguments.add_mutually_exclusive_group(required=required))


def add_global(parser: Parser, **options: Any) -> None:
    """Add the options that may stand before the noun as well as behind the verb."""
    root: dict[str, Any] = {"default": "/", "help": "work on the tree below DIR instead of on this host"}
    verbose: dict[str, Any] = {"default": False, "help": "show on stderr which programs are started"}
    parser.add_argument("--root", metavar="DIR", **(root | options))
    parser.add_argument("--verbose", action="store_true", **(verbose | options))


def only_list(name: str, help_line: str, choices: Choices) -> None:
    """Let a word be known and have a line in the help, and no parser behind it."""
    listed: dict[str, Any] = {"listed": True}
    choices.add_parser(name, help=help_line, **listed)


def sentence(text: str) -> str:
    """Turn the words of a help line into a sentence."""
    return text[:1].upper() + text[1:] + "."


def build(words: Collection[str] | None) -> Parser:
    """Return a parser for the *words* of a command line: their nouns, with the verbs among them; None for all.

    The modules of the other nouns are not even imported, which keeps the start fast.
    """
    parser = Parser(
        prog="univention-xen", allow_abbrev=False,
        description="Run this host as a Xen Dom0 through the Univention Configuration Registry.",
        epilog="univention-xen NOUN --help shows the verbs of a noun. "
        "Exit status: 0 done or nothing to do, 1 failed, 2 wrong usage, 75 busy: try again later.",
    )  # fmt: skip
    parser.add_argument("--version", action="store_true", help="show the version and exit")
    add_global(parser)
    choices: Choices = parser.add_subparsers(
        dest="noun", metavar="NOUN", title="nouns", parser_class=Parser, prog=parser.prog
    )
    nouns = Nouns(choices, words)
    for name, help_line in NOUNS.items():
        if words is None or name in words:
            importlib.import_module(f"univention_xen.cli.{name}").add_to(nouns)
        else:
            only_list(name, help_line, choices)
    return parser

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Nouns and verbs: every command is declared the same way, so that it behaves the same way."""

from __future__ import annotations

import argparse
import importlib
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from univention_xen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

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
    """Refuses a command line like every other mistake is refused: one sentence and a hint."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self.prog} --help")


class Nouns:
    """What can stand behind `univention-xen`."""

    def __init__(self, choices: Choices) -> None:
        self.choices = choices

    def add(self, name: str) -> Noun:
        """Return the noun *name*, ready to get its verbs."""
        parser = self.choices.add_parser(
            name, help=NOUNS.get(name), description=sentence(NOUNS.get(name, name)), allow_abbrev=False
        )
        return Noun(parser)


class Noun:
    """A thing that univention-xen knows about, with the verbs that go with it."""

    def __init__(self, parser: Parser) -> None:
        self.choices: Choices = parser.add_subparsers(
            dest="verb", metavar="VERB", required=True, title="verbs", parser_class=Parser, prog=parser.prog
        )  # argparse would format a help to find out the last of these

    def verb(
        self, name: str, plan: Planner, *, help: str, description: str = "",  # noqa: A002
        locks: Locks | str = "host", report: Reporter | None = None,
    ) -> Verb:  # fmt: skip
        """Add a verb that changes something: *plan* decides, and is carried out while *locks* is held.

        A function as *locks* returns the names of all that has to be held.
        *report* says afterwards what came of it, in JSON too when asked.
        """
        verb = self._add(name, help, description)
        verb.parser.add_argument("--dry-run", action="store_true", help="show what would be done and do nothing")
        if report:
            verb.parser.add_argument("--json", action="store_true", help="print the outcome as JSON, for programs")
        verb.parser.set_defaults(plan=plan, locks=locks, report=report)
        return verb

    def reading_verb(self, name: str, read: Reader, *, help: str, description: str = "") -> Verb:  # noqa: A002
        """Add a verb that only looks."""
        verb = self._add(name, help, description)
        verb.parser.add_argument("--json", action="store_true", help="print JSON, for programs")
        verb.parser.set_defaults(read=read)
        return verb

    def noun(self, name: str, *, help: str) -> Noun:  # noqa: A002
        """Add a thing of this thing, with verbs of its own."""
        return Noun(self.choices.add_parser(name, help=help, description=sentence(help), allow_abbrev=False))

    def _add(self, name: str, help: str, description: str) -> Verb:  # noqa: A002
        parser = self.choices.add_parser(
            name, help=help, description=description or sentence(help), allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        add_global(parser, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return Verb(parser)


class Verb:
    """Something that can be done with a noun."""

    def __init__(self, parser: Parser) -> None:
        self.parser = parser

    def argument(self, *names: str, **options: Any) -> Verb:
        """Add an argument, in argparse's words."""
        self.parser.add_argument(*names, **options)
        return self


def add_global(parser: Parser, **options: Any) -> None:
    """Add the options that may stand before the noun as well as behind the verb."""
    root: dict[str, Any] = {"default": "/", "help": "work on the tree below DIR instead of on this host"}
    verbose: dict[str, Any] = {"default": False, "help": "show on stderr which programs are started"}
    parser.add_argument("--root", metavar="DIR", **(root | options))
    parser.add_argument("--verbose", action="store_true", **(verbose | options))


def sentence(text: str) -> str:
    """Turn the words of a help line into a sentence."""
    return text[:1].upper() + text[1:] + "."


def build(wanted: str | None) -> Parser:
    """Return the whole parser, in which only the noun *wanted* has its verbs; None gives all nouns theirs.

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
    nouns = Nouns(choices)
    for name, words in NOUNS.items():
        if wanted in (None, name):
            importlib.import_module(f"univention_xen.cli.{name}").add_to(nouns)
        else:
            choices.add_parser(name, help=words)
    return parser

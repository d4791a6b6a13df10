# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""From words on the command line to an exit code; every verb passes through here."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from contextlib import suppress

from univention_xen.errors import UsageError, XenError
from univention_xen.log import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import NoReturn

    from univention_xen.cli.verbs import Parser, Report
    from univention_xen.plan import Machine

INTERRUPTED, NO_READER = 130, 141  # what a shell shows for SIGINT and SIGPIPE


def command() -> NoReturn:
    """Be the program: do what the command line says, and end without taking the interpreter apart, which takes 10 ms.

    Nor is memory searched for garbage during the imports.
    """
    gc.set_threshold(50_000)
    code = main()
    with suppress(OSError):  # whoever was to read it may be gone
        sys.stdout.flush()
    atexit._run_exitfuncs()
    os._exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = run(words)
        sys.stdout.flush()
        return code
    except XenError as why:
        return refuse(str(why), why.hint, why.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains at its end
        return NO_READER
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as why:
        hint = "run it as root" if isinstance(why, PermissionError) and os.geteuid() else ""
        return refuse(f"{why.filename or 'the system'}: {why.strerror or why}", hint, XenError.exit_code)
    except Exception:
        import traceback

        traceback.print_exc()
        return refuse("this is a mistake in univention-xen", "report it with the lines above", XenError.exit_code)


def refuse(message: str, hint: str, code: int) -> int:
    """Say on stderr what is wrong and what to do about it."""
    log.say(f"univention-xen: {message}")
    if hint:
        log.say(f"  hint: {hint}")
    return code


def run(words: list[str]) -> int:
    """Parse *words* and do it. Raises whatever the verb raises."""
    if words == ["--version"]:
        return version()  # without the time that a parser takes
    from univention_xen.cli import verbs

    completing = "_ARGCOMPLETE" in os.environ
    parser = verbs.build(None if completing else words)
    if completing:
        complete(parser)
    args = parser.parse_args(words)
    if args.version:
        return version()
    if not args.noun:
        raise UsageError("what is this about? Name a noun", hint="univention-xen --help")
    log.verbose = args.verbose
    return carry_out(args)


def version() -> int:
    """Print the version."""
    from univention_xen import __version__

    print(f"univention-xen {__version__}")
    return 0


def complete(parser: Parser) -> None:
    """Answer the shell that asks how a command line may go on; does not return then."""
    try:
        import argcomplete
    except ImportError:
        raise SystemExit(1) from None
    argcomplete.autocomplete(parser)


def carry_out(args: argparse.Namespace) -> int:
    """Read and print, or plan and do, as the verb says."""
    from pathlib import Path

    from univention_xen.plan import Machine

    root = Path(args.root).resolve()
    if not root.is_dir():
        raise XenError(f"{args.root} is not a directory", hint="--root takes the directory in which a system lies")
    on = Machine(root)
    if "read" in args:
        return show(args, on)
    if args.dry_run:
        print(args.plan(args, on))
        return 0
    return change(args, on)


def show(args: argparse.Namespace, on: Machine) -> int:
    """Print what a reading verb found out."""
    return tell(args.read(args, on), args)


def tell(report: Report, args: argparse.Namespace) -> int:
    """Print a report for people or programs; return its exit code."""
    if args.json:
        import json

        print(json.dumps(report.data, indent=2, ensure_ascii=False))
    elif report.text:
        print(printable(report.text))
    return int(report.code)


def change(args: argparse.Namespace, on: Machine) -> int:
    """Plan while nobody else can change the same thing, and do it."""
    from contextlib import ExitStack

    from univention_xen.lock import directory, holding

    report: Report | None = None
    with ExitStack() as held:
        for what in (args.locks,) if isinstance(args.locks, str) else sorted(args.locks(args, on)):
            held.enter_context(holding(what, under=directory(on.root)))
        plan = args.plan(args, on)
        if not plan.steps:
            print(printable(plan.reason), file=sys.stderr if args.report and args.json else sys.stdout)
        plan.carry_out(on, held.close)
        report = args.report(args, on, plan) if args.report else None
    return tell(report, args) if report else 0


def printable(text: str) -> str:
    """Replace what stdout's encoding cannot express."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Talk for the administrator, on stderr."""

from __future__ import annotations

import sys


class Log:
    """Three loudnesses on stderr; ``verbose`` shows the quietest too.

    The standard library's logging takes longer to import than `univention-xen --help` to run.
    """

    verbose = False

    def debug(self, text: str, *values: object) -> None:
        """Say something only with --verbose, such as the commands that are run."""
        if self.verbose:
            self.say(text % values)

    def warning(self, text: str, *values: object) -> None:
        """Say that something was not as asked for and what was done instead."""
        self.say("W: " + text % values)

    def error(self, text: str, *values: object) -> None:
        """Say that something failed."""
        self.say("E: " + text % values)

    @staticmethod
    def say(line: str) -> None:
        """Print one line whatever its characters and stderr's encoding are."""
        safe = line.encode(sys.stderr.encoding or "utf-8", "backslashreplace").decode(sys.stderr.encoding or "utf-8")
        print(safe, file=sys.stderr, flush=True)


log = Log()

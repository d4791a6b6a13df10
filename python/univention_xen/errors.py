# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What can go wrong in a way that an administrator understands."""

from __future__ import annotations


class XenError(Exception):
    """Something went wrong that an administrator can understand and act on.

    Raised deep, printed once, by the door that was used: the message is one sentence, the hint says what to do.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(XenError):
    """The command line does not say what to do."""

    exit_code = 2


class Busy(XenError):
    """Somebody else is working on the same thing."""

    exit_code = 75  # EX_TEMPFAIL: trying later may work


class ToolMissing(XenError):
    """A program that is needed is not installed."""


class CommandFailed(XenError):
    """A program said no; ``code``, ``out`` and ``err`` are what it left behind."""

    def __init__(self, message: str, *, code: int, out: str = "", err: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code, self.out, self.err = code, out, err

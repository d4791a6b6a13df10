# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Which GPLPV release a version text means, and which boot switch that release wants."""

from __future__ import annotations

import re
from typing import NamedTuple

from univention_xen.errors import XenError

_VERSION = re.compile(r"v?(\d{1,9}(?:\.\d{1,9}){1,4})(?:[-.~_]?(pre|rc)[-.]?(\d{1,9})?)?", re.ASCII | re.IGNORECASE)
_STAGES = {"pre": 0, "rc": 1, "": 2}


class DriverVersion(NamedTuple):
    """A release in release order: 0.9.11 < 0.9.11.8 < 0.9.12-pre9 < 0.9.12-pre10 < 0.9.12-rc1 < 0.9.12 < 0.10.0."""

    numbers: tuple[int, ...]
    stage: int
    step: int

    @classmethod
    def parse(cls, text: str) -> DriverVersion:
        """Read "0.9.12-pre9"; a leading v and trailing zeros mean nothing.

        Raises XenError when it is no version.
        """
        match = _VERSION.fullmatch(text.strip())
        if match is None:
            raise XenError(
                f"{text[:60]!r} is no version of the GPLPV drivers", hint="write it like 0.9.11 or 0.9.12-pre9"
            )
        numbers = [int(number) for number in match[1].split(".")]
        while numbers and not numbers[-1]:
            numbers.pop()
        return cls(tuple(numbers), _STAGES[(match[2] or "").lower()], int(match[3] or 0))


ALWAYS_ON = DriverVersion.parse("0.9.12-pre9")
"""From this release on (commit of 2008-12-19) the drivers work unless told not to; before, only when told to."""


def switch_for(version: DriverVersion | None) -> str:
    """Return the switch for a second boot entry: GPLPV switches early drivers on, NOGPLPV later ones off.

    No version means any of the later ones: all that have been released since the end of 2008.
    """
    return "GPLPV" if version is not None and version < ALWAYS_ON else "NOGPLPV"

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What a Dom0 said, kept in files so that it can be judged again without booting."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

#: The usual ways to die; whoever has said one of these has not passed, whatever came after.
DEATHS = re.compile(
    r"Panic on CPU|Kernel panic|Out of memory|blocked for more than|BUG: |Call Trace:|Remounting filesystem read-only"
)


class Dead(AssertionError):
    """The console shows one of the known deaths."""


class Said(NamedTuple):
    """One command's answer."""

    out: str
    err: str
    code: int

    def field(self, name: str) -> str:
        """The value of a ``name : value`` line, as ``xl info`` prints them."""
        found = re.search(rf"^{re.escape(name)}\s*[:=]\s*(.*)$", self.out, re.MULTILINE)
        assert found, f"no {name!r} in:\n{self.out}"
        return found[1].strip()

    def has(self, text: str) -> bool:
        return text in self.out

    @property
    def ok(self) -> bool:
        """Whether it ended with 0; False shows nothing, so assert on ``said.code == 0`` where the reason matters."""
        return self.code == 0


class Evidence:
    """A directory with NAME.out, NAME.err and NAME.code for each thing asked; console.log, seconds."""

    def __init__(self, where: Path) -> None:
        self.where = where
        where.mkdir(parents=True, exist_ok=True)

    def keep(self, name: str, said: Said, seconds: float) -> Said:
        """Write down an answer, and how long it took."""
        with (self.where / "seconds").open("a") as times:
            times.write(f"{seconds:8.1f} {name}\n")
        for part, text in (("out", said.out), ("err", said.err), ("code", f"{said.code}\n")):
            (self.where / f"{name}.{part}").write_text(text, errors="surrogateescape")
        return said

    def __getitem__(self, name: str) -> Said:
        def part(kind: str) -> str:
            return (self.where / f"{name}.{kind}").read_text(errors="surrogateescape")

        assert (self.where / f"{name}.code").exists(), f"nothing was collected under the name {name} in {self.where}"
        return Said(part("out"), part("err"), int(part("code")))

    def text(self, name: str) -> str:
        """A whole file of the evidence: console.log, say."""
        path = self.where / name
        return path.read_text(errors="replace") if path.exists() else ""

    def must_be_complete(self) -> Evidence:
        """Success must be said: known deaths first, then the mark that only a collection run to its end leaves."""
        for path in sorted(self.where.glob("console*.log")):
            deaths = [line for line in path.read_text(errors="replace").splitlines() if DEATHS.search(line)]
            if deaths:
                raise Dead(f"{path}: " + "\n".join(deaths[:10]))
        assert self.text("COLLECTED"), f"the collection in {self.where} did not come to its end"
        return self

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""``make bench``, or ``scripts/bench [WORD…]`` for some entries only; ``scripts/bench dom0`` for those in a Dom0."""

from __future__ import annotations

import argparse
import sys

from bench import (  # noqa: F401 - importing enters the entries
    command,
    dom0,
    guests,
    harness,
    image,
    initrd,
    registry,
    suite,
)

parser = argparse.ArgumentParser(prog="bench", description="Measure our commands beside what one would use instead.")
parser.add_argument("word", nargs="*", help="only entries whose name contains one of these; dom0: in a Dom0")
parser.add_argument("--runs", type=int, help="how often each command is measured")
parser.add_argument("--json", metavar="FILE", help="where to leave the figures (default: build/bench[-dom0].json)")
args = parser.parse_args()
if args.word == ["dom0"]:
    sys.exit(dom0.main(args.runs, args.json or "build/bench-dom0.json"))
sys.exit(harness.main(args.word, args.runs, args.json or "build/bench.json"))

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""``make bench``, or ``/usr/bin/python3 -m bench [WORD…]`` for some entries only."""

from __future__ import annotations

import argparse
import sys

from bench import command, harness, image, initrd, registry, suite  # noqa: F401 - importing enters the entries

parser = argparse.ArgumentParser(prog="bench", description="Measure our commands beside what one would use instead.")
parser.add_argument("word", nargs="*", help="only entries whose name contains one of these words")
parser.add_argument("--runs", type=int, help="how often each command is measured")
parser.add_argument("--json", metavar="FILE", default="build/bench.json", help="where to leave the figures")
args = parser.parse_args()
sys.exit(harness.main(args.word, args.runs, args.json))

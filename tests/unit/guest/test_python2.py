# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Old guest files are programs: what they compute is known where it is constant, and never run."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from univention_xen.errors import XenError
from univention_xen.guest.program import understand
from univention_xen.guest.python2_values import Long, Unclear, Unicode
from univention_xen.guest.words import BadSyntax


def value(text: str, name: str = "a") -> object:
    return understand(text, "f").values[name]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 0512", 330),
        ("a = 0x1F", 31),
        ("a = 0b11 + 0o17", 18),
        ("a = 5 / 2", 2),
        ("a = -5 / 2", -3),
        ("a = 5 / 2.0", 2.5),
        ("a = -(2 + 3) * 4 % 7", 1),
        ("a = 2 - -3", 5),
        ("a = 10 ** 2 if 0 else 1", Unclear),
        ("a = 5L", 5),
        ("a = 9223372036854775808", 9223372036854775808),
        ("a = 'x' 'y' + \"z\"", "xyz"),
        ("a = r'\\n' + '\\n'", "\\n\n"),
        ("a = '\\x41\\101\\q'", "AA\\q"),
        ("a = 'b\\xc3\\xbc'", "bü"),
        ("a = '''x\ny'''", "x\ny"),
        ("a = 'ab' * 2", "abab"),
        ("a = 2 * ['x']", ["x", "x"]),
        ("a = ['x'] + ['y',]", ["x", "y"]),
        ("a = 'vm%02d-%s' % (7, 'x')", "vm07-x"),
        ("a = '%s%%' % 5", "5%"),
        ("a = '%(n)s' % {'n': 'x'}", "x"),
        ("a = ('x', 'y')[1]", "y"),
        ("a = 'hello'[1:3]", "el"),
        ("a = ['p', 'q'][-1]", "q"),
        ("a = str(3) + 'x'.upper() + ','.join(['p', 'q'])", "3Xp,q"),
        ("a = int('12') + len('abc')", 15),
        ("a = range(3)", [0, 1, 2]),
        ("n = 'web'; a = n + '1'", "web1"),
        ("a = [1]\nb = a\nb.append(2)", [1, 2]),
        ("a = 'x'\na += 'y'", "xy"),
        ("a = 1\na *= 3", 3),
        ("b = a = 'x'", "x"),
        ("(a, b) = ('x', 2)", "x"),
        ("a, b = b, a = 1, 2", 2),
        ("a = \\\n  'x'", "x"),
        ("import os\na = os.uname()[4]", Unclear),
        ("a = open('/etc/passwd').read()", Unclear),
        ("a = [x for x in (1, 2)]", Unclear),
        ("a = lambda: 1", Unclear),
        ("for a in (1, 2): pass", Unclear),
        ("if 1:\n  a = 1\nelse:\n  a = 2", Unclear),
        ("def a(): return 1", Unclear),
        ("a = 1\ndel a", Unclear),
        ("a = 1\ndef f():\n  global a\n  a = 2\nf()", Unclear),
        ("import random\na = [1]\nrandom.shuffle(a)", Unclear),
        ("a = 'x' * 99999999", Unclear),
        ("a = '%999999999d' % 1", Unclear),
        ("a = 9 ** 9 ** 9", Unclear),
        ("a = `1`", Unclear),
    ],
)
def test_a_name_is_worth_what_python_2_makes_of_it(text: str, expected: object) -> None:
    if expected is Unclear:
        assert isinstance(value(text + "\n"), Unclear)
    else:
        assert value(text + "\n") == expected


def test_types_that_xm_drops_are_told_apart() -> None:
    assert type(value("a = 5L")) is Long
    assert type(value("a = 2 ** 1 or 1\na = 9223372036854775807 + 1")) is Long
    assert type(value("a = u'x' + 'y'")) is Unicode
    assert type(value("a = 'x%s' % 'y'")) is str


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a = 'x\n", "f:1:5"),
        ("a = 1\n b = 2\n", "f:2:2"),
        ("a = [1\n", "f:1:5"),
        ("a = 1)\n", "f:1:6"),
        ("a = (1]\n", "f:1:7"),
        ("a = 08\n", "f:1:5"),
        ("a = 128 MB\n", "f:1:5"),
        ("a =\n", "f:1:3"),
        ("a = undefined\n", "f:1:5"),
        ("a = 1 / 0\n", "f:1:5"),
        ("a = 'x' + 1\n", "f:1:5"),
        ("a = '''x\n", "f:1:5"),
        ("if 1:\n", "f:1:5"),
        ("else:\n  a = 1\n", "f:1:1"),
        ("; a = 1\n", "f:1:1"),
        ("a = 'x\0y'\n", "f:1:5"),
        ("a = ü\n", "f:1:5"),
        ("<domain/>\n", "f:1:1"),
        ("(vm (name x))\n", "f:1:1"),
        ("exec 'a = 1'\n", "f:1:1"),
        ("from xen import *\n", "f:1:1"),
        ("globals()['a'] = 1\n", "f:1:1"),
        ("import sys\nsys.exit(1)\n", "f:2:1"),
        ("raise 'no'\n", "f:1:1"),
        ("a = " + "[" * 100 + "]" * 100 + "\n", "f:1:45"),
    ],
)
def test_what_python_or_we_refuse_is_told_with_its_place(text: str, where: str) -> None:
    with pytest.raises(BadSyntax, match=rf"^{where}: "):
        understand(text, "f")


ATTACKS = (
    "a = open({!r}, 'w')",
    "import os; os.system('touch ' + {!r})",
    "a = __import__('os').mkdir({!r})",
    "print >>open({!r}, 'w'), 1",
    "a = ''.__class__.__mro__[1].__subclasses__(); b = {!r}",
    "a = str.format('{{0.__class__}}', {!r})",
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_is_ever_run(attack: str, tmp_path: Path) -> None:
    with contextlib.suppress(BadSyntax):
        assert isinstance(
            understand(attack.format(f"{tmp_path}/witness") + "\n", "f").values.get("a", Unclear("")), Unclear
        )
    assert not any(tmp_path.iterdir())


MANY = 20000
BUSY = {
    "brackets": "a = " + "(" * 39 + "1" + ")" * 39,
    "signs": "a = " + "- " * MANY + "1",
    "sum": "a = " + "1 + " * MANY + "1",
    "quotes": "'" * MANY,
    "long texts": "a = '''" * MANY,
    "large text": "a = 'x' * 60000 + 'x' * 60000",
    "continued lines": "\\\n" * MANY,
    "open brackets": "[" * MANY,
    "long list": "a = [" + "1," * MANY + "]",
    "one line": "a = 1;" * MANY,
    "blanks": "\t" * MANY + "a",
    "growing text": "a = ''" + ".replace('', 'xxxxxxxx')" * 50,
    "formats": "a = '" + "%s" * 20000 + "' % 1",
}


@pytest.mark.parametrize("name", BUSY)
def test_no_file_keeps_us_busy(name: str) -> None:
    start = time.process_time()
    with contextlib.suppress(XenError):
        understand(BUSY[name], "f")
    assert time.process_time() - start < 3


WORDS = "a b = 1 'x' ( ) [ ] { } , : ; + % * . append import if for in def lambda else print global # é 0 L u'y' += =="
PIECES = [*WORDS.split(), "\\", "'", '"', '"""', "\n", "\n  ", "\t", "\r\n", "\0", " "]


@settings(max_examples=500)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join) | st.text(max_size=40))
def test_no_input_makes_it_crash(text: str) -> None:
    with contextlib.suppress(BadSyntax):
        understand(text, "f")

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Packages with templates and handlers, healthy and broken, on a machine below a directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from conftest import PROJECT

pytestmark = pytest.mark.tools

HOSTILE = [
    "quote ' and \"", "back\\slash", ")(", "# hash ; semicolon", "@%@xs/other@%@", "@!@print(1)@!@", "$(touch X)",
    "`touch X`", "umlauts äöü ß €", "x" * 10_000, "", "   ", "'''", "'+str(1)+'", "{0}", "%s", "\\n",
]  # fmt: skip


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


class Host:
    """A machine below a directory, and its `ucr`."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        for name in ("files", "info", "modules", "scripts"):
            (self.root / "etc/univention/templates" / name).mkdir(parents=True)

    def ucr(self, *words: str, stdin: str = "", **environment: str) -> Done:
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT / "python"), "LC_ALL": "C.UTF-8", **environment}
        argv = [sys.executable, "-m", "univention_xen.registry", "--root", str(self.root), *words]
        p = subprocess.run(argv, env=env, input=stdin, capture_output=True, text=True, check=False)
        return Done(p.returncode, *(text.replace(str(self.root), "") for text in (p.stdout, p.stderr)))

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)

    def template(self, path: str, text: str) -> None:
        self.write(f"etc/univention/templates/files/{path}", text)

    def module(self, name: str, text: str) -> None:
        self.write(f"etc/univention/templates/modules/{name}", text)

    def info(self, text: str, package: str = "sample") -> None:
        self.write(f"etc/univention/templates/info/{package}.info", text)

    def read(self, path: str) -> str:
        return (self.root / path).read_text(encoding="utf-8")

    def exists(self, path: str) -> bool:
        return os.path.lexists(self.root / path)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "root")


def test_code_that_fails_leaves_the_file_and_the_others_run(host: Host) -> None:
    host.info("Type: file\nFile: etc/a\n\nType: file\nFile: etc/b\nPostinst: p.py\n\nType: file\nFile: etc/c\n")
    host.module("p.py", "def postinst(ucr, changes):\n    print('postinst')\n")
    for name in "abc":
        host.template(f"etc/{name}", "@%@xs/v@%@\n")
    host.ucr("set", "xs/v=1")
    host.template("etc/b", "@%@xs/v@%@\n@!@\nprint('half')\n1 / 0\n@!@\n")
    done = host.ucr("set", "xs/v=2")
    assert done.code == 1
    assert done.out == "Setting xs/v\nFile: /etc/a\nFile: /etc/b\nFile: /etc/c\n"
    assert done.err == "E: /etc/b stays as it was: code in line 4 failed: ZeroDivisionError: division by zero\n"
    assert [host.read(f"etc/{name}") for name in "abc"] == ["2\n", "1\n", "2\n"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import sys; sys.exit(3)", "code in line 2 exited with status 3"),
        ("raise SystemExit('why')", "code in line 2 exited with status why"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "its code was killed by signal 11"),
        ("import os; os._exit(0)", "its code ended at once with status 0"),
        ("if", "code in line 2 failed: SyntaxError: invalid syntax"),
        ("import nowhere", "code in line 2 failed: ModuleNotFoundError: No module named 'nowhere'"),
        ("raise KeyboardInterrupt", "code in line 2 failed: KeyboardInterrupt"),
    ],
)
def test_code_can_fail_in_many_ways(host: Host, code: str, reason: str) -> None:
    host.info("Type: file\nFile: etc/a\n")
    host.template("etc/a", f"@!@print('half')\n@!@@!@{code}@!@")
    host.write("etc/a", "before")
    done = host.ucr("commit", "/etc/a")
    assert done == Done(1, "File: /etc/a\n", f"E: /etc/a stays as it was: {reason}\n")
    assert host.read("etc/a") == "before"


def test_code_that_exits_with_success_is_content(host: Host) -> None:
    host.info("Type: file\nFile: etc/a\n")
    host.template("etc/a", "@!@print(1)\nraise SystemExit@!@@!@print(2); import sys; sys.exit(0)@!@")
    assert host.ucr("commit").code == 0
    assert host.read("etc/a") == "1\n2\n"


def test_what_programs_print_comes_in_order(host: Host) -> None:
    host.info("Type: file\nFile: etc/a\n")
    code = "import os, atexit\natexit.register(print, 'last')\nprint('one')\n"
    code += "os.system('echo two; echo talk >&2')\nprint('three')\n"
    host.template("etc/a", f"@!@\n{code}@!@@!@print('next')@!@")
    assert host.ucr("commit") == Done(0, "File: /etc/a\n", "talk\n")
    assert host.read("etc/a") == "one\ntwo\nthree\nlast\nnext\n"


def test_sections_share_nothing(host: Host) -> None:
    host.info("Type: file\nFile: etc/a\n")
    host.template("etc/a", "@!@x = 1\nprint(__name__)@!@@!@print('x' in globals(), configRegistry is baseConfig)@!@")
    host.ucr("commit")
    assert host.read("etc/a") == "__main__\nFalse True\n"


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:20])
def test_a_hostile_value_comes_out_as_text_and_nothing_runs(host: Host, value: str) -> None:
    host.info("Type: file\nFile: etc/a\n")
    host.template(
        "etc/a", "<@%@xs/v@%@>\n@!@\nprint('<' + configRegistry.get('xs/v') + '>')\nprint('@%@xs/v@%@', end='')\n@!@"
    )
    done = host.ucr("set", f"xs/v={value}")
    assert done == Done(0, "Create xs/v\nFile: /etc/a\n", "")
    kept = value.strip()
    assert host.read("etc/a") == f"<{kept}>\n<{kept}>\n{kept}"
    assert host.ucr("get", "xs/v").out == f"{kept}\n"
    assert not os.path.exists("X")


def test_a_line_end_in_a_value_makes_no_second_line(host: Host) -> None:
    host.info("Type: file\nFile: etc/a\n")
    host.template("etc/a", "v=@%@xs/v@%@\n@!@\nprint('w=' + configRegistry['xs/v'])\n@!@\n")
    host.ucr("set", "xs/v=1\n(second 2)")
    assert host.read("etc/a") == "v=1(second 2)\nw=1(second 2)\n\n"


def test_a_module_that_fails_does_not_stop_the_next(host: Host) -> None:
    host.info("".join(f"Type: module\nModule: {name}.py\nVariables: ^xs/v$\n\n" for name in "abcde"))
    for name, line in zip(
        "abcde", ("raise OSError(2, 'gone')", "1 / 0", "raise SystemExit(7)", "None.x", "print('e')"), strict=True
    ):
        host.module(f"{name}.py", f"def handler(ucr, changes):\n    {line}\n")
    done = host.ucr("set", "xs/v=1")
    assert done.code == 1
    assert done.out == "Create xs/v\nModule: a\nModule: b\nModule: c\nModule: d\nModule: e\ne\n"
    lines = done.err.splitlines()
    assert lines[0] == "E: Module a failed: [Errno 2] gone"
    assert "ZeroDivisionError: division by zero" in lines
    assert lines[-1] == "'NoneType' object has no attribute 'x'"


def test_the_status_of_a_handler_that_exits_is_ours(host: Host) -> None:
    host.info("Type: module\nModule: a.py\nVariables: ^xs/v$\n")
    host.module("a.py", "def handler(ucr, changes):\n    raise SystemExit(7)\n")
    assert host.ucr("set", "xs/v=1") == Done(7, "Create xs/v\nModule: a\n", "")


def test_handlers_learn_the_root_and_use_the_same_registry(host: Host) -> None:
    host.info("Type: module\nModule: a.py\nVariables: ^xs/v$\n\nType: script\nScript: s\nVariables: ^xs/v$\n")
    host.module(
        "a.py",
        "import univention.config_registry as u\n"
        "from univention.config_registry.frontend import ucr_update\n"
        "def handler(ucr, changes):\n"
        "    print(ucr.root, ucr['xs/v'], u.ucr_factory().get('xs/v'), u.ucr.get('xs/none', 'no'), ucr['xs/none'])\n"
        "    u.handler_set(['xs/w=2', 'xs/w?3'])\n"
        "    ucr_update(ucr, {'xs/u': '4', 'xs/w': None})\n",
    )
    host.write("etc/univention/templates/scripts/s", '#!/bin/sh\necho "$UCR_ROOT"\n', 0o755)
    done = host.ucr("set", "xs/v=1")
    expected = "Create xs/v\nModule: a\n 1 1 no None\nCreate xs/w\nNot updating xs/w\n"
    expected += "Script: /etc/univention/templates/scripts/s\n\n"
    assert done == Done(0, expected, "")
    assert host.ucr("dump").out == "xs/u: 4\nxs/v: 1\n"


def test_files_before_multifiles_before_modules_before_scripts(host: Host) -> None:
    host.info(
        "Type: script\nScript: a\nVariables: xs/v\n\nType: module\nModule: a.py\nVariables: xs/v\n\n"
        "Type: multifile\nMultifile: etc/b\nVariables: xs/v\n\nType: subfile\nMultifile: etc/b\nSubfile: etc/b.d/1\n\n"
        "Type: file\nFile: etc/z\nVariables: xs/v\nPreinst: h.py\nPostinst: h.py\n\n"
        "Type: file\nFile: etc/c\nVariables: xs/v\n"
    )
    for name in ("etc/z", "etc/c", "etc/b.d/1"):
        host.template(name, "text\n")
    host.module("h.py", "def preinst(u, c): print('pre')\ndef postinst(u, c): print('post')\n")
    host.module("a.py", "def handler(u, c): pass\n")
    host.write("etc/univention/templates/scripts/a", "#!/bin/sh\n", 0o755)
    host.write("etc/univention/templates/scripts/etc/z", "#!/bin/sh\necho hook $1\n", 0o755)
    assert host.ucr("set", "xs/v=1").out.splitlines() == [
        "Create xs/v", "File: /etc/c", "pre", "File: /etc/z", "post", "hook postinst", "Multifile: /etc/b",
        "Module: a", "Script: /etc/univention/templates/scripts/a",
    ]  # fmt: skip


def test_no_bytecode_stays_behind(host: Host) -> None:
    host.info("Type: module\nModule: a.py\nVariables: xs/v\n")
    host.module("a.py", "def handler(u, c): pass\n")
    host.ucr("set", "xs/v=1")
    assert os.listdir(host.root / "etc/univention/templates/modules") == ["a.py"]


def test_a_file_that_cannot_be_diverted_is_not_overwritten(host: Host) -> None:
    host.info("Type: file\nFile: etc/a\n\nType: file\nFile: etc/b\n")
    host.template("etc/a", "generated\n")
    host.template("etc/b", "generated\n")
    host.write("etc/a", "the administrator's\n")
    host.write("etc/a.debian", "something else\n")
    done = host.ucr("register", "sample")
    assert (done.code, done.out) == (1, "File: /etc/b\n")
    assert done.err.startswith("E: /etc/a stays as it was: rename involves overwriting '/etc/a.debian'")
    assert done.err.count("\n") == 1
    assert host.read("etc/a") == "the administrator's\n"


def test_diversions_of_the_administrator_are_left_alone(host: Host) -> None:
    host.info("Type: file\nFile: etc/a\n")
    host.template("etc/a", "generated\n")
    host.write("etc/a", "distribution\n")
    host.ucr("register", "sample")
    dpkg = ["--root", str(host.root), "--admindir", str(host.root / "var/lib/dpkg")]
    divert = [
        "dpkg-divert",
        *dpkg,
        "--quiet",
        "--local",
        "--rename",
        "--divert",
        "/etc/own.debian",
        "--add",
        "/etc/own",
    ]
    host.write("etc/own", "distribution's\n")
    subprocess.run(divert, check=True)
    host.write("etc/own", "my own\n")
    os.unlink(host.root / "etc/univention/templates/info/sample.info")
    assert host.ucr("update") == Done(0, "", "")
    assert host.read("etc/own") == "my own\n"
    assert host.read("etc/own.debian") == "distribution's\n"
    assert host.read("etc/a") == "distribution\n"
    assert not host.exists("etc/a.debian")


def test_a_part_that_goes_leaves_the_others(host: Host) -> None:
    host.write("etc/m", "distribution\n")
    host.info("Type: multifile\nMultifile: etc/m\n\nType: subfile\nMultifile: etc/m\nSubfile: etc/m.d/10\n", "main")
    host.info("Type: subfile\nMultifile: etc/m\nSubfile: etc/m.d/20\n", "part")
    host.template("etc/m.d/10", "ten\n")
    host.template("etc/m.d/20", "twenty\n")
    host.ucr("register", "main")
    assert host.ucr("register", "part") == Done(0, "Multifile: /etc/m\n", "")
    assert host.read("etc/m") == "ten\ntwenty\n"
    assert host.ucr("unregister", "part") == Done(0, "Multifile: /etc/m\n", "")
    assert host.read("etc/m") == "ten\n"
    assert host.read("etc/m.debian") == "distribution\n"
    assert host.ucr("unregister", "main") == Done(0, "", "")
    assert host.read("etc/m") == "distribution\n"


def test_a_default_is_not_generated_into_the_original(host: Host) -> None:
    """UCR generates first and diverts then: what it generated stays after the package is gone."""
    host.write("etc/univention/registry.info/variables/sample.cfg", "[xs/v]\nType=str\nDefault=d\n")
    host.info("Type: file\nFile: etc/a\n")
    host.template("etc/a", "@%@xs/v@%@\n")
    assert host.ucr("register", "sample").out == "File: /etc/a\nFile: /etc/a\n"
    assert host.read("etc/a") == "d\n"
    assert not host.exists("etc/a.debian")
    host.ucr("unregister", "sample")
    assert not host.exists("etc/a")


def test_a_hidden_default_is_only_announced(host: Host) -> None:
    host.write("etc/univention/registry.info/variables/sample.cfg", "[xs/v]\nType=str\nDefault=d\n")
    host.info("Type: module\nModule: a.py\nVariables: xs/v\n")
    host.module("a.py", "def handler(u, c): print('ran')\n")
    host.ucr("set", "--force", "xs/v=1")
    assert host.ucr("update") == Done(0, "", 'I: xs/v will be set in scope "forced"\n')


def test_a_full_registration_is_removed_without_a_trace(host: Host) -> None:
    host.info("Type: file\nFile: etc/new/a\n\nType: file\nFile: etc/b\n")
    host.template("etc/new/a", "a\n")
    host.template("etc/b", "b\n")
    host.write("etc/b", "distribution\n", 0o640)
    host.ucr("register", "sample")
    host.ucr("unregister", "sample")
    assert not host.exists("etc/new/a")
    assert (host.root / "etc/b").stat().st_mode & 0o777 == 0o640
    assert host.read("var/lib/dpkg/diversions") == ""
    assert host.read("var/lib/univention-xen-registry/diverted") == ""


def test_filter_prints_nothing_when_code_fails(host: Host) -> None:
    done = host.ucr("filter", stdin="a\n@!@print(1)\n1/0@!@\n")
    assert done == Done(1, "", "E: code in line 3 failed: ZeroDivisionError: division by zero\n")


def test_a_value_that_is_no_text_is_refused(host: Host) -> None:
    argv = [sys.executable, "-m", "univention_xen.registry", "--root", str(host.root), "set", b"xs/v=\xff", "xs/w=1"]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT / "python"), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(argv, env=env, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"Not setting xs/v\nCreate xs/w\n")
    assert done.stderr == b"E: the value of 'xs/v' is not UTF-8, nothing was set\n"


def test_looking_writes_nothing(host: Host) -> None:
    for words in (["get", "a"], ["dump"], ["search"], ["info", "a"], ["shell"], ["filter"], ["--help"]):
        assert host.ucr(*words).code == 0
    assert os.listdir(host.root / "etc/univention") == ["templates"]


def test_output_may_end_early(host: Host) -> None:
    host.ucr("set", *(f"xs/{n}={'x' * 100}" for n in range(2000)))
    shell = f"{sys.executable} -m univention_xen.registry --root {host.root} dump | head -1"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT / "python")}
    done = subprocess.run(shell, shell=True, env=env, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.startswith("xs/0: xx")


@pytest.mark.parametrize("words", [["get", "xs/v"], ["set", "xs/v=2"]])
def test_nothing_slow_is_imported(host: Host, words: list[str]) -> None:
    host.info("Type: file\nFile: etc/a\nVariables: ^xs/v$\n")
    host.template("etc/a", "@!@print(configRegistry['xs/v'])@!@\n" * 8)
    program = (
        "import sys; before = set(sys.modules); from univention_xen.registry import cli\n"
        f"cli.main(['--root', {str(host.root)!r}, *{words!r}])\n"
        "print(*sorted(set(sys.modules) - before), file=sys.stderr)"
    )
    env = {"PYTHONPATH": str(PROJECT / "python")}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    slow = {
        "re",
        "enum",
        "subprocess",
        "argparse",
        "typing",
        "dataclasses",
        "contextlib",
        "collections",
        "shutil",
        "ast",
    }
    assert slow.isdisjoint(done.stderr.split())

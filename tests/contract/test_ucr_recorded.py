# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The registry does what UCS 5.2's registry was seen to do, but for the cases in SAFER."""

from __future__ import annotations

import base64
import grp
import os
import pwd
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from conftest import PROJECT, recorded

pytestmark = pytest.mark.tools

SCENARIOS: list[dict[str, Any]] = recorded("ucr-5.2.json")
SKELETON = [f"/etc/univention/templates/{name}" for name in ("files", "info", "modules", "removed", "scripts")]
SKELETON += [f"/etc/univention/registry.info/{name}" for name in ("variables", "categories")]
FAILED = "a handler that fails is named with its reason, and the others still run"
KEPT = "a section of code that fails leaves the old file as it was, and the exit status tells"


class Safer(NamedTuple):
    """Where we differ on purpose: in which step (from 1), why, and what we do instead."""

    reason: str
    step: int
    exit: int
    stdout: str
    stderr: str
    after: dict[str, str | None]  # path → text; None where nothing must be


SAFER = {
    "Code that fails in the middle keeps what it printed": Safer(
        KEPT, 1, 1, "File: /etc/xs/a.conf\n",
        "E: /etc/xs/a.conf stays as it was: code in line 4 failed: ValueError: stop\n",
        {"/etc/xs/a.conf": None},
    ),
    "Code that exits with a status is accepted": Safer(
        KEPT, 1, 1, "File: /etc/xs/a.conf\n",
        "E: /etc/xs/a.conf stays as it was: code in line 2 exited with status 4\n",
        {"/etc/xs/a.conf": None},
    ),
    "A template that is not UTF-8 stops the handlers after the value was stored": Safer(
        "one damaged template does not stop the handlers of other packages", 1, 1,
        "Create xs/a\nFile: /etc/xs/a.conf\n",
        "E: /etc/xs/a.conf stays as it was: /etc/univention/templates/files/etc/xs/a.conf is not UTF-8 (byte 2)\n",
        {"/etc/xs/a.conf": None},
    ),
    "A file where a directory above the target is needed": Safer(
        FAILED, 4, 1, "File: /srv/xs/deep/a.conf\n",
        "E: /srv/xs/deep/a.conf stays as it was: something else is where its directory should be\n",
        {"/srv/xs/deep": "file\n"},
    ),
    "A module that raises an operating system error": Safer(
        FAILED, 1, 1, "Create xs/a\nModule: m\nstarted\n", "E: Module m failed: [Errno 2] gone\n", {},
    ),
    "A module that raises a type error": Safer(
        FAILED + "; a mistake in a handler shows its place", 1, 1, "Create xs/a\nModule: m\nstarted\n",
        "TypeError: odd\n", {},
    ),
    "A function after the file that fails": Safer(
        FAILED, 1, 1, "Create xs/a\nFile: /etc/xs/a.conf\n", "E: File /etc/xs/a.conf failed: [Errno 5] late\n",
        {"/etc/xs/a.conf": "a=1\n"},
    ),
    "Unregistering a file of several parts together with a part loses the diverted original": Safer(
        "the diverted original comes back", 2, 0, "", "",
        {"/etc/xs/m.conf": "distribution\n", "/etc/xs/m.conf.debian": None},
    ),
    "The diverted original of a file of several parts when the package of the part goes first": Safer(
        "the diverted original comes back with the last part", 3, 0, "", "",
        {"/etc/xs/m.conf": "distribution\n", "/etc/xs/m.conf.debian": None},
    ),
}  # fmt: skip


class Machine:
    """A directory that the scenario takes for a whole machine."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        for path in SKELETON:
            self.at(path).mkdir(parents=True)

    def at(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def put(self, files: dict[str, dict[str, Any]]) -> None:
        for name in sorted(files):
            spec, path = files[name], self.at(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_symlink() or path.is_file():
                path.unlink()
            if spec.get("dir"):
                path.mkdir(exist_ok=True)
            elif "link" in spec:
                path.symlink_to(self.at(spec["link"]) if spec["link"].startswith("/") else spec["link"])
                continue
            else:
                path.write_bytes(base64.b64decode(spec["base64"]) if "base64" in spec else spec["text"].encode())
            if "owner" in spec and os.geteuid() == 0:
                shutil.chown(path, *spec["owner"].split(":"))
            path.chmod(int(spec.get("mode", "0755" if spec.get("dir") else "0644"), 8))

    def remove(self, names: list[str]) -> None:
        for path in map(self.at, names):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.is_symlink() or path.exists():
                path.unlink()

    def run(self, step: dict[str, Any]) -> tuple[int, str, str]:
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "PYTHONPATH": str(PROJECT / "python")}
        done = subprocess.run(
            [sys.executable, "-m", "univention_xen.registry", "--root", str(self.root), *step["run"][1:]],
            env={**environment, **step.get("env", {})}, input=step.get("stdin", "").encode(),
            capture_output=True, check=False, umask=0o022, cwd="/",
        )  # fmt: skip
        return done.returncode, self.clean(done.stdout), only_exceptions(self.clean(done.stderr))

    def clean(self, data: bytes) -> str:
        text = data.decode("utf-8", "backslashreplace")
        return text.replace(f"{self.root}/", "/").replace(str(self.root), "/")

    def look(self, path: str) -> dict[str, Any]:
        file = self.at(path)
        try:
            info = file.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return {"exists": False}
        if stat.S_ISLNK(info.st_mode):
            return {"exists": True, "kind": "link", "target": self.clean(os.readlink(os.fsencode(file)))}
        owner = f"{pwd.getpwuid(info.st_uid).pw_name}:{grp.getgrgid(info.st_gid).gr_name}"
        seen = {"exists": True, "mode": f"{stat.S_IMODE(info.st_mode):04o}", "owner": owner}
        if stat.S_ISDIR(info.st_mode):
            return seen | {"kind": "dir"}
        return seen | {"kind": "file", "text": self.clean(file.read_bytes())}


def only_exceptions(text: str) -> str:
    """Leave of each traceback its last line, as the record does."""
    kept: list[str] = []
    inside = False
    for line in text.split("\n"):
        inside = line.startswith("Traceback (") or (inside and line.startswith(" "))
        if not inside:
            kept.append(line)
    return "\n".join(kept)


def comparable(text: str, step: dict[str, Any]) -> Any:
    return sorted(text.split("\n")) if step.get("unordered") else text


def check_files(machine: Machine, expected: dict[str, dict[str, Any]]) -> None:
    for path, want in expected.items():
        seen = machine.look(path)
        if want.get("owner") == "root:root" or os.geteuid() != 0:
            seen.pop("owner", None)
            want = {key: value for key, value in want.items() if key != "owner"}
        if want.get("kind") == "link":
            want = {key: want[key] for key in ("exists", "kind", "target")}
        assert seen == want, path


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario["name"] for scenario in SCENARIOS])
def test_the_registry_does_what_was_recorded(scenario: dict[str, Any], tmp_path: Path) -> None:
    machine = Machine(tmp_path / "root")
    machine.put(scenario["files"])
    safer = SAFER.get(scenario["name"])
    for number, step in enumerate(scenario["steps"], 1):
        machine.put(step.get("write", {}))
        machine.remove(step.get("remove", []))
        for path in step.get("mkdir", []):
            machine.at(path).mkdir(parents=True, exist_ok=True)
        if "run" in step:
            code, out, err = machine.run(step)
            if safer and number == safer.step:
                assert (code, out, err) == (safer.exit, safer.stdout, safer.stderr)
                for path, text in safer.after.items():
                    assert machine.look(path).get("text") == text, path
                assert differs(step, code, out, err, machine), "nothing is different here: take it out of SAFER"
                return
            assert code == step["exit"], err
            for stream, text in (("stdout", out), ("stderr", err)):
                if stream in step.get("volatile", ()):
                    assert text, f"{stream} is empty"
                else:
                    assert comparable(text, step) == comparable(step[stream], step)
        check_files(machine, step.get("after", {}))
    assert not safer, "the step that differs was never reached"


def differs(step: dict[str, Any], code: int, out: str, err: str, machine: Machine) -> bool:
    """Whether the record says something else about this step."""
    try:
        check_files(machine, step.get("after", {}))
    except AssertionError:
        return True
    return (code, out, err) != (step["exit"], step["stdout"], step["stderr"])


def test_every_deliberate_difference_is_about_a_recorded_scenario() -> None:
    assert SAFER.keys() <= {scenario["name"] for scenario in SCENARIOS}

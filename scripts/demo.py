# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Set registry variables in a tree below build/ and show what comes of it. The host itself stays as it is."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "python"))
sys.dont_write_bytecode = True

from telling import command, diff, heading, output  # noqa: E402

from univention_xen.errors import XenError  # noqa: E402
from univention_xen.registry import install  # noqa: E402

ROOT = "build/demo-root"
UCR = f"PYTHONPATH=python {sys.executable} -m univention_xen.registry --root {ROOT}"
XEN = f"PYTHONPATH=python {sys.executable} -m univention_xen --root {ROOT}"
FILES = ("/etc/xen/xend-config.sxp", "/etc/xen/xl.conf", "/etc/default/xendomains")
STAND_IN = "#!/bin/sh\n# stands for the xend of Xen 3.2 to 4.4, so that there is somebody who reads the file\nexit 3\n"


def lay_out() -> None:
    """Fill the tree through the installer that also fills the packages."""
    shutil.rmtree(ROOT, ignore_errors=True)
    for package in install.packages("."):
        for path in install.into_tree(".", package, ROOT):
            print(f"    {path}")
    xend = Path(ROOT, "etc/init.d/xend")
    xend.parent.mkdir(parents=True)
    xend.write_text(STAND_IN, encoding="ascii")
    xend.chmod(0o755)


def contents() -> dict[str, str]:
    """Return the generated files that are there."""
    found = {path: Path(ROOT + path) for path in FILES}
    return {path: file.read_text(encoding="utf-8") for path, file in found.items() if file.exists()}


def run(program: str, *words: str) -> int:
    """Show and run a command; show what it says and how the generated files change. Return its exit status."""
    before = contents()
    command(f"{program} {shlex.join(words)}")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UCR_")}
    environment |= {"PYTHONPATH": "python", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
    argv = [*shlex.split(program)[1:], *words]
    done = subprocess.run(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, check=False
    )
    output(done.stdout)
    if before:
        for path, text in contents().items():
            if text != before.get(path, ""):
                diff(path, before.get(path, ""), text)
    return done.returncode


def main() -> int:
    """Return 0 when everything went as it is told."""
    heading(f"1. The files of the packages, laid out below {ROOT}")
    lay_out()

    heading("2. Registering them writes the configuration files of Xen, from the defaults")
    wrong = run(UCR, "register", "univention-xen")
    output("\n".join(f"{path}: {text.count(chr(10))} lines" for path, text in contents().items()))

    heading("3. Setting variables writes anew what depends on them, and tells the service that reads it")
    wrong += run(UCR, "set", "xen/bridge/interface=eth1", "xen/vnc/listen=0.0.0.0", "xen/server/relocation=yes")
    print("\n  In a running system xend would have been restarted here, once, if it was running.")

    heading("4. A value that makes no sense is refused, and the files stay as they are")
    refused = run(UCR, "set", "xen/relocation/port=http")
    print(f"\n  The exit status was {refused}, and no file has changed.")

    heading("5. What is in effect, and what is not as it should be")
    run(XEN, "host", "check")

    heading("What to try next")
    command(f"{UCR} search --category service-xen")
    command(f"{UCR} set xen/relocation/hosts_allow='^dom0-b\\.example\\.com$'")
    command(f"cat {ROOT}/etc/xen/xend-config.sxp")
    print("\n  make demo-apt does the same with the real packages, apt and a throwaway Debian.")
    print("  make dom0 boots a real Xen Dom0 with them inside QEMU.\n")
    return 1 if wrong or not refused else 0


if __name__ == "__main__":
    os.chdir(PROJECT)
    try:
        sys.exit(main())
    except XenError as why:
        sys.exit(f"demo: {why}" + (f"\n  hint: {why.hint}" if why.hint else ""))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os._exit(0)

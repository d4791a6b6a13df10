# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The bridge where UCR writes the network's configuration, with the real ifupdown.

UCS's own library is not in Debian. Its double below does what UCS 5.2 does, as far as the bridge is concerned: one
change of many values, /etc/network/interfaces from interfaces/*, and interfaces that are restarted unless forbidden.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import PROJECT
from network_lab import Lab, run, wait_for

pytestmark = pytest.mark.tools

LIBRARY = r"""
import re, subprocess

BASE = "/etc/univention/base.conf"
HEADER = "# written by the registry\n"

class ConfigRegistry(dict):
    def load(self):
        for line in open(BASE):
            if ": " in line and not line.startswith("#"):
                name, value = line.rstrip("\n").split(": ", 1)
                self[name] = value
        return self

def ucr_update(registry, changes):
    for name, value in changes.items():
        assert value is None or isinstance(value, str)
        registry.pop(name, None)
        if value is not None:
            registry[name] = value
    with open(BASE, "w") as file:
        file.write(HEADER + "".join(f"{name}: {value}\n" for name, value in sorted(registry.items())))
    with open("/run/ucr-changes", "a") as file:
        file.write(f"{len(changes)}\n")
    names = {m[1] for m in (re.match(r"interfaces/(?!(?:restart/auto|handler)$)([^/]+)/", n) for n in changes) if m}
    if names and registry.get("interfaces/restart/auto") not in ("false", "no"):
        open("/run/restarted", "w").close()
    with open("/etc/network/interfaces", "w") as file:
        file.write("\n".join(stanzas(registry)) + "\n")

def stanzas(registry):
    yield "# written by the registry\nauto lo\niface lo inet loopback\n"
    found = {n.split("/")[1] for n in registry if re.match(r"interfaces/[^/]+/type$", n)}
    for name in sorted(found, key=lambda n: (int(registry.get(f"interfaces/{n}/order", 999)), n)):
        get = lambda key: registry.get(f"interfaces/{name}/{key}")
        if get("start") != "false":
            yield f"auto {name.replace('_', ':')}"
        yield f"iface {name.replace('_', ':')} inet {get('type')}"
        if get("type") == "static":
            yield f"\taddress {get('address')}\n\tnetmask {get('netmask')}"
            if registry.get("gateway"):
                yield f"\tgateway {registry['gateway']}"
        options = {k: v for k, v in registry.items() if k.startswith(f"interfaces/{name}/options/")}
        yield from (f"\t{options[key]}" for key in sorted(options))
        yield ""
"""
VARIABLES = """\
gateway: 192.0.2.1
interfaces/eth0/address: 192.0.2.10
interfaces/eth0/netmask: 255.255.255.0
interfaces/eth0/options/0: up ip route add 198.51.100.0/24 via 192.0.2.1 dev eth0
interfaces/eth0/order: 1
interfaces/eth0/type: static
interfaces/primary: eth0
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    run(str(PROJECT / "scripts" / "need"), "ifupdown", "bridge-utils", "iproute2", "iputils-ping", "util-linux")
    lab = Lab(tmp_path)
    lab.on_peer("ip", "address", "add", "192.0.2.1/24", "dev", "p0")
    library = tmp_path / "library" / "univention" / "config_registry"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text(LIBRARY)
    (library / "frontend.py").write_text("from univention.config_registry import ucr_update\n")
    places = run("/usr/bin/python3", "-c", "import site; print(*site.getsitepackages())").split()
    place = next(each for each in places if each.startswith("/usr/local/") and Path(each).is_dir())
    lab.on_host("mount", "--bind", str(tmp_path / "library"), place)
    info = tmp_path / "registry" / "templates" / "info"
    info.mkdir(parents=True)
    (info / "univention-base-files.info").touch()
    (tmp_path / "registry" / "base.conf").write_text(VARIABLES)
    code = "from univention.config_registry import *; ucr_update(ConfigRegistry().load(), {})"
    lab.on_host("/usr/bin/python3", "-c", code)
    lab.on_host("ifup", "-a")
    lab.on_host("rm", "-f", "/run/restarted", "/run/ucr-changes")
    yield lab
    lab.close()


def test_variables_move_in_one_change_and_nothing_is_restarted(lab: Lab) -> None:
    base = lab.where / "registry" / "base.conf"
    before, registry = lab.state(), base.read_text()
    ping = lab.ping("192.0.2.10")
    apply = lab.apply(60)
    lab.until("Keep it with")
    assert lab.links()["eth0"] == ["xenbr0"]
    assert lab.links()["xenbr0"] == ["", "192.0.2.10/24"]
    assert lab.routes() == [line.replace("eth0", "xenbr0") for line in before["routes"]]
    assert "interfaces/primary: xenbr0\n" in base.read_text()
    assert "interfaces/eth0/type: manual\n" in base.read_text()
    assert "interfaces/restart/auto" not in base.read_text()
    assert len(lab.on_host("cat", "/run/ucr-changes").split()) == 2, "the change, and the switch that it needs"
    assert lab.xen("confirm").returncode == 0
    assert apply.wait(10) == 0
    assert ping.stop()[1] < 4
    lab.on_host("ifdown", "-a")
    lab.on_host("ifup", "-a")
    assert lab.reaches("192.0.2.10")
    assert lab.xen("revert").returncode == 0
    assert (lab.state(), base.read_text()) == (before, registry)
    assert lab.reaches("192.0.2.10")
    assert "restarted" not in lab.on_host("ls", "/run")


def test_without_a_confirmation_the_variables_are_as_they_were(lab: Lab) -> None:
    base = lab.where / "registry" / "base.conf"
    before, registry = lab.state(), base.read_text()
    apply = lab.apply(5)
    assert apply.wait(60) == 1
    assert (lab.state(), base.read_text()) == (before, registry)
    assert lab.reaches("192.0.2.10")
    assert "restarted" not in lab.on_host("ls", "/run")


def test_a_variable_that_was_changed_since_is_not_lost(lab: Lab) -> None:
    apply = lab.apply(60)
    lab.until("Keep it with")
    lab.xen("confirm")
    apply.wait(10)
    base = lab.where / "registry" / "base.conf"
    base.write_text(base.read_text().replace("192.0.2.10", "192.0.2.20"))
    done = lab.xen("revert")
    assert done.returncode == 1
    assert "interfaces/xenbr0/address has been changed since" in done.stderr


def test_the_files_of_ucr_go_back_even_when_ucr_fails(lab: Lab) -> None:
    before = lab.state()
    apply = lab.apply(8)
    lab.until("Keep it with")
    (lab.where / "library" / "univention" / "config_registry" / "frontend.py").write_text("raise SystemExit(1)\n")
    assert apply.wait(60) == 1
    wait_for(lambda: lab.state() == before, 10, lab.said)
    assert lab.reaches("192.0.2.10")

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""`guest show --long`: the toolstack's own words, but for passwords."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import FakeRunner
from univention_xen.errors import XenError
from univention_xen.plan import Machine
from univention_xen.toolstack import details
from univention_xen.toolstack.libvirt import Libvirt
from univention_xen.toolstack.xl import Xl

LIST = "Name  ID Mem VCPUs State Time(s)\nDomain-0  0 1024 2 r----- 168.0\nwin  7 256 1 -b---- 10.9\n"
JSON = '[{"config": {"c_info": {"name": "win"}, "vfbs": [{"vnc": {"passwd": "ge\\"heim", "listen": "::1"}}]}}]\n'
SXP = "(domain (name win) (device (vfb (vncpasswd geheim) (vnclisten '::1') (passwd 'ge\\'heim'))))\n"
XML = "<graphics type='vnc' passwd='geheim' listen='::1'/>\n"


def test_it_is_what_xl_says_without_the_password(tmp_path: Path) -> None:
    on = Machine(tmp_path, run=FakeRunner({"xl list": LIST, "xl list -l win": JSON}))  # type: ignore[arg-type]
    text = details.look_at("win", Xl(), on)
    assert json.loads(text)[0]["config"]["vfbs"] == [{"vnc": {"passwd": "***", "listen": "::1"}}]
    assert details.as_data(text) == json.loads(text)


@pytest.mark.parametrize("text", [JSON, SXP, XML])
def test_no_toolstack_tells_a_password(text: str) -> None:
    told = details.without_passwords(text)
    assert "heim" not in told
    assert "::1" in told
    assert len(told.split()) == len(text.split()), "nothing else is gone"


def test_what_is_no_json_is_told_as_text() -> None:
    assert details.as_data(XML) == {"text": XML}


def test_a_guest_must_run_but_for_libvirt(tmp_path: Path) -> None:
    uri = "test:///default"
    on = Machine(
        tmp_path, run=FakeRunner({"xl list": LIST.replace("win", "db"), f"virsh --connect {uri} dumpxml win": XML})
    )  # type: ignore[arg-type]
    with pytest.raises(XenError, match="win"):
        details.look_at("win", Xl(), on)
    assert "***" in details.look_at("win", Libvirt(uri), on)

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""An imported xend-config.sxp means to xend what the original meant, or the difference is listed."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import Check, recorded
from rendering import EVERYWHERE, XEND, Recording, render
from univention_xen.errors import XenError
from univention_xen.host import xend_import, xend_options
from univention_xen.host.xend_meaning import NEEDS

RECORDS = recorded("xend-config.json")["records"]
SAME: list[tuple[str, Any, Any]] = [
    ("xend-address", "", EVERYWHERE),
    ("vncpasswd", "", None),
    ("vnc-tls", "", 0),
    ("vnc-tls", "0", "1"),
    ("vnc-tls", "yes", "1"),
    ("vnc-x509-verify", "0", "1"),
    ("vnc-x509-verify", "yes", "1"),
    ("network-script", ["/etc/xen/scripts/network-dummy"], None),
    ("xend-relocation-server-ssl-key-file", "xmlrpc.key", "/etc/xen/xmlrpc.key"),
    ("xend-relocation-server-ssl-cert-file", "xmlrpc.crt", "/etc/xen/xmlrpc.crt"),
    ("total_available_memory", 0, None),
]
"""Different texts with which xend does the same: option, before, after."""


def imported(record: dict[str, Any], version: str) -> xend_import.Imported | None:
    """The import of a record; None where xend could not read it either."""
    try:
        return xend_import.read(record["text"], "old", version)
    except XenError:
        assert record["versions"][version]["verdict"] == "syntax"
        return None


def rendered(result: xend_import.Imported, tmp_path: Any) -> str:
    """The file that the registry's template makes of an import."""
    (tmp_path / "pw").write_text(result.password.reveal() + "\n")
    (tmp_path / "pw").chmod(0o600)
    values = result.values | ({"xen/vnc/passwordfile": "/pw"} if result.password else {})
    return render(XEND, Recording(values, tmp_path))[0]


@pytest.mark.parametrize("version", xend_options.VERSIONS)
@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["id"])
def test_every_option_in_effect_comes_back_or_is_listed(record: dict[str, Any], version: str, tmp_path: Any) -> None:
    if (result := imported(record, version)) is None:
        return
    before, listed = record["versions"][version]["options"], {left.option for left in result.left}
    judged = xend_options.judge(rendered(result, tmp_path), version)
    assert judged.verdict == "good"
    for option, value in before.items():
        now = judged.options.get(option)
        asleep = option in NEEDS and not any(before.get(switch) for switch in NEEDS[option])
        if value == now or option in listed or asleep or (option, value, now) in SAME:
            continue
        assert option == "xend-relocation-hosts-allow", (option, value, now)
        for peer, may in record["versions"][version]["relocation_probe"].items():
            address, _, name = peer.partition("=")
            assert judged.may_send(address, name) is may, peer


def test_what_is_listed_is_what_no_variable_can_say(golden: Check) -> None:
    lines = []
    for record in RECORDS:
        if result := imported(record, "4.4"):
            lines += [f"{record['id']} {left}" for left in result.left]
    golden("import/left", "\n".join(lines) + "\n")


def test_passwords_are_nowhere_but_in_their_place() -> None:
    for record in RECORDS:
        for version in xend_options.VERSIONS:
            result = imported(record, version)
            if result and (secret := result.password.reveal()):
                assert secret not in result.values.values()
                assert not [left for left in result.left if secret in left.value], record["id"]
                assert "***" in repr(result)

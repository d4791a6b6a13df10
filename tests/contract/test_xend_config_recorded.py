# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Our judgement of whole xend-config.sxp files agrees with xend 3.2, 3.4, 4.1 and 4.4."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import recorded
from univention_xen.host import xend_options

RECORDS = recorded("xend-config.json")["records"]


@pytest.mark.parametrize("version", xend_options.VERSIONS)
@pytest.mark.parametrize("record", RECORDS, ids=lambda r: f"{r['id']}-{r['note']}")
def test_a_file_is_judged_as_xend_judges_it(record: dict[str, Any], version: str) -> None:
    wanted = record["versions"][version]
    judgement = xend_options.judge(record["text"], version)
    assert judgement.verdict == wanted["verdict"]
    if "error" in wanted:
        assert judgement.error == wanted["error"]
        return
    assert judgement.options == wanted["options"]
    assert judgement.refused == wanted["option_errors"]
    assert judgement.network_command == wanted["network_script_argv"]
    assert bool(judgement.pattern_error) == ("relocation_error" in wanted)
    if "strict" in wanted:
        assert judgement.slips._asdict() == wanted["strict"]
    if judgement.pattern_error:
        return
    assert judgement.patterns == wanted["relocation_patterns"]
    for peer, may in wanted["relocation_probe"].items():
        address, _, name = peer.partition("=")
        assert judgement.may_send(address, name) is may, peer

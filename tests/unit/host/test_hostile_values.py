# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Whatever the registry says, our files stay whole: nothing runs, nothing is added, one sentence says why."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from rendering import EVERYWHERE, HOSTILE, XEND, XENDOMAINS, XL, Recording, options, render, rendered
from univention_xen.host import sxp, xend_options
from univention_xen.settings.everything import Settings

ON = {
    "xen/server/relocation": "yes",
    "xen/server/relocation_ssl": "yes",
    "xen/server/xmlrpc_tcp": "yes",
    "xen/vnc/tls": "yes",
    "xen/vnc/x509/verify": "yes",
    "xen/xmlrpc/ssl_key": "/etc/xen/key",
    "xen/xmlrpc/ssl_cert": "/etc/xen/cert",
}
"""What brings every string into the files."""


def names(template: str, text: str) -> list[str]:
    """The names of all options in a file, as its own reader sees them."""
    if template == XEND:
        judged = xend_options.judge(text, "4.4")
        assert judged.verdict == "good", judged
        return [str(form[0]) for form in sxp.forms(sxp.read(text).values)]
    pattern = r'([a-z_.]+)=(?:[0-9]+|"(?:[^"\\\n]|\\["\\])*")' if template == XL else r"([A-Z_]+)='[^'\n]*'"
    found = [re.fullmatch(pattern, line) for line in options(text)]
    assert all(found), text
    return [match[1] for match in found if match]


def values_of(template: str, text: str) -> dict[str, object]:
    """What a file says, as its own reader sees it."""
    if template == XEND:
        return dict(xend_options.judge(text, "4.4").options)
    return dict(line.split("=", 1) for line in options(text))


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("template", [XEND, XL, XENDOMAINS])
def test_no_value_of_any_variable_breaks_a_file(template: str, hostile: str) -> None:
    registry = Recording(ON)
    text = render(template, registry)[0]
    plain, allowed = values_of(template, text), {*names(template, text), *OPTIONAL}
    for name in sorted(registry.asked):
        registry = Recording(ON | {name: hostile})
        text, warnings = render(template, registry)
        assert text.isascii(), name
        assert "@!@" not in text, name
        assert "@%@" not in text, name
        found = names(template, text)
        assert len(set(found)) == len(found), name
        assert set(found) <= allowed, name
        differing = {k for k, v in values_of(template, text).items() if plain.get(k) != v}
        assert len(differing) <= 8, (name, differing)
        for line in warnings:
            assert line.startswith("W: xen/")
            assert line.isprintable()
            assert len(line) < 600


OPTIONAL = {
    "keymap", "vncpasswd", "xend-relocation-address", "external-migration-tool", "vm.cpumask", "vm.hvm.cpumask",
    "vm.pv.cpumask", "vif.default.backend", "lockfile", "network-script", "blkdev_start",
}  # fmt: skip
"""Options that appear when a hostile value turns out to be a fine one."""


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_a_bad_value_is_reported_in_one_sentence_or_is_a_good_one(hostile: str) -> None:
    for variable in Settings.variables():
        settings, problems = Settings.read({variable.name: hostile})
        mine = [problem for problem in problems if problem.variable == variable.name]
        assert len(mine) <= 1
        if settings.is_default(variable) and hostile.strip():
            assert mine, f"{variable.name} was refused without a word"
            assert variable.name in str(mine[0])
            assert "\n" not in str(mine[0])
            assert len(str(mine[0])) < 600


@pytest.mark.parametrize("hostile", [*HOSTILE.values(), "geheim!", "ge'heim"], ids=[*HOSTILE, "plain", "quote"])
def test_a_secret_is_never_shown(hostile: str, tmp_path: Path) -> None:
    secret = hostile.strip() + "S3cr3t"
    (tmp_path / "pw").write_text(secret + "\n", encoding="utf-8", errors="surrogateescape")
    (tmp_path / "pw").chmod(0o600)
    for values in ({"xen/vnc/password": secret}, {"xen/vnc/passwordfile": "/pw"}):
        _, warnings = render(XEND, Recording(values, tmp_path))
        assert "S3cr3t" not in "".join(warnings)
        settings, problems = Settings.read(values)
        assert "S3cr3t" not in f"{settings} {settings!r} {problems} {[str(problem) for problem in problems]}"


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_a_password_file_cannot_break_out_either(hostile: str, tmp_path: Path) -> None:
    (tmp_path / "pw").write_text(hostile + "\n", encoding="utf-8", errors="surrogateescape", newline="")
    (tmp_path / "pw").chmod(0o600)
    values = {"xen/vnc/passwordfile": "/pw", "xen/vnc/listen": EVERYWHERE}
    text, warnings = render(XEND, Recording(values, tmp_path))
    judged = xend_options.judge(text, "3.2")
    assert judged.verdict == "good"
    assert judged.options["xend-http-server"] is False
    first_line = hostile.split("\n")[0].strip()
    if judged.options["vncpasswd"] is None:
        assert judged.options["vnc-listen"] == "127.0.0.1", "no password: nothing for the network to see"
        assert warnings
    else:
        assert judged.options["vncpasswd"] == first_line[:19]
        assert judged.options["vnc-listen"] == EVERYWHERE


def test_the_shell_file_says_what_it_says() -> None:
    for hostile in HOSTILE.values():
        for name in ("auto", "save", "migrate"):
            for line in options(rendered(XENDOMAINS, {f"xen/xendomains/{name}": hostile})):
                (word,) = shlex.split(line)
                assert re.fullmatch(r"XENDOMAINS_[A-Z_]+=(/[A-Za-z0-9/]+|true|300|)", word), word

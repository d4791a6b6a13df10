# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What the toolstacks print is understood, and names mean nothing but guests."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import recorded
from univention_xen.errors import UsageError, XenError
from univention_xen.toolstack import libvirt, xl
from univention_xen.toolstack.domain import Domain, guest_name, host_name

HEADING = "Name                                        ID   Mem VCPUs\tState\tTime(s)\n"


def test_the_list_of_xl() -> None:
    assert xl.parse_list(recorded("xl-list-4.17-three-guests.txt")) == [
        Domain("Domain-0", 0, "running", 1024, 2, 168.0),
        Domain("pv", 1, "running", 128, 1, 10.9),
        Domain("pvh", 2, "running", 128, 1, 24.1),
        Domain("hvm", 3, "running", 64, 1, 0.9),
    ]


@pytest.mark.parametrize(
    ("letters", "state"),
    [("r-----", "running"), ("-b----", "running"), ("------", "running"), ("--p---", "paused"), ("---s--", "shut down"),
     ("----c-", "crashed"), ("--p--d", "dying"), ("---s-d", "dying"), ("--psc-", "crashed"),
     ("---ss-", "suspended"), ("---sr-", "shut down"), ("---sw-", "crashed"), ("---s?-", "shut down")],
)  # fmt: skip
def test_the_most_telling_letter_is_the_state(letters: str, state: str) -> None:
    line = f"web                                          7   256     1     {letters}      10.9\n"
    assert xl.parse_list(HEADING + line)[0].state == state


def test_names_may_hold_blanks_and_be_long_or_null() -> None:
    long = "a" * 60
    lines = (
        "two words                                    3   256     1     -b----       1.0\n"
        f"{long}     4   256     1     -b----       1.0\n"
        "(null)                                       5     0     1     --p--d       1.0\n"
    )
    assert [each.name for each in xl.parse_list(HEADING + lines)] == ["two words", long, "(null)"]


def test_a_guest_that_xend_keeps_has_neither_number_nor_state() -> None:
    line = "winxp                                            512     1                 0.0\n"
    assert xl.parse_list(HEADING + line) == [Domain("winxp", None, "off", 512, 1, 0.0)]


@pytest.mark.parametrize("line", ["nonsense", "web 1 256", "web  1  256  1  xyz---  1.0"])
def test_another_line_is_refused(line: str) -> None:
    with pytest.raises(XenError, match="cannot be understood"):
        xl.parse_list(HEADING + line + "\n")


@given(st.text())
def test_no_list_is_a_surprise(text: str) -> None:
    for parse in (xl.parse_list, libvirt.parse_list):
        with contextlib.suppress(XenError):
            parse(text)


def test_the_list_of_virsh() -> None:
    text = (
        " Id   Name          State\n------------------------------\n"
        " 1    test          running\n 12   two words     paused\n -    old           shut off\n\n"
    )
    assert libvirt.parse_list(text) == [
        Domain("test", 1, "running"), Domain("two words", 12, "paused"), Domain("old", None, "off"),
    ]  # fmt: skip
    with pytest.raises(XenError):
        libvirt.parse_list(text + " what is this\n")


@pytest.mark.parametrize("name", ["-a", "--all", "", "7", "a/b", "../x", " a", "a\n", "a\0b", "a\tb"])
def test_a_name_is_no_option_number_or_path(name: str) -> None:
    with pytest.raises(UsageError):
        guest_name(name)


@pytest.mark.parametrize("name", ["web", "web-1", "a b", "7a", "Größe", "x.y:z+"])
def test_a_name_is_taken_as_it_is(name: str) -> None:
    assert guest_name(name) == name


@pytest.mark.parametrize("host", ["-oProxyCommand=id", "a b", "a;b", "$(id)", "a@-b", "", "a@b@c", "a/b", "a\n", "h-"])
def test_a_host_is_nothing_but_a_host(host: str) -> None:
    with pytest.raises(UsageError):
        host_name(host)


@pytest.mark.parametrize("host", ["xen2", "root@xen2.example.org", "192.0.2.1", "2001:db8::1"])
def test_hosts(host: str) -> None:
    assert host_name(host) == host


@pytest.mark.parametrize("uri", ["xen", "-c", "x y:", "test:///a b", ""])
def test_a_uri_is_a_uri(uri: str) -> None:
    with pytest.raises(UsageError):
        libvirt.Libvirt(uri)

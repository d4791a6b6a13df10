# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The lines of the file that says how GRUB starts Xen."""

from __future__ import annotations

import pytest

from conftest import Check
from rendering import GRUB, Recording, options, render
from univention_xen.settings.boot import Memory, memory
from univention_xen.settings.everything import Settings

CASES: dict[str, dict[str, str]] = {
    "default": {},
    "everything": {
        "xen/grub/default": "linux",
        "xen/grub/timeout": "7",
        "xen/hypervisor/cmdline": "loglvl=all  guest_loglvl=all",
        "xen/dom0/memory": "2048M",
        "xen/dom0/vcpus": "1-4",
        "xen/dom0/cmdline": "earlyprintk=xen",
        "xen/serial/console": "com1",
        "grub/xenhopt": "ucode=scan",
        "gdm/autostart": "yes",
    },
    "bounds": {"xen/grub/default": "keep", "xen/dom0/memory": "min:1G,max:4G", "xen/dom0/vcpus": "2"},
    "odd": {
        "xen/grub/default": "windows",
        "xen/grub/timeout": "-1",
        "xen/hypervisor/cmdline": "noreboot; rm -rf /",
        "xen/dom0/memory": "2048",
        "xen/dom0/vcpus": "4-1",
        "xen/dom0/cmdline": "init='/bin/sh'",
        "xen/serial/console": "ttyS0",
        "grub/xenhopt": "$(id)",
        "gdm/autostart": "@!@print(1)@!@",
    },
}


@pytest.mark.parametrize("case", CASES)
def test_the_file_says_what_the_registry_says(case: str, golden: Check) -> None:
    text, warnings = render(GRUB, Recording(CASES[case]))
    computed = [line for line in options(text) if not line.startswith(("\t", "univention_xen_entry", "if", "elif"))]
    golden(f"grub/{case}.cfg", "\n".join(computed[: computed.index("univention_xen_newest() {") - 1]) + "\n")
    golden(f"grub/{case}.stderr", "\n".join([*warnings, ""]))


def test_the_whole_file_is_as_it_was_agreed(golden: Check) -> None:
    golden("grub/whole.cfg", render(GRUB, Recording(CASES["everything"]))[0])


@pytest.mark.parametrize(
    ("text", "wanted", "shown"),
    [
        ("2G", Memory(2048), "2G"),
        ("2048m", Memory(2048), "2G"),
        ("1536M", Memory(1536), "1536M"),
        ("1T", Memory(1048576), "1T"),
        ("min:1G,max:4G", Memory(0, 1024, 4096), "min:1G,max:4G"),
        ("max:4G,2G,min:512M", Memory(2048, 512, 4096), "2G,min:512M,max:4G"),
        ("max:1G", Memory(0, 0, 1024), "max:1G"),
    ],
)
def test_amounts_of_memory(text: str, wanted: Memory, shown: str) -> None:
    assert memory(text) == wanted
    assert str(wanted) == shown
    assert memory(shown) == wanted


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2048", "unit"),
        ("0G", "unit"),
        ("2 G", "unit"),
        ("2G,", "unit"),
        ("1G,2G", "names the size twice"),
        ("min:1G,min:2G", "names min twice"),
        ("min:4G,max:1G", "above"),
        ("4G,max:1G", "above"),
        ("64M", "too little"),
        ("min:64M,max:1G", "too little"),
    ],
)
def test_amounts_that_make_no_sense(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        memory(text)


@pytest.mark.parametrize("port", ["com1", "com2", "com1,9600", "com2,115200"])
def test_a_serial_port_means_the_same_when_it_is_read_again(port: str) -> None:
    variable = Settings.serial_console
    first = variable.parse(port)
    assert variable.parse(variable.show(first)) == first


def test_what_is_dangerous_is_told() -> None:
    def problems(**values: str) -> list[str]:
        return [str(problem) for problem in Settings.read({k.replace("__", "/"): v for k, v in values.items()})[1]]

    (scanty,) = problems(xen__dom0__memory="256M")
    assert "less than 512M" in scanty
    (twice,) = problems(xen__dom0__memory="2G", xen__hypervisor__cmdline="dom0_mem=1G")
    assert "takes the place of xen/dom0/memory" in twice
    (twice,) = problems(xen__dom0__vcpus="2", xen__hypervisor__cmdline="x dom0_max_vcpus=1 y")
    assert "takes the place of xen/dom0/vcpus" in twice
    (long,) = problems(xen__dom0__cmdline="x" * 1025)
    assert "longer than 1024" in long
    assert problems(xen__hypervisor__cmdline="dom0_mem=1G dom0_max_vcpus=1") == []

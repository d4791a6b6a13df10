# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Settings for which xl 4.17 takes only certain words and refuses the whole file otherwise (seen by running it)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from univention_xen.guest.words import Value

WORDS = {
    "timer_mode": (
        "0", "1", "2", "3", "delay_for_missed_ticks", "no_delay_for_missed_ticks", "no_missed_ticks_pending",
        "one_missed_tick_pending",
    ),
    "tsc_mode": ("0", "1", "2", "3", "default", "always_emulate", "native", "native_paravirt"),
    "vga": ("stdvga", "cirrus", "none", "qxl"),
    "bios": ("rombios", "seabios", "ovmf"),
    "device_model_version": ("qemu-xen", "qemu-xen-traditional"),
    "hdtype": ("ide", "ahci"),
    "ms_vm_genid": ("generate", "none"),
}  # fmt: skip
"""Names and the only words that may stand there."""

PATTERNS = {
    "pci": re.compile(
        r"(?:[0-9a-fA-F]{1,4}:)?[0-9a-fA-F]{1,2}:[0-9a-fA-F]{1,2}\.(?:[0-7]|\*)(?:@[0-9a-fA-F]+)?(?:,.*)?"
    ),
    "ioports": re.compile(r"[0-9a-fA-F]+(?:-[0-9a-fA-F]+)?"),
    "irqs": re.compile(r"[0-9]+"),
    "vtpm": re.compile(r"(?:uuid=[^,]*,)?backend=[^,]*(?:,uuid=[^,]*)?"),
}
"""Lists and what each element must look like."""

CPUS = re.compile(r"\^?(?:nodes?:)?(?:all|[0-9]+(?:-[0-9]+)?)")
HVM_ONLY = ("vga", "bios", "hdtype", "ms_vm_genid")


def problem(name: str, value: Value, kind: str) -> str:
    """Return why xl refuses a guest of that kind with this setting, as a sentence; '' when it does not."""
    if name in HVM_ONLY and kind != "hvm":
        return ""
    if name == "timer_mode" and kind == "pv":
        return "timer_mode is not possible for a paravirtualised guest"
    if name in WORDS and not isinstance(value, list) and str(value) not in WORDS[name]:
        return f"{name} is “{value}”, and xl knows only {', '.join(WORDS[name])}"
    if name in PATTERNS and isinstance(value, list):
        for item in value:
            if not isinstance(item, list) and not PATTERNS[name].fullmatch(str(item)):
                return f"xl cannot read “{item}” in {name}"
    if name == "cpus" and isinstance(value, str):
        for part in value.split(","):
            if not CPUS.fullmatch(part.strip()):
                return f"xl cannot read “{part}” in cpus"
    return ""

# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The examples in /usr/share/doc/univention-xen/examples: what `guest create` writes, without addresses of cards."""

from __future__ import annotations

from typing import NamedTuple

from univention_xen.guest.model import Disk, Guest, Vif, Vnc
from univention_xen.guest.render import KINDS, SHIPPED, render
from univention_xen.settings.network import Network
from univention_xen.settings.vnc import Vnc as VncSettings

CARD = (Vif(bridge=Network.bridge_name.default),)
SCREEN = Vnc(on=True, listen=VncSettings.vnc_listen.default)
CREATE = "univention-xen guest create"
FOLLOWS = {"vnclisten": VncSettings.vnc_listen.name, "vif": Network.bridge_name.name}
NO_ADDRESS = """\
# The network card has no address here, so that each start gives it another one: add mac=00:16:3e:… to keep one.
# The command chooses an address that no other guest has."""


class Example(NamedTuple):
    """A guest, the command that makes such a one, and the template that writes it."""

    guest: Guest
    command: str
    kind: str


def linux(name: str, kind: str, **more: str) -> Guest:
    """Return an example of a Linux with one disk and one card."""
    disks = (Disk(f"/var/lib/xen/{name}/disk1.img", "xvda"),)
    given = {"on_crash": "restart"} | more
    return Guest(name, kind, 1024, 1024, disks=disks, vifs=CARD, **given)  # type: ignore[arg-type]


EXAMPLES = {
    "basis-vmx": Example(
        Guest(
            "basis-vmx", "hvm", 1024, 1024,
            disks=(
                Disk("/var/lib/xen/basis-vmx/disk1.img", "hda"),
                Disk("/var/lib/xen/windows.iso", "hdc", "r", cdrom=True),
            ),
            vifs=CARD, boot="cd", vnc=SCREEN, on_crash="restart",
        ),
        f"{CREATE} basis-vmx --type hvm --disk 8G --cdrom /var/lib/xen/windows.iso --nic --vnc", "hvm",
    ),
    "pv": Example(
        linux("pv", "pv", bootloader="pygrub"), f"{CREATE} pv --type pv --bootloader pygrub --disk 8G --nic", "pv"
    ),
    "pvh": Example(
        linux("pvh", "pvh", kernel="/vmlinuz", ramdisk="/initrd.img", cmdline="root=/dev/xvda1 ro console=hvc0"),
        f"{CREATE} pvh --type pvh --disk 8G --nic --kernel /vmlinuz --initrd /initrd.img"
        " --cmdline 'root=/dev/xvda1 ro console=hvc0'", "pvh",
    ),
    "pv-install": Example(
        linux(
            "pv-install", "pv", kernel="/vmlinuz", ramdisk="/var/lib/xen/installer.initrd", cmdline="console=hvc0",
            on_reboot="destroy", on_crash="destroy",
        ),
        f"{CREATE} pv-install --type pv-install --disk 8G --nic --kernel /vmlinuz"
        " --initrd /var/lib/xen/installer.initrd", "pv-installer",
    ),
}  # fmt: skip
"""By the name of the file, which is that of the guest; basis-vmx is what the Xen guide calls its Windows."""


def text(name: str, directories: tuple[str, ...] = SHIPPED[1:]) -> str:
    """Return the file NAME.cfg; the templates are the package's own."""
    example = EXAMPLES[name]
    tags = {key: variable for key, variable in FOLLOWS.items() if key != "vnclisten" or example.guest.vnc.on}
    file = render(example.guest, template=KINDS[example.kind], tags=tags, directories=directories)
    return f"# Such a guest is made by:\n#   {example.command}\n{NO_ADDRESS}\n\n{file}"

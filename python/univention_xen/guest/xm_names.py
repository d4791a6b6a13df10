# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""What becomes of xm's settings when the guest moves to xl."""

from __future__ import annotations

from univention_xen.guest.words import names_in

KNOWN = names_in("""
    acpi acpi_firmware access_control actmem apic blkif boot bootargs bootentry bootloader builder cpu cpu_cap
    cpu_weight cpuid cpuid_check cpus description device_model dhcp disk display extid extra fda fdb features
    gateway gfx_passthru guest_os_type hap hostname hpet interface ioports ip irq isa kernel keymap loader
    localtime machine_address_size maxmem maxvcpus memory memory_sharing monitor monitor_path name nestedhvm
    netif netmask nfs_root nfs_server nics nographic nomigrate on_crash on_poweroff on_reboot on_xend_start
    on_xend_stop oos opengl pae parallel pci pci_msitranslate pci_power_mgmt pool ramdisk restart root
    rtc_timeoffset s3_integrity sdl serial shadow_memory smbios_firmware soundhw stdvga superpages
    suppress_spurious_page_faults target timer_mode tpmif tsc_mode usb usbdevice uuid vcpu_avail vcpus vfb
    vhpt videoram vif vif2 viridian vnc vncconsole vncdisplay vnclisten vncpasswd vncunused vncviewer
    vpt_align vscsi vtpm vusb watchdog watchdog_action xauthority xen_extended_power_mgmt xen_platform_pci
    xenpaging_extra xenpaging_file
""")
"""Names that some xm from 3.2 to 4.4 reads."""

SCREEN = (
    "vnc",
    "vnclisten",
    "vncdisplay",
    "vncunused",
    "vncpasswd",
    "sdl",
    "opengl",
    "display",
    "xauthority",
    "nographic",
)
"""Settings that xm reads for fully virtualised guests only; xl makes a screen of some of them for any guest."""

COMMANDLINE = ("root", "extra", "ip", "dhcp", "gateway", "netmask", "hostname", "interface", "nfs_server", "nfs_root")
"""What xm puts together to the kernel's command line."""

RENAMED = {"irq": "irqs", "cpu_cap": "cap"}
"""Settings that xl knows by another name and reads in the same way."""

GONE = {
    "access_control": "security labels of xend do not exist in xl; its own are set with seclabel",
    "actmem": "xl cannot swap the memory of guests",
    "bootentry": "xm had given it up for bootargs already",
    "blkif": "driver domains are declared with driver_domain=1",
    "netif": "driver domains are declared with driver_domain=1",
    "tpmif": "driver domains are declared with driver_domain=1",
    "cpuid_check": "xl does not check cpuid",
    "description": "xl keeps no description",
    "device_model": "xl starts the QEMU of its own host",
    "extid": "xl knows the setting as viridian",
    "fda": "xl has no floppy drives",
    "fdb": "xl has no floppy drives",
    "features": "xl asks the kernel itself for its features",
    "guest_os_type": "xl does not ask for the guest's system",
    "isa": "xl has no machine without PCI",
    "loader": "xl uses the firmware of its own host",
    "memory_sharing": "xl cannot share memory",
    "monitor": "xl gives no access to QEMU's monitor",
    "monitor_path": "xl gives no access to QEMU's monitor",
    "parallel": "xl has no parallel port",
    "on_xend_start": "no daemon starts guests any more: a link in /etc/xen/auto does",
    "on_xend_stop": "no daemon stops guests any more: the service xendomains does",
    "s3_integrity": "xl does not check memory after S3",
    "superpages": "xl chooses the size of pages itself",
    "target": "xl has no stub domains written as guests",
    "vcpu_avail": "xl brings up as many processors as vcpus says",
    "vhpt": "the setting is for Itanium",
    "vscsi": "xl 4.17 cannot pass SCSI devices",
    "vusb": "xl has usbctrl and usbdev",
    "vncconsole": "a viewer is started by hand",
    "vncviewer": "a viewer is started by hand or with xl create -V",
    "watchdog": "xl has no watchdog device",
    "watchdog_action": "xl has no watchdog device",
    "vif2": "netchannel2 cards do not exist any more",
    "xenpaging_file": "xl has no paging",
    "cpu": "xl knows only cpus",
    "xenpaging_extra": "xl has no paging",
    "xen_extended_power_mgmt": "xl does not know it",
    "machine_address_size": "xl does not know it",
    "suppress_spurious_page_faults": "xl does not know it",
    "nics": "each network card is written down in vif",
    "restart": "on_poweroff, on_reboot and on_crash say the same",
    "bootargs": "xl knows the setting as bootloader_args",
    "builder": "xl knows the setting as type",
}
"""Settings that xl ignores or, worse, complains about, and what to know about each."""

QUIET = frozenset(["device_model", "loader"])
"""Settings whose loss makes no difference to the guest."""

DEFAULTS = {
    "type": "xl wants to know the kind of the guest",
    "name": "xm took the name of the file when there was none",
    "memory": "xm gave 128 MiB when the file named none, xl gives 32",
    "vnc": "xm opened no VNC unless told to, xl does",
    "boot": "xm booted from the hard disk when nothing else was said, xl tries a floppy drive and the CD as well",
    "on_crash": "xm restarted a crashed guest when nothing else was said, xl destroys it",
    "on_reboot": "the old setting restart is now three settings",
    "on_poweroff": "the old setting restart is now three settings",
    "bootloader": "xend fell back to pygrub for a guest without a kernel, xl does not",
    "bootloader_args": "xm told the boot loader not to ask (-q); without this line it shows its menu on the console",
    "cmdline": "xm put it together from several settings",
    "cpus": "xl knows only cpus",
    "viridian": "xl knows the setting by this name",
}
"""Why a line is added that the old file does not have."""

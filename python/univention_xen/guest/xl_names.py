# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The names that xl 4.17 looks for in a guest file, by what it wants to find there (seen by watching it)."""

from __future__ import annotations

from univention_xen.guest.words import names_in

NUMBERS = names_in("""
    acpi altp2m cap claim_mode cpu_weight device_model_stubdomain_override dm_restrict driver_domain extratime
    hap latency localtime max_event_channels max_grant_frames max_maptrack_frames maxmem maxvcpus memory
    msr_relaxed nestedhvm nomigrate oos opengl pci_msitranslate pci_permissive pci_power_mgmt pci_seize period
    rtc_timeoffset sdl shadow_memory slice stubdomain_memory vcpus videoram vmtrace_buf_kb vnc vncdisplay
    vncunused vncviewer vpmu xend_suspend_evtchn_compat
""")
TEXTS = names_in("""
    bootloader builder cmdline device_model device_model_override device_model_stubdomain_seclabel
    device_model_user device_model_version device_tree display extra firmware gic_version init_seclabel kernel
    name on_crash on_poweroff on_reboot on_soft_reset on_watchdog passthrough pool ramdisk rdm root seclabel
    stubdomain_cmdline stubdomain_kernel stubdomain_ramdisk tee type uuid vnclisten vncpasswd vuart xauthority
    keymap
""")
LISTS = names_in("""
    channel cpuid device_model_args device_model_args_hvm device_model_args_pv disk dtdev iomem ioports irqs
    p9 pci pvcalls usbctrl usbdev vdispl vfb vif vif2 vkb vnuma vsnd vtpm
""")
EITHER = names_in("bootloader_args cpus cpus_soft max_grant_version timer_mode tsc_mode")
"""Lists or texts, numbers or texts."""

HVM_NUMBERS = names_in("""
    acpi_laptop_slate acpi_s3 acpi_s4 altp2mhvm apic hpet mmio_hole nographic nx pae rdm_mem_boundary spice
    spice_clipboard_sharing spiceagent_mouse spicedisable_ticketing spiceport spicetls_port
    spiceusbredirection spicevdagent stdvga usb usbversion vkb_device vpt_align xen_platform_pci
""")
HVM_TEXTS = names_in("""
    acpi_firmware bios bios_path_override boot firmware_override hdtype ms_vm_genid smbios_firmware soundhw
    spice_image_compression spice_streaming_video spicehost spicepasswd vendor_device vga
""")
HVM_EITHER = names_in("gfx_passthru mca_caps serial usbdevice viridian")
PV_ONLY = frozenset(["e820_host"])
PVH_ONLY = names_in("pvshim pvshim_cmdline pvshim_extra pvshim_path")

EVERYWHERE = NUMBERS | TEXTS | LISTS | EITHER
KNOWN = {
    "pv": EVERYWHERE | PV_ONLY,
    "pvh": EVERYWHERE | PVH_ONLY,
    "hvm": EVERYWHERE | HVM_NUMBERS | HVM_TEXTS | HVM_EITHER,
}
"""What xl asks for, by the kind of guest; every other name is ignored without a word."""

ONLY_XL = names_in("""
    bios bootloader_args channel cmdline cpus_soft device_model_override device_model_version dm_restrict firmware
    firmware_override max_grant_frames passthrough pvshim seclabel spice type usbctrl usbdev vga
""")
"""Names that no xm ever knew (3.2 … 4.4): they show that a file was written for xl."""

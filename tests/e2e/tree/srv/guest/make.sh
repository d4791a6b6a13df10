#!/bin/sh
# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
# Builds, in the Dom0's tree, what the guests start from: the Dom0's own kernel, a small initrd, a disk for HVM.
set -eu
cd /srv/guest
for modules in /lib/modules/*; do kernel=${modules##*/}; done # the newest, should there be two
ln -sf "/boot/vmlinuz-$kernel" vmlinuz

root=$(mktemp -d)
mkdir -p "$root/bin" "$root/sbin" "$root/modules" "$root/proc" "$root/sys" "$root/dev"
cp "$(command -v busybox)" "$root/bin/busybox"
cp init "$root/init"
for module in xen-netfront xen-blkfront; do
	modprobe --set-version "$kernel" --show-depends "$module" | while read -r _ file _; do
		cp -n "$file" "$root/modules/"
	done
done
(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >initrd
rm -rf "$root"

# A boot sector that writes one sentence to the first serial port and halts:
# cld; xor ax,ax; mov ds,ax; mov si,0x7c20; mov dx,0x3f8; next: lodsb; test al,al; jz halt; out dx,al; jmp next; halt: hlt; jmp halt
{
	printf '\374\061\300\216\330\276\040\174\272\370\003\254\204\300\164\003\356\353\370\364\353\375'
	printf '%010d' 0
	printf 'BOOT SECTOR SPEAKING\r\n\000'
} >sector
truncate -s 510 sector
printf '\125\252' >>sector
truncate -s 1M disk.raw
dd if=sector of=disk.raw conv=notrunc status=none
rm sector

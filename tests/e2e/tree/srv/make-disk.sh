#!/bin/sh
# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
# Runs in mmdebstrap's namespace, not in the tree: makes $1/media/disk.qcow2, a partitioned disk of $2 MiB, of the tree $1.
set -eu
tree=$1 size=$2 raw=$1/media/disk.raw
truncate -s "${size}M" "$raw"
echo 'start=1MiB, type=83, bootable' | /sbin/sfdisk --quiet --label dos "$raw"
export tree size raw
# The bind mount is private and not recursive: mke2fs sees the tree without /proc and /sys.
# The empty tmpfs hides the image from itself.
# shellcheck disable=SC2016 # the inner shell expands
unshare --mount --propagation private sh -eu -c '
	mount --bind "$tree" /mnt
	mount -t tmpfs none /mnt/media
	/sbin/mke2fs -q -F -t ext4 -L dom0 -E offset=1048576,lazy_itable_init=0,lazy_journal_init=0 \
		-d /mnt "$raw" "$(((size - 1) * 1024))"'
qemu-img convert -O qcow2 "$raw" "$tree/media/disk.qcow2"
rm "$raw"

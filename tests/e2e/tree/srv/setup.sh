#!/bin/sh
# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
# Runs once inside the new tree: installs the packages with apt, builds the guests' files, cuts the network off.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

rm -f /etc/dpkg/dpkg.cfg.d/99mmdebstrap # from here on nothing of a package is left out
if ls /srv/debs/*.deb >/dev/null 2>&1; then
	apt-get install -y --no-install-recommends /srv/debs/*.deb
else
	apt-get install -y --no-install-recommends xen-system-amd64 qemu-system-xen
fi
sh /srv/guest/make.sh
gzip -dc /boot/xen-[0-9]*-amd64.gz >/srv/xen # QEMU takes it as a multiboot image, uncompressed

# Timers would wake up in the middle of a test, and differently each time.
for timer in apt-daily apt-daily-upgrade dpkg-db-backup e2scrub_all e2scrub_reap fstrim man-db; do
	systemctl mask "$timer.timer" >/dev/null 2>&1
done
systemctl mask e2scrub_reap.service >/dev/null 2>&1
rm /usr/sbin/policy-rc.d # was there to keep everything stopped while the tree was made

# From now on apt knows local files only: nothing about a mirror stays in the image.
mkdir /srv/archives && mv /var/cache/apt/archives/*.deb /srv/archives/ # kept outside for the next build
apt-get clean
rm -rf /var/lib/apt/lists/* /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/apt/apt.conf.d/99mmdebstrap
: >/etc/resolv.conf
sync

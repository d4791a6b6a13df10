/* SPDX-FileCopyrightText: 2026 Univention GmbH
 * SPDX-License-Identifier: AGPL-3.0-only
 *
 * Loaded before the libraries of xl, this lets "xl create -n" read guest files on a machine without a hypervisor:
 * it answers the few questions that xl asks Xen and xenstore before it parses, as if the host had eight processors.
 */
#include <stdlib.h>
#include <string.h>

static void *handle(void)
{
	return calloc(1, 4096);
}

void *xc_interface_open(void *logger, void *dombuild_logger, unsigned flags)
{
	(void)logger, (void)dombuild_logger, (void)flags;
	return handle();
}

int xc_interface_close(void *xch)
{
	(void)xch;
	return 0;
}

int xc_version(void *xch, int what, void *answer)
{
	static const size_t size[] = {0, 16, 64, 1024, 64, 8, 8};

	(void)xch;
	if (what == 0)
		return 4 << 16 | 17;
	if (answer && what > 0 && what < (int)(sizeof(size) / sizeof(*size)))
		memset(answer, 0, size[what]);
	return 0;
}

int xc_get_max_cpus(void *xch)
{
	(void)xch;
	return 8;
}

int xc_get_max_nodes(void *xch)
{
	(void)xch;
	return 1;
}

int xc_numainfo(void *xch, unsigned *nodes, void *memory, unsigned *distance)
{
	(void)xch, (void)memory, (void)distance;
	if (nodes)
		*nodes = 1;
	return 0;
}

int xc_cputopoinfo(void *xch, unsigned *cpus, void *topology)
{
	(void)xch;
	if (cpus)
		*cpus = 8;
	if (topology)
		memset(topology, 0, 8 * 3 * sizeof(unsigned));
	return 0;
}

int libxl_get_physinfo(void *ctx, void *info)
{
	(void)ctx, (void)info;
	return 0;
}

void *xs_open(unsigned long flags)
{
	(void)flags;
	return handle();
}

void xs_close(void *xsh)
{
	(void)xsh;
}

void *xs_read(void *xsh, unsigned transaction, const char *path, unsigned *length)
{
	(void)xsh, (void)transaction, (void)path, (void)length;
	return NULL;
}

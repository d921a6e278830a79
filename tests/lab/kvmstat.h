/* SPDX-License-Identifier: GPL-2.0 */
/* A counter of all VMs, as kvm_stat reads it. */
#ifndef BACKPLANE_TESTS_LAB_KVMSTAT_H
#define BACKPLANE_TESTS_LAB_KVMSTAT_H

#include <stdio.h>
#include <stdlib.h>

/* -1: there is none of that name. */
static inline long kvm_stat(const char *name)
{
	char path[120], line[32] = "-1";
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%s", name);
	f = fopen(path, "r");
	if (f) {
		if (!fgets(line, sizeof(line), f))
			line[0] = 0;
		fclose(f);
	}
	return atol(line);
}

#endif

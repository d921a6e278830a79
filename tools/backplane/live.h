/* SPDX-License-Identifier: GPL-2.0 */
/*
 * live: what status and top show: VMs (processes that hold a kvm-vm
 * descriptor), cards, counters of the hypervisor and of the IOMMU. A snapshot;
 * rates are the difference of two. Without root only the caller's own VMs are
 * seen and the hypervisor's counters are not (exits_known).
 */
#ifndef BACKPLANE_TOOL_LIVE_H
#define BACKPLANE_TOOL_LIVE_H

#include "tools/backplane/facts.h"
#include "tools/backplane/out.h"

#define LIVE_VMS 64
#define LIVE_CARDS 128
#define LIVE_EXITS 24
#define LIVE_IOMMUS 16

struct vm_seen {
	uint64_t pid, pinned_kb, rss_kb;
	char name[32];
	unsigned int vcpus;
};

struct counter {
	char name[32];
	uint64_t value;
};

struct live {
	uint64_t at_ms;
	struct vm_seen vm[LIVE_VMS];
	size_t vms;
	char bdf[LIVE_CARDS][BDF_TEXT];
	struct card card[LIVE_CARDS];
	size_t cards;
	bool exits_known;
	struct counter exits[LIVE_EXITS];
	size_t exit_count;
	char iommu[LIVE_IOMMUS][16];
	struct counter events[LIVE_IOMMUS * 3];	/* "amdvi0 faults" ... */
	size_t event_count;
	bool core, svm, assign, iommu_amd;
};

void live_read(struct live *l);
/* Per second, 0 when time stood still or the counter went back. */
double live_rate(uint64_t before, uint64_t after, uint64_t ms);
void live_print(FILE *f, const struct live *l, const struct live *before);
void live_json(struct json *j, const struct live *l, const struct live *before);

#endif

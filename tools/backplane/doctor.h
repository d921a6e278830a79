/* SPDX-License-Identifier: GPL-2.0 */
/*
 * doctor: is this machine ready, point by point, each with its fix. The facts
 * are gathered by doctor_read(); doctor_judge() is pure.
 */
#ifndef BACKPLANE_TOOL_DOCTOR_H
#define BACKPLANE_TOOL_DOCTOR_H

#include "tools/backplane/facts.h"

enum level { LEVEL_OK, LEVEL_NOTE, LEVEL_WARN, LEVEL_FAIL };

struct check {
	const char *name;
	enum level level;
	char what[300];
	char fix[300];
};

#define DOCTOR_CHECKS 16

struct health {
	bool amd, svm, npt, la57, sme_on;
	bool ivrs;
	char cmdline[1024];
	char modules[512];	/* " kvm kvm_amd ... " as in /proc/modules */
	char lockdown[64];
	bool kept_out;		/* a modprobe.d line blacklists kvm_amd */
	bool dev_kvm, dev_kvm_usable;
	uint64_t memlock;	/* bytes; UINT64_MAX = no limit */
	bool memlock_exempt;	/* the caller may pin without limit */
	uint64_t need;		/* bytes of guest RAM asked about, 0 = not */
	char direct_ranges[200];	/* groups with firmware's own ranges */
	unsigned int functions, in_groups, direct_irqs;
	unsigned int quarantined, broken;
	bool root;
};

void doctor_read(struct health *h, const struct machine *m, uint64_t need);
size_t doctor_judge(const struct health *h, const struct machine *m,
		    struct check out[DOCTOR_CHECKS]);
const char *level_name(enum level l);

/* Is @word one of the blank-separated words of @text? */
bool has_word(const char *text, const char *word);
/* "4G", "512M", "1048576": bytes; false when it is no size. */
bool size_parse(const char *text, uint64_t *bytes);

#endif

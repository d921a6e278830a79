/* SPDX-License-Identifier: GPL-2.0 */
/*
 * verdict: may a function be given to a VM, and if not, why and what to do.
 * Pure: looks only at facts. The kernel decides in the end; these are its
 * rules said beforehand (pci-assign/README.md), and those of prudence.
 */
#ifndef BACKPLANE_TOOL_VERDICT_H
#define BACKPLANE_TOOL_VERDICT_H

#include "tools/backplane/facts.h"

enum verdict_code {
	VERDICT_ASSIGNABLE,
	VERDICT_BOUND,		/* pci-assign has it, it works */
	VERDICT_CUT_OFF,	/* pci-assign has it: quarantined or broken */
	VERDICT_IN_USE,		/* the host uses it; --force overrides */
	VERDICT_GROUP,		/* others of its group are in the way */
	VERDICT_BRIDGE,
	VERDICT_NO_IOMMU,
	VERDICT_DIRECT_IRQS,
};

struct verdict {
	enum verdict_code code;
	char why[400];
	char fix[400];		/* commands or words; "" = nothing to do */
};

void verdict_of(const struct machine *m, const struct fn *f,
		struct verdict *v);
/* One word for tables and JSON: "assignable", "bound", ... */
const char *verdict_name(enum verdict_code code);
/* Members of f's group other than itself that must go with it (no bridges). */
size_t verdict_companions(const struct machine *m, const struct fn *f,
			  const struct fn **out, size_t max);

#endif

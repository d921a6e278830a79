/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bind: moving functions to pci-assign and back. A former driver is kept in
 * /run/backplane/<bdf> (a binding does not outlive the boot either); release
 * gives the function back to it.
 */
#ifndef BACKPLANE_TOOL_BIND_H
#define BACKPLANE_TOOL_BIND_H

#include "tools/backplane/facts.h"

#define BIND_MAX 32

struct bind_wish {
	char bdf[BDF_TEXT];
	char owner[80];		/* "user", "user:group", ":group" or "" */
	bool group;		/* all of its IOMMU group */
	bool force;		/* although the host uses it */
};

/*
 * 0 or one of the exit codes of cmd.h, with a line in @why that says what,
 * why, how to fix. On a refusal nothing has changed; on a failure half way
 * all functions are given back.
 */
int bind_card(const struct machine *m, const struct bind_wish *w, char *why,
	      size_t size);
/* With @group all of its IOMMU group that is bound to pci-assign. */
int release_card(const struct machine *m, const char *bdf, bool group,
		 bool force, char *why, size_t size);

#endif

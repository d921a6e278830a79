/* SPDX-License-Identifier: GPL-2.0 */
/*
 * config: the lines of /etc/backplane.conf, backplane.conf(5). Pure: what a
 * line says and which cards it means; cmd.c reads the file and binds them.
 */
#ifndef BACKPLANE_TOOL_CONFIG_H
#define BACKPLANE_TOOL_CONFIG_H

#include "tools/backplane/bind.h"

#define CONFIG_PATH "/etc/backplane.conf"

struct config_line {
	struct bind_wish wish;	/* its bdf is empty when @by_id */
	bool by_id;		/* every card of this vendor and device */
	uint16_t vendor, device;
};

/*
 * "CARD [owner=USER[:GROUP]] [group] [force]", CARD an address or
 * VENDOR:DEVICE, four hexadecimal digits each. 1 a card, 0 nothing (blank or
 * comment), -1 not understood.
 */
int config_parse_line(const char *line, struct config_line *c);

/* Is @f meant? Compared as read: a card that is not there matches nothing. */
bool config_means(const struct config_line *c, const struct fn *f);

#endif

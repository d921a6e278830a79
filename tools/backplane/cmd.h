/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The commands and their exit codes (backplane(8) documents them).
 */
#ifndef BACKPLANE_TOOL_CMD_H
#define BACKPLANE_TOOL_CMD_H

#include <stdbool.h>
#include <stdint.h>

enum {
	EXIT_FINE = 0,
	EXIT_NO = 1,		/* the question's answer is no */
	EXIT_USAGE = 2,
	EXIT_NO_CARD = 3,
	EXIT_REFUSED = 4,
	EXIT_NEEDS_ROOT = 5,
	EXIT_SYSTEM = 6,	/* the kernel did not do it */
};

struct options {
	bool json, verbose, group, force, all;
	const char *owner, *config;
	uint64_t memory;	/* bytes, doctor */
	unsigned int count;	/* top: rounds, 0 = until interrupted */
	unsigned int interval_ms;
	char **card;		/* arguments after the command */
	int cards;
};

int cmd_list(const struct options *o);
int cmd_doctor(const struct options *o);
int cmd_bind(const struct options *o);
int cmd_release(const struct options *o);
int cmd_status(const struct options *o);
int cmd_top(const struct options *o);
int cmd_recover(const struct options *o);

/* "backplane: ..." on stderr, or an object with "error" in JSON; returns @code. */
int complain(const struct options *o, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif

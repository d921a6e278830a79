/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TAP for the little programs that try an ABI inside the emulated host.
 */
#ifndef BACKPLANE_TESTS_LAB_TAP_H
#define BACKPLANE_TESTS_LAB_TAP_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int points, bad;

/* One test point; its verdict is also the result. */
static bool ok(bool good, const char *fmt, ...)
{
	va_list ap;

	printf("%s %d - ", good ? "ok" : "not ok", ++points);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	puts("");
	fflush(stdout);
	bad += !good;
	return good;
}

/* A system call that gave @r must have failed with @err. */
static inline void refused(int r, int err, const char *what)
{
	int got = errno;

	ok(r < 0 && got == err, "%s is refused with %s (%s)", what, strerror(err),
	   r < 0 ? strerror(got) : "it was accepted");
}

#endif

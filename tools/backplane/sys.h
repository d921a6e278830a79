/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sys: small reads and writes below a root that is "/" or, for tests and for
 * looking at another machine's tree, a folder (--sysroot). Every path is given
 * by a format and begins with "/".
 */
#ifndef BACKPLANE_TOOL_SYS_H
#define BACKPLANE_TOOL_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SYS_PATH 512

/* Once, before anything else; NULL or "/" is the machine itself. */
void sys_set_root(const char *root);
bool sys_is_real(void);

/* The path below the root, in a static buffer of the calling function's. */
void sys_path(char out[SYS_PATH], const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* First line of a file, without its end. -errno, *buf = "" then. */
int sys_read(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A number in C's notation; otherwise @none. */
uint64_t sys_number(uint64_t none, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
bool sys_exists(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Last component of a link's target. -errno, *buf = "" then. */
int sys_link(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
FILE *sys_open(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Write @value in one write. -errno. Tests put their own kernel behind
 * sys_write_hook, which is called with the path as given, after the write.
 */
int sys_write(const char *value, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
extern void (*sys_write_hook)(const char *path, const char *value);

/* Call @fn for each entry of a folder, in the order of names. */
int sys_each(const char *dir, void (*fn)(const char *name, void *ctx),
	     void *ctx);

#endif

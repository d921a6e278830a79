// SPDX-License-Identifier: GPL-2.0
/*
 * Reading and writing the kernel's small files below a root. Knows nothing of
 * what is in them.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/backplane/sys.h"

static const char *root = "";

void (*sys_write_hook)(const char *path, const char *value);

void sys_set_root(const char *r)
{
	root = r && strcmp(r, "/") ? r : "";
}

bool sys_is_real(void)
{
	return !*root;
}

static void make_path(char out[SYS_PATH], const char *fmt, va_list args)
{
	int n = snprintf(out, SYS_PATH, "%s", root);

	if (n >= 0 && n < SYS_PATH)
		vsnprintf(out + n, SYS_PATH - n, fmt, args);
}

#define MAKE_PATH(p, fmt) do {			\
	va_list args_;				\
	va_start(args_, fmt);			\
	make_path(p, fmt, args_);		\
	va_end(args_);				\
} while (0)

void sys_path(char out[SYS_PATH], const char *fmt, ...)
{
	MAKE_PATH(out, fmt);
}

static int read_line(char *buf, size_t size, const char *path)
{
	ssize_t n;
	int fd, err;

	buf[0] = '\0';
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	err = n < 0 ? -errno : 0;
	close(fd);
	buf[n < 0 ? 0 : n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return err;
}

int sys_read(char *buf, size_t size, const char *fmt, ...)
{
	char path[SYS_PATH];

	MAKE_PATH(path, fmt);
	return read_line(buf, size, path);
}

uint64_t sys_number(uint64_t none, const char *fmt, ...)
{
	char path[SYS_PATH], text[64], *end;
	unsigned long long v;

	MAKE_PATH(path, fmt);
	if (read_line(text, sizeof(text), path) || !text[0])
		return none;
	errno = 0;
	v = strtoull(text, &end, 0);
	return errno || *end ? none : v;
}

bool sys_exists(const char *fmt, ...)
{
	char path[SYS_PATH];

	MAKE_PATH(path, fmt);
	return !access(path, F_OK);
}

int sys_link(char *buf, size_t size, const char *fmt, ...)
{
	char path[SYS_PATH], target[SYS_PATH];
	const char *last;
	ssize_t n;

	MAKE_PATH(path, fmt);
	buf[0] = '\0';
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	last = strrchr(target, '/');
	snprintf(buf, size, "%s", last ? last + 1 : target);
	return 0;
}

FILE *sys_open(const char *fmt, ...)
{
	char path[SYS_PATH];

	MAKE_PATH(path, fmt);
	return fopen(path, "re");
}

int sys_write(const char *value, const char *fmt, ...)
{
	char path[SYS_PATH];
	ssize_t n;
	int fd, err = 0;

	MAKE_PATH(path, fmt);
	fd = open(path, O_WRONLY | O_CLOEXEC | (sys_is_real() ? 0 : O_TRUNC));
	if (fd < 0)
		return -errno;
	n = write(fd, value, strlen(value));
	if (n < 0)
		err = -errno;
	close(fd);
	if (!err && sys_write_hook)
		sys_write_hook(path + strlen(root), value);
	return err;
}

int sys_each(const char *dir, void (*fn)(const char *name, void *ctx),
	     void *ctx)
{
	char path[SYS_PATH];
	struct dirent **list;
	int n, i;

	sys_path(path, "%s", dir);
	n = scandir(path, &list, NULL, alphasort);
	if (n < 0)
		return -errno;
	for (i = 0; i < n; i++) {
		if (list[i]->d_name[0] != '.')
			fn(list[i]->d_name, ctx);
		free(list[i]);
	}
	free(list);
	return 0;
}

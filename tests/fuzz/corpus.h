/* SPDX-License-Identifier: GPL-2.0 */
/* Reads a kept corpus: one input a line, in hexadecimal; # begins a comment. */
#ifndef BACKPLANE_TESTS_FUZZ_CORPUS_H
#define BACKPLANE_TESTS_FUZZ_CORPUS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CORPUS_INPUTS	2000
#define CORPUS_MAX	1024

struct corpus {
	size_t n;
	size_t size[CORPUS_INPUTS];
	uint8_t data[CORPUS_INPUTS][CORPUS_MAX];
};

/* False: no such file, nothing in it, or an input that is too long. */
static inline bool corpus_read(const char *path, struct corpus *c)
{
	char line[2 * CORPUS_MAX + 2];
	FILE *f = fopen(path, "r");
	unsigned int byte;

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		size_t n = 0;

		if (line[0] == '#')
			continue;
		while (n < CORPUS_MAX && sscanf(line + 2 * n, "%2x", &byte) == 1)
			c->data[c->n][n++] = (uint8_t)byte;
		if (n == CORPUS_MAX || !n || c->n == CORPUS_INPUTS - 1) {
			fclose(f);
			return false;
		}
		c->size[c->n++] = n;
	}
	fclose(f);
	return c->n > 0;
}

#endif

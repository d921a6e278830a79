/* SPDX-License-Identifier: GPL-2.0 */
/*
 * out: JSON, written as it goes. Pure but for the stream. Inside an object
 * each value has a key, inside an array @key is NULL. Objects and arrays nest
 * up to 16 deep.
 */
#ifndef BACKPLANE_TOOL_OUT_H
#define BACKPLANE_TOOL_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *f;
	unsigned int depth;
	bool some[16];		/* something was written at this depth */
	char close[16];
};

void json_start(struct json *j, FILE *f);
void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
void json_end(struct json *j);	/* of the innermost object or array */
void json_string(struct json *j, const char *key, const char *value);
void json_number(struct json *j, const char *key, uint64_t value);
void json_rate(struct json *j, const char *key, double value);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);

/* "64K", "16M", "2.5G": bytes for people, in a caller's buffer. */
const char *size_text(char buf[16], uint64_t bytes);

#endif

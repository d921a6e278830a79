// SPDX-License-Identifier: GPL-2.0
/* Writing JSON (RFC 8259), and sizes for people. Knows nothing of PCI. */
#include <inttypes.h>

#include "tools/backplane/out.h"

void json_start(struct json *j, FILE *f)
{
	*j = (struct json){ .f = f };
}

static void put_text(struct json *j, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	fputc('"', j->f);
	for (; *p; p++) {
		if (*p == '"' || *p == '\\')
			fprintf(j->f, "\\%c", *p);
		else if (*p < 0x20 || *p == 0x7f)
			fprintf(j->f, "\\u%04x", *p);
		else
			fputc(*p, j->f);
	}
	fputc('"', j->f);
}

static void begin(struct json *j, const char *key)
{
	if (j->some[j->depth])
		fputc(',', j->f);
	if (j->depth)
		fprintf(j->f, "\n%*s", (int)j->depth * 2, "");
	j->some[j->depth] = true;
	if (key) {
		put_text(j, key);
		fputs(": ", j->f);
	}
}

static void open_one(struct json *j, const char *key, char open, char close)
{
	begin(j, key);
	fputc(open, j->f);
	if (j->depth + 1 < sizeof(j->close)) {
		j->close[++j->depth] = close;
		j->some[j->depth] = false;
	}
}

void json_object(struct json *j, const char *key)
{
	open_one(j, key, '{', '}');
}

void json_array(struct json *j, const char *key)
{
	open_one(j, key, '[', ']');
}

void json_end(struct json *j)
{
	bool some = j->some[j->depth];
	char close = j->close[j->depth--];

	if (some)
		fprintf(j->f, "\n%*s", (int)j->depth * 2, "");
	fputc(close, j->f);
	if (!j->depth)
		fputc('\n', j->f);
}

void json_string(struct json *j, const char *key, const char *value)
{
	begin(j, key);
	put_text(j, value);
}

void json_number(struct json *j, const char *key, uint64_t value)
{
	begin(j, key);
	fprintf(j->f, "%" PRIu64, value);
}

void json_rate(struct json *j, const char *key, double value)
{
	begin(j, key);
	fprintf(j->f, "%.1f", value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	begin(j, key);
	fputs(value ? "true" : "false", j->f);
}

void json_null(struct json *j, const char *key)
{
	begin(j, key);
	fputs("null", j->f);
}

const char *size_text(char buf[16], uint64_t bytes)
{
	static const char units[] = " KMGTPE";
	unsigned int u = 0;
	uint64_t whole = bytes, rest = 0;

	while (whole >= 1024) {
		rest = whole % 1024;
		whole /= 1024;
		u++;
	}
	if (!u)
		snprintf(buf, 16, "%u", (unsigned int)whole);
	else if (rest * 10 / 1024)
		snprintf(buf, 16, "%u.%u%c", (unsigned int)whole,
			 (unsigned int)(rest * 10 / 1024), units[u]);
	else
		snprintf(buf, 16, "%u%c", (unsigned int)whole, units[u]);
	return buf;
}

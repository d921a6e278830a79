// SPDX-License-Identifier: GPL-2.0
/*
 * The lines of /etc/backplane.conf. Called by `bind --config`; knows neither
 * the file nor how a card is bound.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "tools/backplane/config.h"

#define ID_DIGITS "0123456789abcdefABCDEF"

/* lspci -nn writes it so: 8086:10d3 */
static bool parse_id(const char *text, struct config_line *c)
{
	if (strlen(text) != 9 || strspn(text, ID_DIGITS) != 4 ||
	    text[4] != ':' || strspn(text + 5, ID_DIGITS) != 4)
		return false;
	c->vendor = (uint16_t)strtoul(text, NULL, 16);
	c->device = (uint16_t)strtoul(text + 5, NULL, 16);
	return true;
}

static bool parse_card(const char *text, struct config_line *c)
{
	c->by_id = parse_id(text, c);
	return c->by_id || bdf_parse(text, c->wish.bdf);
}

static bool parse_word(const char *word, struct bind_wish *w)
{
	if (!strcmp(word, "group"))
		w->group = true;
	else if (!strcmp(word, "force"))
		w->force = true;
	else if (!strncmp(word, "owner=", 6) && word[6] &&
		 strlen(word + 6) < sizeof(w->owner))
		strcpy(w->owner, word + 6);
	else
		return false;
	return true;
}

int config_parse_line(const char *line, struct config_line *c)
{
	size_t n = strcspn(line, "#\r\n");
	char copy[256], *save = NULL, *word;

	memset(c, 0, sizeof(*c));
	if (n >= sizeof(copy))
		return -1;
	memcpy(copy, line, n);
	copy[n] = '\0';
	word = strtok_r(copy, " \t", &save);
	if (!word)
		return 0;
	if (!parse_card(word, c))
		return -1;
	while ((word = strtok_r(NULL, " \t", &save)))
		if (!parse_word(word, &c->wish))
			return -1;
	return 1;
}

bool config_means(const struct config_line *c, const struct fn *f)
{
	return c->by_id ? f->vendor == c->vendor && f->device == c->device :
			  !strcmp(f->bdf, c->wish.bdf);
}

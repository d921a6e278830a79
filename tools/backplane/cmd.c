// SPDX-License-Identifier: GPL-2.0
/* The commands: read facts, let the pure parts speak, answer by exit code. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/backplane/bind.h"
#include "tools/backplane/cmd.h"
#include "tools/backplane/config.h"
#include "tools/backplane/doctor.h"
#include "tools/backplane/list.h"
#include "tools/backplane/live.h"
#include "tools/backplane/sys.h"
#include "tools/backplane/verdict.h"

int complain(const struct options *o, int code, const char *fmt, ...)
{
	char text[1024];
	struct json j;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (o->json) {
		json_start(&j, stdout);
		json_object(&j, NULL);
		json_string(&j, "error", text);
		json_number(&j, "code", (uint64_t)code);
		json_end(&j);
	}
	fprintf(stderr, "backplane: %s\n", text);
	return code;
}

static int read_facts(const struct options *o, struct machine *m)
{
	char why[200] = "";

	return facts_read(m, why, sizeof(why)) ?
	       complain(o, EXIT_SYSTEM, "%s", why) : 0;
}

static int address(const struct options *o, const char *text,
		   char bdf[BDF_TEXT])
{
	return bdf_parse(text, bdf) ? 0 :
	       complain(o, EXIT_USAGE, "'%s' is no PCI address; write 0000:04:00.0 or 04:00.0",
			text);
}

/* ---- list ------------------------------------------------------------------ */

static bool good(const struct machine *m, const struct fn *f)
{
	struct verdict v;

	verdict_of(m, f, &v);
	return v.code == VERDICT_ASSIGNABLE || v.code == VERDICT_BOUND;
}

/* list_check() has passed the arguments. */
static int list_some(const struct options *o, const struct machine *m,
		     struct json *j)
{
	char bdf[BDF_TEXT];
	const struct fn *f;
	int i, rc = EXIT_FINE;

	for (i = 0; i < o->cards; i++) {
		bdf_parse(o->card[i], bdf);
		f = facts_find(m, bdf);
		if (o->json)
			list_json(j, m, f);
		else
			list_full(stdout, m, f);
		if (!good(m, f))
			rc = EXIT_NO;
	}
	return rc;
}

static void list_all(const struct options *o, const struct machine *m,
		     struct json *j)
{
	size_t i;

	if (!o->json && !o->verbose)
		list_head(stdout);
	for (i = 0; i < m->count; i++) {
		if (o->json)
			list_json(j, m, &m->fn[i]);
		else if (o->verbose)
			list_full(stdout, m, &m->fn[i]);
		else if (o->all || !m->fn[i].bridge)
			list_row(stdout, m, &m->fn[i]);
	}
}

/* A name that is wrong must not leave half an array behind it. */
static int list_check(const struct options *o, const struct machine *m)
{
	char bdf[BDF_TEXT];
	int i, rc = 0;

	for (i = 0; i < o->cards && !rc; i++) {
		rc = address(o, o->card[i], bdf);
		if (!rc && !facts_find(m, bdf))
			rc = complain(o, EXIT_NO_CARD, "there is no card %s: backplane list shows those there are",
				      bdf);
	}
	return rc;
}

int cmd_list(const struct options *o)
{
	struct machine m;
	struct json j;
	int rc = read_facts(o, &m);

	if (rc)
		return rc;
	rc = list_check(o, &m);
	if (rc)
		goto out;
	json_start(&j, stdout);
	if (o->json)
		json_array(&j, NULL);
	if (o->cards)
		rc = list_some(o, &m, &j);
	else
		list_all(o, &m, &j);
	if (o->json)
		json_end(&j);
out:
	facts_free(&m);
	return rc;
}

/* ---- doctor ---------------------------------------------------------------- */

static void doctor_json(const struct check *c, size_t n, bool ready)
{
	struct json j;
	size_t i;

	json_start(&j, stdout);
	json_object(&j, NULL);
	json_bool(&j, "ready", ready);
	json_array(&j, "checks");
	for (i = 0; i < n; i++) {
		json_object(&j, NULL);
		json_string(&j, "name", c[i].name);
		json_string(&j, "level", c[i].level == LEVEL_FAIL ? "fail" :
			    level_name(c[i].level));
		json_string(&j, "what", c[i].what);
		json_string(&j, "fix", c[i].fix);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
}

int cmd_doctor(const struct options *o)
{
	struct check c[DOCTOR_CHECKS];
	bool ready = true;
	struct machine m;
	struct health h;
	size_t n, i;
	int rc = read_facts(o, &m);

	if (rc)
		return rc;
	doctor_read(&h, &m, o->memory);
	n = doctor_judge(&h, &m, c);
	for (i = 0; i < n; i++)
		ready = ready && c[i].level != LEVEL_FAIL;
	if (o->json)
		doctor_json(c, n, ready);
	for (i = 0; i < n && !o->json; i++) {
		printf("%-4s  %-16s %s\n", level_name(c[i].level), c[i].name,
		       c[i].what);
		if (c[i].fix[0])
			printf("      %-16s fix: %s\n", "", c[i].fix);
	}
	facts_free(&m);
	return ready ? EXIT_FINE : EXIT_NO;
}

/* ---- bind, release --------------------------------------------------------- */

static void report_move(const struct options *o, const char *key,
			const char *bdf)
{
	struct machine m;
	struct json j;
	struct fn *f;

	if (read_facts(o, &m))
		return;
	f = facts_find(&m, bdf);
	if (o->json) {
		json_start(&j, stdout);
		json_object(&j, NULL);
		json_string(&j, key, bdf);
		json_string(&j, "driver", f ? f->driver : "");
		json_string(&j, "owner", f ? f->card.owner : "");
		json_end(&j);
	} else if (f && f->is_card) {
		printf("%s is bound to pci-assign; /dev/backplane/%s belongs to %s\n",
		       bdf, bdf, f->card.owner);
	} else {
		printf("%s is released; its driver: %s\n", bdf,
		       f && f->driver[0] ? f->driver : "none");
	}
	facts_free(&m);
}

static int bind_one(const struct options *o, const struct bind_wish *w)
{
	char why[1024] = "";
	struct machine m;
	int rc = read_facts(o, &m);

	if (rc)
		return rc;
	rc = bind_card(&m, w, why, sizeof(why));
	facts_free(&m);
	if (rc)
		return complain(o, rc, "%s", why);
	report_move(o, "bound", w->bdf);
	return 0;
}

/* All cards that a line means; the first failure is the answer. */
static int bind_line(const struct options *o, struct config_line *c,
		     const char *path, unsigned int line)
{
	struct machine m;
	bool found = false;
	int rc = read_facts(o, &m), one;
	size_t i;

	if (rc)
		return rc;
	for (i = 0; i < m.count; i++) {
		if (!config_means(c, &m.fn[i]))
			continue;
		found = true;
		strcpy(c->wish.bdf, m.fn[i].bdf);
		one = bind_one(o, &c->wish);
		rc = rc ? rc : one;
	}
	if (!found && c->by_id)
		rc = complain(o, EXIT_NO_CARD, "%s line %u: there is no card %04x:%04x: lspci -nn shows those there are",
			      path, line, c->vendor, c->device);
	else if (!found)
		rc = complain(o, EXIT_NO_CARD, "%s line %u: there is no card %s: backplane list shows those there are",
			      path, line, c->wish.bdf);
	facts_free(&m);
	return rc;
}

/* Each line is tried; the first failure is the answer. */
static int bind_config(const struct options *o, const char *path)
{
	struct config_line c;
	unsigned int n = 0;
	char *line = NULL;
	size_t size = 0;
	int rc = 0, one;
	FILE *f = fopen(path, "re");

	if (!f)
		return complain(o, EXIT_SYSTEM, "%s: %s", path, strerror(errno));
	while (getline(&line, &size, f) >= 0) {
		n++;
		one = config_parse_line(line, &c);
		if (one < 0)
			one = complain(o, EXIT_USAGE, "%s line %u is not understood: write CARD [owner=USER[:GROUP]] [group] [force], CARD an address (04:00.0) or VENDOR:DEVICE (8086:10d3)",
				       path, n);
		else if (one > 0)
			one = bind_line(o, &c, path, n);
		rc = rc ? rc : one;
	}
	free(line);
	fclose(f);
	return rc;
}

int cmd_bind(const struct options *o)
{
	struct bind_wish w = { .group = o->group, .force = o->force };
	int i, rc = 0;

	if (o->config)
		return bind_config(o, *o->config ? o->config : CONFIG_PATH);
	if (!o->cards)
		return complain(o, EXIT_USAGE, "bind which card? backplane list shows them");
	if (o->owner && strlen(o->owner) >= sizeof(w.owner))
		return complain(o, EXIT_USAGE, "that owner's name is too long");
	snprintf(w.owner, sizeof(w.owner), "%s", o->owner ? o->owner : "");
	for (i = 0; i < o->cards && !rc; i++) {
		rc = address(o, o->card[i], w.bdf);
		if (!rc)
			rc = bind_one(o, &w);
	}
	return rc;
}

static int release_one(const struct options *o, const char *bdf, bool group)
{
	char why[1024] = "";
	struct machine m;
	int rc = read_facts(o, &m);

	if (rc)
		return rc;
	rc = release_card(&m, bdf, group, o->force, why, sizeof(why));
	facts_free(&m);
	if (rc)
		return complain(o, rc, "%s", why);
	report_move(o, "released", bdf);
	return 0;
}

/* A function may have gone with its group before its turn comes. */
static int release_all(const struct options *o)
{
	struct machine m;
	struct card c;
	int rc = read_facts(o, &m), one;
	size_t i;

	if (rc)
		return rc;
	for (i = 0; i < m.count; i++) {
		if (!facts_read_card(m.fn[i].bdf, &c))
			continue;
		one = release_one(o, m.fn[i].bdf, true);
		rc = rc ? rc : one;
	}
	facts_free(&m);
	return rc;
}

int cmd_release(const struct options *o)
{
	char bdf[BDF_TEXT];
	int i, rc = 0;

	if (o->all)
		return release_all(o);
	if (!o->cards)
		return complain(o, EXIT_USAGE, "release which card? backplane status shows those that are bound");
	for (i = 0; i < o->cards && !rc; i++) {
		rc = address(o, o->card[i], bdf);
		if (!rc)
			rc = release_one(o, bdf, o->group);
	}
	return rc;
}

/* ---- status, top ----------------------------------------------------------- */

static void show(const struct options *o, const struct live *l,
		 const struct live *before)
{
	struct json j;

	if (o->json) {
		json_start(&j, stdout);
		live_json(&j, l, before);
	} else {
		live_print(stdout, l, before);
	}
	fflush(stdout);
}

int cmd_status(const struct options *o)
{
	struct live *l = malloc(sizeof(*l));

	if (!l)
		return complain(o, EXIT_SYSTEM, "out of memory");
	live_read(l);
	show(o, l, NULL);
	free(l);
	return EXIT_FINE;
}

int cmd_top(const struct options *o)
{
	struct live *two = malloc(2 * sizeof(*two));
	unsigned int round;

	if (!two)
		return complain(o, EXIT_SYSTEM, "out of memory");
	live_read(&two[0]);
	for (round = 1; !o->count || round <= o->count; round++) {
		usleep(o->interval_ms * 1000);
		live_read(&two[round % 2]);
		if (!o->json && isatty(1))
			fputs("\033[H\033[J", stdout);
		show(o, &two[round % 2], &two[(round + 1) % 2]);
	}
	free(two);
	return EXIT_FINE;
}

/* ---- recover --------------------------------------------------------------- */

static int recover_one(const struct options *o, const char *bdf)
{
	struct card c;
	struct json j;
	int err;

	if (!facts_read_card(bdf, &c))
		return complain(o, sys_exists("/sys/bus/pci/devices/%s", bdf) ?
				EXIT_REFUSED : EXIT_NO_CARD,
				"%s is not bound to pci-assign; backplane status shows what is",
				bdf);
	if (geteuid() && sys_is_real())
		return complain(o, EXIT_NEEDS_ROOT, "recovering a card needs root");
	err = sys_write("1", "/sys/class/backplane/%s/recover", bdf);
	if (err)
		return complain(o, EXIT_SYSTEM, "%s: its reset failed (%s); the kernel log says why; without a method that works, power-cycle the machine",
				bdf, strerror(-err));
	facts_read_card(bdf, &c);
	if (o->json) {
		json_start(&j, stdout);
		json_object(&j, NULL);
		json_string(&j, "recovered", bdf);
		json_string(&j, "state", c.state);
		json_string(&j, "reset_method", c.reset_method);
		json_end(&j);
	} else {
		printf("%s was reset (%s) and is %s\n", bdf,
		       c.reset_method[0] ? c.reset_method : "no method: only stopped",
		       c.state);
	}
	return EXIT_FINE;
}

int cmd_recover(const struct options *o)
{
	char bdf[BDF_TEXT];
	int i, rc = 0;

	if (!o->cards)
		return complain(o, EXIT_USAGE, "recover which card? backplane status shows them");
	for (i = 0; i < o->cards && !rc; i++) {
		rc = address(o, o->card[i], bdf);
		if (!rc)
			rc = recover_one(o, bdf);
	}
	return rc;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The rules of assignment as words for the operator: what, why, how to fix.
 * Pure; called by list, bind and doctor.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/backplane/verdict.h"

const char *verdict_name(enum verdict_code code)
{
	static const char *const names[] = {
		[VERDICT_ASSIGNABLE] = "assignable",
		[VERDICT_BOUND] = "bound",
		[VERDICT_CUT_OFF] = "cut-off",
		[VERDICT_IN_USE] = "in-use",
		[VERDICT_GROUP] = "group",
		[VERDICT_BRIDGE] = "bridge",
		[VERDICT_NO_IOMMU] = "no-iommu",
		[VERDICT_DIRECT_IRQS] = "direct-interrupts",
	};

	return names[code];
}

size_t verdict_companions(const struct machine *m, const struct fn *f,
			  const struct fn **out, size_t max)
{
	size_t i, n = 0;

	if (f->group < 0)
		return 0;
	for (i = 0; i < m->count && n < max; i++)
		if (&m->fn[i] != f && m->fn[i].group == f->group &&
		    !m->fn[i].bridge)
			out[n++] = &m->fn[i];
	return n;
}

__attribute__((format(printf, 3, 4)))
static void add(char *text, size_t size, const char *fmt, ...)
{
	size_t n = strlen(text);
	va_list args;

	va_start(args, fmt);
	vsnprintf(text + n, size - n, fmt, args);
	va_end(args);
}

/* The bridge above without ACS, or another port of the same switch. */
static const struct fn *open_port(const struct machine *m, const struct fn *up)
{
	size_t i;

	if (up->caps_known && !up->acs)
		return up;
	for (i = 0; up->parent[0] && i < m->count; i++)
		if (m->fn[i].bridge && m->fn[i].caps_known && !m->fn[i].acs &&
		    !strcmp(m->fn[i].parent, up->parent))
			return &m->fn[i];
	return NULL;
}

/* Why are they one group? */
static void name_culprit(const struct machine *m, const struct fn *f,
			 const struct fn *other, struct verdict *v)
{
	const struct fn *up = f->parent[0] ? facts_find(m, f->parent) : NULL;
	const struct fn *open = up ? open_port(m, up) : NULL;

	if (!strncmp(f->bdf, other->bdf, strlen(f->bdf) - 1))
		add(v->why, sizeof(v->why), "; they are functions of one card without isolation between them (ACS)");
	else if (open)
		add(v->why, sizeof(v->why), "; bridge %s above does not isolate them (it lacks ACS)",
		    open->bdf);
	else if (up)
		add(v->why, sizeof(v->why), "; bridge %s is above it", up->bdf);
}

static bool group_blocks(const struct machine *m, const struct fn *f,
			 struct verdict *v)
{
	const struct fn *c[32], *first = NULL;
	size_t n = verdict_companions(m, f, c, 32), i;

	for (i = 0; i < n; i++) {
		if (!c[i]->driver[0] || !strcmp(c[i]->driver, DRIVER_NAME))
			continue;
		if (!first) {
			first = c[i];
			add(v->why, sizeof(v->why), "its IOMMU group %d also has ",
			    f->group);
		} else {
			add(v->why, sizeof(v->why), ", ");
		}
		add(v->why, sizeof(v->why), "%s (driver %s)", c[i]->bdf,
		    c[i]->driver);
	}
	if (!first)
		return false;
	name_culprit(m, f, first, v);
	snprintf(v->fix, sizeof(v->fix), "bind the whole group: backplane bind --group %s",
		 f->bdf);
	return true;
}

static enum verdict_code bound(const struct fn *f, struct verdict *v)
{
	const char *s = f->card.state;

	if (!strcmp(s, "quarantined"))
		snprintf(v->why, sizeof(v->why), "quarantined after %llu refused DMA accesses",
			 (unsigned long long)f->card.faults);
	else if (!strcmp(s, "broken"))
		snprintf(v->why, sizeof(v->why), "its last reset failed: %s",
			 f->card.reason);
	else
		return VERDICT_BOUND;
	snprintf(v->fix, sizeof(v->fix), "backplane recover %s", f->bdf);
	return VERDICT_CUT_OFF;
}

static void no_iommu(const struct machine *m, struct verdict *v)
{
	if (!strcmp(m->iommu, "in-tree")) {
		snprintf(v->why, sizeof(v->why), "the in-tree driver has the IOMMU");
		snprintf(v->fix, sizeof(v->fix), "boot with amd_iommu=off and load iommu-amd");
	} else if (!m->iommu[0]) {
		snprintf(v->why, sizeof(v->why), "no IOMMU driver is loaded");
		snprintf(v->fix, sizeof(v->fix), "modprobe iommu-amd (backplane doctor says what it needs)");
	} else {
		snprintf(v->why, sizeof(v->why), "no IOMMU covers it");
	}
}

static enum verdict_code judge(const struct machine *m, const struct fn *f,
			       struct verdict *v)
{
	if (!strcmp(f->driver, DRIVER_NAME))
		return bound(f, v);
	if (f->bridge) {
		snprintf(v->why, sizeof(v->why), "a bridge is not assigned, only cards behind it");
		return VERDICT_BRIDGE;
	}
	if (f->group < 0 || strcmp(m->iommu, "amdvi")) {
		no_iommu(m, v);
		return VERDICT_NO_IOMMU;
	}
	if (f->direct_irqs) {
		snprintf(v->why, sizeof(v->why), "its interrupts are not remapped, so it could raise any interrupt of the host");
		snprintf(v->fix, sizeof(v->fix), "load iommu-amd before the card's driver; a card behind a conventional bridge needs another slot");
		return VERDICT_DIRECT_IRQS;
	}
	if (group_blocks(m, f, v))
		return VERDICT_GROUP;
	if (f->uses[0]) {
		snprintf(v->why, sizeof(v->why), "the host uses it: %s", f->uses);
		snprintf(v->fix, sizeof(v->fix), "stop using it, or backplane bind --force %s",
			 f->bdf);
		return VERDICT_IN_USE;
	}
	return VERDICT_ASSIGNABLE;
}

void verdict_of(const struct machine *m, const struct fn *f, struct verdict *v)
{
	memset(v, 0, sizeof(*v));
	v->code = judge(m, f, v);
}

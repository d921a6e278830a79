// SPDX-License-Identifier: GPL-2.0
/* How `backplane list` shows what facts.h and verdict.h know. */
#include <string.h>

#include "tools/backplane/list.h"
#include "tools/backplane/verdict.h"

/* "msix:5 msi:1 intx", or what can be known without root. */
static void irq_text(const struct fn *f, char *out, size_t size)
{
	char msix[20] = "", msi[20] = "";

	if (f->msix)
		snprintf(msix, sizeof(msix), "msix:%u ", f->msix);
	if (f->msi)
		snprintf(msi, sizeof(msi), "msi:%u ", f->msi);
	snprintf(out, size, "%s%s%s%s", msix, msi, f->intx ? "intx " : "",
		 f->caps_known ? "" : "?");
	if (!*out)
		snprintf(out, size, "-");
	else if (out[strlen(out) - 1] == ' ')
		out[strlen(out) - 1] = '\0';
}

static const char *bar_kind_name(const struct bar *b)
{
	return b->kind == BAR_IO ? "io" : b->kind == BAR_MEM64 ? "mem64" :
								 "mem32";
}

static void bar_text(const struct fn *f, char *out, size_t size)
{
	size_t n = 0, i;
	char s[16];

	out[0] = '\0';
	for (i = 0; i < BAR_COUNT; i++)
		if (f->bar[i].kind != BAR_NONE && n < size)
			n += (size_t)snprintf(out + n, size - n, "%s%zu:%s%s:%s",
					      n ? " " : "", i,
					      bar_kind_name(&f->bar[i]),
					      f->bar[i].prefetch ? "p" : "",
					      size_text(s, f->bar[i].size));
	if (f->rom && n < size)
		n += (size_t)snprintf(out + n, size - n, "%srom:%s",
				      n ? " " : "", size_text(s, f->rom));
	if (!n)
		snprintf(out, size, "-");
}

static void group_text(const struct fn *f, char out[16])
{
	if (f->group < 0)
		snprintf(out, 16, "-");
	else
		snprintf(out, 16, "%d", f->group);
}

void list_head(FILE *f)
{
	fprintf(f, "%-13s %-9s %-5s %-12s %-17s %-18s %s\n", "ADDRESS", "ID",
		"GROUP", "DRIVER", "VERDICT", "INTERRUPTS", "NAME");
}

void list_row(FILE *f, const struct machine *m, const struct fn *fn)
{
	char group[16], irqs[64];
	struct verdict v;

	verdict_of(m, fn, &v);
	group_text(fn, group);
	irq_text(fn, irqs, sizeof(irqs));
	fprintf(f, "%-13s %04x:%04x %-5s %-12s %-17s %-18s %s\n", fn->bdf,
		fn->vendor, fn->device, group,
		fn->driver[0] ? fn->driver : "-", verdict_name(v.code), irqs,
		fn->name);
}

void list_full(FILE *f, const struct machine *m, const struct fn *fn)
{
	char group[16], irqs[64], bars[200];
	const struct fn *other[32];
	struct verdict v;
	size_t n, i;

	verdict_of(m, fn, &v);
	group_text(fn, group);
	irq_text(fn, irqs, sizeof(irqs));
	bar_text(fn, bars, sizeof(bars));
	fprintf(f, "%s %s [%04x:%04x] class %04x\n", fn->bdf, fn->name,
		fn->vendor, fn->device, fn->class);
	fprintf(f, "  verdict     %s%s%s\n", verdict_name(v.code),
		v.why[0] ? ": " : "", v.why);
	if (v.fix[0])
		fprintf(f, "  to fix      %s\n", v.fix);
	fprintf(f, "  driver      %s\n", fn->driver[0] ? fn->driver : "none");
	fprintf(f, "  group       %s", group);
	n = verdict_companions(m, fn, other, 32);
	for (i = 0; i < n; i++)
		fprintf(f, "%s%s", i ? ", " : ", with ", other[i]->bdf);
	fprintf(f, "\n  interrupts  %s%s\n", irqs, fn->caps_known ? "" :
		"  (the rest is shown to root)");
	if (fn->irq)
		fprintf(f, "  line        %d%s%s\n", fn->irq,
			fn->line_users[0] ? ", shared with " : ", not shared",
			fn->line_users);
	fprintf(f, "  reset       %s\n", fn->reset[0] ? fn->reset : "no method");
	fprintf(f, "  BARs        %s\n", bars);
	if (fn->is_card)
		fprintf(f, "  state       %s, node owned by %s, faults %llu, interrupts %llu hard %llu fallback %llu pended\n",
			fn->card.state, fn->card.owner,
			(unsigned long long)fn->card.faults,
			(unsigned long long)fn->card.irqs_hard,
			(unsigned long long)fn->card.irqs_fallback,
			(unsigned long long)fn->card.irqs_pended);
	if (fn->card.holder)
		fprintf(f, "  user        process %llu (%s)\n",
			(unsigned long long)fn->card.holder,
			fn->card.holder_name);
}

static void json_bars(struct json *j, const struct fn *fn)
{
	size_t i;

	json_array(j, "bars");
	for (i = 0; i < BAR_COUNT; i++) {
		if (fn->bar[i].kind == BAR_NONE)
			continue;
		json_object(j, NULL);
		json_number(j, "index", i);
		json_string(j, "kind", bar_kind_name(&fn->bar[i]));
		json_bool(j, "prefetchable", fn->bar[i].prefetch);
		json_number(j, "size", fn->bar[i].size);
		json_end(j);
	}
	json_end(j);
}

static void json_interrupts(struct json *j, const struct fn *fn)
{
	json_object(j, "interrupts");
	json_bool(j, "intx", fn->intx);
	if (fn->caps_known) {
		json_number(j, "msi", fn->msi);
		json_number(j, "msix", fn->msix);
	} else {
		json_null(j, "msi");
		json_null(j, "msix");
	}
	if (fn->irq)
		json_number(j, "line", (uint64_t)fn->irq);
	json_string(j, "line_shared_with", fn->line_users);
	json_bool(j, "remapped", !fn->direct_irqs);
	json_end(j);
}

void list_json(struct json *j, const struct machine *m, const struct fn *fn)
{
	const struct fn *other[32];
	struct verdict v;
	size_t n, i;
	char id[16];

	verdict_of(m, fn, &v);
	json_object(j, NULL);
	json_string(j, "address", fn->bdf);
	snprintf(id, sizeof(id), "%04x:%04x", fn->vendor, fn->device);
	json_string(j, "id", id);
	json_number(j, "class", fn->class);
	json_string(j, "name", fn->name);
	json_string(j, "driver", fn->driver);
	if (fn->group < 0)
		json_null(j, "group");
	else
		json_number(j, "group", (uint64_t)fn->group);
	json_array(j, "group_with");
	n = verdict_companions(m, fn, other, 32);
	for (i = 0; i < n; i++)
		json_string(j, NULL, other[i]->bdf);
	json_end(j);
	json_string(j, "verdict", verdict_name(v.code));
	json_string(j, "why", v.why);
	json_string(j, "fix", v.fix);
	json_interrupts(j, fn);
	json_string(j, "reset_methods", fn->reset);
	json_bars(j, fn);
	json_number(j, "rom", fn->rom);
	if (fn->is_card)
		json_string(j, "state", fn->card.state);
	json_end(j);
}

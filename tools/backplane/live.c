// SPDX-License-Identifier: GPL-2.0
/* Pure: a snapshot, or the difference of two, as text or JSON. */
#include <inttypes.h>
#include <string.h>

#include "tools/backplane/live.h"

double live_rate(uint64_t before, uint64_t after, uint64_t ms)
{
	return !ms || after < before ? 0 :
	       (double)(after - before) * 1000 / (double)ms;
}

static const struct card *earlier(const struct live *b, const char *bdf)
{
	size_t i;

	for (i = 0; b && i < b->cards; i++)
		if (!strcmp(b->bdf[i], bdf))
			return &b->card[i];
	return NULL;
}

static uint64_t earlier_counter(const struct counter *list, size_t n,
				const struct counter *c)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(list[i].name, c->name))
			return list[i].value;
	return c->value;
}

/* Memory sizes are a state of things, not events that have a rate. */
static bool is_level(const char *name)
{
	return !strncmp(name, "pages_", 6) || !strcmp(name, "pinned_pages") ||
	       !strcmp(name, "vms");
}

/* ---- text ----------------------------------------------------------------- */

static void print_vms(FILE *f, const struct live *l)
{
	char rss[16], pin[16];
	size_t i;

	fprintf(f, "VMs: %zu\n", l->vms);
	for (i = 0; i < l->vms; i++) {
		const struct vm_seen *v = &l->vm[i];

		fprintf(f, "  %-20s pid %-7" PRIu64 " vcpus %-3u memory %-7s pinned %s\n",
			v->name, v->pid, v->vcpus,
			size_text(rss, v->rss_kb << 10),
			size_text(pin, v->pinned_kb << 10));
	}
}

static void print_card(FILE *f, const struct live *l, size_t i,
		       const struct live *before)
{
	const struct card *c = &l->card[i], *b = earlier(before, l->bdf[i]);
	uint64_t ms = before ? l->at_ms - before->at_ms : 0;
	char user[64] = "-";

	if (c->holder)
		snprintf(user, sizeof(user), "%s[%" PRIu64 "]", c->holder_name,
			 c->holder);
	fprintf(f, "  %-13s %-11s %-24s", l->bdf[i], c->state, user);
	if (b)
		fprintf(f, " %9.0f %9.0f %9.0f %8.0f\n",
			live_rate(b->irqs_hard, c->irqs_hard, ms),
			live_rate(b->irqs_fallback, c->irqs_fallback, ms),
			live_rate(b->irqs_pended, c->irqs_pended, ms),
			live_rate(b->faults, c->faults, ms));
	else
		fprintf(f, " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %8" PRIu64 "\n",
			c->irqs_hard, c->irqs_fallback, c->irqs_pended,
			c->faults);
	if (c->irqs_lost || c->vectors_missing)
		fprintf(f, "                %" PRIu64 " interrupts lost, %" PRIu64 " host vectors missing; the kernel log says why\n",
			c->irqs_lost, c->vectors_missing);
	if (c->reason[0])
		fprintf(f, "                broken: %s; backplane recover %s\n",
			c->reason, l->bdf[i]);
}

static void print_counters(FILE *f, const struct live *l,
			   const struct live *before)
{
	uint64_t ms = before ? l->at_ms - before->at_ms : 0;
	size_t i;

	if (!l->exits_known) {
		fprintf(f, "Hypervisor: %s\n", l->core ?
			"its counters are in debugfs, which root can read" :
			"not loaded");
		return;
	}
	fprintf(f, "Hypervisor%s:", before ? ", per second" : "");
	for (i = 0; i < l->exit_count; i++) {
		const struct counter *c = &l->exits[i];

		fprintf(f, "%s%-16s ", i % 3 ? "" : "\n  ", c->name);
		if (before && !is_level(c->name))
			fprintf(f, "%-9.0f",
				live_rate(earlier_counter(before->exits,
							  before->exit_count,
							  c), c->value, ms));
		else
			fprintf(f, "%-9" PRIu64, c->value);
	}
	fputc('\n', f);
}

void live_print(FILE *f, const struct live *l, const struct live *before)
{
	size_t i;

	fprintf(f, "Modules: iommu-amd %s, kvm-core %s, svm %s, pci-assign %s\n",
		l->iommu_amd ? "yes" : "no", l->core ? "yes" : "no",
		l->svm ? "yes" : "no", l->assign ? "yes" : "no");
	print_vms(f, l);
	fprintf(f, "Cards: %zu\n", l->cards);
	if (l->cards)
		fprintf(f, "  %-13s %-11s %-24s %9s %9s %9s %8s%s\n", "CARD",
			"STATE", "USER", "HARD-IRQ", "FALLBACK", "PENDED",
			"FAULTS", before ? "  (per second)" : "");
	for (i = 0; i < l->cards; i++)
		print_card(f, l, i, before);
	print_counters(f, l, before);
	for (i = 0; i < l->event_count; i++)
		fprintf(f, "%s%s %" PRIu64 "%s", i % 3 ? "" : "IOMMU: ",
			l->events[i].name, l->events[i].value,
			i % 3 == 2 ? "\n" : ", ");
}

/* ---- JSON ------------------------------------------------------------------ */

static void json_card(struct json *j, const struct live *l, size_t i,
		      const struct live *before)
{
	const struct card *c = &l->card[i], *b = earlier(before, l->bdf[i]);
	uint64_t ms = before ? l->at_ms - before->at_ms : 0;

	json_object(j, NULL);
	json_string(j, "card", l->bdf[i]);
	json_string(j, "state", c->state);
	if (c->reason[0])
		json_string(j, "reason", c->reason);
	if (c->holder) {
		json_number(j, "pid", c->holder);
		json_string(j, "process", c->holder_name);
	}
	json_string(j, "owner", c->owner);
	json_number(j, "vm", c->vm);
	json_number(j, "domain", c->domain);
	json_number(j, "faults", c->faults);
	json_number(j, "faults_dropped", c->faults_dropped);
	json_number(j, "irqs_hard", c->irqs_hard);
	json_number(j, "irqs_fallback", c->irqs_fallback);
	json_number(j, "irqs_pended", c->irqs_pended);
	json_number(j, "irqs_lost", c->irqs_lost);
	json_number(j, "vectors_missing", c->vectors_missing);
	json_string(j, "reset_method", c->reset_method);
	if (b) {
		json_object(j, "per_second");
		json_rate(j, "irqs_hard",
			  live_rate(b->irqs_hard, c->irqs_hard, ms));
		json_rate(j, "irqs_fallback",
			  live_rate(b->irqs_fallback, c->irqs_fallback, ms));
		json_rate(j, "irqs_pended",
			  live_rate(b->irqs_pended, c->irqs_pended, ms));
		json_rate(j, "faults", live_rate(b->faults, c->faults, ms));
		json_end(j);
	}
	json_end(j);
}

static void json_vms(struct json *j, const struct live *l)
{
	size_t i;

	json_array(j, "vms");
	for (i = 0; i < l->vms; i++) {
		json_object(j, NULL);
		json_number(j, "pid", l->vm[i].pid);
		json_string(j, "process", l->vm[i].name);
		json_number(j, "vcpus", l->vm[i].vcpus);
		json_number(j, "rss_kb", l->vm[i].rss_kb);
		json_number(j, "pinned_kb", l->vm[i].pinned_kb);
		json_end(j);
	}
	json_end(j);
}

static void json_counters(struct json *j, const struct live *l,
			  const struct live *before)
{
	uint64_t ms = before ? l->at_ms - before->at_ms : 0;
	size_t i;

	if (!l->exits_known) {
		json_null(j, "hypervisor");
		return;
	}
	json_object(j, "hypervisor");
	for (i = 0; i < l->exit_count; i++)
		json_number(j, l->exits[i].name, l->exits[i].value);
	json_end(j);
	if (!before)
		return;
	json_object(j, "hypervisor_per_second");
	for (i = 0; i < l->exit_count; i++)
		if (!is_level(l->exits[i].name))
			json_rate(j, l->exits[i].name,
				  live_rate(earlier_counter(before->exits,
							    before->exit_count,
							    &l->exits[i]),
					    l->exits[i].value, ms));
	json_end(j);
}

void live_json(struct json *j, const struct live *l, const struct live *before)
{
	size_t i;

	json_object(j, NULL);
	json_object(j, "modules");
	json_bool(j, "iommu-amd", l->iommu_amd);
	json_bool(j, "kvm-core", l->core);
	json_bool(j, "svm", l->svm);
	json_bool(j, "pci-assign", l->assign);
	json_end(j);
	json_vms(j, l);
	json_array(j, "cards");
	for (i = 0; i < l->cards; i++)
		json_card(j, l, i, before);
	json_end(j);
	json_counters(j, l, before);
	json_object(j, "iommu");
	for (i = 0; i < l->event_count; i++)
		json_number(j, l->events[i].name, l->events[i].value);
	json_end(j);
	json_end(j);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * What must be true of a machine before a card can be given to a VM, in the
 * order in which one would mend it. Pure; doctor_read.c gathers the facts.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/backplane/doctor.h"
#include "tools/backplane/out.h"

const char *level_name(enum level l)
{
	static const char *const names[] = { "ok", "note", "warn", "FAIL" };

	return names[l];
}

bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);
	const char *p = text;

	while ((p = strstr(p, word))) {
		if ((p == text || p[-1] == ' ') && (!p[n] || p[n] == ' '))
			return true;
		p += n;
	}
	return false;
}

bool size_parse(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	unsigned long long v;
	unsigned int shift = 0;
	const char *u;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	v = strtoull(text, &end, 10);
	if (*end) {
		u = strchr(units, *end);
		if (!u || end[1])
			return false;
		shift = 10 * (unsigned int)(u - units + 1);
	}
	if (!v || v > (UINT64_MAX >> shift))
		return false;
	*bytes = (uint64_t)v << shift;
	return true;
}

/* ---- one check ----------------------------------------------------------- */

__attribute__((format(printf, 4, 5)))
static void say(struct check *c, const char *name, enum level level,
		const char *fmt, ...)
{
	va_list args;

	c->name = name;
	c->level = level;
	c->fix[0] = '\0';
	va_start(args, fmt);
	vsnprintf(c->what, sizeof(c->what), fmt, args);
	va_end(args);
}

static void fix(struct check *c, const char *text)
{
	snprintf(c->fix, sizeof(c->fix), "%s", text);
}

static void check_cpu(const struct health *h, struct check *c)
{
	if (!h->amd) {
		say(c, "cpu", LEVEL_FAIL, "this is not an AMD CPU");
		fix(c, "Backplane needs AMD's SVM; there is no other backend");
	} else if (!h->svm) {
		say(c, "cpu", LEVEL_FAIL, "the CPU does not show SVM");
		fix(c, "enable SVM (virtualization) in the firmware's setup");
	} else {
		say(c, "cpu", LEVEL_OK, "AMD with SVM");
	}
}

static void check_npt(const struct health *h, struct check *c)
{
	if (h->npt) {
		say(c, "nested-paging", LEVEL_OK, "offered by the CPU");
	} else {
		say(c, "nested-paging", LEVEL_FAIL, "the CPU does not show nested paging");
		fix(c, "enable it in the firmware's setup; there is no other way to give a card to a guest");
	}
}

static void check_kernel(const struct health *h, struct check *c)
{
	if (h->sme_on) {
		say(c, "kernel", LEVEL_FAIL, "memory encryption is on, iommu-amd refuses it");
		fix(c, "boot with mem_encrypt=off");
	} else if (h->la57 && !has_word(h->cmdline, "no5lvl")) {
		say(c, "kernel", LEVEL_FAIL, "the kernel uses 5-level paging, which the modules do not support");
		fix(c, "boot with no5lvl");
	} else if (strstr(h->lockdown, "[integrity]") ||
		   strstr(h->lockdown, "[confidentiality]")) {
		say(c, "kernel", LEVEL_WARN, "the kernel is locked down and loads only signed modules");
		fix(c, "sign the modules and enroll the key (mokutil), or turn Secure Boot off");
	} else {
		say(c, "kernel", LEVEL_OK, "its parameters stand in nothing's way");
	}
}

static void check_conflicts(const struct health *h, struct check *c)
{
	bool kvm = has_word(h->modules, "kvm");

	if (kvm || has_word(h->modules, "kvm_amd")) {
		say(c, "conflicts", LEVEL_FAIL, "the in-tree hypervisor is loaded (%s)",
		    has_word(h->modules, "kvm_amd") ? "kvm_amd, kvm" : "kvm");
		fix(c, "stop its VMs, then: rmmod kvm_amd kvm");
	} else if (!h->kept_out) {
		say(c, "conflicts", LEVEL_WARN, "nothing keeps the in-tree kvm_amd from being loaded at boot");
		fix(c, "echo blacklist kvm_amd >/etc/modprobe.d/backplane.conf (the Debian package and make install have it)");
	} else {
		say(c, "conflicts", LEVEL_OK, "the in-tree hypervisor is kept out");
	}
}

static void check_iommu(const struct health *h, const struct machine *m,
			struct check *c)
{
	if (!strcmp(m->iommu, "amdvi")) {
		say(c, "iommu", LEVEL_OK, "iommu-amd drives it; %u of %u functions are in groups",
		    h->in_groups, h->functions);
	} else if (!h->ivrs) {
		say(c, "iommu", LEVEL_FAIL, "the firmware announces no AMD IOMMU (ACPI table IVRS)");
		fix(c, "enable the IOMMU in the firmware's setup");
	} else if (!strcmp(m->iommu, "in-tree")) {
		say(c, "iommu", LEVEL_FAIL, "the in-tree driver has the IOMMU");
		fix(c, "boot with amd_iommu=off");
	} else {
		say(c, "iommu", LEVEL_FAIL, "iommu-amd is not loaded");
		fix(c, has_word(h->cmdline, "amd_iommu=off") ?
		    "modprobe iommu-amd, from the initramfs, before the drivers of the cards" :
		    "boot with amd_iommu=off and load iommu-amd from the initramfs");
	}
}

static void check_remapping(const struct health *h, const struct machine *m,
			    struct check *c)
{
	if (strcmp(m->iommu, "amdvi")) {
		say(c, "remapping", LEVEL_NOTE, "unknown without iommu-amd");
	} else if (h->direct_irqs) {
		say(c, "remapping", LEVEL_WARN, "the interrupts of %u functions are not remapped; these cannot be assigned",
		    h->direct_irqs);
		fix(c, "backplane list names them; load iommu-amd before their drivers");
	} else {
		say(c, "remapping", LEVEL_OK, "the interrupts of all functions are remapped");
	}
}

static void check_ranges(const struct health *h, struct check *c)
{
	if (h->direct_ranges[0]) {
		say(c, "reserved-ranges", LEVEL_WARN, "firmware keeps memory of its own for the cards of group %s",
		    h->direct_ranges);
		fix(c, "such a card may stop working in a guest: turn off its legacy support (USB keyboard, boot ROM) in the firmware's setup");
	} else {
		say(c, "reserved-ranges", LEVEL_OK, "no card has memory that firmware reserved");
	}
}

static void check_modules(const struct health *h, const struct machine *m,
			  struct check *c)
{
	bool core = has_word(h->modules, "kvm_core");
	bool svm = has_word(h->modules, "svm");

	if (core && svm && m->driver_loaded) {
		say(c, "modules", LEVEL_OK, "kvm-core, svm and pci-assign are loaded");
		return;
	}
	say(c, "modules", LEVEL_FAIL, "not loaded:%s%s%s", core ? "" : " kvm-core",
	    svm ? "" : " svm", m->driver_loaded ? "" : " pci-assign");
	fix(c, "modprobe svm; modprobe pci-assign");
}

static void check_dev_kvm(const struct health *h, struct check *c)
{
	if (!h->dev_kvm) {
		say(c, "dev-kvm", LEVEL_FAIL, "there is no /dev/kvm");
		fix(c, "it appears when svm is loaded; if svm is, see the kernel log");
	} else if (!h->dev_kvm_usable) {
		say(c, "dev-kvm", LEVEL_WARN, "you may not open /dev/kvm");
		fix(c, "add the user to the group kvm: adduser USER kvm");
	} else {
		say(c, "dev-kvm", LEVEL_OK, "you may open /dev/kvm");
	}
}

#define SMALL_LIMIT (256ULL << 20)

static void check_memlock(const struct health *h, struct check *c)
{
	char limit[16], need[16];

	size_text(limit, h->memlock);
	size_text(need, h->need);
	if (h->memlock == UINT64_MAX || h->memlock_exempt) {
		say(c, "memlock", LEVEL_OK, "guest RAM may be pinned without limit");
	} else if (h->need ? h->memlock < h->need : h->memlock < SMALL_LIMIT) {
		say(c, "memlock", h->need ? LEVEL_FAIL : LEVEL_WARN,
		    h->need ? "you may pin %s, a guest of %s needs more" :
			      "you may pin only %s of guest RAM", limit, need);
		fix(c, "raise memlock in /etc/security/limits.conf, or systemd's LimitMEMLOCK=, to the guest's RAM; guests without a card need none");
	} else {
		say(c, "memlock", LEVEL_OK, "you may pin %s of guest RAM", limit);
	}
}

static void check_cards(const struct health *h, struct check *c)
{
	if (h->quarantined || h->broken) {
		say(c, "cards", LEVEL_WARN, "%u quarantined, %u broken",
		    h->quarantined, h->broken);
		fix(c, "backplane status names them; backplane recover CARD");
	} else {
		say(c, "cards", LEVEL_OK, "none is quarantined or broken");
	}
}

size_t doctor_judge(const struct health *h, const struct machine *m,
		    struct check out[DOCTOR_CHECKS])
{
	size_t n = 0;

	check_cpu(h, &out[n++]);
	check_npt(h, &out[n++]);
	check_kernel(h, &out[n++]);
	check_conflicts(h, &out[n++]);
	check_iommu(h, m, &out[n++]);
	check_remapping(h, m, &out[n++]);
	check_ranges(h, &out[n++]);
	check_modules(h, m, &out[n++]);
	check_dev_kvm(h, &out[n++]);
	check_memlock(h, &out[n++]);
	check_cards(h, &out[n++]);
	return n;
}

// SPDX-License-Identifier: GPL-2.0
/* Gathers what doctor.c judges: /proc, sysfs, limits, modprobe's folders. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tools/backplane/doctor.h"
#include "tools/backplane/sys.h"

static void read_cpu(struct health *h)
{
	FILE *f = sys_open("/proc/cpuinfo");
	char *line = NULL, *v;
	size_t size = 0;

	while (f && getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		v = strchr(line, ':');
		if (!v)
			continue;
		if (!strncmp(line, "vendor_id", 9))
			h->amd = strstr(v, "AuthenticAMD") ||
				 strstr(v, "HygonGenuine");
		if (!strncmp(line, "flags", 5)) {
			h->svm = has_word(v, "svm");
			h->npt = has_word(v, "npt");
			h->la57 = has_word(v, "la57");
			break;
		}
	}
	free(line);
	if (f)
		fclose(f);
}

static void read_modules(struct health *h)
{
	static const char *const names[] = {
		"kvm", "kvm_amd", "kvm_core", "svm", "iommu_amd", "pci_assign",
	};
	size_t i, n = 0;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (sys_exists("/sys/module/%s/refcnt", names[i]))
			n += (size_t)snprintf(h->modules + n,
					      sizeof(h->modules) - n, " %s",
					      names[i]);
}

struct looking {
	const char *dir;
	bool found;
};

static void look_for_blacklist(const char *name, void *ctx)
{
	struct looking *l = ctx;
	char line[256], a[32], b[32];
	FILE *f = sys_open("%s/%s", l->dir, name);

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%31s %31s", a, b) == 2 &&
		    (!strcmp(a, "blacklist") || !strcmp(a, "install")) &&
		    (!strcmp(b, "kvm_amd") || !strcmp(b, "kvm-amd")))
			l->found = true;
	if (f)
		fclose(f);
}

static bool kept_out(void)
{
	static const char *const dirs[] = {
		"/etc/modprobe.d", "/run/modprobe.d", "/usr/lib/modprobe.d",
		"/lib/modprobe.d",
	};
	struct looking l = { };
	size_t i;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && !l.found; i++) {
		l.dir = dirs[i];
		sys_each(l.dir, look_for_blacklist, &l);
	}
	return l.found;
}

static void note_ranges(const char *group, void *ctx)
{
	struct health *h = ctx;
	FILE *f = sys_open("/sys/kernel/iommu_groups/%s/reserved_regions",
			   group);
	size_t n = strlen(h->direct_ranges);
	char line[128], kind[32];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*s %31s", kind) == 1 &&
		    !strcmp(kind, "direct")) {
			snprintf(h->direct_ranges + n,
				 sizeof(h->direct_ranges) - n, "%s%s",
				 n ? ", " : "", group);
			break;
		}
	if (f)
		fclose(f);
}

/* CAP_IPC_LOCK (bit 14) lifts the limit. */
static bool exempt(void)
{
	FILE *f = sys_open("/proc/self/status");
	unsigned long long caps = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			break;
	if (f)
		fclose(f);
	return caps >> 14 & 1;
}

static void count(struct health *h, const struct machine *m)
{
	size_t i;

	for (i = 0; i < m->count; i++) {
		const struct fn *f = &m->fn[i];

		h->functions++;
		h->in_groups += f->group >= 0;
		h->direct_irqs += f->direct_irqs && !f->bridge;
		h->quarantined += f->is_card &&
				  !strcmp(f->card.state, "quarantined");
		h->broken += f->is_card && !strcmp(f->card.state, "broken");
	}
}

void doctor_read(struct health *h, const struct machine *m, uint64_t need)
{
	struct rlimit limit;
	char kvm[SYS_PATH];

	memset(h, 0, sizeof(*h));
	read_cpu(h);
	h->ivrs = sys_exists("/sys/firmware/acpi/tables/IVRS");
	sys_read(h->cmdline, sizeof(h->cmdline), "/proc/cmdline");
	h->sme_on = has_word(h->cmdline, "mem_encrypt=on");
	read_modules(h);
	sys_read(h->lockdown, sizeof(h->lockdown),
		 "/sys/kernel/security/lockdown");
	h->kept_out = kept_out();
	sys_path(kvm, "/dev/kvm");
	h->dev_kvm = !access(kvm, F_OK);
	h->dev_kvm_usable = !access(kvm, R_OK | W_OK);
	h->memlock = getrlimit(RLIMIT_MEMLOCK, &limit) ||
		     limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX :
						       limit.rlim_cur;
	h->memlock_exempt = exempt();
	h->need = need;
	sys_each("/sys/kernel/iommu_groups", note_ranges, h);
	h->root = geteuid() == 0;
	count(h, m);
}

// SPDX-License-Identifier: GPL-2.0
/* Takes the snapshot of live.h from /proc, sysfs and debugfs. */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/backplane/live.h"
#include "tools/backplane/sys.h"

struct scan {
	const char *pid;
	unsigned int vms, vcpus;
};

static void look_at_fd(const char *fd, void *ctx)
{
	struct scan *s = ctx;
	char path[SYS_PATH], target[64];
	ssize_t n;

	sys_path(path, "/proc/%s/fd/%s", s->pid, fd);
	n = readlink(path, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = '\0';
	if (!strncmp(target, "anon_inode:kvm-vm", 17))
		s->vms++;
	if (!strncmp(target, "anon_inode:kvm-vcpu", 19))
		s->vcpus++;
}

static void read_memory(struct vm_seen *v)
{
	FILE *f = sys_open("/proc/%llu/status", (unsigned long long)v->pid);
	unsigned long long kb;
	char line[160];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "VmRSS: %llu", &kb) == 1)
			v->rss_kb = kb;
		if (sscanf(line, "VmPin: %llu", &kb) == 1)
			v->pinned_kb = kb;
	}
	if (f)
		fclose(f);
}

static void look_at_process(const char *pid, void *ctx)
{
	struct scan s = { .pid = pid };
	struct live *l = ctx;
	struct vm_seen *v;
	char dir[SYS_PATH];

	if (!isdigit((unsigned char)*pid) || l->vms == LIVE_VMS)
		return;
	snprintf(dir, sizeof(dir), "/proc/%s/fd", pid);
	sys_each(dir, look_at_fd, &s);
	if (!s.vms)
		return;
	v = &l->vm[l->vms++];
	v->pid = strtoull(pid, NULL, 10);
	v->vcpus = s.vcpus;
	sys_read(v->name, sizeof(v->name), "/proc/%s/comm", pid);
	read_memory(v);
}

static void look_at_card(const char *bdf, void *ctx)
{
	struct live *l = ctx;

	if (l->cards == LIVE_CARDS || strlen(bdf) >= BDF_TEXT ||
	    !facts_read_card(bdf, &l->card[l->cards]))
		return;
	strcpy(l->bdf[l->cards++], bdf);
}

static void look_at_counter(const char *name, void *ctx)
{
	struct live *l = ctx;
	struct counter *c = &l->exits[l->exit_count];

	if (l->exit_count == LIVE_EXITS || strlen(name) >= sizeof(c->name))
		return;
	c->value = sys_number(UINT64_MAX, "/sys/kernel/debug/kvm/%s", name);
	if (c->value == UINT64_MAX)
		return;
	strcpy(c->name, name);
	l->exit_count++;
	l->exits_known = true;
}

static void look_at_iommu(const char *name, void *ctx)
{
	static const char *const what[] = { "faults", "overflows", "timeouts" };
	struct live *l = ctx;
	size_t i;

	if (strncmp(name, "amdvi", 5))
		return;
	for (i = 0; i < 3 && l->event_count < LIVE_IOMMUS * 3; i++) {
		struct counter *c = &l->events[l->event_count++];

		snprintf(c->name, sizeof(c->name), "%.16s %s", name, what[i]);
		c->value = sys_number(0, "/sys/class/iommu/%s/amdvi/%s", name,
				      what[i]);
	}
}

void live_read(struct live *l)
{
	struct timespec now;

	memset(l, 0, sizeof(*l));
	clock_gettime(CLOCK_MONOTONIC, &now);
	l->at_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	l->core = sys_exists("/sys/module/kvm_core");
	l->svm = sys_exists("/sys/module/svm");
	l->assign = sys_exists("/sys/module/pci_assign");
	l->iommu_amd = sys_exists("/sys/module/iommu_amd");
	sys_each("/proc", look_at_process, l);
	sys_each("/sys/class/backplane", look_at_card, l);
	sys_each("/sys/kernel/debug/kvm", look_at_counter, l);
	sys_each("/sys/class/iommu", look_at_iommu, l);
}

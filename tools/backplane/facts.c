// SPDX-License-Identifier: GPL-2.0
/*
 * Collecting facts about PCI functions. libpci lists them, names them and
 * parses capabilities; sysfs and /proc give the rest. Called once per command.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pci/pci.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/backplane/facts.h"
#include "tools/backplane/sys.h"

#define DEVICES "/sys/bus/pci/devices"

bool bdf_parse(const char *text, char out[BDF_TEXT])
{
	unsigned int domain = 0, bus, dev, func;
	int end = -1;

	out[0] = '\0';
	sscanf(text, "%x:%x:%x.%x%n", &domain, &bus, &dev, &func, &end);
	if (end < 0 || text[end]) {
		end = -1;
		domain = 0;
		sscanf(text, "%x:%x.%x%n", &bus, &dev, &func, &end);
	}
	if (end < 0 || text[end] || strlen(text) > 12 ||
	    strspn(text, "0123456789abcdefABCDEF:.") != strlen(text) ||
	    domain > 0xffff || bus > 0xff || dev > 0x1f || func > 7)
		return false;
	snprintf(out, BDF_TEXT, "%04x:%02x:%02x.%x", domain & 0xffff,
		 bus & 0xff, dev & 0x1f, func & 7);
	return true;
}

/* ---- one function -------------------------------------------------------- */

static void append(char *text, size_t size, const char *sep, const char *more)
{
	size_t n = strlen(text);

	snprintf(text + n, size - n, "%s%s", n ? sep : "", more);
}

static void read_bars(struct fn *f, struct pci_dev *p)
{
	unsigned int i;

	for (i = 0; i < BAR_COUNT; i++) {
		struct bar *b = &f->bar[i];

		b->size = p->size[i];
		if (!b->size)
			continue;
		b->prefetch = p->flags[i] & PCI_IORESOURCE_PREFETCH;
		b->kind = p->flags[i] & PCI_IORESOURCE_IO ? BAR_IO :
			  p->flags[i] & PCI_IORESOURCE_MEM_64 ? BAR_MEM64 :
								BAR_MEM32;
	}
	f->rom = p->rom_size;
}

static void read_caps(struct fn *f, struct pci_dev *p)
{
	struct pci_cap *cap;
	uint8_t byte;

	f->intx = pci_read_byte(p, PCI_INTERRUPT_PIN) != 0;
	f->caps_known = pci_read_block(p, 64, &byte, 1);
	if (!f->caps_known)
		return;
	cap = pci_find_cap(p, PCI_CAP_ID_MSI, PCI_CAP_NORMAL);
	if (cap)
		f->msi = 1U << (pci_read_word(p, cap->addr + PCI_MSI_FLAGS)
				>> 1 & 7);
	cap = pci_find_cap(p, PCI_CAP_ID_MSIX, PCI_CAP_NORMAL);
	if (cap)
		f->msix = (pci_read_word(p, cap->addr + 2) & 0x7ffU) + 1;
	f->acs = pci_find_cap(p, PCI_EXT_CAP_ID_ACS, PCI_CAP_EXTENDED);
}

static void read_parent(struct fn *f)
{
	char path[SYS_PATH], real[4096], *at;

	sys_path(path, DEVICES "/%s", f->bdf);
	if (!realpath(path, real))
		return;
	at = strrchr(real, '/');
	if (!at)
		return;
	*at = '\0';
	at = strrchr(real, '/');
	if (!at || !bdf_parse(at + 1, f->parent))
		f->parent[0] = '\0';
}

static void read_links(struct fn *f)
{
	char text[64];

	sys_link(f->driver, sizeof(f->driver), DEVICES "/%s/driver", f->bdf);
	sys_read(f->override, sizeof(f->override),
		 DEVICES "/%s/driver_override", f->bdf);
	if (!strcmp(f->override, "(null)"))
		f->override[0] = '\0';
	f->group = -1;
	if (!sys_link(text, sizeof(text), DEVICES "/%s/iommu_group", f->bdf))
		f->group = atoi(text);
	sys_read(f->reset, sizeof(f->reset), DEVICES "/%s/reset_method",
		 f->bdf);
	f->boot_vga = sys_number(0, DEVICES "/%s/boot_vga", f->bdf) == 1;
	f->virtual_fn = sys_exists(DEVICES "/%s/physfn", f->bdf);
	read_parent(f);
}

/* ---- what the host does with it ------------------------------------------ */

#define IFF_UP_FLAG 1

static void note_net(const char *name, void *ctx)
{
	struct fn *f = ctx;
	char text[64];

	if (!(sys_number(0, DEVICES "/%s/net/%s/flags", f->bdf, name) &
	      IFF_UP_FLAG))
		return;
	snprintf(text, sizeof(text), "network interface %.32s is up", name);
	append(f->uses, sizeof(f->uses), ", ", text);
}

/* Does the block device major:minor sit on this function? */
static bool block_on(const struct fn *f, unsigned int major, unsigned int minor)
{
	char path[SYS_PATH], real[4096], part[BDF_TEXT + 2];

	sys_path(path, "/sys/dev/block/%u:%u", major, minor);
	snprintf(part, sizeof(part), "/%s/", f->bdf);
	return realpath(path, real) && strstr(real, part);
}

static void note_mounts(struct fn *f)
{
	char line[1024], where[256], text[300];
	FILE *m = sys_open("/proc/self/mountinfo");
	unsigned int major, minor;

	while (m && fgets(line, sizeof(line), m)) {
		if (sscanf(line, "%*d %*d %u:%u %*s %255s", &major, &minor,
			   where) != 3 || !major || !block_on(f, major, minor))
			continue;
		snprintf(text, sizeof(text), "%.40s is mounted from it", where);
		append(f->uses, sizeof(f->uses), ", ", text);
	}
	if (m)
		fclose(m);
}

static void read_uses(struct fn *f)
{
	char dir[SYS_PATH];

	snprintf(dir, sizeof(dir), DEVICES "/%s/net", f->bdf);
	sys_each(dir, note_net, f);
	note_mounts(f);
	if (f->boot_vga && f->driver[0])
		append(f->uses, sizeof(f->uses), ", ", "it shows the console");
}

/* ---- the interrupt line -------------------------------------------------- */

static void read_irq(struct fn *f)
{
	if (f->intx && !sys_exists(DEVICES "/%s/msi_irqs", f->bdf))
		f->irq = (int)sys_number(0, DEVICES "/%s/irq", f->bdf);
}

static void note_sharers(struct machine *m)
{
	size_t i, k;

	for (i = 0; i < m->count; i++)
		for (k = 0; k < m->count; k++) {
			const struct fn *o = &m->fn[k];
			char text[96];

			if (i == k || !o->driver[0] || !o->irq ||
			    o->irq != m->fn[i].irq)
				continue;
			snprintf(text, sizeof(text), "%s (%s)", o->bdf,
				 o->driver);
			append(m->fn[i].line_users,
			       sizeof(m->fn[i].line_users), ", ", text);
		}
}

/* ---- cards ---------------------------------------------------------------- */

#define CARD DEVICES "/%s/backplane/%s"

static void read_owner(const char *bdf, struct card *c)
{
	char path[SYS_PATH];
	struct passwd *who;
	struct stat st;

	sys_path(path, "/dev/backplane/%s", bdf);
	if (stat(path, &st))
		return;
	who = getpwuid(st.st_uid);
	if (who)
		snprintf(c->owner, sizeof(c->owner), "%s", who->pw_name);
	else
		snprintf(c->owner, sizeof(c->owner), "%u",
			 (unsigned int)st.st_uid);
}

bool facts_read_card(const char *bdf, struct card *c)
{
	char text[64];
	int at = 0;

	memset(c, 0, sizeof(*c));
	if (sys_read(c->state, sizeof(c->state), CARD "/state", bdf, bdf))
		return false;
	sys_read(c->reason, sizeof(c->reason), CARD "/reason", bdf, bdf);
	sys_read(text, sizeof(text), CARD "/holder", bdf, bdf);
	if (sscanf(text, "%ju %n", &c->holder, &at) == 1)
		snprintf(c->holder_name, sizeof(c->holder_name), "%.31s",
			 text + at);
	sys_read(c->reset_method, sizeof(c->reset_method),
		 CARD "/reset_method", bdf, bdf);
	c->vm = sys_number(0, CARD "/vm", bdf, bdf);
	c->domain = sys_number(0, CARD "/domain", bdf, bdf);
	c->faults = sys_number(0, CARD "/faults", bdf, bdf);
	c->faults_dropped = sys_number(0, CARD "/faults_dropped", bdf, bdf);
	c->irqs_hard = sys_number(0, CARD "/irqs_hard", bdf, bdf);
	c->irqs_fallback = sys_number(0, CARD "/irqs_fallback", bdf, bdf);
	c->irqs_pended = sys_number(0, CARD "/irqs_pended", bdf, bdf);
	c->irqs_lost = sys_number(0, CARD "/irqs_lost", bdf, bdf);
	c->vectors_missing = sys_number(0, CARD "/vectors_missing", bdf, bdf);
	read_owner(bdf, c);
	return true;
}

/* ---- the machine ---------------------------------------------------------- */

static void note_iommu(const char *name, void *ctx)
{
	struct machine *m = ctx;
	char line[64];
	struct fn *f;
	FILE *list;

	if (strncmp(name, "amdvi", 5)) {
		snprintf(m->iommu, sizeof(m->iommu), "in-tree");
		return;
	}
	snprintf(m->iommu, sizeof(m->iommu), "amdvi");
	list = sys_open("/sys/class/iommu/%s/amdvi/direct_interrupts", name);
	while (list && fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = '\0';
		f = facts_find(m, line);
		if (f)
			f->direct_irqs = true;
	}
	if (list)
		fclose(list);
}

static void fill(struct fn *f, struct pci_access *access, struct pci_dev *p)
{
	snprintf(f->bdf, sizeof(f->bdf), "%04x:%02x:%02x.%x",
		 p->domain & 0xffff, p->bus, p->dev, p->func);
	pci_fill_info(p, PCI_FILL_IDENT | PCI_FILL_CLASS | PCI_FILL_BASES |
		      PCI_FILL_SIZES | PCI_FILL_ROM_BASE | PCI_FILL_IO_FLAGS |
		      PCI_FILL_CAPS | PCI_FILL_EXT_CAPS);
	f->vendor = p->vendor_id;
	f->device = p->device_id;
	f->class = p->device_class;
	pci_lookup_name(access, f->name, sizeof(f->name),
			PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE, p->vendor_id,
			p->device_id);
	f->bridge = p->device_class >> 8 == 0x06 ||
		    (pci_read_byte(p, PCI_HEADER_TYPE) & 0x7f) != 0;
	read_bars(f, p);
	read_caps(f, p);
	read_links(f);
	read_irq(f);
	read_uses(f);
	f->is_card = !strcmp(f->driver, DRIVER_NAME) &&
		     facts_read_card(f->bdf, &f->card);
}

static int by_address(const void *a, const void *b)
{
	return strcmp(((const struct fn *)a)->bdf, ((const struct fn *)b)->bdf);
}

/* libpci warns of what a partial tree lacks; it is no news here. */
static void ignore(char *msg, ...)
{
	(void)msg;
}

static struct pci_access *open_pci(void)
{
	struct pci_access *access = pci_alloc();
	char path[SYS_PATH];

	if (!access)
		return NULL;
	sys_path(path, "/sys/bus/pci");
	pci_set_param(access, "sysfs.path", path);
	access->method = PCI_ACCESS_SYS_BUS_PCI;
	access->warning = ignore;
	pci_init(access);
	pci_scan_bus(access);
	return access;
}

int facts_read(struct machine *m, char *why, size_t size)
{
	struct pci_access *access;
	struct pci_dev *p;
	size_t n = 0;

	memset(m, 0, sizeof(*m));
	if (!sys_exists(DEVICES)) {
		snprintf(why, size, "there is no /sys/bus/pci/devices; is sysfs mounted?");
		return -ENOENT;
	}
	access = open_pci();
	if (!access)
		return -ENOMEM;
	for (p = access->devices; p; p = p->next)
		n++;
	m->fn = calloc(n + 1, sizeof(*m->fn));
	for (p = access->devices; m->fn && p; p = p->next)
		fill(&m->fn[m->count++], access, p);
	pci_cleanup(access);
	if (!m->fn) {
		snprintf(why, size, "out of memory");
		return -ENOMEM;
	}
	qsort(m->fn, m->count, sizeof(*m->fn), by_address);
	note_sharers(m);
	sys_each("/sys/class/iommu", note_iommu, m);
	m->driver_loaded = sys_exists("/sys/bus/pci/drivers/" DRIVER_NAME);
	return 0;
}

void facts_free(struct machine *m)
{
	free(m->fn);
	m->fn = NULL;
	m->count = 0;
}

struct fn *facts_find(const struct machine *m, const char *bdf)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (!strcmp(m->fn[i].bdf, bdf))
			return &m->fn[i];
	return NULL;
}

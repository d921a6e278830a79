/* SPDX-License-Identifier: GPL-2.0 */
/*
 * facts: what is true of the machine's PCI functions, read from sysfs, /proc
 * and (through libpci) config space. Nothing is judged here: verdict.h does.
 * Without root the kernel shows 64 bytes of config space: caps_known is false
 * then and what capabilities say is unknown.
 */
#ifndef BACKPLANE_TOOL_FACTS_H
#define BACKPLANE_TOOL_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BDF_TEXT 16
#define BAR_COUNT 6
#define DRIVER_NAME "pci-assign"

enum bar_kind { BAR_NONE, BAR_IO, BAR_MEM32, BAR_MEM64 };

struct bar {
	enum bar_kind kind;
	bool prefetch;
	uint64_t size;
};

/* Of a card that is bound to pci-assign. */
struct card {
	char state[16];		/* blocked attached quarantined broken */
	char reason[96];	/* why broken */
	uint64_t holder;	/* pid, 0 = node not open */
	char holder_name[32];
	uint64_t vm, domain, faults, faults_dropped;
	uint64_t irqs_hard, irqs_fallback, irqs_pended, irqs_lost, vectors_missing;
	char reset_method[16];
	char owner[32];		/* of the node */
};

struct fn {
	char bdf[BDF_TEXT];
	char parent[BDF_TEXT];	/* the bridge above, "" on a root bus */
	uint16_t vendor, device, class;
	char name[160];
	char driver[64], override[64];
	int group;		/* -1: none */
	bool bridge;
	bool virtual_fn;
	bool boot_vga;

	bool caps_known;
	bool acs;
	unsigned int msi, msix;	/* vectors; with caps_known */
	bool intx;
	int irq;		/* the line, 0 = none or replaced by MSI */
	char line_users[160];	/* others on that line */

	struct bar bar[BAR_COUNT];
	uint64_t rom;
	char reset[64];		/* methods, in the kernel's order; "" = none */
	bool direct_irqs;	/* the IOMMU does not remap its interrupts */
	char uses[160];		/* what the host does with it now */

	bool is_card;
	struct card card;
};

struct machine {
	struct fn *fn;
	size_t count;
	char iommu[32];		/* driver: "amdvi" ours, "in-tree", "" none */
	bool driver_loaded;	/* pci-assign */
};

/* "04:00.0", "0000:04:00.0" or "4:0.0" in hexadecimal to the full form. */
bool bdf_parse(const char *text, char out[BDF_TEXT]);

/* 0, or -errno with @why filled. */
int facts_read(struct machine *m, char *why, size_t size);
void facts_free(struct machine *m);
struct fn *facts_find(const struct machine *m, const char *bdf);
/* Only what is under .../backplane/<bdf>; false when it is not bound to us. */
bool facts_read_card(const char *bdf, struct card *c);

#endif

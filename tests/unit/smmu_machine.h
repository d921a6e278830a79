/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A machine for smmu's tests: guest RAM whose frames lie anywhere in the host's,
 * CPUs that walk the shadow tables as hardware does and keep what they found in a
 * TLB until it is flushed, and a hypervisor that answers their faults.
 */
#ifndef BACKPLANE_TESTS_SMMU_MACHINE_H
#define BACKPLANE_TESTS_SMMU_MACHINE_H

#include "tests/unit/check.h"
#include "kvm-core/smmu.h"

#define M_FRAMES	2048		/* guest RAM: 8 MiB */
#define M_HOST		(M_FRAMES * 2)	/* host frames, from M_HPA */
#define M_HPA		0x100000000ULL
#define M_CAP		96
#define M_CPUS		3
#define M_TLB		64

/* Guest registers. */
#define M_PG	BIT_ULL(31)
#define M_PE	BIT_ULL(0)
#define M_WP	BIT_ULL(16)
#define M_PSE	BIT_ULL(4)
#define M_PAE	BIT_ULL(5)
#define M_SMEP	BIT_ULL(20)
#define M_SMAP	BIT_ULL(21)
#define M_LMA	BIT_ULL(10)
#define M_LME	BIT_ULL(8)
#define M_NXE	BIT_ULL(11)
#define M_AC	BIT_ULL(18)
#define M_NX	BIT_ULL(63)

struct m_tlb {
	bool valid;
	gva_t page;
	bool user, write, fetch;
	hpa_t hpa;
};

struct m_cpu {
	struct gwalk_mode mode;
	struct smmu_page *root;
	struct m_tlb tlb[M_TLB];
};

enum m_result { M_OK, M_FAULT, M_MMIO, M_EMULATED };

struct m_access {
	gva_t gva;
	u32 access;
	enum m_result result;
	hpa_t hpa;		/* OK */
	gpa_t gpa;		/* MMIO, EMULATED */
	u32 error;		/* FAULT */
	unsigned int exits;
};

struct machine {
	struct smmu s;
	struct smmu_page *by_id[M_CAP + 1];
	u8 *host;			/* M_HOST frames */
	struct {
		u32 frame;		/* of the host; ~0: none */
		u32 perm;		/* GPM_*; 0: not mapped now */
		u8 level;		/* 1: one of 512 in a row */
		bool slot;		/* there is memory at all */
		bool rom;
	} gfn[M_FRAMES];
	struct m_cpu cpu[M_CPUS];
	unsigned int flushes;
	bool no_memory;			/* no page may be allocated */
};

void m_init(struct machine *m);
void m_destroy(struct machine *m);
/* Guest memory as the guest's hardware sees it. */
u64 *m_word(struct machine *m, gpa_t gpa);
u8 *m_frame(struct machine *m, gfn_t gfn);
/* Pages enough for a fault and a root; false: all are roots. */
bool m_ready(struct machine *m);
/* The CPU got another mode or CR3, or flushed. */
void m_load(struct machine *m, struct m_cpu *c);
void m_invlpg(struct machine *m, struct m_cpu *c, gva_t gva);
/* One access, to its end: through the TLB, the tables, and as many exits as needed. */
void m_access(struct machine *m, struct m_cpu *c, struct m_access *a);
/* Stores by the CPU; false: it did not end M_OK. */
bool m_store64(struct machine *m, struct m_cpu *c, gva_t gva, u64 value);
/* The host takes a frame's mapping, or the right to write it, away. */
void m_reclaim(struct machine *m, gfn_t first, gfn_t end);
void m_write_protect(struct machine *m, gfn_t first, gfn_t end);
/* Everything smmu promises of its own state. */
void m_check(struct machine *m);

/* Four-level tables: map @gva to @gpa, tables taken from *next on. */
void m_map64(struct machine *m, gfn_t root, gfn_t *next, gva_t gva, u64 entry,
	     unsigned int level);
struct gwalk_mode m_long_mode(gfn_t root);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A strict software model of one AMD IOMMU (48882), for tests in user space:
 * what hardware may do that an emulated unit does not.
 *
 *  - Registers, command ring, event log with overflow and its restart; a ring
 *    that stops at a bad command; reserved bits and levels checked.
 *  - Nothing happens at once: a command is carried out in a model_tick(), and
 *    a ring that is switched off still runs for some.
 *  - Every cache keeps what it saw until the right invalidation arrives:
 *    device table entries, interrupt entries, translations (filed under the
 *    domain id), pointers to tables, and absent pages if NpCache is on. What
 *    is cached wins over what is in memory.
 *  - A device table entry may be fetched quad by quad at any moment: for one
 *    watched device the model knows every entry that a fetch since the last
 *    invalidation can have put together.
 *  - Injection: a unit that hangs for a while or for good, completion stores
 *    that get lost, a ring that does not stop, memory that cannot be read.
 *
 * Software that breaks a rule which hardware would not report (a ring's base
 * changed while it runs, say) is told so in @complaint.
 *
 * It serves this project's driver, but knows nothing of it: it includes the
 * formats of amdvi_fmt.h and nothing else. Not modelled: guest tables, PPR,
 * translation requests, host A/D updates, performance counters.
 */
#ifndef BACKPLANE_TESTS_AMDVI_MODEL_H
#define BACKPLANE_TESTS_AMDVI_MODEL_H

#include "addr.h"
#include "iommu-amd/amdvi_fmt.h"

#define MODEL_RAM	0x1000000ULL	/* its first address */
#define MODEL_RAM_SIZE	(16U << 20)
#define MODEL_CACHE	2048		/* entries of each kind */
#define MODEL_SNAPSHOTS	16

struct model_tlb {
	u16 domain;
	u64 start, size;	/* device addresses */
	hpa_t base;
	bool present, read, write;
};

struct model_pde {
	u16 domain;
	u8 level;		/* of the table pointed to: 1 is the last */
	u64 prefix;		/* device address, aligned to what it covers */
	hpa_t table;
	bool read, write;
};

struct model_irte {
	u16 devid;
	u32 index;
	u64 q[2];
};

struct amdvi_model {
	/* knobs, before or between ticks */
	u64 efr;		/* AMDVI_EFR_* */
	bool np_cache;
	bool hang;		/* executes nothing until the ring is restarted */
	bool dead;		/* nor then */
	bool lose_stores;	/* completion stores do not arrive */
	bool no_stop;		/* CmdBufRun does not fall */
	unsigned int stop_ticks;	/* a stopping ring still runs for these */

	/* what tests look at */
	unsigned int interrupts;	/* of the event log */
	unsigned int executed;		/* commands */
	const char *complaint;		/* the first broken rule, or NULL */
	unsigned int cache_full;	/* times that something was not cached */

	/* the machine */
	u8 *ram;
	u64 ram_used;
	struct amdvi_model *first;	/* whose memory it is, NULL = ours */
	u64 devtab, cmd_base, evt_base, control, status;
	u64 excl_base, excl_limit;
	u32 cmd_head, cmd_tail, evt_head, evt_tail;
	unsigned int cmd_stops, evt_stops;	/* ticks left */
	bool irq_pending;

	struct {
		bool valid, faulted;
		u64 q[4];
	} *dte_cache;		/* AMDVI_DEVICES */
	struct model_tlb tlb[MODEL_CACHE];
	struct model_pde pde[MODEL_CACHE];
	struct model_irte irte[MODEL_CACHE];
	unsigned int tlbs, pdes, irtes;

	bool watching;
	u16 watched;
	u64 snapshot[MODEL_SNAPSHOTS][4];
	unsigned int snapshots;
};

struct amdvi_model *model_new(void);
/* One more unit of the same machine: it shares @first's memory, no more. */
struct amdvi_model *model_new_beside(struct amdvi_model *first);
/* @first of a machine last. */
void model_free(struct amdvi_model *m);

/* Zeroed memory that the unit can read; NULL when all is used. */
void *model_alloc(struct amdvi_model *m, u64 size, u64 align);
hpa_t model_hpa(const struct amdvi_model *m, const void *p);
/* NULL if the range lies outside the memory. */
void *model_at(const struct amdvi_model *m, hpa_t hpa, u64 size);

u64 model_read(struct amdvi_model *m, unsigned int reg);
void model_write(struct amdvi_model *m, unsigned int reg, u64 value);
/* Time passes: at most one command is carried out. */
void model_tick(struct amdvi_model *m);

/* A card's DMA of one byte. False: refused (see the event log). */
bool model_dma(struct amdvi_model *m, u16 devid, u64 addr, bool write,
	       hpa_t *hpa);

/* The same by a card that says its address is translated already. */
bool model_translated(struct amdvi_model *m, u16 devid, hpa_t addr, bool write);

/* A message that a card sends. */
enum model_irq_result { MODEL_IRQ_REFUSED, MODEL_IRQ_PASSED, MODEL_IRQ_REMAPPED };
struct model_irq {
	u8 vector, type;	/* IRTE_TYPE */
	bool logical;
	u32 dest;
};
enum model_irq_result model_interrupt(struct amdvi_model *m, u16 devid,
				      u32 addr, u32 data, struct model_irq *irq);

/*
 * From here on remember what fetches of @devid's entry can have seen. Call
 * model_stored() after each store to the device table.
 */
void model_watch(struct amdvi_model *m, u16 devid);
void model_stored(struct amdvi_model *m);
/*
 * Call @fn with the unit's cache holding each entry that fetches since the
 * last invalidation can have put together; the true cache is put back after.
 */
void model_each_fetch(struct amdvi_model *m,
		      void (*fn)(void *ctx, struct amdvi_model *m,
				 const u64 q[4]), void *ctx);

/* ---- between the model's files ------------------------------------------- */
struct model_request {
	u16 devid, domain;
	bool write, interrupt;
	u64 addr;
	const u64 *dte;
};
void model_log(struct amdvi_model *m, u64 code, u16 devid, u16 domain,
	       u64 flags, u64 addr);
void model_log_request(struct amdvi_model *m, u64 code,
		       const struct model_request *r, u64 flags, u64 addr);
/* The entry as the unit sees it; false: the request ends here. */
bool model_fetch_dte(struct amdvi_model *m, struct model_request *r);
void model_forget_dte(struct amdvi_model *m, u16 devid);
void model_forget_irtes(struct amdvi_model *m, u16 devid);
void model_forget_pages(struct amdvi_model *m, u16 domain, u64 start, u64 last,
			bool pde);
void model_forget_all(struct amdvi_model *m);

/* Flags of events beside those of amdvi_fmt.h, and event codes. */
#define MODEL_TYPE(n)		((u64)(n) << 57)
#define MODEL_TYPE_ABORT	MODEL_TYPE(1)
#define MODEL_ILLEGAL_DTE	1
#define MODEL_PAGE_FAULT	2
#define MODEL_DEVTAB_HW		3
#define MODEL_PAGETAB_HW	4
#define MODEL_ILLEGAL_CMD	5
#define MODEL_CMD_HW		6
#define MODEL_INV_TIMEOUT	7
#define MODEL_INVALID_REQ	8

#endif

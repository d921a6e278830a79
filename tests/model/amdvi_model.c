// SPDX-License-Identifier: GPL-2.0
/*
 * The model's outside: memory, registers (48882 3.4), the command ring (2.4)
 * and the event log (2.5). amdvi_walk.c has what cards meet.
 */
#include <stdlib.h>

#include "tests/model/amdvi_model.h"

#define ENTRY	16U

static void complain(struct amdvi_model *m, const char *what)
{
	if (!m->complaint)
		m->complaint = what;
}

/* ---- memory -------------------------------------------------------------- */

static struct amdvi_model *new_unit(u8 *ram)
{
	struct amdvi_model *m = calloc(1, sizeof(*m));

	if (!m)
		abort();
	m->ram = ram;
	m->dte_cache = calloc(AMDVI_DEVICES, sizeof(*m->dte_cache));
	if (!m->ram || !m->dte_cache)
		abort();
	m->efr = AMDVI_EFR_IA | AMDVI_EFR_GA;
	m->stop_ticks = 3;
	return m;
}

struct amdvi_model *model_new(void)
{
	struct amdvi_model *m =
		new_unit(aligned_alloc(1U << 21, MODEL_RAM_SIZE));

	memset(m->ram, 0, MODEL_RAM_SIZE);
	return m;
}

struct amdvi_model *model_new_beside(struct amdvi_model *first)
{
	struct amdvi_model *m = new_unit(first->ram);

	m->first = first;
	return m;
}

void model_free(struct amdvi_model *m)
{
	free(m->dte_cache);
	if (!m->first)
		free(m->ram);
	free(m);
}

void *model_alloc(struct amdvi_model *m, u64 size, u64 align)
{
	u64 at;

	if (m->first)
		return model_alloc(m->first, size, align);
	at = (m->ram_used + align - 1) & ~(align - 1);
	if (at + size > MODEL_RAM_SIZE)
		return NULL;
	m->ram_used = at + size;
	return m->ram + at;
}

hpa_t model_hpa(const struct amdvi_model *m, const void *p)
{
	return MODEL_RAM + (u64)((const u8 *)p - m->ram);
}

void *model_at(const struct amdvi_model *m, hpa_t hpa, u64 size)
{
	if (hpa < MODEL_RAM || hpa - MODEL_RAM > MODEL_RAM_SIZE - size)
		return NULL;
	return m->ram + (hpa - MODEL_RAM);
}

/* ---- event log ----------------------------------------------------------- */

static u32 ring_bytes(u64 base)
{
	return ENTRY << FIELD_GET(AMDVI_RING_LEN, base);
}

/* One message when a condition arises, not one for each event. */
static void update_irq(struct amdvi_model *m)
{
	bool now = (m->control & AMDVI_CTRL_EVT_INT) &&
		   (m->status & (AMDVI_STATUS_EVT_INT | AMDVI_STATUS_EVT_OVF));

	if (now && !m->irq_pending)
		m->interrupts++;
	m->irq_pending = now;
}

void model_log(struct amdvi_model *m, u64 code, u16 devid, u16 domain,
	       u64 flags, u64 addr)
{
	u32 next = (m->evt_tail + ENTRY) & (ring_bytes(m->evt_base) - 1);
	u64 *slot = model_at(m, (m->evt_base & AMDVI_RING_BASE) + m->evt_tail,
			     ENTRY);

	if (!(m->status & AMDVI_STATUS_EVT_RUN) || !slot)
		return;
	if (next == m->evt_head) {
		m->status &= ~AMDVI_STATUS_EVT_RUN;
		m->status |= AMDVI_STATUS_EVT_OVF;
		update_irq(m);
		return;
	}
	slot[0] = FIELD_PREP(EVT_CODE, code) | FIELD_PREP(EVT_DOMAIN, domain) |
		  FIELD_PREP(EVT_DEVID, devid) | flags;
	slot[1] = addr;
	m->evt_tail = next;
	m->status |= AMDVI_STATUS_EVT_INT;
	update_irq(m);
}

/* ---- commands ------------------------------------------------------------ */

struct command_kind {
	u64 reserved[2];
	bool known;
};

static const struct command_kind kinds[16] = {
	[CMD_COMPLETION_WAIT] = { { GENMASK_ULL(59, 52), 0 }, true },
	[CMD_INV_DEVTAB] = { { GENMASK_ULL(59, 16), ~0ULL }, true },
	[CMD_INV_PAGES] = { { GENMASK_ULL(31, 0) | GENMASK_ULL(59, 48),
			      GENMASK_ULL(11, 2) }, true },
	[CMD_INV_INT_TABLE] = { { GENMASK_ULL(59, 16), ~0ULL }, true },
	[CMD_INV_ALL] = { { GENMASK_ULL(59, 0), ~0ULL }, true },
};

/* 2.4.3: with S the lowest clear bit from 12 up says how long the range is. */
static void run_invalidate_pages(struct amdvi_model *m, const u64 cmd[2])
{
	u16 domain = (u16)FIELD_GET(CMD_DOMAIN, cmd[0]);
	u64 first = cmd[1] & CMD_PAGES_ADDR, size = BP_PAGE_SIZE;
	bool pde = cmd[1] & CMD_PAGES_PDE;
	unsigned int bit = 12;

	if (cmd[1] & CMD_PAGES_S) {
		while (bit < 63 && (first >> bit & 1))
			bit++;
		if (bit >= 51) {	/* everything */
			model_forget_pages(m, domain, 0, ~0ULL, pde);
			return;
		}
		size = 1ULL << (bit + 1);
		first &= ~(size - 1);
	}
	model_forget_pages(m, domain, first, first + size - 1, pde);
}

static bool run_completion_wait(struct amdvi_model *m, const u64 cmd[2])
{
	u64 *where;

	if (!(cmd[0] & CMD_WAIT_STORE) || m->lose_stores)
		return true;
	where = model_at(m, cmd[0] & CMD_WAIT_ADDR, 8);
	if (!where)
		return false;
	WRITE_ONCE(*where, cmd[1]);
	return true;
}

static bool run_command(struct amdvi_model *m, const u64 cmd[2])
{
	u64 code = FIELD_GET(CMD_CODE, cmd[0]);
	const struct command_kind *k = &kinds[code];

	if (!k->known || (cmd[0] & k->reserved[0]) || (cmd[1] & k->reserved[1]))
		return false;
	switch (code) {
	case CMD_COMPLETION_WAIT:
		return run_completion_wait(m, cmd);
	case CMD_INV_DEVTAB:
		model_forget_dte(m, (u16)cmd[0]);
		return true;
	case CMD_INV_PAGES:
		run_invalidate_pages(m, cmd);
		return true;
	case CMD_INV_INT_TABLE:
		model_forget_irtes(m, (u16)cmd[0]);
		return true;
	case CMD_INV_ALL:
		if (!(m->efr & AMDVI_EFR_IA))
			return false;
		model_forget_all(m);
		return true;
	}
	return false;
}

/* The head stays at a command that could not be carried out. */
static void step_ring(struct amdvi_model *m)
{
	hpa_t at = (m->cmd_base & AMDVI_RING_BASE) + m->cmd_head;
	u64 *cmd = model_at(m, at, ENTRY);

	if (cmd && run_command(m, cmd)) {
		m->executed++;
		m->cmd_head = (m->cmd_head + ENTRY) &
			      (ring_bytes(m->cmd_base) - 1);
		return;
	}
	m->status &= ~AMDVI_STATUS_CMD_RUN;
	if (cmd)
		model_log(m, MODEL_ILLEGAL_CMD, 0, 0, 0, at);
	else
		model_log(m, MODEL_CMD_HW, 0, 0, MODEL_TYPE_ABORT, at);
}

void model_tick(struct amdvi_model *m)
{
	if (m->cmd_stops && !m->no_stop && !--m->cmd_stops)
		m->status &= ~AMDVI_STATUS_CMD_RUN;
	if (m->evt_stops && !--m->evt_stops)
		m->status &= ~AMDVI_STATUS_EVT_RUN;
	if ((m->status & AMDVI_STATUS_CMD_RUN) && !m->hang && !m->dead &&
	    m->cmd_head != m->cmd_tail)
		step_ring(m);
}

/* ---- registers ----------------------------------------------------------- */

static bool rises(u64 old, u64 new, u64 bit)
{
	return !(old & bit) && (new & bit);
}

static void write_control(struct amdvi_model *m, u64 value)
{
	u64 old = m->control & AMDVI_CTRL_IOMMU_EN ? m->control : 0;
	u64 new = value & AMDVI_CTRL_IOMMU_EN ? value : 0;

	m->control = value;
	if (rises(old, new, AMDVI_CTRL_CMD_BUF)) {
		if (m->cmd_stops)
			complain(m, "the ring was started while it was stopping");
		m->hang = false;
		m->status |= AMDVI_STATUS_CMD_RUN;
	} else if (rises(new, old, AMDVI_CTRL_CMD_BUF) &&
		   (m->status & AMDVI_STATUS_CMD_RUN)) {
		m->cmd_stops = m->stop_ticks + 1;
	}
	if (rises(old, new, AMDVI_CTRL_EVT_LOG)) {
		if (m->evt_stops)
			complain(m, "the log was started while it was stopping");
		if (m->status & AMDVI_STATUS_EVT_OVF)
			complain(m, "the log was started with its overflow uncleared");
		else
			m->status |= AMDVI_STATUS_EVT_RUN;
	} else if (rises(new, old, AMDVI_CTRL_EVT_LOG) &&
		   (m->status & AMDVI_STATUS_EVT_RUN)) {
		m->evt_stops = m->stop_ticks + 1;
	}
	update_irq(m);
}

/* 3.4.2, 3.4.3: the pointers begin anew. */
static void write_base(struct amdvi_model *m, u64 *base, u64 value, u64 run,
		       u32 *head, u32 *tail)
{
	if (m->status & run)
		complain(m, "a ring's base was changed while it ran");
	if (FIELD_GET(AMDVI_RING_LEN, value) < 8)
		complain(m, "a ring has less than 256 entries");
	*base = value;
	*head = *tail = 0;
}

static u32 ring_offset(struct amdvi_model *m, u64 base, u64 value)
{
	if (value & ~AMDVI_RING_PTR)
		complain(m, "reserved bits in a ring's pointer");
	if (value >= ring_bytes(base))
		complain(m, "a ring's pointer lies outside the ring");
	return (u32)(value & AMDVI_RING_PTR & (ring_bytes(base) - 1));
}

static void write_head(struct amdvi_model *m, u64 value)
{
	if (m->status & AMDVI_STATUS_CMD_RUN)
		complain(m, "the command head was written while the ring ran");
	m->cmd_head = ring_offset(m, m->cmd_base, value);
}

u64 model_read(struct amdvi_model *m, unsigned int reg)
{
	switch (reg) {
	case AMDVI_REG_DEVTAB:
		return m->devtab;
	case AMDVI_REG_CMD_BASE:
		return m->cmd_base;
	case AMDVI_REG_EVT_BASE:
		return m->evt_base;
	case AMDVI_REG_CONTROL:
		return m->control;
	case AMDVI_REG_EFR:
		return m->efr;
	case AMDVI_REG_CMD_HEAD:
		return m->cmd_head;
	case AMDVI_REG_CMD_TAIL:
		return m->cmd_tail;
	case AMDVI_REG_EVT_HEAD:
		return m->evt_head;
	case AMDVI_REG_EVT_TAIL:
		return m->evt_tail;
	case AMDVI_REG_STATUS:
		return m->status;
	}
	complain(m, "an unknown register was read");
	return ~0ULL;
}

void model_write(struct amdvi_model *m, unsigned int reg, u64 value)
{
	switch (reg) {
	case AMDVI_REG_DEVTAB:
		if (m->control & AMDVI_CTRL_IOMMU_EN)
			complain(m, "the device table moved while the unit was on");
		m->devtab = value;
		return;
	case AMDVI_REG_CMD_BASE:
		write_base(m, &m->cmd_base, value, AMDVI_STATUS_CMD_RUN,
			   &m->cmd_head, &m->cmd_tail);
		return;
	case AMDVI_REG_EVT_BASE:
		write_base(m, &m->evt_base, value, AMDVI_STATUS_EVT_RUN,
			   &m->evt_head, &m->evt_tail);
		return;
	case AMDVI_REG_CONTROL:
		write_control(m, value);
		return;
	case AMDVI_REG_EXCL_BASE:
		m->excl_base = value;
		return;
	case AMDVI_REG_EXCL_LIMIT:
		m->excl_limit = value;
		return;
	case AMDVI_REG_CMD_HEAD:
		write_head(m, value);
		return;
	case AMDVI_REG_CMD_TAIL:
		m->cmd_tail = ring_offset(m, m->cmd_base, value);
		return;
	case AMDVI_REG_EVT_HEAD:
		m->evt_head = ring_offset(m, m->evt_base, value);
		return;
	case AMDVI_REG_EVT_TAIL:
		if (m->status & AMDVI_STATUS_EVT_RUN)
			complain(m, "the event tail was written while the log ran");
		m->evt_tail = ring_offset(m, m->evt_base, value);
		return;
	case AMDVI_REG_STATUS:	/* write 1 to clear */
		m->status &= ~(value & (AMDVI_STATUS_EVT_OVF |
					AMDVI_STATUS_EVT_INT));
		update_irq(m);
		return;
	}
	complain(m, "an unknown register was written");
}

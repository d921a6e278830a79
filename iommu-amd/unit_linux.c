// SPDX-License-Identifier: GPL-2.0
/*
 * One IOMMU unit: its registers, its command ring, and the safe writing of
 * device table entries (48882 2.4, 3.4). Every wait is bounded: a completion
 * that does not arrive within a second makes us restart the ring once, and
 * then call the unit broken, after which every command fails at once and the
 * callers block what they can. Called by all other files of this folder; it
 * knows neither domains nor PCI drivers.
 *
 * Limit: the ring's lock is held across the wait, so CPUs that flush at the
 * same time queue up. Cards that are assigned flush rarely, the host's own
 * stay in pass-through, so this was preferred to a lock-free ring.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/slab.h>

#include "iommu-amd/amdvi_priv.h"

#define UNIT_POLLS	100000	/* of 10 us: one second */
#define UNIT_RING_BYTES	(AMDVI_RING_ENTRIES * AMDVI_CMD_SIZE)

u64 amdvi_unit_read(struct amdvi_unit *u, unsigned int reg)
{
	return readq(u->mmio + reg);
}

void amdvi_unit_write(struct amdvi_unit *u, unsigned int reg, u64 value)
{
	writeq(value, u->mmio + reg);
}

void amdvi_unit_control(struct amdvi_unit *u, u64 clear, u64 set)
{
	unsigned long flags;
	u64 ctrl;

	raw_spin_lock_irqsave(&u->cmd_lock, flags);
	ctrl = amdvi_unit_read(u, AMDVI_REG_CONTROL);
	amdvi_unit_write(u, AMDVI_REG_CONTROL, (ctrl & ~clear) | set);
	raw_spin_unlock_irqrestore(&u->cmd_lock, flags);
}

/* ---- commands ------------------------------------------------------------ */

static bool unit_poll_seq(struct amdvi_unit *u)
{
	unsigned int i;

	for (i = 0; i < UNIT_POLLS; i++) {
		if (ring_seq_reached(READ_ONCE(*u->sem), u->seq))
			return true;
		if (i < 1000)
			cpu_relax();
		else
			udelay(10);
	}
	return false;
}

static bool unit_poll_status(struct amdvi_unit *u, u64 mask, u64 want)
{
	unsigned int i;

	for (i = 0; i < UNIT_POLLS; i++) {
		if ((amdvi_unit_read(u, AMDVI_REG_STATUS) & mask) == want)
			return true;
		udelay(10);
	}
	return false;
}

/* Ends what was pushed so far with a completion store, and waits for it. */
static int unit_sync(struct amdvi_unit *u)
{
	struct amdvi_cmd wait;

	u->seq++;
	wait = cmd_completion_wait(virt_to_phys(u->sem), u->seq);
	/* unit_push() keeps one slot for this. */
	ring_push(&u->cmd, wait.q);
	atomic64_inc(&u->waits);
	wmb();	/* the commands, and what they are about, before the tail */
	amdvi_unit_write(u, AMDVI_REG_CMD_TAIL, ring_tail_offset(&u->cmd));
	if (!unit_poll_seq(u))
		return -ETIMEDOUT;
	ring_complete(&u->cmd);
	return 0;
}

static int unit_push(struct amdvi_unit *u, const struct amdvi_cmd *cmd)
{
	int err;

	if (ring_room(&u->cmd) < 2) {
		err = unit_sync(u);
		if (err)
			return err;
	}
	atomic64_inc(&u->commands);
	return ring_push(&u->cmd, cmd->q);
}

static int unit_run_once(struct amdvi_unit *u, const struct amdvi_cmd *cmds,
			 unsigned int n)
{
	unsigned int i;
	int err;

	for (i = 0; i < n; i++) {
		err = unit_push(u, &cmds[i]);
		if (err)
			return err;
	}
	return unit_sync(u);
}

/* 2.4: stop fetching, wait until it stopped, both pointers to 0, go on. */
static bool unit_reset_ring(struct amdvi_unit *u)
{
	u64 ctrl = amdvi_unit_read(u, AMDVI_REG_CONTROL);

	amdvi_unit_write(u, AMDVI_REG_CONTROL, ctrl & ~AMDVI_CTRL_CMD_BUF);
	if (!unit_poll_status(u, AMDVI_STATUS_CMD_RUN, 0))
		return false;
	amdvi_unit_write(u, AMDVI_REG_CMD_HEAD, 0);
	amdvi_unit_write(u, AMDVI_REG_CMD_TAIL, 0);
	ring_reset(&u->cmd);
	amdvi_unit_write(u, AMDVI_REG_CONTROL, ctrl | AMDVI_CTRL_CMD_BUF);
	return true;
}

/*
 * Forget everything the unit has cached. Old units lack INVALIDATE_ALL and
 * are told about each device and each domain instead.
 */
static int unit_invalidate_all(struct amdvi_unit *u)
{
	struct amdvi_cmd cmd = cmd_invalidate_all();
	unsigned int id;
	int err = 0;

	if (u->efr & AMDVI_EFR_IA)
		return unit_run_once(u, &cmd, 1);
	for (id = 0; id < AMDVI_DEVICES && !err; id++) {
		struct amdvi_cmd each[] = { cmd_invalidate_dte(id),
					    cmd_invalidate_irt(id),
					    cmd_invalidate_domain(id) };
		unsigned int i;

		for (i = 0; i < ARRAY_SIZE(each) && !err; i++)
			err = unit_push(u, &each[i]);
	}
	return err ? err : unit_sync(u);
}

static void unit_recover(struct amdvi_unit *u)
{
	atomic64_inc(&u->timeouts);
	if (unit_reset_ring(u) && !unit_invalidate_all(u)) {
		pr_warn("iommu-amd: unit %u had stopped executing commands; its ring was restarted\n",
			u->index);
		return;
	}
	u->broken = true;
	pr_err("iommu-amd: unit %u does not execute commands any more; cards that are assigned through it are blocked, reboot to recover\n",
	       u->index);
}

int amdvi_unit_run(struct amdvi_unit *u, const struct amdvi_cmd *cmds,
		   unsigned int n)
{
	unsigned long flags;
	int err = -ETIMEDOUT;

	raw_spin_lock_irqsave(&u->cmd_lock, flags);
	if (!u->broken && u->started)
		err = unit_run_once(u, cmds, n);
	if (err && !u->broken && u->started) {
		unit_recover(u);
		/* Recovery has invalidated everything, these included. */
		err = u->broken ? -ETIMEDOUT : 0;
	}
	raw_spin_unlock_irqrestore(&u->cmd_lock, flags);
	return err;
}

void amdvi_unit_restart_commands(struct amdvi_unit *u)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&u->cmd_lock, flags);
	if (u->started && !u->broken)
		unit_recover(u);
	raw_spin_unlock_irqrestore(&u->cmd_lock, flags);
}

/* ---- device table entries ------------------------------------------------ */

static int unit_flush_dte(struct amdvi_unit *u, u16 id, u64 old_q1, u64 new_q1)
{
	u16 old_domain = FIELD_GET(DTE_DOMAIN, old_q1);
	u16 new_domain = FIELD_GET(DTE_DOMAIN, new_q1);
	struct amdvi_cmd cmds[] = {
		cmd_invalidate_dte(id),
		cmd_invalidate_irt(id),
		cmd_invalidate_domain(old_domain),
		cmd_invalidate_domain(new_domain),
	};

	return amdvi_unit_run(u, cmds, old_domain == new_domain ? 3 : 4);
}

/*
 * The plan makes the order, this carries it out. Before the unit runs nobody
 * reads the table and the flushes have nothing to do.
 */
static int unit_write_dte(struct amdvi_unit *u, u16 id, const struct dte *new)
{
	struct dte *entry = &u->seg->devtab[id], old = *entry;
	struct dte_step plan[DTE_PLAN_MAX];
	unsigned int n = dte_plan(&old, new, plan), i;
	int err;

	for (i = 0; i < n; i++) {
		if (plan[i].what == DTE_STORE) {
			WRITE_ONCE(entry->q[plan[i].quad], plan[i].value);
			wmb();	/* the plan's order is the order in memory */
			continue;
		}
		if (!u->started)
			continue;
		err = unit_flush_dte(u, id, old.q[1], new->q[1]);
		if (err)
			return err;
	}
	return 0;
}

int amdvi_unit_write_dte(struct amdvi_unit *u, u16 id, const struct dte *new)
{
	unsigned long flags;
	int err;

	raw_spin_lock_irqsave(&u->seg->lock, flags);
	err = unit_write_dte(u, id, new);
	raw_spin_unlock_irqrestore(&u->seg->lock, flags);
	return err;
}

/* ---- life ---------------------------------------------------------------- */

static int unit_alloc(struct amdvi_unit *u)
{
	unsigned int order = get_order(UNIT_RING_BYTES);

	u->cmd.slot = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, order);
	u->evt = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, order);
	u->sem = (void *)get_zeroed_page(GFP_KERNEL);
	if (!u->cmd.slot || !u->evt || !u->sem)
		return -ENOMEM;
	ring_init(&u->cmd, u->cmd.slot, AMDVI_RING_ENTRIES);
	return 0;
}

static int unit_find_function(struct amdvi_unit *u)
{
	u32 cap;
	int err;

	u->pdev = pci_get_domain_bus_and_slot(u->info.segment,
					      PCI_BUS_NUM(u->info.devid),
					      u->info.devid & 0xff);
	if (!u->pdev) {
		pr_err("iommu-amd: firmware names %04x:%02x:%02x.%x as a unit, but there is no such function\n",
		       u->info.segment, PCI_BUS_NUM(u->info.devid),
		       PCI_SLOT(u->info.devid), PCI_FUNC(u->info.devid));
		return -ENODEV;
	}
	/* No driver, ours for assignment least of all, may take it. */
	u->pdev->match_driver = false;
	err = pci_enable_device(u->pdev);
	if (err)
		return err;
	u->enabled = true;
	pci_read_config_dword(u->pdev, u->info.cap, &cap);
	u->np_cache = cap & AMDVI_CAP_NP_CACHE;
	return 0;
}

static int unit_map_registers(struct amdvi_unit *u)
{
	if (!request_mem_region(u->info.base, AMDVI_MMIO_SIZE, "iommu-amd")) {
		pci_err(u->pdev, "iommu-amd: the registers at %#llx belong to somebody else (see /proc/iomem)\n",
			u->info.base);
		return -EBUSY;
	}
	u->mmio = ioremap(u->info.base, AMDVI_MMIO_SIZE);
	if (!u->mmio) {
		release_mem_region(u->info.base, AMDVI_MMIO_SIZE);
		return -ENOMEM;
	}
	return 0;
}

int amdvi_unit_init(struct amdvi_unit *u)
{
	int err;

	raw_spin_lock_init(&u->cmd_lock);
	mutex_init(&u->evt_mutex);
	err = unit_find_function(u);
	if (!err)
		err = unit_alloc(u);
	if (!err)
		err = unit_map_registers(u);
	if (err)
		return err;
	u->efr = amdvi_unit_read(u, AMDVI_REG_EFR);
	/* A 128-bit entry must change in one store: that takes cmpxchg16b. */
	u->ga = (u->efr & AMDVI_EFR_GA) && system_has_cmpxchg_double();
	u->xt = u->ga && (u->efr & AMDVI_EFR_XT);
	return 0;
}

void amdvi_unit_free(struct amdvi_unit *u)
{
	unsigned int order = get_order(UNIT_RING_BYTES);

	if (u->mmio) {
		iounmap(u->mmio);
		release_mem_region(u->info.base, AMDVI_MMIO_SIZE);
	}
	free_pages((unsigned long)u->cmd.slot, order);
	free_pages((unsigned long)u->evt, order);
	free_page((unsigned long)u->sem);
	if (!u->pdev)
		return;
	if (u->enabled)
		pci_disable_device(u->pdev);
	u->pdev->match_driver = true;
	pci_dev_put(u->pdev);
}

/* Control bits that the platform's designer decided (IVHD flags, 5.2.2.1). */
static u64 unit_platform_control(const struct amdvi_unit *u)
{
	u8 f = u->info.flags;

	return (f & IVHD_FLAG_HT_TUN ? AMDVI_CTRL_HT_TUN : 0) |
	       (f & IVHD_FLAG_PASS_PW ? AMDVI_CTRL_PASS_PW : 0) |
	       (f & IVHD_FLAG_RES_PASS_PW ? AMDVI_CTRL_RES_PASS_PW : 0) |
	       (f & IVHD_FLAG_ISOC ? AMDVI_CTRL_ISOC : 0) |
	       (f & IVHD_FLAG_COHERENT ? AMDVI_CTRL_COHERENT : 0);
}

static void unit_program(struct amdvi_unit *u)
{
	u64 len = FIELD_PREP(AMDVI_RING_LEN, AMDVI_RING_ORDER);

	amdvi_unit_write(u, AMDVI_REG_DEVTAB,
			 virt_to_phys(u->seg->devtab) |
			 (AMDVI_DEVICES * AMDVI_DTE_SIZE / SZ_4K - 1));
	amdvi_unit_write(u, AMDVI_REG_CMD_BASE,
			 virt_to_phys(u->cmd.slot) | len);
	amdvi_unit_write(u, AMDVI_REG_CMD_HEAD, 0);
	amdvi_unit_write(u, AMDVI_REG_CMD_TAIL, 0);
	ring_reset(&u->cmd);
	amdvi_unit_write(u, AMDVI_REG_EVT_BASE, virt_to_phys(u->evt) | len);
	amdvi_unit_write(u, AMDVI_REG_EVT_HEAD, 0);
	amdvi_unit_write(u, AMDVI_REG_EVT_TAIL, 0);
	u->evt_head = 0;
	/* A range that bypasses translation, left behind by somebody. */
	amdvi_unit_write(u, AMDVI_REG_EXCL_BASE, 0);
	amdvi_unit_write(u, AMDVI_REG_EXCL_LIMIT, 0);
	amdvi_unit_write(u, AMDVI_REG_STATUS,
			 AMDVI_STATUS_EVT_OVF | AMDVI_STATUS_EVT_INT);
}

/* Enabled, with our tables and nothing cached; cmd_lock is held. */
static int unit_enable(struct amdvi_unit *u)
{
	u64 ctrl = unit_platform_control(u) |
		   FIELD_PREP(AMDVI_CTRL_INV_TIMEOUT, AMDVI_INV_TIMEOUT_1S) |
		   (u->ga ? AMDVI_CTRL_GA : 0) | (u->xt ? AMDVI_CTRL_XT : 0) |
		   AMDVI_CTRL_CMD_BUF | AMDVI_CTRL_EVT_LOG |
		   AMDVI_CTRL_EVT_INT | AMDVI_CTRL_IOMMU_EN;

	bool stopped;

	amdvi_unit_write(u, AMDVI_REG_CONTROL, 0);
	stopped = unit_poll_status(u, AMDVI_STATUS_CMD_RUN |
				   AMDVI_STATUS_EVT_RUN, 0);
	unit_program(u);
	amdvi_unit_write(u, AMDVI_REG_CONTROL, ctrl);
	/* What was cached before, or by a previous owner, is not ours. */
	return stopped ? unit_invalidate_all(u) : -ETIMEDOUT;
}

static void unit_disable(struct amdvi_unit *u)
{
	amdvi_unit_write(u, AMDVI_REG_CONTROL, 0);
	amdvi_unit_write(u, AMDVI_REG_DEVTAB, 0);
	u->started = false;
}

int amdvi_unit_start(struct amdvi_unit *u)
{
	unsigned long flags;
	int err;

	raw_spin_lock_irqsave(&u->cmd_lock, flags);
	err = unit_enable(u);
	if (err)
		unit_disable(u);
	else
		u->started = true;
	raw_spin_unlock_irqrestore(&u->cmd_lock, flags);
	return err;
}

/*
 * Cards may be assigned: a unit that does not answer stays enabled, so that
 * its table still contains them, and counts as broken.
 */
void amdvi_unit_resume(struct amdvi_unit *u)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&u->cmd_lock, flags);
	u->broken = unit_enable(u) != 0;
	raw_spin_unlock_irqrestore(&u->cmd_lock, flags);
	if (u->broken)
		pci_err(u->pdev, "iommu-amd: the unit does not answer after suspend; nothing can be assigned or taken away until a reboot\n");
}

/*
 * The device table register is cleared too: the emulated unit looks interrupts
 * up in the table even while it is disabled.
 */
void amdvi_unit_stop(struct amdvi_unit *u)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&u->cmd_lock, flags);
	if (u->started)
		unit_disable(u);
	raw_spin_unlock_irqrestore(&u->cmd_lock, flags);
}

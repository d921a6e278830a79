// SPDX-License-Identifier: GPL-2.0
/*
 * One IOMMU unit of this machine: memory for its rings, its registers, and
 * the lock around the engine that drives it (engine.c has the sequences of
 * 48882 2.4 and 3.4, and the bounded waits). Called by all other files of
 * this folder; it knows neither domains nor PCI drivers.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/slab.h>

#include "compat_linux.h"
#include "iommu-amd/amdvi_priv.h"

u64 amdvi_unit_read(struct amdvi_unit *u, unsigned int reg)
{
	return readq(u->mmio + reg);
}

void amdvi_unit_write(struct amdvi_unit *u, unsigned int reg, u64 value)
{
	writeq(value, u->mmio + reg);
}

static u64 unit_read(void *ctx, unsigned int reg)
{
	return amdvi_unit_read(ctx, reg);
}

static void unit_write(void *ctx, unsigned int reg, u64 value)
{
	wmb();	/* what the unit is told about, before it is told */
	amdvi_unit_write(ctx, reg, value);
}

static void unit_store(void *ctx, u64 *where, u64 value)
{
	WRITE_ONCE(*where, value);
	wmb();	/* the plan's order is the order in memory */
}

static void unit_pause(void *ctx, unsigned int us)
{
	if (us)
		udelay(us);
	else
		cpu_relax();
}

static const struct engine_ops unit_engine_ops = {
	.read = unit_read,
	.write = unit_write,
	.store = unit_store,
	.pause = unit_pause,
};

void amdvi_unit_control(struct amdvi_unit *u, u64 clear, u64 set)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&u->cmd_lock, flags);
	engine_control(&u->engine, clear, set);
	raw_spin_unlock_irqrestore(&u->cmd_lock, flags);
}

/* ---- commands ------------------------------------------------------------ */

/* cmd_lock is held; @restarts and @broken are of before. */
static void unit_tell(struct amdvi_unit *u, u64 restarts, bool broken)
{
	const struct engine *e = &u->engine;

	if (e->broken && !broken)
		pr_err("iommu-amd: unit %u does not execute commands any more; cards that are assigned through it are blocked, reboot to recover\n",
		       u->index);
	else if (e->restarts != restarts)
		pr_warn("iommu-amd: unit %u had stopped executing commands; its ring was restarted\n",
			u->index);
}

static int unit_settle(struct amdvi_unit *u, const struct engine_ticket *ticket)
{
	unsigned long flags;
	u64 restarts;
	bool broken;
	int err;

	raw_spin_lock_irqsave(&u->cmd_lock, flags);
	restarts = u->engine.restarts;
	broken = u->engine.broken;
	err = engine_settle(&u->engine, ticket);
	unit_tell(u, restarts, broken);
	raw_spin_unlock_irqrestore(&u->cmd_lock, flags);
	return err;
}

static int unit_submit(struct amdvi_unit *u, const struct amdvi_cmd *cmds,
		       unsigned int n, struct engine_ticket *ticket)
{
	unsigned long flags;
	int err;

	raw_spin_lock_irqsave(&u->cmd_lock, flags);
	err = engine_submit(&u->engine, cmds, n, ticket);
	raw_spin_unlock_irqrestore(&u->cmd_lock, flags);
	return err;
}

/* CPUs that flush at the same time wait side by side, not one by one. */
static int unit_finish(struct amdvi_unit *u, int err,
		       const struct engine_ticket *ticket)
{
	if (!err && engine_wait(&u->engine, ticket))
		return 0;
	return unit_settle(u, ticket);
}

int amdvi_unit_run(struct amdvi_unit *u, const struct amdvi_cmd *cmds,
		   unsigned int n)
{
	struct engine_ticket ticket;
	int err = unit_submit(u, cmds, n, &ticket);

	return unit_finish(u, err, &ticket);
}

static int fleet_submit(void *ctx, unsigned int unit,
			const struct amdvi_cmd *cmds, unsigned int n,
			struct engine_ticket *ticket)
{
	return unit_submit(amdvi_units[unit], cmds, n, ticket);
}

static int fleet_finish(void *ctx, unsigned int unit, int err,
			const struct engine_ticket *ticket)
{
	return unit_finish(amdvi_units[unit], err, ticket);
}

int amdvi_units_run(u32 units, const struct amdvi_cmd *cmds, unsigned int n)
{
	static const struct fleet_ops ops = { fleet_submit, fleet_finish };

	return fleet_run(&ops, NULL, units, cmds, n) ? -ETIMEDOUT : 0;
}

int amdvi_unit_run_one(struct amdvi_unit *u, struct amdvi_cmd cmd)
{
	struct engine_ticket ticket;
	unsigned long flags;
	bool quick;

	raw_spin_lock_irqsave(&u->cmd_lock, flags);
	quick = engine_submit_quick(&u->engine, cmd, &ticket);
	raw_spin_unlock_irqrestore(&u->cmd_lock, flags);
	if (unlikely(!quick))
		return amdvi_unit_run(u, &cmd, 1);
	if (engine_is_done(&u->engine, &ticket) || engine_wait(&u->engine, &ticket))
		return 0;
	return unit_settle(u, &ticket);
}

void amdvi_unit_restart_commands(struct amdvi_unit *u)
{
	unsigned long flags;
	u64 restarts;
	bool broken;

	raw_spin_lock_irqsave(&u->cmd_lock, flags);
	restarts = u->engine.restarts;
	broken = u->engine.broken;
	engine_restart(&u->engine);
	unit_tell(u, restarts, broken);
	raw_spin_unlock_irqrestore(&u->cmd_lock, flags);
}

/* ---- device table entries ------------------------------------------------ */

static int unit_run(void *ctx, const struct amdvi_cmd *cmds, unsigned int n)
{
	return amdvi_unit_run(ctx, cmds, n);
}

int amdvi_unit_write_dte(struct amdvi_unit *u, u16 id, const struct dte *new)
{
	unsigned long flags;
	int err;

	raw_spin_lock_irqsave(&u->seg->lock, flags);
	err = engine_write_dte(&u->engine, &u->seg->devtab[id], id, new,
			       unit_run, u);
	raw_spin_unlock_irqrestore(&u->seg->lock, flags);
	return err;
}

/* ---- life ---------------------------------------------------------------- */

static int unit_alloc(struct amdvi_unit *u)
{
	unsigned int order = get_order(ENGINE_RING_BYTES);

	u->cmd = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, order);
	u->log.slot = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, order);
	u->sem = (void *)get_zeroed_page(GFP_KERNEL);
	return u->cmd && u->log.slot && u->sem ? 0 : -ENOMEM;
}

static int unit_find_function(struct amdvi_unit *u)
{
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
	/* No other driver, ours for assignment least of all, may take it. */
	err = amdvi_quiet_bind(u);
	if (err)
		return err;
	err = pci_enable_device(u->pdev);
	if (err)
		return err;
	u->enabled = true;
	pci_read_config_dword(u->pdev, u->info.cap, &u->cap);
	u->np_cache = u->cap & AMDVI_CAP_NP_CACHE;
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

static void unit_init_engine(struct amdvi_unit *u)
{
	struct engine_setup at = {
		.devtab = virt_to_phys(u->seg->devtab),
		.cmd = virt_to_phys(u->cmd),
		.evt = virt_to_phys(u->log.slot),
		.sem = virt_to_phys(u->sem),
		.cmd_slots = u->cmd,
		.sem_word = u->sem,
		.doorbell = (u64 __force *)(u->mmio + AMDVI_REG_CMD_TAIL),
		.control = unit_platform_control(u) |
			   (u->ga ? AMDVI_CTRL_GA : 0) |
			   (u->xt ? AMDVI_CTRL_XT : 0),
		.inv_all = u->efr & AMDVI_EFR_IA,
	};

	engine_init(&u->engine, &unit_engine_ops, u, &at);
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
	if (u->cap & AMDVI_CAP_EXT)
		u->efr2 = amdvi_unit_read(u, AMDVI_REG_EFR2);
	/* A 128-bit entry must change in one store: that takes cmpxchg16b. */
	u->ga = (u->efr & AMDVI_EFR_GA) && compat_has_store128();
	u->xt = u->ga && (u->efr & AMDVI_EFR_XT);
	unit_init_engine(u);
	return 0;
}

void amdvi_unit_free(struct amdvi_unit *u)
{
	unsigned int order = get_order(ENGINE_RING_BYTES);

	if (u->mmio) {
		iounmap(u->mmio);
		release_mem_region(u->info.base, AMDVI_MMIO_SIZE);
	}
	free_pages((unsigned long)u->cmd, order);
	free_pages((unsigned long)u->log.slot, order);
	free_page((unsigned long)u->sem);
	if (!u->pdev)
		return;
	if (u->enabled)
		pci_disable_device(u->pdev);
	amdvi_quiet_unbind(u);
	pci_dev_put(u->pdev);
}

int amdvi_unit_start(struct amdvi_unit *u)
{
	unsigned long flags;
	int err;

	raw_spin_lock_irqsave(&u->cmd_lock, flags);
	u->log.head = 0;
	err = engine_start(&u->engine);
	raw_spin_unlock_irqrestore(&u->cmd_lock, flags);
	return err;
}

void amdvi_unit_resume(struct amdvi_unit *u)
{
	unsigned long flags;
	int err;

	raw_spin_lock_irqsave(&u->cmd_lock, flags);
	u->log.head = 0;
	err = engine_resume(&u->engine);
	raw_spin_unlock_irqrestore(&u->cmd_lock, flags);
	if (err)
		pci_err(u->pdev, "iommu-amd: the unit does not answer after suspend; nothing can be assigned or taken away until a reboot\n");
}

void amdvi_unit_stop(struct amdvi_unit *u)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&u->cmd_lock, flags);
	if (u->engine.started)
		engine_stop(&u->engine);
	raw_spin_unlock_irqrestore(&u->cmd_lock, flags);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The event log (48882 2.5): from the unit's interrupt to a line in the log, a
 * count, and the owner's callback. The interrupt's thread and a slow poll
 * empty the same log under one mutex; the poll is there because an emulated
 * unit may log without interrupting, and because a log nobody empties loses
 * events. Knows who owns a device only as a function and a pointer.
 *
 * In a storm (more than event_storm events in a second) the interrupt is
 * switched off and the log polled fifty times a second, one ring at most each
 * time, until a second was calm: whatever a card does, its events cost a
 * bounded share of one CPU. What does not fit is lost and counted as overflow.
 */
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/module.h>

#include "iommu-amd/amdvi_priv.h"
#include "iommu-amd/event.h"

#define EVT_POLL_PERIOD	HZ
#define EVT_STORM_PERIOD	max(HZ / 50, 1)
#define EVT_BATCH	ENGINE_RING_ENTRIES	/* per run, then yield */
#define FAULT_SHARERS	16	/* owners under one id that are told */

static unsigned int event_storm = 5000;
module_param(event_storm, uint, 0444);
MODULE_PARM_DESC(event_storm, "Events of one unit in a second above which its log is polled and does not interrupt (default 5000)");

/* ---- one event ----------------------------------------------------------- */

static void fault_print(struct amdvi_unit *u, struct amdvi_device *d,
			const struct amdvi_fault *f)
{
	if (!__ratelimit(d ? &d->ratelimit : &u->evt_ratelimit))
		return;
	if (d)
		dev_warn(d->dev, "iommu-amd: %s at %#llx refused (%s, fault %lld, domain %u): %s; %s\n",
			 event_access(f), f->addr, event_name(f->code),
			 atomic64_read(&d->faults), f->domain_id, f->reason,
			 event_advice(f));
	else if (event_names_device(f->code))
		pr_warn("iommu-amd: unknown device %04x:%02x:%02x.%x: %s at %#llx refused (%s): %s; its further events are suppressed\n",
			f->segment, PCI_BUS_NUM(f->devid), PCI_SLOT(f->devid),
			PCI_FUNC(f->devid), event_access(f), f->addr,
			event_name(f->code), f->reason);
	else
		pr_err("iommu-amd: unit %u: %s at %#llx: %s; %s\n", u->index,
		       event_name(f->code), f->addr, f->reason,
		       event_advice(f));
}

/* Nobody owns this id and it is blocked: hearing of it once is enough. */
static void fault_silence(struct amdvi_unit *u, u16 id)
{
	struct dte_want want = { .dma = DTE_DMA_BLOCK, .suppress = true };
	struct dte *now = &u->seg->devtab[id], dte;
	unsigned long flags;

	amdvi_intremap_want_none(&want);
	dte_build(&want, &dte);
	raw_spin_lock_irqsave(&amdvi_devices_lock, flags);
	if (!amdvi_device_find_locked(u->seg, id) &&
	    dte_q0_blocks(now->q[0]) && (now->q[2] & DTE_IV))
		amdvi_unit_write_dte(u, id, &dte);
	raw_spin_unlock_irqrestore(&amdvi_devices_lock, flags);
}

static void fault_deliver(struct amdvi_device *d, const struct amdvi_fault *f)
{
	mutex_lock(&d->fault_mutex);
	if (d->fault_fn)
		d->fault_fn(d->fault_ctx, f);
	mutex_unlock(&d->fault_mutex);
}

/* The decoder sees a refused access; we know that the whole card is blocked. */
static void fault_refine(struct amdvi_fault *f)
{
	if (f->code == AMDVI_EV_IO_PAGE_FAULT && !f->interrupt &&
	    f->domain_id == AMDVI_DOMAIN_BLOCKED)
		f->reason = "the card is blocked, nobody may use it now";
}

/*
 * Behind a conventional bridge several functions have the one id that the
 * event names: each that has an owner is told, as any of them may have done it.
 */
static void fault_attribute(struct amdvi_unit *u, const struct amdvi_fault *f,
			    bool known)
{
	struct amdvi_device *d[FAULT_SHARERS];
	unsigned int n = amdvi_devices_under(u->seg, f->devid, d,
					     FAULT_SHARERS);
	unsigned int i;

	if (n)
		atomic64_inc(&u->faults);
	for (i = 0; i < n; i++)
		atomic64_inc(&d[i]->faults);
	fault_print(u, n ? d[0] : NULL, f);
	for (i = 0; i < n; i++) {
		fault_deliver(d[i], f);
		amdvi_device_put(d[i]);
	}
	if (!n && known)
		fault_silence(u, f->devid);
}

static void fault_handle(struct amdvi_unit *u, const u64 raw[2])
{
	struct amdvi_fault f;
	bool known = !event_decode(raw, u->seg->id, &f);

	f.time_ns = ktime_get_ns();
	fault_refine(&f);
	atomic64_inc(&u->events);
	if (event_names_device(f.code))
		fault_attribute(u, &f, known);
	else
		fault_print(u, NULL, &f);
	if (event_halts_commands(f.code))
		amdvi_unit_restart_commands(u);
}

/* ---- the log ------------------------------------------------------------- */

static void log_event(void *ctx, const u64 raw[2])
{
	fault_handle(ctx, raw);
}

static void log_control(void *ctx, u64 clear, u64 set)
{
	amdvi_unit_control(ctx, clear, set);
}

/* evt_mutex is held. */
static void storm_watch(struct amdvi_unit *u, unsigned int handled)
{
	if (time_after_eq(jiffies, u->evt_second + HZ)) {
		if (u->evt_storm && u->evt_in_second <= event_storm) {
			u->evt_storm = false;
			amdvi_unit_control(u, 0, AMDVI_CTRL_EVT_INT);
		}
		u->evt_second = jiffies;
		u->evt_in_second = 0;
	}
	u->evt_in_second += handled;
	if (u->evt_storm || u->evt_in_second <= event_storm)
		return;
	u->evt_storm = true;
	amdvi_unit_control(u, AMDVI_CTRL_EVT_INT, 0);
	atomic64_inc(&u->storms);
	pr_warn_ratelimited("iommu-amd: unit %u: more than %u events in a second; its log is polled until they end\n",
			    u->index, event_storm);
}

static unsigned long poll_period(const struct amdvi_unit *u)
{
	return READ_ONCE(u->evt_storm) ? EVT_STORM_PERIOD : EVT_POLL_PERIOD;
}

static void log_service(struct amdvi_unit *u)
{
	int handled;

	mutex_lock(&u->evt_mutex);
	if (!u->engine.started)
		goto out;
	/* Clear the cause before reading the tail, so that none is missed. */
	amdvi_unit_write(u, AMDVI_REG_STATUS, AMDVI_STATUS_EVT_INT);
	handled = evlog_drain(&u->log, &u->engine, EVT_BATCH);
	if (handled < 0 || evlog_overflowed(&u->engine)) {
		atomic64_inc(&u->overflows);
		if (__ratelimit(&u->evt_ratelimit))
			pr_warn("iommu-amd: unit %u: %s, some events are lost; the log was restarted\n",
				u->index, handled < 0 ?
				"the event log's pointers make no sense" :
				"the event log overflowed");
		evlog_restart(&u->log, &u->engine);
	}
	storm_watch(u, handled < 0 ? 0 : handled);
	if (u->evt_storm || handled == EVT_BATCH)
		mod_delayed_work(system_power_efficient_wq, &u->poll,
				 u->evt_storm ? EVT_STORM_PERIOD : 1);
out:
	mutex_unlock(&u->evt_mutex);
}

static irqreturn_t log_thread(int irq, void *arg)
{
	log_service(arg);
	return IRQ_HANDLED;
}

static void log_poll(struct work_struct *work)
{
	struct amdvi_unit *u = container_of(to_delayed_work(work),
					    struct amdvi_unit, poll);

	queue_delayed_work(system_power_efficient_wq, &u->poll,
			   poll_period(u));
	log_service(u);
}

/* ---- life ---------------------------------------------------------------- */

int amdvi_events_init(struct amdvi_unit *u)
{
	int err;

	INIT_DELAYED_WORK(&u->poll, log_poll);
	ratelimit_state_init(&u->evt_ratelimit, 5 * HZ, 10);
	u->log.control = log_control;
	u->log.event = log_event;
	u->log.ctx = u;
	u->logging = true;
	err = pci_enable_msi(u->pdev);
	if (err) {
		pci_warn(u->pdev, "iommu-amd: no MSI (%d), the event log is polled\n",
			 err);
		return 0;
	}
	/* An MSI is a write by this function: it must be a bus master. */
	pci_set_master(u->pdev);
	err = request_threaded_irq(u->pdev->irq, NULL, log_thread,
				   IRQF_ONESHOT, "iommu-amd", u);
	if (err) {
		pci_disable_msi(u->pdev);
		return err;
	}
	u->irq = u->pdev->irq;
	return 0;
}

void amdvi_events_start(struct amdvi_unit *u)
{
	queue_delayed_work(system_power_efficient_wq, &u->poll,
			   EVT_POLL_PERIOD);
}

void amdvi_events_free(struct amdvi_unit *u)
{
	if (!u->logging)
		return;
	cancel_delayed_work_sync(&u->poll);
	if (!u->irq)
		return;
	free_irq(u->irq, u);
	pci_disable_msi(u->pdev);
	u->irq = 0;
}

/* ---- for the module above ------------------------------------------------ */

int amdvi_set_fault_handler(struct device *dev, amdvi_fault_fn fn, void *ctx)
{
	struct amdvi_device *d = amdvi_device_of(dev);
	int err = 0;

	if (!d)
		return -ENODEV;
	mutex_lock(&d->fault_mutex);
	if (fn && d->fault_fn) {
		err = -EBUSY;
	} else {
		d->fault_fn = fn;
		d->fault_ctx = fn ? ctx : NULL;
	}
	mutex_unlock(&d->fault_mutex);
	return err;
}
EXPORT_SYMBOL_GPL(amdvi_set_fault_handler);

u64 amdvi_fault_count(struct device *dev)
{
	struct amdvi_device *d = amdvi_device_of(dev);

	return d ? atomic64_read(&d->faults) : 0;
}
EXPORT_SYMBOL_GPL(amdvi_fault_count);

/* ---- /sys/class/iommu/amdviN/amdvi/ --------------------------------------- */

static struct amdvi_unit *unit_of_sysfs(struct device *dev)
{
	return container_of(dev_to_iommu_device(dev), struct amdvi_unit, iommu);
}

static ssize_t features_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "%#llx\n", unit_of_sysfs(dev)->efr);
}
static DEVICE_ATTR_RO(features);

#define UNIT_COUNTER(name)						\
static ssize_t name##_show(struct device *dev,				\
			   struct device_attribute *attr, char *buf)	\
{									\
	return sysfs_emit(buf, "%lld\n",				\
			  atomic64_read(&unit_of_sysfs(dev)->name));	\
}									\
static DEVICE_ATTR_RO(name)

#define ENGINE_COUNTER(name, field)					\
static ssize_t name##_show(struct device *dev,				\
			   struct device_attribute *attr, char *buf)	\
{									\
	return sysfs_emit(buf, "%llu\n",				\
			  READ_ONCE(unit_of_sysfs(dev)->engine.field));	\
}									\
static DEVICE_ATTR_RO(name)

ENGINE_COUNTER(commands, commands);
ENGINE_COUNTER(waits, waits);
ENGINE_COUNTER(timeouts, restarts);
UNIT_COUNTER(events);
UNIT_COUNTER(overflows);
UNIT_COUNTER(storms);
UNIT_COUNTER(faults);

/* One line per device that ever faulted: address and count. */
static ssize_t device_faults_show(struct device *dev,
				  struct device_attribute *attr, char *buf)
{
	struct amdvi_unit *u = unit_of_sysfs(dev);
	struct amdvi_device *d;
	unsigned long flags;
	int len = 0;

	raw_spin_lock_irqsave(&amdvi_devices_lock, flags);
	list_for_each_entry(d, &amdvi_devices, link) {
		s64 n = atomic64_read(&d->faults);

		if (d->unit == u && n)
			len += sysfs_emit_at(buf, len, "%s %lld%s\n",
					     dev_name(d->dev), n,
					     d->quarantined ? " quarantined" :
							      "");
	}
	raw_spin_unlock_irqrestore(&amdvi_devices_lock, flags);
	return len;
}
static DEVICE_ATTR_RO(device_faults);

/*
 * One line per function whose interrupts are not remapped: such a card cannot
 * be assigned safely.
 */
static ssize_t direct_interrupts_show(struct device *dev,
				      struct device_attribute *attr, char *buf)
{
	struct amdvi_unit *u = unit_of_sysfs(dev);
	struct amdvi_device *d;
	unsigned long flags;
	int n = 0;

	raw_spin_lock_irqsave(&amdvi_devices_lock, flags);
	list_for_each_entry(d, &amdvi_devices, link)
		if (d->unit == u && !d->common->remaps)
			n += sysfs_emit_at(buf, n, "%s\n", dev_name(d->dev));
	raw_spin_unlock_irqrestore(&amdvi_devices_lock, flags);
	return n;
}
static DEVICE_ATTR_RO(direct_interrupts);

static struct attribute *unit_attrs[] = {
	&dev_attr_features.attr,
	&dev_attr_commands.attr,
	&dev_attr_waits.attr,
	&dev_attr_timeouts.attr,
	&dev_attr_events.attr,
	&dev_attr_overflows.attr,
	&dev_attr_storms.attr,
	&dev_attr_faults.attr,
	&dev_attr_device_faults.attr,
	&dev_attr_direct_interrupts.attr,
	NULL
};

static const struct attribute_group unit_group = {
	.name = "amdvi",
	.attrs = unit_attrs,
};

/* ---- .../amd-iommu/, as programs know it from the in-tree driver ---------- */

static ssize_t cap_show(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	return sysfs_emit(buf, "%x\n", unit_of_sysfs(dev)->cap);
}
static DEVICE_ATTR_RO(cap);

static ssize_t efr_show(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	struct amdvi_unit *u = unit_of_sysfs(dev);

	return sysfs_emit(buf, "%llx:%llx\n", u->efr2, u->efr);
}
static struct device_attribute dev_attr_efr = __ATTR(features, 0444, efr_show,
						     NULL);

static struct attribute *intree_attrs[] = {
	&dev_attr_cap.attr,
	&dev_attr_efr.attr,
	NULL
};

static const struct attribute_group intree_group = {
	.name = "amd-iommu",
	.attrs = intree_attrs,
};

const struct attribute_group *amdvi_unit_groups[] = {
	&unit_group, &intree_group, NULL
};

// SPDX-License-Identifier: GPL-2.0
/*
 * What happens when a card's DMA or interrupt request was refused: count it,
 * keep the last 64, tell the owner through an eventfd, and cut the card off
 * when the rate says so (storm.c). iommu-amd calls fault_record() from its
 * event thread, with its own per-device mutex held: nothing here takes
 * card->lock on that path. Recovery is an explicit reset, never automatic.
 */
#include <linux/eventfd.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>

#include "compat_linux.h"
#include "pci-assign/assign.h"

static unsigned int storm_count = 32;
module_param(storm_count, uint, 0444);
MODULE_PARM_DESC(storm_count, "Faults within storm_ms that cut a card off (default 32)");

static unsigned int storm_ms = 100;
module_param(storm_ms, uint, 0444);
MODULE_PARM_DESC(storm_ms, "Milliseconds the fault rate is measured over (default 100)");

static char *fault_action = "quarantine";
module_param(fault_action, charp, 0444);
MODULE_PARM_DESC(fault_action, "On a storm of faults: quarantine (default) or report");

static bool quarantines(void)
{
	return !strcmp(fault_action, "quarantine");
}

int fault_check_params(void)
{
	struct storm s;

	if (storm_init(&s, storm_count, storm_ms)) {
		pr_err("pci-assign: storm_count=%u storm_ms=%u makes no sense; use 1..%u faults in 1..%u ms\n",
		       storm_count, storm_ms, STORM_MAX_COUNT,
		       STORM_MAX_WINDOW_MS);
		return -EINVAL;
	}
	if (!quarantines() && strcmp(fault_action, "report")) {
		pr_err("pci-assign: fault_action=%s is unknown; use quarantine or report\n",
		       fault_action);
		return -EINVAL;
	}
	return 0;
}

int fault_init(struct card *c)
{
	spin_lock_init(&c->fault_lock);
	return storm_init(&c->storm, storm_count, storm_ms);
}

/*
 * Bus mastering and interrupts go off at the card first and in the device
 * table second: the first is one register, the second also stops a card that
 * ignores its own command register, and silences its events. Both under
 * irq_lock, as is their end: else a reset between the two would lift the one
 * and leave the other, which no later reset would look at.
 */
static void quarantine(struct card *c, const char *why, u64 faults)
{
	unsigned long flags;
	int err;

	spin_lock_irqsave(&c->irq_lock, flags);
	c->quarantined = true;
	intr_update_line(c);
	card_update_command(c);
	err = amdvi_quarantine(&c->pdev->dev);
	spin_unlock_irqrestore(&c->irq_lock, flags);
	card_err(c, "quarantined: %s (%llu so far; a storm is %u within %u ms); its DMA and interrupts are off, the VM goes on; reset the card to recover%s\n",
		 why, faults, storm_count, storm_ms,
		 err ? " (the IOMMU did not confirm, but it is blocked)" : "");
}

static void push(struct card *c, const struct amdvi_fault *f, u8 state)
{
	struct backplane_fault *r;
	unsigned int at;

	if (c->ring_count == CARD_FAULTS) {
		c->ring_first = (c->ring_first + 1) % CARD_FAULTS;
		c->ring_count--;
		c->faults_dropped++;
	}
	at = (c->ring_first + c->ring_count++) % CARD_FAULTS;
	r = &c->ring[at];
	memset(r, 0, sizeof(*r));
	r->addr = f->addr;
	r->count = c->faults;
	r->devid = (u32)f->segment << 16 | f->devid;
	r->code = f->code;
	r->flags = (f->write ? BACKPLANE_FAULT_WRITE : 0) |
		   (f->present ? BACKPLANE_FAULT_PRESENT : 0) |
		   (f->interrupt ? BACKPLANE_FAULT_INTERRUPT : 0) |
		   (f->reserved_bits ? BACKPLANE_FAULT_RESERVED_BITS : 0);
	r->state = state;
	strscpy(r->reason, f->reason ? f->reason : "", sizeof(r->reason));
}

void fault_record(void *ctx, const struct amdvi_fault *f)
{
	struct card *c = ctx;
	enum storm_verdict verdict;
	unsigned long flags;
	bool trip;
	u64 count;
	u8 state;

	spin_lock_irqsave(&c->fault_lock, flags);
	count = ++c->faults;
	verdict = storm_fault(&c->storm, f->time_ns);
	trip = (verdict == STORM_TRIPPED && quarantines()) ||
	       (verdict == STORM_CALM && !c->quarantined &&
		c->policy == BACKPLANE_POLICY_FIRST);
	state = trip ? BACKPLANE_STATE_QUARANTINED : card_state(c);
	push(c, f, state);
	spin_unlock_irqrestore(&c->fault_lock, flags);

	if (trip && verdict == STORM_CALM)
		quarantine(c, "its first fault, as its VM's owner asked", count);
	else if (trip)
		quarantine(c, "a storm of faults", count);
	else if (verdict == STORM_TRIPPED)
		card_warn(c, "%u faults within %u ms; fault_action=report leaves the card running\n",
			  storm_count, storm_ms);
	fault_signal(c);
}

bool fault_pop(struct card *c, struct backplane_fault *out)
{
	unsigned long flags;
	bool some;

	spin_lock_irqsave(&c->fault_lock, flags);
	some = c->ring_count > 0;
	if (some) {
		*out = c->ring[c->ring_first];
		c->ring_first = (c->ring_first + 1) % CARD_FAULTS;
		c->ring_count--;
	}
	spin_unlock_irqrestore(&c->fault_lock, flags);
	return some;
}

/* What happened under one user is not the next one's to read. */
void fault_forget(struct card *c)
{
	unsigned long flags;

	spin_lock_irqsave(&c->fault_lock, flags);
	c->ring_count = 0;
	c->faults_dropped = 0;
	c->policy = BACKPLANE_POLICY_STORM;
	spin_unlock_irqrestore(&c->fault_lock, flags);
}

void fault_signal(struct card *c)
{
	unsigned long flags;

	spin_lock_irqsave(&c->fault_lock, flags);
	if (c->err_event)
		compat_eventfd_signal(c->err_event);
	spin_unlock_irqrestore(&c->fault_lock, flags);
}

int fault_set_policy(struct card *c, u32 policy)
{
	unsigned long flags;

	if (policy > BACKPLANE_POLICY_FIRST)
		return -EINVAL;
	spin_lock_irqsave(&c->fault_lock, flags);
	c->policy = policy;
	spin_unlock_irqrestore(&c->fault_lock, flags);
	return 0;
}

void fault_set_event(struct card *c, struct eventfd_ctx *event)
{
	struct eventfd_ctx *old;
	unsigned long flags;

	spin_lock_irqsave(&c->fault_lock, flags);
	old = c->err_event;
	c->err_event = event;
	spin_unlock_irqrestore(&c->fault_lock, flags);
	if (old)
		eventfd_ctx_put(old);
}

void fault_recover(struct card *c)
{
	unsigned long flags;
	bool was;
	int err = 0;

	spin_lock_irqsave(&c->fault_lock, flags);
	storm_reset(&c->storm);
	spin_unlock_irqrestore(&c->fault_lock, flags);
	spin_lock_irqsave(&c->irq_lock, flags);
	was = c->quarantined;
	if (was)
		err = amdvi_unquarantine(&c->pdev->dev);
	if (!err)
		c->quarantined = false;
	spin_unlock_irqrestore(&c->irq_lock, flags);
	if (err)
		card_err(c, "the IOMMU did not confirm the end of quarantine (%d); the card stays blocked, reset it again\n",
			 err);
	else if (was)
		card_info(c, "quarantine lifted\n");
}

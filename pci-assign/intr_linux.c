// SPDX-License-Identifier: GPL-2.0
/*
 * A card's interrupts, from the host vector to the guest. Two clients share
 * the machinery: the mediated models (the guest's own MSI and MSI-X registers,
 * vmsi.c and vmsix.c) and the legacy ioctls of VMMs that emulate those
 * registers themselves (host vector -> gsi). A host vector's index is the
 * guest's vector number, so the hard-irq handler finds its message in O(1) and
 * hands it to the VM there and then; only what the VM cannot take goes through
 * a worker, once, and is counted.
 *
 * The line (INTx) is one function of a few flags, intr_update_line(). A card
 * that can mask its own line (PCI 2.3) shares it truly: while the guest has
 * not ended the interrupt the card is masked at its command register and the
 * host's other users of the line never notice. Other cards need the line for
 * themselves and are refused, with names, if they cannot have it.
 *
 * Host vectors of MSI-X are requested when the guest first unmasks an entry;
 * until then the card keeps the interrupt in its own pending bits, so nothing
 * is lost. Limit: entries beyond what the host can allocate never fire (said
 * in the log).
 */
#include <linux/interrupt.h>
#include <linux/irq.h>

#include "pci-assign/assign.h"

/* ---- to the guest -------------------------------------------------------- */

enum sent {
	SENT,			/* the VM has it */
	KEPT,			/* masked and pending, or nobody wants it */
	REFUSED,		/* the VM cannot take it in this context */
};

/*
 * The guest's own MSI or MSI-X is on. Where the VMM also asked for the host's
 * MSI on the guest's line (prefer_msi of old), the guest's own goes first: it
 * uses one or the other.
 */
static bool own_messages(const struct card *c)
{
	return c->vmsix.enabled || vmsi_count(&c->vmsi);
}

/* Interrupts do not arrive: the user is told, once a second at most. */
static void tell_trouble(struct card *c)
{
	struct card_intr *in = &c->intr;

	if (in->trouble_at && time_before(jiffies, in->trouble_at + HZ))
		return;
	in->trouble_at = jiffies;
	fault_signal(c);
}

static enum sent lose(struct card *c)
{
	c->intr.undeliverable++;
	tell_trouble(c);
	return KEPT;
}

/* irq_lock, as all of these. */
static enum sent send_msg(struct card *c, const struct msg *m)
{
	if (!c->vm || c->quarantined)
		return KEPT;
	if (!msg_is_interrupt(m))	/* the guest asked for a DMA write */
		return lose(c);
	return vm_irq_msi(c->vm, m->addr, m->data) >= 0 ? SENT : REFUSED;
}

static enum sent send_gsi(struct card *c, u32 gsi)
{
	struct card_intr *in = &c->intr;

	if (!c->vm || c->quarantined)
		return KEPT;
	if (in->guest_type == KVM_DEV_IRQ_GUEST_INTX) {
		in->held = true;
		intr_update_line(c);
		return SENT;
	}
	if (!gsi || !in->guest_type)
		return lose(c);
	return vm_irq_set(c->vm, VM_IRQ_SOURCE_USERSPACE, gsi, 1) >= 0 ?
	       SENT : REFUSED;
}

/* Put the vector to its model and send what that says. */
static enum sent fire(struct card *c, const struct card_vector *v)
{
	struct card_intr *in = &c->intr;
	enum msg_verdict verdict;
	struct msg m;

	if ((in->host_type & (KVM_DEV_IRQ_HOST_MSI | KVM_DEV_IRQ_HOST_MSIX)) &&
	    !own_messages(c))
		return send_gsi(c, in->guest_type == KVM_DEV_IRQ_GUEST_MSIX ?
				v->gsi : in->guest_gsi);
	verdict = in->mode == INTR_MSIX ?
		  vmsix_fire(&c->vmsix, v->index, &m) :
		  vmsi_fire(&c->vmsi, v->index, &m);
	if (verdict == MSG_PENDED)
		in->pended++;
	return verdict == MSG_DELIVER ? send_msg(c, &m) : KEPT;
}

static irqreturn_t vector_fired(int irq, void *arg)
{
	struct card_vector *v = arg;
	struct card *c = v->card;
	unsigned long flags;

	spin_lock_irqsave(&c->irq_lock, flags);
	switch (fire(c, v)) {
	case SENT:
		c->intr.hard++;
		break;
	case KEPT:
		break;
	case REFUSED:
		__set_bit(v->index, c->intr.retry);
		schedule_work(&c->intr.worker);
	}
	spin_unlock_irqrestore(&c->irq_lock, flags);
	return IRQ_HANDLED;
}

static void count_late(struct card *c, enum sent sent)
{
	if (sent == SENT)
		c->intr.fallback++;
	else if (sent == REFUSED)
		lose(c);
}

/* What hard-irq context could not deliver gets one more try. */
static void retry_vectors(struct work_struct *work)
{
	struct card *c = container_of(work, struct card, intr.worker);
	struct card_intr *in = &c->intr;
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&c->irq_lock, flags);
	if (in->retry)
		for_each_set_bit(i, in->retry, in->count) {
			__clear_bit(i, in->retry);
			count_late(c, fire(c, &in->vec[i]));
		}
	spin_unlock_irqrestore(&c->irq_lock, flags);
}

void intr_kick_msi(struct card *c)
{
	unsigned long flags;
	struct msg m;

	spin_lock_irqsave(&c->irq_lock, flags);
	while (vmsi_take(&c->vmsi, &m))
		count_late(c, send_msg(c, &m));
	spin_unlock_irqrestore(&c->irq_lock, flags);
}

static void kick_msix(struct card *c)
{
	unsigned int cursor = 0;
	unsigned long flags;
	struct msg m;

	spin_lock_irqsave(&c->irq_lock, flags);
	while (vmsix_take(&c->vmsix, &cursor, &m))
		count_late(c, send_msg(c, &m));
	spin_unlock_irqrestore(&c->irq_lock, flags);
}

/* ---- host vectors -------------------------------------------------------- */

static void note_missing(struct card *c, unsigned int n)
{
	unsigned long flags;

	spin_lock_irqsave(&c->irq_lock, flags);
	c->intr.missing += n;
	spin_unlock_irqrestore(&c->irq_lock, flags);
	fault_signal(c);
}

/* Nothing is asked of the host any more; the next lack is news. */
static void forget_missing(struct card *c)
{
	unsigned long flags;
	bool lacked;

	spin_lock_irqsave(&c->irq_lock, flags);
	lacked = c->intr.missing;
	c->intr.missing = 0;
	spin_unlock_irqrestore(&c->irq_lock, flags);
	if (lacked)
		fault_signal(c);
}

static int request_vector(struct card *c, unsigned int index)
{
	struct card_vector *v = &c->intr.vec[index];
	int err;

	if (v->armed)
		return 0;
	snprintf(v->name, sizeof(v->name), "pci-assign:%s[%u]",
		 pci_name(c->pdev), index);
	err = request_irq(pci_irq_vector(c->pdev, index), vector_fired,
			  IRQF_NO_THREAD, v->name, v);
	if (err) {
		card_err(c, "host interrupt for vector %u refused (%d); that vector stays silent\n",
			 index, err);
		note_missing(c, 1);
	} else {
		v->armed = true;
	}
	return err;
}

static void stop_vectors(struct card *c)
{
	struct card_intr *in = &c->intr;
	struct card_vector *vec = in->vec;
	unsigned long *retry = in->retry, flags;
	unsigned int i;

	forget_missing(c);
	if (in->mode == INTR_OFF)
		return;
	for (i = 0; i < in->count; i++)
		if (vec[i].armed)
			free_irq(pci_irq_vector(c->pdev, i), &vec[i]);
	spin_lock_irqsave(&c->irq_lock, flags);
	in->vec = NULL;
	in->retry = NULL;
	in->count = 0;
	spin_unlock_irqrestore(&c->irq_lock, flags);
	cancel_work_sync(&in->worker);
	/* The PCI core turns INTx on again here; our flags decide after it. */
	pci_free_irq_vectors(c->pdev);
	spin_lock_irqsave(&c->irq_lock, flags);
	in->mode = INTR_OFF;
	intr_update_line(c);
	card_update_command(c);
	spin_unlock_irqrestore(&c->irq_lock, flags);
	kvfree(vec);
	bitmap_free(retry);
}

/* MSI needs exactly @want; of MSI-X, half is better than nothing. */
static int alloc_host_vectors(struct card *c, enum intr_mode mode,
			      unsigned int want)
{
	int got = -ENOSPC;
	unsigned int n;

	if (mode == INTR_MSI)
		return pci_alloc_irq_vectors(c->pdev, want, want, PCI_IRQ_MSI);
	for (n = want; n && got < 0; n /= 2)
		got = pci_alloc_irq_vectors(c->pdev, n, n, PCI_IRQ_MSIX);
	if (got > 0 && got < want) {
		card_warn(c, "the host has only %d of %u interrupt vectors left; entries above stay silent, free vectors by releasing other cards\n",
			  got, want);
		note_missing(c, want - got);
	}
	return got;
}

static void publish_mode(struct card *c, enum intr_mode mode)
{
	unsigned long flags;

	spin_lock_irqsave(&c->irq_lock, flags);
	c->intr.mode = mode;
	intr_update_line(c);
	card_update_command(c);
	spin_unlock_irqrestore(&c->irq_lock, flags);
}

static int start_vectors(struct card *c, enum intr_mode mode, unsigned int want)
{
	struct card_intr *in = &c->intr;
	unsigned long *retry = bitmap_zalloc(want, GFP_KERNEL_ACCOUNT);
	struct card_vector *vec;
	unsigned int i;
	int got = -ENOMEM;

	vec = kvcalloc(want, sizeof(*vec), GFP_KERNEL_ACCOUNT);
	if (!vec || !retry)
		goto free;
	/* From here on the line is the PCI core's: MSI switches it off. */
	publish_mode(c, mode);
	got = alloc_host_vectors(c, mode, want);
	if (got < 0) {
		publish_mode(c, INTR_OFF);
		card_err(c, "the host cannot give it %u %s vectors (%d); the guest will see no interrupt from it\n",
			 want, mode == INTR_MSI ? "MSI" : "MSI-X", got);
		note_missing(c, want);
		goto free;
	}
	for (i = 0; i < got; i++) {
		vec[i].card = c;
		vec[i].index = i;
		if (i < in->gsi_slots)
			vec[i].gsi = in->gsi[i];
	}
	in->vec = vec;
	in->retry = retry;
	in->count = got;
	return 0;
free:
	kvfree(vec);
	bitmap_free(retry);
	return got;
}

/* What the guest's registers, or the legacy ioctls, ask the host to arm. */
static enum intr_mode wanted_mode(const struct card *c, unsigned int *count)
{
	const struct card_intr *in = &c->intr;

	*count = 0;
	if (!c->vm || c->quarantined || c->broken)
		return INTR_OFF;
	if (in->host_type == KVM_DEV_IRQ_HOST_MSI && !own_messages(c)) {
		*count = 1;
		return INTR_MSI;
	}
	if (in->host_type == KVM_DEV_IRQ_HOST_MSIX) {
		*count = in->gsi_slots;
		return INTR_MSIX;
	}
	if (c->vmsix.enabled) {
		*count = c->vmsix.count;
		return INTR_MSIX;
	}
	*count = vmsi_count(&c->vmsi);
	return *count ? INTR_MSI : INTR_OFF;
}

static bool is_wanted(const struct card *c, unsigned int i)
{
	if (c->intr.host_type == KVM_DEV_IRQ_HOST_MSIX)
		return c->intr.vec[i].gsi != 0;
	return c->intr.mode == INTR_MSI || vmsix_is_open(&c->vmsix, i);
}

void intr_opened(struct card *c, unsigned int first, unsigned int count)
{
	unsigned int i, end = min(first + count, c->intr.count);

	lockdep_assert_held(&c->lock);
	for (i = first; i < end; i++)
		if (is_wanted(c, i))
			request_vector(c, i);
	if (c->intr.mode == INTR_MSIX && !c->intr.host_type)
		kick_msix(c);
}

int intr_sync(struct card *c)
{
	struct card_intr *in = &c->intr;
	enum intr_mode mode;
	unsigned int want;
	int err;

	lockdep_assert_held(&c->lock);
	mode = wanted_mode(c, &want);
	if (mode != INTR_OFF && mode == in->mode &&
	    (mode != INTR_MSI || want == in->count))
		return 0;
	stop_vectors(c);
	if (mode == INTR_OFF)
		return 0;
	err = start_vectors(c, mode, want);
	if (!err)
		intr_opened(c, 0, want);
	return err;
}

/* ---- the line ------------------------------------------------------------ */

static bool line_usable(const struct card *c)
{
	const struct card_intr *in = &c->intr;

	return in->line_on && in->mode == INTR_OFF && c->vm &&
	       !c->quarantined && !in->user_masked &&
	       !(c->guest_command & PCI_COMMAND_INTX_DISABLE);
}

bool intr_wants_line(const struct card *c)
{
	return line_usable(c) && !c->intr.held;
}

static void update_exclusive(struct card *c)
{
	struct card_intr *in = &c->intr;
	bool off = !intr_wants_line(c);

	if (!in->line_on || in->line_shared || off == in->line_off)
		return;
	in->line_off = off;
	if (off)
		disable_irq_nosync(in->line_irq);
	else
		enable_irq(in->line_irq);
}

void intr_update_line(struct card *c)
{
	struct card_intr *in = &c->intr;
	bool level;

	lockdep_assert_held(&c->irq_lock);
	if (in->held && in->line_on && !line_usable(c))
		in->held = false;	/* masked: it will fire again if still up */
	update_exclusive(c);
	/* Host MSI may drive a guest's line, too; the guest's mask then keeps it. */
	level = in->held && !c->quarantined &&
		!(c->guest_command & PCI_COMMAND_INTX_DISABLE) &&
		in->guest_type == KVM_DEV_IRQ_GUEST_INTX;
	if (level == in->level || !c->vm || in->source < 0)
		return;
	in->level = level;
	vm_irq_set(c->vm, in->source, in->guest_gsi, level);
}

/* Masked at the card already, or not ours: somebody else's interrupt. */
static bool line_is_ours(struct card *c)
{
	u16 command;

	pci_read_config_word(c->pdev, PCI_COMMAND, &command);
	return !(command & PCI_COMMAND_INTX_DISABLE) &&
	       pci_check_and_mask_intx(c->pdev);
}

static irqreturn_t line_fired(int irq, void *arg)
{
	struct card *c = arg;
	irqreturn_t ret = IRQ_NONE;
	unsigned long flags;

	spin_lock_irqsave(&c->irq_lock, flags);
	if (!c->intr.line_shared || line_is_ours(c)) {
		c->intr.held = true;
		c->intr.hard++;
		intr_update_line(c);
		ret = IRQ_HANDLED;
	}
	spin_unlock_irqrestore(&c->irq_lock, flags);
	return ret;
}

/*
 * The guest ended the interrupt: its line falls, the host's opens. If the card
 * still asserts it, it fires again at once.
 */
static void guest_acked(struct irq_ack_notifier *n)
{
	struct card *c = container_of(n, struct card, intr.ack);
	unsigned long flags;

	spin_lock_irqsave(&c->irq_lock, flags);
	if (c->intr.held) {
		c->intr.held = false;
		intr_update_line(c);
		card_update_command(c);
	}
	spin_unlock_irqrestore(&c->irq_lock, flags);
}

static void name_line_users(struct card *c)
{
	struct pci_dev *other = NULL;
	struct device_driver *drv;

	for_each_pci_dev(other) {
		if (other == c->pdev || other->irq != (unsigned int)c->intr.line_irq ||
		    !other->pin)
			continue;
		drv = READ_ONCE(other->dev.driver);
		card_err(c, "interrupt line %d also belongs to %s (%s)\n",
			 c->intr.line_irq, pci_name(other),
			 drv ? drv->name : "no driver");
	}
}

static int line_start(struct card *c)
{
	struct card_intr *in = &c->intr;
	unsigned long flags;
	int err;

	if (!in->line_irq || !c->pdev->pin) {
		card_err(c, "it has no interrupt pin that the host can route; use MSI or MSI-X in the guest\n");
		return -EIO;
	}
	in->line_shared = c->pci_2_3;
	in->line_off = false;
	/* With the handler in place and line_on still false nothing is sent. */
	err = request_irq(in->line_irq, line_fired, IRQF_NO_THREAD |
			  (in->line_shared ? IRQF_SHARED : IRQF_NO_AUTOEN),
			  "pci-assign-intx", c);
	if (err == -ENOMEM)
		return err;
	if (err) {
		card_err(c, "interrupt line %d refused (%d): %s\n",
			 in->line_irq, err, in->line_shared ?
			 "its other users do not share it; unbind them" :
			 "without PCI 2.3 masking the card needs the line for itself; use share_intx if the card can, MSI in the guest, or another slot");
		name_line_users(c);
		return -EIO;
	}
	spin_lock_irqsave(&c->irq_lock, flags);
	in->line_off = !in->line_shared;
	in->held = false;
	in->line_on = true;
	intr_update_line(c);
	card_update_command(c);
	spin_unlock_irqrestore(&c->irq_lock, flags);
	return 0;
}

static void line_stop(struct card *c)
{
	struct card_intr *in = &c->intr;
	unsigned long flags;

	if (!in->line_on)
		return;
	spin_lock_irqsave(&c->irq_lock, flags);
	in->held = false;
	in->user_masked = true;
	intr_update_line(c);
	card_update_command(c);
	in->line_on = false;
	in->user_masked = false;
	spin_unlock_irqrestore(&c->irq_lock, flags);
	free_irq(in->line_irq, c);
}

void intr_set_mask(struct card *c, bool mask)
{
	unsigned long flags;

	spin_lock_irqsave(&c->irq_lock, flags);
	c->intr.user_masked = mask;
	intr_update_line(c);
	card_update_command(c);
	spin_unlock_irqrestore(&c->irq_lock, flags);
}

/* ---- KVM_ASSIGN_DEV_IRQ and relatives ------------------------------------- */

static int guest_start(struct card *c, u32 type, u32 gsi)
{
	struct card_intr *in = &c->intr;
	unsigned long flags;

	if (type == KVM_DEV_IRQ_GUEST_INTX) {
		if (vm_irq_mode(c->vm) != IRQCHIP_KERNEL) {
			card_err(c, "a guest line needs the in-kernel interrupt controllers, the VM has them split; use MSI in the guest or kernel-irqchip=on\n");
			return -EINVAL;
		}
		in->source = vm_irq_alloc_source(c->vm);
		if (in->source < 0)
			return in->source;
	}
	if (type == KVM_DEV_IRQ_GUEST_INTX) {
		in->ack.gsi = gsi;
		in->ack.acked = guest_acked;
		vm_irq_add_ack(c->vm, &in->ack);
	}
	spin_lock_irqsave(&c->irq_lock, flags);
	in->guest_gsi = gsi;
	in->guest_type = type;
	in->level = false;
	intr_update_line(c);	/* the host's line may have fired already */
	spin_unlock_irqrestore(&c->irq_lock, flags);
	return 0;
}

static void guest_stop(struct card *c)
{
	struct card_intr *in = &c->intr;
	unsigned long flags;

	if (!in->guest_type)
		return;
	if (in->guest_type == KVM_DEV_IRQ_GUEST_INTX)
		vm_irq_del_ack(c->vm, &in->ack);
	spin_lock_irqsave(&c->irq_lock, flags);
	in->held = false;
	intr_update_line(c);
	in->guest_type = 0;
	card_update_command(c);
	spin_unlock_irqrestore(&c->irq_lock, flags);
	if (in->source >= 0)
		vm_irq_free_source(c->vm, in->source);
	in->source = -1;
}

static bool has_gsi_entries(const struct card_intr *in)
{
	unsigned int i;

	for (i = 0; i < in->gsi_slots; i++)
		if (in->gsi[i])
			return true;
	return false;
}

static int host_start(struct card *c, u32 type)
{
	struct card_intr *in = &c->intr;
	int err;

	if (type == KVM_DEV_IRQ_HOST_INTX) {
		err = line_start(c);
		if (!err)
			in->host_type = type;
		return err;
	}
	if (in->mode != INTR_OFF && (type != KVM_DEV_IRQ_HOST_MSI ||
				     in->guest_type != KVM_DEV_IRQ_GUEST_INTX)) {
		card_err(c, "the guest uses the card's own MSI or MSI-X registers already; a VMM either forwards them or emulates them, not both\n");
		return -EEXIST;
	}
	if (type == KVM_DEV_IRQ_HOST_MSIX && (!in->gsi || !has_gsi_entries(in)))
		return -EINVAL;
	in->host_type = type;
	err = intr_sync(c);
	if (in->mode == INTR_OFF) {
		in->host_type = 0;
		/* The PCI core calls most of its own lack of memory ENOSPC. */
		return err == -ENOMEM ? err : -EIO;
	}
	return 0;
}

static void forget_entries(struct card_intr *in)
{
	kvfree(in->gsi);
	in->gsi = NULL;
	in->gsi_slots = 0;
	in->gsi_max = 0;
}

static void host_stop(struct card *c)
{
	struct card_intr *in = &c->intr;
	u32 type = in->host_type;

	in->host_type = 0;
	if (type == KVM_DEV_IRQ_HOST_INTX)
		line_stop(c);
	else if (type)
		intr_sync(c);
	if (type == KVM_DEV_IRQ_HOST_MSIX)
		forget_entries(in);
}

/* A level line cannot be ended by a guest that sees edges only. */
static bool is_sensible(u32 host, u32 guest)
{
	return host != KVM_DEV_IRQ_HOST_INTX || !guest ||
	       guest == KVM_DEV_IRQ_GUEST_INTX;
}

int intr_assign(struct card *c, u32 host, u32 guest, u32 gsi)
{
	struct card_intr *in = &c->intr;
	int err;

	lockdep_assert_held(&c->lock);
	if ((host && in->host_type) || (guest && in->guest_type))
		return -EEXIST;
	if (!is_sensible(host ? host : in->host_type,
			 guest ? guest : in->guest_type)) {
		card_err(c, "a host interrupt line cannot become a guest MSI: nobody would end it; use the card's MSI on the host side\n");
		return -EINVAL;
	}
	if (guest) {
		err = guest_start(c, guest, gsi);
		if (err)
			return err;
	}
	if (host) {
		err = host_start(c, host);
		if (err) {
			if (guest)
				guest_stop(c);
			return err;
		}
	}
	return 0;
}

int intr_deassign(struct card *c, u32 host, u32 guest)
{
	struct card_intr *in = &c->intr;

	lockdep_assert_held(&c->lock);
	if ((host && host != in->host_type) || (guest && guest != in->guest_type))
		return -ENXIO;
	if (host)
		host_stop(c);
	if (guest)
		guest_stop(c);
	return 0;
}

void intr_deassign_all(struct card *c)
{
	lockdep_assert_held(&c->lock);
	host_stop(c);
	guest_stop(c);
	forget_entries(&c->intr);
}

int intr_set_msix_nr(struct card *c, unsigned int nr)
{
	struct card_intr *in = &c->intr;

	lockdep_assert_held(&c->lock);
	if (!nr || nr > KVM_MAX_MSIX_PER_DEV || in->gsi || !c->vmsix.count)
		return -EINVAL;
	/* By table index, for O(1) lookup; @nr bounds how many are in use. */
	in->gsi = kvcalloc(c->vmsix.count, sizeof(*in->gsi), GFP_KERNEL_ACCOUNT);
	if (!in->gsi)
		return -ENOMEM;
	in->gsi_slots = min_t(unsigned int, c->vmsix.count,
			      KVM_MAX_MSIX_PER_DEV);
	in->gsi_max = nr;
	return 0;
}

int intr_set_msix_entry(struct card *c, unsigned int entry, u32 gsi)
{
	struct card_intr *in = &c->intr;
	unsigned int i, used = 0;

	lockdep_assert_held(&c->lock);
	if (!in->gsi || entry >= in->gsi_slots)
		return -EINVAL;
	for (i = 0; i < in->gsi_slots; i++)
		used += in->gsi[i] != 0 && i != entry;
	if (gsi && used >= in->gsi_max)
		return -ENOSPC;
	in->gsi[entry] = gsi;
	if (in->host_type == KVM_DEV_IRQ_HOST_MSIX && entry < in->count) {
		WRITE_ONCE(in->vec[entry].gsi, gsi);
		intr_opened(c, entry, 1);
	}
	return 0;
}

void intr_init(struct card *c)
{
	INIT_WORK(&c->intr.worker, retry_vectors);
	INIT_LIST_HEAD(&c->intr.ack.link);
	c->intr.source = -1;
}

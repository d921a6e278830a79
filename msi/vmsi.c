// SPDX-License-Identifier: GPL-2.0
/*
 * The MSI capability's state machine (PCI 3.0 6.8.1.3 message control, 6.8.1.7
 * mask and pending bits, 6.8.3.4 message data modification). pci-assign's
 * interrupt glue calls it; it must not know host vectors or VMs.
 */
#include "msi/vmsi.h"

void vmsi_init(struct vmsi *v, unsigned int max_log2, bool maskable)
{
	memset(v, 0, sizeof(*v));
	v->max_log2 = min(max_log2, 5U);
	v->maskable = maskable;
}

unsigned int vmsi_count(const struct vmsi *v)
{
	return v->enabled ? 1U << v->log2 : 0;
}

static u32 vectors_of(const struct vmsi *v)
{
	unsigned int n = vmsi_count(v);

	return n >= 32 ? U32_MAX : (1U << n) - 1;
}

u32 vmsi_set(struct vmsi *v, const struct vmsi_regs *r)
{
	unsigned int before = vmsi_count(v), after;
	u32 verdict = VMSI_NOTHING;
	unsigned int log2 = FIELD_GET(VMSI_CTRL_ALLOCATED, (u32)r->control);
	unsigned int most = v->max_log2;

	v->enabled = r->control & VMSI_CTRL_ENABLE;
	v->log2 = min(log2, most);
	v->msg.addr = r->addr & ~3ULL;
	v->msg.data = r->data;
	v->mask = v->maskable ? r->mask : 0;

	after = vmsi_count(v);
	if (before != after) {
		if (before)
			verdict |= VMSI_STOP;
		if (after)
			verdict |= VMSI_START;
	}
	v->pending &= vectors_of(v);
	if (v->pending & ~v->mask)
		verdict |= VMSI_KICK;
	return verdict;
}

/* Low data bits carry the vector's number when several are granted. */
static struct msg message_of(const struct vmsi *v, unsigned int index)
{
	u32 low = (1U << v->log2) - 1;
	struct msg m = v->msg;

	m.data = (m.data & ~low) | (index & low);
	return m;
}

enum msg_verdict vmsi_fire(struct vmsi *v, unsigned int index, struct msg *msg)
{
	if (index >= vmsi_count(v))
		return MSG_DROPPED;
	if (v->mask & (1U << index)) {
		v->pending |= 1U << index;
		return MSG_PENDED;
	}
	v->pending &= ~(1U << index);
	*msg = message_of(v, index);
	return MSG_DELIVER;
}

bool vmsi_take(struct vmsi *v, struct msg *msg)
{
	u32 ready = v->pending & ~v->mask & vectors_of(v);
	unsigned int index = 0;

	if (!ready)
		return false;
	while (!(ready & (1U << index)))
		index++;
	v->pending &= ~(1U << index);
	*msg = message_of(v, index);
	return true;
}

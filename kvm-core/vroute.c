// SPDX-License-Identifier: GPL-2.0
/*
 * The routing table of interrupt numbers, as Documentation/virt/kvm/api.rst
 * describes KVM_SET_GSI_ROUTING. route_linux.c copies the entries in and
 * publishes the table; vm_irq_set reads it from any context.
 */
#include "kvm-core/vroute.h"

#define PIC_PINS	8
#define MSI_LEVEL	BIT(15)

size_t vroute_bytes(u32 nr)
{
	return sizeof(struct vroute_table) + nr * sizeof(struct vroute);
}

static int convert_pin(struct vroute *r, const struct kvm_irq_routing_irqchip *c)
{
	bool second = c->irqchip == KVM_IRQCHIP_PIC_SLAVE;

	switch (c->irqchip) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		if (c->pin >= PIC_PINS)
			return -EINVAL;
		*r = (struct vroute) {
			.kind = VROUTE_PIC,
			.pin = c->pin + (second ? PIC_PINS : 0),
		};
		return 0;
	case KVM_IRQCHIP_IOAPIC:
		if (c->pin >= KVM_IOAPIC_NUM_PINS)
			return -EINVAL;
		*r = (struct vroute) { .kind = VROUTE_IOAPIC, .pin = c->pin };
		return 0;
	}
	return -EINVAL;
}

static int convert(struct vroute *r, const struct kvm_irq_routing_entry *e,
		   bool chips)
{
	if (e->gsi >= VROUTE_MAX)
		return -EINVAL;
	if (e->type == KVM_IRQ_ROUTING_IRQCHIP && chips && !e->flags)
		return convert_pin(r, &e->u.irqchip);
	/* A PC's messages say who sent them in no other way: the id is not used. */
	if (e->type != KVM_IRQ_ROUTING_MSI || e->flags & ~KVM_MSI_VALID_DEVID)
		return -EINVAL;
	*r = (struct vroute) {
		.kind = VROUTE_MSI,
		.addr = (u64)e->u.msi.address_hi << 32 | e->u.msi.address_lo,
		.data = e->u.msi.data,
	};
	return 0;
}

/* One message, or one pin per chip; the PIC's two halves are two chips. */
static bool excludes(const struct vroute *a, const struct vroute *b)
{
	if (a->kind == VROUTE_MSI || b->kind == VROUTE_MSI)
		return true;
	return a->kind == b->kind &&
	       (a->kind != VROUTE_PIC || a->pin / PIC_PINS == b->pin / PIC_PINS);
}

static int check_gsi(const struct vroute_table *t, u32 gsi)
{
	unsigned int i, j, n;
	const struct vroute *r = vroute_find(t, gsi, &n);

	for (i = 0; i < n; i++)
		for (j = 0; j < i; j++)
			if (excludes(&r[i], &r[j]))
				return -EINVAL;
	return 0;
}

/* Counting sort: after it, first[g] is where gsi g's routes begin. */
static int place(struct vroute_table *t, const struct kvm_irq_routing_entry *e,
		 u32 nr, bool chips)
{
	u32 i, sum = 0;
	int err;

	for (i = 0; i < nr; i++) {
		if (e[i].gsi >= VROUTE_MAX)
			return -EINVAL;
		t->first[e[i].gsi + 1]++;
	}
	/* first[g + 1]: where g begins at first; placing moves it to g's end. */
	for (i = 0; i < VROUTE_MAX; i++) {
		u32 count = t->first[i + 1];

		if (count > 3)
			return -EINVAL;
		t->first[i + 1] = sum;
		sum += count;
	}
	for (i = 0; i < nr; i++) {
		err = convert(&t->route[t->first[e[i].gsi + 1]++], &e[i], chips);
		if (err)
			return err;
	}
	return 0;
}

static void note_eoi_vectors(struct vroute_table *t, u32 split_pins)
{
	unsigned int i;

	for (i = 0; i < t->first[min(split_pins, (u32)VROUTE_MAX)]; i++) {
		u8 vector = t->route[i].data;

		if (t->route[i].data & MSI_LEVEL)
			t->eoi_vectors[vector / 64] |= BIT_ULL(vector % 64);
	}
}

int vroute_build(struct vroute_table *t, const struct kvm_irq_routing_entry *e,
		 u32 nr, bool chips, u32 split_pins)
{
	u32 gsi;
	int err;

	if (nr > VROUTE_MAX)
		return -EINVAL;
	err = place(t, e, nr, chips);
	for (gsi = 0; !err && gsi < VROUTE_MAX; gsi++)
		err = check_gsi(t, gsi);
	if (!err)
		note_eoi_vectors(t, split_pins);
	return err;
}

static void set_entry(struct kvm_irq_routing_entry *e, u32 gsi, u32 chip, u32 pin)
{
	memset(e, 0, sizeof(*e));
	e->gsi = gsi;
	e->type = KVM_IRQ_ROUTING_IRQCHIP;
	e->u.irqchip.irqchip = chip;
	e->u.irqchip.pin = pin;
}

void vroute_pc_entries(struct kvm_irq_routing_entry *e)
{
	u32 gsi;

	for (gsi = 0; gsi < 16; gsi++)
		set_entry(e++, gsi, gsi / PIC_PINS, gsi % PIC_PINS);
	for (gsi = 0; gsi < KVM_IOAPIC_NUM_PINS; gsi++)
		set_entry(e++, gsi, KVM_IRQCHIP_IOAPIC, gsi);
}

bool vroute_hits(const struct vroute_table *t, u32 gsi, u8 kind, u32 pins)
{
	unsigned int i, n;
	const struct vroute *r = vroute_find(t, gsi, &n);

	for (i = 0; i < n; i++)
		if (r[i].kind == kind && (pins & BIT(r[i].pin)))
			return true;
	return false;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Message <-> fields (APM2 16.11, figures of the MSI address and data
 * registers). The four masks below are the whole format; the rest of the file
 * only names them. Must not know who sends a message or who receives it.
 */
#include "msi/msg.h"

#define ADDR_WINDOW		0xfff00000ULL
#define ADDR_WINDOW_BASE	0xfee00000ULL
#define ADDR_DEST		GENMASK_ULL(19, 12)
#define ADDR_RH			BIT_ULL(3)
#define ADDR_DM			BIT_ULL(2)
#define ADDR_DEST_HIGH		GENMASK_ULL(63, 40)
/* Bits 39:32 belong neither to the window nor to the high destination. */
#define ADDR_MUST_BE_ZERO	GENMASK_ULL(39, 32)

#define DATA_VECTOR		0x000000ffU
#define DATA_DELIVERY		0x00000700U
#define DATA_ASSERT		0x00004000U
#define DATA_LEVEL		0x00008000U

static_assert((ADDR_WINDOW & (ADDR_DEST | ADDR_RH | ADDR_DM |
			      ADDR_DEST_HIGH)) == 0, "fields overlap");

bool msg_is_interrupt(const struct msg *m)
{
	return (m->addr & (ADDR_WINDOW | ADDR_MUST_BE_ZERO)) == ADDR_WINDOW_BASE;
}

struct msg_fields msg_decode(const struct msg *m)
{
	return (struct msg_fields) {
		.dest = (u32)FIELD_GET(ADDR_DEST, m->addr) |
			(u32)FIELD_GET(ADDR_DEST_HIGH, m->addr) << 8,
		.vector = FIELD_GET(DATA_VECTOR, m->data),
		.delivery = FIELD_GET(DATA_DELIVERY, m->data),
		.logical = m->addr & ADDR_DM,
		.redirect = m->addr & ADDR_RH,
		.level = m->data & DATA_LEVEL,
		.asserted = m->data & DATA_ASSERT,
	};
}

struct msg msg_encode(const struct msg_fields *f)
{
	struct msg m = { .addr = ADDR_WINDOW_BASE };

	m.addr |= FIELD_PREP(ADDR_DEST, (u64)(f->dest & 0xff));
	m.addr |= FIELD_PREP(ADDR_DEST_HIGH, (u64)(f->dest >> 8));
	if (f->logical)
		m.addr |= ADDR_DM;
	if (f->redirect)
		m.addr |= ADDR_RH;
	m.data = FIELD_PREP(DATA_VECTOR, (u32)f->vector) |
		 FIELD_PREP(DATA_DELIVERY, (u32)f->delivery);
	if (f->level)
		m.data |= DATA_LEVEL;
	if (f->asserted)
		m.data |= DATA_ASSERT;
	return m;
}

bool msg_has_legal_vector(const struct msg *m)
{
	struct msg_fields f = msg_decode(m);

	if (f.delivery == MSG_FIXED || f.delivery == MSG_LOWEST)
		return f.vector >= 16;
	return true;
}

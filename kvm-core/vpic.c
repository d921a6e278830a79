// SPDX-License-Identifier: GPL-2.0
/*
 * The PC's two interrupt controllers: Intel 8259A data sheet; ELCR as in the
 * 82371 (PIIX) data sheet. irq_linux.c connects ports, lines and the output.
 * The registers are kept in KVM's state structure, field by field: last_irr is
 * the level of the lines, priority_add the line with the highest priority.
 */
#include "kvm-core/vpic.h"

#define ICW1		BIT(4)
#define ICW1_ICW4	BIT(0)
#define ICW4_AEOI	BIT(1)
#define ICW4_SFNM	BIT(4)
#define OCW3		BIT(3)
#define OCW3_READ	BIT(1)
#define OCW3_READ_ISR	BIT(0)
#define OCW3_POLL	BIT(2)
#define OCW3_SMM_SET	BIT(6)
#define OCW3_SMM	BIT(5)
#define POLL_PENDING	BIT(7)

#define CASCADE		2
#define SPURIOUS	7

/* init_state: the initialisation word that comes next, as the PC's chips. */
enum { READY, WAIT_ICW2, WAIT_ICW3, WAIT_ICW4 };

/* Positions go from 0, the highest priority now, to 7; 8 = none. */
static unsigned int position(const struct kvm_pic_state *c, u8 lines)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		if (lines & (1U << ((i + c->priority_add) & 7)))
			break;
	return i;
}

static unsigned int line_at(const struct kvm_pic_state *c, unsigned int i)
{
	return (i + c->priority_add) & 7;
}

static bool is_first(const struct vpic *p, const struct kvm_pic_state *c)
{
	return c == &p->chip[0];
}

/*
 * The line the chip asks for, or -1. In service shuts out its own priority and
 * lower ones; a masked line in special mask mode shuts out nothing; in special
 * fully nested mode the cascade may interrupt itself.
 */
static int requested(const struct vpic *p, const struct kvm_pic_state *c)
{
	u8 in_service = c->isr;
	unsigned int i = position(c, c->irr & ~c->imr);

	if (i == 8)
		return -1;
	if (c->special_mask)
		in_service &= ~c->imr;
	if (c->special_fully_nested_mode && is_first(p, c))
		in_service &= ~BIT(CASCADE);
	return i < position(c, in_service) ? (int)line_at(c, i) : -1;
}

/* A line's level; the return value as vpic_set's. */
static int chip_line(struct kvm_pic_state *c, unsigned int line, bool level)
{
	u8 bit = 1U << line;
	bool was = c->last_irr & bit, old = c->irr & bit;

	c->last_irr = level ? c->last_irr | bit : c->last_irr & ~bit;
	if (c->elcr & bit)
		c->irr = level ? c->irr | bit : c->irr & ~bit;
	else if (level && !was)
		c->irr |= bit;
	if (c->imr & bit)
		return -1;
	if (!level || (was && !(c->elcr & bit)))
		return 1;
	return !old;
}

/* Line 2 is the second chip's output, and follows it both ways. */
static void update(struct vpic *p)
{
	struct kvm_pic_state *first = &p->chip[0];
	u8 bit = BIT(CASCADE);

	if (requested(p, &p->chip[1]) >= 0) {
		first->irr |= bit;
		first->last_irr |= bit;
	} else {
		first->irr &= ~bit;
		first->last_irr &= ~bit;
	}
	WRITE_ONCE(p->output, requested(p, first) >= 0);
}

int vpic_set(struct vpic *p, unsigned int line, unsigned int source, bool level)
{
	int r;

	if (line >= VPIC_LINES || line == CASCADE || source >= VCHIP_SOURCES)
		return -1;
	level = vchip_line(&p->sources[line], source, level);
	r = chip_line(&p->chip[line / 8], line % 8, level);
	update(p);
	return r;
}

/* ---- the CPU's side --------------------------------------------------------- */

static void note_ended(struct vpic *p, const struct kvm_pic_state *c, u8 lines)
{
	p->acked |= is_first(p, c) ? lines & ~(u32)BIT(CASCADE) : (u32)lines << 8;
}

static void end_line(struct vpic *p, struct kvm_pic_state *c, unsigned int line)
{
	u8 bit = 1U << line;

	note_ended(p, c, c->isr & bit);
	c->isr &= ~bit;
}

static void take_line(struct vpic *p, struct kvm_pic_state *c, unsigned int line)
{
	u8 bit = 1U << line;

	c->isr |= bit;
	if (!(c->elcr & bit))
		c->irr &= ~bit;
	if (!c->auto_eoi)
		return;
	end_line(p, c, line);
	if (c->rotate_on_auto_eoi)
		c->priority_add = (line + 1) & 7;
}

static int take(struct vpic *p, struct kvm_pic_state *c)
{
	int line = requested(p, c);

	if (line < 0)
		return SPURIOUS;
	take_line(p, c, line);
	return line;
}

int vpic_peek(const struct vpic *p)
{
	int line = requested(p, &p->chip[0]);

	if (line < 0)
		return -1;
	if (line != CASCADE)
		return p->chip[0].irq_base + line;
	line = requested(p, &p->chip[1]);
	return p->chip[1].irq_base + (line < 0 ? SPURIOUS : line);
}

int vpic_intack(struct vpic *p)
{
	int line = requested(p, &p->chip[0]), vector;

	if (line < 0)
		return -1;
	take_line(p, &p->chip[0], line);
	vector = p->chip[0].irq_base + line;
	if (line == CASCADE)
		vector = p->chip[1].irq_base + take(p, &p->chip[1]);
	update(p);
	return vector;
}

/* ---- ports -------------------------------------------------------------------- */

static void reset_chip(struct vpic *p, struct kvm_pic_state *c)
{
	struct kvm_pic_state old = *c;

	note_ended(p, c, old.isr);
	memset(c, 0, sizeof(*c));
	c->elcr = old.elcr;
	c->elcr_mask = is_first(p, c) ? 0xf8 : 0xde;
	c->last_irr = old.last_irr;
	c->irr = old.last_irr & old.elcr;
}

void vpic_reset(struct vpic *p)
{
	memset(p, 0, sizeof(*p));
	reset_chip(p, &p->chip[0]);
	reset_chip(p, &p->chip[1]);
}

static void write_icw1(struct vpic *p, struct kvm_pic_state *c, u8 val)
{
	reset_chip(p, c);
	c->init4 = val & ICW1_ICW4;
	c->init_state = WAIT_ICW2;
}

static void write_ocw3(struct kvm_pic_state *c, u8 val)
{
	if (val & OCW3_POLL)
		c->poll = 1;
	if (val & OCW3_READ)
		c->read_reg_select = val & OCW3_READ_ISR;
	if (val & OCW3_SMM_SET)
		c->special_mask = !!(val & OCW3_SMM);
}

/* OCW2 (8259A, figure 8): rotate, specific, EOI in bits 7:5. */
static void write_ocw2(struct vpic *p, struct kvm_pic_state *c, u8 val)
{
	bool rotate = val & BIT(7), specific = val & BIT(6), eoi = val & BIT(5);
	u8 in_service = c->special_mask ? c->isr & ~c->imr : c->isr;
	unsigned int line = val & 7, i = position(c, in_service);

	if (!eoi && !specific) {
		c->rotate_on_auto_eoi = rotate;
		return;
	}
	if (eoi && !specific) {
		if (i == 8)
			return;
		line = line_at(c, i);
	}
	if (eoi)
		end_line(p, c, line);
	if (rotate)
		c->priority_add = (line + 1) & 7;
}

static void write_data(struct kvm_pic_state *c, u8 val)
{
	switch (c->init_state) {
	case READY:
		c->imr = val;
		break;
	case WAIT_ICW2:
		c->irq_base = val & 0xf8;
		c->init_state = WAIT_ICW3;
		break;
	case WAIT_ICW3:
		c->init_state = c->init4 ? WAIT_ICW4 : READY;
		break;
	default:
		c->auto_eoi = !!(val & ICW4_AEOI);
		c->special_fully_nested_mode = !!(val & ICW4_SFNM);
		c->init_state = READY;
	}
}

/* A line that becomes level-triggered requests by its level from now on. */
static void write_elcr(struct kvm_pic_state *c, u8 val)
{
	u8 changed = (c->elcr ^ val) & c->elcr_mask;

	c->elcr = val & c->elcr_mask;
	c->irr = (c->irr & ~(changed & c->elcr)) | (c->last_irr & changed & c->elcr);
}

void vpic_write(struct vpic *p, u16 port, u8 val)
{
	struct kvm_pic_state *c = &p->chip[port >> 8 ? port & 1 : port >> 7];

	if (port >> 8)
		write_elcr(c, val);
	else if (port & 1)
		write_data(c, val);
	else if (val & ICW1)
		write_icw1(p, c, val);
	else if (val & OCW3)
		write_ocw3(c, val);
	else
		write_ocw2(p, c, val);
	update(p);
}

/* The poll command makes the next read an INTA cycle of this chip. */
static u8 read_poll(struct vpic *p, struct kvm_pic_state *c)
{
	int line = requested(p, c);

	c->poll = 0;
	if (line < 0)
		return 0;
	take_line(p, c, line);
	update(p);
	return POLL_PENDING | line;
}

bool vpic_look(const struct vpic *p, u16 port, u8 *val)
{
	const struct kvm_pic_state *c = &p->chip[port >> 8 ? port & 1 : port >> 7];

	if (port >> 8)
		*val = READ_ONCE(c->elcr);
	else if (READ_ONCE(c->poll))
		return false;
	else if (port & 1)
		*val = READ_ONCE(c->imr);
	else
		*val = READ_ONCE(c->read_reg_select) ? READ_ONCE(c->isr) :
						       READ_ONCE(c->irr);
	return true;
}

u8 vpic_read(struct vpic *p, u16 port)
{
	u8 val;

	return vpic_look(p, port, &val) ? val :
	       read_poll(p, &p->chip[port >> 7 & 1]);
}

/* ---- saving ---------------------------------------------------------------------- */

void vpic_get_state(const struct vpic *p, unsigned int n, struct kvm_pic_state *s)
{
	*s = p->chip[n & 1];
}

void vpic_set_state(struct vpic *p, unsigned int n, const struct kvm_pic_state *s)
{
	struct kvm_pic_state *c = &p->chip[n & 1];

	*c = *s;
	c->priority_add &= 7;
	c->init_state &= 3;
	update(p);
}

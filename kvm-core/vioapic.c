// SPDX-License-Identifier: GPL-2.0
/*
 * The IOAPIC: Intel 82093AA data sheet, chapter 3. irq_linux.c raises its pins
 * and carries its messages to the local APICs; the model knows neither them
 * nor what is wired to it.
 */
#include "kvm-core/vioapic.h"

#define REG_SELECT	0x00
#define REG_WINDOW	0x10

#define INDEX_ID	0
#define INDEX_VERSION	1
#define INDEX_ARB	2
#define INDEX_REDIR	0x10

#define VERSION		((VIOAPIC_PINS - 1) << 16 | 0x11)
#define ID_MASK		0x0f000000U	/* of the register; saved state has the number */

#define READ_ONLY	(VIOAPIC_STATUS | VIOAPIC_REMOTE_IRR)
#define WRITABLE	(VIOAPIC_VECTOR | VIOAPIC_MODE | VIOAPIC_LOGICAL | \
			 VIOAPIC_POLARITY | VIOAPIC_LEVEL | VIOAPIC_MASKED | \
			 VIOAPIC_DEST)
static_assert(!(READ_ONLY & WRITABLE), "entry fields overlap");
static_assert(sizeof(struct kvm_ioapic_state) == 24 + 8 * VIOAPIC_PINS,
	      "state layout");

static void update_vectors(struct vioapic *io)
{
	u64 vectors[4] = {};
	unsigned int i;

	for (i = 0; i < VIOAPIC_PINS; i++) {
		u8 vector = FIELD_GET(VIOAPIC_VECTOR, io->redir[i]);

		vectors[vector / 64] |= BIT_ULL(vector % 64);
	}
	for (i = 0; i < 4; i++)
		WRITE_ONCE(io->vectors[i], vectors[i]);
}

void vioapic_reset(struct vioapic *io)
{
	unsigned int i;

	memset(io, 0, sizeof(*io));
	for (i = 0; i < VIOAPIC_PINS; i++)
		io->redir[i] = VIOAPIC_MASKED;
	io->base = VIOAPIC_DEFAULT_BASE;
	update_vectors(io);
}

static int send(u64 entry, const struct vchip_out *out)
{
	struct vchip_msg m = {
		.dest = FIELD_GET(VIOAPIC_DEST, entry),
		.vector = FIELD_GET(VIOAPIC_VECTOR, entry),
		.mode = FIELD_GET(VIOAPIC_MODE, entry),
		.logical = entry & VIOAPIC_LOGICAL,
		.level = entry & VIOAPIC_LEVEL,
	};

	if (m.mode == VCHIP_EXTINT)
		return -1;
	return out->send(out->ctx, &m);
}

static int serve_level(struct vioapic *io, const struct vchip_out *out,
		       unsigned int pin)
{
	int r;

	if (!(io->line & BIT(pin)) || io->paused & BIT(pin))
		return 0;
	if (io->redir[pin] & VIOAPIC_REMOTE_IRR)
		return 0;
	r = send(io->redir[pin], out);
	if (r >= 0)
		io->redir[pin] |= VIOAPIC_REMOTE_IRR;
	return r;
}

/* Send what @pin owes, if it may. @rose: its line did. */
static int serve(struct vioapic *io, const struct vchip_out *out,
		 unsigned int pin, bool rose)
{
	if (io->redir[pin] & VIOAPIC_MASKED)
		return -1;
	if (io->redir[pin] & VIOAPIC_LEVEL)
		return serve_level(io, out, pin);
	return rose ? send(io->redir[pin], out) : 0;
}

int vioapic_set(struct vioapic *io, const struct vchip_out *out,
		unsigned int pin, unsigned int source, bool level)
{
	u32 bit;
	bool was;

	if (pin >= VIOAPIC_PINS || source >= VCHIP_SOURCES)
		return -1;
	bit = 1U << pin;
	was = io->line & bit;
	if (!vchip_line(&io->sources[pin], source, level)) {
		io->line &= ~bit;
		return 1;
	}
	io->line |= bit;
	return serve(io, out, pin, !was);
}

static u32 read_redir(const struct vioapic *io, unsigned int index)
{
	unsigned int pin = index / 2;

	if (pin >= VIOAPIC_PINS)
		return 0;
	pin = env_index_nospec(pin, VIOAPIC_PINS);
	return io->redir[pin] >> (index & 1 ? 32 : 0);
}

static u32 read_window(const struct vioapic *io)
{
	switch (io->select) {
	case INDEX_ID:
	case INDEX_ARB:
		return io->id;
	case INDEX_VERSION:
		return VERSION;
	}
	return io->select < INDEX_REDIR ? 0 : read_redir(io, io->select - INDEX_REDIR);
}

u32 vioapic_read(const struct vioapic *io, u32 offset)
{
	if (offset == REG_SELECT)
		return io->select;
	return offset == REG_WINDOW ? read_window(io) : 0;
}

/* Operating systems clear a stuck remote IRR by making the entry edge-triggered
 * for a moment.
 */
static void set_entry(struct vioapic *io, unsigned int pin, u64 entry)
{
	if (!(entry & VIOAPIC_LEVEL))
		entry &= ~VIOAPIC_REMOTE_IRR;
	io->redir[pin] = entry;
	update_vectors(io);
}

static void write_redir(struct vioapic *io, const struct vchip_out *out,
			unsigned int index, u32 val)
{
	unsigned int pin = index / 2, shift = index & 1 ? 32 : 0;
	u64 mask = WRITABLE & (0xffffffffULL << shift);

	if (pin >= VIOAPIC_PINS)
		return;
	pin = env_index_nospec(pin, VIOAPIC_PINS);
	set_entry(io, pin, (io->redir[pin] & ~mask) | ((u64)val << shift & mask));
	serve(io, out, pin, false);
}

void vioapic_write(struct vioapic *io, const struct vchip_out *out,
		   u32 offset, u32 val)
{
	if (offset == REG_SELECT)
		io->select = val;
	if (offset != REG_WINDOW)
		return;
	if (io->select == INDEX_ID)
		io->id = val & ID_MASK;
	else if (io->select >= INDEX_REDIR)
		write_redir(io, out, io->select - INDEX_REDIR, val);
}

u32 vioapic_eoi_pins(const struct vioapic *io, u8 vector)
{
	unsigned int pin;
	u32 pins = 0;

	for (pin = 0; pin < VIOAPIC_PINS; pin++)
		if (FIELD_GET(VIOAPIC_VECTOR, io->redir[pin]) == vector)
			pins |= 1U << pin;
	return pins;
}

/* Has @pin, whose interrupt has ended, been high at every EOI for long? */
static bool storms(struct vioapic *io, unsigned int pin)
{
	io->storm[pin] = io->line & BIT(pin) ? io->storm[pin] + 1 : 0;
	if (io->storm[pin] < VIOAPIC_STORM)
		return false;
	io->storm[pin] = 0;
	return true;
}

bool vioapic_eoi(struct vioapic *io, const struct vchip_out *out, u8 vector)
{
	u32 pins = vioapic_eoi_pins(io, vector);
	unsigned int pin;
	bool wait = false;

	for (pin = 0; pin < VIOAPIC_PINS; pin++) {
		if (!(pins & BIT(pin)) || !(io->redir[pin] & VIOAPIC_REMOTE_IRR))
			continue;
		io->redir[pin] &= ~VIOAPIC_REMOTE_IRR;
		if (storms(io, pin)) {
			io->paused |= BIT(pin);
			wait = true;
		}
		serve(io, out, pin, false);
	}
	return wait;
}

void vioapic_resume(struct vioapic *io, const struct vchip_out *out)
{
	io->paused = 0;
	vioapic_retry(io, out);
}

void vioapic_retry(struct vioapic *io, const struct vchip_out *out)
{
	unsigned int pin;

	for (pin = 0; pin < VIOAPIC_PINS; pin++)
		if (io->redir[pin] & VIOAPIC_LEVEL)
			serve(io, out, pin, false);
}

static u32 level_pins(const struct vioapic *io)
{
	unsigned int pin;
	u32 pins = 0;

	for (pin = 0; pin < VIOAPIC_PINS; pin++)
		if (io->redir[pin] & VIOAPIC_LEVEL)
			pins |= 1U << pin;
	return pins;
}

void vioapic_get_state(const struct vioapic *io, struct kvm_ioapic_state *s)
{
	unsigned int i;

	memset(s, 0, sizeof(*s));
	s->base_address = io->base;
	s->ioregsel = io->select;
	s->id = FIELD_GET(ID_MASK, io->id);
	s->irr = io->line & level_pins(io);
	for (i = 0; i < VIOAPIC_PINS; i++)
		s->redirtbl[i].bits = io->redir[i];
}

void vioapic_set_state(struct vioapic *io, const struct vchip_out *out,
		       const struct kvm_ioapic_state *s)
{
	u32 irr = s->irr & ((1U << VIOAPIC_PINS) - 1);
	unsigned int i;

	io->base = s->base_address;
	io->select = s->ioregsel;
	io->id = FIELD_PREP(ID_MASK, s->id);
	for (i = 0; i < VIOAPIC_PINS; i++)
		io->redir[i] = s->redirtbl[i].bits & (WRITABLE | VIOAPIC_REMOTE_IRR);
	io->line = (io->line & ~level_pins(io)) | (irr & level_pins(io));
	update_vectors(io);
	for (i = 0; i < VIOAPIC_PINS; i++)
		serve(io, out, i, irr & BIT(i));
}

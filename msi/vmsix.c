// SPDX-License-Identifier: GPL-2.0
/*
 * MSI-X table, pending bits and masks (PCI 3.0 6.8.2.3 message control, 6.8.2.6
 * to 6.8.2.9 table entries and pending bits). pci-assign's interrupt glue calls
 * it; it must not know host vectors, BARs or VMs. O(1) per interrupt: the host
 * vector's number is the table index.
 */
#include "msi/vmsix.h"

unsigned int vmsix_pba_words(unsigned int count)
{
	return (count + 63) / 64;
}

void vmsix_init(struct vmsix *v, struct vmsix_entry *table, u64 *pending,
		unsigned int count)
{
	unsigned int i;

	v->table = table;
	v->pending = pending;
	v->count = min(count, VMSIX_MAX_ENTRIES);
	v->enabled = false;
	v->func_masked = false;
	for (i = 0; i < v->count; i++)
		table[i] = (struct vmsix_entry) {
			.word[VMSIX_VECTOR_CTRL] = VMSIX_VECTOR_MASKED,
		};
	memset(pending, 0, vmsix_pba_words(v->count) * sizeof(*pending));
}

static bool is_pending(const struct vmsix *v, unsigned int index)
{
	return v->pending[index / 64] & BIT_ULL(index % 64);
}

static void set_pending(struct vmsix *v, unsigned int index, bool on)
{
	if (on)
		v->pending[index / 64] |= BIT_ULL(index % 64);
	else
		v->pending[index / 64] &= ~BIT_ULL(index % 64);
}

static bool entry_masked(const struct vmsix *v, unsigned int index)
{
	return v->table[index].word[VMSIX_VECTOR_CTRL] & VMSIX_VECTOR_MASKED;
}

bool vmsix_is_open(const struct vmsix *v, unsigned int index)
{
	return v->enabled && !v->func_masked && index < v->count &&
	       !entry_masked(v, index);
}

u32 vmsix_set_control(struct vmsix *v, u16 control)
{
	bool was_enabled = v->enabled, was_masked = v->func_masked;
	u32 verdict = VMSIX_NOTHING;

	v->enabled = control & VMSIX_CTRL_ENABLE;
	v->func_masked = control & VMSIX_CTRL_FUNC_MASK;

	if (was_enabled && !v->enabled) {
		memset(v->pending, 0,
		       vmsix_pba_words(v->count) * sizeof(*v->pending));
		return VMSIX_STOP;
	}
	if (!v->enabled)
		return VMSIX_NOTHING;
	if (!was_enabled)
		verdict |= VMSIX_START;
	if (!v->func_masked && (was_masked || !was_enabled))
		verdict |= VMSIX_OPENED;
	return verdict;
}

u32 vmsix_read(const struct vmsix *v, u32 offset)
{
	u32 index = offset / VMSIX_ENTRY_SIZE;

	if (index >= v->count)
		return 0;
	return v->table[index].word[offset % VMSIX_ENTRY_SIZE / 4];
}

/* Bits a guest may set in each word; the others stay 0. */
static u32 writable_bits(unsigned int word)
{
	switch (word) {
	case VMSIX_ADDR_LO:
		return ~3U;
	case VMSIX_VECTOR_CTRL:
		return VMSIX_VECTOR_MASKED;
	default:
		return U32_MAX;
	}
}

u32 vmsix_write(struct vmsix *v, u32 offset, u32 value, u32 lanes)
{
	u32 index = offset / VMSIX_ENTRY_SIZE;
	unsigned int word = offset % VMSIX_ENTRY_SIZE / 4;
	bool was_open;
	u32 *w;

	if (index >= v->count)
		return VMSIX_NOTHING;
	was_open = vmsix_is_open(v, index);
	w = &v->table[index].word[word];
	*w = ((*w & ~lanes) | (value & lanes)) & writable_bits(word);
	if (!was_open && vmsix_is_open(v, index))
		return VMSIX_OPENED;
	return VMSIX_NOTHING;
}

u32 vmsix_read_pba(const struct vmsix *v, u32 offset)
{
	u32 word = offset / 8;

	if (word >= vmsix_pba_words(v->count))
		return 0;
	return (u32)(v->pending[word] >> (offset & 4 ? 32 : 0));
}

static struct msg message_of(const struct vmsix *v, unsigned int index)
{
	const u32 *w = v->table[index].word;

	return (struct msg) {
		.addr = (u64)w[VMSIX_ADDR_HI] << 32 | w[VMSIX_ADDR_LO],
		.data = w[VMSIX_DATA],
	};
}

enum msg_verdict vmsix_fire(struct vmsix *v, unsigned int index,
			    struct msg *msg)
{
	if (!v->enabled || index >= v->count)
		return MSG_DROPPED;
	if (!vmsix_is_open(v, index)) {
		set_pending(v, index, true);
		return MSG_PENDED;
	}
	set_pending(v, index, false);
	*msg = message_of(v, index);
	return MSG_DELIVER;
}

bool vmsix_take(struct vmsix *v, unsigned int *cursor, struct msg *msg)
{
	while (*cursor < v->count) {
		unsigned int index = *cursor;

		if (!v->pending[index / 64]) {
			*cursor = (index / 64 + 1) * 64;
			continue;
		}
		*cursor = index + 1;
		if (is_pending(v, index) && vmsix_is_open(v, index)) {
			set_pending(v, index, false);
			*msg = message_of(v, index);
			return true;
		}
	}
	return false;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The config-space model: building it from a card and the tables, and guest
 * reads and writes (PCI 3.0 6.1-6.8, PCIe 7.5-7.9). The node's CONFIG region
 * calls it. It must not know interrupts, VMs or Linux's PCI core: the card's
 * registers are reached through struct vcfg_hw alone, and vcfg_merge() is the
 * only function whose result is written there (tests/proofs has its proof).
 */
#include <linux/pci_regs.h>
#include "msi/vmsi.h"
#include "pci-assign/vcfg.h"

#define CAP_LIST_BIT	((u32)PCI_STATUS_CAP_LIST << 16)

struct vcfg_merged vcfg_merge(const struct vcfg_perm *p, u32 shadow, u32 host,
			      u32 value, u32 lanes)
{
	u32 soft = p->virt & p->write & lanes;
	u32 hard = ~p->virt & p->write & lanes;

	return (struct vcfg_merged) {
		.shadow = (shadow & ~soft) | (value & soft),
		.host = (host & ~hard & ~p->w1c) | (value & hard),
		.to_host = hard != 0,
	};
}

u32 vcfg_get32(const struct vcfg *v, unsigned int off)
{
	return v->shadow[off / 4];
}

u16 vcfg_get16(const struct vcfg *v, unsigned int off)
{
	return (u16)(v->shadow[off / 4] >> (off & 2 ? 16 : 0));
}

void vcfg_set32(struct vcfg *v, unsigned int off, u32 value)
{
	v->shadow[off / 4] = value;
}

/* ---- guest accesses ------------------------------------------------------ */

/* The longest naturally aligned access that starts at @off. */
static unsigned int piece_of(unsigned int off, unsigned int len)
{
	if (!(off & 3) && len >= 4)
		return 4;
	if (!(off & 1) && len >= 2)
		return 2;
	return 1;
}

static u32 lanes_of(unsigned int off, unsigned int n)
{
	u32 mask = n == 4 ? U32_MAX : (1U << (n * 8)) - 1;

	return mask << (off & 3) * 8;
}

static u32 load(const u8 *buf, unsigned int n)
{
	u32 value = 0;

	while (n--)
		value = value << 8 | buf[n];
	return value;
}

static void store(u8 *buf, unsigned int n, u32 value)
{
	unsigned int i;

	for (i = 0; i < n; i++, value >>= 8)
		buf[i] = (u8)value;
}

static u32 read_piece(const struct vcfg *v, const struct vcfg_hw *hw,
		      unsigned int off, unsigned int n)
{
	unsigned int shift = (off & 3) * 8;
	u32 virt = v->perm[off / 4].virt, lanes = lanes_of(off, n), host = 0;

	if (lanes & ~virt)
		host = hw->read(hw->ctx, off, n) << shift;
	return ((host & ~virt) | (v->shadow[off / 4] & virt)) >> shift;
}

void vcfg_read(const struct vcfg *v, const struct vcfg_hw *hw,
	       unsigned int off, unsigned int len, u8 *buf)
{
	while (len) {
		unsigned int n = piece_of(off, len);

		if (off < v->size)
			store(buf, n, read_piece(v, hw, off, n));
		else
			store(buf, n, U32_MAX);
		off += n;
		buf += n;
		len -= n;
	}
}

/*
 * Only the half of a word that has something to write is touched, so that a
 * guest clearing error status never rewrites the command register, which an
 * interrupt handler may be changing.
 */
static void write_host(const struct vcfg_perm *p, const struct vcfg_hw *hw,
		       unsigned int off, unsigned int n, u32 value)
{
	u32 hard = p->write & ~p->virt;
	unsigned int shift;
	u32 lanes, host;

	if (n == 4 && !(hard & 0xffff)) {
		off += 2;
		n = 2;
	} else if (n == 4 && !(hard & 0xffff0000)) {
		n = 2;
	}
	shift = (off & 3) * 8;
	lanes = lanes_of(off, n);
	host = hw->read(hw->ctx, off, n) << shift;
	host = vcfg_merge(p, 0, host, value, lanes).host;
	hw->write(hw->ctx, off, n, (host & lanes) >> shift);
}

static u32 write_piece(struct vcfg *v, const struct vcfg_hw *hw,
		       unsigned int off, unsigned int n, u32 value)
{
	const struct vcfg_perm *p = &v->perm[off / 4];
	u32 lanes = lanes_of(off, n);
	struct vcfg_merged m;

	value <<= (off & 3) * 8;
	m = vcfg_merge(p, v->shadow[off / 4], 0, value, lanes);
	v->shadow[off / 4] = m.shadow;
	if (m.to_host)
		write_host(p, hw, off, n, value);
	return v->did[off / 4];
}

/*
 * A reset is asked for by writing 1 to a bit that always reads 0 (PCIe 7.5.3.4
 * bit 15, AF 6.3): note it and clear the bit.
 */
static u32 take_reset_bit(struct vcfg *v, u8 cap, unsigned int off, u32 bit)
{
	u32 *word = &v->shadow[(cap + off) / 4];

	if (!cap || !(*word & bit))
		return 0;
	*word &= ~bit;
	return VCFG_DID_RESET;
}

u32 vcfg_write(struct vcfg *v, const struct vcfg_hw *hw, unsigned int off,
	       unsigned int len, const u8 *buf)
{
	u32 did = 0;

	while (len) {
		unsigned int n = piece_of(off, len);

		if (off < v->size)
			did |= write_piece(v, hw, off, n, load(buf, n));
		off += n;
		buf += n;
		len -= n;
	}
	did |= take_reset_bit(v, v->pcie, PCI_EXP_DEVCTL,
			      PCI_EXP_DEVCTL_BCR_FLR);
	did |= take_reset_bit(v, v->af, PCI_AF_CTRL, PCI_AF_CTRL_FLR);
	return did;
}

/* ---- building ------------------------------------------------------------ */

static void open_line(struct vcfg *v, const struct vcfg_hw *hw,
		      unsigned int base, const struct vcfg_line *l)
{
	unsigned int i = (base + l->off) / 4;
	u32 host = l->copy ? hw->read(hw->ctx, i * 4, 4) : 0;

	v->perm[i] = (struct vcfg_perm) { l->virt, l->write, l->w1c };
	v->shadow[i] = (host & l->copy) | l->ones;
	v->did[i] = l->did;
}

static void open_register(struct vcfg *v, unsigned int off, struct vbar_reg r)
{
	v->perm[off / 4] = (struct vcfg_perm) { U32_MAX, r.write, 0 };
	v->shadow[off / 4] = r.ones;
	v->did[off / 4] = VCFG_DID_BAR;
}

static void build_header(struct vcfg *v, const struct vcfg_hw *hw,
			 const struct vcfg_params *p)
{
	unsigned int i;

	for (i = 0; i < vcfg_header_count; i++)
		open_line(v, hw, 0, &vcfg_header[i]);
	for (i = 0; i < VBAR_COUNT; i++)
		open_register(v, PCI_BASE_ADDRESS_0 + i * 4,
			      vbar_register(p->bars, i));
	open_register(v, PCI_ROM_ADDRESS, vbar_rom_register(p->rom_size));
	v->shadow[0] = (u32)p->device << 16 | p->vendor;
	if (!p->intx)
		v->shadow[PCI_INTERRUPT_LINE / 4] &= ~0xff00U;
}

/* Bytes the structure takes, as far as it is opened. */
static unsigned int cap_length(const struct vcfg_cap *c, u32 head)
{
	u32 control = head >> 16;

	switch (c->id) {
	case PCI_CAP_ID_VNDR:
		return control & 0xff;
	case PCI_CAP_ID_EXP:	/* version 1 ends before the second device set */
		return (control & PCI_EXP_FLAGS_VERS) >= 2 ?
			c->len : PCI_CAP_EXP_ENDPOINT_SIZEOF_V1;
	case PCI_CAP_ID_MSI:
		return 10 + (control & VMSI_CTRL_64BIT ? 4 : 0) +
		       (control & VMSI_CTRL_MASKABLE ? 10 : 0);
	default:
		return c->len;
	}
}

/* A vendor-specific extended structure carries its length (PCIe 7.9.5.2). */
static unsigned int ext_cap_length(const struct vcfg_cap *c,
				   const struct vcfg_hw *hw, unsigned int pos)
{
	return c->len ? c->len : hw->read(hw->ctx, pos + 4, 4) >> 20;
}

/* Everything starts hidden, so opened words are those not wholly virtual and
 * those with a shadow or write bits: an overlap would weaken their rules.
 */
static bool is_closed(const struct vcfg *v, unsigned int start, unsigned int end)
{
	unsigned int i;

	for (i = start / 4; i < (end + 3) / 4; i++)
		if (v->perm[i].virt != U32_MAX || v->perm[i].write ||
		    v->shadow[i])
			return false;
	return true;
}

/* Structures without lines of their own are readable and nothing else. */
static void open_readable(struct vcfg *v, unsigned int start, unsigned int end)
{
	unsigned int off;

	for (off = start; off < end; off += 4) {
		u32 tail = end - off >= 4 ? 0 : U32_MAX << (end - off) * 8;

		v->perm[off / 4] = (struct vcfg_perm) { tail, 0, 0 };
	}
}

/* Where the model keeps the place of a capability that it acts on. */
static u8 *place_of(struct vcfg *v, u16 id)
{
	switch (id) {
	case PCI_CAP_ID_PM:
		return &v->pm;
	case PCI_CAP_ID_MSI:
		return &v->msi;
	case PCI_CAP_ID_MSIX:
		return &v->msix;
	case PCI_CAP_ID_EXP:
		return &v->pcie;
	case PCI_CAP_ID_AF:
		return &v->af;
	default:
		return NULL;
	}
}

/* Word 0 of a capability: the id, and a next pointer that is still empty. */
static void open_head(struct vcfg *v, unsigned int pos, u32 head)
{
	v->perm[pos / 4].virt |= 0xffff;
	v->shadow[pos / 4] = (v->shadow[pos / 4] & ~0xffffU) | (head & 0xff);
}

unsigned int vcfg_msi_data_off(const struct vcfg *v)
{
	return v->msi ? v->msi + (v->msi_64 ? 12U : 8U) : 0;
}

unsigned int vcfg_msi_mask_off(const struct vcfg *v)
{
	return v->msi && v->msi_maskable ? vcfg_msi_data_off(v) + 4 : 0;
}

unsigned int vcfg_msi_pending_off(const struct vcfg *v)
{
	return v->msi && v->msi_maskable ? vcfg_msi_data_off(v) + 8 : 0;
}

static void open_word(struct vcfg *v, unsigned int off, u32 write)
{
	v->perm[off / 4] = (struct vcfg_perm) { U32_MAX, write, 0 };
	v->did[off / 4] = VCFG_DID_MSI;
}

/* MSI has four layouts, so its words are opened by hand (PCI 3.0 6.8.1). */
static void open_msi(struct vcfg *v, unsigned int pos, u32 head,
		     unsigned int max_log2)
{
	u32 hw_log2 = FIELD_GET(VMSI_CTRL_CAPABLE, head >> 16);
	u32 log2 = min(min(hw_log2, (u32)max_log2), 5U);
	u32 vectors = log2 == 5 ? U32_MAX : (1U << (1U << log2)) - 1;
	u32 ctrl = FIELD_PREP(VMSI_CTRL_CAPABLE, log2) |
		   (head >> 16 & (VMSI_CTRL_64BIT | VMSI_CTRL_MASKABLE));

	v->msi_64 = ctrl & VMSI_CTRL_64BIT;
	v->msi_maskable = ctrl & VMSI_CTRL_MASKABLE;
	open_word(v, pos, (VMSI_CTRL_ENABLE | VMSI_CTRL_ALLOCATED) << 16);
	v->shadow[pos / 4] = ctrl << 16;
	open_word(v, pos + PCI_MSI_ADDRESS_LO, ~3U);
	if (v->msi_64)
		open_word(v, pos + PCI_MSI_ADDRESS_HI, U32_MAX);
	open_word(v, vcfg_msi_data_off(v), 0xffff);
	if (v->msi_maskable) {
		open_word(v, vcfg_msi_mask_off(v), vectors);
		open_word(v, vcfg_msi_pending_off(v), 0);
	}
}

static void open_cap(struct vcfg *v, const struct vcfg_hw *hw,
		     const struct vcfg_cap *c, unsigned int pos,
		     unsigned int end)
{
	unsigned int i;

	open_readable(v, pos, end);
	for (i = 0; i < c->count; i++)
		if (pos + c->lines[i].off < end)
			open_line(v, hw, pos, &c->lines[i]);
}

static bool is_wanted(const struct vcfg_cap *c, const struct vcfg_params *p)
{
	if (!c || !c->lines)
		return false;
	if (c->id == PCI_CAP_ID_MSI)
		return p->msi_log2 >= 0;
	return c->id != PCI_CAP_ID_MSIX || p->msix;
}

static bool show_cap(struct vcfg *v, const struct vcfg_hw *hw,
		     const struct vcfg_params *p, unsigned int pos, u32 head)
{
	const struct vcfg_cap *c = vcfg_find_cap(head & 0xff, false);
	unsigned int end;
	u8 *place;

	if (!is_wanted(c, p))
		return false;
	place = place_of(v, c->id);
	if (place && *place)	/* a function has one at most: the first counts */
		return false;
	end = pos + cap_length(c, head);
	if (end > VCFG_LEGACY_SIZE || end < pos + 2 || !is_closed(v, pos, end))
		return false;
	if (place)
		*place = (u8)pos;
	if (c->id == PCI_CAP_ID_MSI)
		open_msi(v, pos, head, (unsigned int)p->msi_log2);
	else
		open_cap(v, hw, c, pos, end);
	open_head(v, pos, head);
	return true;
}

static void build_caps(struct vcfg *v, const struct vcfg_hw *hw,
		       const struct vcfg_params *p)
{
	unsigned int link = PCI_CAPABILITY_LIST, ttl = 48, pos;
	u32 status = hw->read(hw->ctx, PCI_COMMAND, 4);

	if (!(status & CAP_LIST_BIT))
		return;
	pos = hw->read(hw->ctx, PCI_CAPABILITY_LIST, 1) & 0xfc;
	while (pos >= PCI_STD_HEADER_SIZEOF && ttl--) {
		u32 head = hw->read(hw->ctx, pos, 4);

		if (show_cap(v, hw, p, pos, head)) {
			v->shadow[link / 4] |= pos << (link & 3) * 8;
			link = pos + PCI_CAP_LIST_NEXT;
			v->shadow[PCI_COMMAND / 4] |= CAP_LIST_BIT;
		}
		pos = head >> 8 & 0xfc;
	}
}

static bool show_ext_cap(struct vcfg *v, const struct vcfg_hw *hw,
			 unsigned int pos, u32 head)
{
	const struct vcfg_cap *c = vcfg_find_cap(head & 0xffff, true);
	unsigned int end;

	if (!c || !c->lines)
		return false;
	end = pos + ext_cap_length(c, hw, pos);
	if (end > VCFG_SIZE || end < pos + 4 || !is_closed(v, pos, end))
		return false;
	open_cap(v, hw, c, pos, end);
	v->perm[pos / 4] = (struct vcfg_perm) { U32_MAX, 0, 0 };
	v->shadow[pos / 4] = head & 0xfffff;
	return true;
}

/*
 * The extended list starts at 100h, always: when the structure there is
 * hidden, a header of id 0 with a next pointer takes its place (PCIe 7.6.3).
 */
static void build_ext_caps(struct vcfg *v, const struct vcfg_hw *hw)
{
	unsigned int link = VCFG_LEGACY_SIZE, pos = VCFG_LEGACY_SIZE;
	unsigned int ttl = (VCFG_SIZE - VCFG_LEGACY_SIZE) / 8;

	while (pos >= VCFG_LEGACY_SIZE && ttl--) {
		u32 head = hw->read(hw->ctx, pos, 4);

		if (!head || head == U32_MAX)
			break;
		if (show_ext_cap(v, hw, pos, head)) {
			if (pos != VCFG_LEGACY_SIZE)
				v->shadow[link / 4] |= (u32)pos << 20;
			link = pos;
		}
		pos = head >> 20 & 0xffc;
	}
}

int vcfg_build(struct vcfg *v, const struct vcfg_hw *hw,
	       const struct vcfg_params *p)
{
	unsigned int i;
	u32 type;

	if (p->size != VCFG_LEGACY_SIZE && p->size != VCFG_SIZE)
		return -EINVAL;
	type = hw->read(hw->ctx, PCI_HEADER_TYPE, 1);
	if ((type & 0x7f) != PCI_HEADER_TYPE_NORMAL || !vbar_valid(p->bars))
		return -EINVAL;
	memset(v, 0, sizeof(*v));
	v->size = p->size;
	for (i = 0; i < VCFG_WORDS; i++)
		v->perm[i].virt = U32_MAX;
	build_header(v, hw, p);
	build_caps(v, hw, p);
	if (v->size == VCFG_SIZE)
		build_ext_caps(v, hw);
	return 0;
}

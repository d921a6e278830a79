// SPDX-License-Identifier: GPL-2.0
/*
 * The instruction decoder: walks prefixes, opcode, ModRM, SIB, displacement
 * and immediates (APM3 1.1-1.8) along the shapes of insn_tab.c. Called by the
 * emulator for each exit it finishes in software, and for lengths alone. It
 * knows nothing of guests, memory or faults: bytes in, struct insn out.
 *
 * Known limits: XOP and EVEX are decoded for length only.
 */
#include "kvm-core/insn.h"
#include "kvm-core/emul.h"

/* The bytes still to be read. */
struct cursor {
	const u8 *bytes;
	unsigned int at, count;
};

/* 16-bit forms, APM3 table A-34: base and index by ModRM.rm. */
static const u8 base16[8] = {
	EMUL_RBX, EMUL_RBX, EMUL_RBP, EMUL_RBP,
	EMUL_RSI, EMUL_RDI, EMUL_RBP, EMUL_RBX,
};
static const u8 index16[8] = {
	EMUL_RSI, EMUL_RDI, EMUL_RSI, EMUL_RDI,
	INSN_NO_REG, INSN_NO_REG, INSN_NO_REG, INSN_NO_REG,
};

static enum insn_result more(const struct cursor *p)
{
	return p->count < 15 ? INSN_SHORT : INSN_LONG;
}

/* Read @size bytes, sign-extended. */
static bool take(struct cursor *p, unsigned int size, u64 *value)
{
	const u8 *b = p->bytes + p->at;

	if (p->at + size > p->count)
		return false;
	p->at += size;
	switch (size) {
	case 1:
		*value = (u64)(s8)b[0];
		return true;
	case 2:
		*value = (u64)(s16)(b[0] | b[1] << 8);
		return true;
	case 4:
		*value = (u64)(s32)(b[0] | b[1] << 8 | b[2] << 16 | (u32)b[3] << 24);
		return true;
	default:
		*value = (b[0] | b[1] << 8 | b[2] << 16 | (u32)b[3] << 24) |
			 (u64)(b[4] | b[5] << 8 | b[6] << 16 | (u32)b[7] << 24) << 32;
		return true;
	}
}

static bool take_byte(struct cursor *p, u8 *value)
{
	if (p->at >= p->count)
		return false;
	*value = p->bytes[p->at++];
	return true;
}

static void apply_prefix(struct insn *i, u8 byte)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		/* ES, CS, SS and DS have no effect in 64-bit code */
		if (i->bits != 64)
			i->seg_override = (byte >> 3) & 3;
		break;
	case 0x64:
	case 0x65:
		i->seg_override = byte - 0x64 + EMUL_FS;
		break;
	case 0x66:
		i->data16 = true;
		break;
	case 0x67:
		i->addrsize = i->bits == 64 ? 4 : 6 - i->bits / 8;
		break;
	case 0xf0:
		i->lock = true;
		break;
	default:
		i->rep = byte;
		break;
	}
}

/* A REX byte counts only right before the opcode. */
static enum insn_result decode_prefixes(struct insn *i, struct cursor *p)
{
	u8 byte;

	while (take_byte(p, &byte)) {
		i->attr = insn_map_one[byte];
		if (i->bits == 64 && (byte & 0xf0) == 0x40) {
			i->rex = byte;
		} else if ((i->attr & INSN_PREFIX) && byte != 0x0f) {
			i->rex = 0;
			apply_prefix(i, byte);
		} else {
			i->opcode = byte;
			return INSN_OKAY;
		}
	}
	return more(p);
}

static void set_pp(struct insn *i)
{
	if (i->rep)
		i->pp = i->rep == 0xf3 ? INSN_PP_F3 : INSN_PP_F2;
	else if (i->data16)
		i->pp = INSN_PP_66;
}

/* 0F38 F0 and F1 are MOVBE, or CRC32 with F2h; 2A is MOVNTDQA. */
static u32 attr_0f38(const struct insn *i)
{
	if ((i->opcode & 0xfe) == 0xf0 && i->coding == INSN_LEGACY &&
	    i->pp <= INSN_PP_66)
		return INSN_OP_MOVBE | INSN_MODRM | INSN_MEM;
	if (i->opcode == 0x2a && i->pp == INSN_PP_66)
		return INSN_OP_SSE_MOV | INSN_MODRM;
	return INSN_OP_LENGTH | INSN_MODRM;
}

static enum insn_result decode_0f(struct insn *i, struct cursor *p)
{
	if (!take_byte(p, &i->opcode))
		return more(p);
	i->map = 1;
	i->attr = insn_map_0f[i->opcode];
	if (likely(!(i->attr & INSN_PREFIX)))
		return INSN_OKAY;
	i->map = i->opcode == 0x38 ? 2 : 3;
	if (!take_byte(p, &i->opcode))
		return more(p);
	i->attr = i->map == 2 ? attr_0f38(i) :
				INSN_OP_LENGTH | INSN_MODRM | INSN_I8;
	return INSN_OKAY;
}

/* What VEX makes of the 0F map: the same shapes, but SSE and opmasks only. */
static u32 attr_vex_0f(const struct insn *i)
{
	u32 attr = insn_map_0f[i->opcode];

	if (i->opcode == 0x77)
		return INSN_OP_LENGTH;
	if ((attr & INSN_OP_MASK) >= INSN_OP_SSE_FIRST && !(attr & INSN_GROUP))
		return attr;
	if (i->opcode >= 0x41 && i->opcode <= 0x4b)
		return INSN_OP_LENGTH | INSN_MODRM;
	if (i->opcode >= 0x90 && i->opcode <= 0x99)
		return INSN_OP_LENGTH | INSN_MODRM;
	if (i->opcode == 0xae)
		return INSN_OP_LENGTH | INSN_MODRM;
	if ((attr & INSN_OP_MASK) == INSN_OP_LENGTH && (attr & INSN_MODRM) &&
	    i->opcode >= 0x10)
		return attr & ~INSN_SPECIAL;
	return INSN_OP_NONE;
}

static void set_vex_attr(struct insn *i)
{
	if (i->map == 1)
		i->attr = attr_vex_0f(i);
	else if (i->map == 2)
		i->attr = attr_0f38(i);
	else
		i->attr = INSN_OP_LENGTH | INSN_MODRM | INSN_I8;
}

/* The last VEX byte: W, vvvv, L, pp (APM3 1.2.8). */
static void set_vex_fields(struct insn *i, u8 byte)
{
	i->vvvv = (~byte >> 3) & (i->bits == 64 ? 15 : 7);
	i->vex_l = (byte >> 2) & 1;
	i->pp = byte & 3;
	if (byte & 0x80)
		i->rex |= INSN_REX_W;
}

static enum insn_result decode_vex(struct insn *i, struct cursor *p)
{
	bool two = i->opcode == 0xc5;
	u8 b1, b2;

	if (!take_byte(p, &b1) || (!two && !take_byte(p, &b2)))
		return more(p);
	if (i->rex || i->data16 || i->rep || i->lock)
		return INSN_UNDEFINED;
	i->coding = INSN_VEX;
	i->map = two ? 1 : b1 & 0x1f;
	if (i->map < 1 || i->map > 3)
		return INSN_UNDEFINED;
	/* 40h keeps "a REX is there" apart from its bits */
	i->rex = 0x40 | (~b1 >> 5 & (two ? 4 : 7));
	if (i->bits != 64)
		i->rex = 0x40;
	set_vex_fields(i, two ? b1 & 0x7f : b2);
	if (!take_byte(p, &i->opcode))
		return more(p);
	set_vex_attr(i);
	return INSN_OKAY;
}

/* Length only. Map 8 carries a byte, map A four bytes of immediate. */
static enum insn_result decode_xop(struct insn *i, struct cursor *p)
{
	u8 b1, b2;

	if (!take_byte(p, &b1) || !take_byte(p, &b2) || !take_byte(p, &i->opcode))
		return more(p);
	i->coding = INSN_XOP;
	i->map = b1 & 0x1f;
	if (i->map > 10)
		return INSN_UNKNOWN;
	i->data16 = false;
	i->attr = INSN_OP_LENGTH | INSN_MODRM;
	if (i->map == 8)
		i->attr |= INSN_I8;
	else if (i->map == 10)
		i->attr |= INSN_IZ;
	if (i->bits == 16)
		i->data16 = i->map == 10;
	return INSN_OKAY;
}

/* Length only. The shape is VEX's of the same map and opcode. */
static enum insn_result decode_evex(struct insn *i, struct cursor *p)
{
	u8 payload[3];
	unsigned int n;

	for (n = 0; n < 3; n++)
		if (!take_byte(p, &payload[n]))
			return more(p);
	if (!take_byte(p, &i->opcode))
		return more(p);
	i->coding = INSN_EVEX;
	i->map = payload[0] & 7;	/* 5 and 6 have no immediates */
	i->pp = payload[1] & 3;
	i->attr = INSN_OP_LENGTH | INSN_MODRM;
	if (i->map < 1 || i->map > 6 || i->map == 4)
		return INSN_UNKNOWN;
	if (i->map == 3)
		i->attr |= INSN_I8;
	else if (i->map == 1)
		i->attr |= insn_map_0f[i->opcode] & INSN_IMM_MASK;
	return INSN_OKAY;
}

/* C4, C5, 62 and 8F mean old instructions too: the next byte tells. */
static enum insn_result decode_shared(struct insn *i, struct cursor *p)
{
	bool coded;
	u8 next;

	if (p->at >= p->count)
		return more(p);
	next = p->bytes[p->at];
	coded = i->bits == 64 || next >= 0xc0;
	if (i->opcode == 0x8f)
		return (next & 0x1f) >= 8 ? decode_xop(i, p) : INSN_OKAY;
	if (!coded)
		return INSN_OKAY;
	return i->opcode == 0x62 ? decode_evex(i, p) : decode_vex(i, p);
}

static enum insn_result decode_opcode(struct insn *i, struct cursor *p)
{
	set_pp(i);
	switch (i->opcode) {
	case 0x0f:
		return decode_0f(i, p);
	case 0x62:
	case 0x8f:
	case 0xc4:
	case 0xc5:
		return decode_shared(i, p);
	default:
		return INSN_OKAY;
	}
}

static void set_operand_size(struct insn *i)
{
	if (i->attr & INSN_BYTE)
		i->opsize = 1;
	else if (i->bits != 64)
		i->opsize = (i->bits == 16) != i->data16 ? 2 : 4;
	else if (i->rex & INSN_REX_W)
		i->opsize = 8;
	else if (i->data16)
		i->opsize = 2;
	else
		i->opsize = i->attr & INSN_D64 ? 8 : 4;
}

static enum insn_result decode_mem16(struct insn *i, struct cursor *p)
{
	unsigned int mod = i->modrm >> 6, rm = i->modrm & 7;
	unsigned int size = mod;

	if (mod == 0 && rm == 6) {
		size = 2;
	} else {
		i->base = base16[rm];
		i->index = index16[rm];
	}
	if (size && !take(p, size, &i->disp))
		return more(p);
	return INSN_OKAY;
}

static enum insn_result decode_sib(struct insn *i, struct cursor *p,
				   unsigned int *disp_size)
{
	u8 sib;

	if (!take_byte(p, &sib))
		return more(p);
	i->scale = sib >> 6;
	i->index = (sib >> 3 & 7) | (i->rex & INSN_REX_X ? 8 : 0);
	if (i->index == EMUL_RSP)
		i->index = INSN_NO_REG;
	i->base = (sib & 7) | (i->rex & INSN_REX_B ? 8 : 0);
	if ((sib & 7) == 5 && i->modrm < 0x40) {
		i->base = INSN_NO_REG;
		*disp_size = 4;
	}
	return INSN_OKAY;
}

static enum insn_result decode_mem(struct insn *i, struct cursor *p)
{
	static const u8 sizes[3] = { 0, 1, 4 };
	unsigned int rm = i->modrm & 7;
	unsigned int size = sizes[i->modrm >> 6];
	enum insn_result r;

	if (rm == 4) {
		r = decode_sib(i, p, &size);
		if (r != INSN_OKAY)
			return r;
	} else if (rm == 5 && i->modrm < 0x40) {
		size = 4;
		i->rip_relative = i->bits == 64;
	} else {
		i->base = rm | (i->rex & INSN_REX_B ? 8 : 0);
	}
	if (size && !take(p, size, &i->disp))
		return more(p);
	return INSN_OKAY;
}

/* Memory through rSP or rBP is on the stack unless a prefix says otherwise. */
static u8 memory_segment(const struct insn *i)
{
	if (i->seg_override != INSN_NO_REG)
		return i->seg_override;
	return i->base == EMUL_RSP || i->base == EMUL_RBP ? EMUL_SS : EMUL_DS;
}

static enum insn_result decode_modrm(struct insn *i, struct cursor *p)
{
	enum insn_result r;
	u32 group = i->attr;

	if (!take_byte(p, &i->modrm))
		return more(p);
	i->reg = (i->modrm >> 3 & 7) | (i->rex & INSN_REX_R ? 8 : 0);
	i->rm = (i->modrm & 7) | (i->rex & INSN_REX_B ? 8 : 0);
	/* MOV CR and MOV DR (0F 20-23) know no memory form */
	i->mem = i->modrm < 0xc0 &&
		 !((i->attr & INSN_SPECIAL) && i->map == 1 && i->opcode < 0x28);
	if (group & INSN_GROUP) {
		unsigned int g = group & INSN_OP_MASK;

		if ((group & INSN_SPLIT) && !i->mem)
			g++;
		i->attr = insn_groups[g][i->modrm >> 3 & 7] |
			  (group & ~(INSN_OP_MASK | INSN_GROUP));
	}
	if (!i->mem)
		return INSN_OKAY;
	r = i->addrsize == 2 ? decode_mem16(i, p) : decode_mem(i, p);
	i->seg = memory_segment(i);
	return r;
}

static enum insn_result decode_immediate(struct insn *i, struct cursor *p)
{
	unsigned int z = i->opsize == 2 ? 2 : 4;
	u64 second = 0;
	bool okay;

	switch (i->attr & INSN_IMM_MASK) {
	case INSN_I8:
		okay = take(p, 1, &i->imm);
		break;
	case INSN_IZ:
		okay = take(p, z, &i->imm);
		break;
	case INSN_IV:
		okay = take(p, i->opsize, &i->imm);
		break;
	case INSN_IW:
		okay = take(p, 2, &i->imm);
		break;
	case INSN_IWB:
		okay = take(p, 2, &i->imm) && take(p, 1, &second);
		break;
	case INSN_FAR:
		okay = take(p, z, &i->imm) && take(p, 2, &second);
		i->imm &= z == 2 ? 0xffff : 0xffffffff;
		break;
	case INSN_MOFFS:
		okay = take(p, i->addrsize, &i->disp);
		i->mem = true;
		i->seg = memory_segment(i);
		break;
	default:
		return INSN_OKAY;
	}
	i->imm2 = second;
	return okay ? INSN_OKAY : more(p);
}

/* EXTRQ and INSERTQ: 0F 78 with 66h or F2h has two immediate bytes. */
static void adjust_special(struct insn *i)
{
	if (i->opcode == 0x78 && (i->pp == INSN_PP_66 || i->pp == INSN_PP_F2))
		i->attr |= INSN_IW;
}

static void start(struct insn *i, unsigned int bits)
{
	*i = (struct insn) {
		.bits = bits,
		.addrsize = bits / 8,
		.base = INSN_NO_REG,
		.index = INSN_NO_REG,
		.seg = EMUL_DS,
		.seg_override = INSN_NO_REG,
	};
}

enum insn_result insn_decode(struct insn *i, const u8 *bytes,
			     unsigned int count, unsigned int bits)
{
	struct cursor p = { .bytes = bytes, .count = count };
	enum insn_result r;

	start(i, bits);
	r = decode_prefixes(i, &p);
	if (r == INSN_OKAY)
		r = decode_opcode(i, &p);
	if (r != INSN_OKAY)
		return r;
	if (unlikely((i->attr & INSN_NO64) && bits == 64 &&
		     i->coding == INSN_LEGACY))
		return INSN_UNDEFINED;
	if (unlikely((i->attr & INSN_SPECIAL) && i->map == 1))
		adjust_special(i);
	if (i->attr & INSN_MODRM) {
		r = decode_modrm(i, &p);
		if (r != INSN_OKAY)
			return r;
	}
	set_operand_size(i);
	if (i->attr & INSN_IMM_MASK) {
		r = decode_immediate(i, &p);
		if (r != INSN_OKAY)
			return r;
	}
	if (insn_op(i) == INSN_OP_NONE)
		return INSN_UNKNOWN;
	i->length = p.at;
	return INSN_OKAY;
}

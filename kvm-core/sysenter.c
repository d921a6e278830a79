// SPDX-License-Identifier: GPL-2.0
/*
 * SYSENTER and SYSEXIT in long mode as Intel's SDM 2B gives them. Called by
 * sysenter_linux.c for what a CPU that lacks them there made a #UD of. It knows of
 * no VMCB and fetches nothing: segments are those that the instructions imply.
 */
#include "kvm-core/sysenter.h"

#define FLAGS_IF	BIT_ULL(9)
#define FLAGS_RF	BIT_ULL(16)
#define FLAGS_VM	BIT_ULL(17)
#define SEL_NULL	0xfffcULL	/* 0 here: no selector */

static struct kvm_segment flat(u16 selector, u8 type, u8 dpl, bool wide)
{
	return (struct kvm_segment) {
		.selector = selector, .limit = ~0U, .type = type, .present = 1,
		.dpl = dpl, .s = 1, .l = wide, .db = !wide, .g = 1,
	};
}

static bool canonical(const struct sysenter_cpu *c, u64 la)
{
	unsigned int shift = c->la57 ? 7 : 16;

	return (u64)((s64)(la << shift) >> shift) == la;
}

bool sysenter_enter(struct sysenter_cpu *c)
{
	u16 cs = c->cs & SEL_NULL;

	if (!cs)
		return false;
	c->code = flat(cs, 0xb, 0, true);
	c->stack = flat(cs + 8, 3, 0, false);
	c->rflags &= ~(FLAGS_VM | FLAGS_IF | FLAGS_RF);
	c->rip = c->eip;
	c->rsp = c->esp;
	return true;
}

bool sysenter_exit(struct sysenter_cpu *c, bool wide)
{
	u16 cs = (c->cs & SEL_NULL) + (wide ? 32 : 16);

	if (!(c->cs & SEL_NULL) || c->stack.dpl)
		return false;
	if (wide && (!canonical(c, c->rcx) || !canonical(c, c->rdx)))
		return false;
	c->code = flat(cs | 3, 0xb, 3, wide);
	c->stack = flat((cs + 8) | 3, 3, 3, false);
	c->rflags &= ~FLAGS_RF;
	c->rip = wide ? c->rdx : (u32)c->rdx;
	c->rsp = wide ? c->rcx : (u32)c->rcx;
	return true;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * bare: who may do what to a page (APM2 5.6): every combination of the bits of a leaf
 * and of the table above it with CR0.WP, CR4.SMEP, CR4.SMAP and RFLAGS.AC, EFER.NXE,
 * protection keys where there are, and each kind of access, for leaves of 4 KiB and 2
 * MiB. The outcome, the error code, CR2 and the accessed and dirty bits must be those
 * that the manual's words give.
 */
#include "bare.h"

extern u8 user_read[], user_write[], user_end[];

#define AREA		0x8080000000UL		/* 1 GiB below a table of our own */
#define CODE		0x8100000000UL		/* the user's programs, and a stack */
#define RESERVED	BIT(51)
#define EFER		0xc0000080
#define CR0_WP		BIT(16)
#define CR4_SMEP	BIT(20)
#define CR4_SMAP	BIT(21)
#define CR4_PKE		BIT(22)
#define AC		BIT(18)

enum op { OP_READ, OP_WRITE, OP_FETCH };

struct cpu {
	bool wp, smep, smap, ac, nxe, pke;
	u32 pkru;
};

struct access {
	u64 leaf, above;
	enum op op;
	bool user;
};

static u8 *frame;			/* 2 MiB: a RET and an INT 20h at its start */
static u64 wrong, done, not_present;	/* of reserved bits: the error lacks P */

/* The keys speak of data in a user's page (APM2 5.6.7), whatever else forbids. */
static bool key_forbids(const struct cpu *c, const struct access *a)
{
	u32 key = c->pkru >> ((a->leaf >> 59 & 15) * 2) & 3;

	return c->pke && a->op != OP_FETCH && (a->leaf & a->above & PTE_U) &&
	       ((key & 1) || ((key & 2) && a->op == OP_WRITE && (a->user || c->wp)));
}

static bool rights_forbid(const struct cpu *c, const struct access *a)
{
	bool w = a->leaf & a->above & PTE_W, u = a->leaf & a->above & PTE_U;

	if (a->user && !u)
		return true;
	if (a->op == OP_FETCH)
		return ((a->leaf | a->above) & PTE_NX) || (!a->user && u && c->smep);
	if (a->op == OP_WRITE && !w && (a->user || c->wp))
		return true;
	return !a->user && u && c->smap && !c->ac;
}

/* The error code, or -1 if it is allowed. */
static int expected(const struct cpu *c, const struct access *a)
{
	int e = (a->user ? 4 : 0) | (a->op == OP_WRITE ? 2 : 0) |
		(a->op == OP_FETCH && (c->nxe || c->smep) ? 16 : 0);
	u64 bad = RESERVED | (c->nxe ? 0 : PTE_NX);
	bool key = key_forbids(c, a);

	if (!(a->above & PTE_P))
		return e;
	if (a->above & bad)
		return e | 9;
	if (!(a->leaf & PTE_P))
		return e;
	if (a->leaf & bad)
		return e | 9;
	if (rights_forbid(c, a) || key)
		return e | 1 | (key ? 0x20 : 0);
	return -1;
}

static void by_user(enum op op, u64 at)
{
	u64 rip = CODE + (op == OP_WRITE ? user_write - user_read : 0);

	caught.vector = NOTHING;
	user_enter(op == OP_FETCH ? at + 16 : rip, CODE + 8192, at + 0x800);
}

static void by_kernel(enum op op, u64 at, bool ac)
{
	u64 flags = 2 | (ac ? AC : 0);

	caught.vector = NOTHING;
	if (op == OP_READ)
		TRY("push %1\n	popfq\n	mov (%0), %%al", : : "r"(at + 0x800), "r"(flags) : "rax", "memory", "cc");
	else if (op == OP_WRITE)
		TRY("push %1\n	popfq\n	movb $0x5a, (%0)", : : "r"(at + 0x800), "r"(flags) : "memory", "cc");
	else
		asm volatile("mov %%rsp, %%rbx\n	movq $1f, resume_rip\n"
			     "	push %1\n	popfq\n	call *%0\n"
			     "1:	mov %%rbx, %%rsp\n	movq $0, resume_rip"
			     : : "r"(at), "r"(flags) : "rbx", "memory", "cc");
	asm volatile("push $2\n	popfq" : : : "memory", "cc");
}

static void tell(const struct cpu *c, const struct access *a, int want, int got, u64 leaf, u64 above)
{
	note("%s %s: leaf %#lx above %#lx, WP %u SMEP %u SMAP %u AC %u NXE %u PKE %u PKRU %#x: wanted %d, got %d (vector %lu, cr2 %#lx), then leaf %#lx above %#lx",
	     a->user ? "user" : "kernel", a->op == OP_READ ? "read" : a->op == OP_WRITE ? "write" : "fetch",
	     a->leaf, a->above, c->wp, c->smep, c->smap, c->ac, c->nxe, c->pke, c->pkru, want, got,
	     caught.vector, caught.cr2, leaf, above);
}

static void attempt(const struct cpu *c, const struct access *a, u64 at, u64 *leaf, u64 *above,
		    unsigned int level)
{
	int want = expected(c, a), got;
	u64 address = at + (a->op == OP_FETCH ? (a->user ? 16 : 0) : 0x800), l, b;
	bool good;

	*leaf = ((u64)frame | a->leaf) | (level ? PTE_PS : 0);
	*above = (*above & 0xffffffffff000ULL & ~RESERVED) | a->above;
	invlpg(at);
	if (a->user)
		by_user(a->op, at);
	else
		by_kernel(a->op, at, c->ac);
	got = caught.vector == NOTHING ? -1 : (int)caught.error;
	l = *leaf;
	b = *above;
	good = got == want && (got < 0 || (caught.vector == 14 && caught.cr2 == address));
	if (want < 0)
		good = good && (l & PTE_A) && (b & PTE_A) && !(l & PTE_D) == (a->op != OP_WRITE);
	else
		good = good && !(l & PTE_D);
	done++;
	if (!good && want >= 0 && (want & 8) && got == want - 1) {
		not_present++;
		return;
	}
	if (good)
		return;
	if (wrong++ < 6)
		tell(c, a, want, got, l, b);
}

static void set_cpu(const struct cpu *c)
{
	u64 cr4 = GET_REG("cr4") & ~(CR4_SMEP | CR4_SMAP | CR4_PKE);

	SET_REG("cr0", c->wp ? GET_REG("cr0") | CR0_WP : GET_REG("cr0") & ~CR0_WP);
	SET_REG("cr4", cr4 | (c->smep ? CR4_SMEP : 0) | (c->smap ? CR4_SMAP : 0) | (c->pke ? CR4_PKE : 0));
	wrmsr(EFER, c->nxe ? rdmsr(EFER) | 0x800 : rdmsr(EFER) & ~0x800ULL);
	if (c->pke)
		asm volatile("wrpkru" : : "a"(c->pkru), "c"(0), "d"(0));
}

/* All leaves and tables for one state of the CPU */
static void all_entries(const struct cpu *c, u64 at, unsigned int level)
{
	static const u64 bits[] = { PTE_P, PTE_W, PTE_U, PTE_NX, RESERVED };
	u64 *leaf = pte_of(at, level), *above = pte_of(at, level + 1), saved = *above;
	unsigned int l, u, i, op;
	struct access a;

	for (l = 0; l < 32; l++) {
		for (u = 0; u < 32; u++) {
			if ((!(l & 1) && l > 7) || (!(u & 1) && (u > 1 || l != 1)))
				continue;	/* not present: what else is no matter */
			if ((u & 16) && l != 7)
				continue;
			a.leaf = c->pke ? BIT(59) : 0;
			a.above = 0;
			for (i = 0; i < 5; i++) {
				a.leaf |= l >> i & 1 ? bits[i] : 0;
				a.above |= u >> i & 1 ? bits[i] : 0;
			}
			for (op = 0; op < 6; op++) {
				a.op = op % 3;
				a.user = op >= 3;
				attempt(c, &a, at, leaf, above, level);
			}
		}
	}
	*leaf = 0;
	*above = saved;
	invlpg(at);
}

static void all(u64 at, unsigned int level, const char *what)
{
	bool smep = has_cpuid(7, 1, 7), smap = has_cpuid(7, 1, 20);
	unsigned int n;
	struct cpu c;

	wrong = 0;
	done = 0;
	for (n = 0; n < 32; n++) {
		c = (struct cpu){ .wp = n & 1, .smep = n & 2, .smap = n & 4, .ac = n & 8, .nxe = !(n & 16) };
		if ((c.smep && !smep) || (c.smap && !smap) || (c.ac && !c.smap) || (!c.nxe && (c.smap || c.ac)))
			continue;
		set_cpu(&c);
		all_entries(&c, at, level);
	}
	set_cpu(&(struct cpu){ .wp = true, .nxe = true });
	ok(!wrong, "access: %s", what);
	note("%lu combinations, %lu wrong", done, wrong);
}

static void keys(u64 at)
{
	unsigned int n;
	struct cpu c;

	if (!has_cpuid(7, 2, 3)) {
		note("no protection keys");
		return;
	}
	wrong = 0;
	done = 0;
	for (n = 0; n < 8; n++) {
		c = (struct cpu){ .wp = n & 1, .nxe = true, .pke = true, .pkru = (n >> 1) << 2 };
		set_cpu(&c);
		all_entries(&c, at, 0);
	}
	set_cpu(&(struct cpu){ .wp = true, .nxe = true });
	ok(!wrong, "access: protection keys");
	note("%lu combinations, %lu wrong", done, wrong);
}

/* ---- more than one way to a page ---------------------------------------------------------- */

/* Two directories with different rights lead to one table. */
static void two_ways(void)
{
	u64 a = AREA + 0x10000000, b = AREA + 0x10200000;
	bool good = true;
	unsigned int i;

	map(a, (u64)frame | PTE_P | PTE_W | PTE_U, 0);
	*pte_of(b, 1) = *pte_of(a, 1);
	*pte_of(a, 1) &= ~PTE_W;
	invlpg(a);
	invlpg(b);
	for (i = 0; i < 3; i++) {
		by_kernel(OP_READ, a, false);
		good &= caught.vector == NOTHING;
		by_kernel(OP_WRITE, b, false);
		good &= caught.vector == NOTHING;
		by_kernel(OP_WRITE, a, false);
		good &= caught.vector == 14 && caught.error == 3;
	}
	ok(good, "access: one table by two ways with different rights");
}

/* A page's rights grow: no flush is needed. */
static void grows(void)
{
	u64 at = AREA + 0x20000000, *pte;
	bool good;

	map(at, 0, 0);
	by_kernel(OP_READ, at, false);
	good = caught.vector == 14 && caught.error == 0;
	pte = pte_of(at, 0);
	*pte = (u64)frame | PTE_P;
	by_kernel(OP_READ, at, false);
	good &= caught.vector == NOTHING;
	by_kernel(OP_WRITE, at, false);
	good &= caught.vector == 14 && caught.error == 3;
	*pte |= PTE_W;
	by_kernel(OP_WRITE, at, false);
	good &= caught.vector == NOTHING && (*pte & PTE_D);
	ok(good, "access: what comes needs no flush");
}

/* A big page read, then written, by a kernel without WP */
static void big_without_wp(void)
{
	u64 at = AREA + 0x30000000, *pte;
	bool good;

	map(at, (u64)frame | PTE_P | PTE_U | PTE_PS, 1);
	pte = pte_of(at, 1);
	set_cpu(&(struct cpu){ .nxe = true });
	by_kernel(OP_READ, at, false);
	good = caught.vector == NOTHING && !(*pte & PTE_D);
	by_kernel(OP_WRITE, at, false);
	good &= caught.vector == NOTHING && (*pte & PTE_D);
	by_user(OP_READ, at);
	good &= caught.vector == NOTHING;
	by_user(OP_WRITE, at);
	good &= caught.vector == 14 && caught.error == 7;
	set_cpu(&(struct cpu){ .wp = true, .nxe = true });
	by_kernel(OP_WRITE, at, false);
	good &= caught.vector == 14 && caught.error == 3;
	ok(good, "access: a big page without WP");
	map(at, 0, 1);
}

/* The table that maps the tables: a write through it is seen */
static void table_in_itself(void)
{
	u64 at = AREA + 0x18000000, window = AREA + 0x18200000, *table;
	bool good = true;
	unsigned int i;

	map(at, (u64)frame | PTE_P | PTE_W, 0);
	table = (u64 *)(*pte_of(at, 1) & 0xffffffffff000ULL);
	map(window, (u64)table | PTE_P | PTE_W, 0);
	for (i = 0; i < 20; i++) {
		*(volatile u64 *)window = (u64)frame | PTE_P | (i & 1 ? PTE_W : 0);
		invlpg(at);
		by_kernel(OP_WRITE, at, false);
		good &= caught.vector == (i & 1 ? NOTHING : 14);
		*(volatile u64 *)window = 0;
		invlpg(at);
		by_kernel(OP_READ, at, false);
		good &= caught.vector == 14 && caught.error == 0;
	}
	ok(good, "access: a table written through another mapping");
}

/* Many pages of one frame */
static void many_ways(void)
{
	u64 at = AREA + 0x38000000;
	unsigned int i, n = 3000;
	bool good = true;

	for (i = 0; i < n; i++)
		map(at + i * 4096UL, (u64)frame | PTE_P | PTE_W, 0);
	for (i = 0; i < n; i++)
		((volatile u32 *)(at + i * 4096UL))[512 + (i & 255)] = i;
	for (i = n - 256; i < n; i++)
		good &= ((u32 *)frame)[512 + (i & 255)] == i;
	ok(good, "access: a frame mapped 3,000 times");
}

void test_access(void)
{
	frame = big_alloc();
	memset(frame, 0x90, 4096);
	frame[0] = 0xc3;
	frame[16] = 0xcd;
	frame[17] = 0x20;
	map(CODE, (u64)user_read | PTE_P | PTE_U, 0);
	map(CODE + 4096, (u64)page_alloc() | PTE_P | PTE_U | PTE_W, 0);
	all(AREA, 0, "4 KiB");
	keys(AREA);
	all(AREA + 0x40000000, 1, "2 MiB");
	ok(!not_present, "access: reserved bits are those of a present entry");
	two_ways();
	grows();
	big_without_wp();
	table_in_itself();
	many_ways();
}

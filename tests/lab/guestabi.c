// SPDX-License-Identifier: GPL-2.0
/*
 * guestabi: what systems take for granted of a CPU under KVM without asking: MSRs
 * that read something and take anything, and those that do not; features that are the
 * CPU's own; what a shutdown leaves; a level that nobody lowers. TAP on stdout; the in-tree
 * stack is meant to pass the same points.
 */
#include <cpuid.h>
#include "smallvm.h"

#define DONE_PORT	0x80
#define AT(label)	((uint64_t)(VM_CODE + ((label) - guest_blob)))

extern const char guest_blob[], guest_end[], rd_code[], wr_code[], gp_handler[],
	rdtscp_code[], ud_handler[], storm_code[], storm_handler[];

asm(".section .rodata\n"
    "guest_blob:\n"
    /* #GP: r15 counts, the instruction of two bytes is passed */
    "gp_handler:\n"
    "	pop %rbx\n"
    "	inc %r15\n"
    "	addq $2, (%rsp)\n"
    "	iretq\n"
    "rd_code:\n"
    "	rdmsr\n"
    "	out %eax, $0x80\n"
    "wr_code:\n"
    "	wrmsr\n"
    "	out %eax, $0x80\n"
    /* The vector it ends in; 0: none */
    "rdtscp_code:\n"
    "	rdtscp\n"
    "	xor %eax, %eax\n"
    "	out %eax, $0x80\n"
    "ud_handler:\n"
    "	mov $6, %eax\n"
    "	out %eax, $0x80\n"
    /* The local APIC's page is at APIC_VA: on, then count as far as interrupts let it */
    "storm_code:\n"
    "	mov $0x1ff, %eax\n"
    "	mov %eax, 0x6000f0\n"
    "	xor %eax, %eax\n"
    "	sti\n"
    "1:	inc %eax\n"
    "	cmp $1000, %eax\n"
    "	jb 1b\n"
    "	out %eax, $0x80\n"
    "storm_handler:\n"
    "	movl $0, 0x6000b0\n"
    "	iretq\n"
    "guest_end:\n"
    ".text\n");

enum { EAX, EBX, ECX, EDX };

struct feature {
	uint32_t leaf;
	int reg, bit;
	uint32_t subleaf;
};

static struct {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 e[128];
} cpuid;

/* What is offered, less @n features. */
static void cpuid_without(const struct feature *less, unsigned int n)
{
	unsigned int i, j;

	cpuid.head.nent = 128;
	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid))
		cpuid.head.nent = 0;
	for (i = 0; i < cpuid.head.nent; i++)
		for (j = 0; j < n; j++)
			if (cpuid.e[i].function == less[j].leaf && !cpuid.e[i].index)
				(&cpuid.e[i].eax)[less[j].reg] &= ~(1U << less[j].bit);
}

static const struct kvm_cpuid_entry2 *offered(uint32_t leaf, uint32_t subleaf)
{
	unsigned int i;

	for (i = 0; i < cpuid.head.nent; i++)
		if (cpuid.e[i].function == leaf && cpuid.e[i].index == subleaf)
			return &cpuid.e[i];
	return NULL;
}

static bool has(uint32_t leaf, uint32_t subleaf, int reg, int bit)
{
	const struct kvm_cpuid_entry2 *e = offered(leaf, subleaf);

	return e && (&e->eax)[reg] >> bit & 1;
}

static bool guest(struct smallvm *g, const struct feature *less, unsigned int n)
{
	if (!smallvm_open(g, guest_blob, guest_end - guest_blob, true))
		return ok(false, "a VM with 8 MiB and a vCPU");
	cpuid_without(less, n);
	ioctl(g->vcpu, KVM_SET_CPUID2, &cpuid);
	smallvm_long(g, AT(rd_code));
	smallvm_gate(g, 13, AT(gp_handler));
	smallvm_gate(g, 6, AT(ud_handler));
	return true;
}

/* The guest's RDMSR or WRMSR at @entry: true unless it was #GP. */
static bool access_msr(struct smallvm *g, const char *entry, uint32_t index, uint64_t *value)
{
	struct kvm_regs r;

	ioctl(g->vcpu, KVM_GET_REGS, &r);
	r.rip = AT(entry);
	r.rsp = VM_STACK;
	r.rcx = index;
	r.rax = (uint32_t)*value;
	r.rdx = *value >> 32;
	r.r15 = 0;
	ioctl(g->vcpu, KVM_SET_REGS, &r);
	if (smallvm_out(g, DONE_PORT) < 0)
		return false;
	ioctl(g->vcpu, KVM_GET_REGS, &r);
	*value = r.rdx << 32 | (uint32_t)r.rax;
	return !r.r15;
}

static int64_t vector_of(struct smallvm *g, const char *entry)
{
	struct kvm_regs r;

	ioctl(g->vcpu, KVM_GET_REGS, &r);
	r.rip = AT(entry);
	r.rsp = VM_STACK;
	ioctl(g->vcpu, KVM_SET_REGS, &r);
	return smallvm_out(g, DONE_PORT);
}

static bool rd(struct smallvm *g, uint32_t index, uint64_t *value)
{
	*value = 0;
	return access_msr(g, rd_code, index, value);
}

static bool wr(struct smallvm *g, uint32_t index, uint64_t value)
{
	return access_msr(g, wr_code, index, &value);
}

/* ---- MSRs that mean nothing -------------------------------------------------------------- */

static const struct {
	uint32_t index;
	uint64_t value;
	const char *name;
} set[] = {
	{ 0x0, 0, "P5_MC_ADDR" },
	{ 0x17, 0, "PLATFORM_ID" },
	{ 0x2a, 0, "EBL_CR_POWERON" },
	{ 0x2c, 1 << 24, "EBC_FREQUENCY_ID" },
	{ 0xcd, 3, "FSB_FREQ" },
	{ 0x11e, 0xbe702111, "BBL_CR_CTL3" },
	{ 0x198, 4ULL << 40 | 1000, "PERF_STATUS" },
	{ 0x199, 0, "PERF_CTL" },
	{ 0x606, 0, "RAPL_POWER_UNIT" },
	{ 0x611, 0, "PKG_ENERGY_STATUS" },
	{ 0x619, 0, "DRAM_ENERGY_STATUS" },
	{ 0x639, 0, "PP0_ENERGY_STATUS" },
	{ 0x641, 0, "PP1_ENERGY_STATUS" },
	{ 0xc0010010, 0, "SYSCFG" },
	{ 0xc001001b, 0x20000000, "CLK_CTL" },
	{ 0xc001001f, 0, "NB_CFG" },
	{ 0xc0010055, 0, "INT_PENDING_MSG" },
	{ 0xc0010058, 0, "MMIO_CONF_BASE" },
	{ 0xc0010112, 0, "TSEG_ADDR" },
	{ 0xc0010113, 0, "TSEG_MASK" },
	{ 0xc0010114, 0, "VM_CR" },
	{ 0xc0011022, 0, "DC_CFG" },
	{ 0xc001102a, 0, "BU_CFG2" },
	{ 0xc001102c, 0, "EX_CFG" },
};

static void set_msrs(struct smallvm *g)
{
	static const uint32_t dropped[] = { 0x79, 0x11e, 0xc001001b, 0xc001001f, 0xc0010020, 0xc0010115,
					    0xc0011022, 0xc001102a, 0xc001102c };
	static const uint32_t fixed[] = { 0x17, 0x2a, 0xcd, 0x198, 0x606, 0xc0010112 };
	unsigned int i;
	uint64_t v;

	for (i = 0; i < sizeof(set) / sizeof(set[0]); i++)
		ok(rd(g, set[i].index, &v) && v == set[i].value, "%s reads %#llx (%#llx)",
		   set[i].name, (unsigned long long)set[i].value, (unsigned long long)v);
	for (i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++)
		ok(wr(g, dropped[i], 1 << 8), "%#x takes what is written", dropped[i]);
	ok(rd(g, 0xc001102c, &v) && !v, "and forgets it");
	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		ok(!wr(g, fixed[i], 1 << 8), "%#x takes nothing: #GP", fixed[i]);
}

/* What is found is trusted: LS_CFG with SSBD, a P-state with a frequency. */
static void absent_msrs(struct smallvm *g)
{
	static const uint32_t absent[] = { 0xc0011020, 0xc0010061, 0xc0010064 };
	unsigned int i;
	uint64_t v;

	for (i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		ok(!rd(g, absent[i], &v) && !wr(g, absent[i], 0), "%#x is not there: #GP",
		   absent[i]);
}

/* ---- MSRs that come with a feature, or are not a guest's ------------------------------ */

#define EFER	0xc0000080
#define TSC_AUX	0xc0000103
#define VIRT_SPEC_CTRL	0xc001011f

static void own_msrs(struct smallvm *g)
{
	uint64_t v = 0, again = 0;

	ok(!rd(g, 0x9e, &v), "SMBASE is SMM's to know");
	ok(rd(g, 0x1a0, &v) && v == 0x1800, "MISC_ENABLE says that BTS and PEBS are not there (%#llx)",
	   (unsigned long long)v);
	ok(!wr(g, 0x1a0, v ^ 1 << 11) && !wr(g, 0x1a0, v ^ 1 << 12), "and is not told otherwise");
	ok(wr(g, 0x1a0, v ^ 1 << 7) && rd(g, 0x1a0, &again) && again == v,
	   "of performance counters it keeps what it says (%#llx)", (unsigned long long)again);
	ok(wr(g, 0x1a0, v | 1) && rd(g, 0x1a0, &again) && again == (v | 1), "of strings it is told");
	ok(wr(g, TSC_AUX, 0x1234) && rd(g, TSC_AUX, &v) && v == 0x1234, "TSC_AUX comes with RDTSCP");
	ok(vector_of(g, rdtscp_code) == 0, "which reads it");
}

/* What KVM_GET_MSRS tells of an MSR without a vCPU. */
static bool feature_msr(uint32_t index, uint64_t *value)
{
	struct { struct kvm_msrs head; struct kvm_msr_entry e; } m = {
		.head.nmsrs = 1, .e = { .index = index } };

	if (ioctl(kvm, KVM_GET_MSRS, &m) != 1)
		return false;
	*value = m.e.data;
	return true;
}

static void de_cfg(struct smallvm *g)
{
	uint64_t possible = 0, v = 0;

	ok(feature_msr(0xc0011029, &possible) && (possible == 2) == has(0x80000021, 0, EAX, 2),
	   "DE_CFG may say that LFENCE serializes where CPUID does (%d)", (int)possible);
	ok(rd(g, 0xc0011029, &v) && !v, "at first it does not");
	ok(smallvm_set_msr(g, 0xc0011029, possible) == 1 && rd(g, 0xc0011029, &v) && v == possible,
	   "then it does");
	ok(!wr(g, 0xc0011029, 1 << 9), "it takes nothing else: #GP");
	if (!has(0x80000001, 0, ECX, 9))
		ok(!rd(g, 0xc0010140, &v), "OSVW's MSRs go with its bit");
}

static void arch_capabilities(struct smallvm *g)
{
	static const struct feature less[] = { { 7, EDX, 29, 0 } };
	uint64_t told = 0, v = 0;
	struct smallvm other;

	ok(has(7, 0, EDX, 29) && feature_msr(0x10a, &told) && (told & 0x48) == 0x48,
	   "ARCH_CAPABILITIES is there (%#llx)", (unsigned long long)told);
	ok(rd(g, 0x10a, &v) && v == told, "a guest finds what user space was told");
	ok(!wr(g, 0x10a, v), "and does not write it");
	ok(smallvm_set_msr(g, 0x10a, 1) == 1 && rd(g, 0x10a, &v) && v == 1, "user space does");
	if (!guest(&other, less, 1))
		return;
	ok(!rd(&other, 0x10a, &v), "it goes with its bit");
	smallvm_close(&other);
}

static void without_features(void)
{
	static const struct feature less[] = {
		{ 0x80000001, EDX, 20, 0 }, { 0x80000001, EDX, 25, 0 },
		{ 0x80000001, EDX, 27, 0 }, { 7, ECX, 22, 0 },
	};
	static const struct feature lm[] = { { 0x80000001, EDX, 29, 0 } };
	struct smallvm g;
	uint64_t v;

	if (!guest(&g, less, sizeof(less) / sizeof(less[0])))
		return;
	ok(!rd(&g, TSC_AUX, &v) && !wr(&g, TSC_AUX, 1), "and goes with it and RDPID: #GP");
	ok(smallvm_set_msr(&g, TSC_AUX, 1) == 1, "user space may set it all the same");
	printf("# RDTSCP without its bit: vector %d (6 where the CPU intercepts it)\n",
	       (int)vector_of(&g, rdtscp_code));
	ok(wr(&g, EFER, 0x501), "EFER.SCE needs nothing");
	ok(!wr(&g, EFER, 0xd01), "NXE does: #GP");
	ok(!wr(&g, EFER, 0x4501), "so does FFXSR");
	ok(smallvm_set_msr(&g, EFER, 0xd01) == 1, "not where user space sets it");
	smallvm_close(&g);

	if (!guest(&g, lm, 1))
		return;
	ok(!wr(&g, EFER, 0x501), "so does LME");
	smallvm_close(&g);
}

static void long_mode_active(void)
{
	static const uint8_t code[] = { 0xf4 };
	struct kvm_sregs s = { };
	struct smallvm g;

	if (!smallvm_open(&g, code, sizeof(code), true))
		return;
	ok(smallvm_set_msr(&g, EFER, 0x500) == 1 && !ioctl(g.vcpu, KVM_GET_SREGS, &s) &&
	   s.efer == 0x100, "LMA is the CPU's, whoever writes EFER (%#llx)",
	   (unsigned long long)s.efer);
	smallvm_close(&g);
}

/* ---- CPUID ------------------------------------------------------------------------------ */

static void apic_bit(void)
{
	static const struct feature less[] = { { 1, EDX, 9, 0 } };
	struct smallvm g;

	if (!guest(&g, less, 1))
		return;
	cpuid.head.nent = 128;
	ok(!ioctl(g.vcpu, KVM_GET_CPUID2, &cpuid) && has(1, 0, EDX, 9),
	   "the APIC's bit is the APIC's, not user space's");
	smallvm_close(&g);
}

/* Features that are the CPU's alone: where the host has them, guests may. */
static void features(void)
{
	static const struct feature plain[] = {
		{ 1, EDX, 27, 0 }, { 7, ECX, 8, 0 }, { 7, ECX, 9, 0 }, { 7, ECX, 10, 0 },
		{ 7, EDX, 4, 0 }, { 0xd, EAX, 1, 1 }, { 0x80000001, EDX, 30, 0 },
		{ 0x80000001, EDX, 31, 0 }, { 0x80000008, EBX, 0, 0 },
		{ 0x80000008, EBX, 2, 0 }, { 0x80000008, EBX, 9, 0 },
	};
	uint32_t r[4], there = 0, i;

	cpuid_without(NULL, 0);
	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		__cpuid_count(plain[i].leaf, plain[i].subleaf, r[0], r[1], r[2], r[3]);
		if (!(r[plain[i].reg] >> plain[i].bit & 1))
			continue;
		there++;
		ok(has(plain[i].leaf, plain[i].subleaf, plain[i].reg, plain[i].bit),
		   "the host's bit %d of %x, register %d", plain[i].bit, plain[i].leaf, plain[i].reg);
	}
	ok(there, "it has some (%u)", there);
	ok(has(6, 0, EAX, 2), "the APIC's timer always runs");
}

static void sizes(void)
{
	const struct kvm_cpuid_entry2 *all = offered(0xd, 0), *ymm = offered(0xd, 2),
				      *keys = offered(0xd, 9);
	uint32_t size = 576;

	if (!all || !all->eax) {
		printf("# no XSAVE\n");
		return;
	}
	if (ymm && ymm->ebx + ymm->eax > size)
		size = ymm->ebx + ymm->eax;
	if (keys && keys->ebx + keys->eax > size)
		size = keys->ebx + keys->eax;
	if (all->eax & 0x80) {
		printf("# AVX-512\n");
		return;
	}
	ok(all->ebx == size && all->ecx == size, "the XSAVE area is as long as what is offered (%u, %u)",
	   all->ebx, all->ecx);
}

/* The kernel knows that LFENCE serializes, and tells of it in a leaf that is newer. */
static void newer_leaf(void)
{
	const struct kvm_cpuid_entry2 *max = offered(0x80000000, 0);

	if (__get_cpuid_max(0x80000000, NULL) < 0x8000001d) {
		printf("# an old CPU\n");
		return;
	}
	ok(max && max->eax >= 0x80000021, "the leaves go to 80000021");
	ok(offered(0x8000001f, 0) && offered(0x80000020, 0), "those before are there");
	ok(has(0x80000021, 0, EAX, 2), "LFENCE serializes");
}

/* Speculation: what CPUID offers is there, and else is not. */
static void speculation(void)
{
	static const struct feature less[] = { { 0x80000008, EBX, 25, 0 } };
	struct smallvm g;
	uint64_t v = 0;
	bool virt;

	if (!guest(&g, NULL, 0))
		return;
	virt = has(0x80000008, 0, EBX, 25);
	if (virt) {
		ok(rd(&g, VIRT_SPEC_CTRL, &v) && !v, "VIRT_SPEC_CTRL reads 0 at first");
		ok(wr(&g, VIRT_SPEC_CTRL, 4) && rd(&g, VIRT_SPEC_CTRL, &v) && v == 4,
		   "it takes SSBD");
		ok(!wr(&g, VIRT_SPEC_CTRL, 1), "and nothing else");
	}
	ok(wr(&g, 0x49, 1) == has(0x80000008, 0, EBX, 12), "PRED_CMD comes with IBPB (%d)",
	   has(0x80000008, 0, EBX, 12));
	ok(!rd(&g, 0x49, &v), "and is not read");
	if (!has(7, 0, EDX, 26) && !has(0x80000008, 0, EBX, 14) && !has(0x80000008, 0, EBX, 15))
		ok(!rd(&g, 0x48, &v) && !wr(&g, 0x48, 0), "no SPEC_CTRL without its bits");
	smallvm_close(&g);

	if (!virt || !guest(&g, less, 1))
		return;
	ok(!rd(&g, VIRT_SPEC_CTRL, &v) && !wr(&g, VIRT_SPEC_CTRL, 4), "VIRT_SPEC_CTRL goes with its bit");
	ok(smallvm_set_msr(&g, VIRT_SPEC_CTRL, 4) == 1, "but not for user space");
	smallvm_close(&g);
}

/* ---- a triple fault ------------------------------------------------------------------------ */

static void shutdown(void)
{
	static const uint8_t code[] = { 0x0f, 0x0b };	/* ud2 */
	struct kvm_sregs s;
	struct kvm_regs r;
	struct smallvm g;

	if (!smallvm_open(&g, code, sizeof(code), true))
		return;
	smallvm_long(&g, VM_CODE);
	ioctl(g.vcpu, KVM_GET_SREGS, &s);
	s.idt.limit = 0;
	ioctl(g.vcpu, KVM_SET_SREGS, &s);
	ok(smallvm_run(&g) == KVM_EXIT_SHUTDOWN, "a triple fault is a shutdown");
	ioctl(g.vcpu, KVM_GET_REGS, &r);
	ioctl(g.vcpu, KVM_GET_SREGS, &s);
	ok(r.rip == 0xfff0 && r.rflags == 2 && s.cs.base == 0xffff0000 && !s.efer && !(s.cr0 & 1),
	   "that leaves a CPU as after INIT (%#llx)", (unsigned long long)r.rip);
	smallvm_close(&g);
}

/* ---- a level that nobody lowers ------------------------------------------------------------- */

#define STORM_PIN	20
#define APIC_VA		0x600000

static void storm(void)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct kvm_irq_level line = { .irq = STORM_PIN, .level = 1 };
	struct kvm_regs r;
	struct smallvm g;

	if (!guest(&g, NULL, 0))
		return;
	((uint64_t *)(g.ram + VM_TABLES + 0x2000))[APIC_VA >> 21] = 0xfee00083;
	smallvm_gate(&g, 0x50, AT(storm_handler));
	ioctl(g.vm, KVM_GET_IRQCHIP, &chip);
	chip.chip.ioapic.redirtbl[STORM_PIN].bits = 0x8050;
	ioctl(g.vm, KVM_SET_IRQCHIP, &chip);
	ioctl(g.vcpu, KVM_GET_REGS, &r);
	r.rip = AT(storm_code);
	ioctl(g.vcpu, KVM_SET_REGS, &r);
	ioctl(g.vm, KVM_IRQ_LINE, &line);
	alarm(60);
	ok(smallvm_out(&g, DONE_PORT) == 1000, "a level that nobody lowers lets the guest go on now and then");
	alarm(0);
	smallvm_close(&g);
}

int main(void)
{
	struct smallvm g;

	setvbuf(stdout, NULL, _IOLBF, 0);	/* if a guest hangs, after which point? */
	if (smallvm_begin() && guest(&g, NULL, 0)) {
		set_msrs(&g);
		absent_msrs(&g);
		own_msrs(&g);
		de_cfg(&g);
		arch_capabilities(&g);
		smallvm_close(&g);
		without_features();
		long_mode_active();
		apic_bit();
		features();
		sizes();
		newer_leaf();
		speculation();
		shutdown();
		storm();
	}
	printf("1..%d\n", points);
	return bad != 0;
}

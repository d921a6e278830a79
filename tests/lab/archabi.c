// SPDX-License-Identifier: GPL-2.0
/*
 * archabi: what the architecture says of instructions and events that a
 * hypervisor does for its guest, tried without a VMM: single steps over what
 * exits, DR7.GD, NMIs that come two at a time or with RFLAGS.IF clear, machine
 * checks' registers, CPUID where there is no leaf, what follows a hypercall at the
 * end of the address space, a local APIC that is off, and descriptors, tables and MMX
 * registers whose operands are a device's. TAP on stdout; the in-tree stack was seen
 * to pass the same points up to the latter, but that for XSETBV, and did not come to
 * an end of them.
 */
#include "smallvm.h"

#define DONE_PORT	0x80
#define STEPS		0x100000	/* where handlers leave what they saw */

#define AT(label)	((uint64_t)(VM_CODE + ((label) - arch_blob)))

extern const char arch_blob[], arch_end[];
extern const char step_code[], step_after_cpuid[], step_after_msr[], step_after_in[],
	step_handler[], gd_code[], gd_at[], gd_handler[], nmi_code[], nmi_handler[],
	cli_code[], cli_handler[], cli_after[], gp_code[], gp_at[], gp_handler[];

asm(".section .rodata\n"
    "arch_blob:\n"
    /* #DB: append the address it returns to, and DR6 */
    "step_handler:\n"
    "	push %rax\n	push %rbx\n"
    "	mov 0x100000, %rbx\n"
    "	mov 16(%rsp), %rax\n"
    "	mov %rax, 0x100010(%rbx)\n"
    "	mov %dr6, %rax\n"
    "	mov %rax, 0x100018(%rbx)\n"
    "	add $16, %rbx\n"
    "	mov %rbx, 0x100000\n"
    "	xor %eax, %eax\n"
    "	mov %rax, %dr6\n"
    "	pop %rbx\n	pop %rax\n"
    "	iretq\n"
    "step_code:\n"
    "	pushf\n	orl $0x100, (%rsp)\n	popf\n"
    "	cpuid\n"
    "step_after_cpuid:\n"
    "	mov $0x277, %ecx\n"
    "	rdmsr\n"
    "step_after_msr:\n"
    "	in $0x21, %al\n"
    "step_after_in:\n"
    "	pushf\n	andl $~0x100, (%rsp)\n	popf\n"
    "	out %eax, $0x80\n"
    /* DR7.GD: the handler finds it clear, and may go on */
    "gd_handler:\n"
    "	mov (%rsp), %rax\n"
    "	mov %rax, 0x100000\n"
    "	mov %dr6, %rax\n"
    "	mov %rax, 0x100008\n"
    "	mov %dr7, %rax\n"
    "	mov %rax, 0x100010\n"
    "	incq 0x100018\n"
    "	andl $~0x100, 16(%rsp)\n"
    "	iretq\n"
    "gd_code:\n"
    "	mov $0x2400, %eax\n"
    "	mov %rax, %dr7\n"
    "gd_at:\n"
    "	mov %dr0, %rax\n"
    "	out %eax, $0x80\n"
    /* The same while the CPU steps */
    "gd_step_code:\n"
    "	mov $0x2400, %eax\n"
    "	mov %rax, %dr7\n"
    "	pushf\n	orl $0x100, (%rsp)\n	popf\n"
    "	nop\n"
    "gd_step_at:\n"
    "	nop\n"
    "	out %eax, $0x80\n"
    /* An NMI by the local APIC's shorthand for oneself */
    "nmi_self_code:\n"
    "	mov $0x44400, %eax\n"
    "	mov %eax, 0x600300\n"
    "	nop\n"
    "	mov 0x100000, %eax\n"
    "	out %eax, $0x80\n"
    /* NMIs are counted */
    "nmi_handler:\n"
    "	incq 0x100000\n"
    "	iretq\n"
    "nmi_code:\n"
    "	nop\n"
    "	mov 0x100000, %eax\n"
    "	out %eax, $0x80\n"
    /* The second NMI goes in right after the first one's IRET, with IF clear */
    "cli_handler:\n"
    "	mov 0x100000, %rbx\n"
    "	mov (%rsp), %rax\n"
    "	mov %rax, 0x100008(,%rbx,8)\n"
    "	incq 0x100000\n"
    "	cmpq $1, 0x100000\n"
    "	jne 1f\n"
    "	out %eax, $0x80\n"		/* user space sends the second here */
    "1:	iretq\n"
    "cli_code:\n"
    "	cli\n"
    "	nop\n"
    "cli_after:\n"
    "	nop\n	nop\n	nop\n	nop\n	nop\n	nop\n	nop\n	nop\n"
    "	mov 0x100000, %eax\n"
    "	out %eax, $0x80\n"
    /* #GP: skip the two bytes, count */
    "gp_handler:\n"
    "	incq 0x100000\n"
    "	pop 0x100008\n"
    "	addq $2, (%rsp)\n"
    "	iretq\n"
    "gp_code:\n"
    "	mov $100, %ecx\n"
    "gp_at:\n"
    "	rdpmc\n"
    "	mov 0x100000, %eax\n"
    "	out %eax, $0x80\n"
    /* MSR in rcx, value in rdx:rax, wrmsr or a #GP */
    "wr_code:\n"
    "	wrmsr\n"
    "	mov 0x100000, %eax\n"
    "	out %eax, $0x80\n"
    "rd_code:\n"
    "	rdmsr\n"
    "	mov 0x100000, %eax\n"
    "	out %eax, $0x80\n"
    /* CPUID: what it tells of three leaves */
    "cpuid_code:\n"
    "	mov $0x12345, %eax\n	xor %ecx, %ecx\n	cpuid\n"
    "	mov %ebx, %eax\n	out %eax, $0x80\n"
    "	mov $0xb, %eax\n	mov $0x777, %ecx\n	cpuid\n"
    "	mov %ecx, %eax\n	out %eax, $0x80\n"
    "	mov %edx, %eax\n	out %eax, $0x80\n"
    /* XSETBV: the vector it ends in; 0: none */
    "xsetbv_code:\n"
    "	xor %ecx, %ecx\n"
    "	xor %edx, %edx\n"
    "	mov $1, %eax\n"
    "	xsetbv\n"
    "	xor %eax, %eax\n"
    "	out %eax, $0x80\n"
    "ud_handler:\n"
    "	mov $6, %eax\n"
    "	out %eax, $0x80\n"
    /* To the last three bytes below the hole; the handler tells where it came from */
    "edge_code:\n"
    "	mov $9999, %eax\n"
    "	mov $0x7ffffffffffd, %rbx\n"
    "	jmp *%rbx\n"
    "edge_handler:\n"
    "	pop %rax\n"
    "	pop %rax\n"
    "	shr $16, %rax\n"
    "	out %eax, $0x80\n"
    /* The local APIC's page is at HOLE_VA: off, its TPR by CR8, on again */
    "apic_code:\n"
    "	mov $0x1b, %ecx\n"
    "	rdmsr\n"
    "	and $~0x800, %eax\n"
    "	wrmsr\n"
    "	mov $0x600000, %edi\n"
    "	mov $4096, %ecx\n"
    "	mov $0xff, %al\n"
    "	rep stosb\n"
    "	mov 0x600030, %eax\n"
    "	out %eax, $0x80\n"
    "	mov $9, %ebx\n"
    "	mov %rbx, %cr8\n"
    "	mov %cr8, %rax\n"
    "	out %eax, $0x80\n"
    "	mov $1, %eax\n"
    "	cpuid\n"
    "	mov %edx, %eax\n"
    "	out %eax, $0x80\n"
    "	mov $0x1b, %ecx\n"
    "	rdmsr\n"
    "	or $0x800, %eax\n"
    "	wrmsr\n"
    "	mov 0x600030, %eax\n"
    "	out %eax, $0x80\n"
    "	mov $6, %ebx\n"
    "	mov %rbx, %cr8\n"
    "	mov 0x600080, %eax\n"
    "	out %eax, $0x80\n"
    /* Operands at HOLE_VA are the device's */
    "seg_code:\n"
    "	fninit\n"
    "	mov 0x600000, %ds\n"
    "	mov 0x600008, %ss\n"
    "	lldt 0x600010\n"
    "	ltr 0x600018\n"
    "	sgdt 0x600020\n"
    "	movq 0x600030, %mm1\n"
    "	movq %mm1, 0x600038\n"
    "	rex.w ljmp *0x600060\n"
    "	hlt\n"
    "seg_there:\n"
    "	lgdt 0x600048\n"
    "	str 0x600058\n"
    "	mov %ds, 0x60005a\n"
    "	mov %ss, %eax\n"
    "	out %eax, $0x80\n"
    /* #GP with the selector: keep it, skip the load's 7 bytes */
    "seg_bad:\n"
    "	mov 0x600000, %ss\n"
    "	mov 0x100008, %eax\n"
    "	out %eax, $0x80\n"
    "seg_handler:\n"
    "	pop 0x100008\n"
    "	addq $7, (%rsp)\n"
    "	iretq\n"
    "arch_end:\n"
    ".text\n");

extern const char cpuid_code[], gd_step_code[], gd_step_at[], nmi_self_code[];
extern const char wr_code[], rd_code[], seg_code[], seg_there[], seg_bad[], seg_handler[],
	xsetbv_code[], ud_handler[], edge_code[], edge_handler[], apic_code[];

#define HOLE		0x40000000UL
#define HOLE_VA		0x600000

static uint8_t device[0x80];
static unsigned int device_accesses;

static uint64_t seen(const struct smallvm *g, unsigned int i)
{
	return ((uint64_t *)(g->ram + STEPS))[i];
}

static bool guest(struct smallvm *g, const char *entry, unsigned int vector,
		  const char *handler)
{
	uint32_t unused;

	if (!smallvm_open(g, arch_blob, arch_end - arch_blob, true)) {
		ok(false, "a VM with 8 MiB, a vCPU and an interrupt controller");
		return false;
	}
	smallvm_cpuid(g, &unused);
	smallvm_long(g, AT(entry));
	smallvm_gate(g, vector, AT(handler));
	return true;
}

static bool stepped_to(const struct smallvm *g, uint64_t rip)
{
	unsigned int i;

	for (i = 2; i < 2 + seen(g, 0) / 8; i += 2)
		if (seen(g, i) == rip)
			return (seen(g, i + 1) & 0xe00f) == 0x4000;
	return false;
}

static void steps(void)
{
	struct smallvm g;

	if (!guest(&g, step_code, 1, step_handler))
		return;
	ok(smallvm_out(&g, DONE_PORT) >= 0, "a guest steps over what exits");
	ok(stepped_to(&g, AT(step_after_cpuid)), "#DB with DR6.BS after CPUID");
	ok(stepped_to(&g, AT(step_after_msr)), "after RDMSR");
	ok(stepped_to(&g, AT(step_after_in)), "after IN from a device of the kernel's");
	/* cpuid mov rdmsr in pushf andl popf */
	ok(seen(&g, 0) == 7 * 16, "one for each instruction (%u)",
	   (unsigned int)seen(&g, 0) / 16);
	smallvm_close(&g);
}

static void general_detect(void)
{
	struct smallvm g;

	if (!guest(&g, gd_code, 1, gd_handler))
		return;
	ok(smallvm_out(&g, DONE_PORT) >= 0, "a guest guards its debug registers");
	ok(seen(&g, 0) == AT(gd_at), "an access is a fault");
	ok((seen(&g, 1) & 0xe00f) == 0x2000, "with DR6.BD (%#x)", (unsigned int)seen(&g, 1));
	ok(!(seen(&g, 2) & 0x2000), "and its handler may");
	smallvm_close(&g);

	if (!guest(&g, gd_step_code, 1, gd_handler))
		return;
	ok(smallvm_out(&g, DONE_PORT) >= 0, "a guest steps while it guards them");
	ok(seen(&g, 0) == AT(gd_step_at) && (seen(&g, 1) & 0xe00f) == 0x4000,
	   "the step's handler may look (%#x)", (unsigned int)seen(&g, 1));
	ok(seen(&g, 3) == 1 && !(seen(&g, 2) & 0x2000), "they are not guarded then (%u)",
	   (unsigned int)seen(&g, 3));
	smallvm_close(&g);
}

static void nmis(void)
{
	struct smallvm g;
	int64_t n;

	if (!guest(&g, nmi_code, 2, nmi_handler))
		return;
	ioctl(g.vcpu, KVM_NMI);
	ioctl(g.vcpu, KVM_NMI);
	n = smallvm_out(&g, DONE_PORT);
	ok(n == 2, "two NMIs at once are two (%d)", (int)n);
	smallvm_close(&g);

	if (!guest(&g, nmi_code, 2, nmi_handler))
		return;
	ioctl(g.vcpu, KVM_NMI);
	ioctl(g.vcpu, KVM_NMI);
	ioctl(g.vcpu, KVM_NMI);
	n = smallvm_out(&g, DONE_PORT);
	ok(n == 2, "a third is not kept (%d)", (int)n);
	smallvm_close(&g);

	if (!guest(&g, cli_code, 2, cli_handler))
		return;
	ioctl(g.vcpu, KVM_NMI);
	ok(smallvm_out(&g, DONE_PORT) >= 0, "an NMI's handler runs");
	ioctl(g.vcpu, KVM_NMI);
	n = smallvm_out(&g, DONE_PORT);
	ok(n == 2, "one that comes meanwhile is taken after it, with interrupts off (%d)", (int)n);
	ok(seen(&g, 1) == seen(&g, 2), "at the instruction that the first returned to");
	smallvm_close(&g);

	if (!guest(&g, nmi_self_code, 2, nmi_handler))
		return;
	((uint64_t *)(g.ram + VM_TABLES + 0x2000))[3] = 0xfee00083;
	n = smallvm_out(&g, DONE_PORT);
	ok(n == 1, "a CPU sends one to itself, by the shorthand (%d)", (int)n);
	smallvm_close(&g);
}

/* How many #GPs the guest took. */
static int64_t msr(const char *entry, uint32_t index, uint64_t value)
{
	struct kvm_regs r;
	struct smallvm g;
	int64_t n;

	if (!guest(&g, entry, 13, gp_handler))
		return -1;
	ioctl(g.vcpu, KVM_GET_REGS, &r);
	r.rcx = index;
	r.rax = (uint32_t)value;
	r.rdx = value >> 32;
	ioctl(g.vcpu, KVM_SET_REGS, &r);
	n = smallvm_out(&g, DONE_PORT);
	smallvm_close(&g);
	return n;
}

/* Leaves that user space gave no entry for. */
static void leaves(bool intel)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 e[4];
	} c = { .head.nent = 4, .e = {
		{ .function = 0, .eax = 0xd, .ebx = intel ? 0x756e6547 : 0x68747541,
		  .ecx = intel ? 0x6c65746e : 0x444d4163, .edx = intel ? 0x49656e69 : 0x69746e65 },
		{ .function = 0xb, .index = 1, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX, .edx = 0x1234 },
		{ .function = 0xd, .ebx = 0x77 },
		{ .function = 0x80000008, .eax = 0x3028 },
	} };
	const char *name = intel ? "Intel's" : "AMD's";
	struct smallvm g;

	if (!smallvm_open(&g, arch_blob, arch_end - arch_blob, true))
		return;
	ioctl(g.vcpu, KVM_SET_CPUID2, &c);
	smallvm_long(&g, AT(cpuid_code));
	ok(!!smallvm_out(&g, DONE_PORT) == intel, "CPUID beyond the last leaf, as %s", name);
	ok(smallvm_out(&g, DONE_PORT) == 0x77 && smallvm_out(&g, DONE_PORT) == 0x1234,
	   "of a level that there is not: its number and the CPU's id, as %s", name);
	smallvm_close(&g);
}

static void registers(void)
{
	struct smallvm g;

	if (!guest(&g, gp_code, 13, gp_handler))
		return;
	ok(smallvm_out(&g, DONE_PORT) == 1, "RDPMC of no counter is #GP");
	smallvm_close(&g);

	ok(msr(wr_code, 0x404, ~0ULL) == 0 && msr(wr_code, 0x404, 0) == 0,
	   "a bank's control takes all or nothing");
	ok(msr(wr_code, 0x404, 2) == 1, "and nothing else");
	ok(msr(wr_code, 0x405, 0) == 0 && msr(wr_code, 0x405, 1) == 1,
	   "its status is only cleared");
	ok(msr(wr_code, 0xc0010015, 1 << 18) == 0, "HWCR has McStatusWrEn");
	ok(msr(wr_code, 0xc0010015, 1 << 20) == 1, "but not what no table names");
	ok(msr(rd_code, 0x400 + 4 * 31, 0) == 0, "bank 31 is there");
	ok(msr(wr_code, 0x277, 0x0707070707070703) == 1, "a PAT of type 3 is #GP");
	ok(msr(wr_code, 0x1b, 0xfee00400) == 1, "x2APIC without the APIC is #GP");
	ok(msr(rd_code, 0x802, 0) == 1, "an x2APIC register in xAPIC mode is #GP");
	ok(msr(rd_code, 0x40001234, 0) == 1, "what no table names is #GP");
}

/* What user space sets is held to the same rules; the emulated CPU's WRMSR is not. */
static void addresses(void)
{
	struct smallvm g;

	if (!guest(&g, rd_code, 13, gp_handler))
		return;
	ok(smallvm_set_msr(&g, 0xc0000082, 1ULL << 47) == 0, "LSTAR takes no odd address");
	ok(smallvm_set_msr(&g, 0xc0000101, 1ULL << 47) == 0, "nor does GS base");
	ok(smallvm_set_msr(&g, 0xc0000101, ~0ULL << 47) == 1, "but a kernel's");
	ok(smallvm_set_msr(&g, 0x176, 1ULL << 47) == 1, "SYSENTER_EIP takes any");
	smallvm_close(&g);
}

static void xsetbv(void)
{
	struct smallvm g;

	if (!guest(&g, xsetbv_code, 6, ud_handler))
		return;
	ok(smallvm_out(&g, DONE_PORT) == 6, "XSETBV without CR4.OSXSAVE is #UD");
	smallvm_close(&g);
}

/* ---- the end of the lower half --------------------------------------------------------- */

static void edge(const char *name, uint8_t last)
{
	const uint8_t insn[] = { 0x0f, 0x01, last };
	struct smallvm g;
	uint64_t *table;

	if (!guest(&g, edge_code, 13, edge_handler))
		return;
	table = (void *)(g.ram + VM_TABLES);
	table[255] = 0x300003;
	table = (void *)(g.ram + 0x300000);
	table[511] = 0x301003;
	table = (void *)(g.ram + 0x301000);
	table[511] = 0x400083;
	memcpy(g.ram + 0x600000 - sizeof(insn), insn, sizeof(insn));
	ok(smallvm_out(&g, DONE_PORT) == 0x80000000,
	   "%s in the last bytes of the lower half: #GP at what follows", name);
	ok(g.ram[0x5fffff] == 0xd9, "it is the vendor's");
	smallvm_close(&g);
}

/* ---- a local APIC that is off ------------------------------------------------------------ */

static void apic_off(void)
{
	struct smallvm g;

	if (!guest(&g, apic_code, 13, gp_handler))
		return;
	((uint64_t *)(g.ram + VM_TABLES + 0x2000))[3] = 0xfee00083;
	ok(smallvm_out(&g, DONE_PORT) == 0xffffffff, "a local APIC that is off reads as ones");
	ok(smallvm_out(&g, DONE_PORT) == 9, "CR8 keeps what is written");
	ok(!(smallvm_out(&g, DONE_PORT) & 1 << 9), "CPUID says that there is none");
	ok((smallvm_out(&g, DONE_PORT) & 0xff) == 0x14, "on again it tells its version");
	ok(smallvm_out(&g, DONE_PORT) == 0x60, "and its TPR is CR8's");
	smallvm_close(&g);
}

/* ---- a device for operand ------------------------------------------------------------ */

static void serve(struct kvm_run *run)
{
	uint64_t at = run->mmio.phys_addr - HOLE;

	if (at + run->mmio.len > sizeof(device))
		return;
	device_accesses++;
	if (run->mmio.is_write)
		memcpy(device + at, run->mmio.data, run->mmio.len);
	else
		memcpy(run->mmio.data, device + at, run->mmio.len);
}

/* To the OUT, with the device in between; -1: something else came. */
static int64_t run_with_device(struct smallvm *g)
{
	unsigned int n;
	int r;

	for (n = 0; n < 64; n++) {
		r = smallvm_run(g);
		if (r == KVM_EXIT_MMIO) {
			serve(g->run);
			continue;
		}
		if (r == KVM_EXIT_IO)
			return *(uint32_t *)((char *)g->run + g->run->io.data_offset);
		break;
	}
	printf("# exit %d after %u accesses\n", r, device_accesses);
	return -1;
}

static bool device_guest(struct smallvm *g, const char *entry)
{
	struct kvm_sregs s;
	uint64_t *gdt;

	if (!guest(g, entry, 13, seg_handler))
		return false;
	((uint64_t *)(g->ram + VM_TABLES + 0x2000))[3] = HOLE | 0x83;
	gdt = (void *)(g->ram + 0xa000);
	gdt[3] = 0x0000890050000067ULL;		/* a free TSS, 16 bytes */
	gdt[4] = 0;
	ioctl(g->vcpu, KVM_GET_SREGS, &s);
	s.gdt.limit = 0x27;
	ioctl(g->vcpu, KVM_SET_SREGS, &s);
	memset(device, 0, sizeof(device));
	device_accesses = 0;
	return true;
}

static void put(unsigned int at, uint64_t value, unsigned int len)
{
	memcpy(device + at, &value, len);
}

static uint64_t get(unsigned int at, unsigned int len)
{
	uint64_t value = 0;

	memcpy(&value, device + at, len);
	return value;
}

static void descriptors(void)
{
	struct kvm_sregs s;
	struct smallvm g;

	if (!device_guest(&g, seg_code))
		return;
	put(0x00, 0x10, 2);
	put(0x18, 0x18, 2);
	put(0x30, 0x1122334455667788, 8);
	put(0x60, AT(seg_there), 8);
	put(0x68, 8, 2);
	put(0x48, 0x27, 2);
	put(0x4a, 0xa000, 8);
	ok(run_with_device(&g) == 0, "segments, tables, a jump and MMX by a device's operands");
	ok(device_accesses >= 10, "all of them its own (%u)", device_accesses);
	ok(get(0x20, 2) == 0x27 && get(0x22, 8) == 0xa000, "SGDT stores limit and base");
	ok(get(0x38, 8) == 0x1122334455667788, "MOVQ brings it back by way of an MMX register");
	ok(get(0x58, 2) == 0x18, "STR stores the selector that LTR loaded");
	ok(get(0x5a, 2) == 0x10, "DS is the one that was loaded");
	ioctl(g.vcpu, KVM_GET_SREGS, &s);
	ok(s.tr.base == 0x5000 && s.tr.limit == 0x67 && (s.tr.type & 15) == 11 &&
	   g.ram[0xa000 + 0x18 + 5] == 0x8b, "its TSS is busy, in the table too");
	ok(s.gdt.base == 0xa000 && s.gdt.limit == 0x27, "LGDT loads both");
	smallvm_close(&g);

	if (!device_guest(&g, seg_bad))
		return;
	put(0, 0x1b, 2);			/* a TSS is no stack */
	ok(run_with_device(&g) == 0x18, "a stack that is none: #GP names its selector");
	smallvm_close(&g);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);	/* if a guest hangs, after which point? */
	kvm = open("/dev/kvm", O_RDWR);
	ok(kvm >= 0, "/dev/kvm opens");
	steps();
	general_detect();
	nmis();
	addresses();
	xsetbv();
	edge("VMMCALL", 0xd9);
	edge("VMCALL", 0xc1);
	apic_off();
	leaves(false);
	leaves(true);
	registers();
	descriptors();
	printf("1..%d\n", points);
	return bad != 0;
}

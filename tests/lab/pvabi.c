// SPDX-License-Identifier: GPL-2.0
/*
 * pvabi: what a paravirtual guest is offered beside its clock, tried without a
 * VMM by guests of a few instructions: steal time, the skipped EOI, hypercalls,
 * async page faults (guest RAM behind userfaultfd), the stable clock; and 64 VMs
 * at once. TAP on stdout. Not yet run on Linux's own KVM.
 */
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include "smallvm.h"

#define MSR_ASYNC_PF	0x4b564d02
#define MSR_STEAL	0x4b564d03
#define MSR_PV_EOI	0x4b564d04
#define MSR_ASYNC_INT	0x4b564d06
#define MSR_ASYNC_ACK	0x4b564d07
#define MSR_CLOCK	0x4b564d01

#define APF_PAGE	0x3000
#define EOI_WORD	0x4000
#define STEAL_PAGE	0x5000
#define CLOCK_PAGE	0x6000
#define PAIR_PAGE	0x7000
#define FAR		0x600000

extern const uint8_t blob[], blob_end[], g_clock[], g_eoi[], g_eoi_irq[], g_calls[],
	g_calls_irq[], g_kick[], g_apf[], g_apf_pf[], g_apf_irq[], g_count[];
#define AT(label)	(VM_CODE + (uint64_t)((label) - blob))

asm(".pushsection .rodata\n"
"blob:\n"
/* ---- one OUT, so that the pages have been written ---- */
"g_clock: mov $1, %eax\n out %eax, $0x10\n jmp g_clock\n"

/* ---- PV EOI: two interrupts to itself, each reported by its handler ---- */
"g_eoi: call x2apic\n sti\n"
" mov $0x83f, %ecx\n mov $0x61, %eax\n xor %edx, %edx\n wrmsr\n nop\n"
" mov $0x83f, %ecx\n wrmsr\n nop\n"
" mov $0x99, %eax\n out %eax, $0x12\n hlt\n"
"g_eoi_irq: push %rax\n push %rcx\n push %rdx\n"
" mov 0x4000, %ebx\n"
" btrl $0, 0x4000\n jc 1f\n"
" mov $0x80b, %ecx\n xor %eax, %eax\n xor %edx, %edx\n wrmsr\n"
"1: mov %ebx, %eax\n out %eax, $0x11\n"
" pop %rdx\n pop %rcx\n pop %rax\n iretq\n"
"x2apic: mov $0x1b, %ecx\n rdmsr\n or $0xc00, %eax\n wrmsr\n"
" mov $0x80f, %ecx\n mov $0x1ff, %eax\n xor %edx, %edx\n wrmsr\n ret\n"

/* ---- hypercalls, the result of each by OUT ---- */
"g_calls: call x2apic\n sti\n"
" mov $10, %eax\n mov $1, %ebx\n xor %ecx, %ecx\n xor %edx, %edx\n mov $0x62, %esi\n"
" vmmcall\n out %eax, $0x13\n"			/* send IPI: to myself */
" mov $10, %eax\n mov $1, %ebx\n xor %ecx, %ecx\n xor %edx, %edx\n mov $0x40062, %esi\n"
" vmmcall\n out %eax, $0x14\n"			/* with a shorthand */
" mov $11, %eax\n xor %ebx, %ebx\n vmmcall\n out %eax, $0x15\n"	/* yield */
" mov $11, %eax\n mov $77, %ebx\n vmmcall\n out %eax, $0x15\n"	/* to nobody */
" mov $99, %eax\n vmmcall\n out %eax, $0x16\n"
" mov $9, %eax\n mov $0x7000, %ebx\n xor %ecx, %ecx\n vmmcall\n out %eax, $0x17\n"
" mov $9, %eax\n mov $0x7000, %ebx\n mov $5, %ecx\n vmmcall\n out %eax, $0x18\n"
" hlt\n"
"g_calls_irq: push %rax\n push %rcx\n push %rdx\n incl 0x2800\n"
" mov $0x80b, %ecx\n xor %eax, %eax\n xor %edx, %edx\n wrmsr\n"
" pop %rdx\n pop %rcx\n pop %rax\n iretq\n"

/* ---- a kick before the HLT that it is meant for; interrupts stay off ---- */
"g_kick: mov $5, %eax\n xor %ebx, %ebx\n xor %ecx, %ecx\n vmmcall\n hlt\n"
" mov $0x77, %eax\n out %eax, $0x19\n hlt\n"

/* ---- an absent page: told, then told again that it came ---- */
"g_apf: call x2apic\n out %eax, $0x25\n sti\n nop\n"
" mov 0x600000, %eax\n out %eax, $0x22\n hlt\n"
"g_apf_pf: push %rax\n mov 0x3000, %eax\n movl $0, 0x3000\n"
" out %eax, $0x1f\n mov %cr2, %rax\n out %eax, $0x20\n"
"2: sti\n hlt\n cli\n cmpl $0, 0x2800\n je 2b\n"
" pop %rax\n add $8, %rsp\n iretq\n"
"g_apf_irq: push %rax\n push %rcx\n push %rdx\n"
" mov 0x3004, %eax\n out %eax, $0x21\n movl $0, 0x3004\n incl 0x2800\n"
" mov $0x4b564d07, %ecx\n mov $1, %eax\n xor %edx, %edx\n wrmsr\n"
" mov $0x80b, %ecx\n xor %eax, %eax\n wrmsr\n"
" pop %rdx\n pop %rcx\n pop %rax\n iretq\n"

/* ---- count to rdi, an OUT every 2^14 ---- */
"g_count: xor %eax, %eax\n"
"3: inc %eax\n test $0x3fff, %eax\n jnz 4f\n out %eax, $0x23\n"
"4: cmp %edi, %eax\n jb 3b\n out %eax, $0x24\n hlt\n"
"blob_end:\n.popsection\n");

static bool start(struct smallvm *g, const uint8_t *entry, bool chip)
{
	uint32_t features = 0;

	if (!ok(smallvm_open(g, blob, blob_end - blob, chip), "a VM"))
		return false;
	smallvm_cpuid(g, &features);
	smallvm_long(g, AT(entry));
	return true;
}

static void features(void)
{
	static const struct { int bit; const char *name; } rows[] = {
		{ 0, "clocksource" }, { 3, "clocksource 2" }, { 4, "async faults" },
		{ 5, "steal time" }, { 6, "PV EOI" }, { 7, "PV unhalt" },
		{ 9, "PV TLB flush" }, { 11, "PV send IPI" }, { 12, "poll control" },
		{ 13, "PV sched yield" }, { 14, "async faults by interrupt" },
		{ 24, "stable clock" },
	};
	uint32_t f = 0;
	struct smallvm g;
	unsigned int i;

	if (!ok(smallvm_open(&g, blob, blob_end - blob, false), "a VM"))
		return;
	smallvm_cpuid(&g, &f);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(f >> rows[i].bit & 1, "CPUID 40000001h offers %s", rows[i].name);
	smallvm_close(&g);
}

/* struct kvm_steal_time: time, version, flags, preempted */
static void steal_time(void)
{
	struct smallvm g;
	uint8_t *page;
	uint32_t version;

	if (!start(&g, g_clock, true))
		return;
	page = g.ram + STEAL_PAGE;
	ok(smallvm_set_msr(&g, MSR_STEAL, STEAL_PAGE | 3) == 0,
	   "steal time: a reserved bit is refused");
	ok(smallvm_set_msr(&g, MSR_STEAL, STEAL_PAGE | 1) == 1, "steal time: an address");
	ok(smallvm_out(&g, 0x10) == 1, "the guest runs");
	memcpy(&version, page + 8, 4);
	ok(version && !(version & 1), "its record has an even version (%u)", version);
	ok(page[16] == 1, "a vCPU that does not run is marked preempted (%u)", page[16]);
	page[16] |= 2;
	ok(smallvm_out(&g, 0x10) == 1, "it runs again");
	ok(page[16] == 1,
	   "the wish for a flush is taken at the next entry (%u)", page[16]);
	smallvm_close(&g);
}

static void stable_clock(void)
{
	struct kvm_clock_data before = { 0 }, after = { 0 };
	uint8_t flags;
	struct smallvm g;

	if (!start(&g, g_clock, true))
		return;
	smallvm_set_msr(&g, MSR_CLOCK, CLOCK_PAGE | 1);
	ok(smallvm_out(&g, 0x10) == 1, "the guest runs");
	flags = g.ram[CLOCK_PAGE + 29];
	ok(!ioctl(g.vm, KVM_GET_CLOCK, &before), "KVM_GET_CLOCK");
	ok(!!(before.flags & KVM_CLOCK_TSC_STABLE) == (flags & 1),
	   "the guest's page and KVM_GET_CLOCK agree whether the clock is stable (%s)",
	   flags & 1 ? "it is" : "it is not");
	ok(g.ram[CLOCK_PAGE] && !(g.ram[CLOCK_PAGE] & 1), "the page's version is even");
	usleep(20000);
	ioctl(g.vm, KVM_GET_CLOCK, &after);
	ok(after.clock - before.clock >= 20000000, "the clock advances (%lld ns in 20 ms)",
	   (long long)(after.clock - before.clock));
	after.clock = 1000000000;
	after.flags = 0;
	ok(!ioctl(g.vm, KVM_SET_CLOCK, &after), "it can be set");
	ioctl(g.vm, KVM_GET_CLOCK, &before);
	ok(before.clock >= 1000000000 && before.clock < 3000000000ULL,
	   "and goes on from there (%llu)", (unsigned long long)before.clock);
	smallvm_close(&g);
}

static void pv_eoi(void)
{
	struct kvm_lapic_state s;
	struct smallvm g;
	int i, isr = 0;

	if (!start(&g, g_eoi, true))
		return;
	smallvm_gate(&g, 0x61, AT(g_eoi_irq));
	ok(smallvm_set_msr(&g, MSR_PV_EOI, EOI_WORD | 3) == 0,
	   "PV EOI: a reserved bit is refused");
	ok(smallvm_set_msr(&g, MSR_PV_EOI, EOI_WORD | 1) == 1, "PV EOI: an address");
	ok(smallvm_out(&g, 0x11) == 1, "the handler may skip its EOI");
	ioctl(g.vcpu, KVM_GET_LAPIC, &s);
	for (i = 0; i < 8; i++)
		isr |= *(int *)&s.regs[0x100 + i * 16];
	ok(!isr, "which counts as one");
	ok(smallvm_out(&g, 0x11) == 1, "and the next interrupt comes");
	ok(smallvm_out(&g, 0x12) == 0x99, "the guest goes on");
	smallvm_close(&g);
}

static void hypercalls(void)
{
	struct kvm_clock_data clock = { 0 };
	int64_t sec, r;
	struct smallvm g;

	if (!start(&g, g_calls, true))
		return;
	smallvm_gate(&g, 0x62, AT(g_calls_irq));
	smallvm_set_msr(&g, MSR_CLOCK, CLOCK_PAGE | 1);
	r = smallvm_out(&g, 0x13);
	ok(r == 1, "an IPI to one CPU reaches one (%d)", (int)r);
	ok(*(uint32_t *)(g.ram + 0x2800) == 1, "and its handler ran");
	r = smallvm_out(&g, 0x14);
	ok((int32_t)r == -22, "an IPI with a shorthand is refused (%d)", (int)r);
	ok(smallvm_out(&g, 0x15) == 0, "a yield to itself does nothing");
	ok(smallvm_out(&g, 0x15) == 0, "nor one to nobody");
	r = smallvm_out(&g, 0x16);
	ok((int32_t)r == -1000, "an unknown hypercall says so (%d)", (int)r);
	ioctl(g.vm, KVM_GET_CLOCK, &clock);
	r = smallvm_out(&g, 0x17);
	memcpy(&sec, g.ram + PAIR_PAGE, 8);
	if (clock.flags & KVM_CLOCK_TSC_STABLE)
		ok(r == 0 && llabs(sec - (int64_t)time(NULL)) < 3,
		   "the clocks are paired (%d, %lld s)", (int)r, (long long)sec);
	else
		ok((int32_t)r == -95, "clocks that are not stable are not paired (%d)", (int)r);
	r = smallvm_out(&g, 0x18);
	ok((int32_t)r == -95, "nor other clocks (%d)", (int)r);
	smallvm_close(&g);
}

static void kick(void)
{
	struct smallvm g;

	if (!start(&g, g_kick, true))
		return;
	alarm(20);
	ok(smallvm_out(&g, 0x19) == 0x77, "a kick ends the HLT that comes after it");
	alarm(0);
	smallvm_close(&g);
}

/* ---- async page faults ----------------------------------------------------- */

static int uffd_on(void *addr, size_t len)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)addr, .len = len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))
		return -1;
	return fd;
}

static void async_faults(void)
{
	static uint8_t page[4096] = { 0x5a, 0x5a, 0x5a, 0x5a };
	struct uffdio_copy copy = { .src = (uintptr_t)page, .len = 4096 };
	int64_t token, r;
	struct smallvm g;
	int fd;

	if (!start(&g, g_apf, true))
		return;
	smallvm_gate(&g, 14, AT(g_apf_pf));
	smallvm_gate(&g, 0xf3, AT(g_apf_irq));
	fd = uffd_on(g.ram + FAR, 4096);
	if (!ok(fd >= 0, "userfaultfd over a page of guest RAM"))
		return;
	smallvm_out(&g, 0x25);		/* its local APIC is on */
	ok(smallvm_set_msr(&g, MSR_ASYNC_PF, APF_PAGE | 0x31) == 0,
	   "async faults: reserved bits are refused");
	ok(smallvm_set_msr(&g, MSR_ASYNC_PF, 4) == 1 && smallvm_set_msr(&g, MSR_ASYNC_PF, 0) == 1,
	   "what is for nested guests is taken");
	ok(smallvm_set_msr(&g, MSR_ASYNC_INT, 0xf3) == 1, "async faults: a vector");
	ok(smallvm_set_msr(&g, MSR_ASYNC_PF, APF_PAGE | 0xb) == 1, "and an address");
	alarm(30);
	/* Whoever waits from before is woken first. */
	r = smallvm_out(&g, 0x21);
	ok(r == 0xffffffff, "enabling wakes all (%llx)", (long long)r);
	*(uint32_t *)(g.ram + 0x2800) = 0;
	ok(smallvm_out(&g, 0x1f) == 1, "the guest is told that a page is absent");
	token = smallvm_out(&g, 0x20);
	ok(token > 0, "by a page fault with a token in CR2 (%llx)", (long long)token);
	copy.dst = (uintptr_t)g.ram + FAR;
	ok(!ioctl(fd, UFFDIO_COPY, &copy), "the page comes");
	r = smallvm_out(&g, 0x21);
	ok(r == token, "an interrupt says which (%llx)", (long long)r);
	r = smallvm_out(&g, 0x22);
	ok(r == 0x5a5a5a5a, "the load now sees it (%llx)", (long long)r);
	alarm(0);
	close(fd);
	smallvm_close(&g);
}

/*
 * The VM ends while its page is on its way. @vm_first: before whoever would bring it;
 * with Linux's own, who closes so waits for itself, and no signal ends that.
 */
static void async_end(bool vm_first)
{
	struct smallvm g;
	int fd;

	if (!start(&g, g_apf, true))
		return;
	smallvm_gate(&g, 14, AT(g_apf_pf));
	smallvm_gate(&g, 0xf3, AT(g_apf_irq));
	fd = uffd_on(g.ram + FAR, 4096);
	smallvm_out(&g, 0x25);
	smallvm_set_msr(&g, MSR_ASYNC_INT, 0xf3);
	smallvm_set_msr(&g, MSR_ASYNC_PF, APF_PAGE | 0xb);
	alarm(30);
	smallvm_out(&g, 0x21);
	ok(smallvm_out(&g, 0x1f) == 1, "another page is absent");
	alarm(0);
	if (!vm_first)
		close(fd);
	smallvm_close(&g);
	if (vm_first)
		close(fd);
	ok(true, "a VM can end before its page comes%s", vm_first ? ", and before its pager" : "");
}

/* ---- many VMs ------------------------------------------------------------------- */

#define NR_VMS	64
#define COUNT	200000

static int one_of_many(unsigned int n)
{
	struct kvm_regs regs = { .rip = AT(g_count), .rflags = 2, .rsp = VM_STACK,
				 .rdi = COUNT + n };
	unsigned int outs = 0;
	struct smallvm g;
	uint32_t v;

	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0 ||
	    !smallvm_open(&g, blob, blob_end - blob, true))
		return 1;
	smallvm_long(&g, AT(g_count));
	ioctl(g.vcpu, KVM_SET_REGS, &regs);
	alarm(120);
	while (smallvm_run(&g) == KVM_EXIT_IO) {
		memcpy(&v, (char *)g.run + g.run->io.data_offset, 4);
		if (g.run->io.port == 0x24)
			return v != COUNT + n || outs != COUNT >> 14;
		if (v & 0x3fff || ++outs != v >> 14)
			return 2;
	}
	return 3;
}

static void many_vms(void)
{
	unsigned int n, good = 0;
	int status;

	fflush(stdout);
	for (n = 0; n < NR_VMS; n++)
		if (!fork())
			_exit(one_of_many(n));
	for (n = 0; n < NR_VMS; n++)
		if (wait(&status) > 0 && WIFEXITED(status) && !WEXITSTATUS(status))
			good++;
	ok(good == NR_VMS, "%u of %u VMs that run at once count right", good, NR_VMS);
}

int main(void)
{
	if (!smallvm_begin())
		goto end;
	features();
	steal_time();
	stable_clock();
	pv_eoi();
	hypercalls();
	kick();
	async_faults();
	async_end(false);
	if (!access("/sys/module/kvm_core", F_OK))
		async_end(true);
	many_vms();
end:
	printf("1..%d\n", points);
	return bad ? 1 : 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * bare: a small kernel that boots as test suites for hypervisors do (a 32-bit
 * multiboot image, QEMU's -kernel) and tries, in long mode and beyond, what the
 * architecture manual says and what such suites look at. Which groups run is its
 * command line; tests/lab/full/62-bare.sh says with which machines, and holds what
 * it prints against what it prints on Debian's KVM in the same machine.
 *
 * QEMU: -device isa-debug-exit,iobase=0xf4 -device pc-testdev -serial ...
 * This file: console, exceptions, memory, CPUs.
 */
#include "bare.h"

#define COM		0x3f8
#define EXIT_PORT	0xf4
#define KERNEL_CS	0x08
#define TSS_FIRST	0x50
#define WAKE_VECTOR	0xf0

extern u64 pml4[], gdt[];
extern u32 multiboot_info, next_cpu;
extern u8 entries[], ap_code[], ap_code_end[];
extern struct { u16 limit; u64 base; } __attribute__((packed)) gdtr;

u8 idt[4096] __attribute__((aligned(4096)));
struct caught caught;
u64 resume_rip;
unsigned int nr_cpus = 1;

/* ---- memory's own ------------------------------------------------------------------ */

void *memset(void *p, int c, size_t n)
{
	void *at = p;

	asm volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(c) : "memory");
	return p;
}

void *memcpy(void *to, const void *from, size_t n)
{
	void *at = to;

	asm volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

/* ---- console ------------------------------------------------------------------------- */

static void put_char(char c)
{
	while (!(inb(COM + 5) & 0x20))
		pause();
	outb(COM, c);
}

static void put_number(u64 v, unsigned int base)
{
	char digits[24];
	int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	while (n--)
		put_char(digits[n]);
}

/* %s %d %u %x %#x, each also with l */
static void vprint(const char *fmt, va_list ap)
{
	const char *s;
	bool wide;
	u64 v;

	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			put_char(*fmt);
			continue;
		}
		wide = false;
		for (fmt++; *fmt == 'l' || *fmt == '#'; fmt++) {
			wide |= *fmt == 'l';
			if (*fmt == '#') {
				put_char('0');
				put_char('x');
			}
		}
		if (*fmt == 's') {
			for (s = va_arg(ap, const char *); *s; s++)
				put_char(*s);
			continue;
		}
		v = wide ? va_arg(ap, u64) : va_arg(ap, u32);
		if (*fmt == 'd' && !wide && (int)v < 0) {
			put_char('-');
			v = -(int)v;
		}
		put_number(v, *fmt == 'x' ? 16 : 10);
	}
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprint("# ", ap);
	vprint(fmt, ap);
	va_end(ap);
	put_char('\n');
}

void point(bool good, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprint(good ? "pass " : "fail ", ap);
	vprint(fmt, ap);
	va_end(ap);
	put_char('\n');
}

static void __attribute__((noreturn)) leave(u8 code)
{
	cli();
	outb(EXIT_PORT, code);
	for (;;)
		asm volatile("hlt");
}

/* ---- exceptions ------------------------------------------------------------------------- */

static handler_fn handlers[256];

void set_handler(unsigned int vector, handler_fn fn)
{
	handlers[vector] = fn;
}

void set_gate(void *table, unsigned int vector, unsigned int dpl, unsigned int ist)
{
	u64 to = (u64)entries + vector * 16, *gate = (u64 *)((u8 *)table + vector * 16);

	gate[0] = (to & 0xffff) | KERNEL_CS << 16 | (u64)ist << 32 |
		  (u64)(0x8e | dpl << 5) << 40 | (to >> 16 & 0xffff) << 48;
	gate[1] = to >> 32;
}

static void take_note(const struct frame *f)
{
	caught.vector = f->vector;
	caught.error = f->error;
	caught.rip = f->rip;
	caught.rflags = f->rflags;
	caught.cr2 = GET_REG("cr2");
	caught.count++;
}

static void __attribute__((noreturn)) die(const struct frame *f)
{
	note("exception %lu, error %#lx, at %#lx, cr2 %#lx, rsp %#lx", f->vector, f->error,
	     f->rip, GET_REG("cr2"), f->rsp);
	ok(false, "the kernel runs on");
	leave(3);
}

void trap(struct frame *f)
{
	handler_fn fn = handlers[f->vector];

	if ((f->cs & 3) && (f->vector == 0x20 || !fn)) {
		take_note(f);
		if (f->vector == 0x20)
			caught.vector = NOTHING;
		user_leave();
	}
	if (fn) {
		fn(f);
		return;
	}
	if (!resume_rip)
		die(f);
	take_note(f);
	f->rip = resume_rip;
	f->rflags &= ~0x10100ULL;
}

/* ---- memory ------------------------------------------------------------------------------ */

static u8 *heap = (u8 *)0x1000000, *big_heap = (u8 *)0x2000000;

void *page_alloc(void)
{
	heap += 4096;
	return memset(heap - 4096, 0, 4096);
}

void *big_alloc(void)
{
	big_heap += 0x200000;
	return big_heap - 0x200000;
}

u64 *pte_of(u64 va, unsigned int level)
{
	u64 *table = pml4;
	unsigned int l, i;

	for (l = 3; l > level; l--) {
		i = va >> (12 + 9 * l) & 511;
		if (!(table[i] & PTE_P))
			table[i] = (u64)page_alloc() | PTE_P | PTE_W | PTE_U;
		table = (u64 *)(table[i] & 0xffffffffff000ULL);
	}
	return &table[va >> (12 + 9 * level) & 511];
}

void map(u64 va, u64 entry, unsigned int level)
{
	*pte_of(va, level) = entry;
	invlpg(va);
}

/* ---- pc-testdev ---------------------------------------------------------------------------- */

bool has_testdev(void)
{
	outl(0xe0, 0x12345678);
	return inl(0xe0) == 0x12345678;
}

void forget_page(const void *pa)
{
	outl(0xe4, (u32)(u64)pa);
}

/* ---- CPUs ------------------------------------------------------------------------------------ */

struct tss {
	u32 reserved;
	u64 rsp[3], reserved2, ist[7], reserved3;
	u16 reserved4, iomap;
} __attribute__((packed));

static struct tss tss[NR_CPUS];
static u8 trap_stack[NR_CPUS][2][4096] __attribute__((aligned(16)));
static struct {
	void (*volatile fn)(void *);
	void *arg;
	u32 apic_id;
} cpus[NR_CPUS];

u32 cpu_apic_id(unsigned int cpu) { return cpus[cpu].apic_id; }

void delay_us(unsigned int us)
{
	u64 end = rdtsc() + us * 1000ULL;	/* a GHz, more or less */

	while (rdtsc() < end)
		pause();
}

bool reached(volatile u32 *p, u32 n)
{
	u64 tries;

	for (tries = 0; tries < 1000 && *p < n; tries++)
		delay_us(1000);
	return *p >= n;
}

static void load_tss(unsigned int cpu)
{
	u64 base = (u64)&tss[cpu], *d = &gdt[TSS_FIRST / 8 + cpu * 2];

	tss[cpu].rsp[0] = (u64)trap_stack[cpu][1];
	tss[cpu].ist[0] = (u64)trap_stack[cpu][2];
	tss[cpu].iomap = sizeof(struct tss);
	d[0] = (sizeof(struct tss) - 1) | (base & 0xffffff) << 16 | 0x89ULL << 40 |
	       (base >> 24 & 0xff) << 56;
	d[1] = base >> 32;
	asm volatile("ltr %w0" : : "r"(TSS_FIRST + cpu * 16));
}

static void load_tables(unsigned int cpu)
{
	struct { u16 limit; u64 base; } __attribute__((packed)) i = { sizeof(idt) - 1, (u64)idt };

	asm volatile("lgdt %0" : : "m"(gdtr));
	asm volatile("lidt %0" : : "m"(i));
	load_tss(cpu);
	apic_enable();
}

static void woken(struct frame *f)
{
	(void)f;
	apic_eoi();
}

static volatile u32 online;

static void __attribute__((noreturn)) serve(unsigned int cpu)
{
	cpus[cpu].apic_id = is_x2apic() ? apic_read(APIC_ID) : apic_read(APIC_ID) >> 24;
	__atomic_add_fetch(&online, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		cli();
		if (!cpus[cpu].fn) {
			asm volatile("sti\nhlt" : : : "memory");
			continue;
		}
		sti();
		cpus[cpu].fn(cpus[cpu].arg);
		cpus[cpu].fn = NULL;
	}
}

void on_cpu(unsigned int cpu, void (*fn)(void *), void *arg)
{
	cpus[cpu].arg = arg;
	__atomic_store_n(&cpus[cpu].fn, fn, __ATOMIC_SEQ_CST);
	apic_icr(ICR_ASSERT | WAKE_VECTOR, cpus[cpu].apic_id);
}

void wait_cpu(unsigned int cpu)
{
	while (cpus[cpu].fn)
		pause();
}

/* What QEMU was told (fw_cfg, key 5) */
static unsigned int configured_cpus(void)
{
	unsigned int n;

	outw(0x510, 5);
	n = inb(0x511);
	n |= inb(0x511) << 8;
	return n > NR_CPUS ? NR_CPUS : n;
}

static void start_cpus(void)
{
	unsigned int i, n = configured_cpus();

	memcpy((void *)AP_BASE, ap_code, ap_code_end - ap_code);
	apic_icr(ICR_OTHERS | ICR_ASSERT | 0x500, 0);
	delay_us(10000);
	for (i = 0; i < 2; i++) {
		apic_icr(ICR_OTHERS | ICR_ASSERT | 0x600 | AP_BASE >> 12, 0);
		delay_us(200);
	}
	for (i = 0; i < 10000 && online < n - 1; i++)
		delay_us(1000);
	nr_cpus = 1 + online;
	ok(nr_cpus == n, "bare: %u CPUs start", n);
}

/* ---- groups ------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	void (*run)(void);
} groups[] = {
	{ "apic", test_apic }, { "x2apic", test_x2apic }, { "ioapic", test_ioapic },
	{ "emul", test_emul }, { "emul-more", test_emul_more }, { "real", test_real }, { "event", test_event },
	{ "debug", test_debug }, { "access", test_access }, { "msr", test_msr },
	{ "misc", test_misc }, { "pcitest", test_pcitest }, { "sysenter", test_sysenter },
	{ "syscall", test_syscall }, { "task", test_task },
	{ "task-more", test_task_more }, { "pv", test_pv },
	{ "reset", test_reset },
};

static bool has_word(const char *line, const char *word)
{
	const char *w;

	while (*line) {
		for (w = word; *w && *line == *w; line++, w++)
			;
		if (!*w && (!*line || *line == ' '))
			return true;
		while (*line && *line != ' ')
			line++;
		while (*line == ' ')
			line++;
	}
	return false;
}

static const char *command_line(void)
{
	u32 *info = (u32 *)(u64)multiboot_info;

	return info[0] & 4 ? (const char *)(u64)info[4] : "";
}

static void run_groups(void)
{
	const char *line = command_line();
	unsigned int i, n = 0;

	note("bare: %s; %u CPUs", line, nr_cpus);
	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		if (!has_word(line, groups[i].name))
			continue;
		groups[i].run();
		cli();
		n++;
	}
	ok(n > 0, "bare: the groups are done");
}

void cpu_start(unsigned int cpu)
{
	unsigned int v;

	if (!cpu)
		for (v = 0; v < 256; v++)
			set_gate(idt, v, v == 0x20 || v == 3 || v == 4 ? 3 : 0, v == 8);
	load_tables(cpu);
	if (cpu)
		serve(cpu);
	outb(0x21, 0xff);		/* no PIC: a test may want it */
	outb(0xa1, 0xff);
	set_handler(WAKE_VECTOR, woken);
	start_cpus();
	run_groups();
	leave(0);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator against the CPU the test runs on: random 64-bit instructions
 * with random operands are executed natively, in a page that loads all
 * registers and flags, runs the one instruction and stores everything again;
 * then by the emulator, over a copy of the same memory. Registers, defined
 * flags and memory must be equal. The seed is fixed; a failure prints the
 * instruction.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <cpuid.h>

#include "tests/unit/check.h"
#include "tests/unit/insn_gen.h"

#define CASES		300u	/* per template */

/* ---- the native side: one page of code, one of data, below 4 GB -------------- */

#define INSN_AT		0x200
#define AFTER_AT	0x240
#define IN_AT		0x1000
#define OUT_AT		0x1100
#define SAVED_AT	0x1200

static u8 *page;
static u8 *buffer, *shadow;
static volatile sig_atomic_t native_faulted;

static unsigned int emit(unsigned int at, const void *bytes, unsigned int n)
{
	memcpy(page + at, bytes, n);
	return at + n;
}

/* An instruction whose ModRM is [rip + to] */
static unsigned int emit_rip(unsigned int at, const void *head, unsigned int n,
			     unsigned int to)
{
	s32 disp;

	at = emit(at, head, n);
	disp = (s32)to - (s32)(at + 4);
	return emit(at, &disp, 4);
}

static unsigned int emit_move(unsigned int at, bool load, unsigned int reg,
			      unsigned int to)
{
	u8 head[3] = { 0x48 | (reg & 8) >> 1, load ? 0x8b : 0x89, (reg & 7) << 3 | 5 };

	return emit_rip(at, head, 3, to);
}

static void emit_enter(void)
{
	unsigned int at = 0, n;

	at = emit(at, "\x53\x55\x41\x54\x41\x55\x41\x56\x41\x57", 10);
	at = emit_move(at, false, EMUL_RSP, SAVED_AT);
	at = emit_rip(at, "\xff\x35", 2, IN_AT + 128);		/* push flags */
	at = emit(at, "\x9d", 1);
	for (n = 0; n < 16; n++)
		at = emit_move(at, true, n, IN_AT + 8 * n);
	assert_true(at <= INSN_AT);
}

static void emit_leave(void)
{
	unsigned int at = AFTER_AT, n;

	for (n = 0; n < 16; n++)
		at = emit_move(at, false, n, OUT_AT + 8 * n);
	at = emit_move(at, true, EMUL_RSP, SAVED_AT);
	at = emit(at, "\x9c", 1);
	at = emit_rip(at, "\x8f\x05", 2, OUT_AT + 128);		/* pop flags */
	at = emit(at, "\xfc\x41\x5f\x41\x5e\x41\x5d\x41\x5c\x5d\x5b\xc3", 12);
	assert_true(at <= 0x1000);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	(void)number;
	(void)info;
	native_faulted = 1;
	u->uc_mcontext.gregs[REG_RIP] = (greg_t)(page + AFTER_AT);
}

/* Within a test: cmocka takes these signals at the start of each. */
static void take_signals(void)
{
	static u8 stack[65536];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = {
		.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK,
	};

	assert_int_equal(sigaltstack(&alternate, NULL), 0);
	assert_int_equal(sigaction(SIGFPE, &action, NULL), 0);
	assert_int_equal(sigaction(SIGSEGV, &action, NULL), 0);
	assert_int_equal(sigaction(SIGILL, &action, NULL), 0);
}

static int native_setup(void **state)
{
	(void)state;
	page = mmap(NULL, 0x2000 + 2 * GEN_BUFFER, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (page == MAP_FAILED)
		return -1;
	memset(page, 0x90, 0x1000);
	buffer = page + 0x2000;
	shadow = buffer + GEN_BUFFER;
	gen_at = (u64)buffer;
	gen_bytes = buffer;
	emit_enter();
	emit_leave();
	return 0;
}

/* False if the CPU raised an exception; then *m is the state at it. */
static bool native_run(const u8 *bytes, unsigned int n, struct machine *m)
{
	memset(page + INSN_AT, 0x90, AFTER_AT - INSN_AT);
	memcpy(page + INSN_AT, bytes, n);
	memcpy(page + IN_AT, m, sizeof(*m));
	native_faulted = 0;
	((void (*)(void))page)();
	memcpy(m, page + OUT_AT, sizeof(*m));
	return !native_faulted;
}

/* ---- the emulated side: the same addresses, the other buffer ------------------ */

static u8 *shadow_at(gva_t la, unsigned int len)
{
	if (la < (gva_t)buffer || la + len > (gva_t)buffer + GEN_BUFFER)
		return NULL;
	return shadow + (la - (gva_t)buffer);
}

static enum emul_access_result page_fault(struct emul_ctxt *c)
{
	c->fault = (struct emul_fault) { .vector = 14, .has_error = true };
	return EMUL_ACC_FAULT;
}

static enum emul_access_result op_read(struct emul_ctxt *c, gva_t la, void *data,
				       unsigned int len, bool intent)
{
	u8 *from = shadow_at(la, len);

	(void)intent;
	if (!from)
		return page_fault(c);
	memcpy(data, from, len);
	return EMUL_ACC_OKAY;
}

static enum emul_access_result op_write(struct emul_ctxt *c, gva_t la,
					const void *data, unsigned int len)
{
	u8 *to = shadow_at(la, len);

	if (!to)
		return page_fault(c);
	memcpy(to, data, len);
	return EMUL_ACC_OKAY;
}

static enum emul_access_result op_cmpxchg(struct emul_ctxt *c, gva_t la, void *old,
					  const void *new_value, unsigned int len,
					  bool *swapped)
{
	u8 *at = shadow_at(la, len);

	if (!at)
		return page_fault(c);
	*swapped = !memcmp(at, old, len);
	memcpy(*swapped ? (void *)at : old, *swapped ? new_value : at, len);
	return EMUL_ACC_OKAY;
}

static const struct emul_ops ops = {
	.read = op_read, .write = op_write, .cmpxchg = op_cmpxchg,
};

static enum emul_verdict emulated_run(const u8 *bytes, unsigned int n,
				      struct machine *m, u8 *vector)
{
	struct emul_ctxt c = {
		.rflags = m->flags, .cr0 = 0x80000011, .efer = 0x500, .cpl = 3,
		.rip = (u64)(page + INSN_AT), .ops = &ops, .nbytes = n,
		.seg = { [EMUL_CS] = { .attrib = 0x0afb, .limit = ~0u } },
	};
	enum emul_verdict v;

	memcpy(c.regs, m->regs, sizeof(c.regs));
	memcpy(c.bytes, bytes, n);
	do
		v = emul_step(&c);
	while (v == EMUL_REP);
	if (v == EMUL_OKAY) {
		assert_int_equal(c.length, n);
		assert_int_equal(c.rip, page + INSN_AT + n);
	}
	memcpy(m->regs, c.regs, sizeof(c.regs));
	m->flags = c.rflags;
	*vector = c.fault.vector;
	return v;
}

/* ---- cases ----------------------------------------------------------------------- */

static void complain_word(const char *what, unsigned int n, u64 in, u64 native,
			  u64 emulated)
{
	if (native != emulated)
		print_message("#  %s %u: %016llx -> native %016llx, emulated %016llx\n",
			      what, n, (unsigned long long)in,
			      (unsigned long long)native,
			      (unsigned long long)emulated);
}

static void complain(const struct test_case *k, const struct machine *in,
		     const struct machine *native, const struct machine *emulated)
{
	unsigned int n;

	print_message("# %s:", k->t->name);
	for (n = 0; n < k->n; n++)
		print_message(" %02x", k->bytes[n]);
	print_message(" (buffer %p)\n", (void *)buffer);
	for (n = 0; n < 16; n++)
		complain_word("register", n, in->regs[n], native->regs[n],
			      emulated->regs[n]);
	complain_word("flags", 0, in->flags, native->flags, emulated->flags);
}

static bool same(const struct test_case *k)
{
	struct machine in = k->m, native = k->m, emulated = k->m;
	u64 mask = ~undefined_flags(k, &in) & (EMUL_STATUS | EMUL_DF);
	enum emul_verdict v;
	u8 vector = 0;
	bool ran;

	ran = native_run(k->bytes, k->n, &native);
	v = emulated_run(k->bytes, k->n, &emulated, &vector);
	if (ran == (v == EMUL_OKAY) && (ran || (v == EMUL_FAULT && vector == 0)) &&
	    !memcmp(native.regs, emulated.regs, sizeof(native.regs)) &&
	    (!ran || ((native.flags ^ emulated.flags) & mask) == 0) &&
	    !memcmp(buffer, shadow, GEN_BUFFER))
		return true;
	print_message("# native %s, emulated verdict %u vector %u, memory %s\n",
		      ran ? "ran" : "faulted", v, vector,
		      memcmp(buffer, shadow, GEN_BUFFER) ? "differs" : "equal");
	complain(k, &in, &native, &emulated);
	return false;
}

static unsigned int run_template(const struct template *t)
{
	unsigned int n, bad = 0, done = 0;
	struct test_case k;

	for (n = 0; n < CASES && bad < 3; n++) {
		make_case(&k, t);
		memcpy(shadow, buffer, GEN_BUFFER);
		if (undefined_result(&k, &k.m))
			continue;
		done++;
		bad += !same(&k);
	}
	assert_true(done > CASES / 2);
	return bad;
}

static void test_random_integer_instructions_equal_the_cpu(void **state)
{
	unsigned int k, bad = 0;

	(void)state;
	take_signals();
	for (k = 0; k < ARRAY_SIZE(templates); k++)
		bad += run_template(&templates[k]);
	assert_int_equal(bad, 0);
}

static void test_optional_instructions_equal_the_cpu(void **state)
{
	unsigned int a, b, c = 0, d, bad = 0, tested = 0, x1 = 0, b7 = 0;

	(void)state;
	take_signals();
	if (__get_cpuid(1, &a, &b, &c, &d)) {
		bad += c & bit_POPCNT ? tested++, run_template(&popcnt) : 0;
		bad += c & bit_MOVBE ? tested++, run_template(&movbe_load) : 0;
		bad += c & bit_MOVBE ? tested++, run_template(&movbe_store) : 0;
		bad += c & bit_CMPXCHG16B ? tested++, run_template(&cmpxchg16b) : 0;
	}
	if (__get_cpuid(0x80000001, &a, &b, &x1, &d) && (x1 & bit_LZCNT))
		tested++, bad += run_template(&lzcnt);
	if (__get_cpuid_count(7, 0, &a, &b7, &c, &d) && (b7 & bit_BMI))
		tested++, bad += run_template(&tzcnt);
	print_message("# %u of 6 optional instructions exist here\n", tested);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_integer_instructions_equal_the_cpu),
		cmocka_unit_test(test_optional_instructions_equal_the_cpu),
	};

	return cmocka_run_group_tests(tests, native_setup, NULL);
}

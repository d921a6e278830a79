// SPDX-License-Identifier: GPL-2.0
/* smmu_sync: tables in step and out of step, and two CPUs that share them. */
#include "tests/unit/smmu_machine.h"

#define ROOT	8
#define DATA	100
#define SELF	0x400000UL		/* where the guest sees its last table */

static struct machine m;
static gfn_t next;

#define PTE(n)	(m_word(&m, (ROOT + 3) * 4096 + (n) * 8))

/* Pages 0.. at 0.., their table at SELF, writable; CPUs 0 and 1 on it. */
static void start(void)
{
	unsigned int i;

	m_init(&m);
	next = ROOT + 1;
	for (i = 0; i < 64; i++)
		m_map64(&m, ROOT, &next, i * 4096, (DATA + i) << 12 | 3, 0);
	m_map64(&m, ROOT, &next, SELF, (ROOT + 3) << 12 | 3, 0);
	for (i = 0; i < 2; i++) {
		m.cpu[i].mode = m_long_mode(ROOT);
		m_load(&m, &m.cpu[i]);
	}
}

static gfn_t frame_at(struct m_cpu *c, gva_t gva, u32 access)
{
	struct m_access a = { .gva = gva, .access = access };
	gfn_t gfn;

	m_access(&m, c, &a);
	if (a.result != M_OK)
		return ~0ULL;
	for (gfn = 0; gfn < M_FRAMES; gfn++)
		if (M_HPA + m.gfn[gfn].frame * 4096ULL == (a.hpa & ~0xfffULL))
			break;
	return gfn;
}

static void settle(struct m_cpu *c)
{
	unsigned int i;

	for (i = 0; i < 6; i++)
		m_load(&m, c);
}

static void test_a_table_that_is_left_alone_comes_in_step(void **state)
{
	start();
	assert_int_equal(frame_at(&m.cpu[0], 0, 0), DATA);
	assert_false(smmu_in_step(&m.s, ROOT + 3));
	settle(&m.cpu[0]);
	assert_true(smmu_in_step(&m.s, ROOT + 3));
	assert_true(smmu_in_step(&m.s, ROOT));
	assert_true(m.s.unsync.next == &m.s.unsync);
	m_check(&m);
	m_destroy(&m);
}

/*
 * Tables whose frames are mapped in many places cost long looks: some come in step with
 * one flush, the others with the next ones, and each is exact from then on.
 */
static void test_tables_that_cost_much_come_in_step_some_at_a_time(void **state)
{
	enum { TABLES = 8, PLACES = 2560 };
	struct m_cpu *c = &m.cpu[0];
	gva_t gva = 0x40000000;
	unsigned int i, in_step, most = 0, was, flushes;

	start();
	for (i = 0; i < TABLES * PLACES; i++)	/* tables at ROOT + 6 and after */
		m_map64(&m, ROOT, &next, gva + i * 4096, (ROOT + 6 + i % TABLES) << 12 | 3, 0);
	assert_true(next < DATA);
	m_load(&m, c);
	for (i = 0; i < TABLES * PLACES; i++)
		frame_at(c, gva + i * 4096, 0);
	for (flushes = 0, was = 0; flushes < 20 && was < TABLES; flushes++) {
		m_load(&m, c);
		m_check(&m);
		for (i = 0, in_step = 0; i < TABLES; i++)
			in_step += smmu_in_step(&m.s, ROOT + 6 + i);
		most = in_step - was > most ? in_step - was : most;
		was = in_step;
	}
	assert_int_equal(was, TABLES);
	assert_true(most < TABLES);
	m_destroy(&m);
}

static void test_a_write_to_it_costs_one_fault_and_ends_that(void **state)
{
	struct m_access a = { .gva = SELF, .access = GWALK_W };
	struct m_cpu *c = &m.cpu[0];

	start();
	frame_at(c, 0, 0);
	assert_true(m_store64(&m, c, SELF + 8 * 9, *PTE(9)));
	settle(c);
	assert_true(smmu_in_step(&m.s, ROOT + 3));
	m_access(&m, c, &a);
	assert_int_equal(a.exits, 1);
	assert_false(smmu_in_step(&m.s, ROOT + 3));
	m_access(&m, c, &a);
	assert_int_equal(a.exits, 0);
	m_check(&m);
	m_destroy(&m);
}

static void test_what_was_changed_and_flushed_is_never_seen_again(void **state)
{
	struct m_cpu *c = &m.cpu[0];

	start();
	assert_int_equal(frame_at(c, 0x5000, GWALK_W), DATA + 5);
	settle(c);
	assert_true(m_store64(&m, c, SELF + 8 * 5, (DATA + 40) << 12 | 3));
	m_load(&m, c);
	assert_int_equal(frame_at(c, 0x5000, 0), DATA + 40);
	assert_true(m_store64(&m, c, SELF + 8 * 5, (DATA + 41) << 12 | 3));
	m_invlpg(&m, c, 0x5000);
	assert_int_equal(frame_at(c, 0x5000, 0), DATA + 41);
	assert_true(m_store64(&m, c, SELF + 8 * 5, 0));
	m_invlpg(&m, c, 0x5000);
	assert_int_equal(frame_at(c, 0x5000, 0), ~0ULL);
	m_destroy(&m);
}

/* The other one may go on with it until it flushes, and not a moment longer. */
static void test_a_flush_of_one_cpu_is_not_one_of_the_other(void **state)
{
	struct m_cpu *a = &m.cpu[0], *b = &m.cpu[1];
	gfn_t seen;

	start();
	frame_at(a, 0x5000, 0);
	frame_at(b, 0x5000, 0);
	assert_true(m_store64(&m, a, SELF + 8 * 5, (DATA + 40) << 12 | 3));
	m_invlpg(&m, a, 0x5000);
	seen = frame_at(b, 0x5000, 0);
	assert_true(seen == DATA + 5 || seen == DATA + 40);
	m_invlpg(&m, b, 0x5000);
	assert_int_equal(frame_at(b, 0x5000, 0), DATA + 40);
	m_destroy(&m);
}

/* CPU b holds the table writable in its TLB when a brings it in step. */
static void test_no_cpu_writes_a_table_in_step_through_its_tlb(void **state)
{
	struct m_cpu *a = &m.cpu[0], *b = &m.cpu[1];
	unsigned int flushes;

	start();
	assert_true(m_store64(&m, b, SELF + 8 * 9, *PTE(9)));
	frame_at(a, 0x5000, 0);
	flushes = m.flushes;
	settle(a);
	assert_true(m.flushes > flushes);
	assert_true(smmu_in_step(&m.s, ROOT + 3));
	assert_true(m_store64(&m, b, SELF + 8 * 5, (DATA + 40) << 12 | 3));
	m_load(&m, a);
	assert_int_equal(frame_at(a, 0x5000, 0), DATA + 40);
	m_check(&m);
	m_destroy(&m);
}

static void test_a_whole_branch_goes_with_the_entry_above_it(void **state)
{
	struct m_cpu *c = &m.cpu[0];

	start();
	frame_at(c, 0x5000, 0);
	settle(c);
	*m_word(&m, (ROOT + 2) * 4096) = 0;	/* the entry of 2 MiB */
	m_invlpg(&m, c, 0x6000);
	assert_int_equal(frame_at(c, 0x5000, 0), ~0ULL);
	m_destroy(&m);
}

static void test_what_the_host_writes_is_compared_at_the_next_flush(void **state)
{
	struct m_cpu *c = &m.cpu[0];
	gfn_t i;

	start();
	frame_at(c, 0x5000, 0);
	settle(c);
	*PTE(5) = (DATA + 33) << 12 | 3;
	smmu_note_write(&m.s, ROOT + 3);
	smmu_note_write(&m.s, DATA);	/* no table */
	m_load(&m, c);
	assert_int_equal(frame_at(c, 0x5000, 0), DATA + 33);
	settle(c);
	*PTE(5) = (DATA + 34) << 12 | 3;
	for (i = 0; i < 4; i++)		/* more than are remembered, and again */
		smmu_note_write(&m.s, ROOT + i);
	for (i = 0; i < SMMU_WROTE; i++)
		m.s.wrote[i] = 1;
	smmu_note_write(&m.s, ROOT + 3);
	assert_true(m.s.wrote_more);
	m_load(&m, c);
	assert_int_equal(frame_at(c, 0x5000, 0), DATA + 34);
	m_destroy(&m);
}

static void test_a_table_that_became_something_else_is_let_go(void **state)
{
	struct m_cpu *c = &m.cpu[0];
	u32 used;
	gfn_t t = ROOT + 3;

	start();
	frame_at(c, 0, 0);
	used = m.s.nr_used;
	*m_word(&m, (ROOT + 2) * 4096) = 0;
	memset(m_frame(&m, t), 0xa5, 4096);
	m_load(&m, c);
	assert_null(smmu_page_find(&m.s, t, NULL));
	assert_true(m.s.nr_used < used);
	m_check(&m);
	m_destroy(&m);
}

static void test_memory_that_the_host_takes_from_under_a_table(void **state)
{
	struct m_cpu *c = &m.cpu[0];

	start();
	frame_at(c, 0x5000, 0);
	settle(c);
	m_reclaim(&m, ROOT + 3, ROOT + 4);
	assert_false(smmu_in_step(&m.s, ROOT + 3));
	*PTE(5) = (DATA + 50) << 12 | 3;
	m_load(&m, c);
	assert_int_equal(frame_at(c, 0x5000, 0), DATA + 50);
	m_destroy(&m);
}

/* User space writes memory unseen (a disk's DMA), and what was a table becomes one. */
static void test_a_table_that_comes_back_is_compared_before_it_counts(void **state)
{
	struct m_cpu *c = &m.cpu[0];
	u64 *pde, above;

	start();
	pde = m_word(&m, (ROOT + 2) * 4096);
	above = *pde;
	frame_at(c, 0x5000, 0);
	settle(c);
	*pde = 0;
	smmu_note_write(&m.s, ROOT + 2);
	m_load(&m, c);
	assert_int_equal(frame_at(c, 0x5000, 0), ~0ULL);
	assert_true(smmu_in_step(&m.s, ROOT + 3));
	*PTE(5) = (DATA + 33) << 12 | 3;
	*pde = above;
	smmu_note_write(&m.s, ROOT + 2);
	m_load(&m, c);
	assert_int_equal(frame_at(c, 0x6000, 0), DATA + 6);
	assert_int_equal(frame_at(c, 0x5000, 0), DATA + 33);
	m_check(&m);
	m_destroy(&m);
}

static void test_tables_that_user_space_writes_are_compared_at_each_flush(void **state)
{
	struct m_cpu *a = &m.cpu[0], *b = &m.cpu[1];
	u64 *pde;

	start();
	frame_at(a, 0x5000, 0);
	settle(a);
	smmu_share(&m.s);
	assert_false(smmu_in_step(&m.s, ROOT + 3));
	*PTE(5) = (DATA + 33) << 12 | 3;
	m_load(&m, a);
	assert_int_equal(frame_at(a, 0x5000, 0), DATA + 33);
	assert_int_equal(frame_at(b, 0x5000, 0), DATA + 33);
	settle(a);
	assert_false(smmu_in_step(&m.s, ROOT + 3));
	*PTE(5) = (DATA + 34) << 12 | 3;
	m_invlpg(&m, b, 0x5000);
	assert_int_equal(frame_at(b, 0x5000, 0), DATA + 34);
	/* Another table, and the first again, changed meanwhile */
	pde = m_word(&m, (ROOT + 2) * 4096);
	memcpy(m_frame(&m, next), m_frame(&m, ROOT + 3), 4096);
	*m_word(&m, next * 4096 + 5 * 8) = (DATA + 35) << 12 | 3;
	*pde = next << 12 | 7;
	m_load(&m, a);
	assert_int_equal(frame_at(a, 0x6000, 0), DATA + 6);
	assert_int_equal(frame_at(a, 0x5000, 0), DATA + 35);
	*PTE(5) = (DATA + 36) << 12 | 3;
	*pde = (ROOT + 3) << 12 | 7;
	m_load(&m, a);
	assert_int_equal(frame_at(a, 0x6000, 0), DATA + 6);
	assert_int_equal(frame_at(a, 0x5000, 0), DATA + 36);
	m_check(&m);
	m_destroy(&m);
}

/* A table that nothing leads to is compared, for INVLPG too, when something does. */
static void test_an_invlpg_counts_for_a_table_that_is_linked_after_it(void **state)
{
	struct m_cpu *c = &m.cpu[0];
	u64 *pde, above;

	start();
	smmu_share(&m.s);
	pde = m_word(&m, (ROOT + 2) * 4096);
	above = *pde;
	frame_at(c, 0x5000, 0);
	m_load(&m, c);
	*pde = 0;
	m_invlpg(&m, c, 0x5000);
	*PTE(5) = (DATA + 33) << 12 | 3;
	*pde = above;
	m_invlpg(&m, c, 0x5000);
	assert_int_equal(frame_at(c, 0x6000, 0), DATA + 6);
	assert_int_equal(frame_at(c, 0x5000, 0), DATA + 33);
	m_destroy(&m);
}

/* Another address space of the VM's wrote them, perhaps (SMM). */
static void test_tables_in_doubt_are_compared_at_the_next_flush(void **state)
{
	struct m_cpu *c = &m.cpu[0];

	start();
	frame_at(c, 0x5000, 0);
	settle(c);
	*PTE(5) = (DATA + 33) << 12 | 3;
	smmu_doubt(&m.s);
	m_load(&m, c);
	assert_int_equal(frame_at(c, 0x5000, 0), DATA + 33);
	settle(c);
	assert_true(smmu_in_step(&m.s, ROOT + 3));
	m_destroy(&m);
}

/* Two entries of ours are one of the guest's. */
static void test_invlpg_of_a_4_mib_page_takes_all_of_it(void **state)
{
	struct m_cpu *c = &m.cpu[0];
	u32 *pde;

	m_init(&m);
	pde = (u32 *)m_frame(&m, ROOT) + 1;
	*pde = 0x87;
	c->mode = (struct gwalk_mode){
		.cr0 = M_PG | M_PE, .cr3 = ROOT << 12, .cr4 = M_PSE, .phys_bits = 40,
	};
	m_load(&m, c);
	assert_int_equal(frame_at(c, 0x402000, 0), 2);
	assert_int_equal(frame_at(c, 0x602000, 0), 514);
	*pde = 0x400087;
	m_invlpg(&m, c, 0x402000);
	assert_int_equal(frame_at(c, 0x402000, 0), 1026);
	assert_int_equal(frame_at(c, 0x602000, 0), 1538);
	*pde = 0x87;
	m_invlpg(&m, c, 0x602000);
	assert_int_equal(frame_at(c, 0x402000, 0), 2);
	m_destroy(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_table_that_is_left_alone_comes_in_step),
		cmocka_unit_test(test_tables_that_cost_much_come_in_step_some_at_a_time),
		cmocka_unit_test(test_a_write_to_it_costs_one_fault_and_ends_that),
		cmocka_unit_test(test_what_was_changed_and_flushed_is_never_seen_again),
		cmocka_unit_test(test_a_flush_of_one_cpu_is_not_one_of_the_other),
		cmocka_unit_test(test_no_cpu_writes_a_table_in_step_through_its_tlb),
		cmocka_unit_test(test_a_whole_branch_goes_with_the_entry_above_it),
		cmocka_unit_test(test_what_the_host_writes_is_compared_at_the_next_flush),
		cmocka_unit_test(test_a_table_that_became_something_else_is_let_go),
		cmocka_unit_test(test_memory_that_the_host_takes_from_under_a_table),
		cmocka_unit_test(test_a_table_that_comes_back_is_compared_before_it_counts),
		cmocka_unit_test(test_tables_that_user_space_writes_are_compared_at_each_flush),
		cmocka_unit_test(test_an_invlpg_counts_for_a_table_that_is_linked_after_it),
		cmocka_unit_test(test_tables_in_doubt_are_compared_at_the_next_flush),
		cmocka_unit_test(test_invlpg_of_a_4_mib_page_takes_all_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

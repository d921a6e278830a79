// SPDX-License-Identifier: GPL-2.0
/* gwalk: every paging mode, right and error code, over a little fake memory. */
#include "tests/unit/check.h"
#include "kvm-core/gwalk.h"

#define MEM_SIZE 0x10000
static u8 mem[MEM_SIZE];
static bool racing;		/* the next cmpxchg loses */

static int mem_read(void *ctx, gpa_t gpa, void *data, unsigned int len)
{
	if (gpa + len > MEM_SIZE)
		return -EFAULT;
	memcpy(data, mem + gpa, len);
	return 0;
}

static int mem_cmpxchg(void *ctx, gpa_t gpa, u64 old, u64 new_value, unsigned int len)
{
	if (gpa + len > MEM_SIZE)
		return -EFAULT;
	if (racing || memcmp(mem + gpa, &old, len)) {
		racing = false;
		return -EAGAIN;
	}
	memcpy(mem + gpa, &new_value, len);
	return 0;
}

static const struct gwalk_mem ops = { .read = mem_read, .cmpxchg = mem_cmpxchg };

#define PG_PE	0x80000001ULL
#define WP	0x10000ULL
#define PSE	BIT_ULL(4)
#define PAE	BIT_ULL(5)
#define LA57	BIT_ULL(12)
#define SMEP	BIT_ULL(20)
#define SMAP	BIT_ULL(21)
#define PKE	BIT_ULL(22)
#define LMA	BIT_ULL(10)
#define NXE	BIT_ULL(11)
#define NX	BIT_ULL(63)

static void put64(gpa_t at, u64 v)
{
	memcpy(mem + at, &v, 8);
}

static u64 get64(gpa_t at)
{
	u64 v;

	memcpy(&v, mem + at, 8);
	return v;
}

static void put32(gpa_t at, u32 v)
{
	memcpy(mem + at, &v, 4);
}

/* Four levels at 1000h..4000h; the leaf of virtual 0 is 5000h with @bits. */
static struct gwalk_mode long_mode(u64 bits)
{
	memset(mem, 0, sizeof(mem));
	racing = false;
	put64(0x1000, 0x2007);
	put64(0x2000, 0x3007);
	put64(0x3000, 0x4007);
	put64(0x4000, 0x5000 | bits);
	return (struct gwalk_mode){ .cr0 = PG_PE | WP, .cr3 = 0x1000, .cr4 = PAE,
				    .efer = LMA | NXE, .phys_bits = 40 };
}

static void test_without_paging_addresses_are_physical(void **state)
{
	struct gwalk_mode m = { .cr0 = 1 };
	struct gwalk_result r = gwalk_translate(&m, &ops, 0x12345, GWALK_W, false);

	assert_true(r.ok);
	assert_int_equal(r.gpa, 0x12345);
}

/* Every combination of leaf rights and access against the manual's rules. */
static void test_rights_and_error_codes(void **state)
{
	static const struct {
		u64 pte, cr0, cr4, rflags;
		u32 access;
		int error;		/* -1: allowed */
	} rows[] = {
		{ 0, WP, 0, 0, 0, 0 },
		{ 0, WP, 0, 0, GWALK_W, GWALK_W },
		{ 0, WP, 0, 0, GWALK_U | GWALK_I, GWALK_U | GWALK_I },
		{ 1, WP, 0, 0, GWALK_W, GWALK_P | GWALK_W },
		{ 1, 0, 0, 0, GWALK_W, -1 },
		{ 5, 0, 0, 0, GWALK_W | GWALK_U, GWALK_P | GWALK_W | GWALK_U },
		{ 3, WP, 0, 0, GWALK_U, GWALK_P | GWALK_U },
		{ 3, WP, 0, 0, GWALK_W, -1 },
		{ 7, WP, 0, 0, GWALK_W | GWALK_U, -1 },
		{ 3 | NX, WP, 0, 0, GWALK_I, GWALK_P | GWALK_I },
		{ 3 | NX, WP, 0, 0, GWALK_W, -1 },
		{ 7, WP, SMEP, 0, GWALK_I, GWALK_P | GWALK_I },
		{ 7, WP, SMEP, 0, GWALK_I | GWALK_U, -1 },
		{ 7, WP, SMAP, 0, 0, GWALK_P },
		{ 7, WP, SMAP, BIT_ULL(18), 0, -1 },
		{ 7, WP, SMAP, 0, GWALK_I, -1 },
		{ 7 | BIT_ULL(45), WP, 0, 0, 0, GWALK_P | GWALK_RSVD },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct gwalk_mode m = long_mode(rows[i].pte);
		struct gwalk_result r;

		m.cr0 = PG_PE | rows[i].cr0;
		m.cr4 |= rows[i].cr4;
		m.rflags = rows[i].rflags;
		r = gwalk_translate(&m, &ops, 0x123, rows[i].access, false);
		assert_int_equal(r.ok, rows[i].error < 0);
		if (r.ok)
			assert_int_equal(r.gpa, 0x5123);
		else
			assert_int_equal(r.error, rows[i].error);
	}
}

static void test_an_implicit_access_ignores_ac(void **state)
{
	struct gwalk_mode m = long_mode(7);

	m.cr4 |= SMAP;
	m.rflags = BIT_ULL(18);
	assert_true(gwalk_translate(&m, &ops, 0, 0, false).ok);
	assert_false(gwalk_translate(&m, &ops, 0, 0, true).ok);
}

static void test_rights_are_anded_down_the_walk(void **state)
{
	static const gpa_t tables[] = { 0x1000, 0x2000, 0x3000 };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct gwalk_mode m = long_mode(7);

		put64(tables[i], get64(tables[i]) & ~2ULL);
		assert_false(gwalk_translate(&m, &ops, 0, GWALK_W, false).ok);
		assert_true(gwalk_translate(&m, &ops, 0, GWALK_U, false).ok);
		put64(tables[i], get64(tables[i]) & ~4ULL);
		assert_false(gwalk_translate(&m, &ops, 0, GWALK_U, false).ok);
		put64(tables[i], get64(tables[i]) | NX);
		assert_false(gwalk_translate(&m, &ops, 0, GWALK_I, false).ok);
	}
}

static void test_accessed_and_dirty_are_set_only_when_due(void **state)
{
	struct gwalk_mode m = long_mode(1);

	assert_false(gwalk_translate(&m, &ops, 0, GWALK_W, false).ok);
	assert_int_equal(get64(0x4000) & 0x60, 0);
	assert_true(gwalk_translate(&m, &ops, 0, 0, false).ok);
	assert_int_equal(get64(0x4000) & 0x60, 0x20);
	assert_int_equal(get64(0x1000) & 0x60, 0x20);
	m = long_mode(3);
	assert_true(gwalk_translate(&m, &ops, 0, GWALK_W, false).ok);
	assert_int_equal(get64(0x4000) & 0x60, 0x60);
}

static void test_a_lost_race_for_a_bit_walks_again(void **state)
{
	struct gwalk_mode m = long_mode(3);
	struct gwalk_result r;

	racing = true;
	r = gwalk_translate(&m, &ops, 8, GWALK_W, false);
	assert_true(r.ok);
	assert_int_equal(r.gpa, 0x5008);
}

static void test_big_pages_and_their_reserved_bits(void **state)
{
	struct gwalk_mode m = long_mode(7);
	struct gwalk_result r;

	put64(0x3000, 0x40000000ULL | 0x87);
	r = gwalk_translate(&m, &ops, 0x1fffff, 0, false);
	assert_true(r.ok);
	assert_int_equal(r.level, 1);
	assert_int_equal(r.gpa, 0x401fffff);
	put64(0x3000, 0x40002000ULL | 0x87);
	assert_int_equal(gwalk_translate(&m, &ops, 0, 0, false).error,
			 GWALK_P | GWALK_RSVD);
	put64(0x2000, 0x80000000ULL | 0x87);
	r = gwalk_translate(&m, &ops, 0x3fffffff, 0, false);
	assert_int_equal(r.level, 2);
	assert_int_equal(r.gpa, 0xbfffffff);
	put64(0x1000, 0x2087);
	assert_int_equal(gwalk_translate(&m, &ops, 0, 0, false).error,
			 GWALK_P | GWALK_RSVD);
}

static void test_addresses_out_of_form_or_memory_fault(void **state)
{
	struct gwalk_mode m = long_mode(7);

	assert_int_equal(gwalk_translate(&m, &ops, 0x800000000000, 0, false).error, 0);
	put64(0x1000, 0x7fff0007);
	assert_int_equal(gwalk_translate(&m, &ops, 0, GWALK_U, false).error, GWALK_U);
}

static void test_five_levels(void **state)
{
	struct gwalk_mode m = long_mode(7);
	struct gwalk_result r;

	put64(0x6000 + 8, 0x1007);
	m.cr3 = 0x6000;
	m.cr4 |= LA57;
	r = gwalk_translate(&m, &ops, 1UL << 48, 0, false);
	assert_true(r.ok);
	assert_int_equal(r.gpa, 0x5000);
	assert_false(gwalk_translate(&m, &ops, 1UL << 56, 0, false).ok);
}

static void test_pae_with_its_pdptes(void **state)
{
	struct gwalk_mode m = long_mode(7);
	struct gwalk_result r;

	m.efer = NXE;
	m.cr3 = 0x7020;
	put64(0x7020 + 3 * 8, 0x3001);
	r = gwalk_translate(&m, &ops, 0xc0000010, GWALK_W | GWALK_U, false);
	assert_true(r.ok);
	assert_int_equal(r.gpa, 0x5010);
	put64(0x7020 + 3 * 8, 0x3003);
	assert_int_equal(gwalk_translate(&m, &ops, 0xc0000010, 0, false).error,
			 GWALK_P | GWALK_RSVD);
}

static void test_two_level_with_4m_pages(void **state)
{
	struct gwalk_mode m = { .cr0 = PG_PE | WP, .cr3 = 0x1000, .phys_bits = 40 };
	struct gwalk_result r;

	memset(mem, 0, sizeof(mem));
	put32(0x1000 + 4, 0x2007);
	put32(0x2000 + 8, 0x9003);
	r = gwalk_translate(&m, &ops, 0x402abc, GWALK_W, false);
	assert_true(r.ok);
	assert_int_equal(r.gpa, 0x9abc);
	/* PS without CR4.PSE is a table; with it, a page with bits 39:32. */
	put32(0x1000 + 4, 0x00402000 | 0x87);
	assert_false(gwalk_translate(&m, &ops, 0x402abc, 0, false).ok);
	m.cr4 = PSE;
	r = gwalk_translate(&m, &ops, 0x402abc, 0, false);
	assert_true(r.ok);
	assert_int_equal(r.gpa, 0x100402abcULL);
	put32(0x1000 + 4, 0x00600000 | 0x87);
	assert_int_equal(gwalk_translate(&m, &ops, 0x402abc, 0, false).error,
			 GWALK_P | GWALK_RSVD);
}

static void test_protection_keys(void **state)
{
	struct gwalk_mode m = long_mode(7 | 5ULL << 59);

	m.cr4 |= PKE;
	m.pkru = 2U << 10;		/* key 5: no writes */
	assert_true(gwalk_translate(&m, &ops, 0, GWALK_U, false).ok);
	assert_int_equal(gwalk_translate(&m, &ops, 0, GWALK_U | GWALK_W, false).error,
			 GWALK_P | GWALK_U | GWALK_W | GWALK_PK);
	m.pkru = 1U << 10;
	assert_int_equal(gwalk_translate(&m, &ops, 0, GWALK_U, false).error,
			 GWALK_P | GWALK_U | GWALK_PK);
	assert_true(gwalk_translate(&m, &ops, 0, GWALK_U | GWALK_I, false).ok);
	/* told beside what the page itself forbids */
	put64(0x4000, 0x5005 | 5ULL << 59);
	assert_int_equal(gwalk_translate(&m, &ops, 0, GWALK_U | GWALK_W, false).error,
			 GWALK_P | GWALK_U | GWALK_W | GWALK_PK);
	/* but not of a supervisor's page */
	put64(0x4000, 0x5001 | 5ULL << 59);
	assert_int_equal(gwalk_translate(&m, &ops, 0, GWALK_U, false).error,
			 GWALK_P | GWALK_U);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_paging_addresses_are_physical),
		cmocka_unit_test(test_rights_and_error_codes),
		cmocka_unit_test(test_an_implicit_access_ignores_ac),
		cmocka_unit_test(test_rights_are_anded_down_the_walk),
		cmocka_unit_test(test_accessed_and_dirty_are_set_only_when_due),
		cmocka_unit_test(test_a_lost_race_for_a_bit_walks_again),
		cmocka_unit_test(test_big_pages_and_their_reserved_bits),
		cmocka_unit_test(test_addresses_out_of_form_or_memory_fault),
		cmocka_unit_test(test_five_levels),
		cmocka_unit_test(test_pae_with_its_pdptes),
		cmocka_unit_test(test_two_level_with_4m_pages),
		cmocka_unit_test(test_protection_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

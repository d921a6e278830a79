// SPDX-License-Identifier: GPL-2.0
/* slots: the errors that the KVM API documents, and the sorted array. */
#include "tests/unit/check.h"
#include <linux/kvm.h>
#include "kvm-core/slots.h"

#define PAGE	BP_PAGE_SIZE
#define LIMIT	(1ULL << 48)
#define HVA	0x7f0000000000UL

/* Apply @r to *s as mem_linux does; the errno or 0. */
static int set_region(struct slots **s, u32 id, u32 flags, gpa_t gpa, u64 size,
		      hva_t hva, enum slots_change *change)
{
	struct kvm_userspace_memory_region r = {
		.slot = id, .flags = flags, .guest_phys_addr = gpa,
		.memory_size = size, .userspace_addr = hva,
	};
	struct slots_delta d;
	struct slots *next;
	int rc = slots_check(*s, &r, LIMIT, &d);

	if (rc)
		return rc;
	if (change)
		*change = d.change;
	if (d.change == SLOTS_NOTHING)
		return 0;
	next = malloc(slots_bytes(slots_count_after(*s, &d)));
	assert_non_null(next);
	slots_apply(next, *s, &d);
	assert_int_equal(next->count, slots_count_after(*s, &d));
	free(*s);
	*s = next;
	return 0;
}

static void assert_sorted(const struct slots *s)
{
	unsigned int i;

	for (i = 1; i < s->count; i++)
		assert_true(s->slot[i - 1].base + s->slot[i - 1].npages <=
			    s->slot[i].base);
}

static void test_malformed_regions_are_refused(void **state)
{
	static const struct {
		u32 id, flags;
		gpa_t gpa;
		u64 size;
		hva_t hva;
	} bad[] = {
		{ SLOTS_MAX, 0, 0, PAGE, HVA },
		{ 1 << 16, 0, 0, PAGE, HVA },		/* other address space */
		{ 0, 4, 0, PAGE, HVA },			/* unknown flag */
		{ 0, 0, 1, PAGE, HVA },
		{ 0, 0, 0, PAGE + 1, HVA },
		{ 0, 0, 0, PAGE, HVA + 1 },
		{ 0, 0, -PAGE, 2 * PAGE, HVA },		/* wraps */
		{ 0, 0, -PAGE, PAGE, HVA },		/* ends at 2^64 */
		{ 0, 0, LIMIT, PAGE, HVA },
		{ 0, 0, LIMIT - PAGE, 2 * PAGE, HVA },
		{ 0, 0, 0, (1ULL << 31) * PAGE, HVA },	/* too many pages */
		{ 0, 0, 0, 2 * PAGE, -PAGE },		/* host range wraps */
		{ 0, 0, 0, 0, HVA },			/* deletes nothing */
	};
	struct slots *s = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(set_region(&s, bad[i].id, bad[i].flags,
					    bad[i].gpa, bad[i].size,
					    bad[i].hva, NULL), -EINVAL);
	assert_null(s);
}

static void test_a_slot_keeps_its_size_memory_and_writability(void **state)
{
	struct slots *s = NULL;

	assert_int_equal(set_region(&s, 3, 0, PAGE, 4 * PAGE, HVA, NULL), 0);
	assert_int_equal(set_region(&s, 3, 0, PAGE, 5 * PAGE, HVA, NULL), -EINVAL);
	assert_int_equal(set_region(&s, 3, 0, PAGE, 4 * PAGE, HVA + PAGE, NULL),
			 -EINVAL);
	assert_int_equal(set_region(&s, 3, KVM_MEM_READONLY, PAGE, 4 * PAGE, HVA,
				    NULL), -EINVAL);
	assert_int_equal(s->count, 1);
	free(s);
}

static void test_overlap_is_refused_on_every_side(void **state)
{
	static const struct {
		gfn_t base;
		u64 npages;
	} bad[] = { { 9, 2 }, { 13, 2 }, { 11, 1 }, { 8, 20 }, { 10, 4 }, { 0, 11 } };
	struct slots *s = NULL;
	unsigned int i;

	assert_int_equal(set_region(&s, 0, 0, 10 * PAGE, 4 * PAGE, HVA, NULL), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(set_region(&s, 1, 0, bad[i].base * PAGE,
					    bad[i].npages * PAGE, HVA, NULL),
				 -EEXIST);
	/* Beside it is fine; moving into it is not. */
	assert_int_equal(set_region(&s, 1, 0, 8 * PAGE, 2 * PAGE, HVA, NULL), 0);
	assert_int_equal(set_region(&s, 2, 0, 14 * PAGE, PAGE, HVA, NULL), 0);
	assert_int_equal(set_region(&s, 2, 0, 13 * PAGE, PAGE, HVA, NULL), -EEXIST);
	assert_int_equal(s->count, 3);
	assert_sorted(s);
	free(s);
}

static void test_each_kind_of_change_is_recognised(void **state)
{
	enum slots_change c;
	struct slots *s = NULL;

	set_region(&s, 7, 0, 4 * PAGE, 2 * PAGE, HVA, &c);
	assert_int_equal(c, SLOTS_CREATE);
	set_region(&s, 8, 0, 20 * PAGE, 2 * PAGE, HVA, &c);
	s->slot[0].dirty = (unsigned long *)&c;
	s->slot[0].pin = (struct slot_pin *)&s;
	set_region(&s, 7, 0, 4 * PAGE, 2 * PAGE, HVA, &c);
	assert_int_equal(c, SLOTS_NOTHING);
	set_region(&s, 7, KVM_MEM_LOG_DIRTY_PAGES, 4 * PAGE, 2 * PAGE, HVA, &c);
	assert_int_equal(c, SLOTS_FLAGS);
	assert_int_equal(s->slot[0].flags, KVM_MEM_LOG_DIRTY_PAGES);
	/* A move may overlap its own old place, and may change flags too. */
	set_region(&s, 7, 0, 5 * PAGE, 2 * PAGE, HVA, &c);
	assert_int_equal(c, SLOTS_MOVE);
	assert_int_equal(s->slot[0].base, 5);
	set_region(&s, 7, 0, 30 * PAGE, 2 * PAGE, HVA, &c);
	assert_int_equal(s->slot[1].id, 7);
	assert_ptr_equal(s->slot[1].dirty, &c);
	assert_ptr_equal(s->slot[1].pin, &s);
	assert_sorted(s);
	set_region(&s, 7, 0, 0, 0, 0, &c);
	assert_int_equal(c, SLOTS_DELETE);
	assert_int_equal(s->count, 1);
	assert_int_equal(s->slot[0].id, 8);
	free(s);
}

/* Full to the last id, made in a scrambled order: does find agree with a plain
 * search for every frame, holes and edges included?
 */
static void test_find_agrees_with_a_plain_search(void **state)
{
	struct slots *s = NULL;
	unsigned int i, j;
	gfn_t gfn;

	for (i = 0; i < SLOTS_MAX; i++) {
		u32 id = (i * 197) % SLOTS_MAX;

		assert_int_equal(set_region(&s, id, 0, (10 + id * 5) * PAGE,
					    (1 + id % 5) * PAGE,
					    HVA + id * 0x10000UL, NULL), 0);
	}
	assert_int_equal(s->count, SLOTS_MAX);
	assert_sorted(s);
	for (gfn = 0; gfn < 10 + 5 * SLOTS_MAX + 5; gfn++) {
		const struct slot *want = NULL, *got = slots_find(s, gfn);

		for (j = 0; j < s->count; j++)
			if (gfn >= s->slot[j].base &&
			    gfn < s->slot[j].base + s->slot[j].npages)
				want = &s->slot[j];
		assert_ptr_equal(got, want);
		if (got)
			assert_int_equal(slot_hva(got, gfn),
					 got->hva + (gfn - got->base) * PAGE);
	}
	assert_null(slots_find(s, ~0ULL));
	assert_null(slots_find(NULL, 0));
	assert_null(slots_by_id(NULL, 0));
	assert_int_equal(slots_by_id(s, 511)->id, 511);
	free(s);
}

static void test_a_host_range_maps_back_to_frames(void **state)
{
	const struct slot slot = { .base = 100, .npages = 10, .hva = HVA };
	static const struct {
		hva_t from, to;
		bool hit;
		gfn_t first, end;
	} row[] = {
		{ HVA - PAGE, HVA, false, 0, 0 },
		{ HVA + 10 * PAGE, HVA + 11 * PAGE, false, 0, 0 },
		{ HVA + PAGE, HVA + PAGE, false, 0, 0 },
		{ 0, ~0UL, true, 100, 110 },
		{ HVA - PAGE, HVA + 1, true, 100, 101 },
		{ HVA + 9 * PAGE, HVA + 90 * PAGE, true, 109, 110 },
		{ HVA + 2 * PAGE + 5, HVA + 3 * PAGE + 5, true, 102, 104 },
	};
	gfn_t first, end;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		assert_int_equal(slot_gfn_range(&slot, row[i].from, row[i].to,
						&first, &end), row[i].hit);
		if (row[i].hit) {
			assert_int_equal(first, row[i].first);
			assert_int_equal(end, row[i].end);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_malformed_regions_are_refused),
		cmocka_unit_test(test_a_slot_keeps_its_size_memory_and_writability),
		cmocka_unit_test(test_overlap_is_refused_on_every_side),
		cmocka_unit_test(test_each_kind_of_change_is_recognised),
		cmocka_unit_test(test_find_agrees_with_a_plain_search),
		cmocka_unit_test(test_a_host_range_maps_back_to_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

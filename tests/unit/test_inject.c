// SPDX-License-Identifier: GPL-2.0
/* inject: EVENTINJ and EXITINTINFO words, and what some emulators report. */
#include "tests/unit/check.h"
#include "svm/inject.h"
#include "svm/vmcb.h"

static void test_nothing_is_an_invalid_word(void **state)
{
	struct inject_event none = { .kind = INJECT_NONE };

	assert_int_equal(inject_encode(&none), 0);
	assert_int_equal(inject_decode(0).kind, INJECT_NONE);
	/* Type and vector of the last delivery stay behind with V = 0. */
	assert_int_equal(inject_decode(0x330).kind, INJECT_NONE);
}

static void test_words_are_as_in_the_manual(void **state)
{
	static const struct {
		struct inject_event e;
		u64 word;
	} rows[] = {
		{ { INJECT_INTR, 0x30, false, 0 }, 0x80000030 },
		{ { INJECT_NMI, 2, false, 0 }, 0x80000202 },
		{ { INJECT_EXCEPTION, 6, false, 0 }, 0x80000306 },
		{ { INJECT_EXCEPTION, 14, true, 0x15 }, 0x1580000b0eULL },
		{ { INJECT_SOFT, 0x80, false, 0 }, 0x80000480 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(inject_encode(&rows[i].e), rows[i].word);
}

static void test_what_is_decoded_encodes_to_the_same(void **state)
{
	static const u64 words[] = { 0x80000020, 0x800000ff, 0x80000202,
				     0x80000300, 0x580000b0eULL, 0x80000b08 };
	struct inject_event e;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		e = inject_decode(words[i]);
		assert_int_equal(inject_encode(&e), words[i]);
	}
}

/* Software events start over at their instruction: nothing to inject. */
static void test_software_events_are_left_to_the_instruction(void **state)
{
	assert_int_equal(inject_decode(0x80000480).kind, INJECT_NONE);
	assert_int_equal(inject_decode(0x80000303).kind, INJECT_NONE);
	assert_int_equal(inject_decode(0x80000304).kind, INJECT_NONE);
}

/* An "exception" 48 can only have been an interrupt. */
static void test_an_interrupt_reported_as_exception_is_an_interrupt(void **state)
{
	struct inject_event e = inject_decode(0x80000330);

	assert_int_equal(e.kind, INJECT_INTR);
	assert_int_equal(e.vector, 0x30);
}

static void test_what_instructions_raise_is_known(void **state)
{
	assert_true(inject_by_insn(EVENT_VALID | EVENT_TYPE_SOFT << 8 | 0x80));
	assert_true(inject_by_insn(EVENT_VALID | EVENT_TYPE_EXCEPTION << 8 | 3));
	assert_true(inject_by_insn(EVENT_VALID | EVENT_TYPE_EXCEPTION << 8 | 4));
	assert_false(inject_by_insn(EVENT_VALID | EVENT_TYPE_EXCEPTION << 8 | 14));
	assert_false(inject_by_insn(EVENT_VALID | EVENT_TYPE_INTR << 8 | 3));
	assert_false(inject_by_insn(EVENT_VALID | EVENT_TYPE_NMI << 8 | 2));
	assert_false(inject_by_insn(EVENT_TYPE_SOFT << 8 | 0x80));
}

static void test_intercept_numbers_hit_their_words(void **state)
{
	struct vmcb *vmcb = calloc(1, sizeof(*vmcb));

	assert_non_null(vmcb);
	vmcb_intercept(vmcb, INTERCEPT_CR_WRITE(8), true);
	assert_int_equal(vmcb->c.intercept[0], 1U << 24);
	vmcb_intercept(vmcb, INTERCEPT_SHUTDOWN, true);
	assert_int_equal(vmcb->c.intercept[3], 1U << 31);
	vmcb_intercept(vmcb, INTERCEPT_XSETBV, true);
	assert_int_equal(vmcb->c.intercept[4], 1U << 13);
	vmcb_intercept(vmcb, INTERCEPT_CR_WRITE(8), false);
	assert_int_equal(vmcb->c.intercept[0], 0);
	free(vmcb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_an_invalid_word),
		cmocka_unit_test(test_words_are_as_in_the_manual),
		cmocka_unit_test(test_what_is_decoded_encodes_to_the_same),
		cmocka_unit_test(test_software_events_are_left_to_the_instruction),
		cmocka_unit_test(test_an_interrupt_reported_as_exception_is_an_interrupt),
		cmocka_unit_test(test_what_instructions_raise_is_known),
		cmocka_unit_test(test_intercept_numbers_hit_their_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

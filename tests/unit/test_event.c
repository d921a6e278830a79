// SPDX-License-Identifier: GPL-2.0
/* The event decoder: empty and unknown entries first, then each code. */
#include "tests/unit/check.h"
#include "iommu-amd/event.h"

static struct amdvi_fault decode(u64 q0, u64 q1, int want)
{
	const u64 raw[2] = { q0, q1 };
	struct amdvi_fault fault;

	assert_int_equal(event_decode(raw, 7, &fault), want);
	assert_int_equal(fault.segment, 7);
	return fault;
}

static u64 code(u64 c)
{
	return c << 60;
}

static void test_an_empty_entry_says_try_again(void **state)
{
	(void)state;
	decode(0, 0, -EAGAIN);
	decode(0x20, 0x1000, -EAGAIN);
}

static void test_an_unknown_code_is_told_not_guessed(void **state)
{
	struct amdvi_fault f = decode(code(0xd) | 0x20 | EVT_RW | EVT_I,
				      0x5000, -ENOENT);

	(void)state;
	assert_int_equal(f.code, 0xd);
	assert_int_equal(f.devid, 0x20);
	assert_int_equal(f.addr, 0x5000);
	assert_false(f.write);
	assert_false(f.interrupt);
	assert_non_null(f.reason);
	assert_false(event_names_device(0xd));
	assert_string_equal(event_name(0xd), "unknown_event");
}

static void test_an_unmapped_write_is_decoded(void **state)
{
	struct amdvi_fault f = decode(code(2) | 0x0020 | 5ULL << 32 | EVT_RW,
				      0xdeadb000, 0);

	(void)state;
	assert_int_equal(f.code, AMDVI_EV_IO_PAGE_FAULT);
	assert_int_equal(f.devid, 0x20);
	assert_int_equal(f.domain_id, 5);
	assert_int_equal(f.addr, 0xdeadb000);
	assert_true(f.write);
	assert_false(f.present);
	assert_false(f.interrupt);
	assert_string_equal(event_access(&f), "DMA write");
	assert_string_equal(f.reason, "the address is not mapped for the card");
}

static void test_a_refused_write_to_a_mapped_page_is_told_apart(void **state)
{
	struct amdvi_fault f = decode(code(2) | EVT_RW | EVT_PR | EVT_PE, 0, 0);

	(void)state;
	assert_true(f.present);
	assert_string_equal(f.reason, "the page does not permit this access");
	f = decode(code(2) | EVT_PR, 0, 0);
	assert_string_equal(event_access(&f), "DMA read");
}

/* RZ is undefined unless the entry was present. */
static void test_reserved_bits_count_only_in_present_entries(void **state)
{
	(void)state;
	assert_false(decode(code(2) | EVT_RZ, 0, 0).reserved_bits);
	assert_true(decode(code(2) | EVT_RZ | EVT_PR, 0, 0).reserved_bits);
	assert_true(decode(code(1) | EVT_RZ, 0, 0).reserved_bits);
}

static void test_an_interrupt_fault_is_named_so(void **state)
{
	struct amdvi_fault f = decode(code(2) | 0x30 | EVT_I, 0xfee00000, 0);

	(void)state;
	assert_true(f.interrupt);
	assert_string_equal(event_access(&f), "interrupt");
	assert_string_equal(f.reason,
			    "no such interrupt was given to the card");
	f = decode(code(2) | EVT_I | EVT_PR, 0, 0);
	assert_string_equal(f.reason,
			    "the interrupt entry does not permit it");
}

static void test_command_errors_name_no_device_and_halt_the_ring(void **state)
{
	struct amdvi_fault f = decode(code(5) | 0x1234, 0x9000, 0);

	(void)state;
	assert_int_equal(f.devid, 0);
	assert_false(event_names_device(f.code));
	assert_true(event_halts_commands(AMDVI_EV_ILLEGAL_COMMAND));
	assert_true(event_halts_commands(AMDVI_EV_COMMAND_HW_ERROR));
	assert_false(event_halts_commands(AMDVI_EV_IO_PAGE_FAULT));
	assert_string_equal(event_access(&f), "command");
}

static void test_every_known_code_has_name_reason_and_advice(void **state)
{
	unsigned int c;

	(void)state;
	for (c = 1; c <= AMDVI_EV_INVALID_DEVICE_REQUEST; c++) {
		struct amdvi_fault f = decode(code(c), 0, 0);

		assert_string_not_equal(event_name(f.code), "unknown_event");
		assert_string_not_equal(f.reason,
			"an event this driver does not know");
		assert_non_null(event_advice(&f));
		assert_non_null(event_access(&f));
	}
	assert_string_equal(event_access(&(struct amdvi_fault){
		.code = AMDVI_EV_IOTLB_INV_TIMEOUT }), "invalidation");
	assert_string_equal(event_access(&(struct amdvi_fault){
		.code = AMDVI_EV_IO_PAGE_FAULT, .translation = true }),
		"translation request");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_empty_entry_says_try_again),
		cmocka_unit_test(test_an_unknown_code_is_told_not_guessed),
		cmocka_unit_test(test_an_unmapped_write_is_decoded),
		cmocka_unit_test(test_a_refused_write_to_a_mapped_page_is_told_apart),
		cmocka_unit_test(test_reserved_bits_count_only_in_present_entries),
		cmocka_unit_test(test_an_interrupt_fault_is_named_so),
		cmocka_unit_test(test_command_errors_name_no_device_and_halt_the_ring),
		cmocka_unit_test(test_every_known_code_has_name_reason_and_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

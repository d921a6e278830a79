// SPDX-License-Identifier: GPL-2.0
/* Segments, limits, canonical addresses, alignment, LOCK, stack and branches. */
#include "tests/unit/emul_guest.h"

static struct guest g;

/* ---- protected mode ------------------------------------------------------------ */

static void test_a_byte_beyond_the_limit_is_gp_or_ss(void **state)
{
	(void)state;
	guest_reset(&g, 32);
	g.c.seg[EMUL_DS].limit = 0xfff;
	g.c.seg[EMUL_SS].limit = 0xfff;
	g.c.regs[EMUL_RBX] = 0xffd;
	g.c.regs[EMUL_RBP] = 0xffd;
	assert_fault(&g, 13, true, 0x8b, 0x03);		/* mov eax, [ebx] */
	assert_fault(&g, 12, true, 0x8b, 0x45, 0);	/* mov eax, [ebp] */
	assert_fault(&g, 13, true, 0x3e, 0x8b, 0x45, 0);	/* ds: */
	g.c.regs[EMUL_RBX] = 0xffc;
	assert_done(&g, 0x8b, 0x03);
}

static void test_the_sum_of_offset_and_length_cannot_wrap_past_the_limit(void **state)
{
	(void)state;
	guest_reset(&g, 32);
	g.c.seg[EMUL_DS].limit = 0xfff;
	g.c.regs[EMUL_RBX] = 0xffffffff;
	assert_fault(&g, 13, true, 0x8b, 0x03);
}

static void test_expand_down_segments_begin_above_the_limit(void **state)
{
	(void)state;
	guest_reset(&g, 32);
	g.c.seg[EMUL_DS].attrib = 0x0c97;
	g.c.seg[EMUL_DS].limit = 0xfff;
	g.c.regs[EMUL_RBX] = 0xfff;
	assert_fault(&g, 13, true, 0x8b, 0x03);
	g.c.regs[EMUL_RBX] = 0x1000;
	assert_done(&g, 0x8b, 0x03);
	/* a 16-bit one ends at 64 KB */
	g.c.seg[EMUL_DS].attrib = 0x0097;
	g.c.regs[EMUL_RBX] = 0xfffd;
	assert_fault(&g, 13, true, 0x8b, 0x03);
	g.c.regs[EMUL_RBX] = 0xfffc;
	assert_done(&g, 0x8b, 0x03);
}

static void test_types_forbid_writes_and_reads(void **state)
{
	(void)state;
	guest_reset(&g, 32);
	g.c.regs[EMUL_RBX] = 0x100;
	g.c.seg[EMUL_DS].attrib = 0x0c91;	/* read-only data */
	assert_fault(&g, 13, true, 0x89, 0x03);
	assert_done(&g, 0x8b, 0x03);
	assert_fault(&g, 13, true, 0x01, 0x03);
	assert_int_equal(g.accesses, 0);
	g.c.seg[EMUL_DS].attrib = 0x0c9b;	/* readable code */
	assert_fault(&g, 13, true, 0x89, 0x03);
	assert_done(&g, 0x8b, 0x03);
	g.c.seg[EMUL_DS].attrib = 0x0c99;	/* execute-only code */
	assert_fault(&g, 13, true, 0x8b, 0x03);
	g.c.seg[EMUL_DS].attrib = 0;		/* a null selector */
	assert_fault(&g, 13, true, 0x8b, 0x03);
}

static void test_the_base_is_added_and_the_sum_cut_to_32_bits(void **state)
{
	(void)state;
	guest_reset(&g, 32);
	g.c.seg[EMUL_FS].base = 0xfffff000;
	g.c.regs[EMUL_RBX] = 0x1100;
	guest_poke(&g, 0x100, 0x12345678, 4);
	assert_done(&g, 0x64, 0x8b, 0x03);
	assert_int_equal(g.c.regs[EMUL_RAX], 0x12345678);
}

static void test_an_address_size_prefix_cuts_the_offset(void **state)
{
	(void)state;
	guest_reset(&g, 32);
	g.c.regs[EMUL_RBX] = 0xabcd0100;
	guest_poke(&g, 0x100, 0x55, 1);
	assert_done(&g, 0x67, 0x8a, 0x07);	/* mov al, [bx] */
	assert_int_equal(g.c.regs[EMUL_RAX], 0x55);
	guest_reset(&g, 64);
	g.c.regs[EMUL_RBX] = 0xabcd000000000100;
	guest_poke(&g, 0x100, 0x55, 1);
	assert_done(&g, 0x67, 0x8a, 0x03);	/* mov al, [ebx] */
	assert_int_equal(g.c.regs[EMUL_RAX], 0x55);
}

/* ---- real mode -------------------------------------------------------------------- */

static void test_real_mode_faults_have_no_error_code(void **state)
{
	(void)state;
	guest_reset_real(&g);
	g.c.regs[EMUL_RBX] = 0xffff;
	assert_fault(&g, 13, false, 0x8b, 0x07);	/* mov ax, [bx] */
	g.c.regs[EMUL_RBP] = 0xffff;
	assert_fault(&g, 12, false, 0x8b, 0x46, 0);	/* mov ax, [bp] */
}

static void test_virtual_8086_faults_have_one(void **state)
{
	(void)state;
	guest_reset_real(&g);
	g.c.cr0 |= 1;
	g.c.rflags |= EMUL_VM;
	g.c.cpl = 3;
	g.c.regs[EMUL_RBX] = 0xffff;
	assert_fault(&g, 13, true, 0x8b, 0x07);
}

static void test_big_real_mode_reaches_as_far_as_the_limit(void **state)
{
	(void)state;
	guest_reset_real(&g);
	g.c.seg[EMUL_DS].limit = 0xffffffff;
	g.c.regs[EMUL_RBX] = GUEST_DEVICE;
	g.device = 0x1234;
	assert_done(&g, 0x67, 0x8b, 0x03);
	assert_int_equal(g.c.regs[EMUL_RAX], 0x1234);
}

/* Whatever a former protected mode left in the attributes. */
static void test_real_mode_does_not_look_at_types(void **state)
{
	(void)state;
	guest_reset_real(&g);
	g.c.seg[EMUL_DS].attrib = 0x91;
	assert_done(&g, 0x89, 0x07);
}

/* ---- 64-bit ------------------------------------------------------------------------ */

static void test_non_canonical_addresses_are_gp_or_ss(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.regs[EMUL_RBX] = 0x800000000000;
	g.c.regs[EMUL_RBP] = 0x800000000000;
	assert_fault(&g, 13, true, 0x8b, 0x03);
	assert_fault(&g, 12, true, 0x8b, 0x45, 0);
	g.c.regs[EMUL_RBX] = 0x7ffffffffffd;	/* the last byte is */
	assert_fault(&g, 13, true, 0x8b, 0x03);
	g.c.regs[EMUL_RBX] = 0x7ffffffffffc;	/* canonical: a page fault */
	assert_int_equal(RUN(&g, 0x8b, 0x03), EMUL_FAULT);
	assert_int_equal(g.c.fault.vector, 14);
	g.c.regs[EMUL_RBX] = 0x800000000000;	/* with LA57 as well */
	g.c.cr4 |= BIT(12);
	assert_int_equal(RUN(&g, 0x8b, 0x03), EMUL_FAULT);
	assert_int_equal(g.c.fault.vector, 14);
}

static void test_only_fs_and_gs_have_bases_and_limits_do_not_count(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.seg[EMUL_DS].base = 0x5000;
	g.c.seg[EMUL_DS].limit = 0;
	g.c.seg[EMUL_DS].attrib = 0;
	g.c.seg[EMUL_GS].base = 0x200;
	g.c.regs[EMUL_RBX] = 0x100;
	guest_poke(&g, 0x100, 1, 1);
	guest_poke(&g, 0x300, 2, 1);
	assert_done(&g, 0x8a, 0x03);
	assert_int_equal(g.c.regs[EMUL_RAX], 1);
	assert_done(&g, 0x65, 0x8a, 0x03);
	assert_int_equal(g.c.regs[EMUL_RAX], 2);
}

static void test_rip_relative_counts_from_the_next_instruction(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	guest_poke(&g, GUEST_CODE + 9 + 0x20, 0x1177, 2);
	/* cmp word [rip+20h], 1177h: 9 bytes with its immediate */
	assert_done(&g, 0x66, 0x81, 0x3d, 0x20, 0, 0, 0, 0x77, 0x11);
	assert_true(g.c.rflags & EMUL_ZF);
	guest_reset(&g, 64);
	guest_poke(&g, GUEST_CODE + 7 + 0x20, 0x77, 1);
	assert_done(&g, 0x80, 0x3d, 0x20, 0, 0, 0, 0x77);
	assert_true(g.c.rflags & EMUL_ZF);
}

static void test_alignment_check_is_for_applications_that_ask(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.regs[EMUL_RBX] = 0x101;
	g.c.cr0 |= BIT(18);
	g.c.rflags |= EMUL_AC;
	assert_done(&g, 0x8b, 0x03);
	g.c.cpl = 3;
	assert_fault(&g, 17, true, 0x8b, 0x03);
	assert_done(&g, 0x8a, 0x03);
	g.c.rflags &= ~EMUL_AC;
	assert_done(&g, 0x8b, 0x03);
}

/* ---- read-modify-write ---------------------------------------------------------------- */

static void test_a_locked_update_sees_what_another_cpu_stored(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.regs[EMUL_RBX] = 0x100;
	g.c.regs[EMUL_RAX] = 1;
	guest_poke(&g, 0x100, 10, 4);
	g.interfere_at = 0x100;
	g.interfere = 0x7fffffff;
	assert_done(&g, 0xf0, 0x01, 0x03);
	assert_int_equal(guest_peek(&g, 0x100, 4), 0x80000000);
	assert_true(g.c.rflags & EMUL_OF);
}

static void test_xchg_is_locked_without_the_prefix(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.regs[EMUL_RBX] = 0x100;
	g.c.regs[EMUL_RAX] = 1;
	g.interfere_at = 0x100;
	g.interfere = 77;
	assert_done(&g, 0x87, 0x03);
	assert_int_equal(g.c.regs[EMUL_RAX], 77);
	assert_int_equal(guest_peek(&g, 0x100, 4), 1);
}

static enum emul_access_result never_swaps(struct emul_ctxt *c, gva_t la, void *old,
					   const void *new_value, unsigned int len,
					   bool *swapped)
{
	(void)c; (void)la; (void)old; (void)new_value; (void)len;
	*swapped = false;
	return EMUL_ACC_OKAY;
}

/* A CPU that always loses must not spin in the host. */
static void test_a_locked_update_that_keeps_losing_goes_back_to_the_guest(void **state)
{
	struct emul_ops ops = guest_ops;

	(void)state;
	guest_reset(&g, 64);
	ops.cmpxchg = never_swaps;
	g.c.ops = &ops;
	assert_int_equal(RUN(&g, 0xf0, 0xff, 0x03), EMUL_RETRY);
}

/* The page fault of an update says "write", though it reads first. */
static void test_updates_ask_for_write_permission_when_they_read(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.regs[EMUL_RBX] = GUEST_READ_ONLY;
	assert_done(&g, 0x03, 0x03);
	assert_int_equal(RUN(&g, 0x01, 0x03), EMUL_FAULT);
	assert_int_equal(g.accesses, 1);
	assert_int_equal(g.c.fault.error, 2);
	assert_int_equal(RUN(&g, 0xf0, 0x01, 0x03), EMUL_FAULT);
	assert_int_equal(g.accesses, 1);
	assert_int_equal(RUN(&g, 0x0f, 0xc7, 0x0b), EMUL_FAULT);
	assert_int_equal(g.accesses, 1);
}

static void test_a_device_is_read_once_and_written_once(void **state)
{
	(void)state;
	guest_reset(&g, 64);
	g.c.regs[EMUL_RBX] = GUEST_DEVICE;
	g.c.regs[EMUL_RAX] = 0x10;
	g.device = 5;
	assert_done(&g, 0xf0, 0x01, 0x03);
	assert_int_equal(g.device_reads, 1);
	assert_int_equal(g.device_writes, 1);
	assert_int_equal(g.device_wrote, 0x15);
	assert_done(&g, 0x09, 0x03);
	assert_int_equal(g.device_reads, 2);
	assert_int_equal(g.device_writes, 2);
}

/* ---- stack, branches --------------------------------------------------------------------- */

static void test_a_16_bit_stack_keeps_the_upper_half_of_esp(void **state)
{
	(void)state;
	guest_reset(&g, 32);
	g.c.seg[EMUL_SS].attrib = 0x93;
	g.c.seg[EMUL_SS].limit = 0xffff;
	g.c.regs[EMUL_RSP] = 0xabcd0000;
	g.c.regs[EMUL_RAX] = 0x11223344;
	assert_done(&g, 0x50);
	assert_int_equal(g.c.regs[EMUL_RSP], 0xabcdfffc);
	assert_int_equal(guest_peek(&g, 0xfffc, 4), 0x11223344);
}

static void test_the_stack_pointer_s_own_faults_are_ss(void **state)
{
	(void)state;
	guest_reset(&g, 32);
	g.c.seg[EMUL_SS].limit = 0x7fff;
	g.c.regs[EMUL_RSP] = 0x8004;
	assert_fault(&g, 12, true, 0x50);
	assert_fault(&g, 12, true, 0x58);
	guest_reset(&g, 64);
	g.c.regs[EMUL_RSP] = 0x800000000008;
	assert_fault(&g, 12, true, 0x50);
}

static void test_branches_stay_within_code(void **state)
{
	(void)state;
	guest_reset(&g, 32);
	g.c.seg[EMUL_CS].limit = 0x7fff;
	assert_fault(&g, 13, true, 0xe9, 0x00, 0x10, 0, 0);
	assert_fault(&g, 13, true, 0xe8, 0x00, 0x10, 0, 0);
	assert_int_equal(g.accesses, 0);	/* nothing pushed */
	assert_done(&g, 0xe9, 0x00, 0x08, 0, 0);
	guest_reset(&g, 64);
	g.c.regs[EMUL_RBX] = 0x800000000000;
	assert_fault(&g, 13, true, 0xff, 0xe3);
	assert_fault(&g, 13, true, 0xff, 0xd3);
	assert_int_equal(g.accesses, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_byte_beyond_the_limit_is_gp_or_ss),
		cmocka_unit_test(test_the_sum_of_offset_and_length_cannot_wrap_past_the_limit),
		cmocka_unit_test(test_expand_down_segments_begin_above_the_limit),
		cmocka_unit_test(test_types_forbid_writes_and_reads),
		cmocka_unit_test(test_the_base_is_added_and_the_sum_cut_to_32_bits),
		cmocka_unit_test(test_an_address_size_prefix_cuts_the_offset),
		cmocka_unit_test(test_real_mode_faults_have_no_error_code),
		cmocka_unit_test(test_virtual_8086_faults_have_one),
		cmocka_unit_test(test_big_real_mode_reaches_as_far_as_the_limit),
		cmocka_unit_test(test_real_mode_does_not_look_at_types),
		cmocka_unit_test(test_non_canonical_addresses_are_gp_or_ss),
		cmocka_unit_test(test_only_fs_and_gs_have_bases_and_limits_do_not_count),
		cmocka_unit_test(test_rip_relative_counts_from_the_next_instruction),
		cmocka_unit_test(test_alignment_check_is_for_applications_that_ask),
		cmocka_unit_test(test_a_locked_update_sees_what_another_cpu_stored),
		cmocka_unit_test(test_xchg_is_locked_without_the_prefix),
		cmocka_unit_test(test_a_locked_update_that_keeps_losing_goes_back_to_the_guest),
		cmocka_unit_test(test_updates_ask_for_write_permission_when_they_read),
		cmocka_unit_test(test_a_device_is_read_once_and_written_once),
		cmocka_unit_test(test_a_16_bit_stack_keeps_the_upper_half_of_esp),
		cmocka_unit_test(test_the_stack_pointer_s_own_faults_are_ss),
		cmocka_unit_test(test_branches_stay_within_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/* msi/msg.c: what is an interrupt, and its fields (APM2 16.11). */
#include "tests/unit/check.h"
#include "msi/msg.h"

/* Is anything outside the window refused? */
static void test_ordinary_dma_is_no_interrupt(void **state)
{
	static const u64 bad[] = {
		0, 0xfedfffffULL, 0xfef00000ULL, 0xffffffffULL,
		0x1fee00000ULL, 0x80fee00000ULL, 0x7ee00000ULL,
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct msg m = { bad[i], 0x41 };

		assert_false(msg_is_interrupt(&m));
	}
}

static void test_the_window_is_an_interrupt(void **state)
{
	static const u64 good[] = {
		0xfee00000ULL, 0xfee01004ULL, 0xfeefffffULL,
		0x0000ff00fee00000ULL, 0xffffff00fee00000ULL,
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		struct msg m = { good[i], 0x41 };

		assert_true(msg_is_interrupt(&m));
	}
}

static void test_a_vector_below_16_is_illegal_when_fixed(void **state)
{
	struct msg m = { 0xfee00000, 0x0f };

	(void)state;
	assert_false(msg_has_legal_vector(&m));
	m.data = 0x10f;		/* lowest priority */
	assert_false(msg_has_legal_vector(&m));
	m.data = 0x10;
	assert_true(msg_has_legal_vector(&m));
	m.data = MSG_NMI << 8;
	assert_true(msg_has_legal_vector(&m));
}

static void test_decode_names_every_field(void **state)
{
	struct msg m = { 0x0000ab00fee3400cULL, 0xc131 };
	struct msg_fields f = msg_decode(&m);

	(void)state;
	assert_int_equal(f.dest, 0xab34);
	assert_int_equal(f.vector, 0x31);
	assert_int_equal(f.delivery, MSG_LOWEST);
	assert_true(f.logical);
	assert_true(f.redirect);
	assert_true(f.level);
	assert_true(f.asserted);
}

/* Does every combination survive a round trip? */
static void test_encode_undoes_decode(void **state)
{
	u32 dest, bits, delivery;

	(void)state;
	for (dest = 0; dest < 0x300; dest += 7)
		for (bits = 0; bits < 16; bits++)
			for (delivery = 0; delivery < 8; delivery++) {
				struct msg_fields in = {
					.dest = dest << 4, .vector = (u8)dest,
					.delivery = (u8)delivery,
					.logical = bits & 1,
					.redirect = bits & 2,
					.level = bits & 4,
					.asserted = bits & 8,
				};
				struct msg m = msg_encode(&in);
				struct msg_fields out = msg_decode(&m);
				struct msg again = msg_encode(&out);

				assert_true(msg_is_interrupt(&m));
				assert_int_equal(out.dest, in.dest);
				assert_int_equal(out.vector, in.vector);
				assert_int_equal(out.delivery, in.delivery);
				assert_int_equal(again.addr, m.addr);
				assert_int_equal(again.data, m.data);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ordinary_dma_is_no_interrupt),
		cmocka_unit_test(test_the_window_is_an_interrupt),
		cmocka_unit_test(test_a_vector_below_16_is_illegal_when_fixed),
		cmocka_unit_test(test_decode_names_every_field),
		cmocka_unit_test(test_encode_undoes_decode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

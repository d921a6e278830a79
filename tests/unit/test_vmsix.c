// SPDX-License-Identifier: GPL-2.0
/* msi/vmsix.c: table, masks and pending bits (PCI 3.0 6.8.2). */
#include "tests/unit/check.h"
#include "msi/vmsix.h"

#define COUNT	130		/* three words of pending bits, one partial */

struct fixture {
	struct vmsix v;
	struct vmsix_entry table[COUNT];
	u64 pending[(COUNT + 63) / 64];
};

static void begin(struct fixture *f, bool enable)
{
	vmsix_init(&f->v, f->table, f->pending, COUNT);
	if (enable)
		vmsix_set_control(&f->v, VMSIX_CTRL_ENABLE);
}

static u32 put(struct fixture *f, unsigned int index, unsigned int word, u32 val)
{
	return vmsix_write(&f->v, index * 16 + word * 4, val, U32_MAX);
}

static void test_entries_start_masked_and_the_function_off(void **state)
{
	struct fixture f;
	struct msg m;
	u32 i;

	(void)state;
	begin(&f, false);
	for (i = 0; i < COUNT; i++)
		assert_int_equal(vmsix_read(&f.v, i * 16 + 12), 1);
	assert_int_equal(vmsix_fire(&f.v, 0, &m), MSG_DROPPED);
}

/* Can the guest or the card reach past the table? */
static void test_nothing_exists_past_the_table(void **state)
{
	struct fixture f;
	struct msg m;

	(void)state;
	begin(&f, true);
	assert_int_equal(vmsix_read(&f.v, COUNT * 16), 0);
	assert_int_equal(vmsix_write(&f.v, COUNT * 16 + 12, 0, U32_MAX),
			 VMSIX_NOTHING);
	assert_int_equal(vmsix_fire(&f.v, COUNT, &m), MSG_DROPPED);
	assert_int_equal(vmsix_read_pba(&f.v, 24), 0);
	assert_false(vmsix_is_open(&f.v, COUNT));
	vmsix_init(&f.v, f.table, f.pending, 0);
	assert_int_equal(vmsix_read(&f.v, 0), 0);
	assert_int_equal(vmsix_read_pba(&f.v, 0), 0);
}

static void test_reserved_bits_stay_zero(void **state)
{
	struct fixture f;
	unsigned int w;

	(void)state;
	begin(&f, false);
	for (w = 0; w < 4; w++)
		put(&f, 5, w, U32_MAX);
	assert_int_equal(vmsix_read(&f.v, 5 * 16), 0xfffffffc);
	assert_int_equal(vmsix_read(&f.v, 5 * 16 + 12), 1);
}

static void test_a_narrow_write_changes_its_bytes_only(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, false);
	put(&f, 1, VMSIX_DATA, 0x11223344);
	vmsix_write(&f.v, 16 + 8, 0xaabbccdd, 0x0000ff00);
	assert_int_equal(vmsix_read(&f.v, 16 + 8), 0x1122cc44);
}

static void test_an_open_entry_delivers_the_guests_message(void **state)
{
	struct fixture f;
	struct msg m;

	(void)state;
	begin(&f, true);
	put(&f, 129, VMSIX_ADDR_LO, 0xfee02004);
	put(&f, 129, VMSIX_ADDR_HI, 0x100);
	put(&f, 129, VMSIX_DATA, 0x55);
	assert_int_equal(put(&f, 129, VMSIX_VECTOR_CTRL, 0), VMSIX_OPENED);
	assert_int_equal(put(&f, 129, VMSIX_VECTOR_CTRL, 0), VMSIX_NOTHING);
	assert_int_equal(vmsix_fire(&f.v, 129, &m), MSG_DELIVER);
	assert_int_equal(m.addr, 0x100fee02004ULL);
	assert_int_equal(m.data, 0x55);
}

static void test_a_masked_interrupt_shows_in_the_pending_bits(void **state)
{
	struct fixture f;
	unsigned int cursor = 0;
	struct msg m;

	(void)state;
	begin(&f, true);
	assert_int_equal(vmsix_fire(&f.v, 33, &m), MSG_PENDED);
	assert_int_equal(vmsix_fire(&f.v, 128, &m), MSG_PENDED);
	assert_int_equal(vmsix_read_pba(&f.v, 0), 0);
	assert_int_equal(vmsix_read_pba(&f.v, 4), 2);
	assert_int_equal(vmsix_read_pba(&f.v, 16), 1);
	assert_false(vmsix_take(&f.v, &cursor, &m));
}

static void test_the_function_mask_holds_all_back(void **state)
{
	struct fixture f;
	unsigned int cursor = 0, i;
	struct msg m;

	(void)state;
	begin(&f, true);
	for (i = 0; i < COUNT; i++) {
		put(&f, i, VMSIX_DATA, i);
		put(&f, i, VMSIX_VECTOR_CTRL, 0);
	}
	assert_int_equal(vmsix_set_control(&f.v, VMSIX_CTRL_ENABLE |
					   VMSIX_CTRL_FUNC_MASK), VMSIX_NOTHING);
	for (i = 0; i < COUNT; i++)
		assert_int_equal(vmsix_fire(&f.v, i, &m), MSG_PENDED);
	assert_false(vmsix_take(&f.v, &cursor, &m));
	assert_int_equal(vmsix_set_control(&f.v, VMSIX_CTRL_ENABLE),
			 VMSIX_OPENED);
	for (i = 0, cursor = 0; vmsix_take(&f.v, &cursor, &m); i++)
		assert_int_equal(m.data, i);
	assert_int_equal(i, COUNT);
}

static void test_control_verdicts_follow_the_enable_bit(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, false);
	assert_int_equal(vmsix_set_control(&f.v, VMSIX_CTRL_FUNC_MASK),
			 VMSIX_NOTHING);
	assert_int_equal(vmsix_set_control(&f.v, VMSIX_CTRL_ENABLE |
					   VMSIX_CTRL_FUNC_MASK), VMSIX_START);
	assert_int_equal(vmsix_set_control(&f.v, 0), VMSIX_STOP);
	assert_int_equal(vmsix_set_control(&f.v, VMSIX_CTRL_ENABLE),
			 VMSIX_START | VMSIX_OPENED);
	assert_int_equal(vmsix_set_control(&f.v, VMSIX_CTRL_ENABLE),
			 VMSIX_NOTHING);
}

static void test_disabling_forgets_what_is_pending(void **state)
{
	struct fixture f;
	unsigned int cursor = 0;
	struct msg m;

	(void)state;
	begin(&f, true);
	vmsix_fire(&f.v, 70, &m);
	vmsix_set_control(&f.v, 0);
	vmsix_set_control(&f.v, VMSIX_CTRL_ENABLE);
	put(&f, 70, VMSIX_VECTOR_CTRL, 0);
	assert_false(vmsix_take(&f.v, &cursor, &m));
	assert_int_equal(vmsix_read_pba(&f.v, 8), 0);
}

/*
 * The reference: per vector one "owed" flag and the message the guest last
 * wrote. Mask, unmask, function mask, disable, reroute and fire at random, a
 * million times: is any interrupt lost, doubled, sent while masked, or sent
 * with a message the guest did not write?
 */
struct reference {
	bool masked[COUNT], owed[COUNT];
	u32 data[COUNT];
	bool enabled, func_masked;
	u64 fired, delivered, merged, forgotten;
};

static bool ref_open(const struct reference *r, unsigned int i)
{
	return r->enabled && !r->func_masked && !r->masked[i];
}

static void drain(struct fixture *f, struct reference *r)
{
	unsigned int cursor = 0;
	struct msg m;

	while (vmsix_take(&f->v, &cursor, &m)) {
		unsigned int i = m.data & 0xff;

		assert_true(i < COUNT);
		assert_true(r->owed[i]);
		assert_true(ref_open(r, i));
		assert_int_equal(m.data, r->data[i]);
		r->owed[i] = false;
		r->delivered++;
	}
}

static void ref_fire(struct fixture *f, struct reference *r, unsigned int i)
{
	enum msg_verdict want = !r->enabled ? MSG_DROPPED :
				ref_open(r, i) ? MSG_DELIVER : MSG_PENDED;
	struct msg m;

	assert_int_equal(vmsix_fire(&f->v, i, &m), want);
	if (want == MSG_DROPPED)
		return;
	r->fired++;
	if (want == MSG_DELIVER) {
		assert_int_equal(m.data, r->data[i]);
		r->delivered++;
	} else if (r->owed[i]) {
		r->merged++;
	} else {
		r->owed[i] = true;
	}
}

static void ref_control(struct fixture *f, struct reference *r, u32 dice)
{
	unsigned int i;
	u16 ctrl = 0;

	r->func_masked = dice & 1;
	r->enabled = dice & 0xe;
	if (r->func_masked)
		ctrl |= VMSIX_CTRL_FUNC_MASK;
	if (r->enabled)
		ctrl |= VMSIX_CTRL_ENABLE;
	for (i = 0; !r->enabled && i < COUNT; i++) {
		r->forgotten += r->owed[i];
		r->owed[i] = false;
	}
	if (vmsix_set_control(&f->v, ctrl) & VMSIX_OPENED)
		drain(f, r);
}

static void test_a_million_random_steps_lose_and_double_nothing(void **state)
{
	struct reference r = { .enabled = true };
	struct fixture f;
	u64 seed = 88172645463325252ULL, still = 0;
	unsigned int step, i;

	(void)state;
	begin(&f, true);
	for (i = 0; i < COUNT; i++) {
		r.masked[i] = true;
		r.data[i] = i;
		put(&f, i, VMSIX_DATA, i);
	}
	for (step = 0; step < 1000000; step++) {
		u32 dice;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		dice = (u32)(seed >> 40);
		i = (u32)(seed >> 8) % COUNT;
		switch (dice % 8) {
		case 0 ... 3:
			ref_fire(&f, &r, i);
			break;
		case 4 ... 5:
			r.masked[i] = dice & 0x100;
			if (put(&f, i, VMSIX_VECTOR_CTRL, r.masked[i]) &
			    VMSIX_OPENED)
				drain(&f, &r);
			break;
		case 6:
			r.data[i] = (dice & 0xff00) | i;
			assert_int_equal(put(&f, i, VMSIX_DATA, r.data[i]),
					 VMSIX_NOTHING);
			break;
		case 7:
			if (!(dice & 0xf00))
				ref_control(&f, &r, dice >> 12);
			break;
		}
		assert_int_equal(f.v.pending[i / 64] >> i % 64 & 1, r.owed[i]);
		assert_false(r.owed[i] && ref_open(&r, i));
	}
	for (i = 0; i < COUNT; i++)
		still += r.owed[i];
	assert_true(r.fired > 100000 && r.merged && r.forgotten);
	assert_int_equal(r.fired,
			 r.delivered + r.merged + r.forgotten + still);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries_start_masked_and_the_function_off),
		cmocka_unit_test(test_nothing_exists_past_the_table),
		cmocka_unit_test(test_reserved_bits_stay_zero),
		cmocka_unit_test(test_a_narrow_write_changes_its_bytes_only),
		cmocka_unit_test(test_an_open_entry_delivers_the_guests_message),
		cmocka_unit_test(test_a_masked_interrupt_shows_in_the_pending_bits),
		cmocka_unit_test(test_the_function_mask_holds_all_back),
		cmocka_unit_test(test_control_verdicts_follow_the_enable_bit),
		cmocka_unit_test(test_disabling_forgets_what_is_pending),
		cmocka_unit_test(test_a_million_random_steps_lose_and_double_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/* pci-assign/vcfg_tab.c: is the data well formed, line by line? */
#include "tests/unit/check.h"
#include <linux/pci_regs.h>
#include "pci-assign/vcfg.h"

static void check_line(const struct vcfg_line *l, const char *where)
{
	if (l->off % 4 || !l->why || !*l->why || (l->w1c & l->virt) ||
	    (l->copy & l->ones) || ((l->copy | l->ones) & ~l->virt))
		fail_msg("%s + %x: malformed line", where, l->off);
}

static void test_every_line_is_consistent_and_has_a_reason(void **state)
{
	unsigned int i, k;

	(void)state;
	assert_true(vcfg_header_count > 0);
	for (i = 0; i < vcfg_header_count; i++)
		check_line(&vcfg_header[i], "header");
	for (i = 0; i < vcfg_caps_count; i++)
		for (k = 0; k < vcfg_caps[i].count; k++)
			check_line(&vcfg_caps[i].lines[k], vcfg_caps[i].name);
	for (i = 0; i < vcfg_ext_caps_count; i++)
		for (k = 0; k < vcfg_ext_caps[i].count; k++)
			check_line(&vcfg_ext_caps[i].lines[k],
				   vcfg_ext_caps[i].name);
}

static void check_cap(const struct vcfg_cap *c, bool extended)
{
	assert_non_null(c->name);
	assert_non_null(c->why);
	assert_true(c->lines ? c->count > 0 : c->count == 0);
	assert_int_equal(c->len % 2, 0);
	assert_ptr_equal(vcfg_find_cap(c->id, extended), c);
}

/* Is each known id there once, with a reason? */
static void test_every_capability_is_named_once(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < vcfg_caps_count; i++)
		check_cap(&vcfg_caps[i], false);
	for (i = 0; i < vcfg_ext_caps_count; i++)
		check_cap(&vcfg_ext_caps[i], true);
	for (i = 1; i <= 0x15; i++)
		assert_non_null(vcfg_find_cap((u16)i, false));
	for (i = 1; i <= 0x36; i++)
		assert_non_null(vcfg_find_cap((u16)i, true));
	assert_null(vcfg_find_cap(0, false));
	assert_null(vcfg_find_cap(0x16, false));
	assert_null(vcfg_find_cap(0, true));
	assert_null(vcfg_find_cap(0xffff, true));
}

/* Which words may reach the card at all? Any new one must be added here. */
static void test_few_bits_reach_the_card(void **state)
{
	unsigned int i, k, n = 0;

	(void)state;
	for (i = 0; i < vcfg_header_count; i++)
		if (vcfg_header[i].write & ~vcfg_header[i].virt) {
			assert_int_equal(vcfg_header[i].off, PCI_COMMAND);
			assert_int_equal(vcfg_header[i].write &
					 ~vcfg_header[i].virt, 0xf9000000);
			n++;
		}
	for (i = 0; i < vcfg_caps_count; i++)
		for (k = 0; k < vcfg_caps[i].count; k++) {
			const struct vcfg_line *l = &vcfg_caps[i].lines[k];

			if (!(l->write & ~l->virt))
				continue;
			assert_int_equal(vcfg_caps[i].id, PCI_CAP_ID_EXP);
			assert_int_equal(l->off, PCI_EXP_DEVCTL);
			assert_int_equal(l->write & ~l->virt, 0x000f0000);
			n++;
		}
	for (i = 0; i < vcfg_ext_caps_count; i++)
		for (k = 0; k < vcfg_ext_caps[i].count; k++)
			assert_int_equal(vcfg_ext_caps[i].lines[k].write, 0);
	assert_int_equal(n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_line_is_consistent_and_has_a_reason),
		cmocka_unit_test(test_every_capability_is_named_once),
		cmocka_unit_test(test_few_bits_reach_the_card),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Groups below switches, on small trees of functions: which port counts as
 * open, whose bus decides, and which port is named for it.
 */
#include "tests/unit/check.h"
#include "iommu-amd/group.h"

#define ACS	GROUP_ACS_ALL

/* A function: what it is, and its place. */
struct node {
	struct node *above;	/* NULL: on the root bus */
	unsigned int devfn;
	bool upstream;
	struct group_port port;
};

#define PORT(up, n, cap, ctrl) { .above = (up), .devfn = (n) << 3, \
	.port = { .downstream = true, .has_acs = (cap) != 0, \
		  .acs_cap = (cap), .acs_ctrl = (ctrl) } }

static struct node *all;	/* the tree on test: an array that ends with devfn 256 */

static void *node_above(void *fn)
{
	return ((struct node *)fn)->above;
}

static bool node_is_upstream(void *fn)
{
	return ((struct node *)fn)->upstream;
}

static bool node_port(void *bridge, unsigned int devfn, struct group_port *p)
{
	struct node *n;

	for (n = all; n->devfn < 256; n++)
		if (n->above == bridge && n->devfn == devfn) {
			*p = n->port;
			return true;
		}
	return false;
}

static const struct group_ops ops = {
	.above = node_above,
	.is_upstream = node_is_upstream,
	.port = node_port,
};

/* ---- ports ------------------------------------------------------------------------ */

static void test_a_port_isolates_with_all_four_flags_that_it_has(void **state)
{
	struct group_port p = { .downstream = true };
	unsigned int flags;

	assert_false(group_port_isolates(&p));
	p.has_acs = true;
	p.acs_cap = ACS;
	for (flags = 0; flags < 32; flags++) {
		p.acs_ctrl = flags;
		assert_int_equal(group_port_isolates(&p), (flags & ACS) == ACS);
	}
	/* what it lacks is hard-wired; what it has must be on */
	p.acs_cap = GROUP_ACS_SV | GROUP_ACS_UF;
	p.acs_ctrl = GROUP_ACS_SV | GROUP_ACS_UF;
	assert_true(group_port_isolates(&p));
	p.acs_ctrl = GROUP_ACS_UF;
	assert_false(group_port_isolates(&p));
}

/* ---- one switch -------------------------------------------------------------------- */

enum { ROOT, UP, D1, D2, E1, E2, END };

/* root port, switch with two ports, a card below each */
static void one_switch(struct node *t, u16 ctrl1, u16 ctrl2)
{
	struct node tree[] = {
		[ROOT] = PORT(NULL, 1, ACS, ACS),
		[UP] = { .above = &t[ROOT], .upstream = true },
		[D1] = PORT(&t[UP], 0, ACS, ctrl1),
		[D2] = PORT(&t[UP], 1, ACS, ctrl2),
		[E1] = { .above = &t[D1] },
		[E2] = { .above = &t[D2] },
		[END] = { .devfn = 256 },
	};

	memcpy(t, tree, sizeof(tree));
	all = t;
}

static void test_a_switch_whose_ports_have_access_control_decides_nothing(void **state)
{
	struct node t[END + 1];
	unsigned int i, devfn;

	one_switch(t, ACS, ACS);
	for (i = ROOT; i < END; i++) {
		assert_null(group_anchor(&ops, &t[i]));
		assert_null(group_open_switch(&ops, &t[i], &devfn));
	}
}

static void test_an_open_port_opens_the_whole_switch(void **state)
{
	struct node t[END + 1];
	unsigned int open, devfn;

	for (open = 0; open < 2; open++) {
		one_switch(t, open == 0 ? ACS & ~GROUP_ACS_RR : ACS,
			   open == 1 ? 0 : ACS);
		/* each port and card hangs on a function of one bus */
		assert_ptr_equal(group_anchor(&ops, &t[D1]), &t[D1]);
		assert_ptr_equal(group_anchor(&ops, &t[D2]), &t[D2]);
		assert_ptr_equal(group_anchor(&ops, &t[E1]), &t[D1]);
		assert_ptr_equal(group_anchor(&ops, &t[E2]), &t[D2]);
		/* and the port at fault is named, from both */
		assert_ptr_equal(group_open_switch(&ops, &t[E1], &devfn), &t[UP]);
		assert_int_equal(devfn, open << 3);
		assert_ptr_equal(group_open_switch(&ops, &t[E2], &devfn), &t[UP]);
		assert_int_equal(devfn, open << 3);
		/* what is above is not of it */
		assert_null(group_anchor(&ops, &t[UP]));
		assert_null(group_anchor(&ops, &t[ROOT]));
	}
}

static void test_a_root_port_or_another_function_is_no_switch(void **state)
{
	struct node t[END + 1];

	one_switch(t, ACS, 0);
	t[UP].upstream = false;
	assert_null(group_anchor(&ops, &t[E2]));
	one_switch(t, ACS, 0);
	t[D2].port.downstream = false;
	assert_null(group_anchor(&ops, &t[E1]));
}

static void test_the_last_of_256_functions_is_looked_at(void **state)
{
	struct node t[END + 1];
	unsigned int devfn;

	one_switch(t, ACS, 0);
	t[D2].devfn = 255;
	assert_ptr_equal(group_open_switch(&ops, &t[E1], &devfn), &t[UP]);
	assert_int_equal(devfn, 255);
}

/* ---- a switch below a switch --------------------------------------------------------- */

enum { TOP, A1, A2, INNER, B1, B2, C1, C2, STOP };

static void two_switches(struct node *t, u16 outer, u16 inner)
{
	struct node tree[] = {
		[TOP] = { .upstream = true },
		[A1] = PORT(&t[TOP], 0, ACS, outer),
		[A2] = PORT(&t[TOP], 1, ACS, ACS),
		[INNER] = { .above = &t[A2], .upstream = true },
		[B1] = PORT(&t[INNER], 0, ACS, inner),
		[B2] = PORT(&t[INNER], 1, ACS, ACS),
		[C1] = { .above = &t[B1] },
		[C2] = { .above = &t[B2] },
		[STOP] = { .devfn = 256 },
	};

	memcpy(t, tree, sizeof(tree));
	all = t;
}

static void test_the_topmost_open_switch_decides(void **state)
{
	struct node t[STOP + 1];
	unsigned int devfn;

	two_switches(t, 0, 0);
	assert_ptr_equal(group_anchor(&ops, &t[C1]), &t[A2]);
	assert_ptr_equal(group_anchor(&ops, &t[B2]), &t[A2]);
	assert_ptr_equal(group_anchor(&ops, &t[INNER]), &t[A2]);
	assert_ptr_equal(group_open_switch(&ops, &t[C1], &devfn), &t[INNER]);

	two_switches(t, 0, ACS);
	assert_ptr_equal(group_anchor(&ops, &t[C2]), &t[A2]);
	assert_ptr_equal(group_open_switch(&ops, &t[C2], &devfn), &t[TOP]);

	/* an open inner switch leaves the outer one's other port alone */
	two_switches(t, ACS, 0);
	assert_ptr_equal(group_anchor(&ops, &t[C2]), &t[B2]);
	assert_null(group_anchor(&ops, &t[A1]));
	assert_null(group_anchor(&ops, &t[INNER]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_port_isolates_with_all_four_flags_that_it_has),
		cmocka_unit_test(test_a_switch_whose_ports_have_access_control_decides_nothing),
		cmocka_unit_test(test_an_open_port_opens_the_whole_switch),
		cmocka_unit_test(test_a_root_port_or_another_function_is_no_switch),
		cmocka_unit_test(test_the_last_of_256_functions_is_looked_at),
		cmocka_unit_test(test_the_topmost_open_switch_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

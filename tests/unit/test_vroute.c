// SPDX-License-Identifier: GPL-2.0
/* vroute: which routing tables are refused, and what the accepted ones say. */
#include "tests/unit/check.h"
#include "kvm-core/vroute.h"

static struct vroute_table *table;

static int set_up(void **state)
{
	table = calloc(1, vroute_bytes(VROUTE_MAX));
	return !table;
}

static int tear_down(void **state)
{
	free(table);
	return 0;
}

static int build(const struct kvm_irq_routing_entry *e, u32 nr)
{
	memset(table, 0, vroute_bytes(nr));
	return vroute_build(table, e, nr, true, 24);
}

static struct kvm_irq_routing_entry pin(u32 gsi, u32 chip, u32 n)
{
	return (struct kvm_irq_routing_entry) {
		.gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = chip, .pin = n },
	};
}

static struct kvm_irq_routing_entry msi(u32 gsi, u32 data)
{
	return (struct kvm_irq_routing_entry) {
		.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = 0xfee01000, .address_hi = 7, .data = data },
	};
}

static void test_what_does_not_exist_is_refused(void **state)
{
	const struct kvm_irq_routing_entry bad[] = {
		pin(0, KVM_IRQCHIP_PIC_MASTER, 8), pin(0, KVM_IRQCHIP_PIC_SLAVE, 8),
		pin(0, KVM_IRQCHIP_IOAPIC, 24), pin(0, 3, 0), msi(VROUTE_MAX, 0x41),
		{ .type = KVM_IRQ_ROUTING_HV_SINT }, { .type = 0 },
		{ .type = KVM_IRQ_ROUTING_MSI, .flags = 2 },
		{ .type = KVM_IRQ_ROUTING_IRQCHIP, .flags = KVM_MSI_VALID_DEVID },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(build(&bad[i], 1), -EINVAL);
	assert_int_equal(vroute_build(table, bad, VROUTE_MAX + 1, true, 0), -EINVAL);
}

static void test_a_message_may_name_its_sender(void **state)
{
	struct kvm_irq_routing_entry e = msi(5, 0x41);

	e.flags = KVM_MSI_VALID_DEVID;
	e.u.msi.devid = 8;
	assert_int_equal(build(&e, 1), 0);
}

static void test_ids_of_32_bits_leave_bits_of_the_address_out(void **state)
{
	assert_true(vroute_address_valid(0x101, false));
	assert_true(vroute_address_valid(0x100, true));
	assert_false(vroute_address_valid(0x101, true));
}

static void test_a_pin_without_a_chip_is_refused(void **state)
{
	const struct kvm_irq_routing_entry e = pin(0, KVM_IRQCHIP_IOAPIC, 0);

	memset(table, 0, vroute_bytes(1));
	assert_int_equal(vroute_build(table, &e, 1, false, 24), -EINVAL);
}

static void test_routes_that_exclude_each_other_are_refused(void **state)
{
	const struct kvm_irq_routing_entry bad[][2] = {
		{ msi(5, 0x41), msi(5, 0x42) },
		{ msi(5, 0x41), pin(5, KVM_IRQCHIP_IOAPIC, 5) },
		{ pin(5, KVM_IRQCHIP_IOAPIC, 5), pin(5, KVM_IRQCHIP_IOAPIC, 6) },
		{ pin(5, KVM_IRQCHIP_PIC_MASTER, 5), pin(5, KVM_IRQCHIP_PIC_MASTER, 6) },
	};
	const struct kvm_irq_routing_entry many[] = {
		pin(1, 0, 1), pin(1, 1, 1), pin(1, 2, 1), msi(1, 0x41),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(build(bad[i], 2), -EINVAL);
	assert_int_equal(build(many, 4), -EINVAL);
	assert_int_equal(build(many, 3), 0);
}

static void test_the_pc_default_leads_where_a_pc_leads(void **state)
{
	struct kvm_irq_routing_entry e[VROUTE_PC_ENTRIES];
	const struct vroute *r;
	unsigned int n;
	u32 gsi;

	vroute_pc_entries(e);
	assert_int_equal(build(e, VROUTE_PC_ENTRIES), 0);
	for (gsi = 0; gsi < 24; gsi++) {
		r = vroute_find(table, gsi, &n);
		assert_int_equal(n, gsi < 16 ? 2 : 1);
		assert_int_equal(r[n - 1].kind, VROUTE_IOAPIC);
		assert_int_equal(r[n - 1].pin, gsi);
		if (n == 2)
			assert_int_equal(r[0].kind, VROUTE_PIC);
		assert_int_equal(r[0].pin, gsi);
	}
	vroute_find(table, 24, &n);
	assert_int_equal(n, 0);
	vroute_find(table, VROUTE_MAX - 1, &n);
	assert_int_equal(n, 0);
	vroute_find(table, U32_MAX, &n);
	assert_int_equal(n, 0);
}

static void test_a_message_keeps_address_and_data(void **state)
{
	const struct kvm_irq_routing_entry e = msi(VROUTE_MAX - 1, 0x4041);
	const struct vroute *r;
	unsigned int n;

	assert_int_equal(build(&e, 1), 0);
	r = vroute_find(table, VROUTE_MAX - 1, &n);
	assert_int_equal(n, 1);
	assert_int_equal(r->kind, VROUTE_MSI);
	assert_int_equal(r->addr, 0x7fee01000ULL);
	assert_int_equal(r->data, 0x4041);
}

/* Scattered and unordered input: every route is found at its gsi. */
static void test_any_order_of_entries_is_sorted(void **state)
{
	static struct kvm_irq_routing_entry e[VROUTE_MAX];
	const struct vroute *r;
	unsigned int i, n;
	u32 gsi = 0;

	for (i = 0; i < VROUTE_MAX; i++) {
		gsi = (gsi + 1543) % VROUTE_MAX;
		e[i] = msi(gsi, gsi & 0xff);
		e[i].u.msi.address_hi = gsi;
	}
	assert_int_equal(build(e, VROUTE_MAX), 0);
	for (gsi = 0; gsi < VROUTE_MAX; gsi++) {
		r = vroute_find(table, gsi, &n);
		assert_int_equal(n, 1);
		assert_int_equal(r->addr >> 32, gsi);
	}
}

static void test_hits_looks_at_kind_and_pin(void **state)
{
	const struct kvm_irq_routing_entry e[] = {
		pin(0, KVM_IRQCHIP_IOAPIC, 2), pin(0, KVM_IRQCHIP_PIC_SLAVE, 3),
	};

	assert_int_equal(build(e, 2), 0);
	assert_true(vroute_hits(table, 0, VROUTE_IOAPIC, BIT(2)));
	assert_false(vroute_hits(table, 0, VROUTE_IOAPIC, ~4U));
	assert_true(vroute_hits(table, 0, VROUTE_PIC, BIT(11)));
	assert_false(vroute_hits(table, 1, VROUTE_PIC, ~0U));
}

/* Only the gsis of the user-space IOAPIC, and only level-triggered ones. */
static void test_eoi_vectors_are_those_of_level_pins(void **state)
{
	const struct kvm_irq_routing_entry e[] = {
		msi(3, 0x8041), msi(4, 0x42), msi(24, 0x8043),
	};

	assert_int_equal(build(e, 3), 0);
	assert_int_equal(table->eoi_vectors[1], BIT_ULL(1));
	assert_int_equal(table->eoi_vectors[0] | table->eoi_vectors[2] |
			 table->eoi_vectors[3], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_does_not_exist_is_refused),
		TEST(test_a_message_may_name_its_sender),
		TEST(test_ids_of_32_bits_leave_bits_of_the_address_out),
		TEST(test_a_pin_without_a_chip_is_refused),
		TEST(test_routes_that_exclude_each_other_are_refused),
		TEST(test_the_pc_default_leads_where_a_pc_leads),
		TEST(test_a_message_keeps_address_and_data),
		TEST(test_any_order_of_entries_is_sorted),
		TEST(test_hits_looks_at_kind_and_pin),
		TEST(test_eoi_vectors_are_those_of_level_pins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * irqsteps: a card's MSI-X or MSI at random, on the emulated host. QEMU's rocker
 * (MSI-X) and the lab's edu with msi_vectors=4 (MSI) have a register that raises
 * any of their vectors, and nothing else raises them; so each step (mask or
 * unmask a vector or all, re-route, raise a vector) has one right outcome, and a
 * model of a dozen lines knows it: what was raised while open arrives once, at
 * once, where its route says; what was raised while masked is pending, and
 * arrives once when it is unmasked, where its route says by then. A vCPU that
 * never runs collects what arrives. Prints TAP.
 *
 *   irqsteps BDF STEPS [SEED]	rocker or edu, bound to pci-assign
 */
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include "cardvm.h"

#define AT(region, off)	((off_t)((uint64_t)(region) << 40 | (off)))
#define TEST_IRQ	0x20	/* rocker's register, in BAR 0 */
#define TABLE		0	/* rocker's, in BAR 1 */
#define PBA		0x1000
#define CONFIG		VFIO_PCI_CONFIG_REGION_INDEX
#define VECTORS		4
#define LIMIT_S		10	/* for one interrupt to come */

static int node;
static uint64_t bar0;
static unsigned int cap;	/* the offset of its MSI-X or MSI */

static struct {
	bool masked[VECTORS], pending[VECTORS], all_masked;
	unsigned int route[VECTORS];
	unsigned long raised, arrived, lost, strange;
} model;

/* ---- the card ----------------------------------------------------------------- */

static uint32_t get(unsigned int region, unsigned int off, unsigned int len)
{
	uint32_t v = 0;

	if (pread(node, &v, len, AT(region, off)) != (ssize_t)len)
		ok(false, "a read of the card");
	return v;
}

static void put(unsigned int region, unsigned int off, unsigned int len,
		uint32_t v)
{
	if (pwrite(node, &v, len, AT(region, off)) != (ssize_t)len)
		ok(false, "a write to the card");
}

static struct backplane_status status(void)
{
	struct backplane_status s = { 0 };

	if (pread(node, &s, sizeof(s), AT(BACKPLANE_REGION_STATUS, 0)) != sizeof(s))
		ok(false, "the status can be read");
	return s;
}

static volatile uint32_t *reg(unsigned int off)
{
	return (volatile uint32_t *)(uintptr_t)(bar0 + off);
}

static bool is_open(unsigned int i)
{
	return !model.all_masked && !model.masked[i];
}

/* What the two kinds do each in its way; @i is a vector. */
struct kind {
	unsigned int id;		/* of the capability */
	void (*raise)(unsigned int i);
	void (*show_masks)(unsigned int i);	/* the model's, to the card */
	void (*show_route)(unsigned int i);
	uint32_t (*pending)(void);
};

static void rocker_raise(unsigned int i)
{
	*reg(TEST_IRQ) = i;
}

static void rocker_entry(unsigned int i, unsigned int word, uint32_t v)
{
	put(VFIO_PCI_BAR1_REGION_INDEX, TABLE + i * 16 + word * 4, 4, v);
}

static void rocker_show_masks(unsigned int i)
{
	rocker_entry(i, 3, model.masked[i]);
	put(CONFIG, cap + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE |
	    (model.all_masked ? PCI_MSIX_FLAGS_MASKALL : 0));
}

static void rocker_show_route(unsigned int i)
{
	rocker_entry(i, 0, 0xfee00000);
	rocker_entry(i, 1, 0);
	rocker_entry(i, 2, model.route[i]);
}

static uint32_t rocker_pending(void)
{
	return get(VFIO_PCI_BAR1_REGION_INDEX, PBA, 4);
}

static void edu_raise(unsigned int i)
{
	*reg(EDU_RAISE) = 1U << i;
	*reg(EDU_ACK) = 1U << i;
}

static void edu_show_masks(unsigned int i __attribute__((unused)))
{
	uint32_t mask = 0;
	unsigned int v;

	for (v = 0; v < VECTORS; v++)
		mask |= !is_open(v) << v;
	put(CONFIG, cap + PCI_MSI_MASK_64, 4, mask);
	put(CONFIG, cap + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | 2 << 4);
}

/* All vectors follow the one message. */
static void edu_show_route(unsigned int i)
{
	unsigned int v;

	for (v = 0; v < VECTORS; v++)
		model.route[v] = model.route[i] - i + v;
	put(CONFIG, cap + PCI_MSI_ADDRESS_LO, 4, 0xfee00000);
	put(CONFIG, cap + PCI_MSI_ADDRESS_HI, 4, 0);
	put(CONFIG, cap + PCI_MSI_DATA_64, 2, model.route[0]);
}

static uint32_t edu_pending(void)
{
	return get(CONFIG, cap + PCI_MSI_PENDING_64, 4);
}

static const struct kind rocker = {
	PCI_CAP_ID_MSIX, rocker_raise, rocker_show_masks,
	rocker_show_route, rocker_pending,
}, edu = {
	PCI_CAP_ID_MSI, edu_raise, edu_show_masks, edu_show_route,
	edu_pending,
}, *kind;

static void find_cap(void)
{
	unsigned int tries = 48;

	kind = get(CONFIG, PCI_VENDOR_ID, 4) == 0x11e81234 ? &edu : &rocker;
	cap = get(CONFIG, PCI_CAPABILITY_LIST, 1);
	while (cap && tries-- && get(CONFIG, cap, 1) != kind->id)
		cap = get(CONFIG, cap + 1, 1);
}

static bool open_card(const char *bdf)
{
	char path[64];
	void *p;

	snprintf(path, sizeof(path), "/dev/backplane/%s", bdf);
	node = open(path, O_RDWR);
	if (!ok(node >= 0, "the node opens"))
		return false;
	p = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE, MAP_SHARED, node,
		 AT(VFIO_PCI_BAR0_REGION_INDEX, 0));
	bar0 = (uintptr_t)p;
	find_cap();
	return ok(p != MAP_FAILED && cap,
		  "its registers and its MSI-X or MSI are there");
}

/* ---- what arrived --------------------------------------------------------------- */

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

struct requests {
	uint32_t bits[8];
};

static struct requests look(void)
{
	struct kvm_lapic_state s;
	struct requests r;
	unsigned int i;

	ioctl(vcpu, KVM_GET_LAPIC, &s);
	for (i = 0; i < 8; i++)
		r.bits[i] = *(uint32_t *)(s.regs + 0x200 + i * 16);
	return r;
}

static bool has(const struct requests *have, const struct requests *want)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		if ((have->bits[i] & want->bits[i]) != want->bits[i])
			return false;
	return true;
}

static bool same(const struct requests *a, const struct requests *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* Nothing but @want may be there; that must come. */
static void expect(const struct requests *want, unsigned int n)
{
	time_t end = now() + LIMIT_S;
	struct requests have = look();

	while (!has(&have, want) && now() < end)
		have = look();
	model.lost += !has(&have, want);
	model.strange += has(&have, want) && !same(&have, want);
	model.arrived += n;
	if (n || !same(&have, want))
		forget_requests();
}

/* ---- the model -------------------------------------------------------------------- */

static void check_pending(void)
{
	uint32_t want = 0;
	unsigned int i;

	for (i = 0; i < VECTORS; i++)
		want |= model.pending[i] << i;
	model.strange += kind->pending() != want;
}

/* What is pending and open now has arrived. */
static void settle(void)
{
	struct requests want = { 0 };
	unsigned int i, n = 0;

	for (i = 0; i < VECTORS; i++) {
		if (!model.pending[i] || !is_open(i))
			continue;
		model.pending[i] = false;
		want.bits[model.route[i] / 32] |= 1U << model.route[i] % 32;
		n++;
	}
	expect(&want, n);
	check_pending();
}

/* The card's message is under way; masked, it has come when it is counted. */
static void step_raise(unsigned int i)
{
	uint64_t before = is_open(i) ? 0 : status().irqs_pended;
	time_t end = now() + LIMIT_S;

	kind->raise(i);
	model.raised++;
	model.pending[i] = true;
	if (is_open(i))
		return;
	while (status().irqs_pended == before && now() < end)
		;
	model.lost += status().irqs_pended != before + 1;
}

static void step_mask(unsigned int i)
{
	model.masked[i] = !model.masked[i];
	kind->show_masks(i);
}

static void step_mask_all(void)
{
	model.all_masked = !model.all_masked;
	kind->show_masks(0);
}

/* Vectors of different entries never meet. What is open is masked meanwhile. */
static void step_route(unsigned int i, unsigned int n)
{
	bool was_open = is_open(i);

	if (was_open)
		step_mask(i);
	model.route[i] = 0x40 + n % 32 * VECTORS + i;
	kind->show_route(i);
	if (was_open)
		step_mask(i);
}

static void step(uint32_t n)
{
	unsigned int i = n % VECTORS;

	switch (n / VECTORS % 16) {
	case 0 ... 7:
		step_raise(i);
		break;
	case 8 ... 11:
		step_mask(i);
		break;
	case 12 ... 14:
		step_route(i, n / 64);
		break;
	default:
		step_mask_all();
	}
	settle();
}

/* Every entry is opened once, so that all have their host vectors. */
static void start(void)
{
	unsigned int i;

	put(CONFIG, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	for (i = 0; i < VECTORS; i++)
		model.masked[i] = true;
	for (i = 0; i < VECTORS; i++) {
		step_route(i, i);
		step_mask(i);
	}
}

static void walk(unsigned long steps, uint64_t seed)
{
	unsigned long n;

	for (n = 0; n < steps && model.lost + model.strange < 10; n++) {
		/* Knuth's MMIX; the upper bits are the random ones */
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		step(seed >> 33);
	}
	ok(n == steps, "all steps were made");
}

/* Open at last, so that nothing is left pending. */
static void finish(void)
{
	unsigned int i;

	if (model.all_masked)
		step_mask_all();
	settle();
	for (i = 0; i < VECTORS; i++) {
		if (model.masked[i])
			step_mask(i);
		settle();
	}
}

int main(int argc, char **argv)
{
	struct backplane_status s;

	if (argc < 3 || sscanf(argv[1], "0000:%x:%x.%x", &bus, &slot, &fn) != 3)
		return 2;
	kvm = open("/dev/kvm", O_RDWR);
	if (!make_vm() || !open_card(argv[1]) ||
	    !ok(!assign(0), "the card is given to the VM"))
		return 1;
	start();
	walk(strtoul(argv[2], NULL, 0), argc > 3 ? strtoul(argv[3], NULL, 0) : 1);
	finish();
	s = status();
	printf("# %s steps: %lu raised, %llu of them while masked; %lu arrivals wanted, %llu straight, %llu at unmasking; %lu lost, %lu strange\n",
	       argv[2], model.raised, (unsigned long long)s.irqs_pended,
	       model.arrived, (unsigned long long)s.irqs_hard,
	       (unsigned long long)s.irqs_fallback, model.lost, model.strange);
	ok(model.arrived > 0 && s.irqs_fallback > 0 && !model.lost && !s.irqs_lost,
	   "no interrupt is lost while entries are masked, unmasked and re-routed");
	ok(!model.strange && s.irqs_hard + s.irqs_fallback == model.arrived,
	   "none comes twice, or where it should not");
	ok(!deassign(), "the card is taken back");
	return failed;
}

// SPDX-License-Identifier: GPL-2.0
/* smmu: shadow tables against a walk of the guest's own, in every mode, at random
 * and case by case.
 */
#include "tests/unit/smmu_machine.h"

#define TABLES	24		/* frames 8.. that hold random tables */
#define FIRST	8
#define WRITER	(M_FRAMES - 64)	/* frames of the writing CPU's own tables */
#define WINDOW	0x100000000000UL	/* where it sees all of guest memory */

static u64 seed;

static u32 rnd(u32 n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(seed >> 33) % n;
}

static bool one_in(u32 n)
{
	return !rnd(n);
}

/* ---- the oracle: gwalk over a copy of the tables ---------------------------------- */

struct copy {
	struct machine *m;
	u8 frame[M_FRAMES][4096];
};

static struct copy copy;

static bool readable(struct machine *m, gfn_t gfn)
{
	return gfn < M_FRAMES && m->gfn[gfn].slot;
}

static bool copied(gpa_t gpa)
{
	return gpa >> 12 >= FIRST && gpa >> 12 < FIRST + TABLES;
}

static int copy_read(void *ctx, gpa_t gpa, void *data, unsigned int len)
{
	struct copy *c = ctx;

	if (!readable(c->m, gpa >> 12))
		return -EFAULT;
	/* Other frames are not written meanwhile. */
	memcpy(data, copied(gpa) ? c->frame[gpa >> 12] + (gpa & 0xfff) :
	       m_frame(c->m, gpa >> 12) + (gpa & 0xfff), len);
	return 0;
}

static int copy_cmpxchg(void *ctx, gpa_t gpa, u64 old, u64 new_value, unsigned int len)
{
	struct copy *c = ctx;

	(void)old;
	if (!copied(gpa) || c->m->gfn[gpa >> 12].rom)
		return -EFAULT;
	memcpy(c->frame[gpa >> 12] + (gpa & 0xfff), &new_value, len);
	return 0;
}

static void copy_tables(struct machine *m)
{
	gfn_t i;

	copy.m = m;
	for (i = FIRST; i < FIRST + TABLES; i++)
		memcpy(copy.frame[i], m_frame(m, i), 4096);
}

static bool tables_agree(struct machine *m)
{
	gfn_t i;

	for (i = FIRST; i < FIRST + TABLES; i++)
		if (memcmp(copy.frame[i], m_frame(m, i), 4096))
			return false;
	return true;
}

/* The access, by the CPU and by the oracle: they may differ in nothing. */
static void agree(struct machine *m, struct m_cpu *c, gva_t gva, u32 access)
{
	struct gwalk_mem mem = { .read = copy_read, .cmpxchg = copy_cmpxchg, .ctx = &copy };
	struct m_access a = { .gva = gva, .access = access };
	struct gwalk_result r;
	gfn_t gfn;

	copy_tables(m);
	if (!(c->mode.efer & M_LMA))
		gva = (u32)gva;
	r = gwalk_translate(&c->mode, &mem, gva, access, false);
	m_access(m, c, &a);
	if (!r.ok) {
		assert_int_equal(a.result, M_FAULT);
		assert_int_equal(a.error, r.error);
	} else {
		gfn = r.gpa >> 12;
		if (a.result == M_EMULATED || a.result == M_MMIO)
			assert_int_equal(a.gpa, r.gpa);
		if (!readable(m, gfn) || ((access & GWALK_W) && m->gfn[gfn].rom)) {
			assert_true(a.result == M_MMIO || a.result == M_EMULATED);
		} else if (a.result == M_EMULATED) {
			assert_true((access & GWALK_W) && !(c->mode.cr0 & M_WP));
		} else {
			assert_int_equal(a.result, M_OK);
			assert_int_equal(a.hpa, M_HPA + m->gfn[gfn].frame * 4096ULL +
					 (r.gpa & 0xfff));
		}
	}
	assert_true(tables_agree(m));
}

/* ---- a guest that does anything ------------------------------------------------------- */

static void writer_start(struct machine *m, struct m_cpu *w)
{
	gfn_t next = WRITER + 1, i;

	memset(m_frame(m, WRITER), 0, 4096);
	for (i = 0; i < M_FRAMES; i += i < 512 ? 1 : 512)
		m_map64(m, WRITER, &next, WINDOW + i * 4096,
			i << 12 | (i < 512 ? 3 : 0x83), i >= 512);
	w->mode = m_long_mode(WRITER);
	m_load(m, w);
}

static const u16 indexes[] = { 0, 1, 2, 3, 255, 256, 511 };

static u32 rnd_index(void)
{
	return indexes[rnd(ARRAY_SIZE(indexes))];
}

/* One that was used before with another index somewhere, or any. */
static gva_t rnd_gva(const struct m_cpu *c)
{
	static gva_t used[8];
	gva_t *u = &used[rnd(8)], gva = rnd(4096);
	unsigned int level = rnd(4);

	if (*u && (c->mode.cr0 & M_PG) && one_in(2)) {
		*u &= ~(511UL << (12 + 9 * level));
		*u |= (gva_t)rnd_index() << (12 + 9 * level);
		return c->mode.efer & M_LMA ? (gva_t)((s64)(*u << 16) >> 16) : (u32)*u;
	}

	if (!(c->mode.cr0 & M_PG))
		return one_in(2) ? rnd(M_FRAMES + 4) * 4096UL + rnd(4096) :
		       rnd(1 << 20) * 4096UL;
	for (level = 0; level < 4; level++)
		gva |= (gva_t)rnd_index() << (12 + 9 * level);
	*u = gva;
	if (!(c->mode.efer & M_LMA))
		return (u32)gva;
	if (one_in(20))
		return gva;	/* not canonical, perhaps */
	return (gva_t)((s64)(gva << 16) >> 16);
}

/* Frames hold entries of one kind, mostly: PDPTEs, 32-bit ones, 64-bit ones. */
#define PDPTS	4
#define NARROW	8

static u64 rnd_table(bool narrow)
{
	if (one_in(12))
		return FIRST + rnd(TABLES);
	return narrow ? FIRST + PDPTS + rnd(NARROW) :
			FIRST + PDPTS + NARROW + rnd(TABLES - PDPTS - NARROW);
}

static u64 rnd_frame(bool narrow)
{
	switch (rnd(8)) {
	case 0:
		return rnd(M_FRAMES + 4);
	case 1:
		return 1024 + rnd(512);
	case 2:
		return rnd(4) * 512;
	default:
		return rnd_table(narrow);
	}
}

static u64 rnd_entry(bool narrow)
{
	u64 e = rnd_frame(narrow) << 12 | 1;

	if (one_in(12))
		return 0;
	e |= one_in(6) ? 0 : 2;
	e |= one_in(6) ? 0 : 4;
	e |= rnd(4) << 5;
	e |= one_in(8) ? 0x80 : 0;
	if (e & 0x80 && !one_in(8))
		e &= ~0x1ff000ULL;
	if (narrow)
		return e;
	e |= one_in(12) ? M_NX : 0;
	return e | (one_in(100) ? BIT_ULL(45) : 0);
}

/* As fits the frame that @gpa is in; PDPTEs have few bits. */
static u64 rnd_value(gpa_t gpa)
{
	gfn_t n = (gpa >> 12) - FIRST;
	u64 e;

	if (n < PDPTS) {
		e = rnd_entry(false);
		return one_in(20) ? e : e & 0xffffff019ULL;
	}
	if (n < PDPTS + NARROW) {
		e = (u32)rnd_entry(true);
		return e | rnd_entry(true) << 32;
	}
	return rnd_entry(false);
}

static gpa_t rnd_entry_gpa(void)
{
	gfn_t n = rnd(TABLES);
	u32 i = rnd_index();

	if (n < PDPTS)
		i = rnd(16);
	else if (n < PDPTS + NARROW && one_in(2))
		i = rnd(512);
	return (FIRST + n) * 4096ULL + i * 8;
}

static void rnd_store(struct machine *m, struct m_cpu *w)
{
	gpa_t gpa = rnd_entry_gpa();
	u64 value = rnd_value(gpa);

	if (m->s.shared && one_in(2))
		memcpy(m_word(m, gpa), &value, 8);	/* user space, unseen */
	else
		m_store64(m, w, WINDOW + gpa, value);
}

static void rnd_mode(struct m_cpu *c)
{
	struct gwalk_mode *g = &c->mode;

	memset(g, 0, sizeof(*g));
	g->phys_bits = 40;
	g->cr3 = rnd_table(true) << 12;
	g->cr0 = M_PE | (one_in(6) ? 0 : M_PG) | (one_in(3) ? 0 : M_WP);
	g->cr4 = (one_in(3) ? 0 : M_PSE) | (one_in(3) ? M_SMEP : 0) |
		 (one_in(3) ? M_SMAP : 0);
	g->rflags = one_in(2) ? M_AC : 0;
	g->efer = one_in(4) ? 0 : M_NXE;
	if (one_in(3))
		return;
	g->cr4 |= M_PAE;
	if (g->cr0 & M_PG && !one_in(3)) {
		g->efer |= M_LMA | M_LME;
		g->cr3 = rnd_table(false) << 12;
	} else {
		g->cr3 = (FIRST + rnd(PDPTS)) << 12 | rnd(4) << 5;
	}
}

static void host_acts(struct machine *m)
{
	gfn_t first = one_in(2) ? FIRST + rnd(TABLES) : rnd(M_FRAMES);
	gfn_t end = first + 1 + rnd(one_in(4) ? 700 : 4);
	gpa_t gpa = rnd_entry_gpa();
	u64 value = rnd_value(gpa);

	end = min(end, (gfn_t)M_FRAMES);
	switch (rnd(4)) {
	case 0:
		m_reclaim(m, first, end);
		break;
	case 1:
		m_write_protect(m, first, end);
		break;
	case 2:			/* an emulated store, or a paravirtual one */
		memcpy(m_word(m, gpa), &value, 8);
		smmu_note_write(&m->s, gpa >> 12);
		break;
	default:		/* other memory comes to a table's frame */
		first = FIRST + rnd(TABLES);
		m_reclaim(m, first, first + 1);
		m->gfn[first].frame ^= M_FRAMES;
		memcpy(m_frame(m, first), m->host + (size_t)(m->gfn[first].frame ^ M_FRAMES) * 4096,
		       4096);
	}
}

static u32 rnd_access(void)
{
	return (rnd(2) ? GWALK_U : 0) |
	       (one_in(4) ? GWALK_I : one_in(2) ? GWALK_W : 0);
}

static void random_run(u64 start, unsigned int turns, bool no_memory, bool shared)
{
	static struct machine m;
	struct m_cpu *w, *c;
	unsigned int i;
	gfn_t f;
	gva_t gva;

	seed = start;
	m_init(&m);
	if (shared)
		smmu_share(&m.s);
	for (f = 1024; f < 1536; f++)
		m.gfn[f].level = 1;
	m.gfn[600].slot = false;
	m.gfn[601].rom = true;
	m.gfn[FIRST + 3].rom = true;
	w = &m.cpu[2];
	writer_start(&m, w);
	for (i = 0; i < TABLES * 200; i++)
		rnd_store(&m, w);
	rnd_mode(&m.cpu[0]);
	rnd_mode(&m.cpu[1]);
	m_load(&m, &m.cpu[0]);
	m_load(&m, &m.cpu[1]);
	m.no_memory = no_memory;
	for (i = 0; i < turns; i++) {
		c = &m.cpu[rnd(2)];
		gva = rnd_gva(c);
		if (one_in(10))
			host_acts(&m);
		if (!one_in(3))
			rnd_store(&m, w);
		if (one_in(12))
			rnd_mode(c);
		else if (!one_in(3)) {
			m_invlpg(&m, c, gva);
			agree(&m, c, gva, rnd_access());
			continue;
		}
		m_load(&m, c);
		agree(&m, c, gva, rnd_access());
		if (i % 16 == 0)
			m_check(&m);
	}
	assert_true(m.s.stat_leaves > turns / 20);
	assert_true(!m.s.stat_steps == shared);
	assert_true(m.s.stat_unsyncs > m.s.stat_steps);
	assert_true(!no_memory || m.s.stat_recycled > 0);
	m_destroy(&m);
}

static void test_any_guest_in_any_mode_finds_what_its_tables_say(void **state)
{
	u64 i;

	for (i = 1; i <= 12; i++)
		random_run(i, 2500, i % 3 == 0, false);
}

static void test_any_guest_whose_tables_user_space_writes_does_too(void **state)
{
	u64 i;

	for (i = 21; i <= 28; i++)
		random_run(i, 2500, i % 3 == 0, true);
}

/* ---- case by case ------------------------------------------------------------------- */

#define ROOT	8
#define DATA	100

static struct machine m;

/* One page at @gva, by @entry; CPU 0 on it. */
static struct m_cpu *one_page(gva_t gva, u64 entry, unsigned int level)
{
	gfn_t next = ROOT + 1;

	m_init(&m);
	m_map64(&m, ROOT, &next, gva, entry, level);
	m.cpu[0].mode = m_long_mode(ROOT);
	m_load(&m, &m.cpu[0]);
	return &m.cpu[0];
}

static enum m_result try(struct m_cpu *c, gva_t gva, u32 access)
{
	struct m_access a = { .gva = gva, .access = access };

	m_access(&m, c, &a);
	return a.result;
}

static u32 error_of(struct m_cpu *c, gva_t gva, u32 access)
{
	struct m_access a = { .gva = gva, .access = access };

	m_access(&m, c, &a);
	assert_int_equal(a.result, M_FAULT);
	return a.error;
}

#define PTE	(m_word(&m, (ROOT + 3) * 4096))

static void test_a_read_sets_accessed_and_only_a_write_sets_dirty(void **state)
{
	struct m_cpu *c = one_page(0, DATA << 12 | 7, 0);

	assert_int_equal(try(c, 0, 0), M_OK);
	assert_int_equal(*PTE & 0x60, 0x20);
	assert_int_equal(try(c, 0, GWALK_W), M_OK);
	assert_int_equal(*PTE & 0x60, 0x60);
	m_destroy(&m);
}

static void test_a_dirty_bit_that_was_cleared_and_flushed_is_set_again(void **state)
{
	struct m_cpu *c = one_page(0, DATA << 12 | 7, 0);

	assert_int_equal(try(c, 0, GWALK_W), M_OK);
	*PTE &= ~0x60ULL;
	m_invlpg(&m, c, 0);
	assert_int_equal(try(c, 0, 0), M_OK);
	assert_int_equal(*PTE & 0x60, 0x20);
	assert_int_equal(try(c, 0, GWALK_W), M_OK);
	assert_int_equal(*PTE & 0x60, 0x60);
	m_destroy(&m);
}

static void test_without_wp_a_supervisor_writes_and_a_user_does_not(void **state)
{
	struct m_cpu *c = one_page(0, DATA << 12 | 5, 0);

	c->mode.cr0 &= ~M_WP;
	m_load(&m, c);
	assert_int_equal(try(c, 0, GWALK_U), M_OK);
	assert_int_equal(try(c, 0, GWALK_W), M_OK);
	assert_int_equal(error_of(c, 0, GWALK_W | GWALK_U), 7);
	assert_int_equal(try(c, 0, GWALK_U), M_OK);
	c->mode.cr0 |= M_WP;
	m_load(&m, c);
	assert_int_equal(error_of(c, 0, GWALK_W), 3);
	m_destroy(&m);
}

static void test_without_wp_smep_still_keeps_the_supervisor_from_user_code(void **state)
{
	struct m_cpu *c = one_page(0, DATA << 12 | 5, 0);

	c->mode.cr0 &= ~M_WP;
	c->mode.cr4 |= M_SMEP;
	m_load(&m, c);
	assert_int_equal(try(c, 0, GWALK_W), M_OK);
	assert_int_equal(error_of(c, 0, GWALK_I), 0x11);
	assert_int_equal(try(c, 0, GWALK_I | GWALK_U), M_OK);
	m_destroy(&m);
}

static void test_without_wp_smap_is_asked_at_each_write(void **state)
{
	struct m_cpu *c = one_page(0, DATA << 12 | 5, 0);

	c->mode.cr0 &= ~M_WP;
	c->mode.cr4 |= M_SMAP;
	c->mode.rflags = M_AC;
	m_load(&m, c);
	assert_int_equal(try(c, 0, GWALK_W), M_EMULATED);
	c->mode.rflags = 0;
	assert_int_equal(error_of(c, 0, GWALK_W), 3);
	m_destroy(&m);
}

static void test_a_reserved_bit_is_told_as_one(void **state)
{
	struct m_cpu *c = one_page(0, DATA << 12 | 7 | BIT_ULL(45), 0);

	assert_int_equal(error_of(c, 0, 0), 9);
	*PTE = DATA << 12 | 7 | M_NX;
	assert_int_equal(error_of(c, 0, GWALK_I), 0x11);
	c->mode.efer &= ~M_NXE;
	m_load(&m, c);
	assert_int_equal(error_of(c, 0, 0), 9);
	m_destroy(&m);
}

static void test_a_big_page_is_big_where_the_host_has_one(void **state)
{
	struct m_cpu *c = one_page(0, 1024 << 12 | 0x87, 1);
	gfn_t f;

	for (f = 1024; f < 1536; f++)
		m.gfn[f].level = 1;
	assert_int_equal(try(c, 0, GWALK_W), M_OK);
	assert_int_equal(try(c, 0x1ff000, GWALK_W), M_OK);
	assert_int_equal(m.s.nr_leaves, 1);
	/* Part of it goes: all of it must. */
	m_reclaim(&m, 1030, 1031);
	assert_int_equal(m.s.nr_leaves, 0);
	m_check(&m);
	m_destroy(&m);
}

static void test_a_big_page_with_a_table_in_it_is_mapped_in_small_ones(void **state)
{
	struct m_cpu *c = one_page(0x200000, 0 << 12 | 0x87, 1);
	gfn_t f;

	for (f = 0; f < 512; f++)
		m.gfn[f].level = 1;
	assert_int_equal(try(c, 0x200000 + DATA * 4096, GWALK_W), M_OK);
	assert_int_equal(m.s.nr_leaves, 1);
	assert_int_equal(try(c, 0x200000 + (DATA + 1) * 4096, GWALK_W), M_OK);
	assert_int_equal(m.s.nr_leaves, 2);
	m_destroy(&m);
}

static void test_a_table_below_two_entries_has_the_rights_of_each_way(void **state)
{
	struct m_cpu *c = one_page(0, DATA << 12 | 7, 0);

	*m_word(&m, (ROOT + 2) * 4096 + 8) = (ROOT + 3) << 12 | 5;
	*m_word(&m, (ROOT + 2) * 4096 + 16) = (ROOT + 3) << 12 | 3;
	*m_word(&m, (ROOT + 2) * 4096 + 24) = (ROOT + 3) << 12 | 7 | M_NX;
	assert_int_equal(try(c, 0, GWALK_W | GWALK_U), M_OK);
	assert_int_equal(error_of(c, 0x200000, GWALK_W | GWALK_U), 7);
	assert_int_equal(try(c, 0x200000, GWALK_U), M_OK);
	assert_int_equal(error_of(c, 0x400000, GWALK_U), 5);
	assert_int_equal(error_of(c, 0x600000, GWALK_U | GWALK_I), 0x15);
	assert_int_equal(try(c, 0, GWALK_I | GWALK_U), M_OK);
	m_destroy(&m);
}

static void test_a_table_that_appears_in_a_big_page_ends_its_writes(void **state)
{
	struct m_access a = { .gva = 0x400000 };
	struct m_cpu *c = one_page(0x200000, 1024 << 12 | 0x87, 1);
	gfn_t f;

	for (f = 1024; f < 1536; f++)
		m.gfn[f].level = 1;
	assert_int_equal(try(c, 0x200000, GWALK_W), M_OK);
	assert_int_equal(m.s.nr_leaves, 1);
	*m_word(&m, 1100 * 4096) = DATA << 12 | 7;
	*m_word(&m, (ROOT + 2) * 4096 + 16) = 1100 << 12 | 7;
	for (f = 0; f < 6; f++) {
		m_access(&m, c, &a);
		m_load(&m, c);
	}
	assert_true(smmu_in_step(&m.s, 1100));
	m_check(&m);
	assert_true(m_store64(&m, c, 0x200000 + 76 * 4096, (DATA + 1) << 12 | 7));
	m_load(&m, c);
	m_access(&m, c, &a);
	assert_int_equal(a.hpa, M_HPA + m.gfn[DATA + 1].frame * 4096ULL);
	m_destroy(&m);
}

static void test_tables_in_no_memory_and_in_rom(void **state)
{
	struct m_cpu *c = one_page(0, DATA << 12 | 7, 0);

	m.gfn[ROOT + 3].rom = true;	/* the last table */
	assert_int_equal(try(c, 0, 0), M_OK);
	assert_int_equal(try(c, 0, GWALK_W), M_OK);
	assert_int_equal(*PTE & 0x60, 0);
	*m_word(&m, (ROOT + 2) * 4096) = (M_FRAMES + 5) << 12 | 7;
	m_load(&m, c);
	assert_int_equal(error_of(c, 0, 0), 0);
	m_destroy(&m);
}

static void test_paging_off_maps_all_of_memory_one_to_one(void **state)
{
	struct m_access a = { .gva = 5 * 4096 + 8, .access = GWALK_W | GWALK_U };
	struct m_cpu *c = one_page(0, 0, 0);

	c->mode = (struct gwalk_mode){ .phys_bits = 40, .cr4 = M_SMEP | M_SMAP };
	m_load(&m, c);
	m_access(&m, c, &a);
	assert_int_equal(a.result, M_OK);
	assert_int_equal(a.hpa, M_HPA + m.gfn[5].frame * 4096ULL + 8);
	assert_int_equal(try(c, M_FRAMES * 4096UL, 0), M_MMIO);
	assert_int_equal(try(c, 0xfffff000UL, 0), M_MMIO);
	m_destroy(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_guest_in_any_mode_finds_what_its_tables_say),
		cmocka_unit_test(test_any_guest_whose_tables_user_space_writes_does_too),
		cmocka_unit_test(test_a_read_sets_accessed_and_only_a_write_sets_dirty),
		cmocka_unit_test(test_a_dirty_bit_that_was_cleared_and_flushed_is_set_again),
		cmocka_unit_test(test_without_wp_a_supervisor_writes_and_a_user_does_not),
		cmocka_unit_test(test_without_wp_smep_still_keeps_the_supervisor_from_user_code),
		cmocka_unit_test(test_without_wp_smap_is_asked_at_each_write),
		cmocka_unit_test(test_a_reserved_bit_is_told_as_one),
		cmocka_unit_test(test_a_big_page_is_big_where_the_host_has_one),
		cmocka_unit_test(test_a_big_page_with_a_table_in_it_is_mapped_in_small_ones),
		cmocka_unit_test(test_a_table_below_two_entries_has_the_rights_of_each_way),
		cmocka_unit_test(test_a_table_that_appears_in_a_big_page_ends_its_writes),
		cmocka_unit_test(test_tables_in_no_memory_and_in_rom),
		cmocka_unit_test(test_paging_off_maps_all_of_memory_one_to_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

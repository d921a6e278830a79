// SPDX-License-Identifier: GPL-2.0
/*
 * smmu pages: the pool of shadow pages, how they are found by frame and role,
 * and the chains that tie their entries to what they map (APM2 5.3).
 *
 * smmu.c builds with it, smmu_sync.c compares. It knows nothing of guest
 * entries' meaning.
 */
#include "kvm-core/smmu.h"

/* Recycling takes this part of the pages in use at a time. */
#define RECYCLE_PART	16

static unsigned int hash(u64 x, unsigned int size)
{
	return (unsigned int)((x * 0x9e3779b97f4a7c15ULL) >> 40) & (size - 1);
}

/* ---- life and pool ------------------------------------------------------------ */

static struct smmu_page *first_page(struct smmu_list *l)
{
	return smmu_list_empty(l) ? NULL : container_of(l->next, struct smmu_page, age);
}

void smmu_init(struct smmu *s, const struct smmu_ops *ops, void *ctx,
	       struct smmu_page **by_id, u32 cap)
{
	memset(s, 0, sizeof(*s));
	s->ops = ops;
	s->ctx = ctx;
	s->by_id = by_id;
	s->cap = cap;
	smmu_list_init(&s->age);
	smmu_list_init(&s->unsync);
	smmu_list_init(&s->free);
	smmu_list_init(&s->free_low);
	smmu_list_init(&s->retired);
}

static void pool_put(struct smmu *s, struct smmu_page *p)
{
	if (p->low) {
		smmu_list_append(&s->free_low, &p->age);
		s->nr_free_low++;
	} else {
		smmu_list_append(&s->free, &p->age);
		s->nr_free++;
	}
}

bool smmu_wants_page(const struct smmu *s, bool low)
{
	bool room = s->pages < s->cap;

	if (low)
		return !s->nr_free_low && (room || s->nr_free);
	return room && s->nr_free < SMMU_FAULT_PAGES;
}

struct smmu_page *smmu_donate(struct smmu *s, struct smmu_page *p)
{
	struct smmu_page *old = NULL;

	if (s->pages < s->cap) {
		p->id = ++s->pages;
	} else {
		old = first_page(&s->free);
		smmu_list_remove(&old->age);
		s->nr_free--;
		p->id = old->id;
	}
	s->by_id[p->id] = p;
	smmu_list_init(&p->step);
	pool_put(s, p);
	return old;
}

/* Their tables are nobody's once all TLBs are flushed. */
static void reuse_retired(struct smmu *s)
{
	struct smmu_page *p;

	if (!s->nr_retired)
		return;
	(s->ops->flush)(s->ctx);
	while ((p = first_page(&s->retired)) != NULL) {
		smmu_list_remove(&p->age);
		pool_put(s, p);
	}
	s->nr_retired = 0;
}

/* The oldest that no vCPU stands on. False: there is none. */
static bool recycle(struct smmu *s)
{
	u32 n = s->nr_used / RECYCLE_PART + SMMU_FAULT_PAGES, looks = s->nr_used;
	struct smmu_page *p;

	while (n && looks--) {
		p = first_page(&s->age);
		if (p->roots) {
			smmu_list_remove(&p->age);
			smmu_list_append(&s->age, &p->age);
			continue;
		}
		smmu_page_retire(s, p);
		s->stat_recycled++;
		n--;
	}
	return s->nr_retired;
}

static bool enough(const struct smmu *s)
{
	return s->nr_free >= SMMU_FAULT_PAGES && s->nr_free_low;
}

bool smmu_ready(struct smmu *s, bool fresh)
{
	if (likely(enough(s)))
		return true;
	do {
		reuse_retired(s);
		if (enough(s))
			return true;
		if (!fresh && (smmu_wants_page(s, false) || smmu_wants_page(s, true)))
			return false;
	} while (recycle(s));
	return false;
}

struct smmu_page *smmu_take_back(struct smmu *s)
{
	struct smmu_page *p;

	if (!s->pages)
		return NULL;
	p = s->by_id[s->pages];
	s->by_id[s->pages--] = NULL;
	return p;
}

void smmu_zap_all(struct smmu *s)
{
	struct smmu_list *n, *next;
	struct smmu_page *p;

	for (n = s->age.next; n != &s->age; n = next) {
		next = n->next;
		p = container_of(n, struct smmu_page, age);
		if (p->roots)
			smmu_page_empty(s, p);
		else
			smmu_page_retire(s, p);
	}
	(s->ops->flush)(s->ctx);
}

/* ---- entries -------------------------------------------------------------------- */

int smmu_next(const struct smmu_page *p, int idx)
{
	u64 word;
	int i;

	for (i = idx / 64; i < SMMU_ENTRIES / 64; i++, idx = i * 64) {
		word = p->used[i] & (~0ULL << (idx % 64));
		if (word)
			return i * 64 + __builtin_ctzll(word);
	}
	return -1;
}

static struct smmu_link *link_of(struct smmu *s, u32 entry)
{
	return &s->by_id[entry / SMMU_ENTRIES]->link[entry % SMMU_ENTRIES];
}

/* The head of the chain that entry @idx of @p is on. */
static u32 *chain_of(struct smmu *s, const struct smmu_page *p, unsigned int idx)
{
	u32 to = p->link[idx].to;

	return smmu_is_pointer(p, idx) ? &s->by_id[to]->parents :
					 &s->leaf[hash(to, SMMU_LEAF_HASH)];
}

static void entry_set(struct smmu *s, struct smmu_page *p, unsigned int idx,
		      u64 entry, u64 gpte, u32 to)
{
	struct smmu_link *l = &p->link[idx];
	u32 *head, me = p->id * SMMU_ENTRIES + idx;

	p->gpte[idx] = gpte;
	p->used[idx / 64] |= 1ULL << (idx % 64);
	p->nr++;
	l->to = to;
	WRITE_ONCE(p->table[idx], entry);
	head = chain_of(s, p, idx);
	l->prev = 0;
	l->next = *head;
	if (l->next)
		link_of(s, l->next)->prev = me;
	*head = me;
}

/*
 * A long chain loses its older half: any leaf may go, a fault brings it back. The
 * younger stay, for one instruction may need several of them.
 */
static void shorten_chain(struct smmu *s, u32 e)
{
	unsigned int n;
	u32 next;

	for (n = 0; e; e = next, n++) {
		next = link_of(s, e)->next;
		if (n >= SMMU_CHAIN_MAX / 2)
			smmu_drop(s, s->by_id[e / SMMU_ENTRIES], e % SMMU_ENTRIES);
	}
}

void smmu_set_leaf(struct smmu *s, struct smmu_page *p, unsigned int idx,
		   u64 entry, u64 gpte, gfn_t gfn)
{
	unsigned int chain = hash((u32)gfn, SMMU_LEAF_HASH);

	if (smmu_present(p, idx)) {
		if (!smmu_is_pointer(p, idx) && p->link[idx].to == (u32)gfn) {
			p->gpte[idx] = gpte;
			WRITE_ONCE(p->table[idx], entry);
			return;
		}
		smmu_drop(s, p, idx);
	}
	entry_set(s, p, idx, entry, gpte, (u32)gfn);
	s->nr_leaves++;
	s->stat_leaves++;
	if (unlikely(++s->chained[chain] > SMMU_CHAIN_MAX))
		shorten_chain(s, s->leaf[chain]);
}

/* Rights are the leaves' business; a legacy root's entry has no bits for them. */
void smmu_set_pointer(struct smmu *s, struct smmu_page *p, unsigned int idx,
		      struct smmu_page *child, u64 gpte)
{
	u64 entry = child->hpa | SMMU_P;

	if (!smmu_is_pdpt(p))
		entry |= SMMU_W | SMMU_U | SMMU_A;
	entry_set(s, p, idx, entry, gpte, child->id);
}

void smmu_drop(struct smmu *s, struct smmu_page *p, unsigned int idx)
{
	struct smmu_link *l = &p->link[idx];

	if (l->next)
		link_of(s, l->next)->prev = l->prev;
	if (l->prev)
		link_of(s, l->prev)->next = l->next;
	else
		*chain_of(s, p, idx) = l->next;
	if (!smmu_is_pointer(p, idx)) {
		s->nr_leaves--;
		s->chained[hash(l->to, SMMU_LEAF_HASH)]--;
	}
	WRITE_ONCE(p->table[idx], 0);
	p->used[idx / 64] &= ~(1ULL << (idx % 64));
	p->nr--;
	s->stat_drops++;
}

/* ---- pages by frame ---------------------------------------------------------------- */

/* Guest tables are counted, to know quickly where there are none. */
static void count_table(struct smmu *s, const struct smmu_page *p, int by)
{
	if (!smmu_is_table(p))
		return;
	s->filter[hash(p->gfn, SMMU_FILTER)] += by;
	s->region[hash(p->gfn >> 9, SMMU_FILTER)] += by;
}

struct smmu_page *smmu_page_find(struct smmu *s, gfn_t gfn, struct smmu_page *after)
{
	struct smmu_page *p = after ? after->hash_next :
			      s->hash[hash(gfn, SMMU_PAGE_HASH)];

	while (p && (p->gfn != gfn || !smmu_is_table(p)))
		p = p->hash_next;
	return p;
}

static struct smmu_page *pool_take(struct smmu *s, bool low)
{
	struct smmu_page *p = first_page(low ? &s->free_low : &s->free);

	if (!p)
		return NULL;
	smmu_list_remove(&p->age);
	if (low)
		s->nr_free_low--;
	else
		s->nr_free--;
	return p;
}

struct smmu_page *smmu_page_get(struct smmu *s, gfn_t gfn, u32 role)
{
	struct smmu_page **head = &s->hash[hash(gfn, SMMU_PAGE_HASH)], *p;
	bool low = FIELD_GET(SMMU_ROLE_LEVEL, role) == 2 &&
		   FIELD_GET(SMMU_ROLE_FORMAT, role) != SMMU_LONG;

	for (p = *head; p; p = p->hash_next)
		if (p->gfn == gfn && p->role == role)
			return p;
	p = pool_take(s, low);
	if (!p)
		return NULL;
	p->gfn = gfn;
	p->role = role;
	p->quiet = 0;
	p->seen = 0;
	p->frame = NULL;
	p->hash_next = *head;
	*head = p;
	smmu_list_append(&s->age, &p->age);
	s->nr_used++;
	count_table(s, p, 1);
	/* Nobody keeps the guest from writing it yet. */
	if (smmu_is_table(p))
		smmu_unsync(s, p);
	return p;
}

static void hash_remove(struct smmu *s, struct smmu_page *p)
{
	struct smmu_page **at = &s->hash[hash(p->gfn, SMMU_PAGE_HASH)];

	while (*at != p)
		at = &(*at)->hash_next;
	*at = p->hash_next;
	p->hash_next = NULL;
}

void smmu_page_empty(struct smmu *s, struct smmu_page *p)
{
	int idx;

	for (idx = smmu_next(p, 0); idx >= 0; idx = smmu_next(p, idx + 1))
		smmu_drop(s, p, idx);
}

void smmu_page_retire(struct smmu *s, struct smmu_page *p)
{
	smmu_page_empty(s, p);
	while (p->parents)
		smmu_drop(s, s->by_id[p->parents / SMMU_ENTRIES],
			  p->parents % SMMU_ENTRIES);
	hash_remove(s, p);
	count_table(s, p, -1);
	smmu_list_remove(&p->step);
	p->unsync = false;
	smmu_list_remove(&p->age);
	s->nr_used--;
	smmu_list_append(&s->retired, &p->age);
	s->nr_retired++;
}

/* ---- zap and protect ------------------------------------------------------------------- */

void smmu_unsync(struct smmu *s, struct smmu_page *p)
{
	if (p->unsync)
		return;
	p->unsync = true;
	p->quiet = 0;
	smmu_list_append(&s->unsync, &p->step);
	s->stat_unsyncs++;
}

bool smmu_in_step(struct smmu *s, gfn_t gfn)
{
	struct smmu_page *p;

	if (likely(!s->filter[hash(gfn, SMMU_FILTER)]))
		return false;
	for (p = smmu_page_find(s, gfn, NULL); p; p = smmu_page_find(s, gfn, p))
		if (!p->unsync)
			return true;
	return false;
}

bool smmu_has_tables(const struct smmu *s, gfn_t gfn)
{
	return s->region[hash(gfn >> 9, SMMU_FILTER)];
}

/*
 * Leaves of @level whose first frame is @gfn: drop, or take the right to write. How
 * many entries were looked at.
 */
static u32 each_leaf(struct smmu *s, gfn_t gfn, unsigned int level, bool drop)
{
	u32 e = s->leaf[hash(gfn, SMMU_LEAF_HASH)], next;
	struct smmu_page *p;
	unsigned int idx;
	u32 looks = 0;

	for (; e; e = next, looks++) {
		p = s->by_id[e / SMMU_ENTRIES];
		idx = e % SMMU_ENTRIES;
		next = p->link[idx].next;
		if (p->link[idx].to != (u32)gfn || smmu_level(p) != level)
			continue;
		if (drop || (level && (p->table[idx] & SMMU_W)))
			smmu_drop(s, p, idx);
		else
			WRITE_ONCE(p->table[idx], p->table[idx] & ~SMMU_W);
	}
	return looks;
}

u32 smmu_protect(struct smmu *s, gfn_t gfn)
{
	return each_leaf(s, gfn, 0, false) + each_leaf(s, gfn & ~511ULL, 1, false);
}

/* A table's frame has other memory now, perhaps: compare at the next flush. */
void smmu_unsync_frame(struct smmu *s, gfn_t gfn)
{
	struct smmu_page *p;

	if (!s->filter[hash(gfn, SMMU_FILTER)])
		return;
	for (p = smmu_page_find(s, gfn, NULL); p; p = smmu_page_find(s, gfn, p))
		smmu_unsync(s, p);
}

/* gpm has something else there now, perhaps, or nothing. */
static void lose_table(struct smmu *s, struct smmu_page *p)
{
	p->frame = NULL;
	smmu_unsync(s, p);
}

static void lose_tables(struct smmu *s, gfn_t gfn)
{
	struct smmu_page *p;

	if (!s->filter[hash(gfn, SMMU_FILTER)])
		return;
	for (p = smmu_page_find(s, gfn, NULL); p; p = smmu_page_find(s, gfn, p))
		lose_table(s, p);
}

static bool overlaps(const struct smmu_page *p, unsigned int idx, gfn_t first, gfn_t end)
{
	gfn_t from = p->link[idx].to, to = from + (1ULL << (9 * smmu_level(p)));

	return !smmu_is_pointer(p, idx) && from < end && to > first;
}

static void zap_by_pages(struct smmu *s, gfn_t first, gfn_t end)
{
	struct smmu_list *n;
	struct smmu_page *p;
	int idx;

	for (n = s->age.next; n != &s->age; n = n->next) {
		p = container_of(n, struct smmu_page, age);
		for (idx = smmu_next(p, 0); idx >= 0; idx = smmu_next(p, idx + 1))
			if (overlaps(p, idx, first, end))
				smmu_drop(s, p, idx);
		if (smmu_is_table(p) && p->gfn >= first && p->gfn < end)
			lose_table(s, p);
	}
}

/* Is it less work to look at every entry than at the chains of @frames frames? */
static bool pages_are_fewer(const struct smmu *s, u64 frames)
{
	return frames * (s->nr_leaves / SMMU_LEAF_HASH + 1) >
	       s->nr_leaves + 8ULL * s->nr_used + 64;
}

void smmu_zap(struct smmu *s, gfn_t first, gfn_t end)
{
	gfn_t gfn;

	if (!s->nr_used || first >= end)
		return;
	if (pages_are_fewer(s, end - first)) {
		zap_by_pages(s, first, end);
		return;
	}
	for (gfn = first; gfn < end; gfn++) {
		each_leaf(s, gfn, 0, true);
		lose_tables(s, gfn);
	}
	for (gfn = first & ~511ULL; gfn < end; gfn += 512)
		each_leaf(s, gfn, 1, true);
}

/* ---- the host writes ------------------------------------------------------------------------ */

void smmu_note_write(struct smmu *s, gfn_t gfn)
{
	unsigned int i;
	u64 was;

	if (likely(!READ_ONCE(s->filter[hash(gfn, SMMU_FILTER)])) ||
	    READ_ONCE(s->shared))
		return;
	for (i = 0; i < SMMU_WROTE; i++) {
		was = cmpxchg(&s->wrote[i], 0, gfn + 1);
		if (!was || was == gfn + 1)
			return;
	}
	WRITE_ONCE(s->wrote_more, true);
}

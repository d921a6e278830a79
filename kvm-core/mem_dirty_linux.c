// SPDX-License-Identifier: GPL-2.0
/*
 * The dirty log: which pages of a slot were written since it was last read
 * (KVM_GET_DIRTY_LOG, KVM_CLEAR_DIRTY_LOG, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2).
 *
 * A page whose bit is clear has no CPU write permission; the write that faults
 * sets the bit. Bits are harvested and permission is taken under mmu_lock, and
 * the flush is complete before user space sees the log, so a later write makes
 * the page dirty again. A card writes without faulting: what is pinned for its
 * writes always counts as dirty (DESIGN rule 8).
 */
#include <linux/bitmap.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "kvm-core/mem_int.h"

static unsigned long bitmap_longs(const struct slot *s)
{
	return BITS_TO_LONGS(s->npages);
}

static size_t bitmap_bytes(const struct slot *s)
{
	return bitmap_longs(s) * sizeof(long);
}

unsigned long *mem_dirty_alloc(const struct slot *slot, bool all)
{
	unsigned long *map = kvzalloc(bitmap_bytes(slot), GFP_KERNEL_ACCOUNT);

	if (map && all)
		bitmap_set(map, 0, slot->npages);
	return map;
}

static bool initially_set(struct vm *vm)
{
	return vm->mem.dirty_mode & KVM_DIRTY_LOG_INITIALLY_SET;
}

/* With every bit set at first, permission goes when the bits are cleared. */
void mem_dirty_start(struct vm *vm, const struct slot *slot)
{
	gpa_t start = slot_start(slot);
	gpa_t end = start + (slot->npages << PAGE_SHIFT);
	int bits;

	if (initially_set(vm))
		return;
	spin_lock(&vm->mem.mmu_lock);
	bits = gpm_write_protect(&vm->mem.gpm, start, end);
	mem_flush(vm, start, end, bits);
	spin_unlock(&vm->mem.mmu_lock);
}

int vm_mem_manual_protect(struct vm *vm, u64 flags)
{
	u64 known = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
		    KVM_DIRTY_LOG_INITIALLY_SET;

	if (flags & ~known)
		return -EINVAL;
	if (flags == KVM_DIRTY_LOG_INITIALLY_SET)
		return -EINVAL;
	mutex_lock(&vm->mem.slots_lock);
	vm->mem.dirty_mode = flags;
	mutex_unlock(&vm->mem.slots_lock);
	return 0;
}

/* Under slots_lock, to begin with page @first. -EINVAL: no such id, or @first is not
 * a group's; -ENOENT: not logged; -ENXIO: the log is in the rings.
 */
static const struct slot *logged_slot(struct vm *vm, u32 id, u64 first)
{
	const struct slot *s = slots_by_id(mem_slots_locked(vm), id);

	if ((vm->outer ?: vm)->ring_entries)
		return ERR_PTR(-ENXIO);
	if (id >= SLOTS_MAX || (first & 63))
		return ERR_PTR(-EINVAL);
	return s && s->dirty ? s : ERR_PTR(-ENOENT);
}

/*
 * Take the bits that @map holds out of the log of the 64-page groups from
 * @first; @map gets those that were set. Their pages lose write permission.
 */
static void harvest(struct vm *vm, const struct slot *s, unsigned long *map,
		    unsigned long first, unsigned long longs)
{
	struct vm_mem *m = &vm->mem;
	gpa_t base = slot_start(s), low = ~0ULL, start, end = base;
	unsigned long i, word;
	int bits = 0;

	spin_lock(&m->mmu_lock);
	for (i = 0; i < longs; i++) {
		word = map[i];
		if (!word)
			continue;
		word &= env_atomic_and(&s->dirty[first + i], ~word);
		map[i] = word;
		if (!word)
			continue;
		/* Neighbours lose it too: at worst they are logged once more. */
		start = base + (first + i) * BITS_PER_LONG * PAGE_SIZE;
		end = start + (__fls(word) + 1) * PAGE_SIZE;
		start += __ffs(word) * PAGE_SIZE;
		mem_whole_leaves(vm, &start, &end);
		low = min(low, start);
		bits |= gpm_write_protect(&m->gpm, start, end);
	}
	mem_flush(vm, low, end, bits);
	spin_unlock(&m->mmu_lock);
}

/* User space did not get them: the pages are dirty still. */
static void put_back(const struct slot *s, const unsigned long *map)
{
	unsigned long i;

	for (i = 0; i < bitmap_longs(s); i++)
		env_atomic_or(&s->dirty[i], map[i]);
}

static int read_log(struct vm *vm, const struct slot *s, void __user *user)
{
	bool manual = vm->mem.dirty_mode & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;
	size_t bytes = bitmap_bytes(s);
	unsigned long *map = kvmalloc(bytes, GFP_KERNEL_ACCOUNT);
	int err;

	if (!map)
		return -ENOMEM;
	if (manual) {
		memcpy(map, s->dirty, bytes);
	} else {
		memset(map, 0xff, bytes);
		harvest(vm, s, map, 0, bitmap_longs(s));
	}
	if (s->pin->writable)
		bitmap_set(map, 0, s->npages);
	err = copy_to_user(user, map, bytes) ? -EFAULT : 0;
	if (err && !manual)
		put_back(s, map);
	kvfree(map);
	return err;
}

int vm_mem_get_dirty_log(struct vm *vm, struct kvm_dirty_log *log)
{
	const struct slot *s;
	int err;

	mutex_lock(&vm->mem.slots_lock);
	s = logged_slot(vm, log->slot, 0);
	err = IS_ERR(s) ? PTR_ERR(s) : read_log(vm, s, log->dirty_bitmap);
	mutex_unlock(&vm->mem.slots_lock);
	return err;
}

/* Groups of 64 pages, from the start of one; the last of the slot may be short. */
static bool clear_valid(const struct slot *s, const struct kvm_clear_dirty_log *log)
{
	u64 first = log->first_page, n = log->num_pages;

	return first <= s->npages && n <= s->npages - first &&
	       (!(n & 63) || n == s->npages - first);
}

static int clear_log(struct vm *vm, const struct slot *s,
		     const struct kvm_clear_dirty_log *log)
{
	unsigned long longs = BITS_TO_LONGS(log->num_pages);
	unsigned long *map;
	int err = 0;

	if (!clear_valid(s, log))
		return -EINVAL;
	map = kvmalloc_array(longs, sizeof(long), GFP_KERNEL_ACCOUNT);
	if (!map)
		return -ENOMEM;
	if (copy_from_user(map, log->dirty_bitmap, longs * sizeof(long)))
		err = -EFAULT;
	else
		harvest(vm, s, map, log->first_page / BITS_PER_LONG, longs);
	kvfree(map);
	return err;
}

int vm_mem_clear_dirty_log(struct vm *vm, struct kvm_clear_dirty_log *log)
{
	const struct slot *s;
	int err;

	mutex_lock(&vm->mem.slots_lock);
	s = logged_slot(vm, log->slot, log->first_page);
	err = IS_ERR(s) ? PTR_ERR(s) : clear_log(vm, s, log);
	mutex_unlock(&vm->mem.slots_lock);
	return err;
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The window between the two worlds.
 *
 * A pure file (every .c whose name does not end in _linux.c) is compiled into
 * the kernel modules, into the unit tests under ASan and UBSan, into fuzzers
 * and into CBMC, from one source. All it may know of its surroundings is
 * here: integers, errno, bit helpers, ordered access to shared words, and
 * memcpy. Memory, time, MMIO and locks come in as arguments.
 */
#ifndef BACKPLANE_ENV_H
#define BACKPLANE_ENV_H

#ifdef __KERNEL__

#include <linux/types.h>
#include <linux/errno.h>
#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/bitfield.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/string.h>
#include <linux/stddef.h>
#include <linux/limits.h>

#define env_read_barrier()	rmb()	/* two words of a device, in order */
#define env_load_acquire(p)	smp_load_acquire(p)	/* pairs with: */
#define env_store_release(p, v)	smp_store_release(p, v)	/* pairs with the above */
#define env_write_barrier()	wmb()	/* the same of stores */
/*
 * @i, known to be below @n; below it, too, where the CPU guesses that it is (Spectre
 * v1). For indices that a guest chooses and whose element decides what is read next.
 */
#define env_index_nospec(i, n)	array_index_nospec(i, n)

#else /* user space: tests, fuzzers, proofs */

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <linux/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define GENMASK(h, l)		((~0UL >> (63 - (h))) & (~0UL << (l)))
#define GENMASK_ULL(h, l)	((~0ULL >> (63 - (h))) & (~0ULL << (l)))
#define FIELD_SHIFT(mask)	(__builtin_ffsll((long long)(mask)) - 1)
#define FIELD_GET(mask, word) \
	((__typeof__(mask))(((word) & (mask)) >> FIELD_SHIFT(mask)))
#define FIELD_PREP(mask, value) \
	(((__typeof__(mask))(value) << FIELD_SHIFT(mask)) & (mask))

#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))
#define cmpxchg(p, old, new)	__sync_val_compare_and_swap(p, old, new)
#define xchg(p, new)		__atomic_exchange_n(p, new, __ATOMIC_SEQ_CST)

#define static_assert		_Static_assert
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#define env_read_barrier()	__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define env_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define env_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define env_write_barrier()	__atomic_thread_fence(__ATOMIC_RELEASE)
#define env_index_nospec(i, n)	((void)(n), (i))
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define fallthrough		__attribute__((__fallthrough__))
#define __packed		__attribute__((__packed__))
#define __aligned(n)		__attribute__((__aligned__(n)))
#define U8_MAX			((u8)~0U)
#define U16_MAX			((u16)~0U)
#define U32_MAX			((u32)~0U)
#define U64_MAX			((u64)~0ULL)

#endif /* __KERNEL__ */

/* Atomic read-modify-write on words that other CPUs, or hardware, also write. */
#define env_atomic_or(p, v)	__atomic_fetch_or(p, v, __ATOMIC_SEQ_CST)
#define env_atomic_and(p, v)	__atomic_fetch_and(p, v, __ATOMIC_SEQ_CST)

#endif

/*
 * base.h -- the words every file is written in: attributes, sizes, checks.
 *
 * Above   every file of the allocator
 * Lock    none
 * Always  freestanding: no libc call beyond mem*, write and abort
 */
#ifndef TRI_BASE_BASE_H
#define TRI_BASE_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* LIKELY and UNLIKELY belong to the two fast paths and to nothing else. */
#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define NOINLINE      __attribute__((noinline))
#define COLD          __attribute__((cold, noinline))
#define UNUSED        __attribute__((unused))
#define EXPORT        __attribute__((visibility("default")))

/*
 * Keeps a value from here on in the register in which a function returns it,
 * where the compiler would spend a move on that at the end.
 */
#if defined(__x86_64__)
#define KEEP_IN_RESULT(value) __asm__("" : "+a"(value))
#else
#define KEEP_IN_RESULT(value) ((void)(value))
#endif

/*
 * On declarations of what the fast paths read: without it the compiler must
 * assume another library's and loads the address first.
 */
#define HIDDEN __attribute__((visibility("hidden")))

/* Static thread-local storage: a few words that dlopen can still place. */
#define TLS_INITIAL_EXEC __attribute__((tls_model("initial-exec")))

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

/*
 * Our page: the unit of the page map, of page runs and, where the kernel's
 * pages are not larger, of purging (os/os.h, os_page_bytes).
 */
#define PAGE_SHIFT 12
#define PAGE_BYTES ((size_t)1 << PAGE_SHIFT)

/* What alignof(max_align_t) asks for, and HotSpot. */
#define QUANTUM_BYTES ((size_t)16)

/* Every object size is a ptrdiff_t: C11 7.22.3, and what glibc refuses. */
#define REQUEST_MAX ((size_t)PTRDIFF_MAX)

ALWAYS_INLINE size_t
align_up(size_t n, size_t alignment)
{
	return (n + alignment - 1) & ~(alignment - 1);
}

ALWAYS_INLINE size_t
align_down(size_t n, size_t alignment)
{
	return n & ~(alignment - 1);
}

ALWAYS_INLINE bool
is_power_of_two(size_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

ALWAYS_INLINE size_t
min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

ALWAYS_INLINE size_t
max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

/*
 * The monotonic clock cannot be set, and stands still in a machine that sleeps.
 * But a process that is restored from a checkpoint may find itself on another
 * machine's, hours before or after what it noted: no time is taken off another
 * but by these.
 *
 * Nanoseconds from `then` to `now`; 0 where the clock went back meanwhile.
 */
ALWAYS_INLINE uint64_t
ns_since(uint64_t then, uint64_t now)
{
	return now > then ? now - then : 0;
}

/*
 * Is it time? `due` was set at most `most` ahead: where it is further away the
 * clock went back, and nobody is to wait for it to come round again.
 */
ALWAYS_INLINE bool
ns_is_due(uint64_t due, uint64_t now, uint64_t most)
{
	return due <= now || due - now > most;
}

/*
 * Each bit of the result hangs on each of x: the last step of splitmix64
 * (G. Steele et al., "Fast Splittable Pseudorandom Number Generators", 2014).
 */
ALWAYS_INLINE uint64_t
mix_bits(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Position of the highest set bit; n is not 0. */
ALWAYS_INLINE unsigned
log2_floor(size_t n)
{
	return (unsigned)(63 - __builtin_clzll((unsigned long long)n));
}

#endif

/*
 * memory.h -- patterns in blocks, and how much memory the process has.
 *
 * Above   the programs of tests/process, tests/misuse and tests/cxx
 * Lock    none
 * Always  allocates nothing itself
 */
#ifndef TESTS_PROCESS_MEMORY_H
#define TESTS_PROCESS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

#define ALIGNMENT 16

/* Writes a pattern that depends on the key and on each byte's place; a shorter
 * one is the beginning of a longer one. */
void pattern_fill(void *block, size_t bytes, uint64_t key);

/* The place of the first 8 bytes that do not hold it; `bytes` where all do. */
size_t pattern_check(const void *block, size_t bytes, uint64_t key);

/* The place of the first byte that is not 0; `bytes` where all are. */
size_t zero_check(const void *block, size_t bytes);

static inline bool
is_aligned(const void *p, size_t alignment)
{
	return (uintptr_t)p % alignment == 0;
}

/* The process's anonymous resident memory, which is what a container counts. */
size_t resident_bytes(void);

/* Private writable memory, touched or not: what RLIMIT_DATA counts. */
size_t data_bytes(void);

/* Waits until resident_bytes() is at most `bytes`; false after timeout_ms. */
bool resident_falls_to(size_t bytes, unsigned timeout_ms);

/* Page faults so far without disk access. */
long minor_faults(void);

/*
 * The k-th of a row of sizes from 0 up: every size to 1,024, then the sizes
 * around each 1/16 of a power of two; SIZE_MAX after the last at or below
 * `max`.
 */
size_t size_at(size_t k, size_t max);

#define for_each_size(n, max)                                            \
	for (size_t n##_k = 0, n; (n = size_at(n##_k, max)) != SIZE_MAX; \
	     n##_k++)

/* A random number generator of its own: fast, and the same for a seed. */
struct random {
	uint64_t state;
};

uint64_t random_next(struct random *r);

/* 0 to n - 1; n is not 0. */
size_t random_below(struct random *r, size_t n);

/* 0 to max, each doubling as likely as any other. */
size_t random_size(struct random *r, size_t max);

#ifdef __cplusplus
}
#endif

#endif

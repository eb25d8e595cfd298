/*
 * weak.h -- jemalloc's functions as programs declare them that may or may not
 * run on it: weak, so that one which nobody brought is a null pointer.
 *
 * Above   rocksdb.cc, folly.cc, clickhouse.c
 *
 * The programs include no jemalloc.h: what they are made of must be the
 * interface, not a header of ours.
 */
#ifndef TRI_PROGRAMS_WEAK_H
#define TRI_PROGRAMS_WEAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define WEAK __attribute__((weak, nothrow))

#ifdef __cplusplus
extern "C" {
#endif

WEAK void *mallocx(size_t size, int flags);
WEAK void *rallocx(void *p, size_t size, int flags);
WEAK size_t xallocx(void *p, size_t size, size_t extra, int flags);
WEAK size_t sallocx(const void *p, int flags);
WEAK void dallocx(void *p, int flags);
WEAK void sdallocx(void *p, size_t size, int flags);
WEAK size_t nallocx(size_t size, int flags);
WEAK int mallctl(const char *name, void *oldp, size_t *oldlenp, void *newp,
		 size_t newlen);
WEAK int mallctlnametomib(const char *name, size_t *mib, size_t *miblen);
WEAK int mallctlbymib(const size_t *mib, size_t miblen, void *oldp,
		      size_t *oldlenp, void *newp, size_t newlen);
WEAK void malloc_stats_print(void (*write)(void *, const char *), void *opaque,
			     const char *options);
WEAK size_t malloc_usable_size(void *p);

#ifdef __cplusplus
}
#endif

/* Ends the program with a sentence where a promise does not hold. */
#define MUST(condition, sentence) \
	((condition) ? (void)0 : must_fail(__FILE__, __LINE__, sentence))

__attribute__((noreturn)) static inline void
must_fail(const char *file, int line, const char *sentence)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, sentence);
	exit(1);
}

#endif

/*
 * names.h -- the functions of the interface under their own names, for
 * sequences.c as it runs on the library that has taken malloc's place.
 *
 * Above   tests/fuzz/interface, in the place of trimalloc.h's tri_ names
 * Always  the functions that the host's malloc lacks are weak: the program is
 *         linked without the library, which comes by LD_PRELOAD
 */
#ifndef TESTS_FUZZ_NAMES_H
#define TESTS_FUZZ_NAMES_H

#define tri_malloc             malloc
#define tri_calloc             calloc
#define tri_realloc            realloc
#define tri_reallocarray       reallocarray
#define tri_free               free
#define tri_free_sized         free_sized
#define tri_free_aligned_sized free_aligned_sized
#define tri_aligned_alloc      aligned_alloc
#define tri_posix_memalign     posix_memalign
#define tri_memalign           memalign
#define tri_valloc             valloc
#define tri_pvalloc            pvalloc
#define tri_malloc_usable_size malloc_usable_size
#define tri_malloc_trim        malloc_trim
#define tri_mallocx            mallocx
#define tri_rallocx            rallocx
#define tri_xallocx            xallocx
#define tri_sallocx            sallocx
#define tri_dallocx            dallocx
#define tri_sdallocx           sdallocx
#define tri_nallocx            nallocx
#define tri_mallctl            mallctl

#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>

#define WEAK __attribute__((weak))

WEAK void free_sized(void *p, size_t n);
WEAK void free_aligned_sized(void *p, size_t alignment, size_t n);
WEAK void *mallocx(size_t n, int flags);
WEAK void *rallocx(void *p, size_t n, int flags);
WEAK size_t xallocx(void *p, size_t n, size_t extra, int flags);
WEAK size_t sallocx(const void *p, int flags);
WEAK void dallocx(void *p, int flags);
WEAK void sdallocx(void *p, size_t n, int flags);
WEAK size_t nallocx(size_t n, int flags);
WEAK int mallctl(const char *name, void *oldp, size_t *oldlenp, void *newp,
		 size_t newlen);

#endif

/*
 * jemalloc.h -- jemalloc's interface, as libtrimalloc.so has it.
 *
 * For programs that are made for jemalloc 5.3 and run on trimalloc: every
 * function, variable, type and constant of jemalloc(3). Compile them with
 * -I$(includedir)/trimalloc, link them with -ltrimalloc or with one of the
 * names in $(libdir)/trimalloc, libjemalloc.so.2 for one. What each name of
 * mallctl means here is told in trimalloc-mallctl(3).
 */
#ifndef TRIMALLOC_JEMALLOC_H
#define TRIMALLOC_JEMALLOC_H

#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The interface's version; what implements it says trimalloc in its name. */
#define JEMALLOC_VERSION           "5.3.0-0-gtrimalloc"
#define JEMALLOC_VERSION_MAJOR     5
#define JEMALLOC_VERSION_MINOR     3
#define JEMALLOC_VERSION_BUGFIX    0
#define JEMALLOC_VERSION_NREV      0
#define JEMALLOC_VERSION_GID       "trimalloc"
#define JEMALLOC_VERSION_GID_IDENT trimalloc

/* By this a program can tell that it was compiled for trimalloc. */
#define JEMALLOC_IS_TRIMALLOC 1

/* Functions of jemalloc's that bear no prefix, under their prefixed names. */
#define je_malloc             malloc
#define je_calloc             calloc
#define je_realloc            realloc
#define je_free               free
#define je_aligned_alloc      aligned_alloc
#define je_posix_memalign     posix_memalign
#define je_memalign           memalign
#define je_valloc             valloc
#define je_malloc_usable_size malloc_usable_size
#define je_mallocx            mallocx
#define je_rallocx            rallocx
#define je_xallocx            xallocx
#define je_sallocx            sallocx
#define je_dallocx            dallocx
#define je_sdallocx           sdallocx
#define je_nallocx            nallocx
#define je_mallctl            mallctl
#define je_mallctlnametomib   mallctlnametomib
#define je_mallctlbymib       mallctlbymib
#define je_malloc_stats_print malloc_stats_print
#define je_malloc_conf        malloc_conf
#define je_malloc_message     malloc_message

/* --- flags of the functions that end in x ----------------------------------- */

/* Alignment in bits 0 to 5, as its logarithm; zeroed memory in bit 6. */
#define MALLOCX_LG_ALIGN(la) ((int)(la))
#define MALLOCX_ALIGN(a)                       \
	((int)((size_t)(a) < (size_t)INT32_MAX \
		       ? ffs((int)(a)) - 1     \
		       : ffs((int)((size_t)(a) >> 32)) + 31))
#define MALLOCX_ZERO ((int)0x40)

/* A cache of tcache.create in bits 8 to 19, an arena's index above. */
#define MALLOCX_TCACHE(tc)  ((int)(((tc) + 2) << 8))
#define MALLOCX_TCACHE_NONE MALLOCX_TCACHE(-1)
#define MALLOCX_ARENA(a)    ((int)((unsigned)((a) + 1) << 20))

/* In place of an arena's index in names of mallctl, with STRINGIFY(). */
#define MALLCTL_ARENAS_ALL       4096
#define MALLCTL_ARENAS_DESTROYED 4097

/* --- variables --------------------------------------------------------------- */

/* "key:value,key:value", for the program to define; read at boot. */
extern const char *malloc_conf;

/* Where malloc_stats_print says what it was given no callback for. */
extern void (*malloc_message)(void *cbopaque, const char *s);

/* --- functions ---------------------------------------------------------------- */

/*
 * By any thread at any time, but not from a signal handler; errno stays as it
 * is. Without memory: NULL, and the old block stays. mallctl and its kin return
 * 0, EAGAIN, EFAULT, EINVAL, ENOENT or EPERM: trimalloc-mallctl(3). A pointer,
 * size or cache that is none ends the process with a sentence.
 */

void *mallocx(size_t size, int flags) __attribute__((malloc, alloc_size(1)));
void *rallocx(void *ptr, size_t size, int flags) __attribute__((alloc_size(2)));
size_t xallocx(void *ptr, size_t size, size_t extra, int flags);
size_t sallocx(const void *ptr, int flags);
void dallocx(void *ptr, int flags);
void sdallocx(void *ptr, size_t size, int flags);
size_t nallocx(size_t size, int flags);

int mallctl(const char *name, void *oldp, size_t *oldlenp, void *newp,
	    size_t newlen);
int mallctlnametomib(const char *name, size_t *mibp, size_t *miblenp);
int mallctlbymib(const size_t *mib, size_t miblen, void *oldp, size_t *oldlenp,
		 void *newp, size_t newlen);

void malloc_stats_print(void (*write_cb)(void *, const char *), void *cbopaque,
			const char *opts);

/* --- hooks of an arena that a program makes ------------------------------------ */

typedef struct extent_hooks_s extent_hooks_t;

/* Memory for an arena: at new_addr, or NULL for anywhere. */
typedef void *(extent_alloc_t)(extent_hooks_t *hooks, void *new_addr,
			       size_t size, size_t alignment, bool *zero,
			       bool *commit, unsigned arena_ind);

/* All others return false where they did what is asked. */
typedef bool(extent_dalloc_t)(extent_hooks_t *hooks, void *addr, size_t size,
			      bool committed, unsigned arena_ind);
typedef void(extent_destroy_t)(extent_hooks_t *hooks, void *addr, size_t size,
			       bool committed, unsigned arena_ind);
typedef bool(extent_commit_t)(extent_hooks_t *hooks, void *addr, size_t size,
			      size_t offset, size_t length, unsigned arena_ind);
typedef bool(extent_decommit_t)(extent_hooks_t *hooks, void *addr, size_t size,
				size_t offset, size_t length,
				unsigned arena_ind);
typedef bool(extent_purge_t)(extent_hooks_t *hooks, void *addr, size_t size,
			     size_t offset, size_t length, unsigned arena_ind);
typedef bool(extent_split_t)(extent_hooks_t *hooks, void *addr, size_t size,
			     size_t size_a, size_t size_b, bool committed,
			     unsigned arena_ind);
typedef bool(extent_merge_t)(extent_hooks_t *hooks, void *addr_a, size_t size_a,
			     void *addr_b, size_t size_b, bool committed,
			     unsigned arena_ind);

/* NULL stands for a call that is refused. */
struct extent_hooks_s {
	extent_alloc_t *alloc;
	extent_dalloc_t *dalloc;
	extent_destroy_t *destroy;
	extent_commit_t *commit;
	extent_decommit_t *decommit;
	extent_purge_t *purge_lazy;
	extent_purge_t *purge_forced;
	extent_split_t *split;
	extent_merge_t *merge;
};

#ifdef __cplusplus
}
#endif

#endif

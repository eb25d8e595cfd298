/*
 * trimalloc.h -- the allocator's public functions.
 *
 * Two libraries come from the same sources:
 *
 *	libtrimalloc.so	      takes malloc's place in a whole process
 *			      (LD_PRELOAD). Programs include <stdlib.h> as
 *			      ever; of the names below it exports tri_version
 *			      alone, by which a program can tell that it runs
 *			      on trimalloc.
 *	libtrimalloc_jni.so,  stand beside the process's malloc, for native
 *	libtrimalloc_jni.a    code that wants a heap of its own. All names
 *			      below; safe to dlopen (a few words of TLS).
 *
 * All functions may be called by any thread at any time, but not from a signal
 * handler. A block belongs to the caller from its allocation until tri_free
 * or tri_realloc; any thread may free it. A block of the one library must not
 * be given to the other one, nor to the process's own free.
 *
 * Each function behaves as its standard namesake, whose manual page applies;
 * the lines here say what the standard leaves open. Sizes are in bytes.
 */
#ifndef TRIMALLOC_H
#define TRIMALLOC_H

#include <malloc.h>
#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library, e.g. "0.1.0". Static storage. */
const char *tri_version(void);

/*
 * 16-byte aligned, at least n bytes; a distinct block for n == 0. NULL and
 * ENOMEM where memory is used up or n exceeds PTRDIFF_MAX. Contents undefined.
 */
void *tri_malloc(size_t n) __attribute__((malloc, alloc_size(1)));

/* Zeroed; pages that the kernel just gave are not zeroed a second time. */
void *tri_calloc(size_t count, size_t size)
	__attribute__((malloc, alloc_size(1, 2)));

/*
 * Grows or shrinks in place where it can; blocks above 2 MiB are moved by
 * their pages, not copied. realloc(p, 0) frees p and returns NULL, as glibc's.
 */
void *tri_realloc(void *p, size_t n) __attribute__((alloc_size(2)));
void *tri_reallocarray(void *p, size_t count, size_t size)
	__attribute__((alloc_size(2, 3)));

/* errno is preserved. What is not a live block aborts with a sentence. */
void tri_free(void *p);

/* As free, and aborts where the block cannot have been of that size. */
void tri_free_sized(void *p, size_t n);
void tri_free_aligned_sized(void *p, size_t alignment, size_t n);

/* EINVAL unless alignment is a power of two; n need not be a multiple. */
void *tri_aligned_alloc(size_t alignment, size_t n)
	__attribute__((malloc, alloc_align(1), alloc_size(2)));

/* Returns 0, EINVAL or ENOMEM; errno and (on failure) *out stay as they are. */
int tri_posix_memalign(void **out, size_t alignment, size_t n);

/*
 * Rounds alignment up to a power of two, as glibc's; EINVAL where there is none
 * in a size_t, else ENOMEM.
 */
void *tri_memalign(size_t alignment, size_t n)
	__attribute__((malloc, alloc_size(2)));

/*
 * Aligned to the kernel's page (4,096 bytes on x86-64); pvalloc rounds n up to a
 * multiple of that.
 */
void *tri_valloc(size_t n) __attribute__((malloc, alloc_size(1)));
void *tri_pvalloc(size_t n) __attribute__((malloc));

/*
 * Bytes that may be used, all of them (what was asked for, where the option
 * canary is on); 0 for NULL. What is not a live block aborts with a sentence.
 */
size_t tri_malloc_usable_size(void *p);

/*
 * jemalloc's functions with flags, whose manual page applies. Flags are a sum:
 * log2 of an alignment; TRI_MALLOCX_ZERO; a cache; an arena. errno is
 * preserved. nallocx says what mallocx would give (malloc_usable_size), 0 where
 * there can be no such block. rallocx may leave a block up to twice as large as
 * it is asked to make it. An arena that does not exist gives NULL, a cache that
 * does not exist aborts with a sentence.
 */
#define TRI_MALLOCX_LG_ALIGN(lg) ((int)(lg))
#define TRI_MALLOCX_ZERO         ((int)0x40)
#define TRI_MALLOCX_TCACHE(tc)   ((int)(((tc) + 2) << 8))
#define TRI_MALLOCX_TCACHE_NONE  ((int)(1 << 8))
#define TRI_MALLOCX_ARENA(a)     ((int)((unsigned)(a) + 1) << 20)

void *tri_mallocx(size_t n, int flags) __attribute__((malloc, alloc_size(1)));
void *tri_rallocx(void *p, size_t n, int flags) __attribute__((alloc_size(2)));
size_t tri_xallocx(void *p, size_t n, size_t extra, int flags);
size_t tri_sallocx(const void *p, int flags);
void tri_dallocx(void *p, int flags);
void tri_sdallocx(void *p, size_t n, int flags);
size_t tri_nallocx(size_t n, int flags);

/*
 * Gives back all free memory now: empties the caches of all threads and
 * purges every free page. `pad` is ignored. 1 where pages went back, else 0.
 * Takes 0.1 to 0.3 us per page and a few microseconds per active thread.
 */
int tri_malloc_trim(size_t pad);

/* The structs are glibc's. */
#if defined(__GLIBC__)
/*
 * arena: bytes in use or not yet given back; uordblks: bytes in the program's
 * hands, large blocks included (hblks and hblkhd are 0); ordblks, fordblks:
 * free blocks, and free bytes not given back; keepcost: what malloc_trim could
 * free at best.
 */
struct mallinfo2 tri_mallinfo2(void);
/* The same; what does not fit is INT_MAX. */
struct mallinfo tri_mallinfo(void);
/*
 * M_ARENA_MAX caps arenas for threads to come. 1 for what malloc.h names, 0 for
 * all else.
 */
int tri_mallopt(int param, int value);
#endif

/*
 * XML as glibc's, and an element <trimalloc>. 0; EINVAL where options is not 0; -1
 * where there is no memory or the stream fails. A cancellation point.
 */
int tri_malloc_info(int options, FILE *stream);

/* A report for people, to stderr; none where there is no memory for it. */
void tri_malloc_stats(void);

/*
 * Every figure and every switch by its name, as jemalloc(3) says, and under
 * trimalloc.* our own. 0, ENOENT, EPERM, EINVAL, EAGAIN or EFAULT.
 */
int tri_mallctl(const char *name, void *oldp, size_t *oldlenp, void *newp,
		size_t newlen);
int tri_mallctlnametomib(const char *name, size_t *mibp, size_t *miblenp);
int tri_mallctlbymib(const size_t *mib, size_t miblen, void *oldp,
		     size_t *oldlenp, void *newp, size_t newlen);

/*
 * The statistics in jemalloc's forms, piece by piece to write_cb; to
 * tri_malloc_message where that is NULL, and to stderr where both are. The
 * latter is to be set before other threads print.
 */
void tri_malloc_stats_print(void (*write_cb)(void *, const char *),
			    void *cbopaque, const char *opts);
extern void (*tri_malloc_message)(void *cbopaque, const char *s);

/*
 * Options as MALLOC_CONF has them: for the program to define. Read once, when the
 * library is loaded, before TRIMALLOC_CONF, which wins.
 */
extern const char *tri_malloc_conf;

#ifdef __cplusplus
}
#endif

#endif

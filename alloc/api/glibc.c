/*
 * glibc.c -- what <malloc.h> offers beside the allocation functions.
 *
 * HotSpot calls malloc_trim and looks up mallinfo2 and malloc_info by name, so
 * `jcmd PID System.trim_native_heap`, System.native_heap_info and VM.info act
 * on and show this allocator.
 */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <unistd.h>

#include "../base/options.h"
#include "../control/report.h"
#include "../control/trim.h"
#include "../heap/arena.h"
#include "api.h"

/* `pad` is what glibc keeps at the top of its heap; we keep nothing. */
EXPORT int
tri_malloc_trim(size_t pad UNUSED)
{
	int before = errno;
	size_t bytes;

	boot();
	bytes = trim_now();
	errno = before;
	return bytes > 0;
}
INTERPOSE(int, malloc_trim, (size_t))

/* --- mallinfo ----------------------------------------------------------------- */

/* The structs, and the numbers below, are glibc's; musl has none of this. */
#if defined(__GLIBC__)

EXPORT struct mallinfo2
tri_mallinfo2(void)
{
	struct mallinfo2 info = { 0 };
	struct stats s;
	int before = errno;

	boot();
	stats_take(&s);
	info.ordblks = s.cached_blocks + s.quarantined_blocks +
		       s.slab_free_blocks;
	/*
	 * Large blocks are not hblkhd: HotSpot adds that to uordblks, which
	 * has them already.
	 */
	info.uordblks = s.allocated;
	info.fordblks = s.cached + s.quarantined + s.shelved + s.slab_free +
			s.dirty;
	info.keepcost = s.cached + s.quarantined + s.shelved + s.dirty;
	/* Threads go on while sums are taken: no part is more than the whole. */
	info.arena = max_size(s.active - s.slab_away + s.dirty,
			      info.uordblks + info.fordblks);
	errno = before;
	return info;
}
INTERPOSE(struct mallinfo2, mallinfo2, (void))

/* The old form has ints: what does not fit is cut to the largest. */
static int
to_int(size_t n)
{
	return n > INT_MAX ? INT_MAX : (int)n;
}

EXPORT struct mallinfo
tri_mallinfo(void)
{
	struct mallinfo2 wide = tri_mallinfo2();
	struct mallinfo info = {
		.arena = to_int(wide.arena),
		.ordblks = to_int(wide.ordblks),
		.uordblks = to_int(wide.uordblks),
		.fordblks = to_int(wide.fordblks),
		.keepcost = to_int(wide.keepcost),
	};

	return info;
}
INTERPOSE(struct mallinfo, mallinfo, (void))

#endif

/* --- reports -------------------------------------------------------------------- */

EXPORT void
tri_malloc_stats(void)
{
	int before = errno;
	struct report r;

	boot();
	if (report_make(REPORT_TEXT, &r)) {
		report_write(&r, STDERR_FILENO);
		report_drop(&r);
	}
	errno = before;
}
INTERPOSE(void, malloc_stats, (void))

EXPORT int
tri_malloc_info(int options, FILE *stream)
{
	struct report r;
	bool ok;

	if (options != 0)
		return EINVAL;
	boot();
	if (!report_make(REPORT_XML, &r))
		return -1;
	ok = fwrite(r.buf, 1, r.len, stream) == r.len;
	report_drop(&r);
	return ok ? 0 : -1;
}
INTERPOSE(int, malloc_info, (int, FILE *))

/* --- mallopt ---------------------------------------------------------------------- */

#if defined(__GLIBC__)

/*
 * M_ARENA_MAX is honoured for threads to come. The others name mechanisms
 * that we do not have (a heap top, a threshold for mmap): accepted, for
 * programs check the result, and without effect.
 */
EXPORT int
tri_mallopt(int param, int value)
{
	boot();
	switch (param) {
	case M_ARENA_MAX:
		if (value > (int)ARENAS_MAX)
			value = (int)ARENAS_MAX;
		return value >= 0 && options_set("narenas", value);
	case M_TRIM_THRESHOLD:
	case M_TOP_PAD:
	case M_MMAP_THRESHOLD:
	case M_MMAP_MAX:
	case M_CHECK_ACTION:
	case M_PERTURB:
	case M_ARENA_TEST:
	case M_MXFAST:
		return 1;
	default:
		return 0;
	}
}
INTERPOSE(int, mallopt, (int, int))

#endif

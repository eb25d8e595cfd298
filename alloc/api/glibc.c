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
#include "../os/os.h"
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

EXPORT struct mallinfo2
tri_mallinfo2(void)
{
	struct mallinfo2 info = { 0 };
	struct stats s;
	int before = errno;

	boot();
	stats_take(&s);
	info.arena = s.active - s.slab_away + s.dirty;
	info.ordblks = s.cached_blocks + s.slab_free_blocks;
	/*
	 * Large blocks are not hblkhd: HotSpot adds that to uordblks, which
	 * has them already.
	 */
	info.uordblks = s.allocated;
	info.fordblks = s.cached + s.shelved + s.slab_free + s.dirty;
	info.keepcost = s.cached + s.shelved + s.dirty;
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

/* --- reports -------------------------------------------------------------------- */

typedef void report_fn(struct text *t, const struct stats *s);

/*
 * Makes a report in memory of the kernel's, and gives it to `emit`. False
 * where there is none.
 */
static bool
with_report(report_fn *report, bool (*emit)(struct text *, void *), void *arg)
{
	struct stats s;
	struct text t;
	char *buf;
	bool ok;

	boot();
	buf = os_map(REPORT_BYTES);
	if (buf == NULL)
		return false;
	stats_take(&s);
	stats_ask_kernel(&s);
	text_init(&t, buf, REPORT_BYTES);
	report(&t, &s);
	ok = emit(&t, arg);
	os_release(buf, REPORT_BYTES);
	return ok;
}

static bool
emit_to_fd(struct text *t, void *fd)
{
	text_write(t, *(int *)fd);
	return true;
}

static bool
emit_to_stream(struct text *t, void *stream)
{
	return fwrite(t->buf, 1, t->len, stream) == t->len;
}

EXPORT void
tri_malloc_stats(void)
{
	int before = errno, fd = STDERR_FILENO;

	with_report(report_text, emit_to_fd, &fd);
	errno = before;
}
INTERPOSE(void, malloc_stats, (void))

EXPORT int
tri_malloc_info(int options, FILE *stream)
{
	if (options != 0)
		return EINVAL;
	return with_report(report_xml, emit_to_stream, stream) ? 0 : -1;
}
INTERPOSE(int, malloc_info, (int, FILE *))

/* --- mallopt ---------------------------------------------------------------------- */

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

/*
 * bill.c -- the sums of a snapshot against what the kernel has.
 */
#include <sys/wait.h>

#include "base/options.h"
#include "cache/floor.h"
#include "control/report.h"
#include "control/stats.h"
#include "control/trim.h"
#include "faults.h"
#include "heap/large.h"

static struct stats s;

/* Whatever the system makes of huge pages, holes stay holes. */
static void
begin(void)
{
	assert_true(options_set("thp", THP_NEVER));
	thread_boot();
}

static void
take(void)
{
	stats_take(&s);
	stats_ask_kernel(&s);
	assert_true(s.has_residence);
}

static size_t
left_side(void)
{
	return s.allocated + s.cached + s.shelved + s.slab_free + s.dirty;
}

/* To the byte. */
static void
check_bill(void)
{
	take();
	assert_int_equal(s.unaccounted, 0);
	assert_int_equal(left_side() - s.untouched, s.residence.resident);
	assert_true(s.metadata_resident > 0);
}

#define NBLOCKS 4000

static char *blocks[NBLOCKS];
static unsigned classes[NBLOCKS];
static uint64_t luck;

static void
toggle(size_t i, unsigned nclasses)
{
	if (blocks[i] != NULL) {
		block_free(blocks[i], classes[i]);
		blocks[i] = NULL;
		return;
	}
	classes[i] = 1 + (unsigned)random_below(&luck, nclasses);
	blocks[i] = block_alloc(classes[i]);
	assert_non_null(blocks[i]);
	memset(blocks[i], 1, class_size(classes[i]));
}

static void
at_rest_the_bill_adds_up_to_the_byte(void)
{
	luck = random_seed();
	begin();
	for (unsigned step = 0; step < 40000; step++) {
		toggle(random_below(&luck, NBLOCKS),
		       step % 50 ? CLASS_SLAB_MAX : CLASS_LARGE_MAX);
		if (step % 4000 == 0)
			check_bill();
		if (step % 10000 == 5000)
			trim_now();
	}
	trim_now();
	check_bill();
	assert_true(s.slab_away > 0);
}

static void
fill_and_free(void *arg)
{
	(void)arg;
	for (unsigned cls = 1; cls <= CLASS_LARGE_MAX; cls++) {
		char *p[3];

		for (size_t i = 0; i < 3; i++) {
			p[i] = block_alloc(cls);
			memset(p[i], 1, class_size(cls));
		}
		for (size_t i = 0; i < 3; i++)
			block_free(p[i], cls);
	}
}

static void
caches_of_threads_at_rest_are_in_the_bill(void)
{
	struct helper h[4];

	begin();
	for (size_t i = 0; i < 4; i++) {
		helper_start(&h[i]);
		helper_do(&h[i], fill_and_free, NULL);
	}
	check_bill();
	assert_true(s.cached > 0);
	for (size_t i = 0; i < 4; i++)
		helper_end(&h[i]);
	check_bill();
	assert_int_equal(s.cached, 0);
}

static void
memory_that_nobody_wrote_to_is_untouched(void)
{
	const size_t npages = 2000;
	bool is_zero;
	char *p;

	begin();
	check_bill();
	assert_int_equal(s.untouched, 0);
	p = large_alloc(&arenas[0], npages, 1, CLASS_RUN, &is_zero);
	check_bill();
	assert_int_equal(s.untouched, npages * PAGE_BYTES);
	memset(p, 1, 700 * PAGE_BYTES);
	check_bill();
	assert_int_equal(s.untouched, (npages - 700) * PAGE_BYTES);
	large_free(p);
	check_bill();
	assert_int_equal(s.dirty, npages * PAGE_BYTES);
	assert_int_equal(s.untouched, (npages - 700) * PAGE_BYTES);
	trim_now();
	check_bill();
	assert_int_equal(s.untouched, 0);
	assert_int_equal(s.residence.resident, 0);
}

static void
a_page_that_is_resident_against_the_books_is_unaccounted(void)
{
	bool is_zero;
	char *p;

	begin();
	p = large_alloc(&arenas[0], 10, 1, CLASS_RUN, &is_zero);
	memset(p, 1, 10 * PAGE_BYTES);
	check_bill();
	/* Of the rest of its chunk, which nobody was given. */
	p[20 * PAGE_BYTES] = 1;
	p[21 * PAGE_BYTES] = 1;
	take();
	assert_int_equal(s.unaccounted, 2 * PAGE_BYTES);
	assert_int_equal(s.untouched, 0);
}

static void
a_page_that_was_only_read_is_the_kernels_and_counts_less(void)
{
	bool is_zero;
	volatile char *p;

	begin();
	p = large_alloc(&arenas[0], 10, 1, CLASS_RUN, &is_zero);
	assert_int_equal(p[3 * PAGE_BYTES], 0);
	take();
	assert_int_equal(s.untouched, 9 * PAGE_BYTES);
	assert_int_equal(s.unaccounted, -(int64_t)PAGE_BYTES);
}

/* --- while threads run --------------------------------------------------------------- */

#define NTHREADS 12

static _Atomic bool is_over;

struct load {
	uint64_t luck;
	pthread_t thread;
	char *blocks[300];
	unsigned classes[300];
};

static pthread_barrier_t warm;

static void *
churn(void *arg)
{
	struct load *l = arg;

	for (unsigned step = 0; !atomic_load(&is_over); step++) {
		size_t i = random_below(&l->luck, COUNT_OF(l->blocks));

		if (l->blocks[i] != NULL)
			block_free(l->blocks[i], l->classes[i]);
		l->classes[i] = 1 + (unsigned)random_below(&l->luck, 70);
		l->blocks[i] = block_alloc(l->classes[i]);
		if (l->blocks[i] == NULL)
			abort();
		memset(l->blocks[i], 1, class_size(l->classes[i]));
		if (step == 20000)
			pthread_barrier_wait(&warm);
	}
	return NULL;
}

static void
under_a_random_load_the_bill_is_off_by_what_moved_meanwhile(void)
{
	static struct load loads[NTHREADS];
	int64_t most = 0;
	unsigned nfar = 0;

	luck = random_seed();
	assert_true(options_set("decay_ms", -1));
	begin();
	pthread_barrier_init(&warm, NULL, NTHREADS + 1);
	for (size_t i = 0; i < NTHREADS; i++) {
		loads[i].luck = luck + i;
		pthread_create(&loads[i].thread, NULL, churn, &loads[i]);
	}
	/* The load's memory has grown by then. */
	pthread_barrier_wait(&warm);
	for (unsigned i = 0; i < 50; i++) {
		int64_t off;

		take();
		off = s.unaccounted < 0 ? -s.unaccounted : s.unaccounted;
		assert_true(s.allocated <= s.active && s.cached <= s.active);
		assert_true(s.untouched <= s.active + s.dirty);
		/*
		 * What threads take and touch between the looks at it: more
		 * where this one lost its CPU to them in the middle.
		 */
		nfar += off > (int64_t)(s.residence.resident / 8);
		if (off > most)
			most = off;
	}
	atomic_store(&is_over, true);
	for (size_t i = 0; i < NTHREADS; i++)
		pthread_join(loads[i].thread, NULL);
	/* The median is within an eighth. */
	assert_true(nfar < 25);
	fprintf(stderr, "# off by %lld KiB of %zu\n", (long long)most / 1024,
		s.residence.resident / KIB);
	check_bill();
}

/* --- the parts of the snapshot ----------------------------------------------------- */

static void
check_parts(const struct snapshot *snap)
{
	const struct stats *sum = &snap->sum;
	size_t allocated = 0, cached = 0, slab_free = 0, active = 0;
	size_t dirty = snap->pool_dirty, nlarge = 0;

	for (unsigned i = 0; i < snap->narenas; i++) {
		const struct arena_stats *a = &snap->arenas[i];

		assert_int_equal(a->index, i);
		assert_int_equal(a->active, a->allocated + a->cached +
						    a->shelved + a->slab_free +
						    a->slab_away);
		assert_int_equal(a->mapped, a->active + a->dirty + a->clean);
		allocated += a->allocated;
		cached += a->cached;
		slab_free += a->slab_free;
		active += a->active;
		dirty += a->dirty;
		nlarge += a->nlarge;
	}
	assert_int_equal(allocated, sum->allocated);
	assert_int_equal(cached, sum->cached);
	assert_int_equal(slab_free, sum->slab_free);
	assert_int_equal(active, sum->active);
	assert_int_equal(dirty, sum->dirty);
	assert_int_equal(nlarge, sum->nlarge);
}

static void
check_threads(const struct snapshot *snap)
{
	size_t cached = 0, nthreads = 0;

	for (size_t i = 0; i < snap->nthreads; i++) {
		assert_true(snap->threads[i].tid > 0);
		cached += snap->threads[i].cached;
	}
	assert_int_equal(cached, snap->sum.cached);
	for (unsigned i = 0; i < snap->narenas; i++)
		nthreads += snap->arenas[i].nthreads;
	assert_int_equal(nthreads, snap->nthreads);
	assert_int_equal(nthreads, snap->sum.nthreads);
}

/* The parts are those of the sums, and the sums those that mallinfo shows. */
static void
the_parts_of_a_snapshot_add_up_to_its_sums(void)
{
	struct helper h[5];
	struct snapshot *snap;

	luck = random_seed();
	assert_true(options_set("narenas", 3));
	begin();
	for (size_t i = 0; i < 5; i++) {
		helper_start(&h[i]);
		helper_do(&h[i], fill_and_free, NULL);
	}
	for (unsigned step = 0; step < 5000; step++)
		toggle(random_below(&luck, NBLOCKS), CLASS_LARGE_MAX);
	snap = snapshot_take();
	assert_non_null(snap);
	stats_take(&s);
	assert_int_equal(snap->narenas, 3);
	assert_int_equal(snap->nthreads, 6);
	check_parts(snap);
	check_threads(snap);
	assert_memory_equal(snap->sum.classes, s.classes, sizeof s.classes);
	assert_int_equal(snap->sum.allocated, s.allocated);
	snapshot_free(snap);
	for (size_t i = 0; i < 5; i++)
		helper_end(&h[i]);
}

/* What another arena's thread has in its cache is the owner's still. */
static void
a_cached_block_belongs_to_the_arena_it_came_from(void)
{
	unsigned cls = size_class(100);
	void *p[7];
	size_t n;
	struct snapshot *snap;

	assert_true(options_set("narenas", 2));
	begin();
	block_free(block_alloc(cls), cls);
	n = bin_fill(&arenas[1].bins[cls], &arenas[1].pages, cls, p, 1);
	assert_int_equal(n, 1);
	assert_ptr_equal(arena_choose(), &arenas[1]);
	block_free(p[0], cls);
	snap = snapshot_take();
	assert_non_null(snap);
	assert_int_equal(snap->narenas, 2);
	assert_int_equal(snap->arenas[1].classes[cls].ncached, 1);
	assert_int_equal(snap->arenas[1].classes[cls].nlive, 0);
	assert_int_equal(snap->arenas[1].allocated, 0);
	assert_int_equal(snap->arenas[0].allocated, 0);
	assert_int_equal(snap->sum.classes[cls].ncached,
			 1 + snap->arenas[0].classes[cls].ncached);
	snapshot_free(snap);
}

static void
live_large_blocks_are_told_by_powers_of_two(void)
{
	struct snapshot *snap;
	bool is_zero;
	void *p;

	begin();
	/* 20 KiB is up to 32 KiB, as 32 KiB is; 40 KiB up to 64 KiB. */
	block_alloc(size_class(20 * KIB));
	block_alloc(size_class(32 * KIB));
	block_alloc(size_class(40 * KIB));
	/* Freed: cached, not live. */
	block_free(block_alloc(size_class(100 * KIB)), size_class(100 * KIB));
	p = large_alloc(&arenas[0], 600, 1, CLASS_RUN, &is_zero);
	assert_non_null(p);
	snap = snapshot_take();
	assert_int_equal(snap->large[15].nblocks, 2);
	assert_int_equal(snap->large[15].bytes, 52 * KIB);
	assert_int_equal(snap->large[16].nblocks, 1);
	assert_int_equal(snap->large[16].bytes, 40 * KIB);
	assert_int_equal(snap->large[17].nblocks, 0);
	/* 600 pages are up to 4 MiB. */
	assert_int_equal(snap->large[22].nblocks, 1);
	assert_int_equal(snap->large[22].bytes, 600 * PAGE_BYTES);
	snapshot_free(snap);
	assert_true(large_resize(p, 500, CLASS_RUN));
	snap = snapshot_take();
	assert_int_equal(snap->large[22].nblocks, 0);
	assert_int_equal(snap->large[21].bytes, 500 * PAGE_BYTES);
	snapshot_free(snap);
}

static void
bins_count_the_blocks_that_come_and_go(void)
{
	unsigned cls = size_class(200);
	const struct class_stats *c = &s.classes[cls];
	static void *p[500];

	begin();
	for (size_t i = 0; i < COUNT_OF(p); i++)
		p[i] = block_alloc(cls);
	stats_take(&s);
	assert_int_equal(c->nfilled, c->nlive + c->ncached);
	assert_int_equal(c->nflushed, 0);
	for (size_t i = 0; i < COUNT_OF(p); i++)
		block_free(p[i], cls);
	trim_now();
	stats_take(&s);
	assert_int_equal(c->nflushed, c->nfilled);
	assert_true(c->nfills > 1 && c->nfills < c->nfilled);
}

static void
a_thread_that_a_tick_found_quiet_is_idle_since_then(void)
{
	struct snapshot *snap;
	struct helper h;

	begin();
	helper_start(&h);
	helper_do(&h, fill_and_free, NULL);
	snap = snapshot_take();
	assert_int_equal(snap->nthreads, 1);
	assert_false(snap->threads[0].is_parked);
	assert_int_equal(snap->threads[0].idle_ms, 0);
	assert_true(snap->threads[0].nfills > 0);
	snapshot_free(snap);
	reclaim_now();
	/* Until the clock shows it. */
	do {
		snap = snapshot_take();
		assert_true(snap->threads[0].is_parked);
		assert_int_equal(snap->threads[0].cached, 0);
		assert_int_equal(snap->threads[0].ndrains, 1);
		if (snap->threads[0].idle_ms == 0) {
			snapshot_free(snap);
			snap = NULL;
		}
	} while (snap == NULL);
	snapshot_free(snap);
	helper_do(&h, fill_and_free, NULL);
	snap = snapshot_take();
	assert_false(snap->threads[0].is_parked);
	assert_int_equal(snap->threads[0].idle_ms, 0);
	snapshot_free(snap);
	helper_end(&h);
}

/* --- threads ---------------------------------------------------------------------------- */

#define MANY 1500

static pthread_barrier_t met;

static void *
cache_and_wait(void *arg)
{
	block_free(block_alloc(size_class(100)), size_class(100));
	/* All have a cache; it was looked at. */
	pthread_barrier_wait(&met);
	pthread_barrier_wait(&met);
	return arg;
}

static bool
has_thread(const struct snapshot *snap, int tid)
{
	for (size_t i = 0; i < snap->nthreads; i++) {
		if (snap->threads[i].tid == tid)
			return true;
	}
	return false;
}

/* The JSON of so many needs more room than reports begin with. */
static void
thousands_of_threads_are_all_told(void)
{
	static pthread_t t[MANY];
	pthread_attr_t attr;
	struct snapshot *snap;
	struct report r;

	begin();
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * KIB);
	pthread_barrier_init(&met, NULL, MANY + 1);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(
			pthread_create(&t[i], &attr, cache_and_wait, NULL), 0);
	pthread_barrier_wait(&met);
	snap = snapshot_take();
	assert_non_null(snap);
	assert_int_equal(snap->nthreads, MANY);
	check_threads(snap);
	/* Each once. */
	for (size_t i = 0; i < MANY; i++) {
		int tid = snap->threads[i].tid;

		snap->threads[i].tid = 0;
		assert_false(has_thread(snap, tid));
	}
	snapshot_free(snap);
	assert_true(report_make(REPORT_JSON, &r));
	assert_true(r.len > 128 * KIB);
	assert_memory_equal(r.buf + r.len - 4, "}]}\n", 4);
	report_drop(&r);
	pthread_barrier_wait(&met);
	for (size_t i = 0; i < MANY; i++)
		pthread_join(t[i], NULL);
	snap = snapshot_take();
	assert_int_equal(snap->nthreads, 0);
	snapshot_free(snap);
}

static void
the_child_of_a_fork_knows_its_thread_by_its_new_number(void)
{
	struct snapshot *snap;
	pid_t pid;
	int status;

	begin();
	block_free(block_alloc(size_class(100)), size_class(100));
	snap = snapshot_take();
	assert_true(has_thread(snap, os_thread_id()));
	snapshot_free(snap);
	thread_hold_all();
	pid = fork();
	if (pid != 0) {
		thread_release_all();
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		return;
	}
	thread_child_release();
	snap = snapshot_take();
	_exit(snap == NULL || snap->nthreads != 1 ||
	      !has_thread(snap, os_thread_id()) || snap->pid != getpid());
}

static void
without_memory_there_is_no_snapshot_and_nothing_is_lost(void)
{
	struct snapshot *snap;

	begin();
	fill_and_free(NULL);
	fault_once(OS_CALL_MAP, 1);
	assert_null(snapshot_take());
	faults_none();
	snap = snapshot_take();
	assert_non_null(snap);
	check_parts(snap);
	snapshot_free(snap);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(at_rest_the_bill_adds_up_to_the_byte),
		alone(caches_of_threads_at_rest_are_in_the_bill),
		alone(memory_that_nobody_wrote_to_is_untouched),
		alone(a_page_that_is_resident_against_the_books_is_unaccounted),
		alone(a_page_that_was_only_read_is_the_kernels_and_counts_less),
		alone(under_a_random_load_the_bill_is_off_by_what_moved_meanwhile),
		alone(the_parts_of_a_snapshot_add_up_to_its_sums),
		alone(a_cached_block_belongs_to_the_arena_it_came_from),
		alone(live_large_blocks_are_told_by_powers_of_two),
		alone(bins_count_the_blocks_that_come_and_go),
		alone(a_thread_that_a_tick_found_quiet_is_idle_since_then),
		alone(thousands_of_threads_are_all_told),
		alone(the_child_of_a_fork_knows_its_thread_by_its_new_number),
		alone(without_memory_there_is_no_snapshot_and_nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

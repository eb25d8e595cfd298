/*
 * pages.c -- page runs and slabs of two arenas in the hands of several
 * threads, which free each other's, while one thread purges all the time.
 *
 * Each page of a run is signed, so that a run that is handed out twice, purged
 * in use, or wrongly called zero is seen.
 */
#include <pthread.h>

#include "heap/large.h"
#include "unit.h"

#define NTHREADS 4
#define NSHARED  64
#define NARENAS  2
#define RUN_US   1200000

struct item {
	uint64_t tag;
	size_t bytes;
	unsigned cls;
};

static _Atomic bool is_over;
static _Atomic(void *) shared[NSHARED];
static _Atomic size_t npurged, nzero;
static uint64_t seed;

/* The first bytes of each page say whose it is; the first page says more. */
static void
sign(struct item *it, size_t bytes, unsigned cls)
{
	it->tag = (uintptr_t)it ^ bytes;
	it->bytes = bytes;
	it->cls = cls;
	for (size_t at = PAGE_BYTES; at < bytes; at += PAGE_BYTES)
		*(uint64_t *)(void *)((char *)it + at) = it->tag + at;
}

static void
check(const struct item *it)
{
	must(it->tag == ((uintptr_t)it ^ it->bytes));
	for (size_t at = PAGE_BYTES; at < it->bytes; at += PAGE_BYTES)
		must(*(const uint64_t *)(const void *)((const char *)it + at) ==
		     it->tag + at);
}

static void *
take_run(struct arena *a, uint64_t *luck)
{
	size_t npages = 1 + random_below(luck, random_below(luck, 600) + 1);
	unsigned cls = CLASS_RUN;
	bool is_zero;
	void *p;

	/* Some of a class, which go over the arena's shelves. */
	if (random_below(luck, 2)) {
		cls = CLASS_SLAB_MAX + 1 + (unsigned)random_below(luck, 20);
		npages = class_size(cls) >> PAGE_SHIFT;
	}
	p = large_alloc(a, npages, 1, cls, &is_zero);

	must(p != NULL);
	if (is_zero) {
		must(is_all(p, 0, min_size(npages, 8) << PAGE_SHIFT));
		atomic_fetch_add_explicit(&nzero, 1, memory_order_relaxed);
	}
	sign(p, npages << PAGE_SHIFT, cls);
	return p;
}

static void *
take_slot(struct arena *a, uint64_t *luck)
{
	unsigned cls = 2 + (unsigned)random_below(luck, CLASS_SLAB_MAX - 1);
	void *p;

	must(bin_fill(&a->bins[cls], &a->pages, cls, &p, 1) == 1);
	sign(p, class_size(cls), cls);
	return p;
}

static void
give(struct item *it)
{
	void *p = it;

	check(it);
	it->tag = 0;
	if (!class_is_slab(it->cls))
		large_free(p);
	else
		bin_flush(&p, 1);
}

static void
resize(struct item *it, uint64_t *luck)
{
	size_t npages = 1 + random_below(luck, 2 * (it->bytes >> PAGE_SHIFT));

	check(it);
	if (it->cls == CLASS_RUN && large_resize(it, npages, CLASS_RUN))
		sign(it, npages << PAGE_SHIFT, CLASS_RUN);
}

static void *
worker(void *arg)
{
	uint64_t luck = seed + (uintptr_t)arg * 104729;
	struct arena *a = &arenas[(uintptr_t)arg % NARENAS];

	while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
		_Atomic(void *) *place = &shared[random_below(&luck, NSHARED)];
		void *p = NULL;

		if (random_below(&luck, 2))
			p = random_below(&luck, 3) ? take_slot(a, &luck)
						   : take_run(a, &luck);
		/* Acquire, release: the signature travels with the block. */
		p = atomic_exchange_explicit(place, p, memory_order_acq_rel);
		if (p == NULL)
			continue;
		if (random_below(&luck, 4) == 0)
			resize(p, &luck);
		give(p);
	}
	return NULL;
}

static void
purge_slabs(struct arena *a, bool only_some)
{
	static struct purge_stats stats;

	for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
		bin_trim(&a->bins[cls], only_some);
		bin_purge(&a->bins[cls], only_some, &stats);
	}
}

static void *
purger(void *arg)
{
	uint64_t luck = seed + 7;
	size_t n = 0;

	(void)arg;
	while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
		bool only_stale = random_below(&luck, 3) != 0;

		for (size_t i = 0; i < NARENAS; i++)
			n += pageheap_purge(&arenas[i].pages, only_stale,
					    SIZE_MAX);
		large_trim(&arenas[n % NARENAS], only_stale);
		n += pagepool_purge(only_stale, SIZE_MAX);
		purge_slabs(&arenas[n % NARENAS], only_stale);
	}
	atomic_store(&npurged, n);
	return NULL;
}

static void
runs_and_slots_stay_whole_while_pages_are_purged(void **state)
{
	pthread_t threads[NTHREADS + 1];

	(void)state;
	seed = random_seed();
	for (uintptr_t i = 0; i <= NTHREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						i < NTHREADS ? worker : purger,
						(void *)i),
				 0);
	usleep(RUN_US);
	atomic_store(&is_over, true);
	for (size_t i = 0; i <= NTHREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	print_message("# %zu pages purged, %zu runs were zero\n",
		      atomic_load(&npurged), atomic_load(&nzero));
	assert_true(atomic_load(&npurged) > 0);
	assert_true(atomic_load(&nzero) > 0);
}

static void
in_the_end_every_page_is_free_and_none_is_dirty(void **state)
{
	struct pagepool_stats pool;

	(void)state;
	for (size_t i = 0; i < NSHARED; i++) {
		if (shared[i] != NULL)
			give(shared[i]);
	}
	for (size_t i = 0; i < NARENAS; i++) {
		for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
			bin_trim(&arenas[i].bins[cls], false);
			assert_int_equal(arenas[i].bins[cls].nused, 0);
			assert_int_equal(arenas[i].bins[cls].nslabs, 0);
		}
		large_trim(&arenas[i], false);
		assert_int_equal(arenas[i].pages.nused, 0);
		assert_int_equal(arenas[i].pages.nchunks, 0);
		assert_int_equal(large_count(&arenas[i]).npages, 0);
	}
	pagepool_purge(false, SIZE_MAX);
	pagepool_stats(&pool);
	assert_int_equal(pool.npooled, pool.nchunks);
	assert_int_equal(pool.ndirty_pages, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			runs_and_slots_stay_whole_while_pages_are_purged),
		cmocka_unit_test(
			in_the_end_every_page_is_free_and_none_is_dirty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

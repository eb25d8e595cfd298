/*
 * slabs.c -- slots of two arenas in the hands of several threads, which fill
 * and flush in batches and free each other's, while one thread gives the pages
 * of every slab back as soon as they are free, and retires what is empty.
 *
 * Each block is full of its own address, so that a page that is purged in use,
 * a slot that is handed out twice, or a slab that is retired under somebody is
 * seen. One thread works by single blocks: it finds slabs in every state.
 */
#include <pthread.h>

#include "heap/arena.h"
#include "unit.h"

#define NTHREADS 4u
#define NARENAS  2u
#define BATCH    200u
#define NLIVE    600u
#define NSHARED  64u
#define RUN_US   1500000

static const size_t sizes[] = { 16,   48,   112,  400,  1024,
				1360, 2304, 4096, 6144, 14336 };

#define NSIZES COUNT_OF(sizes)

struct holder {
	uint64_t luck;
	struct arena *arena;
	size_t at_once;
	uint64_t *live[NSIZES][NLIVE];
	size_t nlive[NSIZES];
};

static struct holder holders[NTHREADS];
static _Atomic bool is_over;
/* Blocks on their way to another thread, of one size in each place. */
static _Atomic(uint64_t *) shared[NSIZES][NSHARED];
static struct purge_stats stats;
static _Atomic size_t npurges;

/* Word k of a block holds its address and k. */
static void
sign(uint64_t *p, size_t bytes)
{
	for (size_t k = 0; k < bytes / 8; k++)
		p[k] = (uintptr_t)p + k;
}

static void
check_and_clear(uint64_t *p, size_t bytes)
{
	for (size_t k = 0; k < bytes / 8; k++) {
		must(p[k] == (uintptr_t)p + k);
		p[k] = 0xdead;
	}
}

/* --- threads that use slots ------------------------------------------------------ */

static void
fill(struct holder *h, size_t i)
{
	size_t n = 1 + random_below(&h->luck, h->at_once), got;
	unsigned cls = size_class(sizes[i]);
	uint64_t **out = h->live[i] + h->nlive[i];

	if (h->nlive[i] + n > NLIVE)
		return;
	got = bin_fill(&h->arena->bins[cls], &h->arena->pages, cls,
		       (void **)(void *)out, n);
	must(got >= 1 && got <= n);
	for (size_t k = 0; k < got; k++)
		sign(out[k], sizes[i]);
	h->nlive[i] += got;
}

/* Neighbours, so that whole pages run free. */
static void
flush(struct holder *h, size_t i)
{
	void *out[BATCH];
	size_t n = min_size(1 + random_below(&h->luck, h->at_once),
			    h->nlive[i]);
	size_t at = random_below(&h->luck, h->nlive[i] - n + 1);

	for (size_t k = 0; k < n; k++) {
		out[k] = h->live[i][at + k];
		check_and_clear(out[k], sizes[i]);
	}
	memmove(&h->live[i][at], &h->live[i][at + n],
		(h->nlive[i] - at - n) * sizeof h->live[i][0]);
	h->nlive[i] -= n;
	bin_flush(out, n);
}

/* One of ours for one of another thread's, or for none. */
static void
trade(struct holder *h, size_t i)
{
	_Atomic(uint64_t *) *place =
		&shared[i][random_below(&h->luck, NSHARED)];
	uint64_t *p;

	if (h->nlive[i] == 0)
		return;
	/* Acquire, release: the contents travel with the block. */
	p = atomic_exchange_explicit(place, h->live[i][h->nlive[i] - 1],
				     memory_order_acq_rel);
	h->nlive[i]--;
	if (p != NULL)
		h->live[i][h->nlive[i]++] = p;
}

static void
step(struct holder *h)
{
	size_t i = random_below(&h->luck, NSIZES);

	switch (random_below(&h->luck, 5)) {
	case 0:
	case 1:
		fill(h, i);
		break;
	case 2:
		trade(h, i);
		break;
	default:
		flush(h, i);
	}
}

static void *
worker(void *arg)
{
	struct holder *h = arg;

	while (!atomic_load_explicit(&is_over, memory_order_relaxed))
		step(h);
	for (size_t i = 0; i < NSIZES; i++) {
		while (h->nlive[i] > 0)
			flush(h, i);
	}
	return NULL;
}

/* --- the one that gives back --------------------------------------------------------- */

static void
purge_bin(struct bin *b, uint64_t *luck)
{
	if (!bin_is_used(b))
		return;
	bin_purge(b, (unsigned)random_below(luck, 2), &stats);
	if (random_below(luck, 8) == 0)
		bin_trim(b, random_below(luck, 2));
}

static void *
purger(void *arg)
{
	uint64_t luck = (uintptr_t)arg;
	size_t n = 0;

	for (; !atomic_load_explicit(&is_over, memory_order_relaxed); n++) {
		struct arena *a = &arenas[n % NARENAS];

		for (size_t i = 0; i < NSIZES; i++)
			purge_bin(&a->bins[size_class(sizes[i])], &luck);
		if (n % 4 == 0)
			pageheap_purge(&a->pages, false, SIZE_MAX);
		if (n % 16 == 0)
			pagepool_purge(false, SIZE_MAX);
	}
	atomic_store(&npurges, n);
	return NULL;
}

static void
begin_holder(size_t i, uint64_t seed)
{
	holders[i].luck = seed + i * 7919;
	holders[i].arena = &arenas[i % NARENAS];
	holders[i].at_once = i == 0 ? 1 : BATCH;
}

static void
blocks_stay_whole_while_free_pages_between_them_go(void **state)
{
	pthread_t threads[NTHREADS + 1];
	uint64_t seed = random_seed();

	(void)state;
	for (size_t i = 0; i < NTHREADS; i++) {
		begin_holder(i, seed);
		assert_int_equal(
			pthread_create(&threads[i], NULL, worker, &holders[i]),
			0);
	}
	assert_int_equal(pthread_create(&threads[NTHREADS], NULL, purger,
					(void *)(uintptr_t)(seed | 1)),
			 0);
	usleep(RUN_US);
	atomic_store(&is_over, true);
	for (size_t i = 0; i <= NTHREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* --- afterwards ------------------------------------------------------------------------ */

static void
pages_went_and_came_back_all_the_time(void **state)
{
	uint64_t nrefaults = 0;

	(void)state;
	for (size_t a = 0; a < NARENAS; a++) {
		for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++)
			nrefaults += arenas[a].bins[cls].nrefaults;
	}
	print_message("# %zu rounds: %llu pages went, %llu came back\n",
		      atomic_load(&npurges), (unsigned long long)stats.npages,
		      (unsigned long long)nrefaults);
	assert_true(stats.npages > 0);
	assert_true(nrefaults > 0);
}

static void
expect_nothing_left(struct bin *b)
{
	assert_int_equal(b->nused, 0);
	bin_purge(b, 0, &stats);
	bin_trim(b, false);
	assert_int_equal(b->nslabs, 0);
	assert_int_equal(b->naway, 0);
	assert_int_equal(b->nyoung, 0);
	for (unsigned i = 0; i < BIN_NLISTS; i++)
		assert_null(b->lists[i].first);
	assert_null(b->young.first);
}

static void
in_the_end_no_slab_is_left_and_no_page_is_missing(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSIZES; i++) {
		for (size_t k = 0; k < NSHARED; k++) {
			void *p = atomic_load(&shared[i][k]);

			if (p != NULL)
				bin_flush(&p, 1);
		}
	}
	for (size_t a = 0; a < NARENAS; a++) {
		for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++)
			expect_nothing_left(&arenas[a].bins[cls]);
		assert_int_equal(arenas[a].pages.nused, 0);
		assert_int_equal(arenas[a].pages.nchunks, 0);
	}
	assert_int_equal(bin_nyoung(), 0);
	pagepool_purge(false, SIZE_MAX);
	assert_int_equal(pagepool_ndirty(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			blocks_stay_whole_while_free_pages_between_them_go),
		cmocka_unit_test(pages_went_and_came_back_all_the_time),
		cmocka_unit_test(
			in_the_end_no_slab_is_left_and_no_page_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

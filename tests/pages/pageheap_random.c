/*
 * pageheap_random.c -- random operations on two page heaps against a list of
 * the runs that are out, each page of which says whose it is.
 */
#include "pages/pageheap.h"
#include "unit.h"

#define NHEAPS 2
#define NRUNS  200
#define NSTEPS 15000

struct run {
	char *addr;
	size_t npages;
	uint64_t tag;
	struct pageheap *heap;
};

static struct pageheap heaps[NHEAPS];
static struct run runs[NRUNS];
static size_t nruns;
static uint64_t luck;

static uint64_t *
word(const struct run *r, size_t page, bool last)
{
	return (uint64_t *)(void *)(r->addr + page * PAGE_BYTES +
				    (last ? PAGE_BYTES - sizeof(uint64_t) : 0));
}

/* Pages from `from` on belong to the run from now on. */
static void
sign(struct run *r, size_t from)
{
	for (size_t i = from; i < r->npages; i++)
		*word(r, i, false) = *word(r, i, true) = r->tag + i;
}

static void
check_signature(const struct run *r)
{
	for (size_t i = 0; i < r->npages; i++) {
		assert_int_equal(*word(r, i, false), r->tag + i);
		assert_int_equal(*word(r, i, true), r->tag + i);
	}
}

static size_t
random_npages(void)
{
	/* Mostly short, now and then several chunks. */
	static const size_t most[] = { 4, 16, 64, 64, 300, 520, 1300 };

	return 1 + random_below(&luck, most[random_below(&luck, 7)]);
}

static void
take_one(void)
{
	size_t align = (size_t)1 << random_below(&luck, 5);
	struct run *r = &runs[nruns];
	bool is_zero = false;

	if (random_below(&luck, 100) == 0)
		align = 1024;
	*r = (struct run){ .npages = random_npages(),
			   .tag = random_next(&luck),
			   .heap = &heaps[random_below(&luck, NHEAPS)] };
	r->addr = pageheap_alloc(r->heap, r->npages, align, &is_zero);
	assert_non_null(r->addr);
	assert_int_equal((uintptr_t)r->addr % (align * PAGE_BYTES), 0);
	assert_ptr_equal(pageheap_of(r->addr), r->heap);
	if (is_zero)
		assert_true(is_all(r->addr, 0, r->npages * PAGE_BYTES));
	sign(r, 0);
	nruns++;
}

static void
free_one(struct run *r)
{
	check_signature(r);
	pageheap_free(r->addr, r->npages);
	*r = runs[--nruns];
}

static void
free_end(struct run *r)
{
	size_t keep = 1 + random_below(&luck, r->npages);

	check_signature(r);
	if (keep == r->npages)
		return;
	pageheap_free(r->addr + keep * PAGE_BYTES, r->npages - keep);
	r->npages = keep;
}

static void
extend_one(struct run *r)
{
	size_t more = 1 + random_below(&luck, 16), old = r->npages;

	if (!pageheap_extend(r->addr, r->npages, more))
		return;
	r->npages += more;
	sign(r, old);
}

static void
check_sums(void)
{
	struct pagepool_stats pool;
	size_t nchunks = 0;

	pagepool_stats(&pool);
	for (size_t h = 0; h < NHEAPS; h++) {
		size_t nused = 0;

		for (size_t i = 0; i < nruns; i++)
			nused += runs[i].heap == &heaps[h] ? runs[i].npages : 0;
		assert_int_equal(heaps[h].nused, nused);
		assert_true(pageheap_ndirty(&heaps[h]) + nused <=
			    heaps[h].nchunks * CHUNK_NPAGES);
		nchunks += heaps[h].nchunks;
	}
	assert_int_equal(nchunks + pool.npooled, pool.nchunks);
	assert_true(pool.ndirty_pages <= pool.npooled * CHUNK_NPAGES);
}

static void
step(void)
{
	struct run *r = nruns > 0 ? &runs[random_below(&luck, nruns)] : NULL;
	size_t what = random_below(&luck, 100);

	if (what < 45 && nruns < NRUNS)
		take_one();
	else if (r != NULL && what < 75)
		free_one(r);
	else if (r != NULL && what < 85)
		free_end(r);
	else if (r != NULL && what < 97)
		extend_one(r);
	else if (what < 99)
		pageheap_purge(&heaps[random_below(&luck, NHEAPS)], what == 97,
			       random_below(&luck, 500));
	else
		pagepool_purge(random_below(&luck, 2) == 0,
			       random_below(&luck, 2000));
}

static void
random_operations_keep_every_run_whole(void **state)
{
	(void)state;
	luck = random_seed();
	for (unsigned i = 0; i < NSTEPS; i++) {
		step();
		if (i % 16 == 0)
			check_sums();
	}
}

/* Goes on where the operations ended. */
static void
when_all_is_freed_every_chunk_is_in_the_pool(void **state)
{
	struct pagepool_stats pool;

	(void)state;
	while (nruns > 0)
		free_one(&runs[random_below(&luck, nruns)]);
	pagepool_stats(&pool);
	assert_int_equal(pool.npooled, pool.nchunks);
	for (size_t h = 0; h < NHEAPS; h++) {
		assert_int_equal(heaps[h].nused, 0);
		assert_int_equal(heaps[h].nchunks, 0);
		assert_int_equal(pageheap_ndirty(&heaps[h]), 0);
		assert_null(heaps[h].dirty.first);
	}
}

static void
after_a_purge_of_everything_nothing_is_resident(void **state)
{
	const struct region *r = &regions[0];

	(void)state;
	pagepool_purge(false, SIZE_MAX);
	assert_int_equal(pagepool_ndirty(), 0);
	for (size_t i = 0; i < r->nchunks; i++)
		assert_int_equal(
			resident_pages(r->chunks[i].base, CHUNK_NPAGES), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations_keep_every_run_whole),
		cmocka_unit_test(when_all_is_freed_every_chunk_is_in_the_pool),
		cmocka_unit_test(
			after_a_purge_of_everything_nothing_is_resident),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

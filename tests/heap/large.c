/*
 * large.c -- blocks that are page runs of their own.
 */
#include "faults.h"
#include "heap/large.h"
#include "heap/reset.h"
#include "unit.h"

#define A (&arenas[0])

/* os_move_pages() is wrapped at link time: another thread's mmap may be first. */
enum os_move __real_os_move_pages(void *from, void *to, size_t bytes);
enum os_move __wrap_os_move_pages(void *from, void *to, size_t bytes);

static bool is_lost;

enum os_move
__wrap_os_move_pages(void *from, void *to, size_t bytes)
{
	if (!is_lost)
		return __real_os_move_pages(from, to, bytes);
	os_release(to, bytes);
	assert_ptr_equal(mmap(to, bytes, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			      -1, 0),
			 to);
	memset(to, 7, bytes);
	return OS_LOST;
}

static char *
alloc(size_t npages)
{
	bool is_zero;
	char *p = large_alloc(A, npages, 1, CLASS_RUN, &is_zero);

	assert_non_null(p);
	assert_int_equal(large_npages(p), npages);
	return p;
}

static unsigned
class_at(const char *p)
{
	struct region *r = region_find(p);

	return MAP_TO_CLASS(pagemap_get(r, region_page(r, p)));
}

static void
expect_out(size_t nblocks, size_t npages)
{
	assert_int_equal(large_count(A).nblocks, nblocks);
	assert_int_equal(large_count(A).npages, npages);
	assert_int_equal(A->pages.nused, npages);
}

static void
number(char *p, size_t npages)
{
	for (size_t i = 0; i < npages; i++)
		memset(p + i * PAGE_BYTES, (int)(i % 255 + 1), PAGE_BYTES);
}

static bool
holds_numbers(const char *p, size_t npages)
{
	for (size_t i = 0; i < npages; i++) {
		if (!is_all(p + i * PAGE_BYTES, (unsigned char)(i % 255 + 1),
			    PAGE_BYTES))
			return false;
	}
	return true;
}

static void
the_first_page_of_a_block_names_its_class(void)
{
	bool is_zero;
	unsigned cls = size_class(65536);
	char *p = large_alloc(A, 16, 1, cls, &is_zero);
	char *q = alloc(16);

	assert_int_equal(class_at(p), cls);
	assert_int_equal(class_at(q), CLASS_RUN);
	for (size_t i = 1; i < 16; i++) {
		assert_int_equal(class_at(p + i * PAGE_BYTES), CLASS_NONE);
		assert_int_equal(class_at(q + i * PAGE_BYTES), CLASS_NONE);
	}
	expect_out(2, 32);
}

static void
a_freed_block_is_no_block(void)
{
	char *p = alloc(16);

	alloc(1);
	large_free(p);
	assert_int_equal(class_at(p), CLASS_NONE);
	expect_out(1, 1);
}

static void
fresh_blocks_are_known_to_be_zero_and_used_ones_are_not(void)
{
	bool is_zero = false;
	char *p = large_alloc(A, 16, 1, CLASS_RUN, &is_zero);

	assert_true(is_zero);
	alloc(1);
	number(p, 16);
	large_free(p);
	assert_ptr_equal(large_alloc(A, 16, 1, CLASS_RUN, &is_zero), p);
	assert_false(is_zero);
}

static void
blocks_are_aligned_as_asked(void)
{
	bool is_zero;

	for (size_t a = 1; a <= 1 * GIB; a *= 2) {
		char *p = large_alloc(A, 3, a, CLASS_RUN, &is_zero);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % max_size(a, PAGE_BYTES), 0);
		large_free(p);
	}
	expect_out(0, 0);
}

static void
without_memory_there_is_no_block_and_nothing_is_counted(void)
{
	bool is_zero;

	fault_for_good(OS_CALL_COMMIT, 1);
	assert_null(large_alloc(A, 16, 1, CLASS_RUN, &is_zero));
	expect_out(0, 0);
	faults_none();
	assert_null(large_alloc(A, (size_t)PTRDIFF_MAX >> PAGE_SHIFT, 1,
				CLASS_RUN, &is_zero));
	expect_out(0, 0);
}

/* --- resizing ------------------------------------------------------------------ */

static void
a_block_shrinks_in_place(void)
{
	char *p = alloc(1500);

	number(p, 1500);
	assert_true(large_resize(p, 20, size_class(20 * PAGE_BYTES)));
	assert_int_equal(large_npages(p), 20);
	assert_int_equal(class_at(p), size_class(20 * PAGE_BYTES));
	assert_true(holds_numbers(p, 20));
	expect_out(1, 20);
}

static void
a_block_grows_into_free_pages_behind_it(void)
{
	char *p = alloc(10);

	number(p, 10);
	assert_true(large_resize(p, 30, CLASS_RUN));
	assert_int_equal(large_npages(p), 30);
	assert_true(holds_numbers(p, 10));
	expect_out(1, 30);
}

static void
a_block_does_not_grow_over_its_neighbour(void)
{
	unsigned cls = size_class(40 * KIB);
	bool is_zero;
	char *p = large_alloc(A, 10, 1, cls, &is_zero);

	alloc(1);
	assert_false(large_resize(p, 11, CLASS_RUN));
	assert_int_equal(large_npages(p), 10);
	assert_int_equal(class_at(p), cls);
	expect_out(2, 11);
}

/* --- moving -------------------------------------------------------------------- */

static void
a_moved_block_keeps_its_contents_and_leaves_its_place(void)
{
	char *p = alloc(1000), *to;

	number(p, 1000);
	to = large_move(A, p, 5000);
	assert_non_null(to);
	assert_ptr_not_equal(to, p);
	assert_int_equal(large_npages(to), 5000);
	assert_true(holds_numbers(to, 1000));
	number(to, 5000);
	assert_int_equal(class_at(p), CLASS_NONE);
	expect_out(1, 5000);
	/* Where it was, another may live. */
	number(alloc(1000), 1000);
	assert_true(holds_numbers(to, 5000));
	/* Nobody asked for something that a purge took. */
	assert_int_equal(pageheap_nrefaults(&A->pages), 0);
}

static void
a_block_may_be_moved_again_and_again(void)
{
	char *p = alloc(600);

	number(p, 600);
	for (size_t n = 700; n < 20000; n += n / 2) {
		p = large_move(A, p, n);
		assert_non_null(p);
		assert_true(holds_numbers(p, 600));
	}
	large_free(p);
	expect_out(0, 0);
	pagepool_purge(false, SIZE_MAX);
	assert_int_equal(pagepool_ndirty(), 0);
	assert_true(is_all(alloc(20000), 0, 20000 * PAGE_BYTES));
}

static void
small_blocks_and_smaller_ones_are_not_moved(void)
{
	char *p = alloc(CHUNK_NPAGES), *q = alloc(1000);

	assert_null(large_move(A, p, 5000));
	assert_null(large_move(A, q, 999));
	expect_out(2, CHUNK_NPAGES + 1000);
}

static void
pages_that_cannot_be_moved_are_copied(void)
{
	char *p = alloc(1000), *to;

	number(p, 1000);
	fault_for_good(OS_CALL_MOVE, 1);
	to = large_move(A, p, 5000);
	faults_none();
	assert_non_null(to);
	assert_true(holds_numbers(to, 1000));
	assert_int_equal(class_at(p), CLASS_NONE);
	expect_out(1, 5000);
}

/* The place is another's for good: neither a reset nor a purge goes there. */
static void
a_place_that_was_lost_to_another_stays_his(void)
{
	const size_t npages = 3 * CHUNK_NPAGES;
	char *p = alloc(npages), *theirs = NULL;
	const struct region *r = region_find(p);

	number(p, npages);
	is_lost = true;
	assert_null(large_move(A, p, 2 * npages));
	is_lost = false;
	assert_true(holds_numbers(p, npages));
	assert_int_equal(large_count(A).nblocks, 1);
	assert_int_equal(large_count(A).npages, npages);
	for (char *at = (char *)r->base; theirs == NULL; at += CHUNK_BYTES) {
		if (at != p && is_all(at, 7, PAGE_BYTES))
			theirs = at;
	}
	assert_int_equal(class_at(theirs), CLASS_NONE);
	arena_free_all(A);
	pageheap_purge(&A->pages, false, SIZE_MAX);
	pagepool_purge(false, SIZE_MAX);
	assert_true(is_all(theirs, 7, npages * PAGE_BYTES));
}

static void
a_move_without_memory_changes_nothing(void)
{
	char *p = alloc(1000);

	number(p, 1000);
	fault_for_good(OS_CALL_COMMIT, 1);
	assert_null(large_move(A, p, 50000));
	faults_none();
	assert_true(holds_numbers(p, 1000));
	assert_int_equal(large_npages(p), 1000);
	assert_int_equal(class_at(p), CLASS_RUN);
	expect_out(1, 1000);
}

/* --- shelves ------------------------------------------------------------------- */

#define CLS  (size_class(65536))
#define SIZE class_size(CLS)

static char *
alloc_class(unsigned cls)
{
	bool is_zero = true;
	char *p = large_alloc(A, class_size(cls) >> PAGE_SHIFT, 1, cls,
			      &is_zero);

	assert_non_null(p);
	assert_int_equal(class_at(p), cls);
	return p;
}

static void
a_run_of_a_class_is_kept_on_a_shelf_for_all_threads(void)
{
	char *p = alloc_class(CLS), *q = alloc_class(CLS);

	large_free(p);
	large_free(q);
	assert_int_equal(class_at(p), CLASS_NONE);
	assert_int_equal(large_count(A).nblocks, 0);
	assert_int_equal(atomic_load(&A->shelf_bytes), 2 * SIZE);
	assert_int_equal(pageheap_ndirty(&A->pages), 0);
	assert_ptr_equal(alloc_class(CLS), q);
	assert_ptr_equal(alloc_class(CLS), p);
	assert_int_equal(atomic_load(&A->shelf_bytes), 0);
}

static void
what_comes_from_a_shelf_is_not_known_to_be_zero(void)
{
	bool is_zero = true;
	char *p = alloc_class(CLS);

	large_free(p);
	assert_ptr_equal(large_alloc(A, SIZE >> PAGE_SHIFT, 1, CLS, &is_zero),
			 p);
	assert_false(is_zero);
}

static void
shelves_are_bounded_in_runs_and_in_bytes(void)
{
	static char *p[400];

	for (unsigned cls = CLASS_SLAB_MAX + 1; cls <= CLASS_LARGE_MAX;
	     cls += 3) {
		for (size_t i = 0; i < 40; i++)
			p[i] = alloc_class(cls);
		for (size_t i = 0; i < 40; i++)
			large_free(p[i]);
		assert_true(atomic_load(&A->shelf_bytes) <= 2 * MIB);
		assert_true(A->shelves[cls - CLASS_SLAB_MAX - 1].count <=
			    SHELF_DEPTH);
	}
	assert_true(atomic_load(&A->shelf_bytes) >= MIB * 3 / 2);
}

static void
a_run_that_nobody_took_between_two_trims_leaves_its_shelf(void)
{
	char *p[6];

	for (size_t i = 0; i < 6; i++)
		p[i] = alloc_class(CLS);
	for (size_t i = 0; i < 6; i++)
		large_free(p[i]);
	large_trim(A, true);
	assert_int_equal(atomic_load(&A->shelf_bytes), 6 * SIZE);
	p[0] = alloc_class(CLS);
	p[1] = alloc_class(CLS);
	large_free(p[0]);
	large_free(p[1]);
	large_trim(A, true);
	assert_int_equal(atomic_load(&A->shelf_bytes), 2 * SIZE);
	large_trim(A, true);
	assert_int_equal(atomic_load(&A->shelf_bytes), 0);
	assert_int_equal(A->pages.nused, 0);
}

static void
a_trim_of_everything_does_not_wait(void)
{
	large_free(alloc_class(CLS));
	large_trim(A, false);
	assert_int_equal(atomic_load(&A->shelf_bytes), 0);
	assert_int_equal(A->pages.nused, 0);
}

static void
large_runs_and_runs_of_no_class_are_on_no_shelf(void)
{
	large_free(alloc_class(size_class(257 * KIB)));
	large_free(alloc(16));
	assert_int_equal(atomic_load(&A->shelf_bytes), 0);
	assert_int_equal(A->pages.nused, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(the_first_page_of_a_block_names_its_class),
		alone(a_freed_block_is_no_block),
		alone(fresh_blocks_are_known_to_be_zero_and_used_ones_are_not),
		alone(blocks_are_aligned_as_asked),
		alone(without_memory_there_is_no_block_and_nothing_is_counted),
		alone(a_block_shrinks_in_place),
		alone(a_block_grows_into_free_pages_behind_it),
		alone(a_block_does_not_grow_over_its_neighbour),
		alone(a_moved_block_keeps_its_contents_and_leaves_its_place),
		alone(a_block_may_be_moved_again_and_again),
		alone(small_blocks_and_smaller_ones_are_not_moved),
		alone(pages_that_cannot_be_moved_are_copied),
		alone(a_place_that_was_lost_to_another_stays_his),
		alone(a_move_without_memory_changes_nothing),
		alone(a_run_of_a_class_is_kept_on_a_shelf_for_all_threads),
		alone(what_comes_from_a_shelf_is_not_known_to_be_zero),
		alone(shelves_are_bounded_in_runs_and_in_bytes),
		alone(a_run_that_nobody_took_between_two_trims_leaves_its_shelf),
		alone(a_trim_of_everything_does_not_wait),
		alone(large_runs_and_runs_of_no_class_are_on_no_shelf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * region.c -- reserved address space, the page map, the tables.
 *
 * Each test runs alone, with one thread: LOCK_MAP is as good as held.
 */
#include "base/bits.h"
#include "faults.h"
#include "pages/region.h"
#include "unit.h"

/* Chunks that the last growth skipped. */
static size_t nskipped;

static struct region *
grow(size_t count, size_t alignment, size_t *index)
{
	return region_grow_locked(count, alignment, index, &nskipped);
}

static char *
address(const struct region *r, size_t index)
{
	return (char *)r->base + index * CHUNK_BYTES;
}

static void
before_the_first_region_no_address_is_ours(void)
{
	int local = 0;

	assert_null(region_find(&local));
	assert_null(region_find(NULL));
	assert_null(region_find((void *)UINTPTR_MAX));
	assert_int_equal(atomic_load(&nregions), 0);
}

static void
grown_chunks_are_neighbours_and_read_as_zero(void)
{
	size_t index;
	struct region *r = grow(3, CHUNK_BYTES, &index);

	assert_ptr_equal(r, &regions[0]);
	assert_int_equal((uintptr_t)address(r, index) % CHUNK_BYTES, 0);
	assert_true(is_all(address(r, index), 0, 3 * CHUNK_BYTES));
	for (size_t i = index; i < index + 3; i++) {
		assert_true(r->chunks[i].is_committed);
		assert_ptr_equal(r->chunks[i].base, address(r, i));
		assert_null(r->chunks[i].owner);
	}
	assert_int_equal(r->nchunks, index + 3);
}

static void
no_chunk_is_handed_out_twice(void)
{
	size_t first, next = 0, index;

	grow(1, CHUNK_BYTES, &first);
	next = first + 1;
	/* 436 chunks in all: a region of 1 GiB has so many as well. */
	for (size_t n = 1; n < 30; n++) {
		grow(n, CHUNK_BYTES, &index);
		assert_int_equal(index, next);
		next += n;
	}
}

static void
an_address_of_ours_finds_its_region(void)
{
	size_t index;
	struct region *r = grow(2, CHUNK_BYTES, &index);
	char *p = address(r, index);
	int local = 0;

	assert_ptr_equal(region_find(p), r);
	assert_ptr_equal(region_find(p + 2 * CHUNK_BYTES - 1), r);
	assert_null(region_find(&local));
	assert_null(region_find((char *)r->base - 1));
	assert_null(region_find(r->map));
	/* Behind the tables: reserved, and nobody's yet. */
	assert_null(region_find((char *)r->base +
				(region_npages(r) << PAGE_SHIFT)));
	assert_ptr_equal(region_chunk(r, p), &r->chunks[index]);
	assert_ptr_equal(region_chunk(r, p + CHUNK_BYTES),
			 &r->chunks[index + 1]);
}

static void
all_tables_can_be_read_below_npages(void)
{
	size_t index, npages;
	struct region *r = grow(1, CHUNK_BYTES, &index);

	npages = region_npages(r);
	assert_int_equal(npages, REGION_STEP * CHUNK_NPAGES);
	for (size_t page = 0; page < npages; page++) {
		void *addr = (char *)r->base + (page << PAGE_SHIFT);

		assert_int_equal(pagemap_get(r, page), 0);
		assert_int_equal(r->runs[page], 0);
		assert_null(*region_slab(r, addr));
		assert_null(region_chunk(r, addr)->owner);
	}
}

static void
the_tables_grow_with_the_chunks(void)
{
	size_t index;
	struct region *r = grow(1, CHUNK_BYTES, &index);

	for (size_t n = 0; n < 200; n++) {
		grow(1, CHUNK_BYTES, &index);
		assert_true(region_npages(r) >= (index + 1) * CHUNK_NPAGES);
		pagemap_set(r, index * CHUNK_NPAGES, CHUNK_NPAGES, 7);
	}
	assert_int_equal(region_npages(r) % (REGION_STEP * CHUNK_NPAGES), 0);
}

static void
the_page_map_changes_where_it_is_set(void)
{
	size_t index;
	struct region *r = grow(1, CHUNK_BYTES, &index);

	pagemap_set(r, 10, 5, 0xabcd);
	for (size_t page = 0; page < 20; page++)
		assert_int_equal(pagemap_get(r, page),
				 page >= 10 && page < 15 ? 0xabcd : 0);
}

static void
the_front_of_free_is_closed_until_it_is_opened(void)
{
	size_t index;
	struct region *r = grow(1, CHUNK_BYTES, &index);

	assert_int_equal(region_front_end, 0);
	region_open_front_locked();
	assert_int_equal(region_front_end, region_npages(r));
	assert_int_equal(region_front.base, r->base);
	assert_ptr_equal(region_front.map, r->map);
}

static void
the_front_of_free_grows_with_the_first_region(void)
{
	size_t index;

	region_open_front_locked();
	assert_int_equal(region_front_end, 0);
	for (unsigned i = 0; i < 2 * REGION_STEP + 1; i++) {
		grow(1, CHUNK_BYTES, &index);
		assert_int_equal(region_front_end, region_npages(&regions[0]));
	}
}

static void
chunks_that_alignment_skips_go_to_the_pool(void)
{
	const size_t alignment = 64 * CHUNK_BYTES;
	size_t first, index;
	struct region *r = grow(1, CHUNK_BYTES, &first);

	/* Whatever the base is, the second of these skips 63. */
	assert_ptr_equal(grow(1, alignment, &index), r);
	first = index + 1;
	assert_ptr_equal(grow(2, alignment, &index), r);
	assert_int_equal((uintptr_t)address(r, index) % alignment, 0);
	assert_int_equal(index, first + 63);
	assert_int_equal(nskipped, 63);
	for (size_t i = first; i < index; i++) {
		assert_true(bits_test(r->pool, i));
		assert_false(r->chunks[i].is_committed);
		assert_ptr_equal(r->chunks[i].base, address(r, i));
	}
	assert_false(bits_test(r->pool, index));
}

static void
more_than_address_space_can_hold_is_refused(void)
{
	size_t index;

	assert_null(grow((size_t)1 << 40, CHUNK_BYTES, &index));
	assert_null(grow(1, (size_t)1 << 62, &index));
	assert_null(grow(1, (size_t)1 << 63, &index));
	/* And nothing is lost by it. */
	assert_non_null(grow(1, CHUNK_BYTES, &index));
}

/* The k-th commit fails, once: what was refused then is granted later. */
static void
a_commit_that_fails_loses_nothing(void)
{
	size_t index, next;
	struct region *r = grow(REGION_STEP, CHUNK_BYTES, &next);

	next += REGION_STEP;
	for (unsigned k = 1; k <= 5; k++) {
		fault_once(OS_CALL_COMMIT, k);
		assert_null(grow(1, CHUNK_BYTES, &index));
		assert_int_equal(r->nchunks, next);
	}
	faults_none();
	assert_ptr_equal(grow(1, CHUNK_BYTES, &index), r);
	assert_int_equal(index, next);
	assert_int_equal(atomic_load(&nregions), 1);
}

static void
without_address_space_there_is_no_region(void)
{
	size_t index;

	fault_for_good(OS_CALL_RESERVE, 1);
	assert_null(grow(1, CHUNK_BYTES, &index));
	assert_int_equal(atomic_load(&nregions), 0);
	faults_none();
	assert_non_null(grow(1, CHUNK_BYTES, &index));
}

static void
a_limit_leaves_most_address_space_to_the_program(void)
{
	size_t index, bytes;
	struct region *r;
	void *p;

	limit_address_space(4 * GIB);
	r = grow(1, CHUNK_BYTES, &index);
	assert_non_null(r);
	bytes = r->nchunks_max * CHUNK_BYTES;
	assert_in_range(bytes, 32 * MIB, 2 * GIB);
	p = os_map(2 * GIB);
	assert_non_null(p);
	assert_ptr_equal(region_find(address(r, index)), r);
}

/* Below a limit regions are small, so that one more is opened soon. */
static void
a_full_region_is_followed_by_another(void)
{
	size_t index, n = 0;
	struct region *r;

	limit_address_space(1 * GIB);
	do {
		r = grow(1, CHUNK_BYTES, &index);
		assert_non_null(r);
		assert_ptr_equal(region_find(address(r, index)), r);
		memset(address(r, index), 1, PAGE_BYTES);
		n++;
	} while (r == &regions[0]);
	assert_ptr_equal(r, &regions[1]);
	assert_int_equal(n, regions[0].nchunks_max + 1);
	/* The old one is found as before. */
	assert_ptr_equal(region_find((void *)regions[0].base), &regions[0]);
}

static void
when_all_is_used_up_the_answer_is_no(void)
{
	size_t index, n = 0;

	limit_address_space(512 * MIB);
	while (grow(1, CHUNK_BYTES, &index) != NULL)
		n++;
	/* At least a half of what was there could be used. */
	assert_in_range(n, 128, 256);
	assert_null(grow(1, CHUNK_BYTES, &index));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(before_the_first_region_no_address_is_ours),
		alone(grown_chunks_are_neighbours_and_read_as_zero),
		alone(no_chunk_is_handed_out_twice),
		alone(an_address_of_ours_finds_its_region),
		alone(all_tables_can_be_read_below_npages),
		alone(the_tables_grow_with_the_chunks),
		alone(the_page_map_changes_where_it_is_set),
		alone(the_front_of_free_is_closed_until_it_is_opened),
		alone(the_front_of_free_grows_with_the_first_region),
		alone(chunks_that_alignment_skips_go_to_the_pool),
		alone(more_than_address_space_can_hold_is_refused),
		alone(a_commit_that_fails_loses_nothing),
		alone(without_address_space_there_is_no_region),
		alone(a_limit_leaves_most_address_space_to_the_program),
		alone(a_full_region_is_followed_by_another),
		alone(when_all_is_used_up_the_answer_is_no),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * chunk.c -- page runs inside one chunk, against a model that has an array
 * entry for each page.
 */
#include "base/base.h"
#include "pages/chunk.h"
#include "unit.h"

/* Never touched: the functions only reckon with it. */
#define BASE ((char *)(uintptr_t)0x10000000)

#define MAX_CLAIMED 300

struct page {
	bool used, dirty, stale, claimed;
};

static struct chunk c;
static struct page model[CHUNK_NPAGES];
static uint64_t luck;

/* A chunk as the pool gives it to a page heap. */
static int
fresh(void **state)
{
	(void)state;
	memset(&c, 0, sizeof c);
	memset(model, 0, sizeof model);
	c.base = BASE;
	c.longest = CHUNK_NPAGES;
	return 0;
}

static int
seed(void **state)
{
	(void)state;
	luck = random_seed();
	return 0;
}

/* --- the model --------------------------------------------------------------- */

static bool
bit(const uint64_t *w, size_t i)
{
	return w[i / 64] >> (i % 64) & 1;
}

static size_t
free_run_at(size_t page)
{
	size_t n = 0;

	while (page + n < CHUNK_NPAGES && !model[page + n].used)
		n++;
	return n;
}

static void
check_model(void)
{
	size_t nused = 0, ndirty = 0, longest = 0;

	for (size_t i = 0; i < CHUNK_NPAGES; i++) {
		assert_int_equal(bit(c.used, i), model[i].used);
		assert_int_equal(bit(c.dirty, i), model[i].dirty);
		assert_int_equal(bit(c.stale, i), model[i].stale);
		nused += model[i].used;
		ndirty += model[i].dirty;
		longest = max_size(longest, free_run_at(i));
	}
	assert_int_equal(c.nused, nused);
	assert_int_equal(c.ndirty, ndirty);
	assert_in_range(c.longest, longest, CHUNK_NPAGES);
}

static size_t
dirty_in(size_t start, size_t n)
{
	size_t ndirty = 0;

	for (size_t i = start; i < start + n; i++)
		ndirty += model[i].dirty;
	return ndirty;
}

/* The contract of chunk_find, hole by hole. */
static bool
model_find(size_t npages, size_t align_pages, size_t *best)
{
	size_t best_len = 0, len;
	bool found = false, best_fresh = true;

	for (size_t at = 0; at < CHUNK_NPAGES; at += max_size(len, 1)) {
		size_t start = align_up(at, align_pages);
		bool is_fresh;

		len = free_run_at(at);
		if (len == 0 || start + npages > at + len)
			continue;
		is_fresh = dirty_in(start, npages) * 2 < npages;
		if (found && (is_fresh > best_fresh ||
			      (is_fresh == best_fresh && len >= best_len)))
			continue;
		found = true;
		*best = start;
		best_len = len;
		best_fresh = is_fresh;
	}
	return found;
}

static void
take(size_t start, size_t n)
{
	assert_int_equal(chunk_take(&c, start, n), dirty_in(start, n) == 0);
	for (size_t i = start; i < start + n; i++)
		model[i] = (struct page){ true, false, false, false };
}

static void
give(size_t start, size_t n)
{
	chunk_give(&c, start, n);
	for (size_t i = start; i < start + n; i++)
		model[i] = (struct page){ false, true, false, false };
}

/* --- finding ------------------------------------------------------------------ */

static void
the_lowest_place_of_an_empty_chunk_is_found(void **state)
{
	size_t start;

	(void)state;
	assert_true(chunk_find(&c, 1, 1, &start));
	assert_int_equal(start, 0);
	assert_true(chunk_find(&c, CHUNK_NPAGES, 1, &start));
	assert_int_equal(start, 0);
}

static void
a_run_longer_than_every_hole_is_not_found(void **state)
{
	size_t start;

	(void)state;
	take(100, 1);
	assert_false(chunk_find(&c, 412, 1, &start));
	assert_true(chunk_find(&c, 411, 1, &start));
	assert_int_equal(start, 101);
	take(0, 100);
	take(101, 411);
	assert_false(chunk_find(&c, 1, 1, &start));
}

static void
the_tightest_hole_is_preferred(void **state)
{
	size_t start;

	(void)state;
	take(10, 1);  /* a hole of 10 below */
	take(14, 1);  /* one of 3 */
	take(100, 1); /* one of 85, one of 411 */
	assert_true(chunk_find(&c, 3, 1, &start));
	assert_int_equal(start, 11);
	assert_true(chunk_find(&c, 4, 1, &start));
	assert_int_equal(start, 0);
	assert_true(chunk_find(&c, 86, 1, &start));
	assert_int_equal(start, 101);
}

static void
resident_pages_are_preferred_to_a_tighter_hole(void **state)
{
	size_t start;

	(void)state;
	take(4, 1);
	take(200, 40);
	give(201, 39);
	/* The hole at 201 is large, and its first 39 pages are dirty. */
	assert_true(chunk_find(&c, 4, 1, &start));
	assert_int_equal(start, 201);
	assert_true(chunk_find(&c, 78, 1, &start));
	assert_int_equal(start, 201);
	/* Less than a half of 79 pages: the tightest hole again. */
	assert_true(chunk_find(&c, 79, 1, &start));
	assert_int_equal(start, 5);
}

static void
a_found_place_is_aligned(void **state)
{
	size_t start;

	(void)state;
	take(0, 1);
	for (size_t a = 1; a < CHUNK_NPAGES; a *= 2) {
		assert_true(chunk_find(&c, 1, a, &start));
		assert_int_equal(start, a);
	}
	assert_false(chunk_find(&c, 1, CHUNK_NPAGES, &start));
	assert_false(chunk_find(&c, 257, 256, &start));
}

/* --- taking and giving ---------------------------------------------------------- */

static void
fresh_pages_read_as_zero_and_given_ones_do_not(void **state)
{
	(void)state;
	assert_true(chunk_take(&c, 0, 10));
	chunk_give(&c, 4, 1);
	assert_true(chunk_take(&c, 10, 5));
	assert_false(chunk_take(&c, 4, 1));
}

static void
a_part_of_a_run_may_be_given(void **state)
{
	(void)state;
	take(0, 100);
	give(50, 50);
	check_model();
	give(0, 1);
	check_model();
	assert_true(chunk_is_free(&c, 0, 1));
	assert_false(chunk_is_free(&c, 0, 2));
	assert_true(chunk_is_free(&c, 50, 462));
}

static void
beyond_its_end_a_chunk_has_nothing_free(void **state)
{
	(void)state;
	assert_true(chunk_is_free(&c, 511, 1));
	assert_false(chunk_is_free(&c, 511, 2));
	assert_false(chunk_is_free(&c, 512, 1));
}

static void
buckets_follow_the_longest_run(void **state)
{
	(void)state;
	assert_int_equal(chunk_bucket(&c), 9);
	take(0, 1);
	assert_int_equal(chunk_bucket(&c), 8);
	take(1, 511);
	assert_int_equal(chunk_bucket(&c), CHUNK_FULL);
	give(77, 1);
	assert_int_equal(chunk_bucket(&c), 0);
	give(78, 2);
	assert_int_equal(chunk_bucket(&c), 1);
}

static void
do_take_twice(void)
{
	fresh(NULL);
	chunk_take(&c, 0, 10);
	chunk_take(&c, 9, 1);
}

static void
do_give_twice(void)
{
	fresh(NULL);
	chunk_take(&c, 0, 10);
	chunk_give(&c, 0, 10);
	chunk_give(&c, 9, 1);
}

static void
taking_or_giving_twice_is_our_bug(void **state)
{
	(void)state;
	expect_death(do_take_twice, "invariant broken");
	expect_death(do_give_twice, "invariant broken");
}

/* --- claiming --------------------------------------------------------------------- */

static void
a_page_is_claimed_when_it_was_dirty_at_two_claims(void **state)
{
	struct os_range out[4];

	(void)state;
	take(0, 20);
	give(5, 3);
	assert_int_equal(chunk_claim(&c, true, out, 4), 0);
	assert_int_equal(chunk_claim(&c, true, out, 4), 1);
	assert_ptr_equal(out[0].addr, BASE + 5 * PAGE_BYTES);
	assert_int_equal(out[0].bytes, 3 * PAGE_BYTES);
}

static void
a_page_that_was_used_between_two_claims_is_young_again(void **state)
{
	struct os_range out[4];

	(void)state;
	take(0, 20);
	give(5, 3);
	assert_int_equal(chunk_claim(&c, true, out, 4), 0);
	take(6, 1);
	give(6, 1);
	/* Pages 5 and 7 are old, 6 is not. */
	assert_int_equal(chunk_claim(&c, true, out, 4), 2);
	assert_ptr_equal(out[0].addr, BASE + 5 * PAGE_BYTES);
	assert_ptr_equal(out[1].addr, BASE + 7 * PAGE_BYTES);
	assert_int_equal(chunk_claim(&c, true, out, 4), 1);
	assert_ptr_equal(out[0].addr, BASE + 6 * PAGE_BYTES);
}

static void
a_claim_of_everything_does_not_wait(void **state)
{
	struct os_range out[4];

	(void)state;
	take(0, 20);
	give(5, 3);
	assert_int_equal(chunk_claim(&c, false, out, 4), 1);
	assert_int_equal(chunk_claim(&c, false, out, 4), 0);
}

static void
claimed_pages_cannot_be_found(void **state)
{
	struct os_range out[1];
	size_t start;

	(void)state;
	take(0, CHUNK_NPAGES);
	give(9, 2);
	assert_int_equal(chunk_claim(&c, false, out, 1), 1);
	assert_false(chunk_find(&c, 1, 1, &start));
	chunk_settle(&c, &out[0], true);
	assert_true(chunk_find(&c, 2, 1, &start));
	assert_int_equal(start, 9);
}

static void
purged_pages_read_as_zero_again_and_others_are_dirty_still(void **state)
{
	struct os_range out[2];

	(void)state;
	take(0, 20);
	give(2, 1);
	give(4, 1);
	assert_int_equal(chunk_claim(&c, false, out, 2), 2);
	chunk_settle(&c, &out[0], true);
	chunk_settle(&c, &out[1], false);
	assert_int_equal(c.ndirty, 1);
	assert_true(chunk_take(&c, 2, 1));
	assert_false(chunk_take(&c, 4, 1));
}

static void
a_claim_without_room_for_all_goes_on_the_next_time(void **state)
{
	struct os_range out[8];
	size_t n = 0;

	(void)state;
	take(0, CHUNK_NPAGES);
	for (size_t i = 0; i < 20; i++)
		give(2 * i, 1);
	assert_int_equal(chunk_claim(&c, true, out, 8), 0);
	for (size_t round = 0; round < 3; round++)
		n += chunk_claim(&c, true, out, 8);
	assert_int_equal(n, 20);
}

/* --- refaults ----------------------------------------------------------------- */

static void
purge_dirty(void)
{
	struct os_range out[CHUNK_NPAGES];
	size_t n = chunk_claim(&c, false, out, CHUNK_NPAGES);

	for (size_t i = 0; i < n; i++)
		chunk_settle(&c, &out[i], true);
}

static void
pages_that_were_purged_are_refaults_once(void **state)
{
	(void)state;
	assert_int_equal(chunk_refaults(&c, 0, CHUNK_NPAGES), 0);
	take(0, 100);
	give(20, 30);
	assert_int_equal(chunk_refaults(&c, 20, 30), 0);
	purge_dirty();
	assert_int_equal(chunk_refaults(&c, 10, 20), 10);
	assert_int_equal(chunk_refaults(&c, 10, 20), 0);
	assert_int_equal(chunk_refaults(&c, 0, CHUNK_NPAGES), 20);
}

static void
pages_that_are_dirty_are_none(void **state)
{
	(void)state;
	take(0, 100);
	give(0, 40);
	purge_dirty();
	give(40, 60);
	assert_int_equal(chunk_refaults(&c, 40, 60), 0);
	assert_int_equal(chunk_refaults(&c, 0, 100), 40);
}

static void
a_chunk_that_is_cleaned_has_refaults_where_it_was_dirty(void **state)
{
	(void)state;
	take(0, 100);
	give(0, 100);
	chunk_clean(&c);
	assert_int_equal(c.ndirty, 0);
	assert_int_equal(chunk_refaults(&c, 0, CHUNK_NPAGES), 100);
}

/* --- random operations ---------------------------------------------------------------- */

static struct os_range claimed[MAX_CLAIMED];
static size_t nclaimed;

/* Of the pages that are not dirty those that were ever handed out. */
static bool was_used[CHUNK_NPAGES];
static size_t nrefaults;

static void
expect_refaults(size_t start, size_t n)
{
	size_t old = 0;

	for (size_t i = start; i < start + n; i++) {
		old += !model[i].dirty && was_used[i];
		was_used[i] = true;
	}
	assert_int_equal(chunk_refaults(&c, start, n), old);
	nrefaults += old;
}

static void
random_take(void)
{
	size_t npages = 1 + random_below(&luck, random_below(&luck, 64) + 1);
	size_t align_pages = (size_t)1 << random_below(&luck, 6);
	size_t expected = 0, start = 0;
	bool found = model_find(npages, align_pages, &expected);

	assert_int_equal(chunk_find(&c, npages, align_pages, &start), found);
	if (!found)
		return;
	assert_int_equal(start, expected);
	expect_refaults(start, npages);
	take(start, npages);
}

/* A part of the used run around a random page that no claim holds. */
static void
random_give(void)
{
	size_t start = random_below(&luck, CHUNK_NPAGES), n = 0;
	size_t most = 1 + random_below(&luck, 64);

	while (start + n < CHUNK_NPAGES && n < most && model[start + n].used &&
	       !model[start + n].claimed)
		n++;
	if (n > 0)
		give(start, n);
}

static void
expect_claim(const struct os_range *range, size_t start, size_t n)
{
	assert_ptr_equal(range->addr, BASE + start * PAGE_BYTES);
	assert_int_equal(range->bytes, n * PAGE_BYTES);
	for (size_t i = start; i < start + n; i++)
		model[i] = (struct page){ true, false, false, true };
}

static bool
is_wanted(size_t page, bool only_stale)
{
	return only_stale ? model[page].stale : model[page].dirty;
}

static void
random_claim(void)
{
	bool only_stale = random_below(&luck, 4) != 0;
	size_t max = 1 + random_below(&luck, MAX_CLAIMED - nclaimed);
	struct os_range *out = claimed + nclaimed;
	size_t got = chunk_claim(&c, only_stale, out, max), n = 0;

	for (size_t at = 0; at < CHUNK_NPAGES && n < max; at++) {
		size_t end = at;

		while (end < CHUNK_NPAGES && is_wanted(end, only_stale))
			end++;
		if (end == at)
			continue;
		expect_claim(&out[n++], at, end - at);
		at = end;
	}
	assert_int_equal(got, n);
	for (size_t i = 0; n < max && i < CHUNK_NPAGES; i++)
		model[i].stale = model[i].dirty;
	nclaimed += n;
}

static void
random_settle(void)
{
	size_t pick = random_below(&luck, nclaimed);
	bool purged = random_below(&luck, 4) != 0;
	size_t start = chunk_page(&c, claimed[pick].addr);

	chunk_settle(&c, &claimed[pick], purged);
	for (size_t i = 0; i < claimed[pick].bytes >> PAGE_SHIFT; i++)
		model[start + i] = (struct page){ false, !purged, false,
						  false };
	claimed[pick] = claimed[--nclaimed];
}

static void
random_operations_agree_with_the_model(void **state)
{
	(void)state;
	nclaimed = 0;
	for (unsigned step = 0; step < 20000; step++) {
		size_t what = random_below(&luck, 16);

		if (what < 7)
			random_take();
		else if (what < 13)
			random_give();
		else if (what < 14 && nclaimed < MAX_CLAIMED)
			random_claim();
		else if (nclaimed > 0)
			random_settle();
		check_model();
	}
	/* On the whole it is a good guess. */
	assert_true(nrefaults > 0);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, fresh)
	const struct CMUnitTest tests[] = {
		TEST(the_lowest_place_of_an_empty_chunk_is_found),
		TEST(a_run_longer_than_every_hole_is_not_found),
		TEST(the_tightest_hole_is_preferred),
		TEST(resident_pages_are_preferred_to_a_tighter_hole),
		TEST(a_found_place_is_aligned),
		TEST(fresh_pages_read_as_zero_and_given_ones_do_not),
		TEST(a_part_of_a_run_may_be_given),
		TEST(beyond_its_end_a_chunk_has_nothing_free),
		TEST(buckets_follow_the_longest_run),
		TEST(taking_or_giving_twice_is_our_bug),
		TEST(a_page_is_claimed_when_it_was_dirty_at_two_claims),
		TEST(a_page_that_was_used_between_two_claims_is_young_again),
		TEST(a_claim_of_everything_does_not_wait),
		TEST(claimed_pages_cannot_be_found),
		TEST(purged_pages_read_as_zero_again_and_others_are_dirty_still),
		TEST(a_claim_without_room_for_all_goes_on_the_next_time),
		TEST(pages_that_were_purged_are_refaults_once),
		TEST(a_chunk_that_is_cleaned_has_refaults_where_it_was_dirty),
		TEST(pages_that_are_dirty_are_none),
		TEST(random_operations_agree_with_the_model),
	};

	return cmocka_run_group_tests(tests, seed, NULL);
}

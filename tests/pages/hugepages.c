/*
 * hugepages.c -- the option thp, and holes that stay holes.
 *
 * The kernel's setting and its advice are wrapped at link time: a test says
 * what the machine does, and counts what it was told.
 */
#include "base/options.h"
#include "os/memory.h"
#include "pages/bell.h"
#include "pages/hugepages.h"
#include "pages/pageheap.h"
#include "unit.h"

static struct pageheap heap;

/* --- a kernel that keeps a book ---------------------------------------------- */

bool __wrap_os_advise_huge(void *addr, size_t bytes, bool yes);
bool __wrap_os_huge_by_default(void);
bool __wrap_os_commit_is_scarce(void);

static struct advice {
	char *addr;
	size_t bytes;
	bool yes;
} said[64];

static size_t nsaid, nasked;
static bool is_default, is_deaf, is_scarce;

bool
__wrap_os_advise_huge(void *addr, size_t bytes, bool yes)
{
	assert_true(nsaid < COUNT_OF(said));
	said[nsaid++] = (struct advice){ addr, bytes, yes };
	return !is_deaf;
}

bool
__wrap_os_huge_by_default(void)
{
	nasked++;
	return is_default;
}

bool
__wrap_os_commit_is_scarce(void)
{
	return is_scarce;
}

/* What was said last is this, and what was said before it is forgotten. */
static void
expect_said(const void *addr, size_t bytes, bool yes)
{
	assert_int_equal(nsaid, 1);
	assert_ptr_equal(said[0].addr, addr);
	assert_int_equal(said[0].bytes, bytes);
	assert_int_equal(said[0].yes, yes);
	nsaid = 0;
}

static void
set(int64_t thp, bool by_default)
{
	assert_true(options_set("thp", thp));
	is_default = by_default;
}

/* --- page runs ------------------------------------------------------------------- */

static char *
take(size_t npages)
{
	bool is_zero;
	char *p = pageheap_alloc(&heap, npages, 1, &is_zero);

	assert_non_null(p);
	return p;
}

static struct chunk *
chunk_of(const void *p)
{
	return region_chunk(region_find(p), p);
}

/* A page of a chunk in use goes back. */
static void
make_hole(char *p)
{
	memset(p, 1, PAGE_BYTES);
	pageheap_free(p, 1);
	assert_int_equal(pageheap_purge(&heap, false, SIZE_MAX), 1);
}

/* Where nobody makes huge pages there is nothing to say, and no mapping split. */
static void
without_huge_pages_nothing_is_said(void)
{
	char *p;

	set(THP_DEFAULT, false);
	p = take(10);
	make_hole(p);
	make_hole(p + 5 * PAGE_BYTES);
	assert_false(chunk_of(p)->is_small_paged);
	assert_int_equal(nsaid, 0);
	/* What is asked for once is remembered. */
	assert_int_equal(nasked, 1);
}

static void
before_its_first_hole_a_chunk_is_advised_against_huge_pages(void)
{
	char *p, *q;

	set(THP_DEFAULT, true);
	p = take(10);
	q = take(CHUNK_NPAGES);
	assert_ptr_not_equal(chunk_of(p), chunk_of(q));
	assert_int_equal(nsaid, 0);
	make_hole(p);
	expect_said(chunk_of(p)->base, CHUNK_BYTES, false);
	assert_true(chunk_of(p)->is_small_paged);
	assert_false(chunk_of(q)->is_small_paged);
	/* Once is enough. */
	make_hole(p + 5 * PAGE_BYTES);
	assert_int_equal(nsaid, 0);
	make_hole(q);
	expect_said(chunk_of(q)->base, CHUNK_BYTES, false);
}

/* The advice is heard by the next purge, if not by this one. */
static void
a_kernel_that_did_not_hear_is_told_again(void)
{
	char *p;

	set(THP_DEFAULT, true);
	is_deaf = true;
	p = take(10);
	make_hole(p);
	expect_said(chunk_of(p)->base, CHUNK_BYTES, false);
	assert_false(chunk_of(p)->is_small_paged);
	is_deaf = false;
	make_hole(p + PAGE_BYTES);
	expect_said(chunk_of(p)->base, CHUNK_BYTES, false);
	assert_true(chunk_of(p)->is_small_paged);
}

/* By a new mapping, which knows nothing of the advice. */
static void
a_free_chunk_forgets_the_advice(void)
{
	struct chunk *c;
	char *p;

	set(THP_DEFAULT, true);
	p = take(10);
	c = chunk_of(p);
	make_hole(p);
	nsaid = 0;
	pageheap_free(p + PAGE_BYTES, 9);
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 9);
	assert_false(c->is_small_paged);
	assert_int_equal(nsaid, 0);
	assert_int_equal(resident_pages(c->base, CHUNK_NPAGES), 0);
	/* And it begins anew. */
	p = take(10);
	assert_ptr_equal(chunk_of(p), c);
	make_hole(p);
	expect_said(c->base, CHUNK_BYTES, false);
}

/* A chunk that ran empty clean: the advice alone is a reason to look at it. */
static void
a_clean_chunk_forgets_the_advice_too(void)
{
	struct chunk *c;
	char *p;

	set(THP_DEFAULT, true);
	p = take(2);
	c = chunk_of(p);
	make_hole(p);
	pageheap_free_parts(p + PAGE_BYTES, 1, 1);
	assert_int_equal(pagepool_ndirty(), 0);
	assert_true(c->is_small_paged);
	assert_int_equal(pagepool_purge(true, SIZE_MAX), 0);
	assert_false(c->is_small_paged);
}

/* Pages that may be wanted again wait, and the advice with them. */
static void
a_free_chunk_keeps_the_advice_while_it_is_dirty(void)
{
	struct chunk *c;
	char *p;

	set(THP_DEFAULT, true);
	p = take(10);
	c = chunk_of(p);
	make_hole(p);
	pageheap_free(p + PAGE_BYTES, 9);
	assert_int_equal(pagepool_purge(true, SIZE_MAX), 0);
	assert_true(c->is_small_paged);
	assert_int_equal(pagepool_purge(true, SIZE_MAX), 9);
	assert_false(c->is_small_paged);
}

/* --- near the memory limit ----------------------------------------------------- */

/* The first page of it that is touched brings 2 MiB. */
static void
a_chunk_that_is_begun_with_counts_as_all_of_its_pages(void)
{
	set(THP_DEFAULT, true);
	bell_allow(10000);
	take(10);
	assert_int_equal(atomic_load(&bell_budget), 10000 - CHUNK_NPAGES - 10);
	/* The next run is of the same one. */
	take(10);
	assert_int_equal(atomic_load(&bell_budget), 10000 - CHUNK_NPAGES - 20);
	assert_int_equal(nsaid, 0);
}

static void
without_huge_pages_it_counts_as_those_that_are_taken(void)
{
	set(THP_DEFAULT, false);
	bell_allow(10000);
	take(10);
	assert_int_equal(atomic_load(&bell_budget), 10000 - 10);
}

static void
near_the_limit_it_is_advised_against_huge_pages(void)
{
	char *p, *q;

	set(THP_DEFAULT, true);
	take(10);
	/* Nobody has a limit. */
	assert_int_equal(nasked, 0);
	bell_near_limit(true);
	bell_allow(10000);
	p = take(CHUNK_NPAGES - 5);
	expect_said(chunk_of(p)->base, CHUNK_BYTES, false);
	assert_true(chunk_of(p)->is_small_paged);
	assert_int_equal(atomic_load(&bell_budget), 10000 - CHUNK_NPAGES + 5);
	/* Of several the last one, of which not all may be used. */
	p = take(2 * CHUNK_NPAGES + 1);
	q = p + 2 * CHUNK_BYTES;
	expect_said(chunk_of(q)->base, CHUNK_BYTES, false);
	assert_false(chunk_of(p)->is_small_paged);
	bell_near_limit(false);
	take(CHUNK_NPAGES);
	assert_int_equal(nsaid, 0);
}

static void
near_the_limit_so_are_chunks_that_a_run_grows_into(void)
{
	char *p;

	set(THP_DEFAULT, true);
	p = take(3 * CHUNK_NPAGES);
	pageheap_free(p + CHUNK_BYTES, 2 * CHUNK_NPAGES);
	pagepool_purge(false, SIZE_MAX);
	assert_int_equal(nsaid, 0);
	bell_near_limit(true);
	assert_true(pageheap_extend(p, CHUNK_NPAGES, CHUNK_NPAGES + 5));
	expect_said(p + 2 * CHUNK_BYTES, CHUNK_BYTES, false);
}

/* It may be a huge page already: that is split when it is purged. */
static void
near_the_limit_a_dirty_chunk_is_left_as_it_is(void)
{
	char *p;

	set(THP_DEFAULT, true);
	p = take(10);
	memset(p, 1, 10 * PAGE_BYTES);
	pageheap_free(p, 10);
	bell_near_limit(true);
	assert_ptr_equal(take(20), p);
	assert_int_equal(nsaid, 0);
}

/* --- never, always ------------------------------------------------------------------ */

static void
never_advises_against_all_memory_at_once(void)
{
	char *p;

	set(THP_NEVER, true);
	p = take(10);
	expect_said((void *)regions[0].base,
		    regions[0].nchunks_max * CHUNK_BYTES, false);
	make_hole(p);
	make_hole(take(CHUNK_NPAGES));
	assert_int_equal(nsaid, 0);
	assert_int_equal(nasked, 0);
}

static void
always_advises_all_memory_for_them_and_chunks_with_holes_against(void)
{
	struct chunk *c;
	char *p;

	set(THP_ALWAYS, false);
	p = take(10);
	c = chunk_of(p);
	expect_said((void *)regions[0].base,
		    regions[0].nchunks_max * CHUNK_BYTES, true);
	make_hole(p);
	expect_said(c->base, CHUNK_BYTES, false);
	make_hole(p + PAGE_BYTES);
	assert_int_equal(nsaid, 0);
	/* The new mapping is to have some again. */
	pageheap_free(p + 2 * PAGE_BYTES, 8);
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 8);
	expect_said(c->base, CHUNK_BYTES, true);
	assert_false(c->is_small_paged);
}

/* malloc may be called before the options are known. */
static void
memory_from_before_the_options_is_advised_when_they_are_known(void)
{
	set(THP_DEFAULT, true);
	take(10);
	assert_int_equal(nsaid, 0);
	set(THP_NEVER, true);
	pagepool_open_front();
	expect_said((void *)regions[0].base,
		    regions[0].nchunks_max * CHUNK_BYTES, false);
}

static void
by_default_the_kernel_is_left_alone_when_options_are_known(void)
{
	set(THP_DEFAULT, true);
	take(10);
	pagepool_open_front();
	assert_int_equal(nsaid, 0);
}

static void
a_chunk_of_moved_pages_is_advised_anew(void)
{
	struct chunk *c;
	char *p;

	set(THP_ALWAYS, true);
	p = take(10);
	c = chunk_of(p);
	nsaid = 0;
	pageheap_note_moved(p, 10);
	pageheap_free(p, 10);
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 10);
	expect_said(c->base, CHUNK_BYTES, true);
}

static void
a_chunk_that_is_committed_again_is_advised_anew(void)
{
	struct chunk *c;
	char *p;

	set(THP_ALWAYS, true);
	is_scarce = true;
	p = take(10);
	c = chunk_of(p);
	nsaid = 0;
	pageheap_free(p, 10);
	assert_int_equal(pagepool_purge(false, SIZE_MAX), 10);
	assert_false(c->is_committed);
	assert_int_equal(nsaid, 0);
	assert_ptr_equal(take(10), p);
	expect_said(c->base, CHUNK_BYTES, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(without_huge_pages_nothing_is_said),
		alone(before_its_first_hole_a_chunk_is_advised_against_huge_pages),
		alone(a_kernel_that_did_not_hear_is_told_again),
		alone(a_free_chunk_forgets_the_advice),
		alone(a_clean_chunk_forgets_the_advice_too),
		alone(a_free_chunk_keeps_the_advice_while_it_is_dirty),
		alone(a_chunk_that_is_begun_with_counts_as_all_of_its_pages),
		alone(without_huge_pages_it_counts_as_those_that_are_taken),
		alone(near_the_limit_it_is_advised_against_huge_pages),
		alone(near_the_limit_so_are_chunks_that_a_run_grows_into),
		alone(near_the_limit_a_dirty_chunk_is_left_as_it_is),
		alone(never_advises_against_all_memory_at_once),
		alone(always_advises_all_memory_for_them_and_chunks_with_holes_against),
		alone(memory_from_before_the_options_is_advised_when_they_are_known),
		alone(by_default_the_kernel_is_left_alone_when_options_are_known),
		alone(a_chunk_of_moved_pages_is_advised_anew),
		alone(a_chunk_that_is_committed_again_is_advised_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

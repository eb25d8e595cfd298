/*
 * hooks.c -- chunks by way of functions of the program's, and of ours.
 */
#include "faults.h"
#include "pages/hooks.h"
#include "pages/pagepool.h"
#include "unit.h"

#define ARENA 7u

/* A copy of the table that a test changes, as programs do. */
static struct extent_hooks hooks;

static void
boot(void)
{
	hooks = hooks_default;
}

static size_t
npooled(void)
{
	struct pagepool_stats s;

	pagepool_stats(&s);
	return s.npooled;
}

static struct chunk *
take(size_t count)
{
	struct chunk *c = hooks_take(&hooks, ARENA, count, CHUNK_BYTES);

	assert_non_null(c);
	return c;
}

static void *
lent(size_t bytes, bool *zero)
{
	bool commit = false;
	void *p = hooks_default.alloc(&hooks, NULL, bytes, CHUNK_BYTES, zero,
				      &commit, ARENA);

	assert_non_null(p);
	assert_true(commit);
	return p;
}

static bool
is_taken_back(void *p, size_t bytes)
{
	return !hooks_default.dalloc(&hooks, p, bytes, true, ARENA);
}

/* As many chunks with contents as a request for `count` takes from the pool. */
static void
fill_pool(size_t count)
{
	struct chunk *c = pagepool_take(count, CHUNK_BYTES);

	assert_non_null(c);
	for (size_t i = 0; i < count; i++) {
		chunk_take(&c[i], 0, CHUNK_NPAGES);
		memset(c[i].base, 'x', CHUNK_BYTES);
		chunk_give(&c[i], 0, CHUNK_NPAGES);
		pagepool_put(&c[i]);
	}
}

/* --- functions of ours ---------------------------------------------------------- */

static void
memory_is_lent_until_it_is_taken_back(void)
{
	bool zero = false;
	char *p;

	boot();
	p = lent(3 * CHUNK_BYTES - 1, &zero);
	assert_true(zero);
	assert_true(is_all(p, 0, 3 * CHUNK_BYTES));
	memset(p, 'x', 3 * CHUNK_BYTES);
	assert_int_equal(npooled(), 0);
	assert_true(is_taken_back(p, 3 * CHUNK_BYTES - 1));
	assert_int_equal(npooled(), 3);
	assert_int_equal(resident_pages(p, CHUNK_NPAGES), 0);
	assert_false(is_taken_back(p, CHUNK_BYTES));
}

static void
nothing_else_is_taken_back(void)
{
	bool zero = false;
	char *p, *q;

	boot();
	p = lent(CHUNK_BYTES, &zero);
	q = pagepool_take(1, CHUNK_BYTES)->base;
	assert_false(is_taken_back(NULL, CHUNK_BYTES));
	assert_false(is_taken_back(&zero, CHUNK_BYTES));
	assert_false(is_taken_back(p + PAGE_BYTES, CHUNK_BYTES));
	assert_false(is_taken_back(q, CHUNK_BYTES));
	assert_false(is_taken_back(p, 0));
	/* More than its region has, and more than was lent. */
	assert_false(is_taken_back(p, REQUEST_MAX));
	assert_false(is_taken_back(p, 64 * CHUNK_BYTES));
	assert_int_equal(npooled(), 0);
	assert_true(is_taken_back(p, CHUNK_BYTES));
}

static void *
asked(void *at, size_t bytes, size_t alignment)
{
	bool zero = false, commit = false;

	return hooks_default.alloc(&hooks, at, bytes, alignment, &zero, &commit,
				   ARENA);
}

static void
what_cannot_be_promised_is_refused(void)
{
	boot();
	assert_null(asked(&hooks, CHUNK_BYTES, CHUNK_BYTES));
	assert_null(asked(NULL, 0, CHUNK_BYTES));
	assert_null(asked(NULL, REQUEST_MAX + 1, CHUNK_BYTES));
	assert_null(asked(NULL, REQUEST_MAX, CHUNK_BYTES));
	assert_null(asked(NULL, CHUNK_BYTES, 3 * PAGE_BYTES));
	assert_null(asked(NULL, CHUNK_BYTES, 0));
	/* A small alignment is had by the way. */
	assert_true((uintptr_t)asked(NULL, 1, 16) % CHUNK_BYTES == 0);
}

static void
without_memory_nothing_is_lent(void)
{
	boot();
	fault_for_good(OS_CALL_RESERVE, 1);
	assert_null(asked(NULL, CHUNK_BYTES, CHUNK_BYTES));
	assert_null(hooks_take(&hooks, ARENA, 1, CHUNK_BYTES));
	faults_none();
	assert_non_null(asked(NULL, CHUNK_BYTES, CHUNK_BYTES));
}

static void
who_wants_zeroes_gets_them_though_the_kernel_purges_nothing(void)
{
	bool zero = true;
	char *p;

	boot();
	fill_pool(2);
	fault_for_good(OS_CALL_PURGE, 1);
	p = lent(2 * CHUNK_BYTES, &zero);
	assert_true(zero);
	assert_true(is_all(p, 0, 2 * CHUNK_BYTES));
}

static void
who_wants_none_is_told_that_there_are_none(void)
{
	bool zero = false;
	char *p;

	boot();
	fill_pool(1);
	fault_for_good(OS_CALL_PURGE, 1);
	p = lent(CHUNK_BYTES, &zero);
	assert_false(zero);
	assert_true(is_all(p, 'x', CHUNK_BYTES));
}

static bool
purge(char *p, size_t offset, size_t length)
{
	return !hooks_default.purge_forced(&hooks, p, CHUNK_BYTES, offset,
					   length, ARENA);
}

static void
pages_of_lent_memory_can_be_purged(void)
{
	bool zero = false;
	char *p;

	boot();
	p = lent(CHUNK_BYTES, &zero);
	memset(p, 'x', CHUNK_BYTES);
	assert_false(purge(p, CHUNK_BYTES, PAGE_BYTES));
	assert_false(purge(p, CHUNK_BYTES + PAGE_BYTES, 0));
	assert_false(purge(p, 100, PAGE_BYTES));
	assert_false(purge(p, 0, 100));
	assert_false(purge(p + PAGE_BYTES, 0, PAGE_BYTES));
	assert_true(is_all(p, 'x', CHUNK_BYTES));
	assert_true(purge(p, PAGE_BYTES, 2 * PAGE_BYTES));
	assert_true(is_all(p, 'x', PAGE_BYTES));
	assert_true(is_all(p + PAGE_BYTES, 0, 2 * PAGE_BYTES));
	assert_true(
		is_all(p + 3 * PAGE_BYTES, 'x', CHUNK_BYTES - 3 * PAGE_BYTES));
	fault_once(OS_CALL_PURGE, 1);
	assert_false(purge(p, 0, PAGE_BYTES));
}

/* True where they refuse. */
static void
the_others_are_so_already_or_refuse(void)
{
	const struct extent_hooks *d = &hooks_default;
	char *p = NULL;

	boot();
	assert_false(d->commit(&hooks, p, CHUNK_BYTES, 0, PAGE_BYTES, ARENA));
	assert_false(d->split(&hooks, p, 2 * CHUNK_BYTES, CHUNK_BYTES,
			      CHUNK_BYTES, true, ARENA));
	assert_false(
		d->merge(&hooks, p, CHUNK_BYTES, p, CHUNK_BYTES, true, ARENA));
	assert_true(d->decommit(&hooks, p, CHUNK_BYTES, 0, PAGE_BYTES, ARENA));
	assert_true(
		d->purge_lazy(&hooks, p, CHUNK_BYTES, 0, PAGE_BYTES, ARENA));
}

/* --- functions of the program's ---------------------------------------------------- */

/* The last call, and how many there were of each. */
static struct {
	unsigned nalloc, ndalloc, ndestroy, arena;
	void *addr;
	size_t bytes;
	bool was_inside;
} seen;

static void
see(unsigned *n, void *addr, size_t bytes, unsigned arena)
{
	(*n)++;
	seen.addr = addr;
	seen.bytes = bytes;
	seen.arena = arena;
	seen.was_inside = hooks_are_called();
}

static void *
alloc_and_write(struct extent_hooks *h, void *new_addr, size_t bytes,
		size_t alignment, bool *zero, bool *commit, unsigned arena)
{
	void *p = hooks_default.alloc(h, new_addr, bytes, alignment, zero,
				      commit, arena);

	see(&seen.nalloc, p, bytes, arena);
	memset(p, 'w', bytes);
	*zero = false;
	return p;
}

/* A chunk behind what has the alignment. */
static void *
alloc_misaligned(struct extent_hooks *h, void *new_addr, size_t bytes,
		 size_t alignment, bool *zero, bool *commit, unsigned arena)
{
	char *p = hooks_default.alloc(h, new_addr, bytes + CHUNK_BYTES,
				      alignment, zero, commit, arena);

	return p + CHUNK_BYTES;
}

static bool
dalloc_and_see(struct extent_hooks *h, void *addr, size_t bytes, bool committed,
	       unsigned arena)
{
	see(&seen.ndalloc, addr, bytes, arena);
	return hooks_default.dalloc(h, addr, bytes, committed, arena);
}

static bool
dalloc_never(struct extent_hooks *h, void *addr, size_t bytes, bool committed,
	     unsigned arena)
{
	(void)h;
	(void)committed;
	see(&seen.ndalloc, addr, bytes, arena);
	return true;
}

static void
destroy_and_see(struct extent_hooks *h, void *addr, size_t bytes,
		bool committed, unsigned arena)
{
	see(&seen.ndestroy, addr, bytes, arena);
	hooks_default.destroy(h, addr, bytes, committed, arena);
}

static void
chunks_that_are_taken_are_lent_no_more(void)
{
	struct chunk *c;

	boot();
	c = take(2);
	assert_false(c[0].is_lent);
	assert_false(c[1].is_lent);
	assert_false(is_taken_back(c->base, 2 * CHUNK_BYTES));
	hooks_give(&hooks, ARENA, &c[0]);
	hooks_give(&hooks, ARENA, &c[1]);
	assert_int_equal(npooled(), 2);
}

static void
what_the_function_wrote_counts_as_dirty(void)
{
	struct chunk *c;

	boot();
	assert_int_equal(take(1)->ndirty, 0);
	hooks.alloc = alloc_and_write;
	c = take(2);
	assert_int_equal(seen.bytes, 2 * CHUNK_BYTES);
	assert_int_equal(seen.arena, ARENA);
	assert_true(seen.was_inside);
	assert_false(hooks_are_called());
	assert_int_equal(c[0].ndirty, CHUNK_NPAGES);
	assert_int_equal(c[1].ndirty, CHUNK_NPAGES);
	assert_int_equal(c[1].nused, 0);
	assert_false(chunk_take(&c[1], 0, 1));
}

static void
misaligned_memory_is_handed_back(void)
{
	boot();
	hooks.alloc = alloc_misaligned;
	hooks.dalloc = dalloc_and_see;
	assert_null(hooks_take(&hooks, ARENA, 2, 2 * CHUNK_BYTES));
	assert_int_equal(seen.ndalloc, 1);
	assert_int_equal(seen.bytes, 2 * CHUNK_BYTES);
	assert_true(seen.was_inside);
	assert_false(is_taken_back(seen.addr, CHUNK_BYTES));
	/* The chunk in front of them stays the function's. */
	assert_true(
		is_taken_back((char *)seen.addr - CHUNK_BYTES, CHUNK_BYTES));
}

static void
a_chunk_that_the_function_does_not_take_is_destroyed(void)
{
	struct chunk *c;

	boot();
	hooks.dalloc = dalloc_never;
	hooks.destroy = destroy_and_see;
	c = take(1);
	hooks_give(&hooks, ARENA, c);
	assert_int_equal(seen.ndalloc, 1);
	assert_int_equal(seen.ndestroy, 1);
	assert_ptr_equal(seen.addr, c->base);
	assert_int_equal(seen.bytes, CHUNK_BYTES);
	assert_true(seen.was_inside);
	assert_false(hooks_are_called());
	assert_int_equal(npooled(), 1);
}

static void
without_functions_that_take_it_the_pool_gets_it(void)
{
	boot();
	hooks.dalloc = NULL;
	hooks.destroy = NULL;
	hooks_give(&hooks, ARENA, take(1));
	assert_int_equal(npooled(), 1);
}

/* It may have advice that nobody else is to have. */
static void
a_chunk_whose_mapping_stays_is_nobody_s_and_empty(void)
{
	struct chunk *c;
	char *base;

	boot();
	c = take(1);
	base = c->base;
	chunk_take(c, 0, CHUNK_NPAGES);
	memset(base, 'x', CHUNK_BYTES);
	chunk_give(c, 0, CHUNK_NPAGES);
	/* The new mapping; the purge after that goes well. */
	fault_once(OS_CALL_PURGE, 1);
	hooks_give(&hooks, ARENA, c);
	assert_int_equal(faults_count(OS_CALL_PURGE), 2);
	assert_int_equal(npooled(), 0);
	assert_int_equal(resident_pages(base, CHUNK_NPAGES), 0);
	assert_ptr_not_equal(take(1)->base, base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(memory_is_lent_until_it_is_taken_back),
		alone(nothing_else_is_taken_back),
		alone(what_cannot_be_promised_is_refused),
		alone(without_memory_nothing_is_lent),
		alone(who_wants_zeroes_gets_them_though_the_kernel_purges_nothing),
		alone(who_wants_none_is_told_that_there_are_none),
		alone(pages_of_lent_memory_can_be_purged),
		alone(the_others_are_so_already_or_refuse),
		alone(chunks_that_are_taken_are_lent_no_more),
		alone(what_the_function_wrote_counts_as_dirty),
		alone(misaligned_memory_is_handed_back),
		alone(a_chunk_that_the_function_does_not_take_is_destroyed),
		alone(without_functions_that_take_it_the_pool_gets_it),
		alone(a_chunk_whose_mapping_stays_is_nobody_s_and_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

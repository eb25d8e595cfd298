/*
 * made.c -- arenas apart and the program's caches, made, used, emptied and
 * ended by several threads, while one drains caches, retires slabs and looks.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "cache/counts.h"
#include "cache/drain.h"
#include "cache/explicit.h"
#include "cache/floor.h"
#include "cache/thread.h"
#include "control/arenas.h"
#include "control/reclaim.h"
#include "heap/direct.h"
#include "unit.h"

#define NTHREADS 4
#define NBLOCKS  100
#define RUN_S    2

static _Atomic bool is_over;
static _Atomic size_t nrounds;

struct made {
	struct arena *arena;
	struct explicit_cache *cache;
	unsigned index;
	void **blocks[NBLOCKS];
	unsigned cls[NBLOCKS];
};

static void
take(struct made *m, unsigned i, uint64_t *luck)
{
	unsigned cls = 1 + (unsigned)random_below(luck, CLASS_LARGE_MAX);
	bool is_zero;
	void **p;

	p = random_below(luck, 2) == 0
		    ? direct_alloc(m->arena, cls, &is_zero)
		    : explicit_alloc(m->cache, m->arena, cls, &is_zero);
	must(p != NULL && arena_of(p) == m->arena);
	*p = p;
	m->blocks[i] = p;
	m->cls[i] = class_is_slab(cls) ? cls : CLASS_RUN;
}

static void
give(struct made *m, unsigned i, uint64_t *luck)
{
	must(*m->blocks[i] == m->blocks[i]);
	if (random_below(luck, 2) == 0)
		direct_free(m->blocks[i], m->cls[i]);
	else
		explicit_free(m->cache, m->blocks[i], m->cls[i]);
	m->blocks[i] = NULL;
}

static void
one_round(uint64_t *luck)
{
	struct made m = { .arena = arena_make() };
	unsigned cls = 1 + (unsigned)random_below(luck, CLASS_SLAB_MAX);

	must(m.arena != NULL && explicit_make(&m.index));
	m.cache = explicit_find(m.index);
	must(m.cache != NULL);
	for (unsigned step = 0; step < 500; step++) {
		unsigned i = (unsigned)random_below(luck, NBLOCKS);

		if (m.blocks[i] != NULL)
			give(&m, i, luck);
		else
			take(&m, i, luck);
		/* The thread's own cache, counted. */
		block_free(block_alloc(cls), cls);
	}
	must(arenas_destroy(arena_index(m.arena)) == 0);
	must(explicit_end(m.index));
	atomic_fetch_add(&nrounds, 1);
}

static void *
run(void *arg)
{
	uint64_t luck = (uintptr_t)arg;

	if (luck % 2 == 0)
		must(counts_get() != NULL);
	while (!atomic_load(&is_over))
		one_round(&luck);
	return NULL;
}

static void *
look(void *arg)
{
	size_t counts[NCLASSES];

	while (!atomic_load(&is_over)) {
		memset(counts, 0, sizeof counts);
		drain_caches(true);
		drain_count(counts);
		drain_find(arg, 5);
		reclaim_tick(true);
		reclaim_now();
	}
	return NULL;
}

static void
threads_make_use_and_end_them_while_others_look(void **state)
{
	pthread_t threads[NTHREADS], other;
	struct timespec t = { RUN_S, 0 };

	(void)state;
	thread_boot();
	assert_int_equal(pthread_create(&other, NULL, look, &t), 0);
	for (uintptr_t i = 0; i < NTHREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, run, (void *)(i + 1)),
			0);
	nanosleep(&t, NULL);
	atomic_store(&is_over, true);
	for (unsigned i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_join(other, NULL);
	assert_true(nrounds > 0);
	for (unsigned i = arena_limit(); i < arena_count(); i++)
		assert_int_equal(arenas[i].pages.nused, 0);
}

/* --- threads that come while an arena ends ------------------------------------- */

static struct arena *_Atomic going;
static _Atomic bool is_done;

/*
 * Where it was bound, its blocks stay its own. It is away for a while in
 * between: an arena ends only when none of the threads is bound to it, which
 * those that bind themselves without a pause need not all be for minutes.
 */
static void *
bind(void *arg)
{
	const struct timespec pause = { 0, 100000 };

	while (!atomic_load(&is_done)) {
		struct arena *a = atomic_load(&going);
		void *p;

		if (!thread_set_arena(a))
			continue;
		p = block_alloc(5);
		must(p != NULL && arena_of(p) == a);
		sched_yield();
		must(slab_find(p) != NULL && !slab_looks_free(slab_find(p), p));
		must(thread_set_arena(&arenas[0]));
		nanosleep(&pause, NULL);
	}
	return arg;
}

static void
no_thread_is_bound_to_an_arena_that_ends(void **state)
{
	pthread_t threads[NTHREADS];
	uint64_t end = os_now_ns() + RUN_S * 1000000000ull;
	size_t nended = 0;

	(void)state;
	thread_boot();
	atomic_store(&going, arena_make());
	for (unsigned i = 0; i < NTHREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, bind, NULL),
				 0);
	while (os_now_ns() < end) {
		if (arenas_destroy(arena_index(going)) != 0)
			continue;
		nended++;
		atomic_store(&going, arena_make());
	}
	atomic_store(&is_done, true);
	for (unsigned i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(arenas_destroy(arena_index(going)), 0);
	assert_true(nended > 0);
	printf("# %zu arenas ended\n", nended);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			threads_make_use_and_end_them_while_others_look),
		cmocka_unit_test(no_thread_is_bound_to_an_arena_that_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

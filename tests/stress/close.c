/*
 * close.c -- a cache is closed and opened as fast as can be while its owner is
 * on its fast path without a pause: the two never use it at once.
 *
 * What could go wrong is an owner's store of busy that sits in a store buffer
 * while the owner loads the pointer already. The window is nanoseconds, so the
 * owner here does nothing but pass it, millions of times. The proof is
 * tests/model/drain.pml; this shows that the kernel keeps its word.
 */
#include "cache/floor.h"

/* For this long at least, and on a busy machine until a closing succeeded. */
#define RUN_NS  (UINT64_C(1000) * 1000000)
#define WAIT_NS (60 * RUN_NS)

static struct tcache *cache;
static _Atomic bool is_ready, is_over;
/* Somebody else than the owner uses the cache. */
static _Atomic bool is_closed;
static size_t nopen, nshut, nclosed, nspared;
static _Atomic size_t nbroken;

static void
use(void)
{
	for (unsigned i = 0; i < 100; i++) {
		if (atomic_load_explicit(&is_closed, memory_order_relaxed))
			atomic_fetch_add_explicit(&nbroken, 1,
						  memory_order_relaxed);
	}
}

static void *
owner(void *arg)
{
	(void)arg;
	cache = cache_own();
	atomic_store(&is_ready, true);
	while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
		struct tcache *c = cache_enter();

		if (c == cache) {
			use();
			nopen++;
		} else {
			nshut++;
		}
		cache_leave();
	}
	return NULL;
}

/* One closing; true where it succeeded. */
static bool
close_once(void)
{
	bool ok;

	lock_take(&cache->lock, LOCK_CACHE);
	ok = cache_close(cache);
	if (ok) {
		/* Release and acquire by the open pointer's store below. */
		atomic_store_explicit(&is_closed, true, memory_order_relaxed);
		for (unsigned i = 0; i < 200; i++)
			atomic_signal_fence(memory_order_seq_cst);
		atomic_store_explicit(&is_closed, false, memory_order_relaxed);
		cache_open(cache);
	}
	lock_drop(&cache->lock, LOCK_CACHE);
	return ok;
}

static bool
is_enough(uint64_t ns)
{
	return ns >= RUN_NS && (nclosed > 0 || ns >= WAIT_NS);
}

static void
the_owner_and_another_never_use_a_cache_at_once(void **state)
{
	pthread_t thread;
	uint64_t begin;

	(void)state;
	thread_boot();
	assert_int_equal(pthread_create(&thread, NULL, owner, NULL), 0);
	while (!atomic_load(&is_ready))
		os_yield();
	begin = os_now_ns();
	while (!is_enough(os_now_ns() - begin)) {
		for (unsigned i = 0; i < 100; i++)
			*(close_once() ? &nclosed : &nspared) += 1;
	}
	atomic_store(&is_over, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	print_message("# closed %zu times, spared %zu times; the owner found "
		      "it open %zu times, closed %zu times\n",
		      nclosed, nspared, nopen, nshut);
	assert_true(nclosed > 0);
	assert_true(nopen > 0);
	assert_int_equal(atomic_load(&nbroken), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_owner_and_another_never_use_a_cache_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * drain.c -- many threads on their fast paths while others drain, look for,
 * count and close their caches, and while threads are born and die.
 *
 * Every block has an owner word outside of the block: what is handed out twice
 * is seen at once. Contents are signed and checked. Built with TSan too, which
 * proves that the protocol of cache/tcache.h orders what it claims to order.
 */
#include "cache/drain.h"
#include "cache/floor.h"
#include "control/stats.h"
#include "control/trim.h"

#define NWORKERS 4
#define NBLOCKS  400
#define NSHARED  256
#define RUN_US   1500000

/* Owner words for each 16 bytes of so many chunks; the test needs few. */
#define OWNED_BYTES (128 * MIB)

static _Atomic uint8_t *owners;
static _Atomic bool is_over;
static _Atomic(void *) shared[NSHARED];
static uint64_t seed;

struct block {
	uint64_t tag;
	unsigned cls;
};

static const unsigned classes[] = { 1, 2, 7, 16, 20, 40, 64, 66, 80 };

static _Atomic uint8_t *
owner_of(const void *p)
{
	size_t at = (size_t)((uintptr_t)p - regions[0].base);

	must(at < OWNED_BYTES);
	return &owners[at / QUANTUM_BYTES];
}

static struct block *
take(uint64_t *luck)
{
	unsigned cls = classes[random_below(luck, COUNT_OF(classes))];
	struct block *b = block_alloc(cls);

	must(b != NULL);
	must(atomic_exchange_explicit(owner_of(b), 1, memory_order_relaxed) ==
	     0);
	b->tag = (uint64_t)(uintptr_t)b * 31 + cls;
	b->cls = cls;
	((char *)b)[class_size(cls) - 1] = (char)cls;
	return b;
}

static void
check(const struct block *b)
{
	must(b->cls <= CLASS_LARGE_MAX);
	must(((const char *)b)[class_size(b->cls) - 1] == (char)b->cls);
	must(b->tag == (uint64_t)(uintptr_t)b * 31 + b->cls);
}

static void
give(struct block *b)
{
	unsigned cls = b->cls;

	check(b);
	b->cls = CLASS_RUN;
	must(atomic_exchange_explicit(owner_of(b), 0, memory_order_relaxed) ==
	     1);
	block_free(b, cls);
}

/* Swaps a block with the others': frees what another thread allocated. */
static void
trade(struct block **mine, uint64_t *luck)
{
	_Atomic(void *) *place = &shared[random_below(luck, NSHARED)];

	*mine = atomic_exchange_explicit(place, *mine, memory_order_acq_rel);
	if (*mine != NULL)
		check(*mine);
}

static void
work(uint64_t *luck, size_t nsteps)
{
	static _Thread_local struct block *blocks[NBLOCKS];

	for (size_t i = 0; i < nsteps; i++) {
		struct block **b = &blocks[random_below(luck, NBLOCKS)];

		if (random_below(luck, 8) == 0)
			trade(b, luck);
		else if (*b == NULL)
			*b = take(luck);
		else {
			give(*b);
			*b = NULL;
		}
	}
	for (size_t i = 0; i < NBLOCKS; i++) {
		if (blocks[i] != NULL)
			give(blocks[i]);
		blocks[i] = NULL;
	}
}

static void *
worker(void *arg)
{
	uint64_t luck = seed + (uintptr_t)arg * 7919;

	while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
		work(&luck, 20000);
		/* Idle for a moment, so that quiet drains find something. */
		usleep((useconds_t)random_below(&luck, 2000));
	}
	return NULL;
}

static void *
short_life(void *arg)
{
	uint64_t luck = seed ^ (uintptr_t)arg;

	work(&luck, 1 + random_below(&luck, 300));
	return NULL;
}

/* Threads are born and die all the time, leaving blocks in their caches. */
static void *
parent(void *arg)
{
	uintptr_t n = (uintptr_t)arg;

	while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
		pthread_t threads[4];

		for (size_t i = 0; i < 4; i++)
			must(pthread_create(&threads[i], NULL, short_life,
					    (void *)(n += 1299709)) == 0);
		for (size_t i = 0; i < 4; i++)
			must(pthread_join(threads[i], NULL) == 0);
	}
	return NULL;
}

static _Atomic size_t ndrained, nspared;

static void
drain_once(uint64_t *luck, struct block *live)
{
	size_t counts[NCLASSES] = { 0 };
	struct drain_result r = { 0, 0, 0 };

	switch (random_below(luck, 8)) {
	case 0:
		r = drain_caches(false);
		break;
	case 1:
		drain_count(counts);
		break;
	case 2:
		/* In our hands, so in nobody's cache. */
		must(!drain_find(live, live->cls));
		break;
	case 3:
		trim_now();
		break;
	case 4:
		thread_hold_all();
		thread_release_all();
		break;
	default:
		r = drain_caches(true);
	}
	must(r.ndrained + r.nactive <= r.ncaches);
	atomic_fetch_add_explicit(&ndrained, r.ndrained, memory_order_relaxed);
	atomic_fetch_add_explicit(&nspared, r.nactive, memory_order_relaxed);
}

static void *
drainer(void *arg)
{
	uint64_t luck = seed + 1 + (uintptr_t)arg;
	struct block *live = take(&luck);

	while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
		drain_once(&luck, live);
		if (random_below(&luck, 4) == 0)
			os_yield();
	}
	give(live);
	return NULL;
}

static pthread_t threads[NWORKERS + 3];

static void
start_all(void)
{
	for (uintptr_t i = 0; i < NWORKERS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, worker, (void *)i),
			0);
	assert_int_equal(pthread_create(&threads[NWORKERS], NULL, parent, NULL),
			 0);
	for (uintptr_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[NWORKERS + 1 + i],
						NULL, drainer, (void *)i),
				 0);
}

static void
no_block_is_handed_out_twice_while_caches_are_drained(void **state)
{
	(void)state;
	seed = random_seed();
	owners = mmap(NULL, OWNED_BYTES / QUANTUM_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(owners != MAP_FAILED);
	thread_boot();
	start_all();
	usleep(RUN_US);
	atomic_store(&is_over, true);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (size_t i = 0; i < NSHARED; i++) {
		if (shared[i] != NULL)
			give(shared[i]);
	}
}

static void
both_ways_out_of_a_drain_were_taken(void **state)
{
	(void)state;
	print_message("# %zu caches drained, %zu left to their threads\n",
		      atomic_load(&ndrained), atomic_load(&nspared));
	assert_true(atomic_load(&ndrained) > 0);
	assert_true(atomic_load(&nspared) > 0);
}

static void
in_the_end_nothing_is_missing(void **state)
{
	static struct stats s;

	(void)state;
	stats_take(&s);
	assert_int_equal(s.allocated, 0);
	assert_int_equal(s.active,
			 s.cached + s.shelved + s.slab_free + s.slab_away);
	trim_now();
	stats_take(&s);
	assert_int_equal(s.active, 0);
	assert_int_equal(s.dirty, 0);
	/* Ours, for the main thread freed blocks too. */
	assert_int_equal(s.nthreads, 1);
	for (size_t i = 0; i < OWNED_BYTES / QUANTUM_BYTES; i++)
		assert_int_equal(owners[i], 0);
	munmap((void *)(uintptr_t)owners, OWNED_BYTES / QUANTUM_BYTES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			no_block_is_handed_out_twice_while_caches_are_drained),
		cmocka_unit_test(both_ways_out_of_a_drain_were_taken),
		cmocka_unit_test(in_the_end_nothing_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

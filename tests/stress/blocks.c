/*
 * blocks.c -- the entry points under random requests of all sizes and
 * alignments by several threads, which free and grow each other's blocks, while
 * one thread trims. Each thread knows what it holds and what is in it.
 *
 * Built with the entry points under their tri_ names, on the host's malloc.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "base/base.h"
#include "control/stats.h"
#include "trimalloc/trimalloc.h"
#include "unit.h"

#define NTHREADS 4
#define NBLOCKS  300
#define NSHARED  64
#define RUN_S    2

struct block {
	unsigned char *p;
	size_t n;
	unsigned char byte;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct block shared[NSHARED];
static _Atomic bool is_over;
static _Atomic size_t nsteps;
static uint64_t seed;

/* Small ones mostly; each doubling up to 4 MiB now and then. */
static size_t
random_size(uint64_t *luck)
{
	unsigned bits = random_below(luck, 20) == 0
				? (unsigned)random_below(luck, 23)
				: (unsigned)random_below(luck, 13);

	return random_below(luck, ((size_t)1 << bits) + 1);
}

/* The first and the last bytes, and some in between. */
static void
fill(struct block *b)
{
	if (b->n <= 4096) {
		memset(b->p, b->byte, b->n);
		return;
	}
	for (size_t i = 0; i < b->n; i += 4096)
		b->p[i] = b->byte;
	b->p[b->n - 1] = b->byte;
}

static void
check(const struct block *b, size_t n)
{
	if (b->n <= 4096) {
		must(is_all(b->p, b->byte, min_size(n, b->n)));
		return;
	}
	for (size_t i = 0; i < n; i += 4096)
		must(b->p[i] == b->byte);
	must(n < b->n || b->p[b->n - 1] == b->byte);
}

static void
take(struct block *b, uint64_t *luck)
{
	size_t align = (size_t)16 << random_below(luck, 10);

	*b = (struct block){ .n = random_size(luck),
			     .byte = (unsigned char)(random_next(luck) | 1) };
	switch (random_below(luck, 6)) {
	case 0:
		b->p = tri_calloc(1, b->n);
		must(b->p != NULL && is_all(b->p, 0, b->n));
		align = 16;
		break;
	case 1:
		b->p = tri_aligned_alloc(align, b->n);
		break;
	case 2:
		must(tri_posix_memalign((void **)&b->p, align, b->n) == 0);
		break;
	default:
		b->p = tri_malloc(b->n);
		align = 16;
	}
	must(b->p != NULL);
	must((uintptr_t)b->p % align == 0);
	must(tri_malloc_usable_size(b->p) >= b->n);
	fill(b);
}

static void
grow(struct block *b, uint64_t *luck)
{
	size_t n = 1 + random_size(luck);
	unsigned char *p;

	check(b, b->n);
	p = tri_realloc(b->p, n);
	must(p != NULL);
	b->p = p;
	check(b, min_size(n, b->n));
	b->n = n;
	fill(b);
}

static void
give(struct block *b)
{
	check(b, b->n);
	tri_free(b->p);
	b->p = NULL;
}

/* A block of another thread's for one of ours. */
static void
trade(struct block *mine, uint64_t *luck)
{
	struct block *place = &shared[random_below(luck, NSHARED)];
	struct block other;

	pthread_mutex_lock(&mutex);
	other = *place;
	*place = *mine;
	pthread_mutex_unlock(&mutex);
	*mine = other;
}

static void *
worker(void *arg)
{
	static _Thread_local struct block blocks[NBLOCKS];
	uint64_t luck = seed + (uintptr_t)arg * 15485863;
	size_t n = 0;

	for (; !atomic_load_explicit(&is_over, memory_order_relaxed); n++) {
		struct block *b = &blocks[random_below(&luck, NBLOCKS)];
		size_t what = random_below(&luck, 10);

		if (what == 0)
			trade(b, &luck);
		else if (b->p == NULL)
			take(b, &luck);
		else if (what < 3)
			grow(b, &luck);
		else
			give(b);
	}
	for (size_t i = 0; i < NBLOCKS; i++) {
		if (blocks[i].p != NULL)
			give(&blocks[i]);
	}
	atomic_fetch_add(&nsteps, n);
	return NULL;
}

static void *
trimmer(void *arg)
{
	struct stats s;

	while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
		tri_malloc_trim(0);
		stats_take(&s);
		usleep(1000);
	}
	return arg;
}

static void
every_block_holds_what_its_owner_wrote(void **state)
{
	pthread_t threads[NTHREADS + 1];

	(void)state;
	seed = random_seed();
	for (uintptr_t i = 0; i <= NTHREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						i < NTHREADS ? worker : trimmer,
						(void *)i),
				 0);
	sleep(RUN_S);
	atomic_store(&is_over, true);
	for (size_t i = 0; i <= NTHREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	print_message("# %zu steps\n", atomic_load(&nsteps));
	assert_true(atomic_load(&nsteps) > 1000);
}

static void
in_the_end_nothing_is_allocated(void **state)
{
	struct stats s;

	(void)state;
	for (size_t i = 0; i < NSHARED; i++) {
		if (shared[i].p != NULL)
			give(&shared[i]);
	}
	tri_malloc_trim(0);
	stats_take(&s);
	assert_int_equal(s.allocated, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_block_holds_what_its_owner_wrote),
		cmocka_unit_test(in_the_end_nothing_is_allocated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * forks.c -- children of a process whose threads allocate and free while one of
 * them gives back all that is free, without a pause: each child finds its
 * blocks whole, no slab in the middle of a purge, and can go on.
 *
 * Built with the entry points under their tri_ names, on the host's malloc.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "heap/arena.h"
#include "control/stats.h"
#include "trimalloc/trimalloc.h"
#include "unit.h"

#define NTHREADS 3
#define NBLOCKS  400
#define NFORKS   40
#define TRIMS    20

struct block {
	unsigned char *p;
	size_t n;
};

struct holder {
	uint64_t luck;
	struct block blocks[NBLOCKS];
};

static _Atomic bool is_over;
static _Atomic size_t ntrims;

/* Small ones mostly, and runs of pages. */
static size_t
random_size(uint64_t *luck)
{
	size_t most = random_below(luck, 30) ? 3000 : 200000;

	return 1 + random_below(luck, most);
}

static unsigned char
byte_of(const struct block *b)
{
	return (unsigned char)((uintptr_t)b->p >> 4 ^ b->n) | 1;
}

static void
take(struct block *b, uint64_t *luck)
{
	b->n = random_size(luck);
	b->p = tri_malloc(b->n);
	must(b->p != NULL);
	memset(b->p, byte_of(b), b->n);
}

static void
give(struct block *b)
{
	must(is_all(b->p, byte_of(b), b->n));
	memset(b->p, 0, b->n);
	tri_free(b->p);
	b->p = NULL;
}

/* Some blocks in a row: whole pages run free. */
static void
churn(struct holder *h)
{
	size_t n = 1 + random_below(&h->luck, 50);
	size_t at = random_below(&h->luck, NBLOCKS);

	for (size_t i = at; i < min_size(at + n, NBLOCKS); i++) {
		if (h->blocks[i].p == NULL)
			take(&h->blocks[i], &h->luck);
		else
			give(&h->blocks[i]);
	}
}

static void
give_all(struct holder *h)
{
	for (size_t i = 0; i < NBLOCKS; i++) {
		if (h->blocks[i].p != NULL)
			give(&h->blocks[i]);
	}
}

static void *
worker(void *arg)
{
	struct holder *h = arg;

	while (!atomic_load_explicit(&is_over, memory_order_relaxed))
		churn(h);
	give_all(h);
	return NULL;
}

static void *
trimmer(void *arg)
{
	while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
		tri_malloc_trim(0);
		atomic_fetch_add_explicit(&ntrims, 1, memory_order_relaxed);
	}
	return arg;
}

/* --- children --------------------------------------------------------------------- */

static void
expect_no_slab_held(void)
{
	for (unsigned i = 0; i < arena_count(); i++) {
		for (unsigned cls = 1; cls <= CLASS_SLAB_MAX; cls++) {
			const struct bin *b = &arenas[i].bins[cls];

			must(b->lists[BIN_HELD].first == NULL);
			for (unsigned k = 0; k < BIN_NLISTS; k++) {
				struct list_node *n = b->lists[k].first;

				for (; n != NULL; n = n->next)
					must(!list_entry(n, struct slab, link)
						      ->is_held);
			}
		}
	}
}

/* Its own blocks are whole, and everything works, in this one thread. */
static void
live_on(struct holder *h)
{
	child_begin();
	alarm(120);
	expect_no_slab_held();
	for (unsigned i = 0; i < 20; i++) {
		churn(h);
		tri_malloc_trim(0);
	}
	give_all(h);
	tri_malloc_trim(0);
	expect_no_slab_held();
	_exit(0);
}

static void
fork_one(struct holder *h)
{
	int status = -1;
	pid_t pid = fork();

	must(pid >= 0);
	if (pid == 0)
		live_on(h);
	must(waitpid(pid, &status, 0) == pid);
	if (status != 0)
		fail_msg("a child ended with 0x%x", (unsigned)status);
}

static void
wait_for_trims(size_t n)
{
	while (atomic_load_explicit(&ntrims, memory_order_relaxed) < n)
		sched_yield();
}

static struct holder holders[NTHREADS + 1];

static void
children_begin_with_whole_blocks_and_no_purge_under_way(void **state)
{
	struct holder *mine = &holders[NTHREADS];
	pthread_t threads[NTHREADS + 1];
	uint64_t seed = random_seed();
	struct stats s;

	(void)state;
	for (size_t i = 0; i <= NTHREADS; i++) {
		holders[i].luck = seed + i * 7919;
		assert_int_equal(pthread_create(&threads[i], NULL,
						i < NTHREADS ? worker : trimmer,
						&holders[i]),
				 0);
	}
	for (size_t i = 0; i < NFORKS; i++) {
		for (unsigned k = 0; k < 10; k++)
			churn(mine);
		fork_one(mine);
	}
	wait_for_trims(TRIMS);
	atomic_store(&is_over, true);
	for (size_t i = 0; i <= NTHREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	give_all(mine);
	print_message("# %d children, %zu trims\n", NFORKS,
		      atomic_load(&ntrims));
	tri_malloc_trim(0);
	stats_take(&s);
	assert_int_equal(s.allocated, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			children_begin_with_whole_blocks_and_no_purge_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

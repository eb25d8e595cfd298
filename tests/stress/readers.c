/*
 * readers.c -- sixteen threads that look at everything while sixteen others
 * allocate, die and are born, and pages go back.
 *
 * Built with TSan too: a look takes each floor's lock in turn, or reads what
 * may be read without one.
 */
#include "base/options.h"
#include "cache/floor.h"
#include "control/report.h"
#include "control/stats.h"
#include "control/trim.h"
#include "heap/large.h"

#define NREADERS 16
#define NWORKERS 16
#define NBLOCKS  100
#define LIFE     4000 /* steps of a thread */
#define NLOOKS   12   /* of each reader */

static _Atomic bool is_over;
static _Atomic unsigned nlives;
static _Atomic int64_t most_unaccounted;
static uint64_t seed;

/* --- those who allocate ------------------------------------------------------- */

struct load {
	uint64_t luck;
	char *blocks[NBLOCKS];
	unsigned classes[NBLOCKS];
};

/* Mostly small ones; of the others, up to 64 KiB. */
static void
step(struct load *l)
{
	size_t i = random_below(&l->luck, NBLOCKS);
	unsigned most = random_below(&l->luck, 30) ? CLASS_2048 : 70;

	if (l->blocks[i] != NULL) {
		block_free(l->blocks[i], l->classes[i]);
		l->blocks[i] = NULL;
		return;
	}
	l->classes[i] = 1 + (unsigned)random_below(&l->luck, most);
	l->blocks[i] = block_alloc(l->classes[i]);
	must(l->blocks[i] != NULL);
	memset(l->blocks[i], 1, class_size(l->classes[i]));
}

static void *
life(void *arg)
{
	struct load *l = arg;

	for (unsigned i = 0; i < LIFE; i++)
		step(l);
	for (size_t i = 0; i < NBLOCKS; i++) {
		if (l->blocks[i] != NULL)
			block_free(l->blocks[i], l->classes[i]);
		l->blocks[i] = NULL;
	}
	atomic_fetch_add(&nlives, 1);
	return NULL;
}

/* One life after the other. */
static void *
worker(void *arg)
{
	struct load *l = arg;

	while (!atomic_load(&is_over)) {
		pthread_t t;

		must(pthread_create(&t, NULL, life, l) == 0);
		must(pthread_join(t, NULL) == 0);
	}
	return NULL;
}

static void *
trimmer(void *arg)
{
	(void)arg;
	while (!atomic_load(&is_over)) {
		reclaim_tick(true);
		trim_now();
		os_sleep(10000000);
	}
	return NULL;
}

/* --- those who look --------------------------------------------------------------- */

/*
 * A chunk that changes hands between two looks may count twice, what is below
 * nothing is 2^64.
 */
static void
check_plausible(size_t bytes, size_t mapped)
{
	if (bytes > 2 * mapped) {
		fprintf(stderr, "%zu bytes of %zu\n", bytes, mapped);
		abort();
	}
}

static void
check_sums(const struct stats *s)
{
	check_plausible(s->allocated, s->mapped);
	check_plausible(s->cached, s->mapped);
	check_plausible(s->shelved, s->mapped);
	check_plausible(s->slab_free, s->mapped);
	check_plausible(s->slab_away, s->mapped);
	check_plausible(s->active, s->mapped);
	check_plausible(s->dirty, s->mapped);
	check_plausible(s->large, s->mapped);
	for (unsigned cls = 1; cls < CLASS_RUN; cls++) {
		const struct class_stats *c = &s->classes[cls];
		size_t size = class_size(cls);

		check_plausible(c->nlive * size, s->mapped);
		check_plausible(c->ncached * size, s->mapped);
		check_plausible(c->nfree * size, s->mapped);
		must(c->nflushed <= c->nfilled);
	}
}

static void
check_arenas(const struct snapshot *snap)
{
	for (unsigned i = 0; i < snap->narenas; i++) {
		const struct arena_stats *a = &snap->arenas[i];

		check_plausible(a->allocated, snap->sum.mapped);
		check_plausible(a->cached, snap->sum.mapped);
		check_plausible(a->slab_free, snap->sum.mapped);
		/* Of one moment. */
		must(a->active + a->dirty + a->clean == a->mapped);
	}
	for (size_t i = 0; i < snap->nthreads; i++)
		must(snap->threads[i].tid > 0);
}

static void
note_unaccounted(const struct stats *s)
{
	int64_t n = s->unaccounted < 0 ? -s->unaccounted : s->unaccounted;
	int64_t most = atomic_load(&most_unaccounted);
	struct pagepool_stats now;

	/* Found after the sums: the first look finds no chunk, this one may. */
	pagepool_stats(&now);
	check_plausible(s->untouched, now.nchunks * CHUNK_BYTES);
	while (n > most &&
	       !atomic_compare_exchange_weak(&most_unaccounted, &most, n))
		continue;
}

static void
look_at_snapshot(void)
{
	struct snapshot *snap = snapshot_take();

	must(snap != NULL);
	stats_ask_kernel(&snap->sum);
	check_sums(&snap->sum);
	check_arenas(snap);
	note_unaccounted(&snap->sum);
	snapshot_free(snap);
}

static void
look_at_report(enum report_form form)
{
	static const char *const ends[] = { "\n", "]}\n", "</malloc>\n" };
	struct report r;
	size_t n = strlen(ends[form]);

	must(report_make(form, &r));
	must(r.len > n);
	must(memcmp(r.buf + r.len - n, ends[form], n) == 0);
	report_drop(&r);
}

static void *
reader(void *arg)
{
	static struct stats sums[NREADERS];
	size_t own = *(size_t *)arg;

	for (unsigned i = 0; i < NLOOKS; i++) {
		stats_take(&sums[own]);
		check_sums(&sums[own]);
		look_at_snapshot();
		look_at_report((enum report_form)((own + i) % 3));
	}
	return NULL;
}

static void
no_sum_is_negative_while_threads_allocate_die_and_are_born(void **state)
{
	static struct load loads[NWORKERS];
	static size_t numbers[NREADERS];
	pthread_t workers[NWORKERS], readers[NREADERS], t;

	(void)state;
	seed = random_seed();
	assert_true(options_set("thp", THP_NEVER));
	assert_true(options_set("narenas", 4));
	stats_boot();
	thread_boot();
	for (size_t i = 0; i < NWORKERS; i++) {
		loads[i].luck = seed + i;
		pthread_create(&workers[i], NULL, worker, &loads[i]);
	}
	pthread_create(&t, NULL, trimmer, NULL);
	for (size_t i = 0; i < NREADERS; i++) {
		numbers[i] = i;
		pthread_create(&readers[i], NULL, reader, &numbers[i]);
	}
	for (size_t i = 0; i < NREADERS; i++)
		pthread_join(readers[i], NULL);
	atomic_store(&is_over, true);
	for (size_t i = 0; i < NWORKERS; i++)
		pthread_join(workers[i], NULL);
	pthread_join(t, NULL);
	assert_true(atomic_load(&nlives) > NWORKERS);
}

/*
 * What the load can have live at a time is what the kernel and the books can
 * differ by at most, whatever happens between the two looks.
 */
static void
what_the_bill_leaves_open_is_bounded(void **state)
{
	size_t live = NWORKERS * NBLOCKS * 64 * KIB;

	(void)state;
	fprintf(stderr, "# %lld KiB were unaccounted at most\n",
		(long long)atomic_load(&most_unaccounted) / 1024);
	assert_true(atomic_load(&most_unaccounted) <= (int64_t)live);
}

static void
in_the_end_the_bill_adds_up_to_the_byte(void **state)
{
	static struct stats s;

	(void)state;
	stats_take(&s);
	stats_ask_kernel(&s);
	assert_int_equal(s.unaccounted, 0);
	assert_int_equal(s.allocated, 0);
	assert_int_equal(s.active,
			 s.cached + s.shelved + s.slab_free + s.slab_away);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			no_sum_is_negative_while_threads_allocate_die_and_are_born),
		cmocka_unit_test(what_the_bill_leaves_open_is_bounded),
		cmocka_unit_test(in_the_end_the_bill_adds_up_to_the_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

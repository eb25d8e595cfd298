/*
 * ctl.c -- sixteen threads that read, refresh and steer by names while sixteen
 * others allocate, change their arena, and go without a cache.
 *
 * Built with TSan too.
 */
#include <errno.h>

#include "base/options.h"
#include "cache/floor.h"
#include "control/ctl_print.h"
#include "control/trim.h"

#define NREADERS 16
#define NWORKERS 16
#define NBLOCKS  50
#define NLOOKS   60 /* of each reader */

static _Atomic bool is_over;
static uint64_t seed;

#define WRITE(name, type, value)                                            \
	do {                                                                \
		type put = (value);                                         \
		must(ctl_by_name(name, NULL, NULL, &put, sizeof put) == 0); \
	} while (0)

/* --- those who allocate --------------------------------------------------------- */

static void *
worker(void *arg)
{
	uint64_t luck = seed + (uint64_t)(uintptr_t)arg;
	void *blocks[NBLOCKS] = { NULL };
	unsigned classes[NBLOCKS] = { 0 };

	for (unsigned n = 1; !atomic_load(&is_over); n++) {
		size_t i = random_below(&luck, NBLOCKS);

		if (blocks[i] != NULL) {
			block_free(blocks[i], classes[i]);
			blocks[i] = NULL;
		} else {
			classes[i] = 1 + (unsigned)random_below(&luck, 70);
			blocks[i] = block_alloc(classes[i]);
			must(blocks[i] != NULL);
		}
		if (n % 500 == 0)
			WRITE("thread.tcache.enabled", bool, n % 1500 != 0);
		if (n % 700 == 0 && tcache_anchor.phase == PHASE_LIVE)
			WRITE("thread.arena", unsigned, n / 700 % 2);
	}
	for (size_t i = 0; i < NBLOCKS; i++) {
		if (blocks[i] != NULL)
			block_free(blocks[i], classes[i]);
	}
	return NULL;
}

/* --- those who look --------------------------------------------------------------- */

static void
each_row(void (*look)(const struct ctl_row *row))
{
	for (size_t i = 0; i < ctl_nrows; i++)
		look(&ctl_rows[i]);
}

/* Everything that needs no kernel: the second arena may not be in use yet. */
static void
look_at(const struct ctl_row *row)
{
	size_t index[2] = { 0, 5 };
	union ctl_value v;

	if (row->read != ctl_kernel_figure)
		ctl_print_read(row, index, &v);
	index[0] = CTL_ARENAS_ALL;
	if (strncmp(row->name, "stats.arenas.", 13) == 0)
		ctl_print_read(row, index, &v);
}

static void
print_all(const char *opts)
{
	struct report r;

	must(ctl_print(opts, &r));
	must(r.len == strlen(r.buf));
	must(r.len > 1000);
	must(strcmp(r.buf + r.len - 2, strchr(opts, 'J') ? "}\n" : "-\n") == 0);
	report_drop(&r);
}

static void
look_by_numbers(void)
{
	static const char name[] = "stats.arenas.0.bins.3.curregs";
	size_t mib[CTL_DEPTH], n = CTL_DEPTH, value, len = sizeof value;

	must(ctl_name_to_mib(name, mib, &n) == 0);
	for (mib[4] = 0; mib[4] < 58; mib[4]++)
		must(ctl_by_mib(mib, n, &value, &len, NULL, 0) == 0);
	must(ctl_by_mib(mib, n, &value, &len, NULL, 0) == ENOENT);
}

static void *
reader(void *arg)
{
	uintptr_t own = (uintptr_t)arg;
	uint64_t epoch, last = 0;
	size_t len = sizeof epoch;

	for (uintptr_t i = own; i < own + NLOOKS; i++) {
		if (i % 4 == 0)
			WRITE("epoch", uint64_t, 1);
		must(ctl_by_name("epoch", &epoch, &len, NULL, 0) == 0);
		must(epoch >= last);
		last = epoch;
		each_row(look_at);
		look_by_numbers();
		if (i % 20 == 0)
			print_all(i % 40 == 0 ? "J" : "");
		if (i % 15 == 0)
			must(ctl_write_text("arena.4096.purge", "") == 0);
		if (i % 10 == 0)
			must(ctl_write_text("arenas.dirty_decay_ms",
					    i % 20 == 0 ? "0" : "1000") == 0);
	}
	return NULL;
}

static void
names_are_read_and_written_by_all_threads_at_once(void)
{
	pthread_t readers[NREADERS], workers[NWORKERS];

	must(options_set("narenas", 2));
	thread_boot();
	for (uintptr_t i = 0; i < NWORKERS; i++)
		must(pthread_create(&workers[i], NULL, worker, (void *)i) == 0);
	for (uintptr_t i = 0; i < NREADERS; i++)
		must(pthread_create(&readers[i], NULL, reader, (void *)i) == 0);
	for (int i = 0; i < NREADERS; i++)
		must(pthread_join(readers[i], NULL) == 0);
	atomic_store(&is_over, true);
	for (int i = 0; i < NWORKERS; i++)
		must(pthread_join(workers[i], NULL) == 0);
	must(ctl_write_text("epoch", "1") == 0);
	{
		size_t left = 1, len = sizeof left;

		must(ctl_by_name("stats.allocated", &left, &len, NULL, 0) == 0);
		must(left == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alone(names_are_read_and_written_by_all_threads_at_once),
	};

	seed = random_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

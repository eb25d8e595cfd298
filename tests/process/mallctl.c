/*
 * mallctl.c -- jemalloc's names in a process: what they say is so, and what
 * they do happens.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jemalloc/jemalloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "crowd.h"
#include "ctl.h"
#include "library.h"
#include "memory.h"

#define WAIT_MS 20000

/* --- figures ------------------------------------------------------------------- */

static void
sums_are_in_order_and_change_with_the_epoch(void)
{
	size_t before;
	void *p;

	load();
	NEXT_EPOCH();
	before = READ("stats.allocated", size_t);
	p = hide(malloc(8 * MIB));
	expect(READ("stats.allocated", size_t) == before);
	NEXT_EPOCH();
	expect(READ("stats.allocated", size_t) >= before + 8 * MIB);
	expect(READ("stats.active", size_t) >= READ("stats.allocated", size_t));
	expect(READ("stats.active", size_t) % 4096 == 0);
	expect(READ("stats.resident", size_t) >= READ("stats.active", size_t));
	expect(READ("stats.mapped", size_t) >= READ("stats.active", size_t));
	expect(READ("stats.arenas.4096.large.allocated", size_t) >= 8 * MIB);
	free(p);
	NEXT_EPOCH();
	expect(READ("stats.allocated", size_t) < before + 8 * MIB);
}

/* As Redis adds up how well its slabs are used. */
static void
bins_of_all_arenas_add_up_to_small_blocks(void)
{
	unsigned nbins, i;
	size_t mib[6], n = 6, size_mib[4], nsize = 4, bytes = 0, len;
	void *kept[1000];

	load();
	for (i = 0; i < 1000; i++)
		kept[i] = hide(malloc(i + 1));
	NEXT_EPOCH();
	nbins = READ("arenas.nbins", unsigned);
	expect(ctl.nametomib("stats.arenas.0.bins.0.curregs", mib, &n) == 0);
	expect(ctl.nametomib("arenas.bin.0.size", size_mib, &nsize) == 0);
	expect(n == 6 && nsize == 4);
	mib[2] = MALLCTL_ARENAS_ALL;
	for (i = 0; i < nbins; i++) {
		size_t curregs, size;

		mib[4] = size_mib[2] = i;
		len = sizeof curregs;
		expect(ctl.bymib(mib, n, &curregs, &len, NULL, 0) == 0);
		expect(ctl.bymib(size_mib, nsize, &size, &len, NULL, 0) == 0);
		bytes += curregs * size;
	}
	expect_for(bytes == READ("stats.arenas.4096.small.allocated", size_t) +
				    READ("trimalloc.stats.cached", size_t),
		   "%zu", bytes);
	for (i = 0; i < 1000; i++)
		free(kept[i]);
}

static void
calls_of_realloc_to_nothing_are_counted(void)
{
	size_t before;

	load();
	before = READ("stats.zero_reallocs", size_t);
	expect(realloc(hide(malloc(10)), hide_size(0)) == NULL);
	expect(READ("stats.zero_reallocs", size_t) == before + 1);
}

/* --- the calling thread -------------------------------------------------------- */

static void *
blocks_come_from_another_arena(void *argument)
{
	void *question = malloc(100), *small, *large;
	unsigned index, old;
	size_t len = sizeof index;

	(void)argument;
	WRITE("thread.arena", unsigned, 1);
	expect(READ("thread.arena", unsigned) == 1);
	CALL("thread.tcache.flush");
	small = malloc(100);
	large = malloc(100000);
	expect(ctl.mallctl("arenas.lookup", &index, &len, &small,
			   sizeof small) == 0);
	expect(index == 1);
	expect(ctl.mallctl("arenas.lookup", &index, &len, &large,
			   sizeof large) == 0);
	expect(index == 1);
	index = 99;
	expect(ctl.mallctl("thread.arena", &old, &len, &index, len) == EFAULT);
	expect(READ("thread.arena", unsigned) == 1);
	free(small);
	free(large);
	free(question);
	return NULL;
}

static void
a_thread_takes_its_blocks_from_the_arena_that_it_names(void)
{
	const char *nothing = "x";
	unsigned index;
	size_t len = sizeof index;

	load();
	crowd_run(1, blocks_come_from_another_arena);
	expect(ctl.mallctl("arenas.lookup", &index, &len, (void *)&nothing,
			   sizeof nothing) == EINVAL);
	nothing = NULL;
	expect(ctl.mallctl("arenas.lookup", &index, &len, (void *)&nothing,
			   sizeof nothing) == EINVAL);
}

static void
a_thread_goes_on_without_a_cache_and_gets_one_again(void)
{
	void *p;

	load();
	free(hide(malloc(100)));
	expect(READ("thread.tcache.enabled", bool));
	for (int i = 0; i < 3; i++) {
		WRITE("thread.tcache.enabled", bool, false);
		expect(!READ("thread.tcache.enabled", bool));
		expect(ctl.mallctl("thread.tcache.flush", NULL, NULL, NULL,
				   0) == EFAULT);
		p = hide(malloc(100));
		free(p);
		NEXT_EPOCH();
		expect(READ("trimalloc.stats.cached_blocks", size_t) == 0);
		WRITE("thread.tcache.enabled", bool, true);
		expect(READ("thread.tcache.enabled", bool));
		p = hide(malloc(100));
		free(p);
		NEXT_EPOCH();
		expect(READ("trimalloc.stats.cached_blocks", size_t) > 0);
		CALL("thread.idle");
		NEXT_EPOCH();
		expect(READ("trimalloc.stats.cached_blocks", size_t) == 0);
	}
}

/* --- memory goes back ------------------------------------------------------------ */

#define NBLOCKS 4096

static void
fill_and_free(void)
{
	static void *blocks[NBLOCKS];

	for (int i = 0; i < NBLOCKS; i++) {
		blocks[i] = malloc(16 * KIB);
		memset(blocks[i], 1, 16 * KIB);
	}
	for (int i = 0; i < NBLOCKS; i++)
		free(blocks[i]);
}

static void
a_purge_gives_all_back_that_is_free(void)
{
	size_t before, full;

	load();
	before = resident_bytes();
	fill_and_free();
	full = resident_bytes();
	expect_for(full > before + 48 * MIB, "%zu", full - before);
	CALL("arena.4096.purge");
	expect_for(resident_bytes() < before + 8 * MIB, "%zu",
		   resident_bytes() - before);
}

static void
a_shorter_time_counts_for_what_is_free_already(void)
{
	size_t before;

	load();
	before = resident_bytes();
	expect(READ("arenas.dirty_decay_ms", ssize_t) == -1);
	fill_and_free();
	expect(resident_bytes() > before + 48 * MIB);
	WRITE("arena.0.dirty_decay_ms", ssize_t, 100);
	expect(READ("arenas.dirty_decay_ms", ssize_t) == 100);
	expect(READ("trimalloc.options.decay_ms", ssize_t) == 100);
	expect(resident_bytes() < before + 8 * MIB);
	WRITE("arenas.dirty_decay_ms", ssize_t, 24L * 3600 * 1000);
	expect(READ("arenas.dirty_decay_ms", ssize_t) == 3600 * 1000);
}

static int
count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	int n = 0;

	expect(dir != NULL);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n - 2;
}

static void
wait_for_threads(int n)
{
	for (int i = 0; count_threads() != n; i++) {
		expect_for(i < WAIT_MS, "%d threads", count_threads());
		usleep(1000);
	}
}

static void *
nothing(void *argument)
{
	return argument;
}

static void
the_trim_thread_ends_and_begins_as_told(void)
{
	load();
	expect(count_threads() == 1);
	crowd_run(1, nothing);
	wait_for_threads(2);
	expect(READ("background_thread", bool));
	WRITE("background_thread", bool, false);
	wait_for_threads(1);
	crowd_run(1, nothing);
	expect(!READ("background_thread", bool));
	wait_for_threads(1);
	WRITE("background_thread", bool, true);
	crowd_run(1, nothing);
	wait_for_threads(2);
}

/* --- threads against each other ---------------------------------------------------- */

#define NREADERS 8
#define NWORKERS 8

static _Atomic bool is_over;

static void *
read_all(void *argument)
{
	for (int i = 0; i < 200; i++) {
		size_t n = 0;

		if (i % 4 == (intptr_t)argument % 4)
			NEXT_EPOCH();
		expect(READ("stats.allocated", size_t) < GIB);
		expect(READ("stats.arenas.4096.pactive", size_t) < GIB);
		if (i % 50 == 0)
			ctl.stats_print(count_bytes, &n, "Ja");
		expect(i % 50 != 0 || n > 1000);
		if (i % 20 == 0)
			CALL("thread.tcache.flush");
		if (i % 100 == 0)
			CALL("arena.4096.purge");
	}
	return NULL;
}

static void *
work(void *argument)
{
	for (uint64_t i = (uint64_t)(uintptr_t)argument; !is_over; i += 1000) {
		live_a_life(i, 100);
		WRITE("thread.tcache.enabled", bool, i / 1000 % 3 != 0);
	}
	return NULL;
}

static void
readers_and_workers_do_each_other_no_harm(void)
{
	pthread_t workers[NWORKERS];

	load();
	crowd_start(workers, NWORKERS, work);
	crowd_run(NREADERS, read_all);
	is_over = true;
	crowd_join(workers, NWORKERS);
}

static void *
ask_until_over(void *argument)
{
	while (!is_over) {
		NEXT_EPOCH();
		expect(READ("stats.mapped", size_t) > 0);
	}
	return argument;
}

static void
a_child_of_a_fork_in_the_middle_of_a_question_can_ask(void)
{
	pthread_t threads[4];
	int status;

	load();
	crowd_start(threads, 4, ask_until_over);
	for (int i = 0; i < 300; i++) {
		pid_t pid = fork();

		expect(pid >= 0);
		if (pid == 0) {
			alarm(20);
			NEXT_EPOCH();
			expect(READ("stats.mapped", size_t) > 0);
			_exit(0);
		}
		expect(waitpid(pid, &status, 0) == pid);
		expect_for(status == 0, "status %#x after %d", status, i);
	}
	is_over = true;
	crowd_join(threads, 4);
}

/* --- options ------------------------------------------------------------------ */

static void
options_that_may_change_are_set_by_name(void)
{
	load();
	WRITE("trimalloc.options.pressure_percent", size_t, 75);
	expect(READ("trimalloc.options.pressure_percent", size_t) == 75);
	WRITE("trimalloc.options.stats_at_exit", bool, true);
	expect(READ("trimalloc.options.stats_at_exit", bool));
	WRITE("trimalloc.options.stats_at_exit", bool, false);
	WRITE("trimalloc.options.dump_form", const char *, "json");
	expect(strcmp(READ("trimalloc.options.dump_form", const char *),
		      "json") == 0);
	WRITE("trimalloc.options.decay_ms", ssize_t, -1);
	expect(READ("trimalloc.options.decay_ms", ssize_t) == -1);
}

static void
what_an_option_cannot_have_is_refused_and_changes_nothing(void)
{
	size_t narenas;

	load();
	ANSWERS(EINVAL, "trimalloc.options.pressure_percent", size_t, 101);
	ANSWERS(EINVAL, "trimalloc.options.dump_form", const char *, "yaml");
	ANSWERS(EINVAL, "trimalloc.options.decay_ms", ssize_t, -2);
	/* Of another size than its values have. */
	ANSWERS(EINVAL, "trimalloc.options.stats_at_exit", size_t, 1);
	/* What counts from the start on. */
	ANSWERS(EPERM, "trimalloc.options.tcache", bool, false);
	expect(READ("trimalloc.options.pressure_percent", size_t) == 90);
	expect(strcmp(READ("trimalloc.options.dump_form", const char *),
		      "text") == 0);
	expect(READ("trimalloc.options.decay_ms", ssize_t) == 1000);
	narenas = READ("trimalloc.options.narenas", size_t);
	ANSWERS(EINVAL, "trimalloc.options.narenas", size_t, 65);
	expect(READ("trimalloc.options.narenas", size_t) == narenas);
}

/* Without an epoch: they are asked of the kernel at each question. */
static void
figures_of_the_kernel_are_of_now(void)
{
	size_t before;
	char *p;

	load();
	before = READ("trimalloc.stats.resident", size_t);
	p = hide(malloc(16 * MIB));
	memset(p, 1, 16 * MIB);
	expect(READ("trimalloc.stats.resident", size_t) >= before + 16 * MIB);
	expect(READ("trimalloc.stats.huge", size_t) <=
	       READ("trimalloc.stats.resident", size_t));
	expect(READ("trimalloc.stats.unaccounted", ssize_t) < (ssize_t)MIB);
	free(p);
}

/* --- hooks -------------------------------------------------------------------- */

/* As called by a program's function that does its own work around them. */
static void
the_library_s_own_hooks_do_what_their_names_say(void)
{
	extent_hooks_t *h;
	bool zero = false, commit = false;
	char *p;

	load();
	h = READ("arena.0.extent_hooks", extent_hooks_t *);
	p = h->alloc(h, NULL, 4 * MIB, 2 * MIB, &zero, &commit, 0);
	expect(p != NULL);
	memset(p, 1, 4 * MIB);
	/* What is purged for good reads as zero, and nothing beside it. */
	expect(!h->purge_forced(h, p, 4 * MIB, MIB, MIB, 0));
	expect(zero_check(p + MIB, MIB) == MIB);
	expect(p[MIB - 1] == 1 && p[2 * MIB] == 1);
	expect(h->purge_forced(h, p, 4 * MIB, 3 * MIB, 2 * MIB, 0));
	expect(h->purge_forced(h, p, 4 * MIB, 1, 4096, 0));
	expect(h->purge_forced(h, h, 4 * MIB, 0, 4096, 0));
	/* It is committed, and stays so; its chunks stand alone. */
	expect(!h->commit(h, p, 4 * MIB, 0, 4 * MIB, 0));
	expect(h->decommit(h, p, 4 * MIB, 0, 4 * MIB, 0));
	expect(h->purge_lazy(h, p, 4 * MIB, 0, 4 * MIB, 0));
	expect(p[3 * MIB] == 1);
	expect(!h->split(h, p, 4 * MIB, 2 * MIB, 2 * MIB, true, 0));
	expect(!h->merge(h, p, 2 * MIB, p + 2 * MIB, 2 * MIB, true, 0));
	h->destroy(h, p, 4 * MIB, true, 0);
	expect(h->dalloc(h, p, 4 * MIB, true, 0));
}

static const struct test_case cases[] = {
	CASE(sums_are_in_order_and_change_with_the_epoch),
	CASE(bins_of_all_arenas_add_up_to_small_blocks,
	     .conf = "tcache_large:0,trim_thread:false"),
	CASE(calls_of_realloc_to_nothing_are_counted),
	CASE(a_thread_takes_its_blocks_from_the_arena_that_it_names,
	     .conf = "narenas:2"),
	CASE(a_thread_goes_on_without_a_cache_and_gets_one_again),
	CASE(a_purge_gives_all_back_that_is_free,
	     .conf = "decay_ms:-1,trim_thread:false"),
	CASE(a_shorter_time_counts_for_what_is_free_already,
	     .conf = "decay_ms:-1,trim_thread:false"),
	CASE(the_trim_thread_ends_and_begins_as_told),
	CASE(readers_and_workers_do_each_other_no_harm),
	CASE(a_child_of_a_fork_in_the_middle_of_a_question_can_ask),
	CASE(options_that_may_change_are_set_by_name),
	CASE(what_an_option_cannot_have_is_refused_and_changes_nothing),
	CASE(figures_of_the_kernel_are_of_now),
	CASE(the_library_s_own_hooks_do_what_their_names_say),
};

int
main(int argc, char **argv)
{
	return RUN_CASES(argc, argv, cases);
}

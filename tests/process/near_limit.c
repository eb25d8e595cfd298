/*
 * near_limit.c -- near the limit of its memory group a process gives all back
 * that is free, before the kernel looks for somebody to kill.
 *
 * Each case runs in a group of its own. The program's own mappings are what
 * brings the limit near where its blocks are to stay what they are.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "case.h"
#include "crowd.h"
#include "group.h"
#include "info.h"
#include "memory.h"
#include "system.h"

#define LIMIT     (256 * MIB)
#define THRESHOLD (LIMIT / 10 * 9)

/* By themselves, pages would wait for longer than anybody does here. */
#define SLOW_DECAY  "decay_ms:12000"
#define PATIENCE_MS 7000

enum { N_BLOCKS = 2400 };
static void *blocks[N_BLOCKS];

/* 150 MiB, free again, and resident. */
static size_t
leave_much_free(void)
{
	size_t before = resident_bytes();

	for (size_t i = 0; i < N_BLOCKS; i++) {
		blocks[i] = malloc(hide_size(64 * KIB));
		expect(blocks[i] != NULL);
		memset(blocks[i], 1, 64 * KIB);
	}
	for (size_t i = 0; i < N_BLOCKS; i++)
		free(blocks[i]);
	expect(resident_bytes() >= before + 140 * MIB);
	return before;
}

/* Memory that is not the allocator's, as a JVM's heap. */
static size_t
map_and_touch(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	expect(p != MAP_FAILED);
	return bytes;
}

/* Up to 4 MiB above the threshold. */
static size_t
approach_limit(void)
{
	size_t usage = group_read(GROUP_USAGE);

	expect(usage < THRESHOLD);
	return map_and_touch(THRESHOLD + 4 * MIB - usage);
}

static void
expect_fall_to(size_t bytes)
{
	expect_for(resident_falls_to(bytes + 4 * MIB, PATIENCE_MS),
		   "%zu MiB resident, %zu in use", resident_bytes() / MIB,
		   bytes / MIB);
}

/* --- what brings it ------------------------------------------------------------------ */

static void
when_the_limit_comes_near_free_memory_goes_back(void)
{
	size_t before = leave_much_free();

	expect_fall_to(before + approach_limit());
}

static void
when_the_limit_comes_near_what_never_decays_goes_back_too(void)
{
	when_the_limit_comes_near_free_memory_goes_back();
}

static void *
burst_and_wait(void *barrier)
{
	void *p[500];

	for (size_t i = 0; i < 500; i++) {
		p[i] = malloc(hide_size(4000));
		expect(p[i] != NULL);
		memset(p[i], 1, 4000);
	}
	for (size_t i = 0; i < 500; i++)
		free(p[i]);
	pthread_barrier_wait(barrier);
	pthread_barrier_wait(barrier);
	return NULL;
}

/* What they keep in slabs and caches is theirs no more. */
static void
when_the_limit_comes_near_idle_threads_give_back_too(void)
{
	enum { N = 64 };
	pthread_barrier_t barrier;
	pthread_t threads[N];
	size_t before = resident_bytes();

	expect(pthread_barrier_init(&barrier, NULL, N + 1) == 0);
	for (int i = 0; i < N; i++)
		threads[i] = crowd_start_one(burst_and_wait, &barrier);
	pthread_barrier_wait(&barrier);
	expect_fall_to(before + N * 16 * KIB + approach_limit());
	pthread_barrier_wait(&barrier);
	crowd_join(threads, N);
}

/* One block in each page run of slabs lives on; the next load is a larger one. */
static void
when_blocks_of_other_sizes_need_it_memory_inside_slabs_goes_back(void)
{
	enum { N = 150000 };
	static void *small[N];
	void *large[12];

	for (size_t i = 0; i < N; i++) {
		small[i] = malloc(hide_size(1000));
		expect(small[i] != NULL);
		memset(small[i], 1, 1000);
	}
	for (size_t i = 0; i < N; i++) {
		if (i % 60 != 0)
			free(small[i]);
	}
	/* 146 MiB and 120 MiB: more than there may be. */
	for (size_t i = 0; i < 12; i++) {
		large[i] = malloc(hide_size(10 * MIB));
		expect(large[i] != NULL);
		memset(large[i], 1, 10 * MIB);
	}
	for (size_t i = 0; i < 12; i++)
		free(large[i]);
	for (size_t i = 0; i < N; i += 60)
		free(small[i]);
}

static void
a_limit_that_is_lowered_is_noticed(void)
{
	size_t before = leave_much_free();

	expect(group_write(GROUP_LIMIT, group_read(GROUP_USAGE) + 10 * MIB));
	expect_fall_to(before);
}

static void
the_limit_of_a_group_above_is_one_too(void)
{
	size_t before = leave_much_free();

	expect(group_read(GROUP_LIMIT) > 1024 * GIB);
	expect_fall_to(before + approach_limit());
}

static void
the_tighter_limit_above_is_the_one_that_counts(void)
{
	size_t before = leave_much_free();

	expect(group_read(GROUP_LIMIT) == 2 * GIB);
	expect_fall_to(before + approach_limit());
}

static void
a_smaller_share_of_the_limit_is_reached_sooner(void)
{
	size_t before = leave_much_free();

	expect_fall_to(before);
}

static void
without_a_share_of_it_the_limit_is_not_looked_at(void)
{
	size_t before = leave_much_free() + approach_limit();

	/* Several ticks; that nothing happens is the point. */
	expect(!resident_falls_to(before + 100 * MIB, 6000));
}

/* --- what is said of it ------------------------------------------------------------- */

static void
statistics_say_when_it_was_and_what_it_gave(void)
{
	when_the_limit_comes_near_free_memory_goes_back();
	malloc_stats();
}

static void
its_events_and_bytes_are_elements_of_malloc_info(void)
{
	expect(info_number("pressure_events") == 0);
	expect(info_number("pressure_gave") == 0);
	when_the_limit_comes_near_free_memory_goes_back();
	expect(info_number("pressure_events") == 1);
	expect_for(info_number("pressure_gave") >= 140 * MIB, "%zu",
		   info_number("pressure_gave"));
}

/* --- a load that lives near its limit ------------------------------------------------- */

#define N_THREADS   16
#define PHASES      24
#define LIVE_BYTES  (8 * MIB) /* of a thread, at the end of a phase */
#define LIVE_LIMIT  ((N_THREADS * LIVE_BYTES / 10 * 13) & ~(4 * KIB - 1))
#define HUGE_LIMIT  ((N_THREADS * LIVE_BYTES / 10 * 15) & ~(4 * KIB - 1))
#define BLOCKS_MOST 40000

/* In the environment of a process that another one has switched the system for. */
#define SWITCHED "TRI_TEST_SWITCHED"

static pthread_barrier_t phase_barrier;

/*
 * The sizes of a phase, and how many of 256 blocks outlive it. A page with one
 * of the smallest stays: more of them would need more memory than there is,
 * whoever keeps the books.
 */
static const struct phase {
	size_t least, most;
	unsigned stay;
} phases[] = { { 16, 512, 2 },
	       { 4 * KIB, 32 * KIB, 32 },
	       { 256, 4 * KIB, 8 },
	       { 32 * KIB, 300 * KIB, 0 } };

struct basket {
	void *blocks[BLOCKS_MOST];
	size_t n, bytes;
};

static void
basket_fill(struct basket *b, const struct phase *p, struct random *r)
{
	while (b->bytes < LIVE_BYTES && b->n < BLOCKS_MOST) {
		size_t n = p->least + random_below(r, p->most - p->least);
		void *block = malloc(n);

		expect(block != NULL);
		memset(block, 1, n);
		b->blocks[b->n++] = block;
		b->bytes += malloc_usable_size(block);
	}
}

/* A random choice stays for the phases to come. */
static void
basket_empty(struct basket *b, unsigned stay, struct random *r)
{
	size_t kept = 0;

	b->bytes = 0;
	for (size_t i = 0; i < b->n; i++) {
		if (random_below(r, 256) >= stay) {
			free(b->blocks[i]);
			continue;
		}
		b->bytes += malloc_usable_size(b->blocks[i]);
		b->blocks[kept++] = b->blocks[i];
	}
	b->n = kept;
}

static void *
live_in_phases(void *i)
{
	struct random r = { .state = (uintptr_t)i + 1 };
	struct basket *b = mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect(b != MAP_FAILED);
	for (unsigned n = 0; n < PHASES; n++) {
		const struct phase *p = &phases[n % 4];

		pthread_barrier_wait(&phase_barrier);
		basket_fill(b, p, &r);
		pthread_barrier_wait(&phase_barrier);
		basket_empty(b, p->stay, &r);
	}
	basket_empty(b, 0, &r);
	return NULL;
}

/*
 * Each phase leaves others' sizes spread over all its memory, its threads fill
 * theirs as fast as they can, and the limit is a little more than is alive at once.
 * It survives or is killed: no more is asked.
 */
static void
live_in_bursts(size_t limit)
{
	expect(group_read(GROUP_LIMIT) == limit);
	expect(pthread_barrier_init(&phase_barrier, NULL, N_THREADS) == 0);
	crowd_run(N_THREADS, live_in_phases);
	remark("%zu MiB at most, %zu live\n",
	       group_read("memory.max_usage_in_bytes") / MIB,
	       N_THREADS * LIVE_BYTES / MIB);
}

static void
a_load_in_bursts_that_fragments_lives_with_a_third_more_than_its_peak(void)
{
	live_in_bursts(LIVE_LIMIT);
}

/* The case anew, in a child: a process asks once how the system is set. */
static void
run_in_a_child(const char *name)
{
	pid_t pid = fork();

	expect(pid >= 0);
	if (pid == 0) {
		setenv(SWITCHED, "1", 1);
		execl("/proc/self/exe", "near_limit", "--case", name, NULL);
		_exit(127);
	}
	child_join(pid);
}

/*
 * With half of it to spare: each huge page that is only begun with would be 2 MiB
 * of that, and parts of one that go back would stay in the bill.
 */
static void
so_it_does_where_the_system_makes_huge_pages_of_everything(void)
{
	struct switched *s;

	if (getenv(SWITCHED) != NULL) {
		live_in_bursts(HUGE_LIMIT);
		return;
	}
	s = system_switch_huge_pages("always");
	run_in_a_child(__func__);
	system_restore(s);
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(when_the_limit_comes_near_free_memory_goes_back,
		     .conf = SLOW_DECAY, .memory_limit = LIMIT),
		CASE(when_the_limit_comes_near_what_never_decays_goes_back_too,
		     .conf = "decay_ms:-1", .memory_limit = LIMIT),
		CASE(when_the_limit_comes_near_idle_threads_give_back_too,
		     .conf = SLOW_DECAY, .memory_limit = LIMIT),
		CASE(when_blocks_of_other_sizes_need_it_memory_inside_slabs_goes_back,
		     .memory_limit = LIMIT),
		CASE(a_limit_that_is_lowered_is_noticed, .conf = SLOW_DECAY,
		     .memory_limit = 2 * GIB),
		CASE(the_limit_of_a_group_above_is_one_too, .conf = SLOW_DECAY,
		     .memory_limit_above = LIMIT),
		CASE(the_tighter_limit_above_is_the_one_that_counts,
		     .conf = SLOW_DECAY, .memory_limit = 2 * GIB,
		     .memory_limit_above = LIMIT),
		CASE(a_smaller_share_of_the_limit_is_reached_sooner,
		     .conf = SLOW_DECAY ",pressure_percent:30",
		     .memory_limit = LIMIT),
		CASE(without_a_share_of_it_the_limit_is_not_looked_at,
		     .conf = SLOW_DECAY ",pressure_percent:0",
		     .memory_limit = LIMIT),
		CASE(statistics_say_when_it_was_and_what_it_gave,
		     .conf = SLOW_DECAY, .memory_limit = LIMIT,
		     .says_somewhere = "^pressure: 1 times, the last [0-9.]+ s "
				       "ago .*at 2[0-9]+ of 256 MiB, "
				       "gave 1[0-9]{5} KiB; in all gave "),
		CASE(its_events_and_bytes_are_elements_of_malloc_info,
		     .conf = SLOW_DECAY, .memory_limit = LIMIT),
		CASE(a_load_in_bursts_that_fragments_lives_with_a_third_more_than_its_peak,
		     .memory_limit = LIVE_LIMIT),
		CASE(so_it_does_where_the_system_makes_huge_pages_of_everything,
		     .memory_limit = HUGE_LIMIT),
	};

	return RUN_CASES(argc, argv, cases);
}

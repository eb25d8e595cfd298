/*
 * counted.c -- thread.allocated and its kin: exact from the first question on,
 * for every way to take and free, and the thread's own.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "made.h"
#include "memory.h"

static const uint64_t *
pointer(const char *name)
{
	const uint64_t *p = NULL;
	size_t len = sizeof p;

	expect(ctl(name, &p, &len, NULL, 0) == 0 && p != NULL);
	return p;
}

static uint64_t
number(const char *name)
{
	uint64_t n = UINT64_MAX;
	size_t len = sizeof n;

	expect(ctl(name, &n, &len, NULL, 0) == 0);
	return n;
}

static void
the_pointers_and_the_numbers_say_the_same(void)
{
	const uint64_t *in, *out;
	void *p;

	made_load();
	in = pointer("thread.allocatedp");
	out = pointer("thread.deallocatedp");
	expect(*in == number("thread.allocated"));
	p = malloc(1);
	/* What folly asks for. */
	expect(*in == 16 && number("thread.allocated") == 16);
	expect(*out == 0);
	free(p);
	expect(*out == 16 && number("thread.deallocated") == 16);
	expect(pointer("thread.allocatedp") == in);
}

/* Runs f, which must take and free whole blocks of so many bytes. */
#define expect_counts(taken, freed, what)                               \
	do {                                                            \
		uint64_t in_ = *in, out_ = *out;                        \
		what;                                                   \
		expect_for(*in - in_ == (taken), "%ju", *in - in_);     \
		expect_for(*out - out_ == (freed), "%ju", *out - out_); \
	} while (0)

static void
every_way_to_take_and_free_is_counted(void)
{
	const uint64_t *in, *out;
	unsigned cache, arena;
	char *p, *q;

	made_load();
	cache = make_cache();
	arena = make_arena();
	in = pointer("thread.allocatedp");
	out = pointer("thread.deallocatedp");
	for_each_size(n, 4 * MIB)
	{
		size_t u = x.nallocx(n, 0);

		expect_counts(u, 0, p = malloc(n));
		expect_counts(0, u, free(p));
		expect_counts(u, 0, p = calloc(1, n));
		expect_counts(0, u, x.sdallocx(p, n, 0));
		expect_counts(u, 0, p = x.mallocx(n, X_NONE));
		expect_counts(0, u, x.dallocx(p, X_NONE));
		expect_counts(u, 0, p = x.mallocx(n, X_TCACHE(cache)));
		expect_counts(0, u, x.dallocx(p, X_TCACHE(cache)));
		expect_counts(u, 0, p = x.mallocx(n, X_ARENA(arena)));
		expect_counts(0, u, free(p));
		u = x.nallocx(n, X_LG(13));
		expect_counts(u, 0, p = memalign(8192, n));
		expect_counts(0, u, free(p));
		p = malloc(n);
		u = *in - *out;
		q = realloc(p, n * 2 + 1);
		expect(*in - *out == u - malloc_usable_size(hide(q)) ||
		       malloc_usable_size(q) + *out <= *in);
		free(q);
		expect_for(*in == *out, "%zu: %ju and %ju", n, *in, *out);
		p = x.mallocx(n + 100 * KIB, 0);
		x.xallocx(p, 2 * n + MIB, 0, 0);
		x.xallocx(p, n, 0, 0);
		p = x.rallocx(p, n + 3 * MIB, 0);
		free(p);
		expect_for(*in == *out, "%zu: %ju and %ju", n, *in, *out);
	}
}

static void *
count_in_thread(void *arg)
{
	const uint64_t *in = pointer("thread.allocatedp");

	expect(*in == 0);
	for (int i = 0; i < 1000; i++)
		free(malloc(32));
	expect(*in == 32000);
	expect(number("thread.deallocated") == 32000);
	(void)arg;
	return NULL;
}

static void
each_thread_counts_for_itself(void)
{
	const uint64_t *in;
	pthread_t threads[8];

	made_load();
	in = pointer("thread.allocatedp");
	for (int i = 0; i < 8; i++)
		expect(pthread_create(&threads[i], NULL, count_in_thread,
				      NULL) == 0);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	expect(*in < 8 * 32000);
}

static void
counting_outlasts_trims_forks_and_caches(void)
{
	const uint64_t *in;
	bool off = false, on = true;
	uint64_t before;
	int status;

	made_load();
	in = pointer("thread.allocatedp");
	for (int i = 0; i < 100; i++) {
		pid_t pid;

		malloc_trim(0);
		before = *in;
		free(malloc(100));
		expect(*in == before + 112);
		pid = i % 10 == 0 ? fork() : 1;
		expect(pid >= 0);
		if (pid == 0) {
			before = *in;
			free(malloc(100));
			_exit(*in == before + 112 ? 0 : 1);
		}
		if (pid > 1)
			expect(waitpid(pid, &status, 0) == pid && status == 0);
		expect(ctl("thread.tcache.flush", NULL, NULL, NULL, 0) == 0);
	}
	expect(ctl("thread.tcache.enabled", NULL, NULL, &off, 1) == 0);
	before = *in;
	free(malloc(100));
	expect(*in == before + 112);
	expect(ctl("thread.tcache.enabled", NULL, NULL, &on, 1) == 0);
	for (int i = 0; i < 10; i++)
		free(malloc(100));
	expect(*in == before + 11 * 112);
}

static void
without_caches_bytes_are_counted_as_well(void)
{
	const uint64_t *in;

	made_load();
	in = pointer("thread.allocatedp");
	free(malloc(1000));
	expect(*in == 1024);
}

enum { NBATCHES = 400, NPAIRS = 5000 };

/* The best of many short batches: what others do meanwhile is not in it. */
static double
ns_per_pair(void)
{
	double least = 1e9;

	for (int i = 0; i < NBATCHES; i++) {
		struct timespec a, b;
		double ns;

		clock_gettime(CLOCK_MONOTONIC, &a);
		for (int k = 0; k < NPAIRS; k++)
			free(hide(malloc(hide_size(64))));
		clock_gettime(CLOCK_MONOTONIC, &b);
		ns = (double)(b.tv_sec - a.tv_sec) * 1e9 +
		     (double)(b.tv_nsec - a.tv_nsec);
		least = ns < least ? ns : least;
	}
	return least / NPAIRS;
}

/* A figure for the manual; what is asserted is that it works at all. */
static void
what_counting_costs(void)
{
	double before, after;
	uint64_t in;

	made_load();
	ns_per_pair();
	before = ns_per_pair();
	in = number("thread.allocated");
	after = ns_per_pair();
	expect(number("thread.allocated") ==
	       in + UINT64_C(64) * NBATCHES * NPAIRS);
	remark("a malloc and free of 64 bytes: %.1f ns, counted %.1f ns",
	       before, after);
}

static const struct test_case cases[] = {
	CASE(the_pointers_and_the_numbers_say_the_same),
	/* Its birth would be counted. */
	CASE(every_way_to_take_and_free_is_counted,
	     .conf = "trim_thread:false"),
	CASE(each_thread_counts_for_itself),
	CASE(counting_outlasts_trims_forks_and_caches),
	CASE(without_caches_bytes_are_counted_as_well, .conf = "tcache:false"),
	CASE(what_counting_costs),
};

int
main(int argc, char **argv)
{
	return RUN_CASES(argc, argv, cases);
}

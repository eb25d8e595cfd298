/*
 * archive.c -- libtrimalloc_jni.a, linked into a program that has another
 * malloc.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <trimalloc/trimalloc.h>

#include "case.h"
#include "crowd.h"
#include "memory.h"

static void
use_one_size(size_t n)
{
	void *p = tri_malloc(n), *q = tri_calloc(1, n),
	     *v = tri_aligned_alloc(512, n);

	expect(p != NULL && is_aligned(p, ALIGNMENT) &&
	       tri_malloc_usable_size(p) >= n);
	expect(q != NULL && zero_check(q, n) == n);
	expect(v != NULL && is_aligned(v, 512));
	pattern_fill(p, n, n);
	p = tri_realloc(p, n + n / 2 + 1);
	expect(p != NULL && pattern_check(p, n, n) == n);
	tri_free(p);
	tri_free(q);
	tri_free(v);
}

static void
its_functions_work(void)
{
	for_each_size(n, 4 * MIB) use_one_size(n);
	expect(tri_malloc_trim(0) == 1);
	expect(strlen(tri_version()) > 0);
	errno = 0;
	expect(tri_malloc(hide_size(SIZE_MAX)) == NULL && errno == ENOMEM);
}

/* The program's own, which stands before the archive's. */
const char *tri_malloc_conf = "dirty_decay_ms:4321";

static void
note_length(void *length, const char *s)
{
	*(size_t *)length += strlen(s);
}

static void
it_is_asked_by_jemalloc_s_names(void)
{
	size_t bytes = 0, len = sizeof bytes, mib[3], n = 3;
	long ms = 0;

	expect(tri_mallctl("arenas.page", &bytes, &len, NULL, 0) == 0);
	expect(bytes == 4096);
	expect(tri_mallctlnametomib("arenas.dirty_decay_ms", mib, &n) == 0);
	expect(tri_mallctlbymib(mib, n, &ms, &len, NULL, 0) == 0);
	expect_for(ms == 4321, "%ld", ms);
	bytes = 0;
	tri_malloc_stats_print(note_length, &bytes, "J");
	expect(bytes > 1000);
	bytes = 0;
	tri_malloc_message = note_length;
	tri_malloc_stats_print(NULL, &bytes, "");
	expect(bytes > 1000);
}

static void *
use_many_sizes(void *i)
{
	for (size_t n = (uintptr_t)i; n < 20000; n += 97) {
		use_one_size(n);
		live_a_life(n, 10);
	}
	return NULL;
}

static void
it_works_beside_the_other_malloc_in_many_threads(void)
{
	crowd_run(16, use_many_sizes);
}

static void
it_works_in_a_child(void)
{
	pthread_t threads[4];

	crowd_start(threads, 4, use_many_sizes);
	for (int i = 0; i < 50; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			alarm(20);
			use_many_sizes((void *)(uintptr_t)19000);
			_exit(0);
		}
		expect(waitpid(pid, &status, 0) == pid);
		expect_for(status == 0, "status 0x%x", (unsigned)status);
	}
	crowd_join(threads, 4);
}

/* Each knows its own blocks only. */
static void
a_block_of_the_other_malloc_is_not_taken(void)
{
	tri_free(malloc(hide_size(100)));
}

static void
a_block_freed_twice_dies(void)
{
	void *p = tri_malloc(hide_size(100));

	tri_free(p);
	tri_free(hide(p));
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(its_functions_work, .on_host = true),
		CASE(it_is_asked_by_jemalloc_s_names, .on_host = true),
		CASE(it_works_beside_the_other_malloc_in_many_threads,
		     .on_host = true),
		CASE(it_works_in_a_child, .on_host = true),
		CASE(a_block_of_the_other_malloc_is_not_taken, .on_host = true,
		     .signal = 6,
		     .says = { "free\\(\\): 0x[0-9a-f]+ is not a pointer of this allocator \\(in a mapping of the program's\\)$" }),
		CASE(a_block_freed_twice_dies, .on_host = true, .signal = 6,
		     .says = { "free\\(\\): 0x[0-9a-f]+ was already freed \\(class [^()]*\\)$" }),
	};

	return RUN_CASES(argc, argv, cases);
}

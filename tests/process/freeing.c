/*
 * freeing.c -- free and its relatives, and glibc's other names.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "library.h"
#include "memory.h"

/* A size's round trip must not cost memory, else it was not freed. */
#define SLACK (8 * MIB)

/* Not declared by every libc that runs these tests. */
typedef void free_function(void *);
typedef void free_sized_function(void *, size_t);
typedef void free_aligned_sized_function(void *, size_t, size_t);

static void
free_keeps_errno(void)
{
	for_each_size(n, 64 * MIB)
	{
		void *p = malloc(n);

		expect(p != NULL);
		errno = 77;
		free(p);
		expect_for(errno == 77, "errno %d after a block of %zu", errno,
			   n);
	}
}

/* Freed, they go through every path down to the kernel. */
static void
free_keeps_errno_where_memory_goes_back(void)
{
	enum { N = 20000 };
	static void *blocks[N];

	for (int i = 0; i < N; i++) {
		blocks[i] = malloc(hide_size((size_t)i % 3 == 0 ? 5000 : 700));
		expect(blocks[i] != NULL);
		memset(blocks[i], 1, 700);
	}
	errno = 77;
	for (int i = 0; i < N; i++)
		free(blocks[i]);
	expect_for(errno == 77, "errno %d", errno);
}

static void
malloc_keeps_errno_when_it_succeeds(void)
{
	for_each_size(n, 16 * MIB)
	{
		void *p;

		errno = 77;
		p = calloc(1, n);
		expect_for(errno == 77, "errno %d after calloc of %zu", errno,
			   n);
		p = realloc(p, n + n / 2 + 1);
		expect_for(errno == 77, "errno %d after realloc of %zu", errno,
			   n);
		free(p);
	}
}

/* What is reserved at first is more than fits, and then less. */
static void
malloc_keeps_errno_below_a_limit_of_address_space(void)
{
	void *p;

	errno = 77;
	p = malloc(hide_size(40 * MIB));
	expect_for(p != NULL && errno == 77, "errno %d", errno);
	free(p);
}

static void
free_of_null_does_nothing(void)
{
	free_function *cfree_ = (free_function *)library_function("cfree");
	free_sized_function *free_sized_ =
		(free_sized_function *)library_function("free_sized");
	free_aligned_sized_function *free_aligned_sized_ =
		(free_aligned_sized_function *)library_function(
			"free_aligned_sized");

	errno = 77;
	free(hide(NULL));
	cfree_(hide(NULL));
	free_sized_(hide(NULL), 0);
	free_sized_(hide(NULL), 100);
	free_aligned_sized_(hide(NULL), 64, 128);
	expect(errno == 77);
}

/* Frees 64 MiB through `function`, at each size some times. */
static void
expect_freed_by(free_function *function)
{
	size_t before = resident_bytes();

	for_each_size(n, 100 * KIB)
	{
		for (int i = 0; i < 20; i++) {
			char *p = malloc(n + 1);

			expect(p != NULL);
			memset(p, 1, n + 1);
			function(p);
		}
	}
	malloc_trim(0);
	expect_for(resident_bytes() < before + SLACK, "%zu KiB more",
		   (resident_bytes() - before) / KIB);
}

static void
cfree_frees(void)
{
	expect_freed_by((free_function *)library_function("cfree"));
}

static void
free_sized_takes_the_size_that_was_asked_for(void)
{
	free_sized_function *free_sized_ =
		(free_sized_function *)library_function("free_sized");
	size_t before = resident_bytes();

	for (size_t n = 0; n <= 64 * KIB; n++)
		free_sized_(malloc(hide_size(n)), n);
	for_each_size(n, 32 * MIB)
	{
		free_sized_(malloc(n), n);
		free_sized_(calloc(1, n), n);
		free_sized_(realloc(malloc(n / 2 + 1), n), n);
	}
	malloc_trim(0);
	expect_for(resident_bytes() < before + SLACK, "%zu KiB more",
		   (resident_bytes() - before) / KIB);
}

static void
free_aligned_sized_takes_what_aligned_alloc_was_asked_for(void)
{
	free_aligned_sized_function *free_aligned_sized_ =
		(free_aligned_sized_function *)library_function(
			"free_aligned_sized");

	for (size_t alignment = 1; alignment <= 16 * MIB; alignment *= 2) {
		for_each_size(n, 128 * KIB)
		{
			void *p = aligned_alloc(alignment, n);

			expect(p != NULL);
			free_aligned_sized_(p, alignment, n);
		}
		free_aligned_sized_(aligned_alloc(alignment, 4 * MIB),
				    alignment, 4 * MIB);
	}
}

/* --- glibc's other names ------------------------------------------------------- */

static void
the_libc_names_are_the_same_allocator(void)
{
	void *(*libc_malloc)(size_t) = (void *(*)(size_t))library_function(
		"__libc_malloc");
	void *(*libc_calloc)(size_t, size_t) =
		(void *(*)(size_t, size_t))library_function("__libc_calloc");
	void *(*libc_realloc)(void *, size_t) =
		(void *(*)(void *, size_t))library_function("__libc_realloc");
	free_function *libc_free = (free_function *)library_function(
		"__libc_free");

	for_each_size(n, 4 * MIB)
	{
		void *p = libc_malloc(n);
		void *q = libc_calloc(1, n);

		expect(p != NULL && q != NULL && zero_check(q, n) == n);
		pattern_fill(p, n, n);
		p = realloc(p, n + 100);
		q = libc_realloc(q, n + 100);
		expect(p != NULL && pattern_check(p, n, n) == n);
		expect(q != NULL && zero_check(q, n) == n);
		libc_free(p);
		free(q);
	}
}

static void
the_libc_names_align_as_theirs_do(void)
{
	void *(*libc_memalign)(size_t, size_t) =
		(void *(*)(size_t, size_t))library_function("__libc_memalign");
	void *(*libc_valloc)(size_t) = (void *(*)(size_t))library_function(
		"__libc_valloc");
	void *(*libc_pvalloc)(size_t) = (void *(*)(size_t))library_function(
		"__libc_pvalloc");

	for_each_size(n, 64 * KIB)
	{
		void *p = libc_memalign(256, n);
		void *q = libc_valloc(n);
		void *v = libc_pvalloc(n);

		expect(p != NULL && is_aligned(p, 256) &&
		       malloc_usable_size(p) >= n);
		expect(q != NULL && is_aligned(q, 4096) &&
		       malloc_usable_size(q) >= n);
		expect(v != NULL && is_aligned(v, 4096) &&
		       malloc_usable_size(v) >= n);
		free(p);
		free(q);
		free(v);
	}
}

/* --- a second free that is found under a lock ------------------------------------ */

#define TWICE                                                           \
	"^trimalloc: free\\(\\): 0x[0-9a-f]+ was freed twice, and its " \
	"second free came through a cache \\(class 64 bytes, .*\\)$"

/* What free() knows it by is overwritten: the flush finds it, by its bin. */
static void
free_twice(void)
{
	enum { N = 300 };
	static char *p[N];

	for (size_t i = 0; i < N; i++) {
		p[i] = hide(malloc(64));
		expect(p[i] != NULL);
	}
	for (size_t i = 0; i < N; i++)
		free(p[i]);
	memset(hide(p[N - 1]), 1, 64);
	free(hide(p[N - 1]));
	malloc_trim(0);
}

static void
allocate_much(int number)
{
	(void)number;
	for (size_t n = 0; n < 10000; n++)
		expect(hide(malloc(64)) != NULL);
	_exit(0);
}

/* Where locks are checked it is told at once that it would wait. */
static void
a_handler_of_aborts_that_waits_for_a_lock_does_not_wait_for_ever(void)
{
	int status;
	pid_t pid = fork();

	expect(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, allocate_much);
		free_twice();
		_exit(0);
	}
	expect(waitpid(pid, &status, 0) == pid);
	expect_for(WIFSIGNALED(status), "%x", (unsigned)status);
	expect_for(WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGABRT,
		   "%d", WTERMSIG(status));
}

static void
just_exit(int number)
{
	(void)number;
	_exit(0);
}

static void
a_handler_of_aborts_is_called_with_locks_held(void)
{
	signal(SIGABRT, just_exit);
	free_twice();
	expect_for(false, "%s", "it goes on");
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(free_keeps_errno),
		CASE(free_keeps_errno_where_memory_goes_back),
		/* At once, so that free itself calls the kernel. */
		{ .name = "free_keeps_errno_where_memory_goes_back_at_once",
		  .run = free_keeps_errno_where_memory_goes_back,
		  .conf = "decay_ms:0" },
		CASE(malloc_keeps_errno_when_it_succeeds),
		CASE(malloc_keeps_errno_below_a_limit_of_address_space,
		     .address_space = 8ul << 30),
		CASE(free_of_null_does_nothing),
		CASE(cfree_frees),
		CASE(free_sized_takes_the_size_that_was_asked_for),
		CASE(free_aligned_sized_takes_what_aligned_alloc_was_asked_for),
		CASE(the_libc_names_are_the_same_allocator),
		CASE(the_libc_names_align_as_theirs_do),
		CASE(a_handler_of_aborts_that_waits_for_a_lock_does_not_wait_for_ever,
		     .says_somewhere = "was freed twice"),
		CASE(a_handler_of_aborts_is_called_with_locks_held,
		     .says = { TWICE }),
	};

	return RUN_CASES(argc, argv, cases);
}

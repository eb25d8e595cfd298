/*
 * api.c -- the entry points while the kernel refuses: NULL and ENOMEM, and the
 * old block untouched.
 *
 * Built with the entry points under their tri_ names, on the host's malloc.
 */
#include <errno.h>

#include "cache/floor.h"
#include "control/stats.h"
#include "fault/every_call.h"
#include "trimalloc/trimalloc.h"

#define NBLOCKS 48

static _Thread_local unsigned char *blocks[NBLOCKS];
static _Thread_local size_t sizes[NBLOCKS];

static size_t
size_of(unsigned i)
{
	static const size_t some[] = { 1,       100,     1000,    5000,
				       16384,   20000,   65536,   300000,
				       1048576, 1048577, 3000000, 24 };

	return some[i % COUNT_OF(some)] + i;
}

/* No block: it is said why. */
static bool
granted(const void *p)
{
	must(p != NULL || errno == ENOMEM);
	return p != NULL;
}

static void *
request(unsigned i, size_t n)
{
	void *p = NULL;

	errno = 0;
	switch (i % 7) {
	case 0:
		p = tri_calloc(n, 1);
		must(p == NULL || is_all(p, 0, n));
		break;
	case 1:
		p = tri_aligned_alloc(64, n);
		break;
	case 2:
		/* Says it by its result, and leaves errno alone. */
		if (tri_posix_memalign(&p, 8192, n) == ENOMEM) {
			must(errno == 0);
			errno = ENOMEM;
			p = NULL;
		}
		break;
	case 3:
		p = tri_realloc(NULL, n);
		break;
	case 4:
		p = tri_memalign(2 * MIB, n);
		break;
	default:
		p = tri_malloc(n);
	}
	return granted(p) ? p : NULL;
}

static unsigned
take_blocks(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < NBLOCKS; i++) {
		sizes[i] = size_of(i);
		blocks[i] = request(i, sizes[i]);
		if (blocks[i] == NULL)
			continue;
		blocks[i][0] = blocks[i][sizes[i] - 1] = (unsigned char)i;
		must(tri_malloc_usable_size(blocks[i]) >= sizes[i]);
		n++;
	}
	return n;
}

static void
check_block(unsigned i)
{
	must(blocks[i][0] == (unsigned char)i);
	must(blocks[i][sizes[i] - 1] == (unsigned char)i);
}

/* Larger, then smaller; refused, the block is as it was. */
static void
resize_blocks(void)
{
	for (unsigned i = 0; i < NBLOCKS; i++) {
		size_t n = i % 2 ? sizes[i] / 3 + 1 : sizes[i] * 3;
		unsigned char *p;

		if (blocks[i] == NULL)
			continue;
		errno = 0;
		p = tri_realloc(blocks[i], n);
		if (!granted(p)) {
			check_block(i);
			continue;
		}
		must(p[0] == (unsigned char)i);
		must(n <= sizes[i] || p[sizes[i] - 1] == (unsigned char)i);
		blocks[i] = p;
		sizes[i] = n;
		p[n - 1] = (unsigned char)i;
	}
}

static void
free_blocks(void)
{
	for (unsigned i = 0; i < NBLOCKS; i++) {
		if (blocks[i] == NULL)
			continue;
		check_block(i);
		errno = 4711;
		/* By malloc or calloc: its size may be said. */
		if (i % 7 == 0 || i % 7 == 6)
			tri_free_sized(blocks[i], sizes[i]);
		else
			tri_free(blocks[i]);
		must(errno == 4711);
		blocks[i] = NULL;
	}
}

static void *
live(void *arg)
{
	(void)arg;
	take_blocks();
	resize_blocks();
	free_blocks();
	return NULL;
}

static void
fork_a_child(void)
{
	int status = -1;
	pid_t pid = fork();

	must(pid >= 0);
	if (pid == 0) {
		live(NULL);
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid);
	must(status == 0);
}

static void
live_here(void *arg)
{
	live(arg);
}

static void
run(void)
{
	struct helper idle;
	pthread_t thread;

	take_blocks();
	must(pthread_create(&thread, NULL, live, NULL) == 0);
	must(pthread_join(thread, NULL) == 0);
	helper_start(&idle);
	helper_do(&idle, live_here, NULL);
	resize_blocks();
	fork_a_child();
	tri_malloc_trim(0);
	free_blocks();
	helper_end(&idle);
	tri_malloc_trim(0);
}

static void
expect_nothing_out(void)
{
	static struct stats s;

	tri_malloc_trim(0);
	stats_take(&s);
	must(s.allocated == 0);
}

static void
check(void)
{
	expect_nothing_out();
	must(take_blocks() == NBLOCKS);
	free_blocks();
	expect_nothing_out();
}

static const struct load load = { run, check };

static void
entry_points_survive_refused_address_space(void **state)
{
	(void)state;
	assert_true(survive_every(&load, OS_CALL_RESERVE) >= 1);
}

static void
entry_points_survive_refused_commits(void **state)
{
	(void)state;
	assert_true(survive_every(&load, OS_CALL_COMMIT) >= 10);
}

static void
entry_points_survive_refused_mappings(void **state)
{
	(void)state;
	assert_true(survive_every(&load, OS_CALL_MAP) >= 1);
}

static void
entry_points_survive_refused_purges(void **state)
{
	(void)state;
	assert_true(survive_every(&load, OS_CALL_PURGE) >= 1);
}

static void
entry_points_survive_refused_moves(void **state)
{
	(void)state;
	assert_true(survive_every(&load, OS_CALL_MOVE) >= 1);
}

static void
entry_points_survive_refused_membarriers(void **state)
{
	(void)state;
	assert_true(survive_every(&load, OS_CALL_MEMBARRIER) >= 1);
}

/* --- limits, as a container or ulimit sets them -------------------------------- */

static void
use_up_memory(void)
{
	size_t n = 0;
	void **last = NULL, **p;

	/* A chain of blocks, each pointing to the one before it. */
	for (;;) {
		errno = 0;
		p = tri_malloc(n % 3 ? 100000 : 3000);
		if (!granted(p))
			break;
		*p = last;
		last = p;
		n++;
	}
	must(n > 100);
	/* Small requests and frees go on. */
	for (; last != NULL; last = p) {
		p = *last;
		tri_free(last);
	}
	must(tri_malloc(3000) != NULL);
	must(tri_malloc(100000) != NULL);
}

static void
below_a_limit_of_address_space_requests_are_refused(void)
{
	limit_address_space(300 * MIB);
	use_up_memory();
}

static void
a_limit_leaves_address_space_to_the_program(void)
{
	void *p;

	limit_address_space(2 * GIB);
	must(tri_malloc(100) != NULL);
	p = mmap(NULL, 1 * GIB, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(p != MAP_FAILED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entry_points_survive_refused_address_space),
		cmocka_unit_test(entry_points_survive_refused_commits),
		cmocka_unit_test(entry_points_survive_refused_mappings),
		cmocka_unit_test(entry_points_survive_refused_purges),
		cmocka_unit_test(entry_points_survive_refused_moves),
		cmocka_unit_test(entry_points_survive_refused_membarriers),
		alone(below_a_limit_of_address_space_requests_are_refused),
		alone(a_limit_leaves_address_space_to_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

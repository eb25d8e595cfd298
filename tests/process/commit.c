/*
 * commit.c -- on a machine that never overcommits (mode 2, the real one)
 * threads hear NULL and ENOMEM, keep what they have, and give back what they free.
 *
 * tests/process/overcommit.py sets the mode and starts this; TRI_COMMIT_ROOM_MIB
 * says how much of the commit limit others are to have at every moment. With
 * none the threads take all there is, else what they are refused is more than
 * what is left. Skipped by itself: the mode is the whole machine's.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "crowd.h"
#include "memory.h"

#define N_THREADS 8
#define ROUNDS    2
#define SHARE     (16 * MIB)

struct link {
	struct link *next;
	size_t bytes;
};

static pthread_barrier_t barrier;
static _Atomic size_t taken, nrefused;
static size_t room_bytes;

static void
find_mode_2(void)
{
	const char *room = getenv("TRI_COMMIT_ROOM_MIB");
	char mode[4] = "";
	FILE *f;

	if (room == NULL)
		case_skipped(
			"make check-overcommit changes the machine's mode");
	f = fopen("/proc/sys/vm/overcommit_memory", "r");
	expect(f != NULL && fgets(mode, sizeof mode, f) != NULL);
	fclose(f);
	expect_for(mode[0] == '2', "mode %s", mode);
	room_bytes = strtoull(room, NULL, 10) * MIB;
}

/* Until there is no more, or this thread's share is there. */
static struct link *
fill(size_t n, size_t most)
{
	struct link *list = NULL;

	for (size_t bytes = 0; bytes < most; bytes += n) {
		struct link *l;

		errno = 0;
		l = malloc(hide_size(n));
		if (l == NULL) {
			expect_for(errno == ENOMEM, "errno %d", errno);
			atomic_fetch_add(&nrefused, 1);
			break;
		}
		l->next = list;
		l->bytes = n;
		((char *)l)[n - 1] = 'x';
		list = l;
		atomic_fetch_add(&taken, n);
	}
	return list;
}

static void
empty(struct link *list)
{
	while (list != NULL) {
		struct link *next = list->next;

		expect(((char *)list)[list->bytes - 1] == 'x');
		free(list);
		list = next;
	}
}

/* More than anybody can have: neither anew nor by growing a block. */
static void
expect_refusals(struct link *list)
{
	size_t n = hide_size(2 * room_bytes + GIB);
	struct link kept, *moved;
	void *p;

	errno = 0;
	p = calloc(1, n);
	expect_for(p == NULL && errno == ENOMEM, "%p, errno %d", p, errno);
	atomic_fetch_add(&nrefused, 1);
	if (list == NULL)
		return;
	kept = *list;
	errno = 0;
	moved = realloc(list, n);
	expect_for(moved == NULL && errno == ENOMEM, "errno %d", errno);
	atomic_fetch_add(&nrefused, 1);
	expect(memcmp(list, &kept, sizeof kept) == 0);
}

static void *
fill_and_empty(void *i)
{
	static const size_t sizes[] = { 1024, 20032, 99968, MIB };
	size_t most = room_bytes == 0 ? SIZE_MAX : SHARE;

	for (size_t round = 0; round < ROUNDS; round++) {
		struct link *list;

		pthread_barrier_wait(&barrier);
		list = fill(sizes[((uintptr_t)i + round) % 4], most);
		pthread_barrier_wait(&barrier);
		expect_refusals(list);
		pthread_barrier_wait(&barrier);
		empty(list);
	}
	return NULL;
}

static void
fill_in_threads(void)
{
	crowd_run(N_THREADS, fill_and_empty);
	malloc_trim(0);
}

/* The first time the library makes its records, which it keeps. */
static void
where_nothing_is_overcommitted_threads_hear_no_and_give_back(void)
{
	size_t start, before;

	find_mode_2();
	expect(pthread_barrier_init(&barrier, NULL, N_THREADS) == 0);
	crowd_run(N_THREADS, live_a_life_in_a_thread);
	malloc_trim(0);
	start = data_bytes();
	fill_in_threads();
	before = data_bytes();
	for (int i = 0; i < 3; i++)
		fill_in_threads();
	expect_for(data_bytes() <= before + 4 * MIB, "%zu KiB, before %zu",
		   data_bytes() / KIB, before / KIB);
	live_a_life(1, 500);
	crowd_run(N_THREADS, live_a_life_in_a_thread);
	remark("%zu MiB taken, %zu refusals; VmData %zu KiB, %zu after the "
	       "first time, %zu at the end\n",
	       taken / MIB, (size_t)nrefused, start / KIB, before / KIB,
	       data_bytes() / KIB);
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(where_nothing_is_overcommitted_threads_hear_no_and_give_back,
		     .timeout_s = 10),
	};

	return RUN_CASES(argc, argv, cases);
}

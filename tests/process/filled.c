/*
 * filled.c -- threads fill all the memory that there may be, until each has
 * heard NULL and ENOMEM, free it and do so again: nothing is lost on the way,
 * and whoever keeps below its memory group's limit lives.
 *
 * What one thread hears is in limits.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "case.h"
#include "crowd.h"
#include "group.h"
#include "memory.h"

#define ADDRESS_SPACE (256 * MIB)
#define DATA          (128 * MIB)
#define GROUP         (192 * MIB)

#define N_THREADS 8
#define ROUNDS    4

/* --- blocks in a list of their own ------------------------------------------------ */

struct link {
	struct link *next;
	size_t bytes, key;
};

/* By each entry point in turn; n is a multiple of 64. */
static void *
take(size_t turn, size_t n)
{
	void *p = NULL;

	errno = 0;
	switch (turn % 6) {
	case 0:
		return calloc(1, hide_size(n));
	case 1:
		return aligned_alloc(64, hide_size(n));
	case 2:
		errno = posix_memalign(&p, 64, hide_size(n));
		return p;
	case 3:
		return realloc(NULL, hide_size(n));
	default:
		return malloc(hide_size(n));
	}
}

/* Where memory is to be resident each page is written. */
static bool writes_all;

static void
mark(struct link *l, size_t n, size_t key)
{
	if (writes_all)
		memset(l, (int)key, n);
	((char *)l)[n - 1] = (char)key;
	l->bytes = n;
	l->key = key;
}

/* Until there is no more, or for so many bytes. */
static struct link *
fill(size_t n, size_t most, size_t *bytes)
{
	struct link *list = NULL;

	*bytes = 0;
	for (size_t turn = 0; *bytes < most; turn++, *bytes += n) {
		struct link *l = take(turn, n);

		if (l == NULL)
			break;
		mark(l, n, turn);
		l->next = list;
		list = l;
	}
	return list;
}

/* The first block cannot grow, and is as it was. */
static void
expect_no_more(struct link *list)
{
	struct link kept;

	expect_for(errno == ENOMEM, "errno %d", errno);
	if (list == NULL)
		return;
	kept = *list;
	errno = 0;
	expect(realloc(list, hide_size(GIB)) == NULL && errno == ENOMEM);
	expect(memcmp(list, &kept, sizeof kept) == 0);
}

static void
empty(struct link *list)
{
	while (list != NULL) {
		struct link *next = list->next;

		expect(((char *)list)[list->bytes - 1] == (char)list->key);
		free(list);
		list = next;
	}
}

/* --- threads that fill it all at once ----------------------------------------------- */

static pthread_barrier_t barrier;
static _Atomic size_t filled;

static void *
fill_and_empty(void *i)
{
	static const size_t sizes[] = { 64,    1024,    4096,    20032,
					99968, 1 * MIB, 3 * MIB, 448 };

	for (size_t round = 0; round < ROUNDS; round++) {
		size_t n = sizes[((uintptr_t)i + round) % 8], bytes;
		struct link *list;

		pthread_barrier_wait(&barrier);
		list = fill(n, SIZE_MAX, &bytes);
		expect_no_more(list);
		atomic_fetch_add(&filled, bytes);
		pthread_barrier_wait(&barrier);
		empty(list);
	}
	return NULL;
}

/* The least that they had in a round, on average. */
static void
fill_in_threads(size_t least)
{
	filled = 0;
	expect(pthread_barrier_init(&barrier, NULL, N_THREADS) == 0);
	crowd_run(N_THREADS, fill_and_empty);
	expect_for(filled >= ROUNDS * least, "%zu MiB",
		   (size_t)filled / ROUNDS / MIB);
}

/* All threads live at once, so the C library keeps as much for them each time. */
static void
fill_again_and_again(size_t least)
{
	size_t allocated, data;

	fill_in_threads(least);
	malloc_trim(0);
	allocated = mallinfo2().uordblks;
	data = data_bytes();
	for (int i = 0; i < 3; i++)
		fill_in_threads(least);
	malloc_trim(0);
	expect_for(mallinfo2().uordblks == allocated, "%zu bytes, then %zu",
		   allocated, mallinfo2().uordblks);
	expect_for(data_bytes() <= data + 4 * MIB, "%zu KiB, then %zu",
		   data / KIB, data_bytes() / KIB);
	live_a_life(1, 1000);
}

static void
under_a_data_limit_threads_lose_nothing_at_its_end(void)
{
	fill_again_and_again(DATA / 2);
}

static void
under_an_address_space_limit_threads_lose_nothing_at_its_end(void)
{
	fill_again_and_again(ADDRESS_SPACE / 3);
}

/* Canaries, a quarantine that holds what was freed, junk. */
static void
nor_do_they_where_blocks_are_checked(void)
{
	fill_again_and_again(DATA / 4);
}

static void
nor_where_some_blocks_are_guarded(void)
{
	fill_again_and_again(DATA / 3);
}

static void
nor_without_a_trim_thread(void)
{
	fill_again_and_again(DATA / 2);
}

/* --- others at that moment ------------------------------------------------------------ */

static void
live_in_a_child(struct link *list)
{
	size_t bytes;

	errno = 0;
	expect(malloc(hide_size(DATA)) == NULL && errno == ENOMEM);
	empty(list);
	list = fill(1024, DATA / 2, &bytes);
	expect(bytes >= DATA / 2);
	empty(list);
	live_a_life(2, 500);
	_exit(0);
}

static void
a_child_of_a_process_that_is_full_frees_and_lives(void)
{
	int status = -1;
	size_t bytes;
	struct link *list;
	pid_t pid;

	crowd_run(2, live_a_life_in_a_thread);
	list = fill(1024, SIZE_MAX, &bytes);
	pid = fork();
	expect(pid >= 0);
	if (pid == 0)
		live_in_a_child(list);
	expect(waitpid(pid, &status, 0) == pid);
	expect_for(status == 0, "status %x", (unsigned)status);
	empty(list);
	live_a_life(3, 500);
}

static void
a_thread_that_found_no_room_is_born_when_there_is_some(void)
{
	size_t bytes;
	struct link *list = fill(64 * KIB, SIZE_MAX, &bytes);
	pthread_attr_t attr;
	pthread_t thread;

	expect(pthread_attr_init(&attr) == 0);
	expect(pthread_attr_setstacksize(&attr, 16 * MIB) == 0);
	expect(pthread_create(&thread, &attr, live_a_life_in_a_thread, NULL) ==
	       EAGAIN);
	empty(list);
	malloc_trim(0);
	expect(pthread_create(&thread, &attr, live_a_life_in_a_thread, NULL) ==
	       0);
	expect(pthread_join(thread, NULL) == 0);
	pthread_attr_destroy(&attr);
	crowd_run(N_THREADS, live_a_life_in_a_thread);
}

static void
set_data_limit(size_t bytes)
{
	const struct rlimit limit = { bytes, RLIM_INFINITY };

	expect(setrlimit(RLIMIT_DATA, &limit) == 0);
}

/* As a program may do to itself, or prlimit to any. */
static void
a_limit_that_falls_below_what_is_used_takes_nothing_away(void)
{
	size_t bytes, more;
	struct link *list = fill(64 * KIB, DATA / 2, &bytes), *other;

	set_data_limit(data_bytes() / 2);
	other = fill(64 * KIB, SIZE_MAX, &more);
	expect_for(more < 16 * MIB, "%zu KiB", more / KIB);
	expect_no_more(other);
	empty(other);
	empty(list);
	malloc_trim(0);
	list = fill(1024, 4 * MIB, &bytes);
	expect(bytes >= 4 * MIB);
	set_data_limit(RLIM_INFINITY);
	other = fill(MIB, DATA, &more);
	expect(more >= DATA);
	empty(other);
	empty(list);
}

/* --- memory groups ---------------------------------------------------------------------- */

/* Of two limits the one that answers comes first: nobody is killed. */
static void
in_a_group_a_data_limit_says_no_before_the_kernel_kills(void)
{
	writes_all = true;
	fill_in_threads(DATA / 2);
	fill_in_threads(DATA / 2);
}

#define TURNS 24
static atomic_int turn;

/* Two thirds of the group by one thread, then by the next, in other blocks. */
static void *
have_a_turn(void *i)
{
	static const size_t sizes[] = { 448, 99968, 4096, 3 * MIB, 20032 };

	for (int t = (int)(uintptr_t)i; t < TURNS; t += N_THREADS) {
		struct link *list;
		size_t bytes;

		while (atomic_load(&turn) != t)
			sched_yield();
		list = fill(sizes[t % 5], GROUP / 3 * 2, &bytes);
		expect(bytes >= GROUP / 3 * 2);
		empty(list);
		atomic_fetch_add(&turn, 1);
	}
	return NULL;
}

static void
who_stays_below_a_group_s_limit_lives_whoever_had_it_before(void)
{
	writes_all = true;
	crowd_run(N_THREADS, have_a_turn);
	remark("%zu of %zu MiB at most\n",
	       group_read("memory.max_usage_in_bytes") / MIB, GROUP / MIB);
}

/* --- a machine that promises no more than it has ------------------------------------------ */

#define OVERCOMMIT "/proc/sys/vm/overcommit_memory"

/*
 * The mode is the whole machine's: another file is shown in its place, to this
 * thread and those that it begets. The refusals of such a machine are those
 * of RLIMIT_DATA.
 */
static void
show_mode_2(void)
{
	char path[] = "/tmp/trimalloc-mode-XXXXXX";
	int fd = mkstemp(path);
	bool done;

	expect(fd >= 0 && write(fd, "2\n", 2) == 2);
	close(fd);
	done = unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount(path, OVERCOMMIT, NULL, MS_BIND, NULL) == 0;
	unlink(path);
	if (!done)
		case_skipped("no mount namespace can be made here");
}

static bool
data_falls_to(size_t bytes)
{
	const struct timespec pause = { .tv_nsec = 10000000 };

	for (int i = 0; i < 2000 && data_bytes() > bytes; i++)
		nanosleep(&pause, NULL);
	return data_bytes() <= bytes;
}

static void
on_a_machine_that_never_overcommits_what_is_free_is_not_charged_for(void)
{
	size_t before, bytes;
	struct link *list;

	show_mode_2();
	before = data_bytes();
	list = fill(MIB, DATA, &bytes);
	expect(data_bytes() >= before + DATA);
	empty(list);
	malloc_trim(0);
	expect_for(data_bytes() <= before + 4 * MIB, "%zu KiB, before %zu",
		   data_bytes() / KIB, before / KIB);
	/* By itself, too: the trim thread sees the same. */
	crowd_run(N_THREADS, live_a_life_in_a_thread);
	before = data_bytes();
	empty(fill(MIB, DATA, &bytes));
	expect_for(data_falls_to(before + 4 * MIB), "%zu KiB, before %zu",
		   data_bytes() / KIB, before / KIB);
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(under_a_data_limit_threads_lose_nothing_at_its_end,
		     .data = DATA),
		CASE(under_an_address_space_limit_threads_lose_nothing_at_its_end,
		     .address_space = ADDRESS_SPACE),
		CASE(nor_do_they_where_blocks_are_checked, .data = DATA,
		     .conf = "check:full,quarantine:8388608"),
		CASE(nor_where_some_blocks_are_guarded, .data = DATA,
		     .conf = "guarded:10"),
		CASE(nor_without_a_trim_thread, .data = DATA,
		     .conf = "trim_thread:false"),
		CASE(a_child_of_a_process_that_is_full_frees_and_lives,
		     .data = DATA),
		CASE(a_thread_that_found_no_room_is_born_when_there_is_some,
		     .data = DATA),
		CASE(a_limit_that_falls_below_what_is_used_takes_nothing_away),
		CASE(in_a_group_a_data_limit_says_no_before_the_kernel_kills,
		     .data = DATA, .memory_limit = GROUP),
		CASE(who_stays_below_a_group_s_limit_lives_whoever_had_it_before,
		     .memory_limit = GROUP),
		CASE(on_a_machine_that_never_overcommits_what_is_free_is_not_charged_for),
	};

	return RUN_CASES(argc, argv, cases);
}

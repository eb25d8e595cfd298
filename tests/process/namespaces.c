/*
 * namespaces.c -- threads that go from namespace to namespace by setns, as
 * agents and container runtimes do, while all of them allocate.
 *
 * storms.c has programs that make new namespaces for themselves by unshare.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "case.h"
#include "crowd.h"
#include "memory.h"

/* A child that hangs is ended by its alarm, which its status tells. */
#define CHILD_SECONDS 20

/* --- namespaces that somebody else made --------------------------------------------- */

static const struct kind {
	const char *name;
	int flag;
} kinds[] = {
	{ "mnt", CLONE_NEWNS },        { "uts", CLONE_NEWUTS },
	{ "ipc", CLONE_NEWIPC },       { "net", CLONE_NEWNET },
	{ "pid", CLONE_NEWPID },
#ifdef CLONE_NEWCGROUP
	{ "cgroup", CLONE_NEWCGROUP },
#endif
};

enum { N_KINDS = sizeof kinds / sizeof kinds[0], PID_KIND = 4 };

static int home[N_KINDS], away[N_KINDS];

static int
open_namespace(pid_t of, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)of, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	expect_for(fd >= 0, "%s: %s", path, strerror(errno));
	return fd;
}

/* The first process of the new ones keeps them, without /proc and /sys, until
 * the case is over. */
static void
keep_the_namespaces(int report)
{
	char done = 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    umount2("/proc", MNT_DETACH) != 0 ||
	    (umount2("/sys", MNT_DETACH) != 0 && errno != EINVAL))
		done = 0;
	if (write(report, &done, sizeof done) != sizeof done)
		_exit(1);
	for (;;)
		pause();
}

/* Makes them and tells report[1] the number of their keeper, who will tell
 * report[0] that it is ready; -1 where there are to be none. */
static void
make_the_namespaces(const int report[2])
{
	int all = 0;
	pid_t keeper = -1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < N_KINDS; i++)
		all |= kinds[i].flag;
	if (unshare(all) == 0)
		keeper = fork();
	if (keeper == 0)
		keep_the_namespaces(report[0]);
	if (write(report[1], &keeper, sizeof keeper) != sizeof keeper)
		_exit(1);
	for (;;)
		pause();
}

static void
read_all(int fd, void *into, size_t nbytes)
{
	for (char *at = into; nbytes > 0;) {
		ssize_t n = read(fd, at, nbytes);

		expect(n > 0);
		at += n;
		nbytes -= (size_t)n;
	}
}

/*
 * Opens all of them. Two pipes, for two processes report: the keeper's number,
 * and that it is ready. They die with the thread that calls this.
 */
static void
open_the_namespaces(void)
{
	int number[2], ready[2];
	pid_t keeper;
	char done;

	expect(pipe2(number, O_CLOEXEC) == 0 && pipe2(ready, O_CLOEXEC) == 0);
	if (fork() == 0) {
		int report[2] = { ready[1], number[1] };

		make_the_namespaces(report);
	}
	read_all(number[0], &keeper, sizeof keeper);
	if (keeper < 0)
		case_skipped("no namespaces can be made here");
	read_all(ready[0], &done, sizeof done);
	if (done == 0)
		case_skipped("/proc cannot be unmounted here");
	for (size_t i = 0; i < N_KINDS; i++) {
		home[i] = open_namespace(getpid(), kinds[i].name);
		away[i] = open_namespace(keeper, kinds[i].name);
	}
}

/* The calling thread alone goes there. */
static void
go(const int where[N_KINDS])
{
	for (size_t i = 0; i < N_KINDS; i++)
		expect_for(setns(where[i], kinds[i].flag) == 0, "%s: %s",
			   kinds[i].name, strerror(errno));
}

/* --- cases ------------------------------------------------------------------------------- */

/* A child of one that is away lives there altogether: it has no /proc, and
 * may have threads again. */
static void
fork_there(uint64_t seed)
{
	pid_t pid = fork();

	if (pid == 0) {
		alarm(CHILD_SECONDS);
		expect(access("/proc/self", F_OK) != 0);
		live_a_life(seed, 100);
		crowd_run(2, live_a_life_in_a_thread);
		malloc_trim(0);
		_exit(0);
	}
	child_join(pid);
}

static void *
travel(void *i)
{
	uint64_t seed = (uintptr_t)i;

	/* A mount namespace is for who shares no working directory. */
	expect(unshare(CLONE_FS) == 0);
	for (int round = 0; round < 10; round++) {
		void *block = malloc(5000 + seed), *other;

		expect(block != NULL);
		pattern_fill(block, 5000, seed);
		go(away);
		live_a_life(seed, 100);
		other = malloc(70000);
		expect(other != NULL);
		expect(pattern_check(block, 5000, seed) == 5000);
		free(block);
		if (round % 5 == 0)
			fork_there(seed);
		go(home);
		free(other);
		live_a_life(seed, 100);
	}
	return NULL;
}

static atomic_bool stop;

static void *
stay(void *i)
{
	uint64_t seed = (uintptr_t)i;

	while (!atomic_load_explicit(&stop, memory_order_relaxed))
		live_a_life(seed += 100, 200);
	return NULL;
}

static void
threads_travel_between_namespaces_while_all_allocate(void)
{
	enum { N = 4 };
	pthread_t settled[N];

	open_the_namespaces();
	crowd_start(settled, N, stay);
	crowd_run(N, travel);
	atomic_store(&stop, true);
	crowd_join(settled, N);
}

/*
 * Where children belong to another pid namespace than their parent, the kernel
 * makes no thread: not the program's, and not the one that trims.
 */
static void
a_thread_that_is_refused_away_is_made_at_home(void)
{
	pthread_t t;

	open_the_namespaces();
	expect(unshare(CLONE_FS) == 0);
	go(away);
	for (int i = 0; i < 100; i++)
		expect(pthread_create(&t, NULL, live_a_life_in_a_thread,
				      NULL) == EINVAL);
	live_a_life(1, 1000);
	fork_there(2);
	go(home);
	crowd_run(4, live_a_life_in_a_thread);
}

/* It was born at home and stays there; what it does, it does for all. */
static void
what_is_freed_away_goes_back_as_at_home(void)
{
	size_t before = resident_bytes();

	open_the_namespaces();
	crowd_run(1, live_a_life_in_a_thread);
	expect(unshare(CLONE_FS) == 0);
	go(away);
	free_much();
	go(home);
	expect_for(resident_falls_to(before + 4 * MIB, 20000),
		   "%zu KiB, then %zu", before / KIB, resident_bytes() / KIB);
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(threads_travel_between_namespaces_while_all_allocate,
		     .timeout_s = 120),
		CASE(a_thread_that_is_refused_away_is_made_at_home),
		CASE(what_is_freed_away_goes_back_as_at_home,
		     .conf = "decay_ms:10"),
	};

	return RUN_CASES(argc, argv, cases);
}

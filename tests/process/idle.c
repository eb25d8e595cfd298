/*
 * idle.c -- a process that does nothing, and whose memory went back, is left
 * alone: none of its threads wakes up.
 *
 * The case's process watches a child from outside, for a look costs a wake-up.
 */
#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "case.h"
#include "crowd.h"
#include "group.h"
#include "memory.h"

#define N_THREADS   32
#define BURST_BYTES (2 * MIB)
#define LIMIT       (512 * MIB)

#define DUMP "idle-dump.tmp"

/* The child and its threads read it to its end. */
static int pipe_fds[2];
static pthread_barrier_t barrier;

/* What the child mapped for itself; shared with it. */
static size_t *mapped_kib;

/* --- the child --------------------------------------------------------------------- */

static void
wait_for_end(void)
{
	char c;

	expect(read(pipe_fds[0], &c, 1) == 0);
}

static void
burst(void)
{
	void *p[BURST_BYTES / 4096];

	for (size_t i = 0; i < sizeof p / sizeof p[0]; i++) {
		p[i] = malloc(hide_size(4000));
		expect(p[i] != NULL);
		memset(p[i], 1, 4000);
	}
	for (size_t i = 0; i < sizeof p / sizeof p[0]; i++)
		free(p[i]);
}

static void *
burst_and_wait(void *unused)
{
	burst();
	pthread_barrier_wait(&barrier);
	wait_for_end();
	return unused;
}

/* Returns when each has had its burst. */
static void
start_threads(void)
{
	expect(pthread_barrier_init(&barrier, NULL, N_THREADS + 1) == 0);
	for (int i = 0; i < N_THREADS; i++)
		crowd_start_one(burst_and_wait, NULL);
	pthread_barrier_wait(&barrier);
}

static void
live_with_threads(void)
{
	start_threads();
	wait_for_end();
}

static void
live_alone(void)
{
	char *p = malloc(hide_size(32 * MIB));

	expect(p != NULL);
	memset(p, 1, 32 * MIB);
	free(p);
	wait_for_end();
}

/*
 * Its memory is the program's own, and there is nothing to give. It fills up
 * after the bursts: all at once they are more than the limit leaves then.
 */
static void
live_near_the_limit(void)
{
	size_t usage, bytes;

	start_threads();
	malloc_trim(0);
	usage = group_read(GROUP_USAGE);
	expect(usage < LIMIT / 2);
	bytes = LIMIT / 20 * 19 - usage;
	expect(mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
		    0) != MAP_FAILED);
	*mapped_kib = bytes / KIB;
	wait_for_end();
}

/* --- who watches it ------------------------------------------------------------------ */

/* The number behind a field's name in one of its files; 0: not there. */
static size_t
number_in(const char *path, const char *field)
{
	char text[4096], *at;
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		return 0;
	n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = '\0';
	at = strstr(text, field);
	return at == NULL ? 0 : strtoull(at + strlen(field), NULL, 10);
}

/* Without what it mapped itself. */
static size_t
resident_kib(pid_t pid)
{
	char path[64];
	size_t kib;

	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
	kib = number_in(path, "\nAnonymous:");
	return kib - *mapped_kib;
}

struct look {
	unsigned nthreads;
	size_t nwakeups;
};

static struct look
look_at(pid_t pid)
{
	struct look l = { 0, 0 };
	char path[300];
	DIR *d;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	d = opendir(path);
	expect(d != NULL);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/proc/%d/task/%.20s/status",
			 (int)pid, e->d_name);
		l.nthreads++;
		l.nwakeups += number_in(path, "\nvoluntary_ctxt_switches:");
	}
	closedir(d);
	return l;
}

static void
sleep_ms(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* Until its memory is back and nothing has stirred for a second. */
static void
wait_for_rest(pid_t pid)
{
	size_t last = 0, now;
	int quiet = 0;

	for (int i = 0; i < 300 && quiet < 10; i++) {
		sleep_ms(100);
		expect_for(waitpid(pid, NULL, WNOHANG) == 0, "it is dead");
		now = look_at(pid).nwakeups;
		quiet = now == last && resident_kib(pid) < 6 * 1024 ? quiet + 1
								    : 0;
		last = now;
	}
	expect_for(quiet == 10, "%zu KiB resident, %zu wake-ups",
		   resident_kib(pid), last);
}

static void
let_be(pid_t pid)
{
	(void)pid;
}

/* A dump, for which it wakes up; the one before says where it goes. */
static void
ask_for_a_dump(pid_t pid)
{
	expect(kill(pid, SIGURG) == 0);
	for (int i = 0; access(DUMP, F_OK) != 0; i++) {
		expect_for(i < 3000, "no dump");
		sleep_ms(10);
	}
	expect(unlink(DUMP) == 0);
}

/* Ten seconds of nothing are what this is about. */
static void
expect_no_wakeups_after(void (*live)(void), unsigned nthreads,
			void (*disturb)(pid_t))
{
	struct look before, after;
	int status;
	pid_t pid;

	expect(pipe(pipe_fds) == 0);
	mapped_kib = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	expect(mapped_kib != MAP_FAILED);
	pid = fork();
	if (pid == 0) {
		close(pipe_fds[1]);
		live();
		_exit(0);
	}
	close(pipe_fds[0]);
	wait_for_rest(pid);
	disturb(pid);
	wait_for_rest(pid);
	before = look_at(pid);
	sleep_ms(10000);
	after = look_at(pid);
	/* The trim thread among them. */
	expect_for(before.nthreads == nthreads, "%u threads", before.nthreads);
	expect_for(after.nwakeups == before.nwakeups, "%zu wake-ups",
		   after.nwakeups - before.nwakeups);
	close(pipe_fds[1]);
	expect(waitpid(pid, &status, 0) == pid && status == 0);
}

static void
expect_no_wakeups(void (*live)(void), unsigned nthreads)
{
	expect_no_wakeups_after(live, nthreads, let_be);
}

static void
an_idle_process_of_many_threads_has_no_wakeups(void)
{
	expect_no_wakeups(live_with_threads, N_THREADS + 2);
}

static void
an_idle_process_of_one_thread_has_no_wakeups(void)
{
	expect_no_wakeups(live_alone, 2);
}

static void
an_idle_process_with_a_memory_limit_has_no_wakeups(void)
{
	expect(group_read(GROUP_LIMIT) == LIMIT);
	expect_no_wakeups(live_with_threads, N_THREADS + 2);
}

static void
after_a_dump_an_idle_process_has_no_wakeups(void)
{
	expect_no_wakeups_after(live_with_threads, N_THREADS + 2,
				ask_for_a_dump);
}

/* Pressure for hours, and nothing that could be done about it. */
static void
an_idle_process_near_its_memory_limit_has_no_wakeups(void)
{
	expect_no_wakeups(live_near_the_limit, N_THREADS + 2);
	expect(group_read("memory.max_usage_in_bytes") > LIMIT / 10 * 9);
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(an_idle_process_of_many_threads_has_no_wakeups),
		CASE(an_idle_process_of_one_thread_has_no_wakeups),
		CASE(after_a_dump_an_idle_process_has_no_wakeups,
		     .conf = "dump_path:" DUMP),
		CASE(an_idle_process_with_a_memory_limit_has_no_wakeups,
		     .memory_limit = LIMIT),
		CASE(an_idle_process_near_its_memory_limit_has_no_wakeups,
		     .memory_limit = LIMIT),
	};

	return RUN_CASES(argc, argv, cases);
}

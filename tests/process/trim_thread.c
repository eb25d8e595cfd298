/*
 * trim_thread.c -- the library's own thread: when it is there, and how little
 * the program notices of it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "case.h"
#include "crowd.h"
#include "memory.h"

#define NAME "trimalloc"

#define DUMP "vfork-dump.tmp"

/* The text of a file of /proc/self/task/<tid>; allocates nothing, so that the
 * process is at rest while it is watched. */
static bool
read_task(const char *tid, const char *file, char *text, size_t size)
{
	char path[300];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/self/task/%s/%s", tid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	return n > 0;
}

static unsigned
count_tasks(void)
{
	DIR *d = opendir("/proc/self/task");
	unsigned n = 0;

	expect(d != NULL);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* Its tid, or an empty text where there is none. */
static void
find_trim_thread(char tid[32])
{
	DIR *d = opendir("/proc/self/task");
	char name[64];

	expect(d != NULL);
	tid[0] = '\0';
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (e->d_name[0] != '.' &&
		    read_task(e->d_name, "comm", name, sizeof name) &&
		    strcmp(name, NAME "\n") == 0)
			snprintf(tid, 32, "%.31s", e->d_name);
	}
	closedir(d);
}

static bool
is_there(void)
{
	char tid[32];

	find_trim_thread(tid);
	return tid[0] != '\0';
}

static unsigned long long
status_number(const char *tid, const char *field, int base)
{
	char text[4096], *at;

	expect(read_task(tid, "status", text, sizeof text));
	at = strstr(text, field);
	expect_for(at != NULL, "%s", field);
	return strtoull(at + strlen(field), NULL, base);
}

/* Blocks of many sizes; what is free of it is never worth a thread. */
static void
live_modestly(void)
{
	static const size_t sizes[] = { 10, 300, 5000, 60000, 200000 };

	for (size_t i = 0; i < 5000; i++) {
		size_t n = sizes[i % (sizeof sizes / sizeof sizes[0])];
		char *p = malloc(hide_size(n));

		expect(p != NULL);
		memset(p, 1, n);
		free(p);
	}
}

static void
a_process_of_one_thread_with_little_free_memory_stays_one(void)
{
	live_modestly();
	malloc_trim(0);
	live_modestly();
	expect_for(count_tasks() == 1, "%u", count_tasks());
}

static void
it_is_born_with_the_first_thread(void)
{
	live_modestly();
	expect(!is_there());
	crowd_run(1, live_a_life_in_a_thread);
	expect(is_there());
	crowd_run(50, live_a_life_in_a_thread);
	expect_for(count_tasks() == 2, "%u", count_tasks());
}

/* Some MiB: what an idle process would keep for ever without one. */
static void
leave_much_free(void)
{
	char *p = malloc(hide_size(16 * MIB));

	expect(p != NULL);
	memset(p, 1, 16 * MIB);
	free(p);
}

static void
it_is_born_when_a_process_of_one_thread_has_much_free_memory(void)
{
	size_t before = resident_bytes();

	leave_much_free();
	expect(is_there());
	expect_for(count_tasks() == 2, "%u", count_tasks());
	/* And does what it is for. */
	expect_for(resident_falls_to(before + MIB, 10000), "%zu KiB",
		   resident_bytes() / KIB);
}

static void
small_blocks_that_were_freed_bring_it_too(void)
{
	enum { N = 50000 };
	static void *p[N];

	for (size_t i = 0; i < N; i++) {
		p[i] = malloc(hide_size(1000));
		expect(p[i] != NULL);
		memset(p[i], 1, 1000);
	}
	/* One in each slab lives on: not a page run is free. */
	for (size_t i = 0; i < N; i++) {
		if (i % 50 != 0)
			free(p[i]);
	}
	expect(is_there());
}

static void
it_is_not_born_when_it_is_switched_off(void)
{
	crowd_run(10, live_a_life_in_a_thread);
	leave_much_free();
	expect(!is_there());
}

/* Its frees do the ticks instead, as long as it frees. */
static void
without_it_a_process_gives_memory_back_while_it_frees(void)
{
	size_t before = resident_bytes();
	struct timespec begin, now;

	leave_much_free();
	expect(count_tasks() == 1);
	expect(resident_bytes() >= before + 15 * MIB);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		char *p = malloc(hide_size(300000));

		expect(p != NULL);
		free(p);
		clock_gettime(CLOCK_MONOTONIC, &now);
		expect_for(now.tv_sec - begin.tv_sec < 10, "%zu KiB",
			   (resident_bytes() - before) / KIB);
	} while (resident_bytes() > before + MIB);
	expect(count_tasks() == 1);
}

/* Which a process of several threads may not. */
static void
without_it_a_program_may_unshare_its_user_namespace(void)
{
	leave_much_free();
	live_modestly();
	if (unshare(CLONE_NEWUSER) == 0)
		return;
	expect(errno != EINVAL);
	case_skipped("user namespaces are not to be had here");
}

static void
expect_all_blocked(void)
{
	char tid[32];
	unsigned long long blocked;

	find_trim_thread(tid);
	expect(tid[0] != '\0');
	blocked = status_number(tid, "\nSigBlk:\t", 16);
	for (int signal = 1; signal <= SIGRTMAX; signal++) {
		/* Cannot be blocked; or are the C library's own. */
		if (signal == SIGKILL || signal == SIGSTOP ||
		    (signal > 31 && signal < SIGRTMIN))
			continue;
		expect_for(blocked >> (signal - 1) & 1, "signal %d", signal);
	}
}

static void
it_blocks_every_signal(void)
{
	crowd_run(1, live_a_life_in_a_thread);
	expect_all_blocked();
}

static void
born_from_a_free_it_blocks_every_signal_and_the_caller_none(void)
{
	sigset_t after;

	leave_much_free();
	expect_all_blocked();
	expect(pthread_sigmask(SIG_SETMASK, NULL, &after) == 0);
	for (int signal = 1; signal < SIGRTMAX; signal++)
		expect(sigismember(&after, signal) == 0);
}

/* Else a signal that the program's threads block would kill the process. */
static void
a_signal_for_the_process_is_not_for_it(void)
{
	sigset_t set, pending;

	crowd_run(1, live_a_life_in_a_thread);
	expect(is_there());
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	expect(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
	expect(kill(getpid(), SIGUSR1) == 0);
	expect(sigpending(&pending) == 0 &&
	       sigismember(&pending, SIGUSR1) == 1);
}

static void
the_caller_s_signal_mask_stays_as_it_was(void)
{
	sigset_t before, after;

	sigemptyset(&before);
	sigaddset(&before, SIGUSR2);
	expect(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
	crowd_run(1, live_a_life_in_a_thread);
	expect(is_there());
	expect(pthread_sigmask(SIG_SETMASK, NULL, &after) == 0);
	for (int signal = 1; signal < SIGRTMAX; signal++)
		expect(sigismember(&after, signal) ==
		       sigismember(&before, signal));
}

static unsigned long long
wakeups(const char *tid)
{
	return status_number(tid, "\nvoluntary_ctxt_switches:\t", 10);
}

/* Asleep for five decay intervals; up to then it may still have had work. */
static void
it_does_not_wake_while_there_is_nothing_to_do(void)
{
	const struct timespec rest = { .tv_nsec = 500000000 };
	char tid[32];
	unsigned long long last, now;
	int quiet = 0;

	crowd_run(4, live_a_life_in_a_thread);
	find_trim_thread(tid);
	expect(tid[0] != '\0');
	last = wakeups(tid);
	for (int i = 0; i < 60 && quiet < 5; i++) {
		nanosleep(&rest, NULL);
		now = wakeups(tid);
		quiet = now == last ? quiet + 1 : 0;
		last = now;
	}
	expect_for(quiet == 5, "%llu wake-ups so far", last);
}

static void
expect_child_success(pid_t pid)
{
	int status;

	expect(waitpid(pid, &status, 0) == pid);
	expect_for(status == 0, "status 0x%x", (unsigned)status);
}

static void *
live_modestly_in_a_thread(void *unused)
{
	live_modestly();
	return unused;
}

static void
a_child_has_none_until_it_starts_a_thread(void)
{
	pid_t pid;

	crowd_run(2, live_modestly_in_a_thread);
	pid = fork();
	if (pid == 0) {
		alarm(30);
		live_modestly();
		expect(count_tasks() == 1);
		crowd_run(1, live_modestly_in_a_thread);
		expect(is_there());
		_exit(0);
	}
	expect_child_success(pid);
	expect(is_there());
}

static void
in_a_child_much_free_memory_brings_it_back(void)
{
	pid_t pid;

	crowd_run(2, live_modestly_in_a_thread);
	pid = fork();
	if (pid == 0) {
		alarm(30);
		expect(count_tasks() == 1);
		leave_much_free();
		expect(is_there());
		_exit(0);
	}
	expect_child_success(pid);
}

/* The child's memory is the parent's, and its thread would be. */
static void
in_the_child_of_a_vfork_it_is_not_born(void)
{
	static volatile unsigned ntasks;
	pid_t pid = vfork();

	if (pid == 0) {
		leave_much_free();
		ntasks = count_tasks();
		_exit(0);
	}
	expect_child_success(pid);
	expect_for(ntasks == 1, "%u tasks in the child", ntasks);
	expect(count_tasks() == 1);
	/* What the child freed is the parent's: its next frees see to it. */
	leave_much_free();
	expect(is_there());
}

static bool
is_dumped_within(unsigned ms)
{
	for (; ms > 0 && access(DUMP, F_OK) != 0; ms--)
		usleep(1000);
	return access(DUMP, F_OK) == 0;
}

/* It shares the handler and the trim thread's words. */
static void
a_signal_to_the_child_of_a_vfork_is_not_the_parent_s(void)
{
	int status = -1;
	pid_t pid;

	unlink(DUMP);
	crowd_run(1, live_a_life_in_a_thread);
	expect(is_there());
	pid = vfork();
	if (pid == 0) {
		kill(getpid(), SIGURG);
		_exit(0);
	}
	expect(waitpid(pid, &status, 0) == pid && status == 0);
	/* It must not come: the time is the point. */
	expect(!is_dumped_within(500));
	expect(kill(getpid(), SIGURG) == 0);
	expect(is_dumped_within(20000));
	expect(unlink(DUMP) == 0);
}

static void
it_purges_in_a_child_too(void)
{
	pid_t pid;

	crowd_run(2, live_a_life_in_a_thread);
	pid = fork();
	if (pid == 0) {
		size_t before = resident_bytes();
		char *p = malloc(hide_size(900 * KIB));

		alarm(30);
		crowd_run(1, live_a_life_in_a_thread);
		for (int i = 0; i < 20; i++) {
			void *q = malloc(hide_size(3 * MIB));

			memset(q, 1, 3 * MIB);
			free(q);
		}
		free(p);
		expect(resident_falls_to(before + 2 * MIB, 20000));
		_exit(0);
	}
	expect_child_success(pid);
}

/* --- the program's files ------------------------------------------------------------ */

/* decay_ms:4 makes it look at limits, in files, all the time. */
static void
the_program_s_descriptors_keep_their_numbers(void)
{
	crowd_run(1, live_modestly_in_a_thread);
	close(STDIN_FILENO);
	for (int i = 0; i < 100000; i++) {
		int fd;

		if (i % 1000 == 0)
			leave_much_free();
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		expect_for(fd == STDIN_FILENO, "%d", fd);
		close(fd);
	}
}

/* Of which it would hold a copy of the other end. */
static void
a_pipe_that_the_program_closes_is_closed(void)
{
	int fds[2];
	char c;

	expect(pipe(fds) == 0);
	crowd_run(1, live_a_life_in_a_thread);
	expect(is_there());
	close(fds[1]);
	alarm(20);
	expect(read(fds[0], &c, 1) == 0);
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(a_process_of_one_thread_with_little_free_memory_stays_one),
		CASE(it_is_born_with_the_first_thread),
		CASE(it_is_born_when_a_process_of_one_thread_has_much_free_memory),
		CASE(small_blocks_that_were_freed_bring_it_too),
		CASE(it_is_not_born_when_it_is_switched_off,
		     .conf = "trim_thread:false"),
		CASE(without_it_a_process_gives_memory_back_while_it_frees,
		     .conf = "trim_thread:false"),
		CASE(without_it_a_program_may_unshare_its_user_namespace,
		     .conf = "trim_thread:false"),
		CASE(it_blocks_every_signal),
		CASE(born_from_a_free_it_blocks_every_signal_and_the_caller_none),
		CASE(a_signal_for_the_process_is_not_for_it),
		CASE(the_caller_s_signal_mask_stays_as_it_was),
		CASE(it_does_not_wake_while_there_is_nothing_to_do),
		CASE(a_child_has_none_until_it_starts_a_thread),
		CASE(in_a_child_much_free_memory_brings_it_back),
		CASE(in_the_child_of_a_vfork_it_is_not_born),
		CASE(a_signal_to_the_child_of_a_vfork_is_not_the_parent_s,
		     .conf = "dump_path:" DUMP),
		CASE(it_purges_in_a_child_too),
		CASE(the_program_s_descriptors_keep_their_numbers,
		     .conf = "decay_ms:4"),
		CASE(a_pipe_that_the_program_closes_is_closed),
	};

	return RUN_CASES(argc, argv, cases);
}

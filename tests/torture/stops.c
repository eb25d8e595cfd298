/*
 * stops.c -- see round.h: signals by the thousand, and stops.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "process/case.h"
#include "process/library.h"
#include "round.h"

/* --- signals ------------------------------------------------------------------- */

static atomic_size_t nsignals;

static void
sleep_ns(size_t ns)
{
	struct timespec t = { .tv_nsec = (long)ns };

	nanosleep(&t, NULL);
}

/*
 * What a profiler's handler does: looks at the stack, allocates nothing. Now
 * and then its thread stays for a while where it was interrupted.
 */
static void
on_profile(int number, siginfo_t *info, void *context)
{
	int before = errno;
	size_t n = atomic_fetch_add(&nsignals, 1);

	(void)number;
	(void)info;
	expect(context != NULL);
	if (n % 64 == 0)
		sched_yield();
	if (n % 1000 == 0)
		sleep_ns(1000000);
	errno = before;
}

static void
handle(int number, int flags)
{
	struct sigaction action = { .sa_sigaction = on_profile };

	action.sa_flags = SA_SIGINFO | flags;
	sigemptyset(&action.sa_mask);
	expect(sigaction(number, &action, NULL) == 0);
}

static void
time_profile(size_t us)
{
	struct itimerval t = { .it_interval = { .tv_usec = (long)us },
			       .it_value = { .tv_usec = (long)us } };

	expect(setitimer(ITIMER_PROF, &t, NULL) == 0);
}

void
signals_begin(struct random *r)
{
	int flags = random_below(r, 2) == 0 ? SA_RESTART : 0;

	handle(SIGPROF, flags);
	handle(SIGUSR1, flags);
	if (random_below(r, 3) != 0)
		time_profile(200 + random_below(r, 2000));
}

void
signals_end(void)
{
	time_profile(0);
}

void *
signals_guest(void *seed)
{
	static const int numbers[] = { SIGPROF, SIGUSR1, SIGURG };
	struct random r = { (uintptr_t)seed };

	while (!is_phase_over()) {
		size_t at = random_below(&r, the_round.nworkers);

		pthread_kill(the_round.workers[at],
			     numbers[random_below(&r, 3)]);
		if (random_below(&r, 50) == 0)
			sched_yield();
		if (random_below(&r, 500) == 0)
			sleep_ns(300000);
	}
	return NULL;
}

/* --- stops ------------------------------------------------------------------------- */

/* Shared with the stopper. */
static atomic_bool *is_enough;
static pid_t stopper;

/* The thread of that process that has the library's name; 0 where none has. */
static pid_t
find_trim_thread(pid_t pid)
{
	char path[300], name[32];
	struct dirent *e;
	pid_t found = 0;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir != NULL && found == 0 && (e = readdir(dir)) != NULL) {
		int fd;

		snprintf(path, sizeof path, "/proc/%d/task/%s/comm", (int)pid,
			 e->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		memset(name, 0, sizeof name);
		if (read(fd, name, sizeof name - 1) > 0 &&
		    strcmp(name, "trimalloc\n") == 0)
			found = (pid_t)atoi(e->d_name);
		close(fd);
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

/* Wherever it is just then, and whichever lock it holds. */
static void
stop_trim_thread(pid_t pid, size_t ns)
{
	pid_t tid = find_trim_thread(pid);

	if (tid == 0 || ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0)
		return;
	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0 &&
	    waitpid(tid, NULL, __WALL) == tid)
		sleep_ns(ns);
	ptrace(PTRACE_DETACH, tid, NULL, NULL);
}

static void
stop_all(pid_t pid, size_t ns)
{
	kill(pid, SIGSTOP);
	sleep_ns(ns);
	kill(pid, SIGCONT);
}

/* It ends with its parent, or when it is told to; never in between. */
static void
be_the_stopper(pid_t parent, uint64_t seed)
{
	struct random r = { seed };

	while (!atomic_load(is_enough) && getppid() == parent) {
		size_t ns = random_below(&r, 4000000);

		if (random_below(&r, 3) == 0)
			stop_all(parent, ns);
		else
			stop_trim_thread(parent, ns);
		sleep_ns(random_below(&r, 10000000));
	}
	_exit(0);
}

void
stopper_begin(uint64_t seed)
{
	pid_t parent = getpid();

	is_enough = mmap(NULL, sizeof *is_enough, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	expect(is_enough != MAP_FAILED);
	stopper = fork();
	expect(stopper >= 0);
	if (stopper == 0)
		be_the_stopper(parent, seed);
	/* Where only descendants may be traced. */
	prctl(PR_SET_PTRACER, (unsigned long)stopper, 0, 0, 0);
}

void
stopper_end(void)
{
	atomic_store(is_enough, true);
	while (waitpid(stopper, NULL, 0) < 0)
		expect(errno == EINTR);
}

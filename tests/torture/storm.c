/*
 * storm.c -- see round.h: signals by the thousand.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/time.h>
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

	/*
	 * No cancellation point: in a handler that would unwind whatever was
	 * interrupted, malloc with its locks held too.
	 */
	syscall(SYS_nanosleep, &t, NULL);
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

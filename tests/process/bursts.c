/*
 * bursts.c -- many threads allocate, free and wait: what they used goes back
 * by itself, whatever they wait for.
 */
#include <errno.h>
#include <linux/futex.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "case.h"
#include "crowd.h"
#include "memory.h"

#define N_THREADS   128
#define BURST_BYTES (2 * MIB)
#define SIZE_LEAST  ((size_t)16)
#define SIZE_MOST   (32 * KIB)

/* It takes about a second; a loaded machine may need some more. */
#define PATIENCE_MS 6000

/* A list threaded through the blocks themselves: it needs no memory. */
struct link {
	struct link *next;
};

static struct link *lists[N_THREADS];
static pthread_t threads[N_THREADS];
static pthread_barrier_t barrier;
static atomic_uint nwaiting;

/* How a thread waits after its burst, and how all of them are woken. */
struct waiting {
	void (*begin)(void);
	void (*wait)(void);
	void (*wake)(void);
};

static const struct waiting *waiting;

/* --- a burst -------------------------------------------------------------------- */

static struct link *
take(struct random *r, size_t bytes, size_t size_most)
{
	struct link *list = NULL;
	size_t sum = 0, n;

	for (; sum < bytes; sum += n) {
		struct link *l;

		n = SIZE_LEAST + random_size(r, size_most - SIZE_LEAST);
		l = malloc(n);
		expect(l != NULL);
		memset(l, 1, n);
		l->next = list;
		list = l;
	}
	return list;
}

static void
give(struct link *list)
{
	while (list != NULL) {
		struct link *next = list->next;

		free(list);
		list = next;
	}
}

/* The stack shall not grow while memory is measured. */
static void
touch_stack(void)
{
	char stack[32 * KIB];

	memset(hide(stack), 1, sizeof stack);
}

/* Main reads figures while all threads are at the barrier: between two. */
static void
meet(void)
{
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
}

static void *
burst_and_wait(void *i)
{
	struct random r = { .state = (uintptr_t)i };
	struct link *list;

	touch_stack();
	meet();
	list = take(&r, BURST_BYTES, SIZE_MOST);
	meet();
	give(list);
	atomic_fetch_add(&nwaiting, 1);
	waiting->wait();
	return NULL;
}

struct figures {
	size_t before, peak;
};

static size_t
read_at_barrier(void)
{
	size_t bytes;

	pthread_barrier_wait(&barrier);
	bytes = resident_bytes();
	pthread_barrier_wait(&barrier);
	return bytes;
}

static struct figures
start_burst(void *(*run)(void *))
{
	struct figures f;

	expect(pthread_barrier_init(&barrier, NULL, N_THREADS + 1) == 0);
	crowd_start(threads, N_THREADS, run);
	f.before = read_at_barrier();
	f.peak = read_at_barrier();
	expect(f.peak >= f.before + N_THREADS * BURST_BYTES);
	return f;
}

static long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* At most 3 % of what was there at the peak. */
static void
expect_fall(const struct figures *f)
{
	size_t rise = f->peak - f->before;
	long begin_ms = now_ms();

	expect_for(resident_falls_to(f->before + rise * 3 / 100, PATIENCE_MS),
		   "%zu of %zu MiB are there still",
		   (resident_bytes() - f->before) / MIB, rise / MIB);
	remark("%zu MiB fell to %zu KiB in %ld ms\n", rise / MIB,
	       (resident_bytes() - f->before) / KIB, now_ms() - begin_ms);
}

static void
sleep_ms(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static void
expect_fall_while(const struct waiting *how)
{
	struct figures f;

	waiting = how;
	how->begin();
	f = start_burst(burst_and_wait);
	while (atomic_load(&nwaiting) < N_THREADS)
		sleep_ms(1);
	expect_fall(&f);
	how->wake();
	crowd_join(threads, N_THREADS);
}

static void
nothing(void)
{
}

/* --- futex ------------------------------------------------------------------------- */

static atomic_uint futex_word;

static void
wait_for_futex(void)
{
	while (atomic_load(&futex_word) == 0)
		syscall(SYS_futex, &futex_word, FUTEX_WAIT_PRIVATE, 0, NULL);
}

static void
wake_futex(void)
{
	atomic_store(&futex_word, 1);
	syscall(SYS_futex, &futex_word, FUTEX_WAKE_PRIVATE, N_THREADS);
}

static void
while_its_threads_wait_for_a_futex_a_burst_goes_back(void)
{
	static const struct waiting how = { nothing, wait_for_futex,
					    wake_futex };

	expect_fall_while(&how);
}

/* --- epoll ------------------------------------------------------------------------- */

static int event_fd;

static void
make_event(void)
{
	event_fd = eventfd(0, EFD_CLOEXEC);
	expect(event_fd >= 0);
}

/* Each thread its own loop, as a server's. */
static void
wait_in_epoll(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = epoll_create1(EPOLL_CLOEXEC);

	expect(fd >= 0);
	expect(epoll_ctl(fd, EPOLL_CTL_ADD, event_fd, &event) == 0);
	expect(epoll_wait(fd, &event, 1, -1) == 1);
	close(fd);
}

static void
raise_event(void)
{
	uint64_t one = 1;

	expect(write(event_fd, &one, sizeof one) == sizeof one);
}

static void
while_its_threads_wait_in_epoll_a_burst_goes_back(void)
{
	static const struct waiting how = { make_event, wait_in_epoll,
					    raise_event };

	expect_fall_while(&how);
}

/* --- nanosleep --------------------------------------------------------------------- */

static void
wake_up(int signal)
{
	(void)signal;
}

static void
allow_signals(void)
{
	struct sigaction action = { .sa_handler = wake_up };

	expect(sigaction(SIGUSR1, &action, NULL) == 0);
}

static void
sleep_for_an_hour(void)
{
	const struct timespec hour = { .tv_sec = 3600 };

	expect(nanosleep(&hour, NULL) == -1 && errno == EINTR);
}

static void
send_signals(void)
{
	for (int i = 0; i < N_THREADS; i++)
		expect(pthread_kill(threads[i], SIGUSR1) == 0);
}

static void
while_its_threads_sleep_a_burst_goes_back(void)
{
	static const struct waiting how = { allow_signals, sleep_for_an_hour,
					    send_signals };

	expect_fall_while(&how);
}

/* --- read -------------------------------------------------------------------------- */

static int pipe_fds[2];

static void
make_pipe(void)
{
	expect(pipe(pipe_fds) == 0);
}

static void
read_pipe(void)
{
	char c;

	expect(read(pipe_fds[0], &c, 1) == 0);
}

static void
close_pipe(void)
{
	close(pipe_fds[1]);
}

static void
while_its_threads_read_a_pipe_a_burst_goes_back(void)
{
	static const struct waiting how = { make_pipe, read_pipe, close_pipe };

	expect_fall_while(&how);
}

/* --- other ends of a burst --------------------------------------------------------- */

/* The trim thread is one process's; this one has work all the time. */
static atomic_bool stop;

static void *
allocate_all_the_time(void *unused)
{
	struct random r = { .state = 5 };

	while (!atomic_load_explicit(&stop, memory_order_relaxed))
		give(take(&r, 64 * KIB, SIZE_MOST));
	return unused;
}

static void
while_another_thread_is_busy_a_burst_goes_back(void)
{
	pthread_t busy = crowd_start_one(allocate_all_the_time, NULL);

	while_its_threads_wait_for_a_futex_a_burst_goes_back();
	atomic_store(&stop, true);
	expect(pthread_join(busy, NULL) == 0);
}

static void *
burst_and_end(void *i)
{
	struct random r = { .state = (uintptr_t)i };
	struct link *list;

	touch_stack();
	meet();
	list = take(&r, BURST_BYTES, SIZE_MOST);
	meet();
	give(list);
	return NULL;
}

static void
a_burst_whose_threads_end_goes_back(void)
{
	struct figures f = start_burst(burst_and_end);

	crowd_join(threads, N_THREADS);
	expect_fall(&f);
}

static void *
hand_over_and_wait(void *i)
{
	struct random r = { .state = (uintptr_t)i };

	touch_stack();
	meet();
	lists[(uintptr_t)i] = take(&r, BURST_BYTES, SIZE_MOST);
	meet();
	wait_for_futex();
	return NULL;
}

static void
a_burst_that_another_thread_frees_goes_back(void)
{
	struct figures f = start_burst(hand_over_and_wait);

	for (int i = 0; i < N_THREADS; i++)
		give(lists[i]);
	expect_fall(&f);
	wake_futex();
	crowd_join(threads, N_THREADS);
}

/* --- survivors ----------------------------------------------------------------------- */

#define FRAGMENT_SIZE_MOST ((size_t)2048)
#define FRAGMENT_BYTES     (16 * MIB)
#define N_FRAGMENTERS      8

static atomic_size_t live_bytes;

/* One block in twenty lives on, at random. */
static struct link *
thin_out(struct random *r, struct link *list, size_t *live)
{
	struct link *kept = NULL, *next;

	for (; list != NULL; list = next) {
		next = list->next;
		if (random_below(r, 20) != 0) {
			free(list);
			continue;
		}
		*live += malloc_usable_size(list);
		list->next = kept;
		kept = list;
	}
	return kept;
}

static void *
fragment_and_wait(void *i)
{
	struct random r = { .state = (uintptr_t)i + 1 };
	size_t n, sum = 0, live = 0;
	struct link *list = NULL;

	/* Evenly, not by doublings. */
	for (; sum < FRAGMENT_BYTES; sum += n) {
		struct link *l;

		n = SIZE_LEAST +
		    random_below(&r, FRAGMENT_SIZE_MOST - SIZE_LEAST);
		l = malloc(n);
		expect(l != NULL);
		memset(l, 1, n);
		l->next = list;
		list = l;
	}
	list = thin_out(&r, list, &live);
	atomic_fetch_add(&live_bytes, live);
	atomic_fetch_add(&nwaiting, 1);
	wait_for_futex();
	give(list);
	return NULL;
}

/*
 * A page goes when all of its slots are free. Of blocks of 16 to 2,048 bytes
 * so much stays by arithmetic when a random 95 % die; whole slabs alone would
 * keep 16 times the live bytes.
 */
static void
pages_between_survivors_go_back_while_all_threads_wait(void)
{
	size_t before = resident_bytes(), live;

	crowd_start(threads, N_FRAGMENTERS, fragment_and_wait);
	while (atomic_load(&nwaiting) < N_FRAGMENTERS)
		sleep_ms(1);
	live = atomic_load(&live_bytes);
	expect_for(resident_falls_to(before + live * 38 / 10, PATIENCE_MS),
		   "%zu KiB for %zu live", (resident_bytes() - before) / KIB,
		   live / KIB);
	remark("%zu KiB for %zu live\n", (resident_bytes() - before) / KIB,
	       live / KIB);
	wake_futex();
	crowd_join(threads, N_FRAGMENTERS);
	expect_for(resident_falls_to(before + 2 * MIB, PATIENCE_MS), "%zu KiB",
		   (resident_bytes() - before) / KIB);
}

int
main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(while_its_threads_wait_for_a_futex_a_burst_goes_back),
		CASE(while_its_threads_wait_in_epoll_a_burst_goes_back),
		CASE(while_its_threads_sleep_a_burst_goes_back),
		CASE(while_its_threads_read_a_pipe_a_burst_goes_back),
		CASE(while_another_thread_is_busy_a_burst_goes_back),
		CASE(a_burst_whose_threads_end_goes_back),
		CASE(a_burst_that_another_thread_frees_goes_back),
		CASE(pages_between_survivors_go_back_while_all_threads_wait),
	};

	return RUN_CASES(argc, argv, cases);
}

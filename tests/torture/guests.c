/*
 * guests.c -- see round.h: those who look, trim, set, make and ask while others
 * allocate.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "process/case.h"
#include "process/crowd.h"
#include "process/made.h"
#include "round.h"

/* Now and then, so that others come to something. */
static void
breathe(struct random *r)
{
	struct timespec t = { .tv_nsec = (long)random_below(r, 300000) };

	if (random_below(r, 8) == 0)
		nanosleep(&t, NULL);
	else
		sched_yield();
}

/* --- trimmers ------------------------------------------------------------------- */

static void *
trim(void *seed)
{
	struct random r = { (uintptr_t)seed };

	while (!is_phase_over()) {
		malloc_trim(0);
		breathe(&r);
	}
	return NULL;
}

static void *
tick(void *seed)
{
	struct random r = { (uintptr_t)seed };

	while (!is_phase_over()) {
		expect(ctl("trimalloc.tick", NULL, NULL, NULL, 0) == 0);
		breathe(&r);
	}
	return NULL;
}

/* --- readers --------------------------------------------------------------------- */

static int (*by_mib)(const size_t *, size_t, void *, size_t *, void *, size_t);
static int (*to_mib)(const char *, size_t *, size_t *);

/* By its name, and by the numbers that its name stands for. */
static void
read_name(const char *name)
{
	uint64_t value = 1;
	size_t mib[8], depth = 8, len = sizeof value;

	expect_for(ctl(name, &value, &len, NULL, 0) == 0, "%s", name);
	expect_for(to_mib(name, mib, &depth) == 0, "%s", name);
	len = sizeof value;
	expect_for(by_mib(mib, depth, &value, &len, NULL, 0) == 0, "%s", name);
	expect(ctl("epoch", NULL, NULL, &value, sizeof value) == 0);
}

static void
read_names(void)
{
	static const char *const names[] = {
		"trimalloc.stats.allocated",
		"trimalloc.stats.cached",
		"trimalloc.stats.dirty",
		"trimalloc.stats.metadata",
		"trimalloc.stats.resident",
		"trimalloc.stats.unaccounted",
		"trimalloc.stats.class.3.live",
		"stats.allocated",
		"stats.arenas.0.small.allocated",
		"stats.arenas.0.pactive",
		"stats.arenas.4096.large.allocated",
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		read_name(names[i]);
}

static void
read_info(void)
{
	static _Thread_local char text[1 << 10];
	FILE *f = fmemopen(text, sizeof text, "w");

	/* What does not fit is lost, and the stream says so. */
	expect(f != NULL);
	malloc_info(0, f);
	fclose(f);
}

static void
expect_no_negative(size_t n)
{
	expect_for(n < (size_t)1 << 47, "%zu", n);
}

static void
read_mallinfo(void)
{
	struct mallinfo2 m = mallinfo2();

	expect_no_negative(m.arena);
	expect_no_negative(m.uordblks);
	expect_no_negative(m.fordblks);
	expect_no_negative(m.keepcost);
}

static void *
look(void *seed)
{
	struct random r = { (uintptr_t)seed };

	while (!is_phase_over()) {
		switch (random_below(&r, 3)) {
		case 0:
			read_names();
			break;
		case 1:
			read_info();
			break;
		default:
			read_mallinfo();
		}
		breathe(&r);
	}
	return NULL;
}

/* --- setters ----------------------------------------------------------------------- */

static void *
set(void *seed)
{
	static const ssize_t decays[] = { -1, 0, 1, 4, 20, 1000 };
	struct random r = { (uintptr_t)seed };

	while (!is_phase_over()) {
		ssize_t decay = decays[random_below(&r, 6)];
		bool is_on = random_below(&r, 4) != 0;

		if (random_below(&r, 2) == 0)
			expect(ctl("arenas.dirty_decay_ms", NULL, NULL, &decay,
				   sizeof decay) == 0);
		else
			expect(ctl("background_thread", NULL, NULL, &is_on,
				   sizeof is_on) == 0);
		breathe(&r);
		usleep((useconds_t)random_below(&r, 20000));
	}
	return NULL;
}

/* --- makers --------------------------------------------------------------------------- */

#define MADE_BLOCKS 60

struct made {
	unsigned char *p;
	size_t n;
};

static void
made_alloc(struct random *r, struct made *m, int flags)
{
	m->n = 1 + random_size(r, random_below(r, 10) == 0 ? 3 * MIB : 20000);
	m->p = x.mallocx(m->n, flags);
	expect_for(m->p != NULL, "%zu", m->n);
	pattern_fill(m->p, m->n, m->n);
}

static void
made_check(const struct made *m)
{
	expect(pattern_check(m->p, m->n, m->n) == m->n);
}

/* Fills it, frees some, and has the rest freed with all. */
static void
live_in(struct random *r, unsigned arena, int cache)
{
	int flags = X_ARENA(arena) | cache;
	struct made m[MADE_BLOCKS];

	for (size_t i = 0; i < MADE_BLOCKS; i++)
		made_alloc(r, &m[i], flags);
	for (size_t i = 0; i < MADE_BLOCKS; i++) {
		made_check(&m[i]);
		if (random_below(r, 2) == 0)
			x.dallocx(m[i].p, cache);
	}
	if (random_below(r, 2) == 0)
		expect(arena_do("arena.%u.purge", arena) == 0);
	expect(arena_do("arena.%u.reset", arena) == 0);
}

/* There are 64 arenas: others may have them all. */
static bool
try_make(unsigned *arena)
{
	size_t len = sizeof *arena;
	int error = ctl("arenas.create", arena, &len, NULL, 0);

	expect_for(error == 0 || error == EAGAIN, "%d", error);
	return error == 0;
}

static void *
make(void *seed)
{
	struct random r = { (uintptr_t)seed };

	while (!is_phase_over()) {
		unsigned arena, cache = make_cache();

		if (try_make(&arena)) {
			live_in(&r, arena, X_TCACHE(cache));
			live_in(&r, arena, X_NONE);
			end_arena(arena);
		}
		end_cache(cache);
		breathe(&r);
	}
	return NULL;
}

/* --- births ------------------------------------------------------------------------------ */

static pthread_key_t key;

/* Behind the library's own destructor too: in every round of them. */
static void
destroy(void *value)
{
	uintptr_t left = (uintptr_t)value;

	free(malloc(1 + left * 1000));
	if (left > 1)
		pthread_setspecific(key, (void *)(left - 1));
}

static void
free_it(void *p)
{
	free(p);
}

static void *
live_shortly(void *seed)
{
	void *p = malloc(1000);

	pthread_setspecific(key, (void *)4);
	pthread_cleanup_push(free_it, p);
	live_a_life((uintptr_t)seed, 40);
	pthread_testcancel();
	pthread_cleanup_pop(1);
	return NULL;
}

static pthread_t
be_born(struct random *r)
{
	size_t least = (size_t)sysconf(_SC_THREAD_STACK_MIN);
	pthread_attr_t attr;
	pthread_t t;

	expect(pthread_attr_init(&attr) == 0);
	expect(pthread_attr_setstacksize(&attr, least + random_below(r, 3) *
								16 * KIB) == 0);
	expect(pthread_create(&t, &attr, live_shortly,
			      (void *)(uintptr_t)random_next(r)) == 0);
	pthread_attr_destroy(&attr);
	return t;
}

static void *
bear(void *seed)
{
	struct random r = { (uintptr_t)seed };
	pthread_t t[8];

	while (!is_phase_over()) {
		for (size_t i = 0; i < 8; i++)
			t[i] = be_born(&r);
		for (size_t i = 0; i < 8; i++) {
			if (random_below(&r, 3) == 0)
				pthread_cancel(t[i]);
			expect(pthread_join(t[i], NULL) == 0);
		}
		breathe(&r);
	}
	return NULL;
}

/* --- clients of the control socket ------------------------------------------------------- */

static int
reach(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 60 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	expect(fd >= 0 && strlen(path) < sizeof a.sun_path);
	strcpy(a.sun_path, path);
	expect(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
			  sizeof patience) == 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	/* Not yet, or not now: the trim thread may be forbidden. */
	close(fd);
	return -1;
}

/* An answer begins so, wherever it ends; none where the server closed. */
static void
expect_answer(const char *text, ssize_t n, const char *line)
{
	if (n <= 0) {
		expect_for(n == 0 || errno != EAGAIN, "no answer to %s", line);
		return;
	}
	expect_for(strncmp(text, "ok ", n < 3 ? (size_t)n : 3) == 0 ||
			   strncmp(text, "error ", n < 6 ? (size_t)n : 6) == 0,
		   "%.40s", text);
}

static void
ask(const char *path, const char *line, bool leaves_early)
{
	char text[4097] = "";
	int fd = reach(path);
	ssize_t n;

	if (fd < 0)
		return;
	if (send(fd, line, strlen(line), MSG_NOSIGNAL) > 0 && !leaves_early) {
		do
			n = recv(fd, text, sizeof text - 1, 0);
		while (n < 0 && errno == EINTR);
		expect_answer(text, n, line);
	}
	close(fd);
}

static void *
ask_for_all(void *seed)
{
	static const char *const lines[] = {
		"hello\n",        "stats text\n",
		"stats json\n",   "stats xml\n",
		"trim\n",         "stats jemalloc\n",
		"list\n",         "get trimalloc.stats.cached\n",
		"options\n",      "call trimalloc.tick\n",
		"dump\n",         "set arenas.dirty_decay_ms=3\n",
		"no such word\n", "\n",
		"half a li",
	};
	const char *path = getenv(CONTROL_VARIABLE);
	struct random r = { (uintptr_t)seed };

	while (path != NULL && !is_phase_over()) {
		const char *line =
			lines[random_below(&r, sizeof lines / sizeof lines[0])];

		ask(path, line,
		    strchr(line, '\n') == NULL || random_below(&r, 8) == 0);
		breathe(&r);
	}
	return NULL;
}

/* --- all of them ----------------------------------------------------------------------------- */

static void *(*const guests_all[])(void *) = {
	trim,
	tick,
	look,
	set,
	make,
	bear,
	ask_for_all,
	signals_guest,
	offspring_guest,
	offspring_guest,
};

static void *
end_by_exit(void *unused)
{
	pthread_exit(unused);
}

/*
 * The C library loads libgcc_s with the first thread that is cancelled or ends
 * by pthread_exit, and a child of a fork in the middle of that has it by half:
 * where one of the child's threads ends so, libgcc finds no tables of its own
 * and aborts without a word. That is so on any malloc: before the first fork.
 */
static void
load_the_unwinder(void)
{
	expect(pthread_join(crowd_start_one(end_by_exit, NULL), NULL) == 0);
}

void
guests_load(void)
{
	load_the_unwinder();
	made_load();
	*(void **)(void *)&by_mib = library_function("mallctlbymib");
	*(void **)(void *)&to_mib = library_function("mallctlnametomib");
	expect(pthread_key_create(&key, destroy) == 0);
}

size_t
guests_start(pthread_t guests[GUESTS_MAX], struct random *r)
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof guests_all / sizeof guests_all[0]; i++) {
		if (random_below(r, 3) == 0)
			continue;
		guests[n++] = crowd_start_one(
			guests_all[i], (void *)(uintptr_t)random_next(r));
	}
	return n;
}

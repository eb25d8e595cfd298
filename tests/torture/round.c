/*
 * round.c -- see round.h: phases, and what holds at the rest points.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "process/case.h"
#include "process/crowd.h"
#include "process/made.h"
#include "process/stopping.h"
#include "round.h"

#define NPHASES 3
/* What libc and the threads that come and go keep of their own. */
#define NOISE MIB
/* A tick may be under way when the sums are taken; not each time. */
#define LOOKS 2000

struct round the_round;
atomic_bool is_over;

/* --- rest points ------------------------------------------------------------------ */

struct sums {
	size_t allocated, cached, quarantined, shelved, slab_free, slab_away;
	size_t active;
	size_t dirty, mapped;
};

static size_t
figure(const char *name)
{
	char full[64] = "trimalloc.stats.";
	size_t n, len = sizeof n;

	strcat(full, name);
	expect_for(ctl(full, &n, &len, NULL, 0) == 0, "%s", full);
	expect_for(n < (size_t)1 << 47, "%s is %zu", full, n);
	return n;
}

/* One snapshot. */
static void
take_sums(struct sums *s)
{
	uint64_t epoch = 1;

	expect(ctl("epoch", NULL, NULL, &epoch, sizeof epoch) == 0);
	s->allocated = figure("allocated");
	s->cached = figure("cached");
	s->quarantined = figure("quarantined");
	s->shelved = figure("shelved");
	s->slab_free = figure("slab_free");
	s->slab_away = figure("slab_away");
	s->active = figure("active");
	s->dirty = figure("dirty");
	s->mapped = figure("mapped");
}

static bool
adds_up(const struct sums *s, size_t live)
{
	if (s->active != s->allocated + s->cached + s->quarantined +
				 s->shelved + s->slab_free + s->slab_away ||
	    s->mapped < s->active + s->dirty)
		return false;
	/* Guarded ones lie elsewhere, freed ones may wait in the quarantine. */
	return !the_round.is_plain ||
	       (s->allocated >= live && s->allocated <= live + NOISE);
}

static void
expect_adds_up(size_t live)
{
	struct sums s;

	for (int i = 0; i < LOOKS; i++) {
		take_sums(&s);
		if (adds_up(&s, live))
			return;
		usleep(1000);
	}
	expect_for(adds_up(&s, live),
		   "live %zu: allocated %zu cached %zu shelved %zu free %zu "
		   "away %zu active %zu dirty %zu mapped %zu",
		   live, s.allocated, s.cached, s.shelved, s.slab_free,
		   s.slab_away, s.active, s.dirty, s.mapped);
}

/* Blocks of the phases to come, whole. */
static size_t
check_contents(void)
{
	size_t live = shelf_check();

	for (size_t i = 0; i < the_round.nworkers; i++)
		live += holder_check(&the_round.holders[i]);
	return live;
}

static void
rest(size_t base)
{
	expect_adds_up(base + check_contents());
	malloc_trim(0);
	expect_adds_up(base + check_contents());
}

/* --- phases ------------------------------------------------------------------------- */

static void *
work(void *i)
{
	struct holder *h = &the_round.holders[(uintptr_t)i];

	while (!is_phase_over())
		holder_step(h);
	return NULL;
}

static void
sleep_until_over(unsigned ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	/* Signals end it early. */
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
		;
}

static void
run_phase(unsigned ms)
{
	struct round *o = &the_round;
	pthread_t guests[GUESTS_MAX];
	size_t nguests;

	atomic_store(&is_over, false);
	crowd_start(o->workers, o->nworkers, work);
	signals_begin(&o->random);
	nguests = guests_start(guests, &o->random);
	sleep_until_over(ms);
	atomic_store(&is_over, true);
	/* The guests first: they know the workers. */
	crowd_join(guests, nguests);
	crowd_join(o->workers, o->nworkers);
	signals_end();
}

static void
begin(uint64_t seed)
{
	struct round *o = &the_round;
	const char *live = getenv(LIVE_VARIABLE);
	const char *plain = getenv(PLAIN_VARIABLE);

	o->random.state = o->seed = seed;
	o->is_plain = plain == NULL || strcmp(plain, "yes") == 0;
	o->nworkers = 1 + random_below(&o->random, WORKERS_MAX);
	shadows_begin(live != NULL ? strtoull(live, NULL, 10) : 64 * MIB);
	made_load();
	guests_load();
	offspring_load();
	o->holders = calloc(o->nworkers, sizeof *o->holders);
	expect(o->holders != NULL);
	for (size_t i = 0; i < o->nworkers; i++)
		o->holders[i].random.state = random_next(&o->random);
}

int
round_run(uint64_t seed, unsigned ms)
{
	struct round *o = &the_round;
	uint64_t nops = 0;
	struct sums s;

	begin(seed);
	shadows_make();
	take_sums(&s);
	stopping_begin(STOP_EITHER, SIZE_MAX);
	for (unsigned i = 0; i < NPHASES; i++) {
		run_phase(ms / NPHASES);
		rest(s.allocated);
	}
	stopping_end();
	for (size_t i = 0; i < o->nworkers; i++) {
		holder_free(&o->holders[i]);
		nops += o->holders[i].nops;
	}
	shelf_free();
	expect_adds_up(s.allocated);
	shadows_unmake();
	remark("%zu workers, %llu operations\n", o->nworkers,
	       (unsigned long long)nops);
	return 0;
}

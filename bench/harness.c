/*
 * harness.c -- the harness's own memory, sizes and teams of threads.
 *
 * Above   every bench/<question>.c
 * Always  asks the allocator under test for nothing; what pthread_create()
 *         needs of it is outside the timed region
 */
#include "bench.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>

void
bench_die(const char *sentence)
{
	fprintf(stderr, "bench: %s\n", sentence);
	exit(2);
}

void *
bench_map(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		bench_die("no memory for the harness");
	return memory;
}

void
bench_unmap(void *memory, size_t bytes)
{
	munmap(memory, bytes);
}

uint32_t *
bench_sizes_map(size_t min, size_t max, unsigned int seed)
{
	uint32_t *sizes = bench_map(BENCH_NSIZES * sizeof(*sizes));
	struct bench_random random = bench_random_init(seed);
	double ratio = (double)max / (double)min;

	for (uint32_t i = 0; i < BENCH_NSIZES; i++) {
		double part = (double)i / (BENCH_NSIZES - 1);

		sizes[i] = (uint32_t)((double)min * pow(ratio, part) + 0.5);
	}
	for (uint32_t i = BENCH_NSIZES - 1; i > 0; i--) {
		uint32_t other = bench_random_below(&random, i + 1);
		uint32_t size = sizes[i];

		sizes[i] = sizes[other];
		sizes[other] = size;
	}
	return sizes;
}

void
bench_sizes_unmap(uint32_t *sizes)
{
	bench_unmap(sizes, BENCH_NSIZES * sizeof(*sizes));
}

struct bench_member {
	struct bench_team *team;
	unsigned int index;
	pthread_t thread;
};

/*
 * round counts the calls of bench_team_run(); a member works once per round.
 * nbusy falls to 0 when the last member of the round is done.
 */
struct bench_team {
	pthread_mutex_t lock; /* guards round, nbusy, iterations, stopping */
	pthread_cond_t go, done;
	uint64_t round, iterations;
	unsigned int nthreads, nbusy;
	int stopping;
	bench_work_fn *work;
	void *arg;
	struct bench_member members[];
};

static size_t
team_bytes(unsigned int nthreads)
{
	return sizeof(struct bench_team) +
	       nthreads * sizeof(struct bench_member);
}

/* Waits for the round after `round`; returns 0 when the team is dissolved. */
static uint64_t
team_await_round(struct bench_team *team, uint64_t round, uint64_t *iterations)
{
	uint64_t next = 0;

	pthread_mutex_lock(&team->lock);
	while (team->round == round && !team->stopping)
		pthread_cond_wait(&team->go, &team->lock);
	if (!team->stopping)
		next = team->round;
	*iterations = team->iterations;
	pthread_mutex_unlock(&team->lock);
	return next;
}

static void
team_finish_round(struct bench_team *team)
{
	pthread_mutex_lock(&team->lock);
	if (--team->nbusy == 0)
		pthread_cond_signal(&team->done);
	pthread_mutex_unlock(&team->lock);
}

static void *
team_member(void *arg)
{
	struct bench_member *member = arg;
	struct bench_team *team = member->team;
	uint64_t round = 0, iterations;

	for (;;) {
		round = team_await_round(team, round, &iterations);
		if (round == 0)
			return NULL;
		team->work(team->arg, member->index, iterations);
		team_finish_round(team);
	}
}

struct bench_team *
bench_team_start(unsigned int nthreads, bench_work_fn *work, void *arg)
{
	struct bench_team *team = bench_map(team_bytes(nthreads));

	pthread_mutex_init(&team->lock, NULL);
	pthread_cond_init(&team->go, NULL);
	pthread_cond_init(&team->done, NULL);
	team->nthreads = nthreads;
	team->work = work;
	team->arg = arg;
	for (unsigned int i = 0; i < nthreads; i++) {
		struct bench_member *member = &team->members[i];

		member->team = team;
		member->index = i;
		if (pthread_create(&member->thread, NULL, team_member, member))
			bench_die("a thread could not be started");
	}
	return team;
}

void
bench_team_run(struct bench_team *team, uint64_t iterations)
{
	uint64_t share = iterations / team->nthreads;

	pthread_mutex_lock(&team->lock);
	team->iterations = share ? share : 1;
	team->nbusy = team->nthreads;
	team->round++;
	pthread_cond_broadcast(&team->go);
	while (team->nbusy > 0)
		pthread_cond_wait(&team->done, &team->lock);
	pthread_mutex_unlock(&team->lock);
}

void
bench_team_stop(struct bench_team *team)
{
	pthread_mutex_lock(&team->lock);
	team->stopping = 1;
	pthread_cond_broadcast(&team->go);
	pthread_mutex_unlock(&team->lock);
	for (unsigned int i = 0; i < team->nthreads; i++)
		pthread_join(team->members[i].thread, NULL);
	bench_unmap(team, team_bytes(team->nthreads));
}

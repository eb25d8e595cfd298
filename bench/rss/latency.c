/*
 * latency.c -- how long does a single malloc or free take, at worst?
 *
 * Threads go in cycles that do not coincide: for a while each replaces a few
 * blocks every millisecond, then it allocates a lot at once and frees it, then
 * it sleeps. So at any time some work while the memory and the caches of others
 * are given back. Each call is timed by itself; the first cycle is not counted.
 *
 *   --threads N --cycle N   the threads, and the milliseconds of a cycle
 *   --cycles N              how many are counted
 *   --bytes N               what a burst asks for
 *
 * Marks: start, result with the percentiles of malloc, free and use (malloc and
 * the first write to each page), end.
 */
#include "scenario.h"

#include "histogram.h"

enum {
	LEAST_BYTES = 16,
	MOST_BYTES = 32 * 1024,
	MEAN_BYTES_ABOVE = 2000,
	NSLOTS = 512,        /* of the set that is replaced */
	NREPLACEMENTS = 64,  /* each millisecond */
	STEADY_PERCENT = 60, /* of a cycle */
	MS = 1000000,
};

/* One thread. */
struct worker {
	void *slots[NSLOTS];
	void **burst;
	struct bench_random random;
	bool is_counting;
	struct histogram mallocs, frees, uses;
};

struct latency {
	unsigned int nthreads;
	uint64_t ncycles, cycle_ns;
	uint64_t burst_bytes;
	size_t nburst_max;
	uint32_t *sizes;
	struct worker *workers;
	struct work work;
};

static uint32_t
worker_size(const struct latency *all, struct worker *worker)
{
	return all->sizes[bench_random_below(&worker->random, BENCH_NSIZES)];
}

static void *
worker_malloc(struct worker *worker, uint32_t size)
{
	uint64_t start = ticks_now(), returned;
	void *block = malloc(size);

	returned = ticks_now();
	stamp_write(block, size);
	if (worker->is_counting) {
		histogram_add(&worker->uses, ticks_now() - start);
		histogram_add(&worker->mallocs, returned - start);
	}
	return block;
}

static void
worker_free(struct worker *worker, void *block)
{
	uint64_t start;

	stamp_check(block);
	start = ticks_now();
	free(block);
	if (worker->is_counting)
		histogram_add(&worker->frees, ticks_now() - start);
}

static void
worker_replace(const struct latency *all, struct worker *worker)
{
	void **slot =
		&worker->slots[bench_random_below(&worker->random, NSLOTS)];

	if (*slot)
		worker_free(worker, *slot);
	*slot = worker_malloc(worker, worker_size(all, worker));
}

static void
worker_burst(const struct latency *all, struct worker *worker)
{
	uint64_t asked = 0;
	size_t nblocks = 0;

	while (asked < all->burst_bytes && nblocks < all->nburst_max) {
		uint32_t size = worker_size(all, worker);

		worker->burst[nblocks++] = worker_malloc(worker, size);
		asked += size;
	}
	while (nblocks > 0)
		worker_free(worker, worker->burst[--nblocks]);
}

static void
worker_cycle(const struct latency *all, struct worker *worker,
	     uint64_t begin_ns)
{
	uint64_t end_ns = begin_ns + all->cycle_ns * STEADY_PERCENT / 100;

	for (uint64_t at = begin_ns; at < end_ns; at += MS) {
		sleep_until(at);
		for (int i = 0; i < NREPLACEMENTS; i++)
			worker_replace(all, worker);
	}
	worker_burst(all, worker);
}

static void
latency_work(void *arg, unsigned int index, uint64_t ncycles)
{
	struct latency *all = arg;
	struct worker *worker = &all->workers[index];
	uint64_t begin_ns = now_ns() + all->cycle_ns * index / all->nthreads;

	for (uint64_t i = 0; i < ncycles; i++) {
		worker->is_counting = i > 0;
		worker_cycle(all, worker, begin_ns);
		begin_ns += all->cycle_ns;
	}
	sleep_until(begin_ns);
}

static void
latency_init(struct latency *all)
{
	size_t bytes;
	char *bursts;

	all->nburst_max = all->burst_bytes / MEAN_BYTES_ABOVE + 1;
	bytes = all->nburst_max * sizeof(void *);
	all->sizes = bench_sizes_map(LEAST_BYTES, MOST_BYTES, 1);
	all->workers = map_resident(all->nthreads * sizeof(struct worker));
	bursts = map_resident(all->nthreads * bytes);
	for (unsigned int i = 0; i < all->nthreads; i++) {
		all->workers[i].burst = (void **)(bursts + i * bytes);
		all->workers[i].random = bench_random_init(i);
	}
}

static void
latency_report(const struct latency *all, double ns_per_tick)
{
	static struct histogram mallocs, frees, uses;
	struct mark mark = mark_begin("result");

	for (unsigned int i = 0; i < all->nthreads; i++) {
		histogram_merge(&mallocs, &all->workers[i].mallocs);
		histogram_merge(&frees, &all->workers[i].frees);
		histogram_merge(&uses, &all->workers[i].uses);
	}
	histogram_report(&mallocs, &mark, "malloc", ns_per_tick);
	histogram_report(&frees, &mark, "free", ns_per_tick);
	histogram_report(&uses, &mark, "use", ns_per_tick);
	mark_number(&mark, "calls", mallocs.ncounts + frees.ncounts);
	mark_end(&mark);
}

static void
latency_run(struct latency *all)
{
	struct ticks_scale scale;
	struct bench_team *team;

	team = bench_team_start(all->nthreads, latency_work, all);
	mark_start();
	ticks_scale_begin(&scale);
	work_run(&all->work, team, all->nthreads, 1 + all->ncycles);
	latency_report(all, ticks_scale_ns(&scale));
}

enum { THREADS, BYTES, CYCLE, CYCLES, NOPTIONS };

int
main(int argc, char **argv)
{
	struct option options[NOPTIONS] = {
		[THREADS] = { "--threads", 8 },
		[BYTES] = { "--bytes", 8000000 },
		[CYCLE] = { "--cycle", 1500 },
		[CYCLES] = { "--cycles", 12 },
	};
	struct latency all = { 0 };

	options_parse(options, NOPTIONS, argc, argv);
	all.nthreads = (unsigned int)options[THREADS].value;
	all.burst_bytes = (uint64_t)options[BYTES].value;
	all.cycle_ns = (uint64_t)options[CYCLE].value * MS;
	all.ncycles = (uint64_t)options[CYCLES].value;
	latency_init(&all);
	latency_run(&all);
	await_leave();
	return 0;
}
